"""Small oscillations about a state: (K + i w M) x = b, K = dR/dvalue and M = dR/drate of a coupled residual R.

Every rate is a0 * value + history, so the Jacobian assembled at the time factor a is K + a M: K is the one at a = 0,
and i w stands in the place of a.  Rates at the state keep their values while a is varied.

Three ways to solve, all on complex arrays of what a rank owns, block after block:
  complex     K + i w M factorised as it is (SciPy's SuperLU; one rank, few unknowns),
  direct      [[K, -w M], [w M, K]] in real numbers, factorised by MUMPS; any number of ranks,
  iterative   flexible GMRES on the same real system; each sweep uses the block preconditioner on K + w M twice.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

import chemomech.runtime  # noqa: F401

import numpy as np
import numpy.typing as npt
from dolfinx.fem import petsc as fempetsc
from mpi4py import MPI
from petsc4py import PETSc

from chemomech.errors import RunError
from chemomech.fields import State
from chemomech.solver.blocks import BlockPreconditioner
from chemomech.solver.newton import BlockProblem

if TYPE_CHECKING:
    import scipy.sparse as sparse  # slow to import, and most runs measure no spectrum

type Array = npt.NDArray[np.float64]
type ComplexArray = npt.NDArray[np.complex128]

LARGE_FACTOR: Final = 1e9
"""time factor at which M is read off [1/s]: so large that the digits of K do not hide those of M"""
COMPLEX_LIMIT: Final = 20_000
"""unknowns up to which one rank factorises complex numbers"""
REFINEMENTS: Final = 2
"""of an answer by the factors: at low frequencies the matrix is close to one without an inverse"""
ITERATIVE_TOLERANCE: Final = 1e-8
INNER_TOLERANCE: Final = 1e-2
"""of the solves with K + w M inside a sweep"""
MOST_ITERATIONS: Final = 400


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

    def pair(self) -> tuple[PETSc.Mat, PETSc.Mat]:
        """Return K and M as whole matrices (collective)."""
        stiffness, damping = self.at(0.0), self.at(LARGE_FACTOR)
        damping.axpy(-1.0, stiffness, PETSc.Mat.Structure.DIFFERENT_NONZERO_PATTERN)
        damping.scale(1.0 / LARGE_FACTOR)
        return stiffness, damping

    def _assemble(self, nest: bool, matrix: PETSc.Mat | None) -> PETSc.Mat:
        forms = self.problem.jacobian_forms
        if matrix is None:
            matrix = fempetsc.create_matrix(forms, kind="nest" if nest else None)
            for block in _blocks(matrix):
                # Interface forms couple degree of freedom 0 with a whole interface by explicit zeros.
                block.setOption(PETSc.Mat.Option.IGNORE_ZERO_ENTRIES, True)
        else:
            for block in _blocks(matrix):
                block.zeroEntries()
        fempetsc.assemble_matrix(matrix, forms, self.problem.bcs, diag=1.0)
        matrix.assemble()
        return matrix


def _blocks(matrix: PETSc.Mat) -> list[PETSc.Mat]:
    if matrix.getType() != "nest":
        return [matrix]
    rows, columns = matrix.getNestSize()
    found = [matrix.getNestSubMatrix(i, j) for i in range(rows) for j in range(columns)]
    return [block for block in found if block]


class FrequencySolver(Protocol):
    """Solves (K + i w M) x = b, and the same with the transposed (not conjugated) matrix."""

    def solve(self, omega: float, load: Array, *, transposed: bool = False) -> ComplexArray:
        """Return x for an angular frequency [1/s]; RunError where the solve fails (collective)."""

    def destroy(self) -> None:
        """Free the PETSc objects, on all ranks together."""


def frequency_solver(
    linearised: Linearised, comm: MPI.Intracomm, method: str = "auto", *, iterative: bool = False
) -> FrequencySolver:
    """Choose how to solve: "complex", "direct" or "iterative"; "auto" by ranks, size and what the case solves with."""
    if method == "auto":
        small = comm.size == 1 and linearised.state.size() <= COMPLEX_LIMIT
        method = "iterative" if iterative else ("complex" if small else "direct")
    if method == "iterative":
        return Iterative(linearised, comm)
    stiffness, damping = linearised.pair()
    return ComplexFactors(stiffness, damping) if method == "complex" else RealBlocks(stiffness, damping, comm)


class ComplexFactors:
    """SuperLU on the complex matrix, on one rank."""

    def __init__(self, stiffness: PETSc.Mat, damping: PETSc.Mat) -> None:
        self.stiffness, self.damping = (_csc(matrix) for matrix in (stiffness, damping))
        stiffness.destroy()
        damping.destroy()
        self._omega = -1.0
        self._factors: Any = None

    def solve(self, omega: float, load: Array, *, transposed: bool = False) -> ComplexArray:
        """Return x; the factors of one frequency serve both directions."""
        from scipy.sparse.linalg import splu

        if omega != self._omega or self._factors is None:
            try:
                self._matrix = (self.stiffness + 1j * omega * self.damping).tocsc()
                self._factors = splu(self._matrix)
            except RuntimeError as error:
                raise _failed(omega, str(error)) from None
            self._omega = omega
        way, matrix = ("T", self._matrix.T) if transposed else ("N", self._matrix)
        found = self._factors.solve(load.astype(np.complex128), trans=way)
        for _ in range(REFINEMENTS):
            found += self._factors.solve(load - matrix @ found, trans=way)
        return np.asarray(_finite(found, omega))

    def destroy(self) -> None:
        """Nothing of PETSc's is held."""
        self._factors = None


