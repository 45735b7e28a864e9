"""Memories: they keep the largest value at every integration point, and a checkpoint brings each back to its place."""

from pathlib import Path
from typing import Any

import chemomech.runtime  # noqa: F401

import numpy as np
import pytest
import small
import ufl

from chemomech.fields import DAMAGE, LARGEST_PRESSURE, Memory, State
from chemomech.memory import Memories, PointValues
from chemomech.solver.checkpoint import read_checkpoint, write_checkpoint
from chemomech.verification import meshes

FACES = ("below|above", "above@top")


def state_with_memories() -> tuple[State, tuple[Memory, ...]]:
    """Return a state without unknowns of its own on two layers, with a memory on each kind of face."""
    lines = np.linspace(0.0, 1.0, 4)
    domain = meshes.grid("plane strain", lines, np.linspace(0.0, 1.0, 5), {"below": 0.5, "above": 1.0})
    memories = Memory(DAMAGE, FACES[0], "-"), Memory(LARGEST_PRESSURE, FACES[1], "GPa")
    from chemomech.fields import CELL_VOLTAGE

    return State(domain, {CELL_VOLTAGE: domain.support(domain.regions)}, memories=memories), memories


def place(state: State, face: str) -> Any:
    """Return the coordinate along a face."""
    x = ufl.SpatialCoordinate(state.domain.mesh)[0]
    return x if "@" in face else x("+")


def test_a_memory_keeps_the_largest_value_of_every_point() -> None:
    state, memories = state_with_memories()
    for item in memories:
        along = place(state, item.face)
        factor = state.step  # any constant of the forms
        followed = Memories(state, {item: factor * along}, small.compiled(state))
        x = PointValues(state.domain, along, item.face, small.compiled(state)).evaluate()
        for value, expected in ((2.0, 2.0 * x), (1.0, 2.0 * x), (-5.0, 2.0 * x), (3.0, 3.0 * x)):
            factor.value = value
            followed.advance()
            np.testing.assert_allclose(state.memory[item].x.array, expected, atol=1e-14)
        assert factor.value == 0.0


def test_a_checkpoint_keeps_memories(tmp_path: Path) -> None:
    state, memories = state_with_memories()
    expected = {}
    for item in memories:
        values = PointValues(state.domain, place(state, item.face) ** 2, item.face, small.compiled(state))
        state.memory[item].x.array[:] = expected[item] = values.evaluate()
    write_checkpoint(tmp_path / "state.h5", state, [state.copy()], {"rows": 1}, "me")
    other, _ = state_with_memories()
    read_checkpoint(tmp_path / "state.h5", other, "me")
    for item in memories:
        np.testing.assert_allclose(other.memory[item].x.array, expected[item], atol=1e-15)
        assert np.ptp(expected[item]) > 0.5


def test_points_see_both_sides_of_an_interface() -> None:
    state, _ = state_with_memories()
    x = ufl.SpatialCoordinate(state.domain.mesh)[0]
    for side in "+-":
        values = PointValues(state.domain, x(side), FACES[0], small.compiled(state))
        assert values.evaluate() == pytest.approx(
            PointValues(state.domain, x("+"), FACES[0], small.compiled(state)).evaluate(), abs=1e-14
        )
        assert values.weights.sum() == pytest.approx(1.0)
