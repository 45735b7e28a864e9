"""Closed forms of the diffuse layer at a flat wall: Gouy-Chapman, Bikerman, one mobile cation on a lattice.

phi is the electrolyte's surface against its bulk; the charge is the wall's, so phi > 0 repels cations.
Internal units: nC, um, V, pmol, K.  psi = F phi/(RT).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.optimize import brentq

from chemomech.constants import FARADAY, GAS

type Array = NDArray[np.float64]


def debye_length(permittivity: float, concentration: float, temperature: float, ions: int = 1) -> float:
    """Return sqrt(eps RT/(n F^2 c)) [um]; n = 1 for one mobile ion, 2 for a binary 1:1 solution."""
    return float(np.sqrt(permittivity * GAS * temperature / (ions * FARADAY**2 * concentration)))


@dataclass(frozen=True)
class Binary:
    """A binary 1:1 electrolyte; crowding nu = 2 a^3 c0 N_A, 0 is Gouy-Chapman."""

    permittivity: float
    concentration: float
    temperature: float
    crowding: float = 0.0

    @property
    def debye_length(self) -> float:
        """lambda [um]."""
        return debye_length(self.permittivity, self.concentration, self.temperature, 2)

    def charge(self, phi: float) -> float:
        """Charge of the wall [nC/um^2]."""
        psi = FARADAY * phi / (GAS * self.temperature)
        scale = 2 * FARADAY * self.concentration * self.debye_length
        if not self.crowding:
            return float(2 * scale * np.sinh(psi / 2))
        room = 1 + 2 * self.crowding * np.sinh(psi / 2) ** 2
        return float(np.sign(psi) * scale * np.sqrt(2 / self.crowding * np.log(room)))

    def capacitance(self, phi: float) -> float:
        """d charge/d phi [nC/(V um^2)]."""
        psi = FARADAY * phi / (GAS * self.temperature)
        plate = self.permittivity / self.debye_length
        if not self.crowding:
            return float(plate * np.cosh(psi / 2))
        room = 1 + 2 * self.crowding * np.sinh(psi / 2) ** 2
        return float(plate * abs(np.sinh(psi)) / (room * np.sqrt(2 / self.crowding * np.log(room))))

    def potential(self, distance: float, phi: float) -> float:
        """Gouy-Chapman's profile: tanh(psi/4) = tanh(psi0/4) exp(-x/lambda) [V]."""
        thermal = GAS * self.temperature / FARADAY
        wall = np.tanh(phi / thermal / 4) * np.exp(-distance / self.debye_length)
        return float(4 * thermal * np.arctanh(wall))


@dataclass(frozen=True)
class Lattice:
    """One mobile cation on a lattice of sites with a fixed background."""

    permittivity: float
    sites: float
    """c_max [pmol/um^3]"""
    occupancy: float
    temperature: float

    @property
    def debye_length(self) -> float:
        """Decay of small potentials: sqrt(eps RT/(F^2 c_max theta (1 - theta))) [um]."""
        mobile = self.sites * self.occupancy * (1 - self.occupancy)
        return debye_length(self.permittivity, mobile, self.temperature)

    @property
    def thermal(self) -> float:
        """RT/F [V]."""
        return GAS * self.temperature / FARADAY

    def stored(self, phi: float) -> float:
        """(eps/2)(dphi/dx)^2 = RT c_max [ln(1 - theta + theta exp(-psi)) + theta psi] [nJ/um^3]."""
        psi, bulk = phi / self.thermal, self.occupancy
        logarithm = np.logaddexp(np.log1p(-bulk), np.log(bulk) - psi)
        return float(GAS * self.temperature * self.sites * max(0.0, logarithm + bulk * psi))

    def field(self, phi: float) -> float:
        """Size of the field at the wall [V/um]."""
        return float(np.sqrt(2 * self.stored(phi) / self.permittivity))

    def charge(self, phi: float) -> float:
        """Charge of the wall [nC/um^2]."""
        return float(np.sign(phi)) * self.permittivity * self.field(phi)

    def capacitance(self, phi: float) -> float:
        """d charge/d phi = F c_max (theta_bulk - theta_wall)/field [nC/(V um^2)]."""
        odds = self.occupancy / (1 - self.occupancy) * np.exp(-phi / self.thermal)
        return float(
            FARADAY * self.sites * (self.occupancy - odds / (1 + odds)) / self.field(phi) * np.sign(phi)
        )

    def resistance(self, phi: float, conductivity: float) -> float:
        """Excess resistance at rest, int (1/kappa - 1/kappa_bulk) dx, kappa ~ theta (1 - theta) [V um^2/nA]."""

        def excess(voltage: float) -> float:
            odds = self.occupancy / (1 - self.occupancy) * np.exp(-voltage / self.thermal)
            bulk, here = self.occupancy * (1 - self.occupancy), odds / (1 + odds) ** 2
            return float((bulk / here - 1) / (conductivity * self.field(voltage)))

        low, high = sorted((0.0, phi))
        return float(quad(excess, low, high, limit=400, epsabs=0.0, epsrel=1e-10)[0])

    def sharp_width(self, phi: float) -> float:
        """Width of a fully emptied (phi > 0) or filled layer, sqrt(2 eps |phi|/(F c)) [um]."""
        share = self.occupancy if phi > 0 else 1 - self.occupancy
        return float(np.sqrt(2 * self.permittivity * abs(phi) / (FARADAY * self.sites * share)))


def contact_split(one: Lattice, other: Lattice, difference: float, core_capacitance: float = np.inf) -> float:
    """Return the potential that falls in ``one`` where two lattices meet, surface minus bulk [V].

    phi_one - phi_other in the bulk is ``difference`` (less the drop of an uncharged core layer).  The charges are
    opposite; over a core layer of capacitance C falls J = -charge_one/C more.
    """

    def mismatch(part: float) -> float:
        jump = -one.charge(part) / core_capacitance
        return one.charge(part) + other.charge(difference + part - jump)

    low, high = sorted((0.0, -difference))
    return float(brentq(mismatch, low, high, xtol=1e-14))


def profile_distance(lattice: Lattice, wall: float, at: float) -> float:
    """Return the distance from the wall at which the potential has fallen from ``wall`` to ``at`` [um]."""
    return abs(
        float(quad(lambda phi: 1 / lattice.field(phi), at, wall, limit=400, epsabs=0.0, epsrel=1e-10)[0])
    )
