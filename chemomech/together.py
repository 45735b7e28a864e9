"""What rank 0 alone does, shared with every rank: its result, or its error."""

from collections.abc import Callable

import chemomech.runtime  # noqa: F401

from mpi4py import MPI


def on_root[T](comm: MPI.Intracomm, action: Callable[[], T]) -> T:
    """Do something on rank 0 and share its result, or its error, with every rank (collective)."""
    value: T | None = None
    error: Exception | None = None
    if comm.rank == 0:
        try:
            value = action()
        except Exception as caught:
            error = caught
    value, error = comm.bcast((value, error), root=0)
    if error is not None:
        raise error
    return value
