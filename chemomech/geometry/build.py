"""From a recipe to a mesh file and its report, kept in a cache that knows the recipe by its content."""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gmsh
import numpy as np

from chemomech.errors import InputError, Problem
from chemomech.geometry import external
from chemomech.geometry.cells import SHAPES, VOID, Floats, Ints
from chemomech.geometry.image_recipe import Image
from chemomech.geometry.inclusions import Inclusions
from chemomech.geometry.kinds import SIDES, Composite, External, Layered, Particle, Recipe
from chemomech.geometry.recipe import check, contents, read_recipe
from chemomech.geometry.tables import MeshSize

if TYPE_CHECKING:  # what makes a mesh is slow to import, and most meshes are in the cache
    from chemomech.geometry.report import Cells
    from chemomech.geometry.shapes import Regions

FORMAT = 1
"""Raised whenever the same recipe gives a different mesh or report."""


@dataclass(frozen=True)
class MeshRecord:
    """A mesh file (MSH 4.1, um) with its regions, boundaries and report; and how often its cells are to be halved."""

    msh: Path
    name: str
    dimension: int
    coordinates: str
    regions: tuple[str, ...]
    boundaries: tuple[str, ...]
    report: dict[str, Any]
    """of the file, before its cells are halved"""
    refine: int = 0

    @property
    def cut_into(self) -> int:
        """Number of cells that each of the file becomes."""
        return int(2 ** (self.dimension * self.refine))


def default_cache(path: Path) -> Path:
    """Return the folder for generated meshes: in the project of `path`, else in the working directory."""
    for folder in path.resolve().parents:
        if (folder / "pyproject.toml").is_file() or (folder / ".git").exists():
            return folder / ".cache" / "meshes"
    return Path.cwd() / ".cache" / "meshes"


def open_mesh(path: Path, cache: Path | None = None, replaced: Mapping[str, Any] | None = None) -> MeshRecord:
    """Return the mesh of a recipe (.toml), or of a mesh file in um whose regions are named groups.

    `replaced` are keys of the recipe that a case gives in place of the recipe's own.
    """
    if not path.is_file():
        raise InputError(Problem(str(path), "no such mesh", "give a recipe (.toml) or a mesh file"))
    recipe = read_recipe(path, replaced) if path.suffix == ".toml" else external.recipe_for(path)
    return build(recipe, cache or default_cache(path))


def build(recipe: Recipe, directory: Path) -> MeshRecord:
    """Return the mesh of a recipe, made now unless the directory has it already."""
    check(recipe)
    target = directory / f"{recipe.name}-{fingerprint(recipe)[:12]}.msh"
    sheet = target.with_suffix(".json")
    if target.is_file() and sheet.is_file():
        with contextlib.suppress(ValueError, KeyError, TypeError):
            return _load(target, json.loads(sheet.read_text(encoding="utf-8")), recipe.refine)
    from chemomech.geometry.report import report

    directory.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.stem}.{os.getpid()}.partial.msh")
    try:
        with session():
            try:
                names, boundaries, history = _mesh(recipe)
                # a filled matrix has neither electrode that a path could lead to
                wired = "" if isinstance(recipe, Inclusions) else recipe.names.particle
                about = report(_cells(recipe, names, boundaries), wired) | history
            except InputError as error:
                raise InputError(_of_mesh(recipe, problem) for problem in error.problems) from error
            gmsh.write(str(partial))
        record = {
            "name": recipe.name,
            "dimension": recipe.dimension,
            "coordinates": recipe.coordinates,
            "regions": names,
            "boundaries": boundaries,
            "report": about,
        }
        draft = partial.with_suffix(".json")
        draft.write_text(json.dumps(record, indent=1), encoding="utf-8")
        os.replace(partial, target)
        os.replace(draft, sheet)
    finally:
        partial.unlink(missing_ok=True)
        partial.with_suffix(".json").unlink(missing_ok=True)
    return _load(target, record, recipe.refine)


def _of_mesh(recipe: Recipe, problem: Problem) -> Problem:
    """Return a mistake found while meshing with the name of the mesh."""
    if recipe.name in problem.place:
        return problem
    return Problem(f"mesh '{recipe.name}', {problem.place}", problem.what, problem.remedy)


def fingerprint(recipe: Recipe) -> str:
    """Return a hash of everything that the mesh file depends on."""
    content: dict[str, Any] = {**contents(recipe), "format": FORMAT, "gmsh": gmsh.__version__}
    content.pop("refine", None)  # is done to what the file holds
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


@contextlib.contextmanager
def session() -> Iterator[None]:
    """Open a silent Gmsh with an empty model, and close it whatever happens."""
    own = not gmsh.isInitialized()
    if own:
        gmsh.initialize([], readConfigFiles=False, interruptible=False)
    gmsh.option.setNumber("General.Terminal", 0)
    gmsh.model.add("chemomech")
    try:
        yield
    finally:
        if own:
            gmsh.finalize()
        else:
            gmsh.model.remove()


