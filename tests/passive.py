"""What holds for the spectra of any passive system at rest; for tests of cases."""

from pathlib import Path

import numpy as np

from chemomech.analysis.kramers_kronig import kramers_kronig_residual
from chemomech.results.read import open_results
from chemomech.results.spectra import read_spectra


def hold_passive(folder: Path) -> None:
    """Hold that the spectra of a results folder are positive real and obey the Kramers-Kronig relations."""
    spectra = read_spectra(folder)
    assert spectra
    for spectrum in spectra:
        assert np.min(spectrum.impedance.real) > 0.0
        assert kramers_kronig_residual(spectrum.frequencies, spectrum.impedance) < 1e-3
    summary = open_results(folder).summary
    assert 0.0 < summary["Kramers-Kronig residual [-]"] < 1e-3 and summary["Smallest Re Z [ohm.cm2]"] > 0.0
