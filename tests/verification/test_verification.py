"""The verification cases hold, and what judges them can say no."""

import json
import math
import re
from dataclasses import replace
from pathlib import Path

import pytest

from chemomech.errors import InputError
from chemomech.verification import run
from chemomech.verification.figures import Figure, judge, tables

SLOW = {
    "dis_stress_coupled_potentiostatic",
    "particle_vs_pybamm",
    "diff_sphere_pot",
    "contact_hertz",
    "cv_surface_reversible",
    "side_reaction_impedance",
    "contact_westergaard",
    "czm_dcb",
    "debond_energy",
    "eff_voxel_image",
    "eis_constriction",
    "eis_layers",
    "eis_transient",
    "gitt",
    "jacobian_parting",
    "scl_nm_law",
}
PARALLEL = {"ranks"}
MARKED = [
    pytest.param(
        name,
        marks=[pytest.mark.slow] * (name in SLOW | PARALLEL) + [pytest.mark.parallel] * (name in PARALLEL),
    )
    for name in run.NAMES
]


@pytest.fixture(scope="module", autouse=True)
def compiled() -> None:
    """Compile forms into the project's own cache."""
    from mpi4py import MPI

    from chemomech.solver.jit import prepare

    prepare(MPI.COMM_WORLD)


@pytest.mark.parametrize("name", MARKED)
def test_case(name: str) -> None:
    figures = run.evaluate(name)
    assert figures
    assert not [figure for figure in figures if not figure.passed]


def test_every_table_has_a_case_and_every_case_a_table() -> None:
    assert set(run.menu()) == set(tables()) == set(run.NAMES)


def test_every_case_has_its_figures_in_the_documents() -> None:
    page = (Path(__file__).parents[2] / "docs" / "verification.md").read_text(encoding="utf-8")
    for name, table in tables().items():
        _, heading, rest = page.partition(f"\n### {name}\n")
        assert heading, f"docs/verification.md has no table of {name}"
        shown = re.findall(r"^\| (\S+) \|", rest.partition("\n### ")[0], flags=re.MULTILINE)
        wanted = {*table.get("expected", {}), *table.get("at_least", {}), *table.get("at_most", {})}
        assert wanted <= set(shown), name


def test_json_is_one_figure_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run.run_verification(["stack_pressure", "interface_orientation"], json=True) == 0
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(records) == 7
    assert {"id", "figure", "expected", "got", "error", "tolerance", "passed"} == set(records[0])
    assert all(record["passed"] for record in records)


def test_a_wrong_number_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    expected = tables()["eshelby_same"]["expected"]
    wrong = dict(expected, p_MPa=1.01 * expected["p_MPa"])
    monkeypatch.setattr(run, "menu", lambda: {"eshelby_same": lambda: wrong})
    assert run.run_verification(["eshelby_same"]) == 1
    text = capsys.readouterr().out
    assert text.count("OFF") == 1 and "1 off" in text


def test_what_is_missing_or_no_number_fails() -> None:
    for got in ({}, {"order": math.nan, "central_difference_error": math.nan}):
        assert not any(figure.passed for figure in judge("jacobian", got))
    assert not any(figure.passed for figure in judge("eshelby_same", {"p_MPa": math.inf}))
    assert json.loads(json.dumps(judge("eshelby_same", {})[0].record()))["got"] is None


def test_bounds_are_bounds() -> None:
    good = Figure("case", "figure", 1.0, 1.0, 0.0, 0.0)
    assert good.passed and not replace(good, error=1e-9).passed
    enough = dict.fromkeys(tables()["poisson_mms"]["at_least"], 2.95)
    assert all(figure.passed for figure in judge("poisson_mms", enough))
    short = dict(enough, order_degree_2=2.94)
    assert [figure.figure for figure in judge("poisson_mms", short) if not figure.passed] == [
        "order_degree_2"
    ]
    at_most = {"relative_difference": 2e-8}
    assert not judge("ranks", at_most)[0].passed


def test_an_unknown_case_is_an_input_error_with_the_nearest_names() -> None:
    with pytest.raises(InputError, match="did you mean poisson_mms"):
        run.run_verification(["poison_mms"])


def test_cases_can_be_listed() -> None:
    lines = run.list_verifications()
    assert len(lines) == len(run.NAMES)
    assert any(line.startswith("butler_volmer ") for line in lines)
