"""Several ranks: the same integrals and runs, checkpoints that move between them, errors without a hang."""

import json
from pathlib import Path
from typing import Any

import block_cases
import numpy as np
import pytest
import small

from chemomech.results.read import open_results

pytestmark = pytest.mark.parallel

STEPS = ["Charge at 2C for 20 s", "Hold at 3.7 V for 10 s"]

PATCHWORK = """
import chemomech.runtime
import sys
from mpi4py import MPI
import patchwork
assert MPI.COMM_WORLD.size == int(sys.argv[1])
for kind in patchwork.KINDS:
    for check in patchwork.ALL:
        check(kind)
print("agreed", flush=True)
"""

CHECKPOINT = """
import chemomech.runtime
import sys
from pathlib import Path
import small, smooth
from chemomech.case.read import read_case
state = small.model(read_case(Path(sys.argv[2]))).state
(smooth.write if sys.argv[1] == "write" else smooth.compare)(Path(sys.argv[3]), state)
print("done", flush=True)
"""

STOPPED = """
import chemomech.runtime
import os, sys
from pathlib import Path
import chemomech.run as runs
from chemomech.case.read import read_case
written, count = runs.write_checkpoint, [0]
def write(*arguments):
    written(*arguments)
    count[0] += 1
    if count[0] == int(sys.argv[2]):
        os._exit(9)
runs.CHECKPOINT_SECONDS, runs.write_checkpoint = -1.0, write
folder = Path(sys.argv[1])
runs.run_case(read_case(folder), folder / "results", quiet=True)
"""

SHARES = """
import chemomech.runtime
import json, sys
from pathlib import Path
from mpi4py import MPI
import small
from chemomech.analysis.impedance import Impedance
from chemomech.case.read import read_case
model, found = small.simulation(read_case(Path(sys.argv[1]))).model, {}
for method in ("direct", "iterative"):
    linear = Impedance(model, method=method)
    for frequency in (1e3, 1e-2):
        impedance, shares = linear.at(frequency)
        named = {"Z": impedance, **shares}
        found[f"{method} {frequency}"] = {name: [value.real, value.imag] for name, value in named.items()}
    linear.destroy()
if MPI.COMM_WORLD.rank == 0:
    print(json.dumps(found), flush=True)
"""

ALONE = """
import chemomech.runtime
import sys
from mpi4py import MPI
import chemomech.run
from chemomech.cli import main
from chemomech.errors import RunError
def run_case(*arguments, **options):
    if MPI.COMM_WORLD.rank == 1:
        raise RunError("only this rank failed")
    MPI.COMM_WORLD.barrier()
chemomech.run.run_case = run_case
main(["run", sys.argv[1], "--quiet"])
"""

SPOILT = """
import chemomech.runtime
import sys
from mpi4py import MPI
import chemomech.run as runs
from chemomech.cli import main
def write(*arguments):
    if MPI.COMM_WORLD.rank == 1:
        raise KeyError("a fault of one rank")
    MPI.COMM_WORLD.barrier()
runs.write_checkpoint = write
main(["run", sys.argv[1], "--quiet"])
"""


EXACT = """
import chemomech.runtime
import sys
from pathlib import Path
import block_cases, exactness, small
from chemomech.case.read import read_case
model = small.model(read_case(Path(sys.argv[1])))
exactness.disturb(model.problem)
for nest in (False, True):
    residual, jacobian = exactness.compare(model.problem, nest=nest)
    assert residual < 1e-13 and jacobian < 1e-13, (nest, residual, jacobian)
print("exact", flush=True)
"""


@pytest.mark.parametrize("name", ["films, double layer, fixture", "bodies that part"])
def test_what_is_split_is_exact_on_two_ranks(name: str, tmp_path: Path) -> None:
    folder = small.write(tmp_path, *block_cases.CASES[name])
    done = small.script(EXACT, folder, ranks=2)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("exact") == 2


@pytest.mark.parametrize("ranks", [2, 3])
def test_integrals_over_interfaces_and_boundaries(ranks: int) -> None:
    done = small.script(PATCHWORK, str(ranks), ranks=ranks)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("agreed") == ranks


