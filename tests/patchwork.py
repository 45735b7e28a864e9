"""Meshes numbered at random, in regions at random, and what integrals over them must be."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import chemomech.runtime  # noqa: F401

import basix.ufl
import numpy as np
from dolfinx import fem, mesh
from mpi4py import MPI

from chemomech.domain import Domain, make_domain
from chemomech.solver.jit import prepare

REGIONS = {"a": 11, "b": 7, "c": 23}
"""tags in no order"""

Scalar = Callable[[Any], Any]


@dataclass(frozen=True)
class Patchwork:
    """A domain and the plain arrays it was made from."""

    domain: Domain
    points: np.ndarray
    cells: np.ndarray
    region: np.ndarray

    def weight(self, x: Any) -> Any:
        """2 pi r or 1."""
        return 2 * np.pi * x[0] if self.domain.coordinates == "axisymmetric" else 1.0 + 0.0 * x[0]

    def facets(self) -> dict[tuple[int, ...], list[int]]:
        """Return the cells of each facet (sorted corners)."""
        found: dict[tuple[int, ...], list[int]] = {}
        for number, cell in enumerate(self.cells):
            for corners in itertools.combinations(sorted(cell), self.cells.shape[1] - 1):
                found.setdefault(tuple(int(c) for c in corners), []).append(number)
        return found

    def interface(self, plus: set[str], minus: set[str], left: Scalar, right: Scalar) -> float:
        """Integrate left * right over the facets between two groups; exact up to cubic integrands."""
        tags = [REGIONS[name] for name in plus], [REGIONS[name] for name in minus]
        total = 0.0
        for corners, cells in self.facets().items():
            if len(cells) == 2:
                first, second = self.region[cells]
                if (first in tags[0] and second in tags[1]) or (first in tags[1] and second in tags[0]):
                    total += self._facet(corners, lambda x: left(x) * right(x))
        return total

    def outflow(self, plus: str, minus: str, vector: Scalar) -> float:
        """Integrate vector . n over an interface, n out of the first region."""
        total = 0.0
        for corners, cells in self.facets().items():
            if len(cells) == 2 and {int(r) for r in self.region[cells]} == {REGIONS[plus], REGIONS[minus]}:
                inside = cells[0] if self.region[cells[0]] == REGIONS[plus] else cells[1]
                normal = self._normal(corners)
                middle = self.points[list(corners)].mean(axis=0)
                if normal @ (self.points[self.cells[inside]].mean(axis=0) - middle) > 0:
                    normal = -normal
                total += self._facet(corners, lambda x, n=normal: np.dot(vector(x), n))
        return total

    def boundary(self, axis: int, place: float, regions: set[str], value: Scalar) -> float:
        """Integrate over the part of a plane boundary where these regions end."""
        tags = [REGIONS[name] for name in regions]
        total = 0.0
        for corners, cells in self.facets().items():
            flat = np.all(np.abs(self.points[list(corners), axis] - place) < 1e-9)
            if len(cells) == 1 and flat and self.region[cells[0]] in tags:
                total += self._facet(corners, value)
        return total

    def volume(self, regions: set[str]) -> float:
        """Volume of regions; a triangle that turns sweeps its area x 2 pi r of its centroid (Pappus)."""
        tags = [REGIONS[name] for name in regions]
        total = 0.0
        for cell, tag in zip(self.cells, self.region, strict=True):
            if tag in tags:
                corners = self.points[cell]
                size = abs(np.linalg.det(corners[1:] - corners[0])) / (2 if len(corners) == 3 else 6)
                total += size * self.weight(corners.mean(axis=0))
        return float(total)

    def _normal(self, corners: tuple[int, ...]) -> np.ndarray:
        p = self.points[list(corners)]
        if len(corners) == 2:
            along = p[1] - p[0]
            return np.array([along[1], -along[0]]) / np.linalg.norm(along)
        cross = np.cross(p[1] - p[0], p[2] - p[0])
        return cross / np.linalg.norm(cross)

    def _facet(self, corners: tuple[int, ...], value: Scalar) -> float:
        p = self.points[list(corners)]

        def at(x: Any) -> float:
            return float(value(x) * self.weight(x))

        if len(p) == 2:  # Simpson
            size = np.linalg.norm(p[1] - p[0])
            return float(size * (at(p[0]) + 4 * at(p.mean(axis=0)) + at(p[1])) / 6)
        size = np.linalg.norm(np.cross(p[1] - p[0], p[2] - p[0])) / 2
        middles = [(p[i] + p[j]) / 2 for i, j in ((0, 1), (1, 2), (0, 2))]
        return float(size * sum(at(x) for x in middles) / 3)


def patchwork(coordinates: Any, comm: MPI.Intracomm = MPI.COMM_WORLD, seed: int = 3) -> Patchwork:
    """Return a unit square (cube) of cells, numbered at random, in three regions at random."""
    prepare(comm)
    random = np.random.default_rng(seed)
    dimension = 3 if coordinates == "3D" else 2
    count = 3 if dimension == 3 else 6
    if dimension == 2:
        box = mesh.create_unit_square(MPI.COMM_SELF, count, count, diagonal=mesh.DiagonalType.crossed)
    else:
        box = mesh.create_unit_cube(MPI.COMM_SELF, count, count, count)
    points = box.geometry.x[:, :dimension].copy()
    inner = np.all((points > 1e-9) & (points < 1 - 1e-9), axis=1)
    points[inner] += random.uniform(-0.03, 0.03, (int(inner.sum()), dimension))
    shuffle = random.permutation(len(points))
    points = points[shuffle]
    cells = np.argsort(shuffle)[box.geometry.dofmaps[0]]
    cells = random.permutation(cells)
    region = np.array(list(REGIONS.values()))[random.integers(0, 3, len(cells))].astype(np.int32)

    name = "triangle" if dimension == 2 else "tetrahedron"
    element = basix.ufl.element("Lagrange", name, 1, shape=(dimension,))
    mine = slice(None) if comm.rank == 0 else slice(0)
    partitioner = mesh.create_cell_partitioner(mesh.GhostMode.shared_facet, 2)
    body = mesh.create_mesh(comm, cells[mine].astype(np.int64), element, points[mine], partitioner)
    body.topology.create_entities(dimension - 1)
    body.topology.create_connectivity(dimension - 1, dimension)
    facets = {
        f"{'low' if place == 0 else 'high'} {axis}": mesh.locate_entities_boundary(
            body, dimension - 1, lambda x, axis=axis, place=place: np.abs(x[axis] - place) < 1e-9
        )
        for axis in range(dimension)
        for place in (0.0, 1.0)
    }
    tags = region[body.topology.original_cell_index]
    domain = make_domain(body, coordinates, dict(REGIONS), np.arange(len(tags), dtype=np.int32), tags, facets)
    return Patchwork(domain, points, cells, region)


def function(patches: Patchwork, regions: set[str], value: Scalar, degree: int = 1) -> fem.Function:
    """Return a function that lives on these regions only."""
    support = patches.domain.support(regions)
    space = fem.functionspace(support.mesh, ("Lagrange", degree))
    made = fem.Function(space)
    made.interpolate(value)
    return made


def left(x: Any) -> Any:
    """A linear function for one side."""
    return 1.0 + x[0] + 2.0 * x[1]


def right(x: Any) -> Any:
    """Another one for the other side."""
    return 3.0 - 2.0 * x[0] + 0.5 * x[1]


def check_interfaces(coordinates: Any, comm: MPI.Intracomm = MPI.COMM_WORLD) -> None:
    """Integrals with unequal values on the two sides, in both orders."""
    import ufl

    patches = patchwork(coordinates, comm)
    domain = patches.domain
    for plus, minus in (({"a"}, {"b"}), ({"b"}, {"a"}), ({"c"}, {"a"}), ({"a", "c"}, {"b"})):
        a, b = function(patches, plus, left), function(patches, minus, right)
        got = domain.integral(domain.on_interface(a("+") * b("-"), plus, minus))
        wanted = patches.interface(plus, minus, left, right)
        np.testing.assert_allclose(got, wanted, rtol=1e-12, err_msg=f"{coordinates} {plus}|{minus}")
        got = domain.integral(domain.on_interface(a("+"), plus, minus))
        np.testing.assert_allclose(got, patches.interface(plus, minus, left, lambda x: 1.0), rtol=1e-12)
        area = patches.interface(plus, minus, lambda x: 1.0, lambda x: 1.0)
        np.testing.assert_allclose(domain.interface_area(plus, minus), area, rtol=1e-12)
    normal, x = ufl.FacetNormal(domain.mesh), ufl.SpatialCoordinate(domain.mesh)
    for plus, minus in (("a", "b"), ("b", "a")):
        got = domain.integral(domain.on_interface(ufl.inner(x("+"), normal("+")), [plus], [minus]))
        np.testing.assert_allclose(got, patches.outflow(plus, minus, lambda x: x), rtol=1e-11)


def check_measures(coordinates: Any, comm: MPI.Intracomm = MPI.COMM_WORLD) -> None:
    """Volumes of regions and boundaries restricted to regions."""
    import ufl

    patches = patchwork(coordinates, comm)
    domain = patches.domain
    for regions in ({"a"}, {"b", "c"}, set(REGIONS)):
        np.testing.assert_allclose(domain.volume(regions), patches.volume(regions), rtol=1e-12)
    x = ufl.SpatialCoordinate(domain.mesh)
    for name, axis, place in (("low 1", 1, 0.0), ("high 0", 0, 1.0)):
        for regions in ({"a"}, {"b", "c"}, set(REGIONS)):
            got = domain.integral(domain.on_boundary(left(x), name, regions))
            wanted = patches.boundary(axis, place, regions, left)
            np.testing.assert_allclose(got, wanted, rtol=1e-12, err_msg=f"{name} {regions}")
        area = patches.boundary(axis, place, set(REGIONS), lambda x: 1.0)
        np.testing.assert_allclose(domain.boundary_area(name), area, rtol=1e-12)
        # a function that lives on some regions only, on its part of the boundary
        some = function(patches, {"a", "c"}, right)
        got = domain.integral(domain.on_boundary(some, name, {"c"}))
        np.testing.assert_allclose(got, patches.boundary(axis, place, {"c"}, right), rtol=1e-12)


def check_supports(coordinates: Any, comm: MPI.Intracomm = MPI.COMM_WORLD) -> None:
    """Submesh cells, ghosts included, sit where their parents are; together they own each cell once."""
    patches = patchwork(coordinates, comm)
    domain = patches.domain
    tdim = domain.dimension
    for regions in ({"a"}, {"a", "b"}, set(REGIONS)):
        support = domain.support(regions)
        assert domain.support(reversed(sorted(regions))) is support
        cells = support.mesh.topology.index_map(tdim)
        assert len(support.parent_entities) == cells.size_local + cells.num_ghosts
        assert cells.size_global == int(np.isin(patches.region, [REGIONS[r] for r in regions]).sum())
        here = support.mesh.geometry.x[support.mesh.geometry.dofmaps[0]].mean(axis=1)
        there = domain.mesh.geometry.x[domain.mesh.geometry.dofmaps[0]][support.parent_entities].mean(axis=1)
        np.testing.assert_allclose(here, there, atol=1e-14)
        tags = domain.cell_region[support.parent_entities]
        assert set(np.unique(tags)) <= {REGIONS[r] for r in regions}
    whole = domain.support(REGIONS)
    assert whole.mesh is domain.mesh and whole.entity_map is None
    facets = domain.interface_support(["a"], ["b"])
    middle = facets.mesh.geometry.x[facets.mesh.geometry.dofmaps[0]].mean(axis=1)
    number = facets.mesh.topology.index_map(tdim - 1)
    assert len(facets.parent_entities) == number.size_local + number.num_ghosts
    wanted = sum(
        {int(r) for r in patches.region[cells]} == {REGIONS["a"], REGIONS["b"]}
        for cells in patches.facets().values()
        if len(cells) == 2
    )
    assert number.size_global == wanted
    nodes = mesh.entities_to_geometry(domain.mesh, tdim - 1, facets.parent_entities)
    np.testing.assert_allclose(middle, domain.mesh.geometry.x[nodes].mean(axis=1), atol=1e-14)


ALL = (check_interfaces, check_measures, check_supports)
KINDS = ("plane strain", "axisymmetric", "3D")
