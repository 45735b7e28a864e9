"""From the state to arrays: stress averaged over cells, and nodal values region by region."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import chemomech.runtime  # noqa: F401

import basix.ufl
import dolfinx.la
import numpy as np
import numpy.typing as npt
import ufl
from dolfinx import fem

from chemomech.domain import Domain
from chemomech.fields import Field, State

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int32]

VTK_ORDER = {"quadrilateral": (0, 1, 3, 2), "hexahedron": (0, 1, 3, 2, 4, 5, 7, 6)}
"""corners in turn around a face, as VTK wants them, where the finite elements count along the axes"""
VOIGT = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))


class CellAverages:
    """Averages a symmetric 3 x 3 tensor over every owned cell (weighted by 2 pi r when axisymmetric)."""

    def __init__(
        self,
        domain: Domain,
        tensors: Callable[[str], Any],
        regions: Sequence[str],
        compile_form: Callable[[Any], Any],
    ) -> None:
        """``tensors(region)`` is the UFL tensor there."""
        cell = domain.mesh.basix_cell()
        space = fem.functionspace(domain.mesh, basix.ufl.element("DG", cell, 0, shape=(6,)))
        test = ufl.TestFunction(space)
        form = ufl.Form([])
        for name in regions:
            tensor = tensors(name)
            components = ufl.as_vector([tensor[i, j] for i, j in VOIGT])
            form += domain.over(ufl.inner(components, test), [name])
        self._form = compile_form(form)
        self._count = domain.mesh.topology.index_map(domain.dimension).size_local
        self.volumes = cell_volumes(domain, compile_form)
        """of the owned cells [um^3]; per um of depth in plane strain"""

    def evaluate(self) -> FloatArray:
        """Return the tensor in every owned cell, (cells, 3, 3)."""
        values = _assembled(self._form).reshape(-1, 6)[: self._count] / self.volumes[:, None]
        tensor = np.empty((self._count, 3, 3))
        for k, (i, j) in enumerate(VOIGT):
            tensor[:, i, j] = tensor[:, j, i] = values[:, k]
        return tensor


def cell_volumes(domain: Domain, compile_form: Callable[[Any], Any] = fem.form) -> FloatArray:
    """Return the volumes of the owned cells [um^3]; per um of depth in plane strain, with 2 pi r when axisymmetric."""
    space = fem.functionspace(domain.mesh, basix.ufl.element("DG", domain.mesh.basix_cell(), 0))
    weight = domain.over(fem.Constant(domain.mesh, 1.0) * ufl.TestFunction(space), domain.regions)
    return _assembled(compile_form(weight))[: domain.mesh.topology.index_map(domain.dimension).size_local]


def cell_means(
    domain: Domain,
    vectors: Mapping[str, Any],
    compile_form: Callable[[Any], Any],
    volumes: FloatArray,
) -> FloatArray:
    """Return the mean of a vector in every owned cell, (cells, d); ``vectors``: its UFL form by region, else 0."""
    d = domain.dimension
    space = fem.functionspace(domain.mesh, basix.ufl.element("DG", domain.mesh.basix_cell(), 0, shape=(d,)))
    test = ufl.TestFunction(space)
    form = sum((domain.over(ufl.inner(v, test), [name]) for name, v in vectors.items()), ufl.Form([]))
    return np.asarray(_assembled(compile_form(form)).reshape(-1, d)[: len(volumes)] / volumes[:, None])


def _assembled(form: Any) -> FloatArray:
    vector = fem.assemble_vector(form)
    vector.scatter_reverse(dolfinx.la.InsertMode.add)
    return np.asarray(vector.array.copy())


@dataclass(frozen=True)
class RegionGrid:
    """This rank's cells, with points doubled region by region so that fields may jump at interfaces."""

    points: FloatArray
    """(points, 3) [um]"""
    cells: IntArray
    """(cells, corners) rows of ``points``, in VTK order"""
    region: IntArray
    """region number of each cell: the position of its name in ``regions``"""
    parent: IntArray
    """owned cell of the mesh behind each cell here"""
    regions: tuple[str, ...]
    order: tuple[int, ...]
    """which corner of the finite element each corner of a cell is"""

    @classmethod
    def of(cls, domain: Domain) -> "RegionGrid":
        """Make the grid of the owned cells of a domain."""
        points, cells, region, parent, start = [], [], [], [], 0
        count = domain.mesh.geometry.dofmaps[0].shape[1]
        order = VTK_ORDER.get(domain.mesh.topology.cell_name(), tuple(range(count)))
        for number, name in enumerate(domain.regions):
            mine = domain.owned_cells([name])
            corners = domain.mesh.geometry.dofmaps[0][mine][:, order]
            nodes, local = np.unique(corners.reshape(-1), return_inverse=True)
            points.append(domain.mesh.geometry.x[nodes])
            cells.append(local.reshape(corners.shape) + start)
            region.append(np.full(len(mine), number))
            parent.append(mine)
            start += len(nodes)
        return cls(
            np.concatenate(points),
            np.concatenate(cells).astype(np.int32),
            np.concatenate(region).astype(np.int32),
            np.concatenate(parent).astype(np.int32),
            tuple(domain.regions),
            order,
        )

    def nodal(self, state: State, item: Field) -> FloatArray:
        """Values of a field at the points, nan where it does not live; (points,) or (points, 3)."""
        return self.placed(state, item, state.unknowns[item].array())

    def placed(self, state: State, item: Field, array: FloatArray) -> FloatArray:
        """Like `nodal`, for other values at the degrees of freedom of a field, ghosts included."""
        unknown = state.unknowns[item]
        block = unknown.space.dofmap.index_map_bs
        values = np.full((len(self.points), block), np.nan)
        inverse = np.full(len(state.domain.cell_region), -1, dtype=np.int64)
        inverse[unknown.support.parent_entities] = np.arange(len(unknown.support.parent_entities))
        local = inverse[self.parent]
        here = local >= 0
        # the first degrees of freedom of a Lagrange cell sit at its corners
        dofs = unknown.space.dofmap.list[local[here]][:, self.order]
        values[self.cells[here]] = array.reshape(-1, block)[dofs]
        if block == 1:
            return values[:, 0]
        padded = np.zeros((len(self.points), 3))
        padded[:, :block] = values
        return padded
