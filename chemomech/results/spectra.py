"""Impedance spectra of a results folder: impedance.csv, one row per frequency, spectrum after spectrum."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from chemomech.errors import InputError, Problem
from chemomech.results import format as names
from chemomech.results.write import complete_rows

_SHARE: Final = re.compile(r"Re Z of (?P<process>.+) \[ohm\.cm2\]")


@dataclass(frozen=True)
class RecordedSpectrum:
    """One spectrum as it was recorded."""

    number: int
    """counts from 1"""
    time: float
    """[s]"""
    cycle: int
    step: int
    voltage: float
    """[V]"""
    pressure: float
    """[MPa]"""
    frequencies: NDArray[np.float64]
    """[Hz]"""
    impedance: NDArray[np.complex128]
    """[ohm cm2]"""
    shares: dict[str, NDArray[np.complex128]]
    """what each process adds [ohm cm2]"""


def read_spectra(folder: Path) -> tuple[RecordedSpectrum, ...]:
    """Return the spectra of a results folder, none where there is no impedance.csv; InputError when damaged."""
    path = Path(folder) / names.IMPEDANCE_FILE
    if not path.exists():
        return ()
    header, *rows = complete_rows(path) or [[]]
    needed = [*names.SPECTRUM_COLUMNS, *(names.impedance_column(part) for part in names.IMPEDANCE_PARTS)]
    missing = [column for column in needed if column not in header]
    if missing:
        raise InputError(Problem(str(path), f"has no column '{missing[0]}'"))
    try:
        table = np.array([[float(cell) for cell in row] for row in rows]).reshape(len(rows), len(header))
    except ValueError as error:
        raise InputError(Problem(str(path), f"is damaged ({error})")) from None
    columns = dict(zip(header, table.T, strict=True))
    processes = [match["process"] for name in header if (match := _SHARE.fullmatch(name))]
    found = []
    for number in np.unique(columns[names.SPECTRUM]):
        here = columns[names.SPECTRUM] == number
        first = {name: float(columns[name][here][0]) for name in names.SPECTRUM_COLUMNS}
        found.append(
            RecordedSpectrum(
                int(number),
                first[names.TIME],
                int(first[names.CYCLE]),
                int(first[names.STEP]),
                first[names.VOLTAGE],
                first[names.STACK_PRESSURE],
                columns[names.FREQUENCY][here],
                _complex(columns, "", here),
                {process: _complex(columns, process, here) for process in processes},
            )
        )
    return tuple(found)


def _complex(
    columns: dict[str, NDArray[np.float64]], process: str, here: NDArray[np.bool_]
) -> NDArray[np.complex128]:
    real, imaginary = (columns[names.impedance_column(part, process)][here] for part in ("Re", "Im"))
    return np.asarray(real + 1j * imaginary)


def figures(spectra: tuple[RecordedSpectrum, ...]) -> dict[str, float]:
    """Return what a summary says of the last spectrum."""
    if not spectra:
        return {}
    last = spectra[-1]
    low, high = int(np.argmin(last.frequencies)), int(np.argmax(last.frequencies))
    found = {
        "Spectra [-]": float(len(spectra)),
        "Re Z at the highest frequency, last spectrum [ohm.cm2]": float(last.impedance[high].real),
        "Re Z at the lowest frequency, last spectrum [ohm.cm2]": float(last.impedance[low].real),
        "Im Z at the lowest frequency, last spectrum [ohm.cm2]": float(last.impedance[low].imag),
        "Smallest Re Z [ohm.cm2]": min(float(np.min(one.impedance.real)) for one in spectra),
    }
    for process, share in last.shares.items():
        name = f"Re Z of {process} at the lowest frequency, last spectrum [ohm.cm2]"
        found[name] = float(share[low].real)
    return found


def with_layers(shares: dict[str, NDArray[np.complex128]]) -> dict[str, NDArray[np.complex128]]:
    """Return the shares with each double layer added to the process beside it, as the arc one sees."""
    joined = dict(shares)
    for name in list(joined):
        beside = name.replace("double layer", "charge transfer")
        if name.startswith("double layer") and beside in joined:
            joined[f"{beside}, double layer"] = joined.pop(beside) + joined.pop(name)
    return joined
