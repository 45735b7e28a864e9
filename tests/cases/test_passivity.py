"""Every spectrum is that of a passive system at rest: Re Z > 0, and what Kramers-Kronig leaves is below 1e-3."""

import tomllib
from pathlib import Path

import numpy as np
import pytest
import small
from passive import hold_passive

from chemomech.analysis.kramers_kronig import kramers_kronig_residual

ROOT = Path(__file__).parents[2]
WRITTEN = {path.parent: tomllib.loads(path.read_text()) for path in sorted(ROOT.glob("cases/*/case.toml"))}
CELLS = [case for case, content in WRITTEN.items() if "cell" in content]
WIDE = "1 MHz to 1 mHz"
LARGE = {
    name: "1 kHz to 1 Hz"
    for name in (
        "composite_cathode_2d",
        "composite_cathode_3d",
        "electrolyte_grain_size",
        "tomography_electrode",
    )
}
"""more than 30,000 unknowns: three decades"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "case",
    [pytest.param(case, id=case.name, marks=[pytest.mark.long] * (case.name in LARGE)) for case in CELLS],
)
def test_the_impedance_of_every_cell_is_passive(case: Path, tmp_path: Path) -> None:
    asked = (
        "--frequencies",
        LARGE.get(case.name, WIDE),
        "--points",
        "5",
        "--results",
        tmp_path,
    )
    patience = 3600 if case.name in LARGE else 1200
    done = small.chemomech("impedance", case, *asked, "--no-figures", "--quiet", timeout=patience)
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
