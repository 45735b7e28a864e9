"""Values of fields that depend on the place only, so that they are the same on any number of ranks."""

from pathlib import Path
from typing import Any

import chemomech.runtime  # noqa: F401

import numpy as np
from mpi4py import MPI

from chemomech.solver.checkpoint import read_checkpoint, write_checkpoint

WAVES = np.array([1.3, 0.9, 0.4])


def values(state: Any, seed: int) -> list[np.ndarray]:
    """Return local values of all fields, ghosts included: unlike for every field, component, place and seed."""
    found = []
    for number, unknown in enumerate(state.unknowns.values()):
        phase = 0.7 * number + 0.3 * seed
        if unknown.field.support == "cell":
            found.append(np.full_like(unknown.function.x.array, 1.0 + phase))
            continue
        x = unknown.space.tabulate_dof_coordinates()
        block = unknown.space.dofmap.index_map_bs
        parts = [np.sin(x @ WAVES + phase + k) + 0.01 * k for k in range(block)]
        found.append(np.stack(parts, axis=1).reshape(-1))
    return found


def write(path: Path, state: Any) -> None:
    """Write two levels."""
    write_checkpoint(path, state, [values(state, 0), values(state, 1)], {"times": [0.0, 1.0]}, "smooth")


def compare(path: Path, state: Any) -> None:
    """Read them on this run's ranks and compare all local values, ghosts included."""
    levels, _ = read_checkpoint(path, state, "smooth")
    for seed, level in enumerate(levels):
        for unknown, got, wanted in zip(state.unknowns.values(), level, values(state, seed), strict=True):
            if unknown.field.support == "cell":
                owned = unknown.space.dofmap.index_map.size_local
                got, wanted = got[:owned], wanted[:owned]
            # where a degree of freedom sits is known to the round-off of the map of its cell's corners, which ranks
            # may take in another order
            reach = 1.0
            if unknown.field.support != "cell":
                reach = float(np.max(np.abs(unknown.space.tabulate_dof_coordinates()) @ WAVES, initial=1.0))
            round_off = 8 * np.finfo(float).eps * reach
            np.testing.assert_allclose(got, wanted, rtol=0, atol=round_off, err_msg=unknown.field.name)
    MPI.COMM_WORLD.barrier()
