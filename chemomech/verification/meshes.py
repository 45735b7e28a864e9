"""Small meshes in memory: boxes in layers, quarter discs with curved cells (spheres), an octant of a ball.

Boundaries and coordinates follow the project's names; lengths in um.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import chemomech.runtime  # noqa: F401

import basix.ufl
import numpy as np
import numpy.typing as npt
from dolfinx import mesh
from dolfinx.io import gmsh as gmshio
from mpi4py import MPI

from chemomech.domain import DIMENSION, Coordinates, Domain, make_domain

type Array = npt.NDArray[np.float64]
type Marker = Callable[[Array], npt.NDArray[np.bool_]]

SIDES: Final[dict[Coordinates, tuple[tuple[str, str], ...]]] = {
    "plane strain": (("left", "right"), ("bottom", "top")),
    "axisymmetric": (("axis", "outer"), ("bottom", "top")),
    "3D": (("left", "right"), ("bottom", "top"), ("front", "back")),
}
"""names of the lower and the upper side along each coordinate"""

CURVED: Final = 6
"""quadrature degree on cells whose geometry is quadratic"""


def layers(
    coordinates: Coordinates,
    thicknesses: Mapping[str, float],
    counts: Sequence[int],
    *,
    breadth: float = 1.0,
    across: int = 2,
    comm: MPI.Intracomm = MPI.COMM_WORLD,
    quadrature_degree: int = 4,
) -> Domain:
    """Return a box of layers, stacked along x (y when axisymmetric), each with its number of cells."""
    edges = np.concatenate(([0.0], np.cumsum(list(thicknesses.values()))))
    places = {
        name: np.linspace(low, high, count + 1)
        for name, low, high, count in zip(thicknesses, edges[:-1], edges[1:], counts, strict=True)
    }
    return stack(
        coordinates, places, breadth=breadth, across=across, comm=comm, quadrature_degree=quadrature_degree
    )


def stack(
    coordinates: Coordinates,
    places: Mapping[str, Array],
    *,
    breadth: float = 1.0,
    across: int = 2,
    comm: MPI.Intracomm = MPI.COMM_WORLD,
    quadrature_degree: int = 4,
) -> Domain:
    """Return a box of layers, stacked along x (y when axisymmetric); each gives its grid, which the next continues."""
    dimension = DIMENSION[coordinates]
    stacked = 1 if coordinates == "axisymmetric" else 0
    grids = list(places.values())
    grid = np.concatenate([grids[0][:1], *(points[1:] for points in grids)])
    # a uniform parameter along the stack, then moved: so that layers may have cells of unlike size
    cells = [across] * dimension
    cells[stacked] = len(grid) - 1
    upper = [breadth] * dimension
    upper[stacked] = float(len(grid) - 1)
    ghosts = mesh.GhostMode.shared_facet
    if dimension == 2:
        box = mesh.create_rectangle(
            comm, [[0.0, 0.0], upper], cells, ghost_mode=ghosts, diagonal=mesh.DiagonalType.crossed
        )
    else:
        box = mesh.create_box(comm, [[0.0, 0.0, 0.0], upper], cells, ghost_mode=ghosts)
    x = box.geometry.x
    x[:, stacked] = np.interp(x[:, stacked], np.arange(len(grid)), grid)
    centre = _centres(box)[:, stacked]
    edges = np.concatenate([grids[0][:1], [points[-1] for points in grids]])
    numbers = (np.searchsorted(edges, centre) - 1).astype(np.int32)
    upper[stacked] = float(grid[-1])
    markers: dict[str, Marker] = {}
    for axis, names in enumerate(SIDES[coordinates]):
        low = float(grid[0]) if axis == stacked else 0.0
        for name, place in zip(names, (low, upper[axis]), strict=True):
            markers[name] = _plane(axis, place, 1e-9 * max(upper))
    regions = {name: number for number, name in enumerate(places)}
    return _domain(box, coordinates, regions, numbers, markers, quadrature_degree)


def grid(
    coordinates: Coordinates,
    x: Array,
    y: Array,
    regions: Mapping[str, float],
    *,
    comm: MPI.Intracomm = MPI.COMM_WORLD,
    quadrature_degree: int = 4,
) -> Domain:
    """Return a rectangle with its cells between given lines, cut along y into regions: name -> where it ends.

    Boundaries as those of `layers`.
    """
    counts = [len(x) - 1, len(y) - 1]
    box = mesh.create_rectangle(
        comm,
        [[0.0, 0.0], [float(n) for n in counts]],
        counts,
        ghost_mode=mesh.GhostMode.shared_facet,
        diagonal=mesh.DiagonalType.crossed,
    )
    points = box.geometry.x
    for axis, lines in enumerate((x, y)):
        points[:, axis] = np.interp(points[:, axis], np.arange(len(lines)), lines)
    numbers = np.searchsorted(list(regions.values()), _centres(box)[:, 1]).astype(np.int32)
    markers: dict[str, Marker] = {}
    size = max(np.ptp(x), np.ptp(y))
    for axis, (names, lines) in enumerate(zip(SIDES[coordinates], (x, y), strict=True)):
        for name, place in zip(names, (lines[0], lines[-1]), strict=True):
            markers[name] = _plane(axis, float(place), 1e-9 * size)
    return _domain(
        box, coordinates, {name: k for k, name in enumerate(regions)}, numbers, markers, quadrature_degree
    )


def _plane(axis: int, place: float, tolerance: float) -> Marker:
    return lambda x: np.abs(x[axis] - place) < tolerance


def _centres(box: mesh.Mesh) -> Array:
    cells = box.topology.index_map(box.topology.dim)
    count = cells.size_local + cells.num_ghosts
    return np.asarray(box.geometry.x[box.geometry.dofmaps[0][:count]].mean(axis=1))


def _domain(
    body: mesh.Mesh,
    coordinates: Coordinates,
    regions: dict[str, int],
    numbers: npt.NDArray[np.int32],
    markers: Mapping[str, Marker],
    quadrature_degree: int,
) -> Domain:
    tdim = body.topology.dim
    body.topology.create_entities(tdim - 1)
    body.topology.create_connectivity(tdim - 1, tdim)
    facets = {
        name: np.asarray(mesh.locate_entities_boundary(body, tdim - 1, marker), dtype=np.int32)
        for name, marker in markers.items()
    }
    cells = np.arange(len(numbers), dtype=np.int32)
    return make_domain(body, coordinates, regions, cells, numbers, facets, quadrature_degree)


def graded(start: float, end: float, count: int, ratio: float) -> Array:
    """Return count + 1 points from start to end; the last interval is `ratio` times the first."""
    steps = ratio ** (np.arange(count) / max(count - 1, 1))
    return np.asarray(start + (end - start) * np.concatenate(([0.0], np.cumsum(steps))) / steps.sum())


def fine_ends(start: float, end: float, count: int, ratio: float) -> Array:
    """Return 2 count + 1 points from start to end; the intervals at both ends are 1/`ratio` times the middle's."""
    middle = 0.5 * (start + end)
    inner = graded(start, middle, count, ratio)
    return np.concatenate([inner, (start + end - inner[::-1])[1:]])


