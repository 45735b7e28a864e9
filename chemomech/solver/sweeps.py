"""Small oscillations on meshes that are too large to factorise: (K + i w M) x = b, or with both matrices transposed."""

from collections.abc import Sequence
from typing import Final

import chemomech.runtime  # noqa: F401

import numpy as np
import numpy.typing as npt
from dolfinx.fem import petsc as fempetsc
from mpi4py import MPI
from petsc4py import PETSc

from chemomech.solver.linearised import Linearised, unsolved
from chemomech.solver.transposed import TransposableBlockPreconditioner

type Array = npt.NDArray[np.float64]
type ComplexArray = npt.NDArray[np.complex128]

TOLERANCE: Final = 1e-11
"""of the residual against the load: what the shares of a spectrum do not add up to"""
INNER_TOLERANCE: Final = 1e-2
"""of the solves with K + w M inside a sweep"""
MOST_ITERATIONS: Final = 400


class Iterative:
    """Flexible GMRES on the real system [[K, -w M], [w M, K]], for meshes too large to factorise.

    One sweep, with H = K + w M (the Jacobian of an implicit step of length 1/w):
    h = H^-1 (f + g), y = H^-1 (g - w M h), x = h - y   (Axelsson, Neytcheva and Ahmad, 2014).
    The transposed system is the same with K^T and H^T, whose preconditioner is the transposed one.
    """

    def __init__(self, linearised: Linearised, comm: MPI.Intracomm) -> None:
        self._linearised, self._comm, self._omega = linearised, comm, -1.0
        self._still = linearised.at(0.0, nest=True)
        self._sum = linearised.at(1.0, nest=True)
        problem = linearised.problem
        self._inner = PETSc.KSP().create(comm)
        self._inner.setType("fgmres")
        self._inner.setTolerances(rtol=INNER_TOLERANCE, atol=1e-300, max_it=60)
        self._inner.getPC().setType("python")
        self._preconditioner = TransposableBlockPreconditioner(problem.traits, problem.functions)
        self._inner.getPC().setPythonContext(self._preconditioner)
        spaces = [function.function_space for function in problem.functions]
        self._vectors = [fempetsc.create_vector(spaces, kind="nest") for _ in range(2)]
        own = int(self._vectors[0].getLocalSize())
        size = ((2 * own, PETSc.DETERMINE), (2 * own, PETSc.DETERMINE))
        self._pair = _Pair(self._still, self._sum, self._inner, self._vectors)
        self._shell = PETSc.Mat().createPython(size, self._pair, comm=comm)
        self._outer = PETSc.KSP().create(comm)
        self._outer.setType("fgmres")
        self._outer.setGMRESRestart(80)
        self._outer.setTolerances(rtol=TOLERANCE, atol=1e-300, max_it=MOST_ITERATIONS)
        self._outer.getPC().setType("python")
        self._outer.getPC().setPythonContext(self._pair)
        self._outer.setOperators(self._shell)
        self._answer, self._load = self._shell.createVecs()
        self.iterations = 0
        """of the last solve"""

    def solve(self, omega: float, load: Array, *, transposed: bool = False) -> ComplexArray:
        """Return x."""
        if omega != self._omega:
            self._linearised.at(omega, nest=True, matrix=self._sum)
            self._preconditioner.refresh()
            self._inner.setOperators(self._sum)
            self._omega = omega
        self._pair.transposed = transposed
        self._load.setArray(np.concatenate([load, np.zeros_like(load)]))
        self._outer.solve(self._load, self._answer)
        self.iterations = int(self._outer.getIterationNumber())
        if self._outer.getConvergedReason() <= 0:
            raise unsolved(omega, f"GMRES did not converge in {self.iterations} iterations")
        real, imaginary = np.split(self._answer.array.copy(), 2)
        return np.asarray(real + 1j * imaginary)

    def destroy(self) -> None:
        """Free the matrices and solvers."""
        for item in (self._outer, self._shell, self._inner, self._still, self._sum, *self._vectors):
            item.destroy()
        self._answer.destroy()
        self._load.destroy()


class _Pair:
    """What PETSc calls for the real system: K, H = K + w M and the solver with H, or the transposes of all three."""

    def __init__(
        self, still: PETSc.Mat, summed: PETSc.Mat, inner: PETSc.KSP, vectors: Sequence[PETSc.Vec]
    ) -> None:
        self.still, self.sum, self.inner, self.vectors = still, summed, inner, vectors
        self.transposed = False

    def mult(self, _: PETSc.Mat, x: PETSc.Vec, y: PETSc.Vec) -> None:
        """Multiply with the real system (called by PETSc)."""
        real, imaginary = np.split(x.array_r, 2)
        still_real, sum_real = self._times(self.still, real), self._times(self.sum, real)
        still_imaginary, sum_imaginary = (
            self._times(self.still, imaginary),
            self._times(self.sum, imaginary),
        )
        top = still_real - (sum_imaginary - still_imaginary)
        y.setArray(np.concatenate([top, still_imaginary + (sum_real - still_real)]))

    def apply(self, _: PETSc.PC, x: PETSc.Vec, y: PETSc.Vec) -> None:
        """Sweep once (called by PETSc)."""
        f, g = np.split(x.array_r, 2)
        first = self._inverse(f + g)
        moved = self._times(self.sum, first) - self._times(self.still, first)
        second = self._inverse(g - moved)
        y.setArray(np.concatenate([first - second, second]))

    def _inverse(self, right: Array) -> Array:
        load, answer = self.vectors
        _put(load, right)
        (self.inner.solveTranspose if self.transposed else self.inner.solve)(load, answer)
        return _get(answer)

    def _times(self, matrix: PETSc.Mat, values: Array) -> Array:
        given, product = self.vectors
        _put(given, values)
        (matrix.multTranspose if self.transposed else matrix.mult)(given, product)
        return _get(product)


def _put(vector: PETSc.Vec, values: Array) -> None:
    start = 0
    for part in vector.getNestSubVecs():
        count = part.getLocalSize()
        part.setArray(values[start : start + count])
        start += count


def _get(vector: PETSc.Vec) -> Array:
    return np.concatenate([part.array_r for part in vector.getNestSubVecs()])
