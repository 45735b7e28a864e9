"""A matrix of blocks, one for each pair of fields, into which forms are assembled."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import chemomech.runtime  # noqa: F401

import dolfinx.cpp as cpp
import numpy as np
from dolfinx import fem
from petsc4py import PETSc

SAME: Final = PETSc.Mat.Structure.SAME_NONZERO_PATTERN

type Pair = tuple[int, int]


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

    def take(self, other: "BlockMatrix", pairs: Iterable[Pair]) -> None:
        """Set these blocks to those of another matrix of the same pattern, to zero where it has none."""
        for pair in pairs:
            if pair in other.blocks:
                other.blocks[pair].copy(self.blocks[pair], SAME)
            else:
                self.blocks[pair].zeroEntries()

    def multiply(self, x: Sequence[PETSc.Vec], result: Sequence[PETSc.Vec]) -> None:
        """Set result = matrix x, by field (owned entries)."""
        for vector in result:
            vector.set(0.0)
        for (i, j), block in self.blocks.items():
            block.multAdd(x[j], result[i], result[i])

    def ignore_zeros(self, pairs: Iterable[Pair]) -> None:
        """Leave explicit zeros out of the pattern of these blocks from now on."""
        for pair in pairs:
            self.blocks[pair].setOption(PETSc.Mat.Option.IGNORE_ZERO_ENTRIES, True)

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
        new.setOption(PETSc.Mat.Option.IGNORE_ZERO_ENTRIES, True)
        old.destroy()
        self.blocks[pair] = new

    def nest(self) -> PETSc.Mat:
        """Return the blocks as one PETSc matrix of type nest, which shares them."""
        count = range(len(self.spaces))
        comm = self.spaces[0].mesh.comm
        return PETSc.Mat().createNest([[self.blocks.get((i, j)) for j in count] for i in count], comm=comm)


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
