"""A measured spectrum is a case: it runs, is checked and listed by the same commands."""

import json
from pathlib import Path

import pytest
import small

from chemomech.cli import outcome
from chemomech.results.compare import compare

CASE = Path(__file__).parents[2] / "cases" / "drt_measured"


def test_the_measured_case_gives_what_it_expects(tmp_path: Path) -> None:
    pytest.importorskip("pyimpspec")
    done = small.chemomech("run", CASE, "--check", "--results", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "neither applies" in done.stdout and "Kramers-Kronig" in done.stdout
    assert "figures agree" in done.stdout and len(compare({}, CASE / "expected.toml")) >= 5
    assert json.loads((tmp_path / "run.json").read_text())["kind"] == "measured"
    for name in ("drt.json", "drt.csv", "drt.png", "drt.html", "nyquist.png", "summary.json"):
        assert (tmp_path / name).stat().st_size > 500
    assert "BSD 3-Clause" in (CASE / "LICENSE.data").read_text()


def test_it_is_checked_and_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome(["check", str(CASE)]) == 0
    assert outcome(["list", "cases"]) == 0
    assert "drt_measured: Relaxation times" in capsys.readouterr().out


def test_mistakes_are_told_with_their_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "measured.toml").write_text('title = "x"\nspektrum = "a.z"\nspectrum = "a.z"\nnumber = 0\n')
    assert outcome(["run", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert "measured.toml:2 spektrum: 'spektrum' is not a key here" in said and "'source' is missing" in said
    assert "'license' is missing" in said and "measured.toml:4" in said
    (tmp_path / "measured.toml").write_text(
        'title = "x"\nspectrum = "a.z"\nsource = "here"\nlicense = "ours"\n'
    )
    assert outcome(["check", str(tmp_path)]) == 2
    assert "there is no file 'a.z' beside it" in capsys.readouterr().err
    (tmp_path / "a.z").write_text("no spectrum")
    assert outcome(["run", str(tmp_path), "--set", "number=1"]) == 2
    assert "a measurement has nothing to set" in capsys.readouterr().err
    assert outcome(["explain", str(tmp_path)]) == 2
    assert "no case.toml in this folder" in capsys.readouterr().err
