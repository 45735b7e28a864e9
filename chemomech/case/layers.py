"""Layers and side reactions at the interfaces of a case: what they need of their materials and of each other."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from chemomech.case.schema import (
    Additive,
    Case,
    Cell,
    Coating,
    Interdiffusion,
    Interface,
    Interphase,
    Mesh,
    SideReaction,
)
from chemomech.case.sections import Sections
from chemomech.case.wording import Location
from chemomech.errors import InputError, Problem
from chemomech.geometry.recipe import contents, read_recipe
from chemomech.materials.material import Material, load_material
from chemomech.materials.properties import DECOMPOSITION, GROWTH, KINDS, SIDE_REACTION

FACTOR = "growth_factor"

type Given = Interphase | Interdiffusion | Coating | SideReaction


def layer_material(given: Given, directories: Sequence[Path]) -> Material:
    """Return the material of a layer with the properties that the case replaces; InputError."""
    material = load_material(given.material, directories)
    replaced = {} if isinstance(given, Coating) else given.properties
    return material.with_properties(replaced) if replaced else material


def growth_factor(given: Coating | Additive, directories: Sequence[Path], temperature: float) -> float:
    """Return the factor that a coating or an additive puts on growth [-]; InputError where nobody says it."""
    if given.growth is not None:
        return given.growth
    assert given.material is not None  # the schema sees to it
    return load_material(given.material, directories).number(FACTOR, temperature)


def layer_materials(case: Case) -> list[Material]:
    """Return the materials of all layers, additives and side reactions of a case that was checked."""
    directories = case.material_directories
    cell: Cell | None = case.cell  # None where effective properties are all that is asked for
    electrodes = () if cell is None else (cell.counter_electrode, cell.working_electrode)
    films = [film for one in case.interfaces.values() for film in (one.coating, one.interdiffusion)]
    interphases = [one.interphase for one in case.interfaces.values()]
    interphases += [one.interphase for one in electrodes if one is not None]
    additives = [one.additive.material for one in interphases if one is not None and one.additive is not None]
    reactions = [one for interface in case.interfaces.values() for one in interface.side_reactions.values()]
    if cell is not None and cell.working_electrode is not None:
        reactions += cell.working_electrode.side_reactions.values()
        films.append(cell.working_electrode.coating)
    return [
        *(layer_material(one, directories) for one in (*films, *interphases, *reactions) if one is not None),
        *(load_material(name, directories) for name in additives if name is not None),
    ]


def layer_problems(sections: Sections) -> Iterator[Problem]:
    """Yield what is wrong with the layers of all interfaces."""
    interfaces: Mapping[str, Interface] = sections.valid.get("interfaces") or {}
    for key, interface in interfaces.items():
        here: Location = ("interfaces", key)
        layers = {
            "coating": interface.coating,
            "interphase": interface.interphase,
            "interdiffusion": interface.interdiffusion,
        }
        present = [word for word, layer in layers.items() if layer is not None]
        if interface.charge_transfer is None:
            for word in present:
                what = "lies in series with charge transfer, of which this interface has none"
                yield sections.problem((*here, word), what, f"add charge_transfer, or remove '{word}'")
        if interface.coating is not None:
            grows = bool(interface.interphase or interface.interdiffusion or interface.side_reactions)
            yield from _coating(sections, (*here, "coating"), interface.coating, grows)
            yield from _room(sections, (*here, "coating", "thickness"), interface.coating.thickness)
        if interface.interphase is not None:
            yield from _interphase(sections, (*here, "interphase"), interface.interphase)
        if interface.interdiffusion is not None:
            place: Location = (*here, "interdiffusion")
            yield from _material(sections, place, interface.interdiffusion, GROWTH["interdiffusion"], ())
        yield from _side_reactions(sections, here, interface.side_reactions)
        names = [part.strip() for part in key.split("|")]
        roles = {sections.regions[name].role for name in names if name in sections.regions}
        meets = "electrolyte" in roles and roles & {"active", "conductor"}
        if interface.side_reactions and set(names) <= sections.regions.keys() and not meets:
            what = "no electrolyte touches an active or a conductor region here, so nothing decomposes"
            yield sections.problem((*here, "side_reactions"), what, "remove 'side_reactions'")
    cell: Cell | None = sections.valid.get("cell")
    if cell is None:
        return
    if cell.working_electrode is not None:
        there: Location = ("cell", "working_electrode")
        reactions = cell.working_electrode.side_reactions
        yield from _side_reactions(sections, there, reactions)
        if cell.working_electrode.coating is not None:
            coating = cell.working_electrode.coating
            yield from _coating(sections, (*there, "coating"), coating, bool(reactions))
    electrodes = {"counter_electrode": cell.counter_electrode, "working_electrode": cell.working_electrode}
    for key, electrode in electrodes.items():
        if electrode is not None and electrode.interphase is not None:
            yield from _interphase(sections, ("cell", key, "interphase"), electrode.interphase)


def _interphase(sections: Sections, here: Location, given: Interphase) -> Iterator[Problem]:
    """Yield what is wrong with one interphase."""
    yield from _material(sections, here, given, GROWTH[given.law], DECOMPOSITION)
    if given.additive is not None and given.additive.material is not None:
        yield from _factor(sections, (*here, "additive", "material"), given.additive.material)


def _side_reactions(
    sections: Sections, here: Location, given: Mapping[str, SideReaction]
) -> Iterator[Problem]:
    """Yield what is wrong with side reactions at one place."""
    for name, reaction in given.items():
        place: Location = (*here, "side_reactions", name)
        if re.fullmatch(r"[A-Za-z0-9_.+-]+", name) is None:
            what = f"'{name}' is no name of a reaction"
            yield sections.problem(place, what, "use letters, digits, and _ . + - without blanks")
        yield from _material(sections, place, reaction, SIDE_REACTION, DECOMPOSITION)


def _coating(sections: Sections, here: Location, given: Coating, grows: bool) -> Iterator[Problem]:
    yield from _material(sections, here, given, ("ionic_conductivity",), ())
    if not grows and given.growth is not None:
        what = "nothing grows at this interface that the coating could slow down"
        yield sections.problem((*here, "growth"), what, "remove it, or add an interphase or side_reactions")
    if grows and given.growth is None:
        yield from _factor(sections, (*here, "material"), given.material, "growth = 0.1")


def _room(sections: Sections, key: Location, thickness: float) -> Iterator[Problem]:
    """Yield coatings that would meet in the gap between the particles of the mesh."""
    mesh: Mesh | None = sections.valid.get("mesh")
    if mesh is None or not mesh.recipe.endswith(".toml"):
        return
    try:
        recipe = contents(read_recipe(sections.directory / mesh.recipe, mesh.replaced))["recipe"]
    except InputError:
        return  # said of the mesh
    gap = recipe.get("gap")
    if gap is not None and 2.0 * thickness >= gap:
        what = (
            f"two coatings of {1e3 * thickness:g} nm do not fit into the gap of {1e3 * gap:g} nm of the mesh"
        )
        yield sections.problem(key, what, "make the coating thinner, or the gap of the recipe wider")


def _factor(sections: Sections, key: Location, name: str, example: str = "") -> Iterator[Problem]:
    """Yield a material that does not say by how much it slows growth."""
    try:
        known = load_material(name, (sections.directory / "materials",)).has(FACTOR)
    except InputError as error:
        if not example:  # a coating's material has been looked for before
            yield from (sections.problem(key, problem.what, problem.remedy) for problem in error.problems)
        return
    if not known:
        what = f"{name} has no '{FACTOR}' ({KINDS[FACTOR].meaning})"
        yield sections.problem(
            key, what, f"say it here: {example or 'growth = 0.3 in place of the material'}"
        )


def _material(
    sections: Sections,
    here: Location,
    given: Given,
    needs: Sequence[str],
    one_of: Sequence[str],
) -> Iterator[Problem]:
    """Yield a material that is not there or lacks a property, and properties that change nothing."""
    replaced: Mapping[str, str | float] = {} if isinstance(given, Coating) else given.properties
    material, problems = sections.material(here, given.material, replaced)
    if material is None:
        yield from problems
        return
    for key in needs:
        if not material.has(key):
            what = f"{material.name} has no '{key}' ({KINDS[key].meaning}), which is needed here"
            yield sections.problem(
                (*here, "material"), what, "take another material, or give it in 'properties'"
            )
    having = [key for key in one_of if material.has(key)]
    if one_of and len(having) != 1:
        found = "has both" if having else "has neither"
        what = f"{material.name} {found} of {' and '.join(one_of)}: it is not known which reaction makes it"
        yield sections.problem((*here, "material"), what, "its file must give one of the two")
    for key in replaced:
        if key in KINDS and key not in (*needs, *one_of):
            what = f"'{key}' changes nothing {'here' if isinstance(given, SideReaction) else 'in this layer'}"
            yield sections.problem(
                (*here, "properties", key), what, f"used there: {', '.join((*needs, *one_of))}"
            )