def _load(target: Path, record: dict[str, Any], refine: int) -> MeshRecord:
    return MeshRecord(
        msh=target,
        name=record["name"],
        dimension=record["dimension"],
        coordinates=record["coordinates"],
        regions=tuple(record["regions"]),
        boundaries=tuple(record["boundaries"]),
        report=record["report"],
        refine=refine,
    )


def _mesh(recipe: Recipe) -> tuple[list[str], list[str], dict[str, Any]]:
    """Make the mesh in the open session and name its groups.

    Returns the names of regions and boundaries, and what the report says besides what the mesh itself shows.
    """
    if isinstance(recipe, External):
        return *external.load(recipe), {}
    if isinstance(recipe, Image):
        from chemomech.geometry import image

        return image.load(recipe)
    from chemomech.geometry import shapes

    try:
        regions, notes = shapes.draw(recipe)
        for tag, (name, entities) in enumerate(regions.items(), 1):
            gmsh.model.addPhysicalGroup(recipe.dimension, [entity for _, entity in entities], tag, name)
        boundaries = _name_sides(recipe, regions)
        size = getattr(recipe, "mesh_size", None)
        if size is not None:
            _set_sizes(recipe, size, regions)
        if isinstance(recipe, Inclusions) and recipe.sides == "periodic":
            _match_faces(recipe.box)
        gmsh.option.setNumber("Mesh.Algorithm3D", 10)  # HXT: several times quicker than the default
        gmsh.option.setNumber("General.NumThreads", 1)  # the same mesh everywhere
        gmsh.model.mesh.generate(recipe.dimension)
        if isinstance(recipe, Particle | Composite) and recipe.boundary_layer:
            _add_rows(recipe, list(regions), boundaries)
    except Exception as error:
        if type(error) is not Exception:  # gmsh raises the bare class; anything else is not about the mesh
            raise
        what = f"Gmsh could not make the mesh: {error}"
        raise InputError(Problem(recipe.name, what, "try other cell sizes, gap or seed")) from error
    return list(regions), boundaries, notes


def _add_rows(recipe: Particle | Composite, names: list[str], boundaries: list[str]) -> None:
    """Put a mesh with rows of flat cells along interfaces in place of the one that was made."""
    from chemomech.geometry import rows

    mesh = _cells(recipe, names, boundaries)
    smooth = frozenset({recipe.names.electrolyte, recipe.names.separator})
    heights = {name: np.array(each.heights()) for name, each in recipe.boundary_layer.items()}
    made = rows.inflate(mesh, heights, (smooth,))
    points = np.zeros((len(made.points), 3))
    points[:, : recipe.dimension] = made.points
    gmsh.model.remove()
    gmsh.model.add("chemomech")
    external.fill(points, mesh.shape, made.regions, made.sides)


def _name_sides(recipe: Recipe, regions: "Regions") -> list[str]:
    """Make a physical group of each outer side of the bounding box; return their names."""
    d = recipe.dimension
    every = [entity for entities in regions.values() for entity in entities]
    outer = [tag for _, tag in gmsh.model.getBoundary(every, combined=True, oriented=False)]
    spans = np.array([gmsh.model.getBoundingBox(d - 1, tag) for tag in outer])
    # of the outer faces, which are flat: the bounding boxes of round solids are too large
    low, high = spans[:, :3].min(axis=0), spans[:, 3:].max(axis=0)
    close = _close(float((high - low).max()))
    names, left = [], set(outer)
    for number, (name, axis, far) in enumerate(SIDES[recipe.coordinates], 1):
        plane = high[axis] if far else low[axis]
        on = np.all(np.abs(spans[:, [axis, axis + 3]] - plane) < close, axis=1)
        tags = [tag for tag, here in zip(outer, on, strict=True) if here]
        if tags:
            gmsh.model.addPhysicalGroup(d - 1, tags, 100 + number, name)
            names.append(name)
            left -= set(tags)
    if left and VOID in recipe.boundaries:
        gmsh.model.addPhysicalGroup(d - 1, sorted(left), 100 + len(SIDES[recipe.coordinates]) + 1, VOID)
        names.append(VOID)
    elif left:
        raise InputError(
            Problem(recipe.name, f"{len(left)} outer faces lie on no side of the box", "change the seed")
        )
    return names


def _close(size: float) -> float:
    """Return how far apart two planes of a box may be to be one: the kernel makes bounding boxes 1e-7 too large."""
    return max(1e-5 * size, 3e-7)


