"""A matrix of blocks, one for each pair of fields, into which forms are assembled."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import chemomech.runtime  # noqa: F401

import dolfinx.cpp as cpp
import numpy as np
import numpy.typing as npt
from dolfinx import fem
from petsc4py import PETSc

type Pair = tuple[int, int]
type FloatArray = npt.NDArray[np.float64]
type Int32Array = npt.NDArray[np.int32]


class BlockMatrix:
    """Forms are added to blocks; `close` ends their assembly, with ones on the diagonal of rows that are held."""

    def __init__(
        self,
        spaces: Sequence[fem.FunctionSpace],
        held: Sequence[Sequence[fem.DirichletBC]],
        blocks: Mapping[Pair, PETSc.Mat],
    ) -> None:
        """``held``: constraints by field."""
        self.spaces, self.held, self.blocks = list(spaces), held, dict(blocks)

    def add(self, pair: Pair, form: fem.Form) -> None:
        """Assemble a form and add it to a block; rows and columns that are held stay empty."""
        i, j = pair
        held = [*self.held[i], *(self.held[j] if i != j else [])]
        cpp.fem.petsc.assemble_matrix(
            self.blocks[pair],
            form._cpp_object,
            fem.pack_constants(form),
            fem.pack_coefficients(form),
            [bc._cpp_object for bc in held],
        )

    def close(self, pairs: Iterable[Pair]) -> None:
        """End the assembly of these blocks (collective)."""
        for i, j in pairs:
            block = self.blocks[i, j]
            if i == j and self.held[i]:
                block.assemble(PETSc.Mat.AssemblyType.FLUSH)
                bcs = [bc._cpp_object for bc in self.held[i]]
                cpp.fem.petsc.insert_diagonal(block, self.spaces[i]._cpp_object, bcs, 1.0)
            block.assemble()

    def multiply(self, x: Sequence[PETSc.Vec], result: Sequence[PETSc.Vec]) -> None:
        """Set result = matrix x, by field (owned entries)."""
        for vector in result:
            vector.set(0.0)
        for (i, j), block in self.blocks.items():
            block.multAdd(x[j], result[i], result[i])

    def ignore_zeros(self, pairs: Iterable[Pair]) -> None:
        """Leave explicit zeros out of the pattern of these blocks from now on."""
        for pair in pairs:
            ignore_zeros(self.blocks[pair])

    def complete(self, pair: Pair) -> None:
        """Give a block of two vector fields all components where it has one (collective)."""
        from scipy import sparse  # seldom needed, and slow to import

        old = self.blocks[pair]
        (rows, columns), (first, second) = old.getSizes(), old.getBlockSizes()
        starts, indices, values = old.getValuesCSR()
        points = sparse.csr_matrix((np.ones(len(values)), indices, starts), shape=(rows[0], columns[1]))
        points = points.tobsr((first, second))
        points.data[:] = 1.0
        full = points.tocsr()
        full.sort_indices()
        csr = full.indptr.astype(PETSc.IntType), full.indices.astype(PETSc.IntType), np.zeros(full.nnz)
        new = PETSc.Mat().createAIJ((rows, columns), bsize=(first, second), csr=csr, comm=old.comm)
        new.setLGMap(*old.getLGMap())
        ignore_zeros(new)
        old.destroy()
        self.blocks[pair] = new

    def nest(self) -> PETSc.Mat:
        """Return the blocks as one PETSc matrix of type nest, which shares them."""
        count = range(len(self.spaces))
        comm = self.spaces[0].mesh.comm
        return PETSc.Mat().createNest([[self.blocks.get((i, j)) for j in count] for i in count], comm=comm)


class VaryingBlock:
    """A block that is filled anew again and again: a constant part, and one value for each component of node pairs."""

    def __init__(
        self,
        spaces: tuple[fem.FunctionSpace, fem.FunctionSpace],
        held: tuple[Sequence[fem.DirichletBC], Sequence[fem.DirichletBC]],
        pairs: tuple[Int32Array, Int32Array],
        constant: PETSc.Mat | None,
        *,
        diagonal: bool,
    ) -> None:
        """``pairs``: local nodes, ghosts included; ``diagonal``: rows that are held have ones (collective)."""
        (rows, first), (columns, second) = (layout(space) for space in spaces)
        i = _numbers(rows, first, pairs[0], held[0])[:, :, None]
        j = _numbers(columns, second, pairs[1], held[1])[:, None, :]
        outside = (i < 0) | (j < 0)
        whole_i = np.where(outside, -1, i).astype(PETSc.IntType).reshape(-1)
        whole_j = np.where(outside, -1, j).astype(PETSc.IntType).reshape(-1)
        start = rows.local_range[0] * first
        ones = np.empty(0, dtype=PETSc.IntType)
        if diagonal and held[0]:
            dofs = [indices[:owned] for indices, owned in (bc.dof_indices() for bc in held[0])]
            ones = (start + np.unique(np.concatenate(dofs))).astype(PETSc.IntType)
        self._constant, size = constant, 0
        if constant is not None:
            starts, inside, values = constant.getValuesCSR()
            size = len(values)
            own = start + np.repeat(np.arange(len(starts) - 1, dtype=PETSc.IntType), np.diff(starts))
            own[np.isin(own, ones)] = -1  # ones of its own, which it has only where it has cells
            whole_i, whole_j = np.concatenate([own, whole_i]), np.concatenate([inside, whole_j])
        count = len(outside.reshape(-1))
        self._all = np.zeros(size + count + len(ones))
        self._all[size + count :] = 1.0
        self._start = self._all[:size]
        if constant is not None:
            self._start[:] = values
        self.values = self._all[size : size + count]
        """by node pair, row component and column component; to be filled before `fill`"""
        comm = spaces[0].mesh.comm
        self.matrix = PETSc.Mat().create(comm)
        sizes = [
            (m.size_local * size, m.size_global * size) for m, size in ((rows, first), (columns, second))
        ]
        self.matrix.setSizes(sizes)
        self.matrix.setBlockSizes(first, second)
        self.matrix.setType("aij")
        self.matrix.setPreallocationCOO(np.concatenate([whole_i, ones]), np.concatenate([whole_j, ones]))
        self.fill()

    def renew(self) -> None:
        """Take the present values of the constant part."""
        if self._constant is not None:
            self._start[:] = self._constant.getValuesCSR()[2]

    def fill(self) -> None:
        """Set the matrix to the constant part and the values (collective)."""
        self.matrix.setValuesCOO(self._all, PETSc.InsertMode.INSERT)


def _numbers(
    index_map: Any, size: int, nodes: Int32Array, held: Sequence[fem.DirichletBC]
) -> npt.NDArray[np.int64]:
    # Global numbers of the components of nodes; -1 where they are held.
    local = nodes[:, None].astype(np.int64) * size + np.arange(size)
    numbers = index_map.local_to_global(nodes)[:, None].astype(np.int64) * size + np.arange(size)
    free = np.ones((index_map.size_local + index_map.num_ghosts) * size, dtype=bool)
    for bc in held:
        free[bc.dof_indices()[0]] = False
    return np.where(free[local], numbers, -1)


def ignore_zeros(matrix: PETSc.Mat) -> None:
    """Leave explicit zeros out of a matrix's pattern from now on.

    An entry that vanished and does so no more is then a new one.  PETSc refuses these, which dolfinx does not say, and
    leaves the cell out that it belongs to: so they are allowed.
    """
    matrix.setOption(PETSc.Mat.Option.IGNORE_ZERO_ENTRIES, True)
    matrix.setOption(PETSc.Mat.Option.NEW_NONZERO_ALLOCATION_ERR, False)


def create(
    spaces: Sequence[fem.FunctionSpace],
    held: Sequence[Sequence[fem.DirichletBC]],
    forms: Mapping[Pair, Sequence[fem.Form]],
) -> BlockMatrix:
    """Make a matrix whose pattern holds these forms (collective)."""
    comm, blocks = spaces[0].mesh.comm, {}
    for (i, j), parts in forms.items():
        (rows, first), (columns, second) = layout(spaces[i]), layout(spaces[j])
        pattern = cpp.la.SparsityPattern(comm, [rows, columns], [first, second])
        for form in parts:
            cpp.fem.build_sparsity_pattern(pattern, form._cpp_object)
        pattern.finalize()
        blocks[i, j] = cpp.la.petsc.create_matrix(comm, pattern, None)
    return BlockMatrix(spaces, held, blocks)


def layout(space: fem.FunctionSpace) -> tuple[Any, int]:
    """Return the index map of a space and its block size."""
    return space.dofmap.index_map, space.dofmap.index_map_bs
