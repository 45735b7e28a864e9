"""Loads MPI ahead of dolfinx; every module that needs dolfinx or PETSc imports this one first.

The dolfinx of PyPI comes with an MPI of its own, which its companion package has to load before anything else does;
conda's dolfinx has no such package and needs none.
"""

import contextlib

with contextlib.suppress(ImportError):
    import dolfinx_solver  # noqa: F401
