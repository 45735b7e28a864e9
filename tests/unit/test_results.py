"""The results folder: complete records after a kill, resuming without duplicates, files others can read."""

import json
import math
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import pyvista
from vtkmodules.vtkIOHDF import vtkHDFReader

from chemomech.errors import InputError, RunError
from chemomech.results import FieldWriter, History, RunRecord, open_results, write_json
from chemomech.results.format import region_column, split_unit

# Two squares that share the edge x = 1, whose points are there once per region.
POINTS = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [1, 0, 0], [2, 0, 0], [2, 1, 0], [1, 1, 0.0]])
CELLS = np.array([[0, 1, 2], [0, 2, 3], [4, 5, 6], [4, 6, 7]])
REGION = np.array([0, 0, 1, 1])
CONCENTRATION = "Concentration [mol.m-3]"
DISPLACEMENT = "Displacement [um]"
RISK = "Crack risk [-]"


def point_values(step: int, points: np.ndarray = POINTS, region: int | None = None) -> dict[str, np.ndarray]:
    """Return point arrays that differ in every point and step; nan in region 1."""
    inside = points[:, 0] < 1 if region is None else np.full(len(points), region == 0)
    if region is None:
        inside = np.array([True] * 4 + [False] * 4)
    concentration = np.where(inside, 1000.0 * step + 10 * points[:, 0] + points[:, 1], np.nan)
    return {CONCENTRATION: concentration, DISPLACEMENT: points * (step + 1) + [0.0, 0.0, 0.5]}


def cell_values(step: int, points: np.ndarray = POINTS, cells: np.ndarray = CELLS) -> dict[str, np.ndarray]:
    return {RISK: points[cells].mean(axis=1)[:, 0] + 100 * step}


def write_frames(path: Path, steps: int, close: bool = True) -> FieldWriter:
    writer = FieldWriter(path, None, POINTS, CELLS, 5, REGION)
    for step in range(steps):
        writer.append(10.0 * step, point_values(step), cell_values(step))
    if close:
        writer.close()
    return writer


def read_vtk(path: Path, step: int) -> tuple[int, pyvista.UnstructuredGrid]:
    """Return the number of steps and one of them as VTK's own reader sees them."""
    reader = vtkHDFReader()
    reader.SetFileName(str(path))
    reader.UpdateInformation()
    reader.SetStep(step)
    reader.Update()
    return reader.GetNumberOfSteps(), pyvista.wrap(reader.GetOutputDataObject(0))


def check_step(mesh: pyvista.UnstructuredGrid, step: int) -> None:
    """Compare a frame with the analytic values, whatever the order of its points and cells."""
    assert mesh.n_points == 8 and mesh.n_cells == 4
    regions = mesh.cell_data["Region [-]"]
    assert sorted(regions) == [0, 0, 1, 1]
    for cell in range(mesh.n_cells):
        corners = mesh.get_cell(cell).point_ids
        x, y, _ = mesh.points[corners].T
        expected = 1000.0 * step + 10 * x + y if regions[cell] == 0 else np.full(3, np.nan)
        np.testing.assert_allclose(mesh.point_data[CONCENTRATION][corners], expected)
        expected_u = mesh.points[corners] * (step + 1) + [0, 0, 0.5]
        np.testing.assert_allclose(mesh.point_data[DISPLACEMENT][corners], expected_u)
        np.testing.assert_allclose(mesh.cell_data[RISK][cell], x.mean() + 100 * step)
        assert (x.mean() > 1) == (regions[cell] == 1)


