"""Meshes made elsewhere: regions by named groups or numbers, boundaries by name or bounding box."""

import contextlib
import io
from pathlib import Path
from typing import Any

import gmsh
import numpy as np

from chemomech.case.wording import nearest
from chemomech.errors import InputError, Problem
from chemomech.geometry.cells import SHAPES, Floats, Ints, Shape, facets_of
from chemomech.geometry.kinds import SIDES, External

DIMENSIONS = {"line": 1, "triangle": 2, "quad": 2, "tetra": 3, "hexahedron": 3}


def recipe_for(path: Path) -> External:
    """Return the recipe of a mesh file given as it is: lengths in um, plane strain where it is flat."""
    there = {block.type for block in read_mesh(path).cells}
    flat = not there & {shape.name for shape in SHAPES[3]}
    return External(
        kind="external",
        name=path.stem,
        directory=path.parent,
        file=path.name,
        unit="1 um",  # type: ignore[arg-type]  # a quantity, converted by the validator
        coordinates="plane strain" if flat else "3D",
    )


def load(recipe: External) -> tuple[list[str], list[str]]:
    """Put the mesh of a file, in um, into the open Gmsh model; return the names of regions and boundaries."""
    mesh = read_mesh(recipe.path)
    d = recipe.dimension
    place = str(recipe.path)
    shape = _shape(recipe, mesh)
    assert shape.facet is not None
    cell, facet = shape.name, shape.facet.name
    cells = np.asarray(mesh.get_cells_type(cell), dtype=np.int64)
    regions = _chosen(recipe, _groups(mesh, cell, recipe.cell_data), dict(recipe.groups), "group of cells")
    region_of = np.full(len(cells), -1, dtype=np.int64)
    for index, rows in enumerate(regions.values()):
        region_of[rows] = index
    if missing := int((region_of < 0).sum()):
        remedy = f"known groups: {', '.join(map(str, _groups(mesh, cell, recipe.cell_data)))}"
        raise InputError(Problem(place, f"{missing} of {len(cells)} cells belong to no region", remedy))
    used, corners = np.unique(cells, return_inverse=True)
    cells = corners.reshape(cells.shape)
    points = np.zeros((len(used), 3))
    points[:, : mesh.points.shape[1]] = mesh.points[used] * recipe.unit
    if d == 2 and np.ptp(points[:, 2]) > 1e-9 * np.ptp(points[:, :2]):
        raise InputError(
            Problem(place, "the mesh is not flat", 'give coordinates = "3D", or project it to z = 0')
        )
    cells = _oriented(points[:, :d], cells, shape)
    named = _groups(mesh, facet, None)
    given: dict[str, Ints] = {}
    if recipe.sides or named:
        facets = np.searchsorted(used, np.asarray(mesh.get_cells_type(facet), dtype=np.int64))
        chosen = _chosen(recipe, named, dict(recipe.sides), "group of facets")
        given = {name: facets[rows] for name, rows in chosen.items()}
    sides = _sides(recipe, points[:, :d], cells, shape, given)
    fill(points, shape, {name: cells[region_of == index] for index, name in enumerate(regions)}, sides)
    return list(regions), list(sides)


def _shape(recipe: External, mesh: Any) -> Shape:
    """Return the kind of the cells in a file; InputError unless it is one, and a linear one."""
    there = sorted({block.type for block in mesh.cells if len(block.data)})
    usable = [shape for shape in SHAPES[recipe.dimension] if shape.name in there]
    if len(usable) == 1:
        return usable[0]
    names = " or ".join(shape.name for shape in SHAPES[recipe.dimension])
    what = (
        f"{recipe.coordinates} needs cells of one kind, {names}; the file has: {', '.join(there) or 'none'}"
    )
    raise InputError(Problem(str(recipe.path), what, "convert the mesh to linear cells of one kind"))


def read_mesh(path: Path) -> Any:
    """Return meshio's mesh of a file; what meshio would print goes into the InputError."""
    import meshio  # seldom needed, and slow to import

    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            return meshio.read(path)
    except (Exception, SystemExit) as error:  # meshio's readers raise anything, and exit where none fits
        why = " ".join(f"{'' if isinstance(error, SystemExit) else error} {said.getvalue()}".split())
        raise InputError(Problem(str(path), f"meshio cannot read it: {why}", "convert it to .msh")) from error


def _groups(mesh: Any, cell: str, array: str | None) -> dict[str | int, Ints]:
    """Return group name (or number in a cell array) -> rows among the cells of a type."""
    if array is not None:
        if array not in mesh.cell_data:
            known = nearest(array, mesh.cell_data)
            raise InputError(Problem("cell_data", f"the file has no cell array {array!r}", known))
        numbers = np.asarray(mesh.get_cell_data(array, cell)).astype(np.int64).ravel()
        return {int(number): np.flatnonzero(numbers == number) for number in np.unique(numbers)}
    found: dict[str | int, Ints] = {}
    if "gmsh:physical" in mesh.cell_data_dict and cell in mesh.cell_data_dict["gmsh:physical"]:
        tags = mesh.cell_data_dict["gmsh:physical"][cell]
        for name, (tag, of) in mesh.field_data.items():
            if of == DIMENSIONS[cell] and (rows := np.flatnonzero(tags == tag)).size:
                found[name] = rows
        return found
    for name, rows in mesh.cell_sets_dict.items():
        if not name.startswith("gmsh:") and rows.get(cell) is not None and len(rows[cell]):
            found[name] = np.asarray(rows[cell], dtype=np.int64)
    return found