@pytest.fixture(scope="module")
def serial(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = small.write(tmp_path_factory.mktemp("serial"), protocol={"steps": STEPS})
    done = small.chemomech("run", folder, "--quiet")
    assert done.returncode == 0, done.stderr
    return folder


def same_run(got: Any, expected: Any, tolerance: float) -> None:
    assert list(got.history) == list(expected.history)
    for name, column in expected.history.items():
        if "error" in name or "iterations" in name:
            continue
        scale = max(1e-12, float(np.max(np.abs(column))))
        np.testing.assert_allclose(got.history[name], column, rtol=0, atol=tolerance * scale, err_msg=name)
    one, other = got.frame(-1), expected.frame(-1)
    np.testing.assert_allclose(one.points, other.points)
    for name in other.point_data:
        scale = float(np.nanmax(np.abs(other.point_data[name])))
        np.testing.assert_allclose(one.point_data[name], other.point_data[name], atol=tolerance * scale)
    for name in other.cell_data:
        scale = max(
            1e-3, float(np.nanmax(np.abs(other.cell_data[name])))
        )  # an open face is pressed by 1e-10 MPa
        np.testing.assert_allclose(one.cell_data[name], other.cell_data[name], atol=tolerance * scale)


def test_two_ranks_compute_what_one_does(serial: Path, tmp_path: Path) -> None:
    folder = small.write(tmp_path, protocol={"steps": STEPS})
    done = small.chemomech("run", folder, "--quiet", ranks=2)
    assert done.returncode == 0, done.stderr
    got, expected = open_results(folder / "results"), open_results(serial / "results")
    assert got.run["ranks"] == 2 and expected.run["ranks"] == 1
    assert got.run["integrator"] == expected.run["integrator"] == "bdf2"
    same_run(got, expected, 1e-6)
    phases = got.run["timings"]
    assert set(phases) == set(expected.run["timings"]) and len(got.run["peak_memory_mb"]) == 2
    assert phases["Jacobian"]["calls"] == expected.run["timings"]["Jacobian"]["calls"]
    wall = sum(spent["wall_s"] for spent in phases.values())
    assert wall == pytest.approx(got.run["wall_time_s"], rel=0.05)
    assert all(spent["slowest_rank_wall_s"] >= spent["wall_s"] for spent in phases.values())


def test_two_ranks_with_every_kind_of_unknown_and_the_block_solver(tmp_path: Path) -> None:
    steps = {"steps": ["Charge at 1C for 40 s", "Hold at 3.75 V for 20 s"]}
    voltage = {}
    for ranks, solver in ((1, "direct"), (2, "direct"), (2, "fieldsplit")):
        name = f"{ranks}-{solver}"
        numerics = {"solver": solver, "initial_step": "20 s", "maximum_step": "20 s", "time_tolerance": 0.1}
        folder = small.write(
            tmp_path / name,
            small.BALL,
            small.BALL_MESH,
            protocol=steps,
            numerics=numerics,
            output={"every": 100},
        )
        done = small.chemomech("run", folder, "--quiet", ranks=ranks)
        assert done.returncode == 0, done.stderr
        results = open_results(folder / "results")
        assert results.run["solver"] == solver
        assert results.summary["Max lithium balance error [-]"] < 1e-9
        voltage[name] = results.history["Voltage [V]"], results.history["Stack pressure [MPa]"]
    for name in ("2-direct", "2-fieldsplit"):
        for got, expected in zip(voltage[name], voltage["1-direct"], strict=True):
            np.testing.assert_allclose(got, expected, rtol=1e-7, err_msg=name)


@pytest.mark.parametrize(
    ("kind", "mesh"),
    [
        (small.SPHERE, small.SPHERE_MESH),
        (small.BALL, small.BALL_MESH),
        pytest.param(small.BALL, small.VOXEL_MESH, marks=pytest.mark.slow),
    ],
    ids=["triangles", "tetrahedra", "hexahedra"],
)
def test_checkpoints_move_between_numbers_of_ranks(kind: Any, mesh: str, tmp_path: Path) -> None:
    folder = small.write(tmp_path, kind, mesh, numerics={"displacement_degree": 2})
    for writers, readers in ((1, (2, 3)), (2, (1, 3))):
        path = tmp_path / f"{writers}.h5"
        for action, ranks in (("write", writers), *(("compare", reader) for reader in readers)):
            done = small.script(CHECKPOINT, action, folder, path, ranks=ranks)
            assert done.returncode == 0, f"{action} on {ranks} after {writers}: {done.stderr}"
            assert done.stdout.count("done") == ranks


@pytest.mark.parametrize(("before", "after"), [(2, 1), (1, 2), (2, 3)])
@pytest.mark.reliability
def test_a_run_continues_on_another_number_of_ranks(
    serial: Path, tmp_path: Path, before: int, after: int
) -> None:
    folder = small.write(tmp_path, protocol={"steps": STEPS})
    done = small.script(STOPPED, folder, "8", ranks=before)
    assert done.returncode != 0
    assert json.loads((folder / "results" / "run.json").read_text())["finished"] is False
    done = small.chemomech("run", folder, "--resume", "--quiet", ranks=after)
    assert done.returncode == 0, done.stderr
    got, expected = open_results(folder / "results"), open_results(serial / "results")
    assert got.run["ranks"] == after and got.run["finished"] is True
    same_run(got, expected, 1e-6)


@pytest.mark.parametrize(
    ("sections", "code", "said"),
    [
        ({"cell": {"current_collector": "particle@left"}}, 2, "'particle@left' has no area in this mesh"),
        (
            {"protocol": {"steps": ["Charge at 20C for 1 hour"]}},
            3,
            "the surface of 'particle' is empty of lithium",
        ),
        ({"numerics": {"newton_tolerance": 2.0}}, 2, "newton_tolerance"),
    ],
)
def test_ranks_fail_together_with_one_message(tmp_path: Path, sections: Any, code: int, said: str) -> None:
    cell = {"counter_electrode": {**small.FILM["cell"]["counter_electrode"], "at": "top"}}
    if (
        "cell" in sections
    ):  # the lithium elsewhere, or the reader would see the mistake before the mesh is there
        sections = {**sections, "cell": {**cell, **sections["cell"]}}
    folder = small.write(tmp_path, **sections)
    one = small.chemomech("run", folder, "--quiet", timeout=60)
    done = small.chemomech("run", folder, "--quiet", ranks=2, timeout=60)
    assert one.returncode == done.returncode == code, done.stderr
    assert done.stderr.count(said) == 1, done.stderr
    assert "Traceback" not in done.stderr


def test_an_unforeseen_error_on_one_rank_ends_the_run(tmp_path: Path) -> None:
    folder = small.write(tmp_path, protocol={"steps": ["Charge at 1C for 2 s"]})
    done = small.script(SPOILT, folder, ranks=2, timeout=60)
    assert done.returncode != 0
    assert "a fault of one rank" in done.stderr
    assert json.loads((folder / "results" / "run.json").read_text())["finished"] is False
    assert len(open_results(folder / "results").history["Time [s]"]) > 2


def test_a_rank_that_fails_alone_ends_the_others(tmp_path: Path) -> None:
    done = small.script(ALONE, small.write(tmp_path), ranks=2, timeout=60)
    assert done.returncode != 0
    assert "rank 1: only this rank failed" in done.stderr


SPACE_CHARGE = """
import chemomech.runtime
from mpi4py import MPI
from chemomech.verification.contacts import OXIDE, SULFIDE, contact
charges = []
for core in (False, True):
    layers = contact(OXIDE, SULFIDE, core=core)
    layers.bench.solve()
    charges += [layers.charge("left"), layers.charge("right")]
    layers.destroy()
if MPI.COMM_WORLD.rank == 0:
    print(*(f"{value:.12g}" for value in charges), flush=True)
"""


def test_two_ranks_resolve_the_same_space_charge() -> None:
    values = []
    for ranks in (1, 2):
        done = small.script(SPACE_CHARGE, ranks=ranks)
        assert done.returncode == 0, done.stderr
        values.append([float(word) for word in done.stdout.split()])
    assert len(values[0]) == 4
    np.testing.assert_allclose(values[1], values[0], rtol=1e-9)


FILLED = """\
kind = "inclusions"
coordinates = "plane strain"
box = ["8 um", "8 um"]
sides = "periodic"
fraction = 0.3
gap = "0.3 um"
seed = 1
radii = { values = ["1.5 um", "1 um"] }
mesh_size = { interface = "0.4 um", bulk = "1 um" }
"""


@pytest.mark.parametrize("boundaries", ["periodic", "walls"])
def test_effective_properties_do_not_depend_on_the_ranks(tmp_path: Path, boundaries: str) -> None:
    case = {
        "title": "A filled electrolyte",
        "mesh": "mesh.toml",
        "regions": {
            "particle": {"material": "LLZO", "role": "electrolyte"},
            "electrolyte": {"material": "Li6PS5Cl", "role": "electrolyte"},
        },
        "interfaces": {"particle|electrolyte": {"resistance": "0.1 ohm cm^2"}},
        "effective": {
            "quantities": ["ionic_conductivity", "stiffness", "percolation"],
            "boundaries": boundaries,
            "temperature": "25 degC",
        },
        "output": {"figures": False},
    }
    folder = small.write(tmp_path / "case", case, FILLED)
    found = []
    for ranks in (1, 2):
        results = tmp_path / f"on{ranks}"
        done = small.chemomech("run", folder, "--results", results, "--quiet", ranks=ranks)
        assert done.returncode == 0, done.stderr
        found.append(json.loads((results / "summary.json").read_text()))
        assert open_results(results).frames == 1
    alone, together = found
    assert alone.keys() == together.keys() and alone["Effective ionic conductivity [S.m-1]"] > 0.0
    for name, value in alone.items():
        if "balance error" not in name:
            assert together[name] == pytest.approx(value, rel=1e-9, abs=1e-9), name


@pytest.mark.slow
@pytest.mark.reliability
def test_bodies_that_part_on_other_numbers_of_ranks(tmp_path: Path) -> None:
    # an interphase too, which grows where the bodies touch: how much has touched is a memory as well
    layer = {"material": "NMC811-Li6PS5Cl", "law": "mixed", "initial_thickness": "2 nm"}
    interface = {**small.PARTING["interfaces"]["particle|electrolyte"], "interphase": layer}
    parting = {**small.PARTING, "interfaces": {"particle|electrolyte": interface}}
    steps = {"steps": ["Charge at 2C for 10 minutes"]}
    folder = small.write(tmp_path / "one", parting, small.SPHERE_MESH, protocol=steps)
    assert small.chemomech("run", folder, "--quiet").returncode == 0
    expected = open_results(folder / "results")
    assert expected.summary["Damaged share at particle|electrolyte [-]"] > 0.05
    together = small.write(tmp_path / "two", parting, small.SPHERE_MESH, protocol=steps)
    done = small.chemomech("run", together, "--quiet", ranks=2)
    assert done.returncode == 0, done.stderr
    same_run(open_results(together / "results"), expected, 1e-6)
    # stopped on one rank and gone on with on two: damage and pressure must be where they were
    apart = small.write(tmp_path / "apart", parting, small.SPHERE_MESH, protocol=steps)
    assert small.script(STOPPED, apart, "12", ranks=1).returncode != 0
    done = small.chemomech("run", apart, "--resume", "--quiet", ranks=2)
    assert done.returncode == 0, done.stderr
    same_run(open_results(apart / "results"), expected, 1e-6)


def test_shares_of_the_impedance_without_factors(tmp_path: Path) -> None:
    folder = small.write(tmp_path, *block_cases.CASES["films, double layer, fixture"])
    done = small.script(SHARES, folder, ranks=2)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    for frequency in (1e3, 1e-2):
        exact, given = found[f"direct {frequency}"], found[f"iterative {frequency}"]
        assert given.keys() == exact.keys()
        parts = {name: complex(*value) for name, value in given.items()}
        impedance = parts.pop("Z")
        assert sum(parts.values()) == pytest.approx(impedance, rel=1e-10)
        for name, value in exact.items():
            assert abs(complex(*value) - complex(*given[name])) < 1e-8 * abs(impedance), name
