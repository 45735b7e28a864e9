"""Small oscillations about a state: (K + i w M) x = b, K = dR/dvalue and M = dR/drate of a coupled residual R.

Every rate is a0 * value + history, so the Jacobian assembled at the time factor a is K + a M: K is the one at a = 0,
and i w stands in the place of a.  Rates at the state keep their values while a is varied.

Three ways to solve, all on complex arrays of what a rank owns, block after block:
  complex     K + i w M factorised as it is (SciPy's SuperLU; one rank, few unknowns),
  direct      [[K, -w M], [w M, K]] in real numbers, factorised by MUMPS; any number of ranks,
  iterative   flexible GMRES on the same real system; each sweep uses the block preconditioner on K + w M twice.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

import chemomech.runtime  # noqa: F401

import numpy as np
import numpy.typing as npt
from mpi4py import MPI
from petsc4py import PETSc

from chemomech.solver.linearised import Linearised, unsolved
from chemomech.solver.sweeps import Iterative

if TYPE_CHECKING:
    import scipy.sparse as sparse  # slow to import, and most runs measure no spectrum

type Array = npt.NDArray[np.float64]
type ComplexArray = npt.NDArray[np.complex128]

COMPLEX_LIMIT: Final = 20_000
"""unknowns up to which one rank factorises complex numbers"""
EXTENDED_REFINEMENTS: Final = 3
ROUND_OFF: Final = 64 * float(np.finfo(np.float64).eps)
"""part of what is added up that a sum may be by round-off"""
REFINEMENTS: Final = 2
"""of an answer by the factors: at low frequencies the matrix is close to one without an inverse"""


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
    if method == "complex":
        return ComplexFactors(stiffness, damping, linearised.ends)
    return RealBlocks(stiffness, damping, comm)


class ComplexFactors:
    """SuperLU on the complex matrix, on one rank, refined with residuals of more digits than the factors have.

    What flows through a cell that blocks direct current is lost beside what its potentials times the best conductance
    of an element round to: so products are formed in extended precision, with a matrix that conserves.
    """

    def __init__(self, stiffness: PETSc.Mat, damping: PETSc.Mat, ends: Sequence[int]) -> None:
        """``ends``: where the fields end in the rows."""
        import scipy.sparse as sparse

        still, moving = (_csc(matrix) for matrix in (stiffness, damping))
        stiffness.destroy()
        damping.destroy()
        self._still, self._moving = still, moving
        diagonal = sparse.diags(_unconserved(still, ends))
        self._exact_still = (still.astype(np.longdouble) + diagonal).tocsc()
        self._exact_moving = moving.astype(np.longdouble)
        self._omega = -1.0
        self._factors: Any = None

    def solve(self, omega: float, load: Array, *, transposed: bool = False) -> ComplexArray:
        """Return x; the factors of one frequency serve both directions."""
        from scipy.sparse.linalg import splu

        if omega != self._omega or self._factors is None:
            try:
                self._factors = splu((self._still + 1j * omega * self._moving).tocsc())
            except RuntimeError as error:
                raise unsolved(omega, str(error)) from None
            self._omega = omega
        still, moving = self._exact_still, self._exact_moving
        way = "T" if transposed else "N"
        if transposed:
            still, moving = still.T, moving.T
        found = np.zeros(len(load), dtype=np.clongdouble)
        for _ in range(1 + EXTENDED_REFINEMENTS):
            left = load - still @ found - 1j * np.longdouble(omega) * (moving @ found)
            found += self._factors.solve(left.astype(np.complex128), trans=way)
        return np.asarray(_finite(found.astype(np.complex128), omega))

    def destroy(self) -> None:
        """Nothing of PETSc's is held."""
        self._factors = None


def _csc(matrix: PETSc.Mat) -> "sparse.csc_matrix":
    import scipy.sparse as sparse

    indptr, indices, data = matrix.getValuesCSR()
    return sparse.csr_matrix((data, indices, indptr), shape=matrix.getSize()).tocsc()


def _unconserved(matrix: "sparse.csc_matrix", ends: Sequence[int]) -> npt.NDArray[np.longdouble]:
    # What the diagonal lacks where the columns of a field's own block add up to nothing but round-off: a flux between
    # its own degrees of freedom is then conserved.
    lacking = np.zeros(matrix.shape[0], dtype=np.longdouble)
    start = 0
    for end in ends:
        block = matrix[start:end, start:end].astype(np.longdouble)
        sums, sizes = (np.asarray(part.sum(axis=0)).ravel() for part in (block, abs(block)))
        lacking[start:end] = np.where(np.abs(sums) <= ROUND_OFF * sizes, -sums, 0.0)
        start = end
    return lacking


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
            raise unsolved(omega, f"PETSc error {error.ierr}") from None
        real, imaginary = np.split(self._answer.array.copy(), 2)
        found = real - 1j * imaginary if transposed else real + 1j * imaginary
        good = self._comm.allreduce(bool(np.all(np.isfinite(found))), op=MPI.LAND)
        if not good or self._ksp.getConvergedReason() < 0:
            raise unsolved(omega, "the factorisation failed")
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


def _finite(values: Any, omega: float) -> Any:
    if not np.all(np.isfinite(values)):
        raise unsolved(omega, "the answer is not a number")
    return values
