"""Solvers for single blocks: one multigrid cycle, the inverse of a mass matrix, a few steps of conjugate gradients."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, Final

import chemomech.runtime  # noqa: F401

import numpy as np
from dolfinx import fem
from petsc4py import PETSc

MULTIGRID: Final = {
    "ksp_type": "preonly",
    "pc_type": "gamg",
    "pc_gamg_agg_nsmooths": 1,
    "pc_gamg_reuse_interpolation": True,
}
"""levels are smoothed as PETSc does by itself: two steps of Chebyshev's iteration with Jacobi, before and after"""
MASS: Final = {
    "ksp_type": "cg",
    "ksp_max_it": 5,
    "ksp_convergence_test": "skip",
    "ksp_norm_type": "none",
    "pc_type": "jacobi",
}
FACTORS: Final = {"ksp_type": "preonly", "pc_type": "lu", "pc_factor_mat_solver_type": "mumps"}
BORDER: Final = {"ksp_type": "cg", "ksp_rtol": 1e-6, "ksp_max_it": 100, "ksp_initial_guess_nonzero": True}

_numbers = itertools.count()


def make_solver(matrix: PETSc.Mat, options: Mapping[str, Any]) -> PETSc.KSP:
    """Return a solver for a matrix with these PETSc options."""
    ksp = PETSc.KSP().create(matrix.comm)
    prefix = f"block{next(_numbers)}_"
    ksp.setOptionsPrefix(prefix)
    database = PETSc.Options()
    for name, value in options.items():
        database[prefix + name] = value
    ksp.setFromOptions()
    for name in options:
        database.delValue(prefix + name)
    ksp.setOperators(matrix)
    return ksp


def rigid_body_modes(
    space: fem.FunctionSpace, rows: np.ndarray[Any, np.dtype[np.int64]] | None = None
) -> PETSc.NullSpace:
    """Translations and rotations of a vector space, orthonormal, as the near null space of its stiffness.

    ``rows``: those rows of the owned degrees of freedom, globally numbered, that the matrix keeps; without it all.
    """
    modes = _motions([space])
    if rows is not None:
        first = space.dofmap.index_map.local_range[0] * space.mesh.geometry.dim
        modes = [mode[rows - first] for mode in modes]
    return _near_null_space(modes, space)


def joined_rigid_body_modes(spaces: Sequence[fem.FunctionSpace]) -> PETSc.NullSpace:
    """The same for several bodies in one matrix, one after the other on each rank.

    Multigrid cuts the modes to its aggregates, so that each body keeps rigid motions of its own.
    """
    return _near_null_space(_motions(spaces), spaces[0])


def _motions(spaces: Sequence[fem.FunctionSpace]) -> list[Any]:
    dimension = spaces[0].mesh.geometry.dim
    owned = [space.dofmap.index_map.size_local for space in spaces]
    points = [space.tabulate_dof_coordinates()[:n] for space, n in zip(spaces, owned, strict=True)]
    x = np.concatenate(points)
    x = x - x.mean(axis=0) if len(x) else x
    modes = [np.eye(dimension)[k] * np.ones((len(x), 1)) for k in range(dimension)]
    for a, b in [(0, 1)] if dimension == 2 else [(0, 1), (1, 2), (2, 0)]:
        turn = np.zeros((len(x), dimension))
        turn[:, a], turn[:, b] = -x[:, b], x[:, a]
        modes.append(turn)
    return [mode.reshape(-1) for mode in modes]


def _near_null_space(modes: Sequence[Any], space: fem.FunctionSpace) -> PETSc.NullSpace:
    comm, dimension = space.mesh.comm, space.mesh.geometry.dim
    vectors: list[PETSc.Vec] = []
    for mode in modes:
        vector = PETSc.Vec().createMPI((len(mode), PETSc.DETERMINE), bsize=dimension, comm=comm)
        vector.array[:] = mode
        for earlier in vectors:
            vector.axpy(-vector.dot(earlier), earlier)
        vector.normalize()
        vectors.append(vector)
    return PETSc.NullSpace().create(vectors=vectors, comm=comm)
