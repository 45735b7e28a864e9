"""Studies: what study.toml may say, its points, resuming, failing, collecting, deriving, drawing."""

import json
import math
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import small
from pydantic import BaseModel

from chemomech.case.read import read_case
from chemomech.cli import outcome
from chemomech.errors import InputError
from chemomech.render.study import render_study
from chemomech.results.compare import compare
from chemomech.results.study import Axis, Table, collected, open_study
from chemomech.study import run as running
from chemomech.study import schema
from chemomech.study.derived import NotDerivedError, derive
from chemomech.study.read import read_study
from chemomech.study.schema import Derived
from chemomech.study.written import filled, written

ROOT = Path(__file__).parents[2]

STUDY = """\
title = "Pressure and thickness"

[[axis]]
name = "Stack pressure [MPa]"
set = { "pressure.program" = ["{}"] }
values = ["0.1 MPa", "1e4 kPa"]

[[axis]]
name = "Film"
[[axis.variant]]
name = "thin"
set = { "mesh.layers.1.thickness" = "1 um", "mesh.layers.1.cells" = 8 }
[[axis.variant]]
name = "as in the case"
set = {}

[[axis]]
name = "Particle size [um]"
key = "mesh.width"
values = ["2 um", "3000 nm"]
statistic = true

[[figure]]
name = "stress"
x = "Stack pressure [MPa]"
y = "Stress [MPa]"
by = "Film"
scale = "log-log"

[derived."Exponent of stress [-]"]
of = "Stress [MPa]"
how = "exponent"
x = "Stack pressure [MPa]"
"""

