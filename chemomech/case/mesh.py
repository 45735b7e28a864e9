"""What the mesh of a case must be, known without gmsh and without reading its cells."""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from chemomech.case.schema import Cell, Mesh
from chemomech.case.sections import Sections
from chemomech.case.wording import Location, nearest
from chemomech.errors import InputError, Problem

MAXIMUM_HEADER: Final = 1_000_000
"""Bytes of a .msh file in which its physical names are looked for."""


def mesh_problems(sections: Sections) -> Iterator[Problem]:
    """The mesh must exist, be a sound recipe where it is one, and have the names the case uses."""
    mesh: Mesh | None = sections.valid.get("mesh")
    if mesh is None:
        return
    here: Location = ("mesh", "recipe") if isinstance(sections.data.get("mesh"), dict) else ("mesh",)
    path = sections.directory / mesh.recipe
    if not os.path.isfile(path):  # unlike Path.is_file, false also for a name no file can have
        there = [each.name for each in path.parent.iterdir()] if os.path.isdir(path.parent) else []
        remedy = nearest(path.name, there) if there else f"there is no folder '{path.parent}'"
        yield sections.problem(here, f"there is no file '{mesh.recipe}'", remedy)
        return
    try:
        regions, boundaries, coordinates = mesh_names(
            path, mesh.replaced, lambda keys: sections.place(("mesh", *keys))
        )
    except InputError as error:
        yield from error.problems
        return
    yield from _mesh_names_used(sections, regions, boundaries)
    cell: Cell | None = sections.valid.get("cell")
    if cell is not None and cell.depth is not None and coordinates not in ("", "plane strain"):
        yield sections.problem(
            ("cell", "depth"), f"a mesh in {coordinates} has no depth to choose", "remove 'depth'"
        )
    mechanics = sections.valid.get("mechanics")
    if mechanics is not None and mechanics.out_of_plane == "free" and coordinates not in ("", "plane strain"):
        yield sections.problem(
            ("mechanics", "out_of_plane"), f"a mesh in {coordinates} has no out-of-plane strain", "remove it"
        )
    if mechanics is not None and mechanics.lattice_velocity is not None and coordinates:
        needed, given = (3 if coordinates == "3D" else 2), len(mechanics.lattice_velocity)
        if given != needed:
            what = f"{given} speeds in a mesh of {needed} dimensions"
            yield sections.problem(("mechanics", "lattice_velocity"), what, f"give {needed}")


def _mesh_names_used(
    sections: Sections, regions: tuple[str, ...], boundaries: tuple[str, ...]
) -> Iterator[Problem]:
    if regions:
        for name in sections.region_names:
            if name not in regions:
                yield sections.problem(
                    ("regions", name), f"the mesh has no region '{name}'", nearest(name, regions)
                )
        for name in regions:
            if name not in sections.region_names and sections.region_names:
                what = f"region '{name}' of the mesh is not described"
                yield sections.problem(("regions",), what, f"add {name} = {{ material = ..., role = ... }}")
    used: list[tuple[Location, str]] = []
    cell: Cell | None = sections.valid.get("cell")
    if cell is not None:
        if cell.collector is not None and cell.collector.boundary is not None:
            used.append((("cell", "current_collector"), cell.collector.boundary))
        if cell.working_electrode is not None:
            used.append((("cell", "working_electrode", "at"), cell.working_electrode.at))
        used.append((("cell", "counter_electrode", "at"), cell.counter_electrode.at))
    mechanics, pressure = sections.valid.get("mechanics"), sections.valid.get("pressure")
    if mechanics is not None:
        used += [(("mechanics", "free", at), name) for at, name in enumerate(mechanics.free)]
    if pressure is not None:
        used.append((("pressure", "at"), pressure.at))
    for key, name in used if boundaries else ():
        if name not in boundaries:
            yield sections.problem(key, f"the mesh has no boundary '{name}'", nearest(name, boundaries))


def mesh_names(
    path: Path, replaced: Mapping[str, Any], place: Callable[[Location], str]
) -> tuple[tuple[str, ...], tuple[str, ...], str]:
    """Return regions, boundaries and coordinates of a mesh; empty where only reading all of it would tell.

    `replaced` are keys of the recipe that are given elsewhere, `place` says where.
    """
    if path.suffix == ".toml":
        from chemomech.geometry.recipe import read_recipe

        recipe = read_recipe(path, replaced, place)
        return tuple(recipe.regions), tuple(recipe.boundaries), recipe.coordinates
    if replaced:
        key = next(iter(replaced))
        what = f"'{path.name}' is a mesh, which has no key '{key}' to change"
        raise InputError(Problem(place((key,)), what, "only a recipe (.toml) can be changed"))
    if path.suffix != ".msh":
        return (), (), ""
    return *_physical_names(path), ""


def _physical_names(path: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names of the highest dimension and of the one below in the text header of a .msh file."""
    try:
        with path.open("rb") as stream:
            head = stream.read(MAXIMUM_HEADER).decode("utf-8", errors="replace")
    except OSError as error:
        raise InputError(
            Problem(str(path), f"cannot be read ({error.strerror})", "check its permissions")
        ) from None
    block = re.search(r"\$PhysicalNames\s+\d+\s*\n(.*?)\$EndPhysicalNames", head, re.DOTALL)
    found = re.findall(r'^\s*(\d)\s+\d+\s+"([^"\n]*)"', block[1], re.MULTILINE) if block else []
    if not found:
        remedy = (
            "give physical groups to the regions and boundaries in Gmsh, or use a recipe of kind external"
        )
        raise InputError(Problem(str(path), "the mesh names no region ($PhysicalNames)", remedy))
    top = max(int(dimension) for dimension, _ in found)
    return (
        tuple(name for dimension, name in found if int(dimension) == top),
        tuple(name for dimension, name in found if int(dimension) == top - 1),
    )
