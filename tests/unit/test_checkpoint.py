"""Checkpoints: every field of every kind comes back, wrong ones are refused, a failed write leaves the old one."""

from pathlib import Path
from typing import Any

import chemomech.runtime  # noqa: F401

import h5py
import numpy as np
import pytest
import small
import smooth

from chemomech.solver.checkpoint import read_checkpoint, write_checkpoint

NUMBERS = {
    "times": [0.0, 1.5, 4.25],
    "integrals": [np.array([1.0]), np.array([2.0])],
    "position": '{"a": 1}',
    "rows": 7,
}


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return a state with fields on regions, on everything (quadratic), on facets, and without place."""
    folder = tmp_path_factory.mktemp("sphere")
    return small.model(
        small.case(folder, small.SPHERE, small.SPHERE_MESH, numerics={"displacement_degree": 2})
    ).state


def test_every_field_of_every_level_comes_back(state: Any, tmp_path: Path) -> None:
    levels = [smooth.values(state, k) for k in range(3)]
    kinds = {u.support.mesh.topology.dim for u in state.unknowns.values()}
    assert kinds == {1, 2} and any(u.field.support == "cell" for u in state.unknowns.values())
    write_checkpoint(tmp_path / "c" / "state.h5", state, levels, NUMBERS, "me")
    got, numbers = read_checkpoint(tmp_path / "c" / "state.h5", state, "me")
    assert len(got) == 3
    for k, level in enumerate(levels):
        for field, wanted, array in zip(state.fields, level, got[k], strict=True):
            np.testing.assert_array_equal(array, wanted, err_msg=f"{field.name}, level {k}")
    assert list(numbers["times"]) == NUMBERS["times"] and int(numbers["rows"]) == 7
    np.testing.assert_array_equal(np.ravel(numbers["integrals"]), [1.0, 2.0])
    assert numbers["position"] in (b'{"a": 1}', '{"a": 1}')
    assert [path.name for path in (tmp_path / "c").iterdir()] == ["state.h5"]


def test_what_does_not_belong_is_refused(state: Any, tmp_path: Path) -> None:
    path = tmp_path / "state.h5"
    write_checkpoint(path, state, [state.copy()], NUMBERS, "me")
    with pytest.raises(ValueError, match="belongs to another case, mesh or version"):
        read_checkpoint(path, state, "you")
    with h5py.File(path, "a") as file:
        file.attrs["format"] = 99
    with pytest.raises(ValueError, match="belongs to another case, mesh or version"):
        read_checkpoint(path, state, "me")


def test_what_cannot_be_read_is_said(state: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        read_checkpoint(tmp_path / "none.h5", state, "me")
    path = tmp_path / "state.h5"
    path.write_bytes(b"no HDF5 at all")
    with pytest.raises(ValueError, match="cannot be read"):
        read_checkpoint(path, state, "me")
    write_checkpoint(path, state, [state.copy()], NUMBERS, "me")
    with h5py.File(path, "a") as file:
        del file["level0/concentration"]
    with pytest.raises(ValueError, match="cannot be read"):
        read_checkpoint(path, state, "me")


def test_a_failed_write_leaves_the_old_checkpoint(
    state: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "state.h5"
    write_checkpoint(path, state, [state.copy()], NUMBERS, "me")
    before = path.read_bytes()

    def full(*arguments: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("chemomech.solver.checkpoint.os.fsync", full)
    with pytest.raises(OSError, match=r"checkpoint cannot be written.*No space left"):
        write_checkpoint(path, state, [smooth.values(state, 5)], NUMBERS, "me")
    assert path.read_bytes() == before
    assert [item.name for item in tmp_path.iterdir()] == ["state.h5"]