def sphere(shells: Mapping[str, Array], *, angles: int = 6, comm: MPI.Intracomm = MPI.COMM_WORLD) -> Domain:
    """Return a sphere of concentric shells as an axisymmetric quarter disc, its arcs curved (quadratic cells).

    Each shell gives its radii, from the one before (or 0) to its own. Boundaries: axis, bottom (the plane of
    symmetry) and outer (the surface).
    """
    names = list(shells)
    radii = np.concatenate([np.zeros(1), *(points[1:] for points in shells.values())])
    rings = np.repeat(np.arange(len(names)), [len(points) - 1 for points in shells.values()])
    points, cells, ring = _polar(radii, angles)
    mine = slice(None) if comm.rank == 0 else slice(0)
    element = basix.ufl.element("Lagrange", "triangle", 2, shape=(2,))
    partitioner = mesh.create_cell_partitioner(mesh.GhostMode.shared_facet, 2)
    body = mesh.create_mesh(comm, cells[mine], element, points[mine], partitioner)
    numbers = rings[ring[body.topology.original_cell_index]].astype(np.int32)
    surface = float(radii[-1])
    markers: dict[str, Marker] = {
        "axis": _plane(0, 0.0, 1e-9 * surface),
        "bottom": _plane(1, 0.0, 1e-9 * surface),
        "outer": lambda x: np.hypot(x[0], x[1]) > surface * (1 - 1e-9),
    }
    regions = {name: number for number, name in enumerate(names)}
    return _domain(body, "axisymmetric", regions, numbers, markers, CURVED)