def _csc(matrix: PETSc.Mat) -> "sparse.csc_matrix":
    import scipy.sparse as sparse

    indptr, indices, data = matrix.getValuesCSR()
    return sparse.csr_matrix((data, indices, indptr), shape=matrix.getSize()).tocsc()


class RealBlocks:
    """MUMPS on the real matrix of twice the size; its symbolic factorisation is made once."""

    def __init__(self, stiffness: PETSc.Mat, damping: PETSc.Mat, comm: MPI.Intracomm) -> None:
        minus = damping.copy()
        minus.scale(-1.0)
        self._still = _joined([[stiffness, None], [None, stiffness]])
        self._moving = _joined([[None, minus], [damping, None]])
        self._matrix = self._still.copy()
        self._matrix.axpy(1.0, self._moving, PETSc.Mat.Structure.DIFFERENT_NONZERO_PATTERN)
        for item in (stiffness, damping, minus):
            item.destroy()
        self._ksp = PETSc.KSP().create(comm)
        self._ksp.setType("richardson")
        self._ksp.setNormType(PETSc.KSP.NormType.NONE)
        self._ksp.setTolerances(max_it=1 + REFINEMENTS)
        self._ksp.getPC().setType("lu")
        self._ksp.getPC().setFactorSolverType("mumps")
        self._ksp.setOperators(self._matrix)
        self._ksp.getPC().setFactorSetUpSolverType()
        # No permutation by the numbers of the first frequency: at others they have another order of size.
        self._ksp.getPC().getFactorMatrix().setMumpsIcntl(6, 0)
        self._answer, self._load = self._matrix.createVecs()
        self._comm, self._omega = comm, -1.0

    def solve(self, omega: float, load: Array, *, transposed: bool = False) -> ComplexArray:
        """Return x; the factors of one frequency serve both directions."""
        if omega != self._omega:
            self._matrix.zeroEntries()
            self._matrix.axpy(1.0, self._still, PETSc.Mat.Structure.SUBSET_NONZERO_PATTERN)
            self._matrix.axpy(omega, self._moving, PETSc.Mat.Structure.SUBSET_NONZERO_PATTERN)
            self._ksp.setOperators(self._matrix)
            self._omega = omega
        self._load.setArray(np.concatenate([load, np.zeros_like(load)]))
        # The transpose of the real matrix is that of K - i w M's adjoint: it answers with the conjugate.
        try:
            (self._ksp.solveTranspose if transposed else self._ksp.solve)(self._load, self._answer)
        except PETSc.Error as error:
            raise _failed(omega, f"PETSc error {error.ierr}") from None
        real, imaginary = np.split(self._answer.array.copy(), 2)
        found = real - 1j * imaginary if transposed else real + 1j * imaginary
        good = self._comm.allreduce(bool(np.all(np.isfinite(found))), op=MPI.LAND)
        if not good or self._ksp.getConvergedReason() < 0:
            raise _failed(omega, "the factorisation failed")
        return np.asarray(found)

    def destroy(self) -> None:
        """Free the matrices and factors."""
        for item in (self._ksp, self._matrix, self._still, self._moving, self._answer, self._load):
            item.destroy()


