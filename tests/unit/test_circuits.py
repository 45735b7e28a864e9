"""Circuits fitted to spectra: uncertainties, and when a formula does not apply."""

import numpy as np
import pytest

from chemomech.analysis.circuits import fit, nested_formula, objections, series_formula
from chemomech.analysis.measured import fit_circuit
from chemomech.errors import InputError
from chemomech.verification.closed_forms import diffusion_impedance

FREQUENCIES = np.logspace(5.0, -2.0, 71)
SEPARATE = (10.0, 50.0, 1e-5, 0.9, 5.0)
OVERLAPPING = (10.0, 50.0, 1e-2, 0.9, 50.0)


def test_uncertainties_cover_the_truth() -> None:
    exact = nested_formula(FREQUENCIES, *SEPARATE)
    hits = 0
    for seed in range(10):
        noise = np.random.default_rng(seed).standard_normal((2, len(FREQUENCIES)))
        found = fit(FREQUENCIES, exact + 0.005 * np.abs(exact) * (noise[0] + 1j * noise[1]), "nested")
        assert found.residual == pytest.approx(0.005, rel=0.25)
        for (name, value), truth in zip(found.values.items(), SEPARATE, strict=True):
            assert value == pytest.approx(truth, rel=0.1)
            hits += abs(value - truth) < 2 * found.errors[name]
    assert hits >= 42  # 95 % of 50, less two standard deviations of that count


def test_it_says_when_the_series_formula_does_not_apply() -> None:
    for numbers, objects in ((SEPARATE, False), (OVERLAPPING, True)):
        impedance = nested_formula(FREQUENCIES, *numbers)
        series, nested = (fit(FREQUENCIES, impedance, kind) for kind in ("series", "nested"))
        assert nested.overlap == pytest.approx(numbers[4] ** 2 * numbers[2] / numbers[1], rel=1e-3)
        said = objections(FREQUENCIES, impedance, series, nested)
        assert bool(said) == objects
        assert all("does not apply" in text for text in said)


def test_it_says_when_diffusion_feels_the_size_of_the_particle() -> None:
    tail = np.array([diffusion_impedance("sphere", 2 * np.pi * f / 0.01) for f in FREQUENCIES])
    impedance = series_formula(FREQUENCIES, *SEPARATE[:4], 0.0) + 20.0 * tail
    series, nested = (fit(FREQUENCIES, impedance, kind) for kind in ("series", "nested"))
    assert any("feels the size" in text for text in objections(FREQUENCIES, impedance, series, nested))


def test_circuits_of_ones_own() -> None:
    pytest.importorskip("pyimpspec")
    impedance = 10.0 + 50.0 / (1 + 2j * np.pi * FREQUENCIES * 1e-3)
    parameters, residual = fit_circuit(FREQUENCIES, impedance, "R(RC)")
    assert sorted(p.value for p in parameters) == pytest.approx([2e-5, 10.0, 50.0], rel=1e-4)
    assert residual < 1e-4
    with pytest.raises(InputError, match="'R\\(RX' is not a circuit"):
        fit_circuit(FREQUENCIES, impedance, "R(RX")
