"""Every spectrum is that of a passive system at rest: Re Z > 0, and what Kramers-Kronig leaves is below 1e-3."""

import tomllib
from pathlib import Path

import numpy as np
import pytest
import small

from chemomech.analysis.kramers_kronig import kramers_kronig_residual
from chemomech.protocol import has_impedance
from chemomech.results.read import open_results
from chemomech.results.spectra import read_spectra

ROOT = Path(__file__).parents[2]
WRITTEN = {path.parent: tomllib.loads(path.read_text()) for path in sorted(ROOT.glob("cases/*/case.toml"))}
CELLS = [case for case, content in WRITTEN.items() if "cell" in content]
MEASURING = [case for case in CELLS if has_impedance(WRITTEN[case]["protocol"]["steps"])]
WIDE = "1 MHz to 1 mHz"
RANGES = {
    # an electrode that passes nothing: below 0.1 Hz -Im Z is 1e4 times Re Z and more, which then has no digits left
    "space_charge_lco_lps": "1 MHz to 100 mHz",
    # more than 30,000 unknowns: three decades
    "composite_cathode_2d": "1 kHz to 1 Hz",
    "composite_cathode_3d": "1 kHz to 1 Hz",
    "electrolyte_grain_size": "1 kHz to 1 Hz",
    "tomography_electrode": "1 kHz to 1 Hz",
}


def hold_passive(folder: Path) -> None:
    """Hold that the spectra of a results folder are positive real and obey the Kramers-Kronig relations."""
    spectra = read_spectra(folder)
    assert spectra
    for spectrum in spectra:
        assert np.min(spectrum.impedance.real) > 0.0
        assert kramers_kronig_residual(spectrum.frequencies, spectrum.impedance) < 1e-3
    summary = open_results(folder).summary
    assert 0.0 < summary["Kramers-Kronig residual [-]"] < 1e-3 and summary["Smallest Re Z [ohm.cm2]"] > 0.0


@pytest.mark.slow
@pytest.mark.parametrize("case", CELLS, ids=[case.name for case in CELLS])
def test_the_impedance_of_every_cell_is_passive(case: Path, tmp_path: Path) -> None:
    asked = ("--frequencies", RANGES.get(case.name, WIDE), "--points", "5", "--results", tmp_path)
    done = small.chemomech("impedance", case, *asked, "--no-figures", "--quiet", timeout=1200)
    assert done.returncode == 0, done.stderr
    hold_passive(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("case", MEASURING, ids=[case.name for case in MEASURING])
def test_every_spectrum_of_the_cases_is_passive(case: Path, tmp_path: Path) -> None:
    done = small.chemomech("run", case, "--results", tmp_path, "--no-figures", "--quiet", timeout=1200)
    assert done.returncode == 0, done.stderr
    hold_passive(tmp_path)


def test_what_is_no_passive_system_is_told() -> None:
    frequencies = np.logspace(5, -2, 36)
    omega = 2j * np.pi * frequencies
    good = 5.0 + 20.0 / (1 + (omega * 0.01) ** 0.8) + 3.0 / np.sqrt(omega) + 1e-6 * omega + 0.1 / omega
    assert kramers_kronig_residual(frequencies, good) < 1e-4
    assert kramers_kronig_residual(frequencies[::-1], 7.0 * good[::-1]) < 1e-4
    drifted = good * np.where(frequencies > 1.0, 1.0, 1.05)  # a cell that changed half-way
    assert kramers_kronig_residual(frequencies, drifted) > 1e-2
    advanced = np.conj(good)  # answers before it is asked
    assert kramers_kronig_residual(frequencies, advanced) > 1e-2
    assert np.isnan(kramers_kronig_residual(frequencies[::3], good[::3]))  # too few points to tell
