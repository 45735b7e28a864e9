"""The command line: every verb, every exit code, what is imported and how long it takes."""

import json
import os
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest
from test_case import CASE, MESH, NUMBERS, material

from chemomech.cli import outcome
from chemomech.errors import InputError, Problem, RunError
from chemomech.results.compare import compare

ROOT = Path(__file__).parents[2]
VERBS = ("run", "impedance", "drt", "fit", "study", "check", "explain", "mesh", "render", "verify", "list")
HEAVY = (
    "dolfinx",
    "gmsh",
    "h5py",
    "imageio",
    "matplotlib",
    "meshio",
    "mpi4py",
    "petsc4py",
    "plotly",
    "pyimpspec",
    "pyvista",
    "vtk",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Write the sample case and return its folder."""
    folder = tmp_path / "case"
    (folder / "materials").mkdir(parents=True)
    (folder / "case.toml").write_text(CASE)
    (folder / "mesh.msh").write_text(MESH)
    for name in NUMBERS:
        (folder / "materials" / f"{name}.toml").write_text(material(name))
    return folder


class Solver:
    """Stands in for chemomech.run and records how it was called."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[tuple[Any, Path, bool, bool]] = []
        self.summary: dict[str, float] = {"Capacity [A.h]": 1.0}
        self.error: Exception | None = None
        module = types.ModuleType("chemomech.run")
        module.run_case = self.run_case  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "chemomech.run", module)
        monkeypatch.setattr("chemomech.run", module, raising=False)

    def run_case(self, case: Any, results: Path, *, resume: bool, quiet: bool) -> dict[str, float]:
        """Record the call."""
        self.calls.append((case, results, resume, quiet))
        if self.error is not None:
            raise self.error
        return self.summary


@pytest.fixture
def solver(monkeypatch: pytest.MonkeyPatch) -> Solver:
    """Replace the solver."""
    return Solver(monkeypatch)


def test_each_verb_has_help_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    for verb in VERBS:
        assert outcome([verb, "--help"]) == 0
        assert f"Example: chemomech {verb}" in capsys.readouterr().out


def test_check_accepts_and_refuses(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome(["check", str(folder)]) == 0
    assert "no mistakes" in capsys.readouterr().out
    assert outcome(["check", str(folder), "--set", "protocol.cylces=3", "--set", "protocol.cycles=0"]) == 2
    said = capsys.readouterr()
    assert "--set protocol.cylces=3: 'cylces' is not a key here; did you mean 'cycles'?" in said.err
    assert "--set protocol.cycles=0: 0 is outside its range" in said.err
    assert not said.out and "Traceback" not in said.err


def test_run_passes_on_what_was_asked(folder: Path, solver: Solver, tmp_path: Path) -> None:
    results = tmp_path / "elsewhere" / "deep"
    arguments = ["run", "--set", "protocol.cycles=3", str(folder), "--resume", "--quiet", "--no-figures"]
    assert outcome([*arguments, "--results", str(results)]) == 0
    ((case, where, resume, quiet),) = solver.calls
    assert (case.protocol.cycles, where, resume, quiet) == (3, results, True, True)
    assert not case.output.figures and not case.output.animation
    assert results.is_dir() and not list(results.iterdir())


def test_run_check_needs_something_to_compare_with(
    folder: Path, solver: Solver, capsys: pytest.CaptureFixture[str]
) -> None:
    assert outcome(["run", str(folder), "--check"]) == 2
    assert "expected.toml" in capsys.readouterr().err
    (folder / "expected.toml").write_text('[figures."Capacity [A.h]"]\nvalue = 1\nrtol = 0.02\n')
    assert outcome(["run", str(folder), "--check", "--set", "protocol.cycles=2"]) == 2
    assert "--set" in capsys.readouterr().err
    assert not solver.calls and not (folder / "results").exists()


def test_a_folder_that_cannot_be_written_is_found_first(
    folder: Path, solver: Solver, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "results").write_text("a file in the way")
    assert outcome(["run", str(folder)]) == 2
    assert "cannot be written" in capsys.readouterr().err and not solver.calls


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (InputError([Problem("a", "one"), Problem("b", "two", "mend")]), 2, "a: one\nb: two; mend\n"),
        (RunError("the time step became too short"), 3, "the time step became too short\n"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
    ],
)
def test_errors_become_words(
    folder: Path, solver: Solver, capsys: pytest.CaptureFixture[str], error: Exception, code: int, said: str
) -> None:
    solver.error = error
    assert outcome(["run", str(folder), "--no-figures"]) == code
    assert capsys.readouterr().err == said


def test_a_bug_shows_its_traceback_once(
    folder: Path, solver: Solver, capsys: pytest.CaptureFixture[str]
) -> None:
    solver.error = ZeroDivisionError("bug")
    assert outcome(["run", str(folder), "--no-figures"]) == 1
    assert capsys.readouterr().err.count("ZeroDivisionError: bug") == 1


def test_expected_figures_decide_the_exit_code(
    folder: Path, solver: Solver, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "expected.toml").write_text('[figures."Capacity [A.h]"]\nvalue = 1.01\nrtol = 0.02\n')
    assert outcome(["run", str(folder), "--no-figures", "--check"]) == 0
    assert "ok   Capacity [A.h]: expected 1.01, got 1, error 0.01, allowed 0.02" in capsys.readouterr().out
    solver.summary = {"Capacity [A.h]": 0.9}
    assert outcome(["run", str(folder), "--no-figures", "--check"]) == 1
    assert "FAIL Capacity [A.h]" in capsys.readouterr().out
    assert outcome(["run", str(folder), "--no-figures"]) == 0  # not asked to compare