def _match_faces(box: Sequence[float]) -> None:
    """Make the mesh of each high face of a periodic box a copy of the one opposite.

    A face whose counterpart is not found (cut otherwise by round-off) keeps its own mesh: periodic cell problems
    interpolate there.
    """
    d, close = len(box), _close(max(box))
    spans = {tag: np.array(gmsh.model.getBoundingBox(d - 1, tag)) for _, tag in gmsh.model.getEntities(d - 1)}
    for axis, period in enumerate(box):
        shift = np.zeros(3)
        shift[axis] = period
        low, high = (
            [tag for tag, span in spans.items() if np.all(np.abs(span[[axis, axis + 3]] - plane) < close)]
            for plane in (0.0, period)
        )
        pairs = [
            (far, near)
            for near in low
            for far in high
            if np.all(np.abs(spans[far] - spans[near] - np.tile(shift, 2)) < close)
        ]
        moved = np.eye(4)
        moved[:3, 3] = shift
        if pairs:
            far, near = (list(each) for each in zip(*pairs, strict=True))
            gmsh.model.mesh.setPeriodic(d - 1, far, near, moved.reshape(-1).tolist())


def _set_sizes(recipe: Recipe, size: MeshSize, regions: "Regions") -> None:
    """Make cells fine on interfaces and let them grow with the distance from them."""
    d, mesh = recipe.dimension, gmsh.model.mesh
    region_of = {tag: name for name, entities in regions.items() for _, tag in entities}
    smooth = {recipe.names.electrolyte, recipe.names.separator} if not isinstance(recipe, Layered) else set()
    fine = []
    for _, tag in gmsh.model.getEntities(d - 1):
        met = {region_of[above] for above in gmsh.model.getAdjacencies(d - 1, tag)[0]}
        if len(met) > 1 and not met <= smooth:
            fine.append(tag)
    groups = {gmsh.model.getPhysicalName(*group): group for group in gmsh.model.getPhysicalGroups(d - 1)}
    if VOID in groups:
        fine += [int(tag) for tag in gmsh.model.getEntitiesForPhysicalGroup(*groups[VOID])]
    distance = mesh.field.add("Distance")
    mesh.field.setNumbers(distance, "CurvesList" if d == 2 else "SurfacesList", fine)
    mesh.field.setNumber(distance, "Sampling", 200 if d == 2 else 40)
    threshold = mesh.field.add("Threshold")
    reach = size.transition if size.transition is not None else 4.0 * (size.bulk - size.interface)
    grading = {
        "InField": distance,
        "SizeMin": size.interface,
        "SizeMax": size.bulk,
        "DistMin": 0.5 * size.interface,
        "DistMax": 0.5 * size.interface + max(reach, 1e-6),
    }
    for key, value in grading.items():
        mesh.field.setNumber(threshold, key, value)
    if fine:
        mesh.field.setAsBackgroundMesh(threshold)
    gmsh.option.setNumber("Mesh.MeshSizeMax", size.bulk)
    gmsh.option.setNumber("Mesh.MeshSizeFromCurvature", size.per_turn)
    gmsh.option.setNumber("Mesh.MeshSizeExtendFromBoundary", 0)
    gmsh.option.setNumber("Mesh.MeshSizeFromPoints", 0)


def _cells(recipe: Recipe, names: list[str], boundaries: list[str]) -> "Cells":
    """Return the mesh of the open session as arrays."""
    from chemomech.geometry.report import Cells

    d, mesh = recipe.dimension, gmsh.model.mesh
    there = set(mesh.getElementTypes(d))
    shape = next(each for each in SHAPES[d] if each.gmsh in there)
    facet = shape.facet
    assert facet is not None
    tags, coordinates, _ = mesh.getNodes()
    number = np.zeros(int(tags.max()) + 1, dtype=np.int64)
    cells, region, quality = [], [], []
    groups = {gmsh.model.getPhysicalName(*group): group for group in gmsh.model.getPhysicalGroups()}
    for index, name in enumerate(names):
        for entity in gmsh.model.getEntitiesForPhysicalGroup(*groups[name]):
            found, corners = mesh.getElementsByType(shape.gmsh, entity)
            cells.append(corners.reshape(-1, shape.corners).astype(np.int64))
            region.append(np.full(len(found), index))
            quality.append(mesh.getElementQualities(found, "minSICN"))
    used = np.unique(np.concatenate(cells))
    number[used] = np.arange(len(used))
    where = np.zeros((len(number), 3))
    where[tags] = coordinates.reshape(-1, 3)
    sides: dict[str, Ints] = {}
    for name in boundaries:
        entities = gmsh.model.getEntitiesForPhysicalGroup(*groups[name])
        corners = [
            mesh.getElementsByType(facet.gmsh, entity)[1].reshape(-1, facet.corners) for entity in entities
        ]
        sides[name] = number[np.concatenate(corners)]
    points: Floats = where[used, :d]
    return Cells(
        recipe.coordinates, points, number[np.concatenate(cells)], np.concatenate(region), tuple(names),
        np.concatenate(quality), sides,
    )  # fmt: skip