@pytest.mark.parametrize("close", [True, False])
@pytest.mark.parametrize("steps", [1, 3, 20])
def test_vtk_reads_all_steps(tmp_path: Path, steps: int, close: bool) -> None:
    path = tmp_path / "fields.vtkhdf"
    write_frames(path, steps, close)
    for step in {0, steps // 2, steps - 1}:
        count, mesh = read_vtk(path, step)
        assert count == steps
        check_step(mesh, step)
    assert (tmp_path / "fields.frames.h5").exists() != close
    assert not list(tmp_path.glob("*.tmp"))
    check_step(pyvista.read(path), 0)


def test_frames_are_read_from_another_working_directory(tmp_path: Path, monkeypatch: Any) -> None:
    write_frames(tmp_path / "fields.vtkhdf", 2, close=False)
    monkeypatch.chdir("/")
    check_step(read_vtk(tmp_path / "fields.vtkhdf", 1)[1], 1)


def test_single_precision_is_kept(tmp_path: Path) -> None:
    writer = FieldWriter(tmp_path / "f.vtkhdf", None, POINTS, CELLS, 5, REGION)
    writer.append(0.0, {"T [K]": np.ones(8, dtype=np.float32), "n [-]": np.ones(8, dtype=int)}, {})
    writer.close()
    with h5py.File(tmp_path / "f.vtkhdf") as file:
        assert file["VTKHDF/PointData/T [K]"].dtype == np.float32
        assert file["VTKHDF/PointData/n [-]"].dtype == np.float64


@pytest.mark.parametrize("closed_before", [True, False])
@pytest.mark.parametrize("keep", [0, 1, 3, 12])
def test_reopen_keeps_the_first_frames(tmp_path: Path, keep: int, closed_before: bool) -> None:
    path = tmp_path / "fields.vtkhdf"
    write_frames(path, 12, closed_before)
    writer = FieldWriter.reopen(path, keep, None, POINTS, CELLS, 5, REGION)
    for step in range(keep, keep + 6):
        writer.append(10.0 * step, point_values(step), cell_values(step))
        count, mesh = read_vtk(path, step)
        assert count == step + 1
        check_step(mesh, step)
    writer.close()
    count, _ = read_vtk(path, 0)
    assert count == keep + 6
    for step in range(count):
        check_step(read_vtk(path, step)[1], step)


def test_reopen_refuses_what_does_not_fit(tmp_path: Path) -> None:
    path = tmp_path / "fields.vtkhdf"
    with pytest.raises(InputError, match="cannot be continued"):
        FieldWriter.reopen(path, 1, None, POINTS, CELLS, 5, REGION)
    write_frames(path, 2)
    with pytest.raises(InputError, match="has 2 frames, 3 are needed"):
        FieldWriter.reopen(path, 3, None, POINTS, CELLS, 5, REGION)
    with pytest.raises(InputError, match="another mesh"):
        FieldWriter.reopen(path, 2, None, POINTS * 1.5, CELLS, 5, REGION)
    with pytest.raises(InputError, match="another mesh"):
        FieldWriter.reopen(path, 2, None, POINTS, CELLS, 5, 1 - REGION)
    check_step(read_vtk(path, 1)[1], 1)


def test_arrays_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    writer = write_frames(tmp_path / "fields.vtkhdf", 1, close=False)
    with pytest.raises(RunError, match="not in every frame"):
        writer.append(1.0, {CONCENTRATION: np.zeros(8)}, cell_values(1))
    with pytest.raises(RunError, match="lengths"):
        writer.append(1.0, point_values(1), {RISK: np.zeros(5)})
    with pytest.raises(RunError, match="shape"):
        writer.append(1.0, {CONCENTRATION: np.zeros(8), DISPLACEMENT: np.zeros((8, 2))}, cell_values(1))
    writer.close()
    writer.close()
    with pytest.raises(RunError, match="closed"):
        writer.append(1.0, point_values(1), cell_values(1))
    assert read_vtk(tmp_path / "fields.vtkhdf", 0)[0] == 1


class Ranks:
    """A communicator between threads, with the calls that FieldWriter makes."""

    def __init__(self, size: int) -> None:
        self.barrier, self.box = threading.Barrier(size, timeout=20), [None] * size

    def at(self, rank: int) -> "Rank":
        return Rank(self, rank)


class Rank:
    def __init__(self, ranks: Ranks, rank: int) -> None:
        self.ranks, self.rank = ranks, rank

    def gather(self, item: Any, root: int) -> list[Any] | None:
        self.ranks.box[self.rank] = item
        self.ranks.barrier.wait()
        items = list(self.ranks.box)
        self.ranks.barrier.wait()
        return items if self.rank == root else None

    def bcast(self, item: Any, root: int) -> Any:
        items = self.gather(item, self.rank) or []
        return items[root]


def split(rank: int, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return every size-th cell, with the points renumbered backwards, and the numbers of the points."""
    mine = CELLS[rank::size][::-1]
    used = np.unique(mine)[::-1]
    renumber = np.full(len(POINTS), -1)
    renumber[used] = np.arange(len(used))
    return used, renumber[mine], np.arange(len(CELLS))[rank::size][::-1], REGION[rank::size][::-1]


def run_ranks(size: int, path: Path, steps: range, keep: int | None) -> list[BaseException]:
    ranks, failures = Ranks(size), []

    def work(rank: int) -> None:
        used, cells, numbers, region = split(rank, size)
        arguments = (ranks.at(rank), POINTS[used], cells.reshape(-1, 3), 5, region)
        try:
            fresh = keep is None
            writer = FieldWriter(path, *arguments) if fresh else FieldWriter.reopen(path, keep, *arguments)
            for step in steps:
                at_points = {name: array[used] for name, array in point_values(step).items()}
                in_cells = {name: array[numbers] for name, array in cell_values(step).items()}
                writer.append(10.0 * step, at_points, in_cells)
            writer.close()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failures


@pytest.mark.parametrize("sizes", [(1, 1), (2, 1), (1, 2), (2, 3), (3, 5)])
def test_partitions_merge_and_resume_on_other_ranks(tmp_path: Path, sizes: tuple[int, int]) -> None:
    path = tmp_path / "fields.vtkhdf"
    assert run_ranks(sizes[0], path, range(3), None) == []
    assert run_ranks(sizes[1], path, range(2, 5), keep=2) == []
    count, _ = read_vtk(path, 0)
    assert count == 5
    for step in range(5):
        check_step(read_vtk(path, step)[1], step)
    write_frames(tmp_path / "serial.vtkhdf", 5)
    with h5py.File(path) as one, h5py.File(tmp_path / "serial.vtkhdf") as other:
        for name in ("Points", f"PointData/{CONCENTRATION}", f"CellData/{RISK}"):
            np.testing.assert_array_equal(one["VTKHDF"][name], other["VTKHDF"][name])


def test_a_failure_reaches_every_rank(tmp_path: Path) -> None:
    failures = run_ranks(3, tmp_path / "missing folder" / "fields.vtkhdf", range(1), None)
    assert [type(error) for error in failures] == [RunError] * 3
    failures = run_ranks(3, tmp_path / "fields.vtkhdf", range(1), keep=2)
    assert [type(error) for error in failures] == [InputError] * 3


def test_points_that_jump_inside_a_region_stay_separate(tmp_path: Path) -> None:
    points, cells = POINTS[CELLS[:2].ravel()], np.arange(6).reshape(2, 3)
    writer = FieldWriter(tmp_path / "f.vtkhdf", None, points, cells, 5, np.zeros(2))
    writer.append(0.0, {"f [-]": np.arange(6.0)}, {})
    writer.close()
    mesh = read_vtk(tmp_path / "f.vtkhdf", 0)[1]
    assert mesh.n_points == 6 and sorted(mesh.point_data["f [-]"]) == [0, 1, 2, 3, 4, 5]


KILLED = """
import itertools, sys
from pathlib import Path
import numpy as np
from chemomech.results import FieldWriter
points = np.random.default_rng(0).random((3000, 3))
cells = np.arange(3000).reshape(-1, 3)
writer = FieldWriter(Path(sys.argv[1]), None, points, cells, 5, np.zeros(1000))
for step in itertools.count():
    writer.append(float(step), {"f [-]": np.full(3000, float(step))}, {"g [-]": np.full(1000, -float(step))})
    if step == 0:
        print("started", flush=True)
"""


@pytest.mark.reliability
@pytest.mark.parametrize("delay", [0.0, 0.03, 0.1, 0.2, 0.33])
def test_a_kill_leaves_all_complete_frames(tmp_path: Path, delay: float) -> None:
    path = tmp_path / "fields.vtkhdf"
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "started\n"
    time.sleep(delay)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    count, _ = read_vtk(path, 0)
    assert count >= 1
    for step in range(count):
        mesh = read_vtk(path, step)[1]
        assert np.all(mesh.point_data["f [-]"] == step) and np.all(mesh.cell_data["g [-]"] == -step)
    points = np.random.default_rng(0).random((3000, 3))
    writer = FieldWriter.reopen(path, count, None, points, np.arange(3000).reshape(-1, 3), 5, np.zeros(1000))
    writer.append(float(count), {"f [-]": np.full(3000, 7.0)}, {"g [-]": np.zeros(1000)})
    writer.close()
    assert read_vtk(path, count)[0] == count + 1
    assert not list(tmp_path.glob(".*.tmp"))


@pytest.mark.parametrize("first", ["dolfinx", "h5py"])
def test_two_hdf5_libraries_in_one_process(tmp_path: Path, first: str) -> None:
    pytest.importorskip("dolfinx_solver")
    pytest.importorskip("dolfinx")
    imports = ["import dolfinx_solver, dolfinx, dolfinx.io", "from chemomech.results import FieldWriter"]
    script = "\n".join(imports if first == "dolfinx" else imports[::-1]) + textwrap.dedent(f"""
        from pathlib import Path
        import numpy as np
        from mpi4py import MPI
        from dolfinx import io, mesh
        square = mesh.create_unit_square(MPI.COMM_WORLD, 2, 2)
        cells = square.geometry.dofmaps[0]
        path = Path({str(tmp_path / "f.vtkhdf")!r})
        writer = FieldWriter(path, MPI.COMM_WORLD, square.geometry.x, cells, 5, np.zeros(len(cells)))
        writer.append(0.0, {{"x [um]": square.geometry.x[:, 0]}}, {{}})
        with io.XDMFFile(MPI.COMM_WORLD, {str(tmp_path / "f.xdmf")!r}, "w") as file:
            file.write_mesh(square)
        writer.append(1.0, {{"x [um]": square.geometry.x[:, 0]}}, {{}})
        writer.close()
    """)
    subprocess.run([sys.executable, "-c", script], check=True, timeout=120)
    count, mesh = read_vtk(tmp_path / "f.vtkhdf", 1)
    assert count == 2 and mesh.n_cells == 8
    np.testing.assert_array_equal(mesh.point_data["x [um]"], mesh.points[:, 0])


def test_history_rows_are_on_disk_at_once(tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    history = History(path, ("Time [s]", "Mean, in a [-]"))
    history.append({"Time [s]": 0, "Mean, in a [-]": 0.1})
    history.append({"Mean, in a [-]": math.nan, "Time [s]": np.float64(1 / 3)})
    assert path.read_text() == 'Time [s],"Mean, in a [-]"\n0,0.1\n0.3333333333333333,nan\n'
    with pytest.raises(KeyError, match="Time"):
        history.append({"Mean, in a [-]": 1.0})
    with pytest.raises(KeyError, match="more"):
        history.append({"Time [s]": 2.0, "Mean, in a [-]": 1.0, "more": 0.0})
    history.close()
    assert history.rows == 2


def test_history_resumes_without_duplicates(tmp_path: Path) -> None:
    path, columns = tmp_path / "history.csv", ("Time [s]", "Voltage [V]")
    history = History(path, columns)
    for step in range(6):
        history.append({"Time [s]": 0.1 * step, "Voltage [V]": 3.0 + step})
    history.close()
    with path.open("a") as stream:
        stream.write("0.6,9.")  # a kill in the middle of a row
    resumed = History.resume(path, columns, rows=4)
    assert resumed.rows == 4
    resumed.append({"Time [s]": 0.4, "Voltage [V]": 7})
    resumed.close()
    times = np.loadtxt(path, delimiter=",", skiprows=1)[:, 0]
    np.testing.assert_allclose(times, [0, 0.1, 0.2, 0.3, 0.4])
    resumed = History.resume(path, columns, until=0.2)
    assert resumed.rows == 3
    resumed.close()
    with pytest.raises(InputError, match="3 complete rows"):
        History.resume(path, columns, rows=4)
    with pytest.raises(InputError, match="columns"):
        History.resume(path, ("Time [s]",), rows=1)
    with pytest.raises(InputError, match="cannot be read"):
        History.resume(tmp_path / "none.csv", columns, rows=0)


def test_json_is_strict_and_atomic(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"a": np.float64(1.5), "b": math.nan, "c": np.arange(2), "d": (1, True), "e": "µm"})
    assert json.loads(path.read_text()) == {"a": 1.5, "b": None, "c": [0, 1], "d": [1, True], "e": "µm"}
    with pytest.raises(TypeError):
        write_json(path, {"a": object()})
    assert json.loads(path.read_text())["a"] == 1.5
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.json"]


def test_column_names() -> None:
    assert region_column("Crack risk", "particle") == "Crack risk in particle [-]"
    assert split_unit("Concentration [mol.m-3]") == ("Concentration", "mol.m-3")
    assert split_unit("Crack risk [-]") == ("Crack risk", "")
    assert split_unit("plain") == ("plain", "")


def write_folder(folder: Path, close: bool = True) -> None:
    folder.mkdir()
    RunRecord(
        "Two squares", {"title": "Two squares"}, "abc", {"chemomech": "0"}, 1, 2.0, True, "protocol finished",
        "plane strain", 2, ("left", "right"), 3,
    ).write(folder)  # fmt: skip
    history = History(folder / "history.csv", ("Time [s]", "Voltage [V]"))
    for step in range(4):
        history.append({"Time [s]": step, "Voltage [V]": math.nan if step == 0 else 3 + 0.1 * step})
    history.close()
    write_json(folder / "summary.json", {"Capacity [A.h]": 1e-9, "nothing": math.nan})
    write_frames(folder / "fields.vtkhdf", 3, close)


@pytest.mark.parametrize("close", [True, False])
def test_open_results(tmp_path: Path, close: bool) -> None:
    write_folder(tmp_path / "r", close)
    results = open_results(tmp_path / "r")
    assert results.frames == 3 and results.regions == ("left", "right")
    np.testing.assert_array_equal(results.times, [0, 10, 20])
    np.testing.assert_allclose(results.history["Voltage [V]"], [np.nan, 3.1, 3.2, 3.3])
    assert results.summary["Capacity [A.h]"] == 1e-9 and math.isnan(results.summary["nothing"])
    assert results.run["reason"] == "protocol finished"
    for step in range(3):
        check_step(results.frame(step), step)
    check_step(results.frame(-1), 2)
    with pytest.raises(InputError, match="no frame 3"):
        results.frame(3)
    with pytest.raises(InputError, match="Crack risk"):
        results.array("Crack", 0)


def damage(folder: Path, what: str) -> None:
    match what:
        case "no run":
            (folder / "run.json").unlink()
        case "bad run":
            (folder / "run.json").write_text('{"title": ')
        case "short run":
            (folder / "run.json").write_text("{}")
        case "no history":
            (folder / "history.csv").unlink()
        case "bad history":
            (folder / "history.csv").write_text("Time [s],Voltage [V]\n1,2,3\n")
        case "text history":
            (folder / "history.csv").write_text("Time [s],Voltage [V]\n1,hello\n")
        case "empty history":
            (folder / "history.csv").write_text("")
        case "bad summary":
            (folder / "summary.json").write_text("[1]")
        case "cut fields":
            content = (folder / "fields.vtkhdf").read_bytes()
            (folder / "fields.vtkhdf").write_bytes(content[: len(content) // 3])
        case "text fields":
            (folder / "fields.vtkhdf").write_text("hello")


@pytest.mark.parametrize(
    ("what", "place", "message"),
    [
        ("no run", "run.json", "missing"),
        ("bad run", "run.json", "damaged"),
        ("short run", "run.json", "does not say: title"),
        ("no history", "history.csv", "missing"),
        ("bad history", "history.csv:2", "3 cells"),
        ("text history", "history.csv", "hello"),
        ("empty history", "history.csv", "empty"),
        ("bad summary", "summary.json", "damaged"),
        ("cut fields", "fields.vtkhdf", "damaged"),
        ("text fields", "fields.vtkhdf", "damaged"),
    ],
)
def test_damaged_folders_are_named(tmp_path: Path, what: str, place: str, message: str) -> None:
    write_folder(tmp_path / "r")
    damage(tmp_path / "r", what)
    with pytest.raises(InputError, match=message) as caught:
        open_results(tmp_path / "r")
    assert place in str(caught.value)


def test_missing_folder_data_and_fields(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such results folder"):
        open_results(tmp_path / "none")
    write_folder(tmp_path / "r", close=False)
    (tmp_path / "r" / "fields.frames.h5").unlink()
    with pytest.raises(InputError, match="damaged"):
        open_results(tmp_path / "r")
    (tmp_path / "r" / "fields.vtkhdf").unlink()
    results = open_results(tmp_path / "r")
    assert results.frames == 0
    with pytest.raises(InputError, match="no frame"):
        results.frame(-1)
