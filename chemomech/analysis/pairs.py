"""y . A x of a matrix of fluxes, without losing a small flux to the size of what drives it.

A symmetric matrix whose rows add up to nothing passes fluxes A_ij (x_j - x_i) between pairs of degrees of freedom, and

    y . A x = - sum over i < j of A_ij (y_i - y_j)(x_i - x_j).

Where x is large and nearly the same everywhere A x has no digits left; the differences have, and the round-off in
the diagonal of A, by which a little would leak away, does not enter.
"""

from dataclasses import dataclass

import chemomech.runtime  # noqa: F401

import numpy as np
import numpy.typing as npt
import scipy.sparse as sparse
from mpi4py import MPI
from petsc4py import PETSc

from chemomech.solver.frequency import ROUND_OFF

type Array = npt.NDArray[np.float64]
type ComplexArray = npt.NDArray[np.complex128]


@dataclass(frozen=True)
class Pairs:
    """The pairs i < j of a matrix whose row i this rank owns."""

    rows: npt.NDArray[np.int64]
    """i, counted from the first that this rank owns"""
    columns: npt.NDArray[np.int64]
    """j, counted among what is gathered"""
    values: Array
    """A_ij"""
    scatter: PETSc.Scatter
    owned: PETSc.Vec
    gathered: PETSc.Vec

    def product(self, y: ComplexArray, x: ComplexArray) -> complex:
        """Return this rank's part of y . A x (collective)."""
        dx, dy = (part[self.rows] - self._gather(part)[self.columns] for part in (x, y))
        return -complex(np.sum(self.values * dx * dy))

    def _gather(self, values: ComplexArray) -> ComplexArray:
        parts = []
        for part in (values.real, values.imag):
            self.owned.setArray(np.ascontiguousarray(part))
            self.scatter.scatter(self.owned, self.gathered)
            parts.append(self.gathered.array.copy())
        return np.asarray(parts[0] + 1j * parts[1])

    def destroy(self) -> None:
        """Free the PETSc objects."""
        for item in (self.scatter, self.owned, self.gathered):
            item.destroy()


def pairs(matrix: PETSc.Mat) -> Pairs | None:
    """Return the pairs of a matrix of fluxes, None for any other (collective)."""
    if not _of_fluxes(matrix):
        return None
    first, last = matrix.getOwnershipRange()
    starts, indices, values = matrix.getValuesCSR()
    rows = np.repeat(np.arange(first, last), np.diff(starts))
    above = indices > rows
    needed, columns = np.unique(indices[above], return_inverse=True)
    owned = matrix.createVecRight()
    gathered = PETSc.Vec().createSeq(len(needed), comm=MPI.COMM_SELF)
    source = PETSc.IS().createGeneral(needed.astype(PETSc.IntType), comm=MPI.COMM_SELF)
    scatter = PETSc.Scatter().create(owned, source, gathered, None)
    source.destroy()
    return Pairs(rows[above] - first, columns, values[above], scatter, owned, gathered)


def _of_fluxes(matrix: PETSc.Mat) -> bool:
    comm = matrix.comm.tompi4py()
    if comm.allreduce(int(matrix.getSizes()[0] != matrix.getSizes()[1]), op=MPI.SUM):
        return False
    starts, indices, values = matrix.getValuesCSR()
    shape = (len(starts) - 1, matrix.getSize()[1])
    sizes = np.asarray(sparse.csr_matrix((np.abs(values), indices, starts), shape=shape).sum(axis=1)).ravel()
    given, ahead = matrix.createVecs()
    given.set(1.0)
    matrix.mult(given, ahead)
    uneven = np.abs(ahead.array) > ROUND_OFF * sizes
    # Whether A u = A^T u for a vector without any pattern.
    back = given.duplicate()
    given.setArray(np.random.default_rng(0).uniform(0.5, 1.0, given.getLocalSize()))
    matrix.mult(given, ahead)
    matrix.multTranspose(given, back)
    uneven |= np.abs(ahead.array - back.array) > ROUND_OFF * sizes
    for vector in (given, ahead, back):
        vector.destroy()
    return bool(comm.allreduce(int(np.any(uneven)), op=MPI.SUM) == 0)
