"""Being one of several MPI processes without importing MPI: who prints, and how all leave when one fails."""

import os
import sys
import time
from typing import Any, Final

_RANK: Final = ("PMI_RANK", "OMPI_COMM_WORLD_RANK", "PMIX_RANK", "MV2_COMM_WORLD_RANK")
_SIZE: Final = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE")
_LAUNCHERS: Final = ("PMI_", "OMPI_", "PMIX_", "MPI_", "HYDR")
_PATIENCE: Final = 10.0
"""How long a failed rank waits for the others to fail too [s]."""


def rank() -> int:
    """Return the number of this process, 0 where there is only one."""
    world = _world()
    if world is not None:
        return int(world.Get_rank())
    for name in _RANK:
        if os.environ.get(name, "").isdecimal():
            return int(os.environ[name])
    return 0


def launched() -> bool:
    """Whether this process is one of several that MPI's launcher started."""
    sizes = [os.environ.get(name, "") for name in _SIZE]
    return rank() > 0 or any(size.isdecimal() and int(size) > 1 for size in sizes)


def environment() -> dict[str, str]:
    """Return the environment for a child, without what would make it take itself for a rank of this run."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_LAUNCHERS)}


def say(text: str) -> None:
    """Print on the first rank only."""
    if rank() == 0:
        print(text, flush=True)


def complain(text: str) -> None:
    """Print to stderr on the first rank only."""
    if rank() == 0:
        print(text, file=sys.stderr, flush=True)


def leave_together(code: int, text: str) -> int:
    """Return the exit code once every rank came here with it; else print the text and end all of them.

    A rank that fails alone would leave the others waiting for it for ever.
    """
    world = _several()
    if world is None:
        complain(text)
        return code
    arrived = world.Ibarrier()
    limit = time.monotonic() + _PATIENCE
    while not arrived.Test():
        if time.monotonic() > limit:
            print(f"rank {world.Get_rank()}: {text}", file=sys.stderr, flush=True)
            world.Abort(code)
        time.sleep(0.01)
    complain(text)
    return code


def crash(traceback: str) -> int:
    """Print a traceback once and end every rank; returns the exit code where there is only one."""
    world = _several()
    if world is None:
        print(traceback, file=sys.stderr, flush=True)
        return 1
    if world.Get_rank() > 0:  # when all fail alike, the first rank speaks
        time.sleep(1.0)
    print(f"rank {world.Get_rank()}:\n{traceback}", file=sys.stderr, flush=True)
    world.Abort(1)
    return 1


def _world() -> Any:
    """Return MPI's communicator of all processes where mpi4py is loaded and running, else None."""
    mpi = sys.modules.get("mpi4py.MPI")
    return mpi.COMM_WORLD if mpi is not None and mpi.Is_initialized() and not mpi.Is_finalized() else None


def _several() -> Any:
    """Return the communicator where it has more than one process, else None."""
    world = _world()
    return world if world is not None and world.Get_size() > 1 else None
