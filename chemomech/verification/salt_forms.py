"""Closed forms of a binary salt between two lithium electrodes; internal units (um, s, nA, V, pmol), K.

Nothing here uses the finite-element model.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.optimize import brentq

from chemomech.constants import FARADAY, GAS

type Array = NDArray[np.float64]


def sand_time(diffusivity: float, concentration: float, transference: float, current: float) -> float:
    """Time after which a current uses up the salt at the electrode of a semi-infinite electrolyte [s].

    tau = pi D (F c0/(2 (1 - t+) i))^2, and c(0, t) = c0 (1 - sqrt(t/tau)); D [um2/s], c0 [pmol/um3], i [nA/um2].
    """
    return float(np.pi * diffusivity * (FARADAY * concentration / (2 * (1 - transference) * current)) ** 2)


def limiting_current(diffusivity: float, concentration: float, transference: float, length: float) -> float:
    """Current density at which the steady salt profile reaches zero, 2 F D c0/((1 - t+) L) [nA/um2]."""
    return 2 * FARADAY * diffusivity * concentration / ((1 - transference) * length)


def polarised_salt(tau: Array, terms: int = 2000) -> Array:
    """Fall of the salt at the receiving electrode over its final fall, at times tau = D t/L^2.

    1 - (8/pi^2) sum over odd n of exp(-n^2 pi^2 tau)/n^2; the final fall is (1 - t+) i L/(2 F D).
    Solution of dc/dt = D c_xx with opposite fluxes through both ends, by its Fourier series.
    """
    n = 2 * np.arange(terms) + 1
    decay = np.exp(-np.outer(np.atleast_1d(tau), n**2) * np.pi**2) / n**2
    return np.asarray(1 - 8 / np.pi**2 * decay.sum(axis=1))


@dataclass(frozen=True)
class SteadySalt:
    """A salt between two lithium electrodes in its steady state, properties as functions of c [pmol/um3]."""

    diffusivity: Callable[[Any], Any]
    transference: Callable[[Any], Any]
    factor: Callable[[Any], Any]
    conductivity: Callable[[Any], Any]
    temperature: float

    def ends(self, current: float, length: float, mean: float) -> tuple[float, float]:
        """Concentrations at the receiving and at the giving electrode [pmol/um3].

        dx = F D dc/((1 - t+) i): the length and the mean fix the two ends.
        """

        def width(c: float) -> float:
            return float(FARADAY * self.diffusivity(c) / ((1 - self.transference(c)) * current))

        def high(low: float) -> float:
            def excess(top: float) -> float:
                return float(quad(width, low, top, epsrel=1e-12)[0]) - length

            return float(brentq(excess, low, 20 * mean, xtol=1e-18, rtol=1e-14))

        def surplus(low: float) -> float:
            return float(quad(lambda c: c * width(c), low, high(low), epsrel=1e-12)[0]) - mean * length

        low = float(brentq(surplus, 1e-3 * mean, mean, xtol=1e-18, rtol=1e-14))
        return low, high(low)

    def drop(self, current: float, low: float, high: float) -> float:
        """Potential of lithium at the giving electrode against the receiving one, without kinetics [V].

        d phi/dc = F D/((1 - t+) kappa) + (2RT/F)(1 - t+) chi/c along the profile.
        """

        def slope(c: float) -> float:
            anions = 1 - self.transference(c)
            ohmic = FARADAY * self.diffusivity(c) / (anions * self.conductivity(c))
            return float(ohmic + 2 * GAS * self.temperature / FARADAY * anions * self.factor(c) / c)

        return float(quad(slope, low, high, epsrel=1e-12)[0])


def salt_impedance(
    angular: Array,
    diffusivity: float,
    concentration: float,
    transference: float,
    factor: float,
    length: float,
    temperature: float,
) -> NDArray[np.complex128]:
    """Part of the impedance between two lithium electrodes that is made by the salt [V um2/nA], w [1/s].

    4RT (1-t+)^2 chi/(F^2 D c0 q) tanh(q L/2), q = sqrt(i w/D): opposite fluxes through both ends of a slab.
    """
    q = np.sqrt(1j * angular / diffusivity)
    strength = 4 * GAS * temperature * (1 - transference) ** 2 * factor / (FARADAY**2 * diffusivity)
    return np.asarray(strength / (concentration * q) * np.tanh(q * length / 2))
