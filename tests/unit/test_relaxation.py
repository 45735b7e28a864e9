"""Relaxation times: what is found, who owns it, and what is said where it cannot be."""

import builtins
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chemomech.analysis.measured import kramers_kronig, library_distribution, read_measured
from chemomech.analysis.relaxation import Arc, Arcs, arcs, deviations, owners, relaxation
from chemomech.cli import outcome
from chemomech.errors import InputError, RunError
from chemomech.results import format as names
from chemomech.results.write import write_text

FREQUENCIES = np.logspace(5.0, -2.0, 71)
TWO = Arcs((Arc(1e-3, 20.0, 0.9, 0.0, 0.0, 0.0), Arc(0.5, 30.0, 0.8, 0.0, 0.0, 0.0)), 5.0, 2e-6, 0.0, 0.0)


def test_arcs_inductance_and_capacitance_are_found() -> None:
    blocking = Arcs(TWO.arcs, 5.0, 2e-6, 4.0, 0.0)
    for exact, capacitance in ((TWO, False), (blocking, True)):
        impedance = exact.impedance(FREQUENCIES)
        found = relaxation(FREQUENCIES, impedance, capacitance=capacitance)
        fitted = arcs(FREQUENCIES, impedance, found)
        assert [arc.time for arc in fitted.arcs] == pytest.approx([1e-3, 0.5], rel=1e-4)
        assert [arc.resistance for arc in fitted.arcs] == pytest.approx([20.0, 30.0], rel=1e-4)
        assert [arc.exponent for arc in fitted.arcs] == pytest.approx([0.9, 0.8], rel=1e-4)
        assert (fitted.resistance, fitted.inductance) == pytest.approx((5.0, 2e-6), rel=1e-4)
        assert fitted.elastance == pytest.approx(exact.elastance, rel=1e-4, abs=1e-9)


def test_a_signed_distribution_has_the_arc_below_zero() -> None:
    omega = 2j * np.pi * FREQUENCIES
    loop = 10.0 + 50.0 / (1 + (omega * 1e-3) ** 0.9) - 15.0 / (1 + omega * 0.5)
    found = relaxation(FREQUENCIES, loop, signed=True)
    assert found.density.min() < 0.0 < found.density.max()
    fast, slow = arcs(FREQUENCIES, loop, found).arcs
    assert (fast.time, fast.resistance, fast.exponent) == pytest.approx((1e-3, 50.0, 0.9), rel=1e-3)
    assert (slow.time, slow.resistance, slow.exponent) == pytest.approx((0.5, -15.0, 1.0), rel=1e-3)
    assert slow.height < 0.0
    only = relaxation(FREQUENCIES, loop)
    assert only.density.min() >= 0.0 and only.noise > 100 * found.noise


def test_a_stronger_regularisation_widens_the_peaks() -> None:
    impedance = TWO.impedance(FREQUENCIES)
    sharp, wide = (relaxation(FREQUENCIES, impedance, regularisation=value) for value in (1e-10, 1.0))
    assert wide.density.max() < 0.7 * sharp.density.max() and wide.regularisation == 1.0


def test_errors_of_a_fit_are_those_of_a_straight_line() -> None:
    x = np.linspace(0.0, 1.0, 50)
    jacobian = np.stack([np.ones(50), x], axis=1)
    left = 0.1 * (-1.0) ** np.arange(50)
    expected = np.sqrt(np.diag(np.linalg.inv(jacobian.T @ jacobian)) * np.sum(left**2) / 48)
    assert deviations(jacobian, left) == pytest.approx(expected)
    assert np.isinf(deviations(np.stack([x, x], axis=1), left)).all()


def test_a_resistor_has_no_relaxation() -> None:
    flat = np.full(len(FREQUENCIES), 3.0 + 0.0j)
    found = relaxation(FREQUENCIES, flat)
    assert found.resistance == pytest.approx(3.0, rel=1e-6)
    if not found.peaks:
        with pytest.raises(RunError, match="no relaxation to fit"):
            arcs(FREQUENCIES, flat, found)