def _polar(radii: Array, angles: int) -> tuple[Array, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    # Nodes on a half-step grid of (radius, angle), quadratic triangles on it: a fan at the centre, then split
    # quadrilaterals; returns points, cells (basix order: corners, then the edge opposite each) and each one's ring.
    half = np.zeros(2 * len(radii) - 1)
    half[::2], half[1::2] = radii, 0.5 * (radii[:-1] + radii[1:])
    angle = np.linspace(0.0, np.pi / 2, 2 * angles + 1)
    rho, phi = np.meshgrid(half[1:], angle, indexing="ij")
    points = np.stack([rho * np.cos(phi), rho * np.sin(phi)], axis=-1)
    points[:, -1, 0] = 0.0  # exactly on the axis
    width = 2 * angles + 1

    def node(i: int, j: int) -> int:  # i: half-steps from the centre, j: half-steps of angle
        return 0 if i == 0 else 1 + (i - 1) * width + j

    cells: list[list[int]] = []
    ring: list[int] = []

    def triangle(a: tuple[int, int], b: tuple[int, int], c: tuple[int, int]) -> None:
        corners = [a, b, c]
        middles = [((p[0] + q[0]) // 2, (p[1] + q[1]) // 2) for p, q in ((b, c), (a, c), (a, b))]
        cells.append([node(*place) for place in corners + middles])

    for k in range(angles):
        # the centre is one point under every angle: seen along each ray its half-step is (1, j)
        j = 2 * k
        cells.append([0, node(2, j), node(2, j + 2), node(2, j + 1), node(1, j + 2), node(1, j)])
        ring.append(0)
    for i in range(1, len(radii) - 1):
        for k in range(angles):
            low, high, left, right = 2 * i, 2 * i + 2, 2 * k, 2 * k + 2
            triangle((low, left), (high, left), (high, right))
            triangle((low, left), (high, right), (low, right))
            ring += [i, i]
    everything = np.concatenate([np.zeros((1, 2)), points.reshape(-1, 2)])
    used, compact = np.unique(np.array(cells), return_inverse=True)
    return everything[used], compact.reshape(-1, 6).astype(np.int64), np.array(ring, dtype=np.int64)


def ball(
    radius: float, surface_size: float, centre_size: float, comm: MPI.Intracomm = MPI.COMM_WORLD
) -> Domain:
    """Return an octant of a ball in 3D, straight tetrahedra; boundaries left, bottom, front (symmetry), outer."""
    import gmsh

    from chemomech.geometry.build import session

    partitioner = mesh.create_cell_partitioner(mesh.GhostMode.shared_facet, 2)
    if comm.rank == 0:
        with session():
            _octant(gmsh, radius, surface_size, centre_size)
            data = gmshio.model_to_mesh(gmsh.model, comm, 0, gdim=3, partitioner=partitioner)
    else:
        data = gmshio.model_to_mesh(None, comm, 0, gdim=3, partitioner=partitioner)
    tolerance = 1e-6 * radius
    markers: dict[str, Marker] = {
        name: _plane(axis, 0.0, tolerance) for axis, name in enumerate(("left", "bottom", "front"))
    }
    markers["outer"] = lambda x: np.linalg.norm(x, axis=0) > radius - tolerance
    cells = data.mesh.topology.index_map(3)
    numbers = np.zeros(cells.size_local + cells.num_ghosts, dtype=np.int32)
    return _domain(data.mesh, "3D", {"particle": 0}, numbers, markers, 4)


def _octant(gmsh: Any, radius: float, surface_size: float, centre_size: float) -> None:
    volume = gmsh.model.occ.addSphere(0, 0, 0, radius, angle1=0, angle2=np.pi / 2, angle3=np.pi / 2)
    gmsh.model.occ.synchronize()
    gmsh.model.addPhysicalGroup(3, [volume], 1)
    field = gmsh.model.mesh.field.add("MathEval")
    slope = (surface_size - centre_size) / radius
    gmsh.model.mesh.field.setString(field, "F", f"{centre_size} + ({slope}) * sqrt(x*x + y*y + z*z)")
    gmsh.model.mesh.field.setAsBackgroundMesh(field)
    gmsh.option.setNumber("Mesh.MeshSizeExtendFromBoundary", 0)
    gmsh.model.mesh.generate(3)
