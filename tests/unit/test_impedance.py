"""The linearised model: shares of a series circuit, ranks and solvers, the spectrum as a step of a protocol."""

from dataclasses import replace
from pathlib import Path

import block_cases
import numpy as np
import pytest
import small

from chemomech.analysis.impedance import OHM_CM2, Impedance, frequencies
from chemomech.constants import FARADAY, GAS
from chemomech.errors import InputError
from chemomech.render.spectra import frequency_text, nyquist, spectrum_figures
from chemomech.results.format import AMPLITUDES_TABLE, CURRENT_AMPLITUDE, IMPEDANCE_FILE, amplitude_arrays
from chemomech.results.read import open_amplitudes, open_results, read_table
from chemomech.results.spectra import figures, read_spectra, with_layers
from chemomech.solver.sweeps import Iterative

THERMAL = GAS * 298.15 / FARADAY
STEP = "Impedance from 10 kHz to 100 mHz, 2 points per decade"
IMPEDANCE = {"steps": ["Charge at 1C for 60 s", STEP, "Hold at 3.75 V for 20 s", STEP]}


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> object:
    content = small.rich("particle@right", "left", "right")
    return small.simulation(small.case(tmp_path_factory.mktemp("rich"), content))


def test_shares_of_a_layered_cell_are_its_resistances(rich: object) -> None:
    linear = Impedance(rich.model)  # type: ignore[attr-defined]
    impedance, shares = linear.at(1e-2)
    linear.destroy()
    area = rich.model.cell_area * OHM_CM2  # type: ignore[attr-defined]
    theta = 0.85
    # a few percent of the current still pass through the double layer's branch: compare slow values only where exact
    known = {
        "ionic conduction in electrolyte": None,
        "film at left": 10.0,
        "contact resistance at right": 0.1,
        "counter electrode at left": THERMAL / 1e-2 * 10.0,
        "film at particle|electrolyte": 20.0,
        "charge transfer at particle|electrolyte": THERMAL / (1e-3 * 2 * np.sqrt(theta * (1 - theta))) * 10.0,
    }
    for name, value in known.items():
        assert name in shares
        if value is not None:
            tolerance = 1e-6 if "left" in name or "right" in name else 1e-3
            assert shares[name].real * area == pytest.approx(value, rel=tolerance), name
    assert sum(shares.values()) == pytest.approx(impedance, rel=1e-9)


def test_linearising_leaves_the_state_and_the_control_alone(rich: object) -> None:
    model = rich.model  # type: ignore[attr-defined]
    model.control.mode.value = 0.0
    before = model.state.copy(), float(model.state.time_factor.value)
    histories = [u.history.x.array.copy() for u in model.state.dynamic]
    linear = Impedance(model)
    first = linear.at(1.0)[0]
    linear.destroy()
    assert float(model.control.mode.value) == 0.0
    model.control.mode.value = 1.0
    assert all(np.array_equal(a, b) for a, b in zip(before[0], model.state.copy(), strict=True))
    assert float(model.state.time_factor.value) == before[1]
    after = [u.history.x.array for u in model.state.dynamic]
    assert all(np.array_equal(a, b) for a, b in zip(histories, after, strict=True))
    again = Impedance(model)
    assert again.at(1.0)[0] == pytest.approx(first, rel=1e-12)
    again.destroy()


@pytest.mark.parametrize("name", ["films, double layer, fixture", "salt", "space charge"])
def test_shares_of_a_mesh_too_large_to_factorise(name: str, tmp_path: Path) -> None:
    model = small.simulation(small.case(tmp_path, *block_cases.CASES[name])).model
    direct, other, iterative = (Impedance(model, method=m) for m in ("complex", "real", "iterative"))
    for frequency in (1e5, 10.0, 1e-2):
        impedance, shares = iterative.at(frequency)
        exact, expected = direct.at(frequency)
        # of charge that is resolved in nanometres factors themselves know no more: two kinds of them tell what is known
        again = other.at(frequency)[1]
        apart = max(abs(again[process] - share) for process, share in expected.items()) / abs(exact)
        digits = max(1e-10, 10 * apart, 10 * abs(sum(expected.values()) / exact - 1))
        assert sum(shares.values()) == pytest.approx(impedance, rel=digits)
        assert shares.keys() == expected.keys() and len(shares) > 3
        for process, share in expected.items():
            assert abs(shares[process] - share) < max(1e-8, digits) * abs(exact), (frequency, process)
        # the transposed sweep is worth as much as the forward one
        forward = _iterations(iterative, frequency, transposed=False)
        assert _iterations(iterative, frequency, transposed=True) < 2 * forward
    other.destroy()
    direct.destroy()
    iterative.destroy()