def test_compare(tmp_path: Path) -> None:
    path = tmp_path / "expected.toml"
    path.write_text(
        '[figures]\n"a [V]" = { value = -2, rtol = 0.1 }\n'
        '"b [-]" = { value = 0, atol = 1e-3, note = "small" }\n'
        '"c [V]" = { value = 1, rtol = 1 }\n"d [V]" = { value = 1, rtol = 1 }\n'
    )
    found = compare({"a [V]": -2.19, "b [-]": 2e-3, "d [V]": float("nan")}, path)
    assert [one.passed for one in found] == [True, False, False, False]
    assert found[0].tolerance == pytest.approx(0.2) and found[1].error == pytest.approx(2e-3)
    assert "got missing" in str(found[2])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a = 1",
        "[figures]",
        '[figures]\n"a" = 1',
        '[figures]\n"a" = { value = 1 }',
        '[figures]\n"a" = { value = 1, rtol = 1, atol = 1 }',
        '[figures]\n"a" = { value = "1", rtol = 1 }',
        '[figures]\n"a" = { value = nan, rtol = 1 }',
        '[figures]\n"a" = { value = 1, rtol = -1 }',
        '[figures]\n"a" = { value = 1, rtoll = 1 }',
        "[figures",
    ],
)
def test_compare_refuses(tmp_path: Path, text: str) -> None:
    path = tmp_path / "expected.toml"
    path.write_text(text)
    with pytest.raises(InputError):
        compare({"a": 1.0}, path)


def test_explain_names_numbers_and_their_origin(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome(["explain", str(folder), "--set", "protocol.cycles=5"]) == 0
    said = capsys.readouterr().out
    for part in (
        "Region particle: Oxide, active [case.toml:5]",
        "dc/dt + div J = 0",
        "-div sigma = 0",
        "youngs_modulus = 180 GPa [made up; not confirmed]",
        "exchange_current = 1 A/m^2 [case.toml:9]",
        "eta = phi_s - phi_e - U(theta) - Omega sigma_h/F - i R_film",
        "temperature = 25 degC [case.toml:12]",
        "cycles = 5 [--set protocol.cycles=5]",
        "1. Charge at C/10 until 4.2 V: current +0.1 C, ends at 4.2 V [case.toml:25]",
        "at 60 s: 10 MPa",
        "displacement_degree = 2 [default]",
    ):
        assert part in said


def test_lists(monkeypatch: pytest.MonkeyPatch, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome(["list", "fields"]) == 0
    assert "crack_risk" in capsys.readouterr().out.split()
    project = folder.parent / "project"
    (project / "cases").mkdir(parents=True)
    folder.rename(project / "cases" / "one")
    monkeypatch.chdir(project)
    assert outcome(["list", "cases"]) == 0
    assert capsys.readouterr().out == "cases/one: One particle\n"
    assert outcome(["list", "materials"]) == 0
    assert capsys.readouterr().out.strip()


def test_wrong_words_are_refused() -> None:
    for wrong in (
        ["check"],
        ["run", "a", "b"],
        ["list", "nothing"],
        ["check", "a", "--sett", "b=1"],
        ["chekc", "a"],
    ):
        with pytest.raises(SystemExit) as stopped:
            outcome(wrong)
        assert stopped.value.code not in (0, None)


def test_no_folder_to_render(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome(["render", str(tmp_path / "none")]) == 2
    assert "no such folder" in capsys.readouterr().err


def test_only_the_first_rank_prints(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PMI_RANK", "1")
    monkeypatch.delitem(sys.modules, "mpi4py.MPI", raising=False)
    assert outcome(["check", str(folder)]) == 0
    assert outcome(["check", str(folder / "none")]) == 2
    said = capsys.readouterr()
    assert not said.out and not said.err


@pytest.mark.parametrize(
    "arguments", [["--help"], ["check", "CASE"], ["explain", "CASE"], ["list", "fields"]]
)
def test_quick_verbs_import_nothing_heavy(folder: Path, arguments: list[str]) -> None:
    program = (
        "import json, sys; from chemomech.cli import outcome; code = outcome(json.loads(sys.argv[1]));"
        f"print(json.dumps([code, [name for name in {HEAVY!r} if name in sys.modules]]))"
    )
    words = json.dumps([str(folder) if word == "CASE" else word for word in arguments])
    done = subprocess.run([sys.executable, "-c", program, words], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == [0, []]


@pytest.mark.parallel
@pytest.mark.parametrize(("lonely", "code", "said"), [(True, 3, "rank 1: stop"), (False, 3, "stop")])
def test_a_failure_of_one_rank_ends_all(folder: Path, lonely: bool, code: int, said: str) -> None:
    program = (
        "import sys, types; from mpi4py import MPI; import chemomech.ranks;"
        f"chemomech.ranks._PATIENCE = {0.5 if lonely else 30.0}\n"  # the machine may be busy with something else
        "from chemomech.errors import RunError\n"
        "def run_case(*a, **k):\n"
        f"    if {lonely} and MPI.COMM_WORLD.rank == 0: MPI.COMM_WORLD.Recv(bytearray(1), source=1)\n"
        "    raise RunError('stop')\n"
        "module = types.ModuleType('run'); module.run_case = run_case\n"
        "sys.modules['chemomech.run'] = module\n"
        "from chemomech.cli import main; main(['run', sys.argv[1], '--no-figures'])"
    )
    command = ["mpiexec", "-n", "2", sys.executable, "-c", program, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=ROOT, env=os.environ)
    assert done.returncode == code
    # Who spoke, not how often: a launcher under load repeats what an aborted rank wrote last.
    heard = [line for line in done.stderr.splitlines() if line.endswith("stop")]
    assert set(heard) == {said} and "Traceback" not in done.stderr