FAKE = """\
import json, pathlib, sys
arguments = sys.argv[1:]
folder = pathlib.Path(arguments[arguments.index("--results") + 1])
said = dict(a.split("=", 1) for a in arguments if "=" in a)
pressure = json.loads(said["pressure.program"])[0] if "pressure.program" in said else "0.1 MPa"
width = float(json.loads(said["mesh.width"]).split()[0].replace("3000", "3")) if "mesh.width" in said else 2.0
thin = "mesh.layers.1.thickness" in said
with open(folder.parent.parent / "calls.txt", "a") as log:
    log.write(folder.name + "\\n")
if FAIL:
    print("the time step became too short", file=sys.stderr)
    sys.exit(3)
stress = {"0.1 MPa": 0.1, "1e4 kPa": 10.0}[pressure] ** 0.5 * width * (2.0 if thin else 1.0)
folder.mkdir(parents=True, exist_ok=True)
(folder / "run.json").write_text(json.dumps({"finished": True}))
summary = {"Stress [MPa]": stress, "End voltage [V]": None}
if thin:
    summary["Only thin [-]"] = 7.0
(folder / "summary.json").write_text(json.dumps(summary))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a small case with a study."""
    made = small.write(tmp_path / "case")
    (made / "study.toml").write_text(STUDY)
    return made


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return a way to have points 'run' by a script at once; its argument says when they fail."""

    def install(fails: str = "False") -> None:
        script = tmp_path / "fake.py"
        script.write_text(FAKE.replace("FAIL", fails))
        monkeypatch.setattr(running, "COMMAND", (sys.executable, "-IS", str(script)))

    return install


def calls(results: Path) -> list[str]:
    """Return the points that were run, in order."""
    file = results / "calls.txt"
    return file.read_text().split() if file.is_file() else []


# ---- reading ---------------------------------------------------------------------------------------------------


def test_the_points_are_the_product_of_the_axes(folder: Path) -> None:
    study = read_study(folder)
    assert len(study.points) == 8
    assert [axis.positions for axis in study.axes] == [(0.1, 10.0), (0.0, 1.0), (2.0, 3.0)]
    first = study.points[0]
    assert first.overrides == (
        'pressure.program=["0.1 MPa"]',
        'mesh.layers.1.thickness="1 um"',
        "mesh.layers.1.cells=8",
        'mesh.width="2 um"',
    )
    assert first.said == "Stack pressure = 0.1 MPa, Film = thin, Particle size = 2 um"
    assert first.name == "Stack_pressure=0.1__Film=thin__Particle_size=2"
    assert len({point.name for point in study.points}) == len({point.identity for point in study.points}) == 8
    case = read_case(folder, study.points[0].overrides)
    assert case.pressure is not None and case.pressure.program == ("0.1 MPa",)
    assert case.mesh.replaced["width"] == "2 um"


def test_identity_follows_everything_a_result_depends_on(folder: Path) -> None:
    def identities(*overrides: str) -> list[str]:
        return [point.identity for point in read_study(folder, overrides).points]

    before = identities()
    assert identities() == before
    assert identities("title=Another") == before
    assert identities("cell.temperature=30 degC")[0] != before[0]
    recipe = folder / "mesh.toml"
    recipe.write_text(recipe.read_text() + "\n# a remark\n")
    assert identities() == before
    recipe.write_text(recipe.read_text().replace("cells_across = 2", "cells_across = 3"))
    changed = identities()
    assert not set(changed) & set(before)
    (folder / "materials").mkdir()
    library = ROOT / "chemomech" / "materials" / "library" / "Li6PS5Cl.toml"
    (folder / "materials" / "Li6PS5Cl.toml").write_text(library.read_text())
    assert not set(identities()) & set(changed)


MISTAKES = [
    ('title = "Pressure and thickness"\n', "", "study.toml: 'title' is missing; it is: One line"),
    ("statistic = true", "statstic = true", "study.toml:21 [axis.2]: 'statstic' is not a key here; did you mean"),
    ("statistic = true", 'statistic = "yes"', "study.toml:21 [axis.2] statistic: 'yes' is neither true nor false"),
    ('key = "mesh.width"', "", "study.toml:17 axis: needs either 'key' or 'set' beside 'values'"),
    ('key = "mesh.width"', 'key = "mesh."', "study.toml:19 [axis.2] key: 'mesh.' is not a key; write it as for"),
    ('key = "mesh.width"', 'key = "mesh.wdith"', "study.toml:20 [axis.2] values: 'wdith' is not a key here; did"),
    ('key = "mesh.width"', 'key = "pressure.program"', "is also changed by the axis 'Stack pressure [MPa]'"),
    ('key = "mesh.width"', 'key = "mesh"', "'mesh' replaces what the axis 'Film' wrote into it; put this axis first"),
    ('"3000 nm"]', '"3 V"]', "study.toml:20 [axis.2] values: '3 V' has no position on the axis"),
    ('"3000 nm"]', '"2 um"]', "'2' is there twice"),
    ('"3000 nm"]', "2024-01-01]", "a date cannot be written into a key"),
    ('["0.1 MPa", "1e4 kPa"]', '["0.1 MPa", "1e4 kPa", "-3 MPa"]', "study.toml:6 [axis.0] values:"),
    ('["0.1 MPa", "1e4 kPa"]', '["0.1 MPa", "1e4 kPa"]\nnumbers = [1]', "1 numbers for 2 values"),
    ('["{}"]', '["3 MPa"]', "study.toml:5 [axis.0] set: the value goes nowhere; write {} where it goes"),
    ('name = "thin"', 'name = "thin"\nnumber = 1', "some variants have a number and some have none"),
    ('"mesh.layers.1.cells" = 8', '"mesh.layers.9.cells" = 8', "study.toml:12 [axis.1.variant.0] set: 'layers' has no"),
    ('name = "Film"', 'name = "Film"\nkey = "title"', "'key' does not go with variants"),
    ('name = "Film"', 'name = "Particle size [um]"', "two axes are named 'Particle size [um]'; rename one"),
    ('by = "Film"', 'by = "Flim"', "study.toml:27 [figure.0] by: there is no axis 'Flim'; did you mean 'Film'?"),
    ('by = "Film"', "", "study.toml:23: says nothing of the axis 'Film'; name it in 'by' or 'where'"),
    ('by = "Film"', 'by = "Particle size [um]"', "is taken together (statistic = true)"),
    ('by = "Film"', 'where = { Film = "thick" }', "the axis 'Film' has no value 'thick'; did you mean 'thin'?"),
    ('by = "Film"', 'by = "Film"\nwhere = { Film = "thin" }', "the axis 'Film' is used twice"),
    ('y = "Stress [MPa]"', 'y = ["A [MPa]", "B [V]"]', "figures of different units share no axis"),
    ('scale = "log-log"', 'table = "cycles"', "a figure of 'cycles' has one column in 'y', no 'by'"),
    ('y = "Stress [MPa]"', 'y = ["A [MPa]", "B [MPa]"]', "several figures need one 'label'"),
    ('scale = "log-log"', 'scale = "log"', "[figure.0] scale: 'log' is not a choice; did you mean 'log-y'?"),
    ('scale = "log-log"', "levels = [1]", "'levels' belong to a map"),
    ('scale = "log-log"', 'colour = "Stress [MPa]"', "a map has one axis in 'y', no 'by', 'label' and 'data'"),
    (
        'scale = "log-log"',
        'data = [{ name = "a", source = "b", x = [1], y = [1, 2] }]',
        "1 places and 2 values; give one value for each place",
    ),
    ('scale = "log-log"', 'data = [{ name = "a", x = [1], y = [1] }]', "'source' is missing"),
    ('name = "stress"', 'name = "a b"', "[figure.0] name"),
    ('how = "exponent"', 'how = "expnent"', "'expnent' is not a choice; did you mean 'exponent'?"),
    ('how = "exponent"', 'how = "largest"', "'largest' takes no 'x'"),
    ('how = "exponent"', 'how = "at_share"', "'at_share' needs 'share'"),
    ('how = "exponent"', 'how = "slope"\nvalue = 3', "'slope' takes no 'value'"),
    ('how = "exponent"', 'how = "slope"\nscale = "log-x"', "'slope' does not interpolate; remove 'scale'"),
    ('how = "exponent"', 'how = "slope"\nrange = [2, 1]', "'range' is not a least and a greatest x"),
    ("[[figure]]", "[[figure", "study.toml:23: not TOML"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "expected"), MISTAKES, ids=[f"{new[:40]}" for _, new, _ in MISTAKES])
def test_each_mistake_is_said(folder: Path, old: str, new: str, expected: str) -> None:
    assert old in STUDY
    (folder / "study.toml").write_text(STUDY.replace(old, new, 1))
    with pytest.raises(InputError) as caught:
        read_study(folder)
    said = "\n".join(str(problem).replace(f"{folder}/", "") for problem in caught.value.problems)
    assert expected in said
    assert "pydantic" not in said


def test_all_mistakes_of_all_points_at_once(folder: Path) -> None:
    text = STUDY.replace('"1e4 kPa"', '"-3 MPa"').replace('"3000 nm"]', '"-1 um"]')
    (folder / "study.toml").write_text(text)
    with pytest.raises(InputError) as caught:
        read_study(folder)
    places = [problem.place.replace(f"{folder}/", "") for problem in caught.value.problems]
    assert places == ["study.toml:6 [axis.0] values", "study.toml:20 [axis.2] values"]


def test_a_contradiction_names_the_point(folder: Path) -> None:
    text = STUDY.replace('"mesh.layers.1.cells" = 8', '"mesh.structured" = false')
    (folder / "study.toml").write_text(text)
    with pytest.raises(InputError) as caught:
        read_study(folder)
    said = "\n".join(str(problem) for problem in caught.value.problems)
    assert (
        f"{folder}/study.toml, Stack pressure = 0.1 MPa, Film = thin, Particle size = 2 um: {folder}/mesh.toml:5"
        in said
    )


def test_check_reads_the_study(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome(["check", str(folder)]) == 0
    assert "no mistakes found, 8 points of its study" in capsys.readouterr().out
    (folder / "study.toml").write_text(STUDY.replace("mesh.width", "mesh.wdith"))
    assert outcome(["check", str(folder)]) == 2
    assert "'wdith' is not a key here; did you mean 'width'?" in capsys.readouterr().err


def test_templates_and_toml() -> None:
    assert filled("{}", 3) == 3
    assert filled(["Charge at {}C", {"a": "{}"}, 1], 0.5) == ["Charge at 0.5C", {"a": 0.5}, 1]
    for value in ('a"b\\c\nd\x7f', 1e-12, -3, True, [1, ["x"]], {"a|b": {"c": 1.5}}):
        assert tomllib.loads(f"v = {written(value)}")["v"] == value


def keys(model: type[BaseModel]) -> set[str]:
    """Return every key of a schema and of the tables in it."""
    found = set(model.model_fields)
    for field in model.model_fields.values():
        stack = [field.annotation]
        while stack:
            one: Any = stack.pop()
            if isinstance(one, type) and issubclass(one, BaseModel):
                found |= keys(one)
            stack += get_args(one)
    return found


def test_every_key_is_in_the_reference() -> None:
    text = (ROOT / "docs" / "studies.md").read_text()
    for key in keys(schema.StudyFile):
        assert f"`{key}`" in text or f"[[{key}]]`" in text or f"`[{key}" in text or f".{key}]]`" in text, key
    for how in get_args(Derived.model_fields["how"].annotation):
        assert f"`{how}`" in text


def test_the_example_in_the_reference_is_one() -> None:
    text = (ROOT / "docs" / "studies.md").read_text()
    example = schema.StudyFile.model_validate(
        tomllib.loads(text.partition("```toml\n")[2].partition("```")[0])
    )
    assert [one.name for one in example.axis] == ["Stack pressure [MPa]", "Electrolyte", "Seed"]


# ---- running -----------------------------------------------------------------------------------------------------


def study(folder: Path, *arguments: str) -> int:
    """Run the verb."""
    return outcome(["study", str(folder), *arguments])


def test_a_study_is_run_collected_and_drawn(
    folder: Path, fake: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    fake()
    assert study(folder) == 0
    said = capsys.readouterr()
    assert "8/8 Stack pressure = 10 MPa, Film = as in the case, Particle size = 3 um: done in 0 s" in said.err
    assert "Exponent of stress [-] @ Film = thin" in said.out and "Failed points [-]" in said.out
    results = folder / "results" / "study"
    record, table = open_study(results)
    assert [point["state"] for point in record["points"]] == ["done"] * 8
    assert list(table.columns) == ["Stress [MPa]", "Only thin [-]"]
    assert np.isnan(table.columns["Only thin [-]"]).sum() == 4
    header = (results / "study.csv").read_text().splitlines()[0]
    assert header == "Point,Stack pressure [MPa],Film,Particle size [um],Stress [MPa],Only thin [-],Outcome"
    figures = json.loads((results / "study.json").read_text())
    place = "Stack pressure = 10 MPa, Film = thin"
    assert figures[f"Mean of Stress [MPa] @ {place}"] == pytest.approx(math.sqrt(10.0) * 5.0)
    assert figures[f"Standard deviation of Stress [MPa] @ {place}"] == pytest.approx(
        math.sqrt(10.0) * math.sqrt(2.0)
    )
    assert figures[f"Least Stress [MPa] @ {place}"] == pytest.approx(math.sqrt(10.0) * 4.0)
    assert figures[f"Greatest Stress [MPa] @ {place}"] == pytest.approx(math.sqrt(10.0) * 6.0)
    assert figures["Exponent of stress [-] @ Film = as in the case"] == pytest.approx(0.5)
    assert figures["Failed points [-]"] == 0.0 and figures["Points [-]"] == 8.0
    assert (results / "figures" / "stress.png").stat().st_size > 10_000


def test_points_that_are_there_are_kept(
    folder: Path, fake: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    fake()
    results = folder / "results" / "study"
    assert study(folder, "--no-figures") == 0 and len(calls(results)) == 8
    before = (results / "study.json").read_text()
    assert study(folder, "--no-figures") == 0 and len(calls(results)) == 8
    assert "8 of 8 points are there already" in capsys.readouterr().err
    assert (results / "study.json").read_text() == before
    (folder / "study.toml").write_text(STUDY.replace('"3000 nm"]', '"3000 nm", "4 um"]'))
    assert study(folder, "--list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.startswith("to run") for line in lines].count(True) == 4 and len(lines) == 12
    assert study(folder, "--no-figures") == 0
    assert all(name.endswith("size=4") for name in calls(results)[8:]) and len(calls(results)) == 12
    assert study(folder, "--no-figures", "--fresh") == 0 and len(calls(results)) == 24
    assert (
        study(folder, "--no-figures", "--set", "cell.temperature=40 degC") == 0 and len(calls(results)) == 36
    )


def test_a_failed_point_is_noted_and_run_again(
    folder: Path, fake: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    fake('thin and pressure == "0.1 MPa" and width == 2.0')
    assert study(folder) == 3
    assert "Particle size = 2 um: failed in 0 s: the time step became too short" in capsys.readouterr().err
    results = folder / "results" / "study"
    record, table = open_study(results)
    failed = record["points"][0]
    assert (failed["state"], failed["reason"]) == ("failed", "the time step became too short")
    assert np.isnan(table.columns["Stress [MPa]"][0]) and np.isfinite(table.columns["Stress [MPa]"][1:]).all()
    figures = json.loads((results / "study.json").read_text())
    assert figures["Failed points [-]"] == 1.0
    place = "Stress [MPa] @ Stack pressure = 0.1 MPa, Film = thin"
    assert figures[f"Mean of {place}"] == pytest.approx(math.sqrt(0.1) * 6.0)
    assert f"Standard deviation of {place}" not in figures
    fake()
    assert study(folder) == 0
    assert calls(results)[8:] == [failed["name"]]


def test_figures_that_no_point_has_are_named(
    folder: Path, fake: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    fake()
    (folder / "study.toml").write_text(STUDY.replace("Stress [MPa]", "Stres [MPa]"))
    assert study(folder) == 2
    said = capsys.readouterr().err
    assert "study.toml:23: no point has the figure 'Stres [MPa]'; did you mean 'Stress [MPa]'?" in said
    assert "[derived] Exponent of stress [-]: no point has the figure 'Stres [MPa]'" in said
    assert not (folder / "results" / "study" / "figures" / "stress.png").exists()


def test_a_number_that_is_not_there_says_why(
    folder: Path, fake: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    fake('not thin and pressure == "0.1 MPa"')
    assert study(folder, "--no-figures") == 3
    said = capsys.readouterr()
    assert (
        "no 'Exponent of stress [-] @ Film = as in the case': 1 points with the figure, two are needed"
        in said.err
    )
    assert "Exponent of stress [-] @ Film = thin" in said.out
    fake("True")
    assert study(folder, "--fresh") == 3
    assert not (folder / "results" / "study" / "figures").exists()


def test_check_compares_with_what_is_expected(
    folder: Path, fake: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    fake()
    assert study(folder, "--check") == 2
    assert "expected.toml" in capsys.readouterr().err
    expected = folder / "expected.toml"
    expected.write_text(
        '[figures]\n"A [-]" = { value = 1, rtol = 0.1 }\n'
        '[study]\n"Exponent of stress [-] @ Film = thin" = { value = 0.5, atol = 1e-9 }\n'
    )
    assert study(folder, "--check", "--no-figures") == 0
    assert "all 2 figures agree" in capsys.readouterr().out
    assert [one.name for one in compare({}, expected)] == ["A [-]"]
    expected.write_text('[study]\n"Exponent of stress [-] @ Film = thin" = { value = 0.6, atol = 1e-9 }\n')
    assert study(folder, "--check", "--no-figures") == 1
    with pytest.raises(InputError, match=r"must hold \[figures\]"):
        compare({}, expected)
    fake('not thin and width == 2.0 and pressure == "0.1 MPa"')
    expected.write_text(expected.read_text().replace("0.6", "0.5"))
    assert study(folder, "--check", "--no-figures", "--fresh") == 1
    assert "FAIL Failed points [-]" in capsys.readouterr().out


def test_where_a_study_cannot_be(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text("{}")
    assert study(folder, "--results", str(tmp_path / "run")) == 2
    assert "holds the results of a run" in capsys.readouterr().err
    monkeypatch.setenv("PMI_SIZE", "2")
    assert study(folder) == 2
    assert "a study starts its own processes; leave it out and use --jobs" in capsys.readouterr().err
    monkeypatch.delenv("PMI_SIZE")
    (folder / "study.toml").unlink()
    assert study(folder) == 2
    assert "study.toml: there is no such file" in capsys.readouterr().err
    assert outcome(["check", str(folder)]) == 0
    assert "points" not in capsys.readouterr().out


def test_an_interrupt_leaves_what_has_finished(folder: Path, tmp_path: Path) -> None:
    script = FAKE.replace(
        "if FAIL:", "if len(open(log.name).read().split()) > 2:\n    import time; time.sleep(60)\nif 0:"
    )
    (tmp_path / "fake.py").write_text(script)
    program = (
        "import sys; from chemomech.study import run; from chemomech.cli import main;"
        f"run.COMMAND = (sys.executable, {str(tmp_path / 'fake.py')!r}); main(['study', {str(folder)!r}])"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], stderr=subprocess.PIPE, text=True, env=small.environment()
    )
    results = folder / "results" / "study"
    small.wait_for(lambda: len(calls(results)) == 3, 60.0, "three points begun")
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=20.0)[1].strip().endswith("interrupted")
    assert process.returncode == 130
    record, table = open_study(results)
    assert [point["state"] for point in record["points"]].count("done") == 2
    assert np.isfinite(table.columns["Stress [MPa]"]).sum() == 2


def test_real_points_side_by_side(tmp_path: Path) -> None:
    folder = small.write(tmp_path / "case", protocol={"steps": ["Charge at 1C for 20 s"]})
    (folder / "study.toml").write_text(
        'title = "t"\n[[axis]]\nname = "Stack pressure [MPa]"\nkey = "pressure.program"\n'
        'values = [["5 MPa"], ["20 MPa"]]\nnumbers = [5, 20]\n'
        '[derived."Slope [-]"]\nof = "End stack pressure [MPa]"\nhow = "slope"\nx = "Stack pressure [MPa]"\n'
    )
    done = small.chemomech("study", folder, "--jobs", "2", timeout=300)
    assert done.returncode == 0, done.stderr
    figures = json.loads((folder / "results" / "study" / "study.json").read_text())
    assert figures["End stack pressure [MPa] @ Stack pressure = 5 MPa"] == pytest.approx(5.0)
    assert figures["Slope [-]"] == pytest.approx(1.0, rel=1e-6)
    point = folder / "results" / "study" / "points" / "Stack_pressure=20"
    assert json.loads((point / "run.json").read_text())["finished"] and (point / "history.csv").is_file()
    again = small.chemomech("study", folder, timeout=60)
    assert "2 of 2 points are there already" in again.stderr


# ---- the table, derived numbers, figures ---------------------------------------------------------------------------


def axis(name: str, positions: Sequence[float], *, statistic: bool = False) -> Axis:
    """Return an axis of numbers."""
    return Axis(name, tuple(map(float, positions)), tuple(f"{p:g}" for p in positions), False, statistic)


def table_of(axes: Sequence[Axis], figure: Callable[..., float]) -> Table:
    """Return the table of a function on the product of axes."""
    at = list(np.ndindex(*(len(one.positions) for one in axes)))
    values = [figure(*(one.positions[i] for one, i in zip(axes, place, strict=True))) for place in at]
    return collected(tuple(axes), at, [{"y [V]": value} for value in values])


def derived(table: Table, **keys: Any) -> dict[str, float]:
    """Return derived numbers; a number that is not given fails."""
    found = {}
    for name, value in derive(table, "d [-]", Derived(of="y [V]", **keys)):
        assert not isinstance(value, NotDerivedError), value
        found[name] = value
    return found


PRESSURE = axis("P [MPa]", [1, 4, 0.5, 64])


def test_a_power_law_is_found_for_each_value_of_the_other_axes() -> None:
    table = table_of([PRESSURE, axis("m [-]", [1, 2])], lambda p, m: -3.0 * m * p ** (-0.4 * m))
    assert derived(table, how="exponent", x="P [MPa]") == pytest.approx(
        {"d [-] @ m = 1": -0.4, "d [-] @ m = 2": -0.8}
    )
    assert derived(table, how="exponent", x="P [MPa]", where={"m [-]": 2}) == pytest.approx({"d [-]": -0.8})


def test_a_range_leaves_out_what_is_beyond() -> None:
    table = table_of([PRESSURE], lambda p: p**2 if p <= 4 else 7.0)
    assert derived(table, how="exponent", x="P [MPa]", range=[0.1, 4])["d [-]"] == pytest.approx(2.0)
    assert derived(table, how="exponent", x="P [MPa]")["d [-]"] < 1.0


def test_repeating_axes_are_averaged_first() -> None:
    seeds = axis("seed", [1, 2, 3], statistic=True)
    table = table_of([axis("x [-]", [0, 1, 2]), seeds], lambda x, seed: 5.0 * x + (seed - 2) * (x + 1))
    assert derived(table, how="slope", x="x [-]")["d [-]"] == pytest.approx(5.0)
    (series,) = table.series("x [-]", "y [V]", [], {})
    assert series.mean == pytest.approx([0.0, 5.0, 10.0])
    assert series.deviation == pytest.approx([1.0, 2.0, 3.0])  # of the sample: -1, 0, 1 has 1
    assert (series.least[2], series.greatest[2]) == pytest.approx((7.0, 13.0))


def test_crossings() -> None:
    table = table_of([axis("x [-]", [1, 10, 100])], lambda x: {1: 4.0, 10: 2.0, 100: 0.0}[x])
    assert derived(table, how="at_value", x="x [-]", value=3.0) == pytest.approx({"d [-]": 5.5})
    found = derived(table, how="at_value", x="x [-]", value=3.0, scale="log-x")
    assert found == pytest.approx({"d [-]": math.sqrt(10.0)})
    found = derived(table, how="at_share", x="x [-]", share=0.75, scale="log-x")
    assert found == pytest.approx({"d [-]": 10**1.5})
    assert derived(table, how="at_value", x="x [-]", value=2.0) == {"d [-]": 10.0}
    ((_, problem),) = derive(table, "d", Derived(of="y [V]", how="at_value", x="x [-]", value=5.0))
    assert "does not pass 5 between x = 1 and 100" in str(problem)


def test_extremes_and_ratios() -> None:
    table = table_of(
        [axis("x [-]", [3, 1, 2]), axis("z [-]", [0, 1])], lambda x, z: -((x - 2.0) ** 2) + 10.0 + z
    )
    assert derived(table, how="at_largest", x="x [-]", where={"z [-]": 0}) == {"d [-]": 2.0}
    assert derived(table, how="at_smallest", x="x [-]", where={"z [-]": 1}) == {"d [-]": 1.0}
    assert derived(table, how="largest") == {"d [-]": 11.0} and derived(table, how="smallest") == {
        "d [-]": 9.0
    }
    assert derived(table, how="mean", where={"z [-]": 0})["d [-]"] == pytest.approx((9.0 + 9.0 + 10.0) / 3)
    assert derived(table, how="ratio", x="z [-]", where={"x [-]": 2}) == pytest.approx({"d [-]": 1.1})


@pytest.mark.parametrize("how", ["exponent", "ratio", "slope"])
def test_what_cannot_be_derived_says_why(how: str) -> None:
    table = table_of([axis("x [-]", [0, 1])], lambda x: x if how != "slope" or x else math.nan)
    ((_, problem),) = derive(table, "d", Derived(of="y [V]", how=how, x="x [-]"))  # type: ignore[arg-type]
    assert isinstance(problem, NotDerivedError)
    words = {"exponent": "x above zero", "ratio": "the first value is zero", "slope": "two are needed"}
    assert words[how] in str(problem)


def drawn(folder: Path, table: Table, **keys: Any) -> Any:
    """Draw one figure of a table and return the picture's pixels."""
    from matplotlib.image import imread

    spec = schema.Figure(name="f", **keys).model_dump(mode="json")
    axes = [{**vars(one)} for one in table.axes]
    points = [{"at": place} for place in table.at.tolist()]
    folder.mkdir(exist_ok=True)
    (folder / "record.json").write_text(json.dumps({"axes": axes, "points": points, "figures": [spec]}))
    table.write(folder, [("p", "done")] * len(points))
    (path,) = render_study(folder)
    return imread(path)