def _iterations(linear: Impedance, frequency: float, *, transposed: bool) -> int:
    assert isinstance(linear.solver, Iterative)
    linear.solver.solve(2 * np.pi * frequency, linear.load, transposed=transposed)
    return linear.solver.iterations


def test_frequencies_include_both_ends() -> None:
    found = frequencies(1e6, 1e-3, 10)
    assert len(found) == 91 and found[0] == pytest.approx(1e6) and found[-1] == pytest.approx(1e-3)
    assert np.allclose(np.diff(np.log10(found)), -0.1)
    assert len(frequencies(3.0, 1.0, 1)) == 2


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = small.write(tmp_path_factory.mktemp("spectra"), protocol=IMPEDANCE)
    done = small.chemomech("run", folder, "--quiet")
    assert done.returncode == 0, done.stderr
    return folder / "results"


def test_a_spectrum_is_a_moment_of_the_run(whole: Path) -> None:
    history = open_results(whole).history
    at = np.flatnonzero((history["Step [-]"] == 2) | (history["Step [-]"] == 4))
    assert len(at) == 2 and np.all(history["Step size [s]"][at] == 0.0)
    assert history["Time [s]"][at[0]] == history["Time [s]"][at[0] - 1]
    spectra = read_spectra(whole)
    assert [s.number for s in spectra] == [1, 2] and [s.step for s in spectra] == [2, 4]
    assert [s.time for s in spectra] == [history["Time [s]"][n] for n in at]
    for spectrum in spectra:
        assert len(spectrum.frequencies) == 11
        assert np.allclose(sum(spectrum.shares.values()), spectrum.impedance, rtol=1e-8)
        assert np.all(spectrum.impedance.real > 0.0)
    summary = open_results(whole).summary
    assert summary["Spectra [-]"] == 2.0
    assert summary["Re Z at the highest frequency, last spectrum [ohm.cm2]"] == pytest.approx(
        float(spectra[-1].impedance[0].real)
    )


@pytest.mark.reliability
def test_a_run_continued_after_a_spectrum_has_each_of_them_once(whole: Path, tmp_path: Path) -> None:
    # A longer protocol goes on from the checkpoint at the end of the shorter one.
    shorter = {"steps": IMPEDANCE["steps"], "cycles": 1}
    folder = small.write(tmp_path, protocol=shorter)
    assert small.chemomech("run", folder, "--quiet").returncode == 0
    path = folder / "results" / IMPEDANCE_FILE
    path.write_text(path.read_text() + "1,2")  # what a kill left behind
    done = small.chemomech("run", folder, "--quiet", "--resume", "--set", "protocol.cycles=2")
    assert done.returncode == 0, done.stderr
    spectra, first = read_spectra(folder / "results"), read_spectra(whole)
    assert [(s.number, s.cycle, s.step) for s in spectra] == [(1, 1, 2), (2, 1, 4), (3, 2, 2), (4, 2, 4)]
    for one, other in zip(spectra, first, strict=False):
        assert np.array_equal(one.impedance, other.impedance)


def test_the_verb_computes_the_initial_state(tmp_path: Path) -> None:
    folder = small.write(tmp_path)
    asked = ("impedance", folder, "--quiet", "--frequencies", "1 kHz to 1 Hz", "--points", "1")
    done = small.chemomech(*asked)
    assert done.returncode == 0, done.stderr
    (spectrum,) = read_spectra(folder / "results" / "impedance")
    assert list(np.round(spectrum.frequencies, 9)) == [1000.0, 100.0, 10.0, 1.0] and spectrum.time == 0.0
    assert "Re Z at the lowest frequency" in done.stdout
    wrong = small.chemomech("impedance", folder, "--frequencies", "1 kHz to 1 V")
    assert wrong.returncode == 2 and "'1 V' is not a frequency" in wrong.stderr