def test_an_arc_belongs_to_who_has_most_of_its_imaginary_part() -> None:
    shares = {
        "fast": 20.0 / (1 + 2j * np.pi * FREQUENCIES * 1e-3),
        "slow": 30.0 / (1 + 2j * np.pi * FREQUENCIES * 0.5),
    }
    assert owners([0.4, 1.2e-3], FREQUENCIES, shares) == ("slow", "fast")


def write(folder: Path) -> None:
    place = {name: 1.0 for name in names.SPECTRUM_COLUMNS}
    fast = 20.0 / (1 + (2j * np.pi * FREQUENCIES * 1e-3) ** 0.9)
    rest = TWO.impedance(FREQUENCIES) - fast
    columns = [
        *place,
        *(names.impedance_column(p, n) for n in ("", "film at a", "rest") for p in ("Re", "Im")),
    ]
    lines = [",".join(columns)]
    for at, frequency in enumerate(FREQUENCIES):
        values = [v for z in (fast + rest, fast, rest) for v in (z[at].real, z[at].imag)]
        place[names.FREQUENCY] = frequency
        lines.append(",".join(repr(float(v)) for v in [*place.values(), *values]))
    write_text(folder / names.IMPEDANCE_FILE, "\n".join(lines) + "\n")


def test_the_verb_writes_what_it_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path)
    assert outcome(["drt", str(tmp_path)]) == 0
    assert "film at a" in capsys.readouterr().out
    record = json.loads((tmp_path / "drt.json").read_text())
    assert [arc["owner"] for arc in record["arcs"]] == ["film at a", "rest"]
    assert record["arcs"][0]["resistance [ohm.cm2]"] == pytest.approx(20.0, rel=1e-3)
    assert (tmp_path / "drt.png").stat().st_size > 10_000
    assert (tmp_path / "drt.csv").read_text().startswith("Relaxation time [s],Distribution [ohm.cm2]")
    assert outcome(["drt", str(tmp_path), "--number", "2"]) == 2
    assert "there is no spectrum 2; there are 1" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert outcome(["drt", str(tmp_path / "empty")]) == 2
    assert "has no impedance.csv" in capsys.readouterr().err
    assert outcome(["drt", str(tmp_path / "nothing.z")]) == 2
    assert "there is no such file" in capsys.readouterr().err


def test_without_the_library_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    real = builtins.__import__

    def missing(name: str, *arguments: Any, **more: Any) -> Any:
        if name == "pyimpspec":
            raise ImportError
        return real(name, *arguments, **more)

    monkeypatch.setattr(builtins, "__import__", missing)
    (tmp_path / "a.csv").write_text("1,2,3\n")
    with pytest.raises(
        InputError, match=r"reading instrument files needs it; pip install 'chemomech\[impedance\]'"
    ):
        read_measured(tmp_path / "a.csv")
    write(tmp_path)
    assert outcome(["drt", str(tmp_path)]) == 0  # a run needs no library


def test_files_and_tests_of_the_library(tmp_path: Path) -> None:
    pytest.importorskip("pyimpspec")
    impedance = TWO.impedance(FREQUENCIES)
    rows = [
        f"{f!r},{z.real!r},{z.imag!r}" for f, z in zip(FREQUENCIES.tolist(), impedance.tolist(), strict=True)
    ]
    path = tmp_path / "measured.csv"
    path.write_text("f (Hz),Re(Z) (ohm),Im(Z) (ohm)\n" + "\n".join(rows))
    (spectrum,) = read_measured(path)
    assert spectrum.impedance == pytest.approx(impedance) and spectrum.frequencies[0] == 1e5
    assert kramers_kronig(FREQUENCIES, impedance).residual < 1e-3
    broken = impedance * np.where(FREQUENCIES > 1.0, 1.0, 1.3)  # a cell that changed half-way
    assert kramers_kronig(FREQUENCIES, broken).residual > 1e-2
    times, density = library_distribution(FREQUENCIES, impedance, "tr-nnls")
    assert len(times) == len(density) and density.max() > 0.0
    with pytest.raises(InputError, match="there is no 'magic'; known: own, tr-nnls"):
        library_distribution(FREQUENCIES, impedance, "magic")
    (tmp_path / "odd.csv").write_text("not,a\nspectrum,at all\n")
    with pytest.raises(InputError, match="cannot be read as a spectrum"):
        read_measured(tmp_path / "odd.csv")