def _joined(blocks: Sequence[Sequence[PETSc.Mat | None]]) -> PETSc.Mat:
    nest = PETSc.Mat().createNest(blocks)
    matrix = nest.convert("aij", PETSc.Mat())
    nest.destroy()
    return matrix


class Iterative:
    """Flexible GMRES on the real system [[K, -w M], [w M, K]], for meshes too large to factorise.

    One sweep, with H = K + w M (the Jacobian of an implicit step of length 1/w):
    h = H^-1 (f + g), y = H^-1 (g - w M h), x = h - y   (Axelsson, Neytcheva and Ahmad, 2014).
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
        self._preconditioner = BlockPreconditioner(problem.traits, problem.functions)
        self._inner.getPC().setPythonContext(self._preconditioner)
        spaces = [function.function_space for function in problem.functions]
        self._vectors = [fempetsc.create_vector(spaces, kind="nest") for _ in range(2)]
        own = int(self._vectors[0].getLocalSize())
        size = ((2 * own, PETSc.DETERMINE), (2 * own, PETSc.DETERMINE))
        context = _Pair(self._still, self._sum, self._inner, self._vectors)
        self._shell = PETSc.Mat().createPython(size, context, comm=comm)
        self._outer = PETSc.KSP().create(comm)
        self._outer.setType("fgmres")
        self._outer.setGMRESRestart(80)
        self._outer.setTolerances(rtol=ITERATIVE_TOLERANCE, atol=1e-300, max_it=MOST_ITERATIONS)
        self._outer.getPC().setType("python")
        self._outer.getPC().setPythonContext(context)
        self._outer.setOperators(self._shell)
        self._answer, self._load = self._shell.createVecs()
        self.iterations = 0
        """of the last solve"""

    def solve(self, omega: float, load: Array, *, transposed: bool = False) -> ComplexArray:
        """Return x; the transposed system has no preconditioner here, RunError for it."""
        if transposed:
            raise RunError(
                "the transposed system is solved by factorisation only: raise [numerics] direct_limit"
            )
        if omega != self._omega:
            self._linearised.at(omega, nest=True, matrix=self._sum)
            self._inner.setOperators(self._sum)
            self._omega = omega
        self._load.setArray(np.concatenate([load, np.zeros_like(load)]))
        self._outer.solve(self._load, self._answer)
        self.iterations = int(self._outer.getIterationNumber())
        if self._outer.getConvergedReason() <= 0:
            raise _failed(omega, f"GMRES did not converge in {self.iterations} iterations")
        real, imaginary = np.split(self._answer.array.copy(), 2)
        return np.asarray(real + 1j * imaginary)

    def destroy(self) -> None:
        """Free the matrices and solvers."""
        for item in (self._outer, self._shell, self._inner, self._still, self._sum, *self._vectors):
            item.destroy()
        self._answer.destroy()
        self._load.destroy()


@dataclass(frozen=True)
class _Pair:
    """What PETSc calls for the real system: K, H = K + w M and the solver with H."""

    still: PETSc.Mat
    sum: PETSc.Mat
    inner: PETSc.KSP
    vectors: Sequence[PETSc.Vec]

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
        self.inner.solve(load, answer)
        return _get(answer)

    def _times(self, matrix: PETSc.Mat, values: Array) -> Array:
        given, product = self.vectors
        _put(given, values)
        matrix.mult(given, product)
        return _get(product)


def _put(vector: PETSc.Vec, values: Array) -> None:
    start = 0
    for part in vector.getNestSubVecs():
        count = part.getLocalSize()
        part.setArray(values[start : start + count])
        start += count


def _get(vector: PETSc.Vec) -> Array:
    return np.concatenate([part.array_r for part in vector.getNestSubVecs()])


def _finite(values: Any, omega: float) -> Any:
    if not np.all(np.isfinite(values)):
        raise _failed(omega, "the answer is not a number")
    return values


def _failed(omega: float, why: str) -> RunError:
    return RunError(f"the linearised model was not solved at {omega / (2 * np.pi):.4g} Hz: {why}")
