"""Sweeps of the voltage: they end where they should, and their peaks are found."""

from pathlib import Path

import numpy as np
import pytest
import small

from chemomech.render.voltammogram import voltammogram
from chemomech.results import format as names
from chemomech.results.read import open_results
from chemomech.results.voltammetry import SweepPeak, figures, sweep_steps, sweeps_of

STEPS = ["Sweep from 3.64 V to 3.75 V at 2 mV/s", "Sweep from 3.75 V to 3.7 V at 2 mV/s"]


def test_a_voltammogram_never_steps_over_a_turn(tmp_path: Path) -> None:
    folder = small.write(tmp_path, protocol={"steps": STEPS, "cycles": 2}, numerics={"time_tolerance": 1e-2})
    done = small.chemomech("run", folder, "--quiet")
    assert done.returncode == 0, done.stderr
    results = open_results(folder / "results")
    sweeps = sweeps_of(results.history, sweep_steps(results.run["case"]))
    assert [(s.cycle, s.step) for s in sweeps] == [(1, 1), (1, 2), (2, 1), (2, 2)]
    for sweep, (start, end) in zip(sweeps, 2 * [(3.64, 3.75), (3.75, 3.7)], strict=True):
        assert sweep.voltage[0] == pytest.approx(start, abs=1e-8)
        assert sweep.voltage[-1] == pytest.approx(end, abs=1e-8)
        here = (results.history["Cycle [-]"] == sweep.cycle) & (results.history["Step [-]"] == sweep.step)
        time = results.history["Time [s]"][here]
        steady = np.diff(sweep.voltage) / np.diff(time)
        assert steady == pytest.approx(np.sign(end - start) * 2e-3, rel=1e-4)
    assert sweeps[0].density.max() > 0.1 and np.all(np.diff(sweeps[1].density) < 0.0)


def history(voltage: np.ndarray, density: np.ndarray) -> dict[str, np.ndarray]:
    ones = np.ones(len(voltage))
    return {names.CYCLE: ones, names.STEP: ones, names.VOLTAGE: voltage, names.CURRENT_DENSITY: density}


def test_peaks_lie_between_the_rows() -> None:
    voltage = np.linspace(3.0, 4.0, 41)
    rising = 2.0 - 30.0 * (voltage - 3.507) ** 2
    (sweep,) = sweeps_of(history(voltage, rising), (1,))
    assert sweep.peaks == (SweepPeak(pytest.approx(3.507), pytest.approx(2.0)),)
    (sweep,) = sweeps_of(history(voltage[::-1], -rising[::-1]), (1,))
    assert sweep.peaks == (SweepPeak(pytest.approx(3.507), pytest.approx(-2.0)),)
    assert figures([sweep]) == {
        "Peak current density of step 1 [mA.cm-2]": pytest.approx(-2.0),
        "Peak voltage of step 1 [V]": pytest.approx(3.507),
    }
    (flat,) = sweeps_of(history(voltage, voltage), (1,))
    assert flat.peaks == () and figures([flat]) == {}
    assert sweeps_of(history(voltage, rising), ()) == ()


def test_sweeps_are_known_by_their_sentences() -> None:
    case = {"protocol": {"steps": ["Rest for 1 s", "sweep from 3 V to 4 V at 1 mV/s", "Hold at 3 V for 1 s"]}}
    assert sweep_steps(case) == (2,) and sweep_steps({}) == ()


def test_the_figure_names_its_axes_and_the_largest_peak() -> None:
    voltage = np.linspace(3.0, 4.0, 41)
    figure = voltammogram(sweeps_of(history(voltage, 2.0 - 30.0 * (voltage - 3.507) ** 2), (1,)))
    (axes,) = figure.axes
    assert axes.get_xlabel() == "Voltage (V)" and "Current density" in axes.get_ylabel()
    assert [text.get_text() for text in axes.texts] == ["3.507 V"]
