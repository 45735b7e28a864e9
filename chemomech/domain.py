"""The mesh as the physics sees it: regions, oriented interfaces, boundaries, submeshes and measures.

Conventions
-----------
* An interface is an ordered pair of region groups; the "+" side of its measure is always the first of the pair,
  whatever the cell numbering or the number of ranks.  (A facet MeshTags measure would mix the sides.)
* Measures carry 2 pi r when the coordinates are axisymmetric (x = r, y = z), so no physics needs to know.
* Tensors are 3 x 3 in every coordinate system: plane strain has e_zz = 0, axisymmetric has e_tt = u_r / r.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, cast

import chemomech.runtime  # noqa: F401

import basix.ufl
import numpy as np
import numpy.typing as npt
import ufl
from dolfinx import cpp, fem, mesh
from dolfinx.io import gmsh as gmshio
from mpi4py import MPI

from chemomech.errors import InputError, Problem
from chemomech.geometry.cells import VOID

Coordinates = Literal["plane strain", "axisymmetric", "3D"]
Int32Array = npt.NDArray[np.int32]
FloatArray = npt.NDArray[np.float64]

FREE_SURFACE: Final = VOID
"""the boundary that is never held: the surface of voids, which no plane describes"""
DIMENSION: dict[str, int] = {"plane strain": 2, "axisymmetric": 2, "3D": 3}


@dataclass(frozen=True)
class Support:
    """A part of the mesh that carries fields: a submesh and how its cells sit in the parent."""

    mesh: mesh.Mesh
    regions: frozenset[str]
    entity_map: mesh.EntityMap | None
    parent_entities: Int32Array
    """parent cell (or facet) of each local cell of ``mesh``, ghosts included"""


@dataclass
class Domain:
    """A distributed mesh with named regions and boundaries, and the integrals over them."""

    mesh: mesh.Mesh
    coordinates: Coordinates
    regions: dict[str, int]
    boundaries: dict[str, int]
    cell_region: Int32Array
    """region tag of every local cell, ghosts included"""
    facet_boundary: dict[str, Int32Array]
    """local facets of each named boundary"""
    quadrature_degree: int
    _supports: dict[Any, Support] = field(default_factory=dict)
    _subdomains: dict[str, list[tuple[int, Int32Array]]] = field(default_factory=dict)
    _identities: dict[Any, int] = field(default_factory=dict)
    _point_spaces: dict[str, fem.FunctionSpace] = field(default_factory=dict)

    @property
    def comm(self) -> MPI.Intracomm:
        """The communicator of the mesh."""
        return cast(MPI.Intracomm, self.mesh.comm)

    @property
    def dimension(self) -> int:
        """Topological and geometric dimension (2 or 3)."""
        return int(self.mesh.topology.dim)

    @property
    def entity_maps(self) -> list[mesh.EntityMap]:
        """The maps that forms mixing submeshes need."""
        return [s.entity_map for s in self._supports.values() if s.entity_map is not None]

    def cells(self, regions: Iterable[str]) -> Int32Array:
        """Return the local cells of these regions, ghosts included."""
        tags = [self.regions[name] for name in regions]
        return np.flatnonzero(np.isin(self.cell_region, tags)).astype(np.int32)

    def owned_cells(self, regions: Iterable[str]) -> Int32Array:
        """Return the owned cells of these regions."""
        cells = self.cells(regions)
        return np.asarray(cells[cells < self.mesh.topology.index_map(self.dimension).size_local], np.int32)

    def support(self, regions: Iterable[str]) -> Support:
        """Return the submesh that these regions make; the parent mesh itself when they are all of it."""
        key = frozenset(regions)
        if key not in self._supports:
            if key == frozenset(self.regions):
                cells = np.arange(len(self.cell_region), dtype=np.int32)
                self._supports[key] = Support(self.mesh, key, None, cells)
            else:
                submesh, cell_map, _, _ = mesh.create_submesh(self.mesh, self.dimension, self.cells(key))
                self._supports[key] = Support(submesh, key, cell_map, _parents(submesh, cell_map))
        return self._supports[key]

    def interface_support(self, plus: Iterable[str], minus: Iterable[str]) -> Support:
        """Return the codimension-1 submesh of the facets between two groups of regions."""
        a, b = frozenset(plus), frozenset(minus)
        key = ("interface", a, b)
        if key not in self._supports:
            facets = self._interface_facets(a, b, owned=False)
            submesh, facet_map, _, _ = mesh.create_submesh(self.mesh, self.dimension - 1, facets)
            self._supports[key] = Support(submesh, a | b, facet_map, _parents(submesh, facet_map))
        return self._supports[key]

    def boundary_support(self, boundary: str, regions: Iterable[str]) -> Support:
        """Return the codimension-1 submesh of that part of a boundary where the given regions end."""
        part = frozenset(regions)
        key = ("boundary", boundary, part)
        if key not in self._supports:
            tags = [self.regions[name] for name in part]
            facets = self.facet_boundary[boundary]
            facets = facets[np.isin(self.cell_region[self._first_cell(facets)], tags)]
            submesh, facet_map, _, _ = mesh.create_submesh(self.mesh, self.dimension - 1, facets)
            self._supports[key] = Support(submesh, part, facet_map, _parents(submesh, facet_map))
        return self._supports[key]

    def face_support(self, face: str) -> Support:
        """Return the submesh of a face: an interface "a|b", or "a@boundary", where a region ends at a boundary."""
        region, mark, other = face.partition("@")
        if mark:
            return self.boundary_support(other, [region])
        one, _, two = face.partition("|")
        return self.interface_support([one], [two])

    def on_face(self, integrand: Any, face: str) -> ufl.Form:
        """Integrate over a face; on an interface "+" is the first region."""
        region, mark, other = face.partition("@")
        if mark:
            return self.on_boundary(integrand, other, [region])
        one, _, two = face.partition("|")
        return self.on_interface(integrand, [one], [two])

    def point_space(self, face: str) -> fem.FunctionSpace:
        """Return the space of one number per integration point of a face."""
        if face not in self._point_spaces:
            body = self.face_support(face).mesh
            element = basix.ufl.quadrature_element(body.basix_cell(), degree=self.quadrature_degree)
            self._point_spaces[face] = fem.functionspace(body, element)
        return self._point_spaces[face]

    def facets_in(self, support: Support, facets: Int32Array) -> Int32Array:
        """Return local facets of the mesh that bound cells of a support in the numbering of its submesh."""
        if support.entity_map is None:
            return facets
        tdim = self.dimension
        body = support.mesh
        body.topology.create_connectivity(tdim, tdim - 1)
        body.topology.create_connectivity(tdim - 1, tdim)
        inverse = np.full(len(self.cell_region), -1, dtype=np.int32)
        inverse[support.parent_entities] = np.arange(len(support.parent_entities), dtype=np.int32)
        to_cells = self.mesh.topology.connectivity(tdim - 1, tdim)
        each = cpp.mesh.cell_num_entities(self.mesh.topology.cell_type, tdim - 1)
        here, there = (
            one.topology.connectivity(tdim, tdim - 1).array.reshape(-1, each) for one in (self.mesh, body)
        )
        # every facet with its first and, inside, its second cell
        first, end = to_cells.offsets[facets], to_cells.offsets[facets + 1]
        two = end - first == 2
        facet = np.concatenate([facets, facets[two]])
        cell = to_cells.array[np.concatenate([first, first[two] + 1])]
        inside = inverse[cell] >= 0
        facet, cell = facet[inside], cell[inside]
        place = np.argmax(here[cell] == facet[:, None], axis=1)
        return np.unique(there[inverse[cell], place]).astype(np.int32)

    # ---- geometry ---------------------------------------------------------------------------------

    @property
    def weight(self) -> Any:
        """Factor of every integral: 2 pi r when axisymmetric, else 1."""
        if self.coordinates == "axisymmetric":
            return 2 * np.pi * ufl.SpatialCoordinate(self.mesh)[0]
        return 1.0

    def strain(self, displacement: Any) -> Any:
        """Return the 3 x 3 small-strain tensor of a displacement [-]."""
        e = ufl.sym(ufl.grad(displacement))
        if self.coordinates == "3D":
            return e
        hoop = 0.0 * e[0, 0]
        if self.coordinates == "axisymmetric":
            hoop = displacement[0] / ufl.SpatialCoordinate(self.mesh)[0]
        return ufl.as_tensor([[e[0, 0], e[0, 1], 0], [e[1, 0], e[1, 1], 0], [0, 0, hoop]])

    # ---- integrals --------------------------------------------------------------------------------

    def _measure(
        self, kind: str, key: Any, entities: Callable[[], Int32Array], at_vertices: bool = False
    ) -> ufl.Measure:
        # All measures of one kind share one list of (id, entities): dolfinx refuses a form whose integrals
        # of one kind carry different subdomain data.
        data = self._subdomains.setdefault(kind, [])
        identity = (kind, key)
        if identity not in self._identities:
            self._identities[identity] = len(data) + 1
            data.append((len(data) + 1, entities()))
        metadata: dict[str, Any] = {"quadrature_degree": self.quadrature_degree}
        if at_vertices:
            metadata = {"quadrature_rule": "vertex", "quadrature_degree": 1}
        measure = ufl.Measure(kind, domain=self.mesh, subdomain_data=data, metadata=metadata)
        return measure(self._identities[identity])

    def over(self, integrand: Any, regions: Iterable[str]) -> ufl.Form:
        """Integrate over regions (their sum), with the coordinate weight."""
        key = frozenset(regions)
        return self.weight * integrand * self._measure("dx", key, lambda: self.owned_cells(key))

    def at_vertices(self, integrand: Any, regions: Iterable[str], weighted: bool = True) -> ufl.Form:
        """Sum over the vertices of regions, each with its share of the volume: what is nonlinear stays pointwise.

        ``weighted = False`` leaves the coordinate weight out, for equations that hold at every vertex, also on an axis.
        """
        key = frozenset(regions)
        weight = self.weight if weighted else 1.0
        return weight * integrand * self._measure("dx", key, lambda: self.owned_cells(key), at_vertices=True)

    def on_boundary(self, integrand: Any, boundary: str, regions: Iterable[str] | None = None) -> ufl.Form:
        """Integrate over a named boundary, or over that part of it where the given regions end."""
        part = None if regions is None else frozenset(regions)
        measure = self._measure(
            "ds",
            (boundary, part),
            lambda: self._integration_data(
                fem.IntegralType.exterior_facet, self.boundary_facets(boundary, part)
            ),
        )
        return self.weight * integrand * measure

    def on_interface(self, integrand: Any, plus: Iterable[str], minus: Iterable[str]) -> ufl.Form:
        """Integrate over the interface between two groups of regions; "+" is always the first group."""
        a, b = frozenset(plus), frozenset(minus)
        measure = self._measure("dS", (a, b), lambda: self._oriented_facets(a, b))
        weight = self.weight("+") if self.coordinates == "axisymmetric" else 1.0
        return weight * integrand * measure

    def place(self, integral: Any) -> str:
        """Name where an integral made here is taken: "a", "a|b", or a boundary."""
        kind = {"cell": "dx", "exterior_facet": "ds", "interior_facet": "dS"}[integral.integral_type()]
        key = next(
            known
            for (sort, known), number in self._identities.items()
            if sort == kind and number == integral.subdomain_id()
        )
        if kind == "dx":
            return "+".join(sorted(key))
        if kind == "ds":
            return str(key[0])
        return "|".join("+".join(sorted(side)) for side in key)

    def _oriented_facets(self, a: frozenset[str], b: frozenset[str]) -> Int32Array:
        facets = self._interface_facets(a, b, owned=True)
        data = self._integration_data(fem.IntegralType.interior_facet, facets).reshape(-1, 4)
        tags = [self.regions[name] for name in a]
        swap = ~np.isin(self.cell_region[data[:, 0]], tags)
        data[swap] = data[swap][:, [2, 3, 0, 1]]
        return np.ascontiguousarray(data.reshape(-1))

    def boundary_facets(self, boundary: str, regions: Iterable[str] | None = None) -> Int32Array:
        """Return the owned facets of a boundary, optionally only those of cells in the given regions."""
        facets = self.facet_boundary[boundary]
        facets = facets[facets < self.mesh.topology.index_map(self.dimension - 1).size_local]
        if regions is None:
            return np.asarray(facets, np.int32)
        tags = [self.regions[name] for name in regions]
        cells = self._first_cell(facets)
        return np.asarray(facets[np.isin(self.cell_region[cells], tags)], np.int32)

    def integral(self, form: ufl.Form, compile_form: Callable[[ufl.Form], Any] | None = None) -> float:
        """Assemble a scalar form over all ranks."""
        make = compile_form or (lambda f: fem.form(f, entity_maps=self.entity_maps))
        return float(self.comm.allreduce(fem.assemble_scalar(make(form)), op=MPI.SUM))

    def volume(self, regions: Iterable[str]) -> float:
        """Volume of these regions [um^3]; per um of depth in plane strain [um^2]."""
        return self.integral(self.over(fem.Constant(self.mesh, 1.0), regions))

    def boundary_area(self, boundary: str, regions: Iterable[str] | None = None) -> float:
        """Area of a boundary [um^2]; per um of depth in plane strain [um]."""
        return self.integral(self.on_boundary(fem.Constant(self.mesh, 1.0), boundary, regions))

    def interface_area(self, plus: Iterable[str], minus: Iterable[str]) -> float:
        """Area of an interface [um^2]; per um of depth in plane strain [um]."""
        return self.integral(self.on_interface(fem.Constant(self.mesh, 1.0), plus, minus))

    def largest_facet(self, face: str) -> float:
        """Return the length of the largest facet of a face [um] (collective)."""
        body = self.face_support(face).mesh
        owned = body.topology.index_map(body.topology.dim).size_local
        sizes = body.h(body.topology.dim, np.arange(owned, dtype=np.int32))
        return float(self.comm.allreduce(float(np.max(sizes, initial=0.0)), op=MPI.MAX))

    def normal_axis(self, boundary: str) -> int:
        """Return the coordinate to which a plane boundary is perpendicular; InputError when it is not plane."""
        nodes = mesh.entities_to_geometry(self.mesh, self.dimension - 1, self.facet_boundary[boundary])
        x = self.mesh.geometry.x[nodes.reshape(-1)]
        huge = np.finfo(float).max
        low = x.min(axis=0) if len(x) else np.full(3, huge)
        high = x.max(axis=0) if len(x) else np.full(3, -huge)
        spans = np.empty(3)
        for axis in range(3):
            top = self.comm.allreduce(float(high[axis]), op=MPI.MAX)
            spans[axis] = top - self.comm.allreduce(float(low[axis]), op=MPI.MIN)
        spans = spans[: self.dimension]
        axis = int(np.argmin(spans))
        if spans[axis] > 1e-6 * float(np.max(spans)):
            raise InputError(
                Problem(
                    f"boundary '{boundary}'",
                    "is not a plane perpendicular to a coordinate axis, so it cannot be a roller or be pressed",
                    "declare it free: [mechanics] free = ['" + boundary + "']",
                )
            )
        return axis

    # ---- topology ---------------------------------------------------------------------------------

    def _first_cell(self, facets: Int32Array) -> Int32Array:
        links = self.mesh.topology.connectivity(self.dimension - 1, self.dimension)
        return np.asarray(links.array[links.offsets[facets]], np.int32)

    def _interface_facets(self, a: frozenset[str], b: frozenset[str], owned: bool) -> Int32Array:
        tdim = self.dimension
        links = self.mesh.topology.connectivity(tdim - 1, tdim)
        index_map = self.mesh.topology.index_map(tdim - 1)
        count = index_map.size_local if owned else index_map.size_local + index_map.num_ghosts
        offsets = links.offsets[: count + 1]
        two = np.flatnonzero(np.diff(offsets) == 2)
        first = self.cell_region[links.array[offsets[two]]]
        second = self.cell_region[links.array[offsets[two] + 1]]
        tags_a = [self.regions[name] for name in a]
        tags_b = [self.regions[name] for name in b]
        hit = (np.isin(first, tags_a) & np.isin(second, tags_b)) | (
            np.isin(first, tags_b) & np.isin(second, tags_a)
        )
        return two[hit].astype(np.int32)

    def _integration_data(self, kind: fem.IntegralType, facets: Int32Array) -> Int32Array:
        data = fem.compute_integration_domains(kind, self.mesh.topology, np.sort(facets))
        return np.array(data, dtype=np.int32).reshape(-1)

    def adjacent(self) -> set[tuple[str, str]]:
        """Return the unordered pairs (sorted) of regions that share at least one facet."""
        names = {tag: name for name, tag in self.regions.items()}
        tdim = self.dimension
        links = self.mesh.topology.connectivity(tdim - 1, tdim)
        two = np.flatnonzero(np.diff(links.offsets) == 2)
        first = self.cell_region[links.array[links.offsets[two]]]
        second = self.cell_region[links.array[links.offsets[two] + 1]]
        unlike = first != second  # a handful of millions of facets
        pairs = np.sort(np.stack([first[unlike], second[unlike]], axis=1), axis=1)
        mine = {(int(p), int(q)) for p, q in np.unique(pairs, axis=0)}
        found = set().union(*self.comm.allgather(mine))
        return {cast(tuple[str, str], tuple(sorted((names[p], names[q])))) for p, q in found}


def _parents(submesh: mesh.Mesh, entity_map: mesh.EntityMap) -> Int32Array:
    index_map = submesh.topology.index_map(submesh.topology.dim)
    local = np.arange(index_map.size_local + index_map.num_ghosts, dtype=np.int32)
    return np.asarray(entity_map.sub_topology_to_topology(local, False), dtype=np.int32)


def read_domain(
    path: Path, coordinates: Coordinates, comm: MPI.Intracomm, quadrature_degree: int = 4
) -> Domain:
    """Read a .msh file with named physical groups for regions (cells) and boundaries (facets); lengths in um."""
    # Interface integrals need the cell on the other side of a facet, also where ranks meet.
    partitioner = mesh.create_cell_partitioner(mesh.GhostMode.shared_facet, 2)
    data = _read_quietly(path, comm, DIMENSION[coordinates], partitioner)
    tdim = data.mesh.topology.dim
    regions = {name: group.tag for name, group in data.physical_groups.items() if group.dim == tdim}
    boundaries = {name: group.tag for name, group in data.physical_groups.items() if group.dim == tdim - 1}
    if tdim != DIMENSION[coordinates] or data.cell_tags is None or not regions:
        raise InputError(
            Problem(str(path), "has no named cell groups", "give every region a physical group with a name")
        )
    facets = {
        name: (data.facet_tags.find(tag) if data.facet_tags is not None else np.empty(0, np.int32))
        for name, tag in boundaries.items()
    }
    return make_domain(
        data.mesh,
        coordinates,
        regions,
        data.cell_tags.indices,
        data.cell_tags.values,
        facets,
        quadrature_degree,
    )


def _read_quietly(path: Path, comm: MPI.Intracomm, dimension: int, partitioner: Any) -> gmshio.MeshData:
    # dolfinx's own reader leaves gmsh talking to the terminal.  gmsh is needed here alone, not by who imports this.
    import gmsh

    if comm.rank != 0:
        return gmshio.model_to_mesh(gmsh.model, comm, 0, gdim=dimension, partitioner=partitioner)
    gmsh.initialize([], readConfigFiles=False, interruptible=False)  # else Ctrl-C would kill a run
    try:
        gmsh.option.setNumber("General.Terminal", 0)
        gmsh.merge(str(path))
        return gmshio.model_to_mesh(gmsh.model, comm, 0, gdim=dimension, partitioner=partitioner)
    finally:
        gmsh.finalize()


def make_domain(
    msh: mesh.Mesh,
    coordinates: Coordinates,
    regions: dict[str, int],
    cells: Int32Array,
    values: Int32Array,
    facets: dict[str, Int32Array],
    quadrature_degree: int = 4,
) -> Domain:
    """Make a domain from a dolfinx mesh (ghosted by shared facets), cell tags and named boundary facets."""
    tdim = msh.topology.dim
    msh.topology.create_entities(tdim - 1)
    msh.topology.create_connectivity(tdim - 1, tdim)
    msh.topology.create_connectivity(tdim, tdim - 1)
    index_map = msh.topology.index_map(tdim)
    tags = np.full(index_map.size_local + index_map.num_ghosts, -1, dtype=np.int32)
    tags[cells] = values
    boundaries = {name: i + 1 for i, name in enumerate(facets)}
    return Domain(msh, coordinates, regions, boundaries, tags, facets, quadrature_degree)


def check_names(domain: Domain, regions: Sequence[str], boundaries: Sequence[str], place: str) -> None:
    """Raise InputError when the mesh lacks a region or boundary that the case names."""
    problems = [
        Problem(place, f"the mesh has no region '{name}'", f"its regions are {sorted(domain.regions)}")
        for name in regions
        if name not in domain.regions
    ]
    problems += [
        Problem(
            place, f"the mesh has no boundary '{name}'", f"its boundaries are {sorted(domain.boundaries)}"
        )
        for name in boundaries
        if name not in domain.boundaries
    ]
    problems += [
        Problem(
            place, f"region '{name}' of the mesh has no entry in [regions]", "give it a material and a role"
        )
        for name in domain.regions
        if name not in regions
    ]
    if problems:
        raise InputError(problems)
