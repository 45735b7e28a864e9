"""The cases that come with the project: each is free of mistakes, the small one runs, all give what they expect."""

import json
import tomllib
from pathlib import Path

import numpy as np
import pytest
import small
from passive import hold_passive

from chemomech.protocol import has_impedance
from chemomech.results.compare import compare
from chemomech.results.read import open_results

ROOT = Path(__file__).parents[2]
CASES = sorted(path.parent for path in (ROOT / "cases").glob("*/case.toml"))
NAMES = [case.name for case in CASES]
LONG = ("bucci_2017", "delamination_size", "electrolyte_grain_size")
"""studies of more than about ten minutes"""
STUDIES = [case for case in CASES if (case / "study.toml").is_file()]


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_every_case_is_free_of_mistakes(case: Path) -> None:
    done = small.chemomech("check", case, timeout=60)  # its study too
    assert done.returncode == 0, done.stderr
    assert "no mistakes found" in done.stdout
    assert ("points of its study" in done.stdout) == (case in STUDIES)


@pytest.mark.parametrize("case", STUDIES, ids=[case.name for case in STUDIES])
def test_every_study_says_what_it_expects(case: Path) -> None:
    assert len(compare({}, case / "expected.toml", "study")) >= 3


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_every_case_says_what_it_expects_and_why(case: Path) -> None:
    assert (case / "README.md").is_file()
    comparisons = compare({}, case / "expected.toml")
    assert len(comparisons) >= 5
    names = " ".join(one.name for one in comparisons)
    timeless = "effective" in tomllib.loads((case / "case.toml").read_text())
    for needed in (
        ("current balance error",) if timeless else ("lithium balance error", "charge balance error")
    ):
        assert needed in names


def test_the_particle_runs_from_the_command_line(tmp_path: Path) -> None:
    changes = ["protocol.steps=['Charge at C/2 for 10 minutes', 'Rest for 1 minute']", "output.every=4"]
    arguments = [part for change in changes for part in ("--set", change)]
    done = small.chemomech(
        "run", ROOT / "cases" / "nmc811_particle", "--results", tmp_path, "--no-figures", *arguments
    )
    assert done.returncode == 0, done.stderr
    assert "cycle 1, step 1: Charge at C/2" in done.stderr  # a log without a terminal gets plain lines
    results = open_results(tmp_path)
    history = results.history
    assert results.run["finished"] is True and results.run["case"]["output"]["every"] == 4
    assert history["Time [s]"][-1] == pytest.approx(660.0)
    charged = results.summary["Charged share of nominal, first cycle [-]"]
    assert charged == pytest.approx(0.5 * 600 / 3600, rel=1e-6)
    theta = history["Mean stoichiometry in particle [-]"]
    assert theta[0] > theta[-1]
    assert np.max(history["Lithium balance error [-]"]) < 1e-9
    assert np.max(history["Charge balance error [-]"]) < 1e-6
    assert np.all(history["Stack pressure [MPa]"] == pytest.approx(10.0))
    assert results.frames < len(theta) / 2
    for name in ("Stoichiometry [-]", "Displacement [um]"):
        assert name in results.frame(-1).point_data
    assert json.loads((tmp_path / "summary.json").read_text())["Duration [s]"] == pytest.approx(660.0)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_every_case_gives_what_it_expects(case: Path, tmp_path: Path) -> None:
    done = small.chemomech(
        "run", case, "--check", "--results", tmp_path, "--quiet", "--no-figures", timeout=2400
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "figures agree" in done.stdout and "FAIL" not in done.stdout
    asked = case / "case.toml"
    if asked.is_file() and has_impedance(
        tomllib.loads(asked.read_text()).get("protocol", {}).get("steps", ())
    ):
        hold_passive(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    "case",
    [pytest.param(case, id=case.name, marks=[pytest.mark.long] * (case.name in LONG)) for case in STUDIES],
)
def test_every_study_gives_what_it_expects(case: Path, tmp_path: Path) -> None:
    done = small.chemomech("study", case, "--check", "--results", tmp_path, "--jobs", "2", timeout=2400)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "figures agree" in done.stdout and "FAIL" not in done.stdout
    asked = tomllib.loads((case / "study.toml").read_text())
    for figure in asked["figure"]:
        assert (tmp_path / "figures" / f"{figure['name']}.png").stat().st_size > 10_000
