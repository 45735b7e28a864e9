"""The derivative of a residual about a state, as a function of the factor that stands for d/dt.

Every rate is a0 * value + history, so the Jacobian assembled at the time factor a is K + a M: K is the one at a = 0.
Rates at the state keep their values while a is varied.
"""

from collections.abc import Callable
from typing import Final

import chemomech.runtime  # noqa: F401

import numpy as np
from dolfinx.fem import petsc as fempetsc
from petsc4py import PETSc

from chemomech.errors import RunError
from chemomech.fields import State
from chemomech.solver.blockmatrix import ignore_zeros
from chemomech.solver.newton import BlockProblem

LARGE_FACTOR: Final = 1e9
"""time factor at which M is read off [1/s]: so large that the digits of K do not hide those of M"""


class Linearised:
    """The residual's derivative about the state it is in; the state is as before after every call."""

    def __init__(self, problem: BlockProblem, state: State) -> None:
        self.problem, self.state = problem, state
        a0 = float(state.time_factor.value)
        self._rates = {
            u.field: a0 * u.function.x.array + u.history.x.array
            for u in state.unknowns.values()
            if u.history is not None
        }

    @property
    def ends(self) -> list[int]:
        """Where the fields end in the rows that this rank owns."""
        spaces = [function.function_space for function in self.problem.functions]
        return [
            int(n) for n in np.cumsum([s.dofmap.index_map.size_local * s.dofmap.index_map_bs for s in spaces])
        ]

    def at(self, factor: float, *, nest: bool = False, matrix: PETSc.Mat | None = None) -> PETSc.Mat:
        """Assemble K + factor M (collective), anew or into a matrix that this returned for another factor > 0."""
        return self.evaluate(factor, lambda: self._assemble(nest, matrix))

    def evaluate[T](self, factor: float, action: Callable[[], T]) -> T:
        """Do something with a time factor in force, rates keeping their values."""
        before = float(self.state.time_factor.value)
        kept = {u.field: u.history.x.array.copy() for u in self.state.dynamic if u.history is not None}
        try:
            self.state.time_factor.value = factor
            for unknown in self.state.dynamic:
                assert unknown.history is not None
                rate = self._rates.get(unknown.field, 0.0)
                unknown.history.x.array[:] = rate - factor * unknown.function.x.array
            return action()
        finally:
            self.state.time_factor.value = before
            for unknown in self.state.dynamic:
                assert unknown.history is not None
                unknown.history.x.array[:] = kept[unknown.field]

    def pair(self, assemble: Callable[[], PETSc.Mat] | None = None) -> tuple[PETSc.Mat, PETSc.Mat]:
        """Return K and M of what ``assemble`` makes, without it as whole matrices (collective)."""
        make = assemble or (lambda: self._assemble(nest=False, matrix=None))
        stiffness, damping = self.evaluate(0.0, make), self.evaluate(LARGE_FACTOR, make)
        damping.axpy(-1.0, stiffness, PETSc.Mat.Structure.DIFFERENT_NONZERO_PATTERN)
        damping.scale(1.0 / LARGE_FACTOR)
        return stiffness, damping

    def _assemble(self, nest: bool, matrix: PETSc.Mat | None) -> PETSc.Mat:
        forms = self.problem.jacobian_forms
        if matrix is None:
            matrix = fempetsc.create_matrix(forms, kind="nest" if nest else None)
            for block in _blocks(matrix):
                # Interface forms couple degree of freedom 0 with a whole interface by explicit zeros.
                ignore_zeros(block)
        else:
            for block in _blocks(matrix):
                block.zeroEntries()
        fempetsc.assemble_matrix(matrix, forms, self.problem.bcs, diag=1.0)
        matrix.assemble()
        return matrix


def unsolved(omega: float, why: str) -> RunError:
    """Return the error of a solve at an angular frequency [1/s]."""
    return RunError(f"the linearised model was not solved at {omega / (2 * np.pi):.4g} Hz: {why}")


def _blocks(matrix: PETSc.Mat) -> list[PETSc.Mat]:
    if matrix.getType() != "nest":
        return [matrix]
    rows, columns = matrix.getNestSize()
    found = [matrix.getNestSubMatrix(i, j) for i in range(rows) for j in range(columns)]
    return [block for block in found if block]
