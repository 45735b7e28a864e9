"""Voltammograms in a history: which rows belong to a sweep, and where its current has peaks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from chemomech.protocol import expanded
from chemomech.results import format as names

type Array = NDArray[np.float64]

LEAST: Final = 0.05
"""part of the largest current by which a peak must stand out"""


@dataclass(frozen=True)
class SweepPeak:
    """A peak of the current in one sweep."""

    voltage: float
    """[V]"""
    density: float
    """[mA cm-2], positive when charging"""


@dataclass(frozen=True)
class Sweep:
    """The rows of one sweep and its peaks."""

    cycle: int
    step: int
    voltage: Array
    """[V]"""
    density: Array
    """[mA cm-2]"""
    peaks: tuple[SweepPeak, ...]


def sweep_steps(case: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the numbers (from 1) of the protocol's steps that are sweeps, from a case as run."""
    steps = protocol_steps(case)
    return tuple(at for at, text in enumerate(steps, 1) if text.strip().lower().startswith("sweep"))


def protocol_steps(case: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the protocol's steps of a case as run, repetitions written out."""
    protocol = case.get("protocol")
    steps = protocol.get("steps", ()) if isinstance(protocol, Mapping) else ()
    return tuple(text for _, text in expanded(steps))


def sweeps_of(history: Mapping[str, Array], steps: Sequence[int]) -> tuple[Sweep, ...]:
    """Return the sweeps of a history in the order in which they were made."""
    if not steps or names.STEP not in history:
        return ()
    found = []
    places = sorted(
        {(int(c), int(s)) for c, s in zip(history[names.CYCLE], history[names.STEP], strict=True)}
    )
    for cycle, step in places:
        if step not in steps:
            continue
        here = (history[names.CYCLE] == cycle) & (history[names.STEP] == step)
        voltage, density = history[names.VOLTAGE][here], history[names.CURRENT_DENSITY][here]
        found.append(Sweep(cycle, step, voltage, density, _peaks(voltage, density)))
    return tuple(found)


def _peaks(voltage: Array, density: Array) -> tuple[SweepPeak, ...]:
    # A rising sweep charges: its peaks are maxima; a falling one's are minima.
    if len(voltage) < 3:
        return ()
    from scipy.signal import find_peaks  # seldom needed, and slow to import

    sign = 1.0 if voltage[-1] > voltage[0] else -1.0
    at, _ = find_peaks(sign * density, prominence=LEAST * float(np.max(np.abs(density))))
    return tuple(_vertex(voltage[k - 1 : k + 2], density[k - 1 : k + 2]) for k in at)


def _vertex(voltage: Array, density: Array) -> SweepPeak:
    # The parabola through the highest row and its neighbours.
    shifted = voltage - voltage[1]
    a, b, c = np.polyfit(shifted, density, 2)
    place = -b / (2 * a)
    return SweepPeak(float(voltage[1] + place), float(c + b * place / 2))


def figures(sweeps: Sequence[Sweep]) -> dict[str, float]:
    """Return what a summary says of the last cycle's sweeps: the largest peak of each."""
    found: dict[str, float] = {}
    for sweep in sweeps:
        if sweep.cycle != sweeps[-1].cycle or not sweep.peaks:
            continue
        peak = max(sweep.peaks, key=lambda one: abs(one.density))
        found[f"Peak current density of step {sweep.step} [mA.cm-2]"] = peak.density
        found[f"Peak voltage of step {sweep.step} [V]"] = peak.voltage
    return found