def test_a_damaged_table_is_told(whole: Path, tmp_path: Path) -> None:
    assert read_spectra(tmp_path) == () and figures(()) == {}
    text = (whole / IMPEDANCE_FILE).read_text()
    (tmp_path / IMPEDANCE_FILE).write_text(text.replace("Frequency [Hz]", "Frequency"))
    with pytest.raises(InputError, match=r"has no column 'Frequency \[Hz\]'"):
        read_spectra(tmp_path)
    (tmp_path / IMPEDANCE_FILE).write_text(text.replace("\n1,", "\none,", 1))
    with pytest.raises(InputError, match="is damaged"):
        read_spectra(tmp_path)


def test_figures_of_spectra(whole: Path) -> None:
    spectra = read_spectra(whole)
    drawn = spectrum_figures(spectra)
    assert set(drawn) == {"nyquist", "bode", "impedance_shares"}
    axes = drawn["nyquist"].axes[0]
    assert axes.get_aspect() == 1.0 and axes.get_xlabel().startswith("Re Z")
    said = [text.get_text() for text in drawn["nyquist"].legends[0].get_texts()]
    assert not any("MPa" in name for name in said)
    pressed = nyquist([replace(spectra[0], pressure=pressure) for pressure in (1.0, 50.0)])
    said = [text.get_text() for text in pressed.legends[0].get_texts()]
    assert [name.split(", ")[-1] for name in said] == ["1 MPa", "50 MPa"]
    assert spectrum_figures(()) == {}
    assert [frequency_text(f) for f in (1e6, 1e4, 5.0, 1e-3)] == ["1 MHz", "10 kHz", "5 Hz", "1 mHz"]
    pair = {"charge transfer at a|b": np.array([1 + 1j]), "double layer at a|b": np.array([2.0 + 0j])}
    assert list(with_layers(pair).values()) == [np.array([3 + 1j])]


def test_amplitudes_are_written_for_every_spectrum_and_drawn(tmp_path: Path) -> None:
    output = {"amplitudes_at": ["1 kHz", "10 mHz"], "figures": True, "animation": False, "fields": []}
    folder = small.write(tmp_path, protocol=IMPEDANCE, output=output)
    done = small.chemomech("run", folder, "--quiet")
    assert done.returncode == 0, done.stderr
    results = open_results(folder / "results")
    found = open_amplitudes(results)
    assert found is not None and found.frames == 4
    table = read_table(folder / "results" / AMPLITUDES_TABLE)
    assert table["Spectrum [-]"].tolist() == [1, 1, 2, 2]
    assert table["Frequency [Hz]"].tolist() == [1e3, 1e-2, 1e3, 1e-2]
    current, phase = amplitude_arrays(CURRENT_AMPLITUDE)
    (spectrum, _) = read_spectra(folder / "results")
    at = int(np.argmin(np.abs(spectrum.frequencies - 1e3)))
    here = found.array(current, 0)
    here = here[np.isfinite(here)]
    # in one dimension all of the current passes the interface: 1/|Z| per volt, ahead by minus the angle of Z
    assert here == pytest.approx(np.full(len(here), 1e3 / abs(spectrum.impedance[at])), rel=1e-6)
    angle = found.array(phase, 0)
    assert np.nanmax(np.abs(angle + np.degrees(np.angle(spectrum.impedance[at])))) < 1e-3
    lithium = found.array("Concentration amplitude [mol.m-3.V-1]", 1)
    assert np.isnan(lithium).any() and np.nanmin(lithium) > 0.0
    drawn = {path.stem for path in (folder / "results" / "figures").glob("amplitude_*.png")}
    assert drawn == {
        f"amplitude_{name}"
        for name in ("concentration", "electronic_potential", "ionic_potential", "interface_current")
    }
    refused = small.chemomech("check", folder, "--set", 'protocol.steps=["Rest for 1 s"]')
    assert refused.returncode == 2 and "the protocol has no impedance step" in refused.stderr
    resumed = small.chemomech("run", folder, "--quiet", "--resume", "--set", "protocol.cycles=2")
    assert resumed.returncode == 0, resumed.stderr
    again = open_amplitudes(open_results(folder / "results"))
    assert again is not None and again.frames == 8
    assert np.array_equal(again.array(current, 0), found.array(current, 0), equal_nan=True)
    assert len(read_table(folder / "results" / AMPLITUDES_TABLE)["Frame [-]"]) == 8
