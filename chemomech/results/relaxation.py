"""Relaxation times as `chemomech drt` leaves them in a folder: drt.json and drt.csv."""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chemomech.errors import InputError, Problem
from chemomech.results import format as names
from chemomech.results.write import complete_rows

type Array = NDArray[np.float64]


@dataclass(frozen=True)
class RecordedArc:
    """One fitted arc."""

    time: float
    """[s]"""
    resistance: float
    height: float
    """of its distribution; infinite for an ideal RC element"""
    owner: str
    """the process it belongs to; empty for measured spectra"""


@dataclass(frozen=True)
class RecordedRelaxation:
    """A distribution of relaxation times, that of its arcs, and the arcs."""

    unit: str
    """of Z"""
    times: Array
    """[s]"""
    density: Array
    arcs: Array
    """the distribution of the arcs"""
    window: tuple[float, float]
    """relaxation times that the frequencies reach [s]"""
    marks: tuple[RecordedArc, ...]

    @property
    def ceiling(self) -> float:
        """Up to where a picture reaches [unit of Z]: a quarter above the distribution within the window."""
        seen = (self.times >= self.window[0]) & (self.times <= self.window[1])
        return 1.25 * float(np.max(self.density[seen]))

    @property
    def floor(self) -> float:
        """Down to where a picture reaches [unit of Z]: zero, but for signed distributions."""
        seen = (self.times >= self.window[0]) & (self.times <= self.window[1])
        return 1.25 * min(0.0, float(np.min(self.density[seen])))

    def inside(self) -> Iterator[tuple[RecordedArc, float]]:
        """Yield the arcs within the window, each with the height at which a picture names it."""
        for arc in self.marks:
            if self.window[0] <= arc.time <= self.window[1]:
                beside = float(np.interp(np.log(arc.time), np.log(self.times), self.density))
                height = arc.height if math.isfinite(arc.height) else 0.0
                if arc.resistance < 0.0:
                    yield arc, max(min(height, beside), 0.93 * self.floor)
                else:
                    yield arc, min(max(height, beside), 0.93 * self.ceiling)


def read_relaxation(folder: Path) -> RecordedRelaxation | None:
    """Return what drt.json and drt.csv hold, None where there are none; InputError where they are damaged."""
    table, record = folder / names.RELAXATION_TABLE, folder / names.RELAXATION_FILE
    if not (table.is_file() and record.is_file()):
        return None
    try:
        content: Mapping[str, Any] = json.loads(record.read_text(encoding="utf-8"))
        _, *rows = complete_rows(table)
        times, density, arcs = np.array([[float(cell) for cell in row] for row in rows]).T
        unit = str(content["unit"])
        low, high = (float(limit) for limit in content["relaxation times within the frequencies [s]"])
        marks = tuple(_arc(one, unit) for one in content["arcs"])
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(Problem(str(record), f"is damaged ({error})", "run `chemomech drt` again")) from None
    return RecordedRelaxation(unit, times, density, arcs, (low, high), marks)


def _arc(one: Mapping[str, Any], unit: str) -> RecordedArc:
    height = one[f"height [{unit}]"]
    return RecordedArc(
        float(one["time [s]"]),
        float(one[f"resistance [{unit}]"]),
        math.inf if height is None else float(height),
        str(one["owner"] or ""),
    )
