"""Galvanostatic intermittent titration: the diffusivity from pulses of current and the rests after them.

    D = 4/(pi tau) (V/S)^2 (dE_s/dE_t)^2,      tau << L^2/D,

tau the length of the pulse, V/S the volume of the particles over the surface through which lithium enters (n_m V_m/S),
dE_s the change of the rested voltage, dE_t that during the pulse without its jump.  Where tau is not that short, or the
surface is curved, the ratio is that of the exact profile of a constant flux into a body that was uniform,

    dE_t/dE_s = 1 + (1/3 - 2 sum exp(-n^2 pi^2 s)/(n pi)^2)/s,            s = D tau/L^2    plane, V/S = L
    dE_t/dE_s = 1 + (1/5 - 2 sum exp(-l_n^2 s)/l_n^2)/(3 s), tan l = l,   s = D tau/R^2    sphere, V/S = R/3

Both take dE/dc and D as constant within a pulse and the rest as complete.
Source: W. Weppner and R. A. Huggins, J. Electrochem. Soc. 124, 1569 (1977); J. Crank, The Mathematics of Diffusion,
2nd ed. (1975), sections 4.3.6 and 6.3.4, for the profiles.
"""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq

type Array = npt.NDArray[np.float64]
type Shape = Literal["plane", "sphere"]

STILL: Final = 0.02
"""part of the largest current below which the cell counts as at rest"""
LEAST_ROWS: Final = 4
"""rows that a pulse must have"""
SHORT: Final = 0.05
"""D tau/L^2 above which the short-time formula is off by more than its name says"""
TERMS: Final = 200


@dataclass(frozen=True)
class Pulse:
    """One pulse of current and the rest after it."""

    begin: float
    """[s]"""
    duration: float
    """tau [s]"""
    current: float
    """in the unit of the data; its sign is theirs"""
    rested: float
    """voltage before it [V]"""
    jump: float
    """voltage that comes and goes with the current [V]"""
    transient: float
    """dE_t [V]"""
    steady: float
    """dE_s [V]"""
    first: int
    """row before it"""
    end: int
    """last row of the rest after it"""

    def weppner_huggins(self, length: float) -> float:
        """Return D by the short-time formula, from V/S [um] [um^2/s]."""
        ratio = self.steady / self.transient
        return 4.0 / (np.pi * self.duration) * (length * ratio) ** 2

    def diffusivity(self, length: float, shape: Shape) -> float:
        """Return D from the exact profile, from V/S [um] [um^2/s]; nan where no D gives this pulse."""
        size = length if shape == "plane" else 3.0 * length
        wanted = self.transient / self.steady
        low, high = 1e-8, 1e3
        if not ratio(high, shape) < wanted < ratio(low, shape):
            return float("nan")
        found = brentq(lambda s: np.log(ratio(np.exp(s), shape) / wanted), np.log(low), np.log(high))
        return float(np.exp(found)) * size**2 / self.duration


def pulses(time: Array, voltage: Array, current: Array) -> tuple[Pulse, ...]:
    """Return the pulses that follow a rest and are followed by one, in order."""
    still = np.abs(current) <= STILL * float(np.max(np.abs(current), initial=0.0))
    found = []
    edges = np.flatnonzero(np.diff(still.astype(int))) + 1
    blocks = np.split(np.arange(len(time)), edges)
    for before, during, after in zip(blocks, blocks[1:], blocks[2:], strict=False):
        if still[during[0]] or len(during) < LEAST_ROWS or len(set(np.sign(current[during]))) > 1:
            continue
        first, last, end = int(before[-1]), int(during[-1]), int(after[-1])
        elapsed = time[during] - time[first]
        # the jump is what is left of E = e0 + s sqrt(t) + m t at the beginning
        begun = float(np.polynomial.polynomial.polyfit(np.sqrt(elapsed), voltage[during], 2)[0])
        found.append(
            Pulse(
                begin=float(time[first]),
                duration=float(elapsed[-1]),
                current=float(np.mean(current[during])),
                rested=float(voltage[first]),
                jump=begun - float(voltage[first]),
                transient=float(voltage[last]) - begun,
                steady=float(voltage[end] - voltage[first]),
                first=first,
                end=end,
            )
        )
    return tuple(found)


def ratio(reach: float, shape: Shape) -> float:
    """Return dE_t/dE_s of a body of this shape at reach = D tau over the square of its size [-]."""
    if (
        reach < 1e-4
    ):  # the series converges slowly where the profile is thin; next term of its expansion: O(reach)
        thin = 2.0 / np.sqrt(np.pi * reach)
        return float(thin) if shape == "plane" else float(thin / 3.0 + 1.0 / 3.0)
    if shape == "plane":
        squares = (np.arange(1, TERMS + 1) * np.pi) ** 2
        return float(1.0 + (1.0 / 3.0 - 2.0 * np.sum(np.exp(-squares * reach) / squares)) / reach)
    squares = _sphere_roots() ** 2
    return float(1.0 + (1.0 / 5.0 - 2.0 * np.sum(np.exp(-squares * reach) / squares)) / (3.0 * reach))


def _sphere_roots() -> Array:
    # tan l = l: just below (n + 1/2) pi, by Newton on l = n pi + atan l
    n = np.arange(1, TERMS + 1) * np.pi
    root = n + np.pi / 2
    for _ in range(6):
        root = n + np.arctan(root)
    return np.asarray(root, dtype=np.float64)