MEASURED = [{"name": "measured", "source": "made up", "x": [2.0, 5.0], "y": [10.0, 30.0]}]


def test_figures_show_what_they_are_asked(tmp_path: Path) -> None:
    seeds = axis("seed", [1, 2], statistic=True)
    table = table_of([axis("x [um]", [1, 10]), axis("z [MPa]", [1, 2, 3]), seeds], lambda x, z, s: x * z * s)
    plain = drawn(tmp_path, table, x="x [um]", y=["y [V]"], by="z [MPa]")
    assert plain.std() > 0.01
    others = [
        drawn(tmp_path, table, x="x [um]", y=["y [V]"], by="z [MPa]", scale="log-log"),
        drawn(tmp_path, table, x="z [MPa]", y=["y [V]"], by="x [um]"),
        drawn(tmp_path, table, x="x [um]", y=["y [V]"], where={"z [MPa]": 2}),
        drawn(tmp_path, table, x="x [um]", y=["y [V]"], by="z [MPa]", label="Voltage"),
        drawn(tmp_path, table, x="x [um]", y=["y [V]"], by="z [MPa]", data=MEASURED),
        drawn(tmp_path, table, x="y [V]", y=["y [V]"], by="z [MPa]"),
        drawn(tmp_path, table, x="x [um]", y=["z [MPa]"], colour="y [V]"),
        drawn(tmp_path, table, x="x [um]", y=["z [MPa]"], colour="y [V]", levels=[20.0]),
        drawn(tmp_path, table, x="x [um]", y=["z [MPa]"], colour="y [V]", marks={"x": [5.0]}),
        drawn(tmp_path, table, x="x [um]", y=["y [V]"], by="z [MPa]", marks={"y": [20.0]}),
    ]
    pictures = [plain, *others]
    for i, one in enumerate(pictures):
        for other in pictures[:i]:
            assert one.shape != other.shape or np.abs(one - other).max() > 0.1


def test_a_map_of_points_that_failed_is_drawn(tmp_path: Path) -> None:
    table = table_of(
        [axis("x [um]", [1, 10]), axis("z [MPa]", [1, 2])], lambda x, z: math.nan if x * z > 10 else x
    )
    assert drawn(tmp_path, table, x="x [um]", y=["z [MPa]"], colour="y [V]").std() > 0.01