def _chosen(
    recipe: External, there: dict[str | int, Ints], wanted: dict[str, Any], what: str
) -> dict[str, Ints]:
    """Return name -> rows for the wanted groups, or for all; InputError for each that is not there."""
    if not wanted:
        if not there:
            remedy = (
                "name the groups in the mesher, or give cell_data and groups in a recipe of kind external"
            )
            raise InputError(Problem(str(recipe.path), f"the file has no named {what}", remedy))
        return {str(name): rows for name, rows in there.items()}
    known = [str(name) for name in there]
    absent = [group for group in wanted.values() if group not in there]
    if absent:
        raise InputError(
            Problem(str(recipe.path), f"the file has no {what} {group!r}", nearest(str(group), known))
            for group in absent
        )
    return {name: there[group] for name, group in wanted.items()}


def _oriented(points: Floats, cells: Ints, shape: Shape) -> Ints:
    """Return the cells with their corners ordered such that areas and volumes are positive."""
    corner = points[cells]
    parts = [corner[:, part[1:]] - corner[:, part[:1]] for part in shape.simplices]
    turned = sum(np.linalg.det(edges) for edges in parts) < 0.0
    cells = cells.copy()
    if shape.corners == 8:  # the lower face becomes the upper one
        cells[turned] = np.roll(cells[turned], 4, axis=1)
    else:
        cells[turned] = cells[turned][:, ::-1] if shape.name != "tetra" else cells[turned][:, [1, 0, 2, 3]]
    return cells


def _sides(
    recipe: External, points: Floats, cells: Ints, shape: Shape, given: dict[str, Ints]
) -> dict[str, Ints]:
    """Return the outer facets by name: as given, the others by the side of the bounding box they lie on."""
    facets = facets_of(cells, shape)
    outer = facets.corners[facets.cells[:, 1] < 0]
    number = {tuple(corners): row for row, corners in enumerate(np.sort(outer, axis=1).tolist())}
    free = np.ones(len(outer), dtype=bool)
    found: dict[str, Ints] = {}
    for name, corners in given.items():
        rows = [number[key] for key in map(tuple, np.sort(corners, axis=1).tolist()) if key in number]
        if rows:  # a group between regions is no boundary
            found[name] = outer[rows]
            free[rows] = False
        elif name in recipe.sides:
            what = f"the group {recipe.sides[name]!r} lies inside the mesh"
            raise InputError(Problem(str(recipe.path), what, "a boundary is a group of outer facets"))
    low, high = points.min(axis=0), points.max(axis=0)
    close = 1e-6 * float((high - low).max())
    for name, axis, far in SIDES[recipe.coordinates]:
        plane = (high if far else low)[axis]
        on = free & np.all(np.abs(points[outer, axis] - plane) < close, axis=1)
        if on.any() and (name != "axis" or abs(plane) < close):
            if name in found:
                what = f"{int(on.sum())} facets on the side '{name}' of the box belong to no group"
                remedy = f"add them to the group '{name}', or give them a group of another name"
                raise InputError(Problem(str(recipe.path), what, remedy))
            found[name] = outer[on]
            free[on] = False
    if free.any():
        what = f"{int(free.sum())} outer facets belong to no group and lie on no side of the box"
        raise InputError(Problem(str(recipe.path), what, "give them a named group"))
    return found


def fill(points: Floats, shape: Shape, regions: dict[str, Ints], sides: dict[str, Ints]) -> None:
    """Make discrete entities and physical groups of arrays in the open Gmsh model; points are (n, 3)."""
    model, tags, d = gmsh.model, np.arange(1, len(points) + 1), DIMENSIONS[shape.name]
    assert shape.facet is not None
    for number, (name, cells) in enumerate(regions.items(), 1):
        model.addDiscreteEntity(d, number)
        if number == 1:
            model.mesh.addNodes(d, number, tags, points.ravel())
        model.mesh.addElementsByType(number, shape.gmsh, [], cells.ravel() + 1)
        model.addPhysicalGroup(d, [number], number, name)
    for number, (name, facets) in enumerate(sides.items(), 1):
        model.addDiscreteEntity(d - 1, number)
        model.mesh.addElementsByType(number, shape.facet.gmsh, [], facets.ravel() + 1)
        model.addPhysicalGroup(d - 1, [number], 100 + number, name)
    model.mesh.reclassifyNodes()
