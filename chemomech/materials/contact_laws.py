"""How much of a nominal interface touches: laws of rough contact, what pressing leaves behind, constriction.

On first loading the share of the area that touches rises with the normal pressure p:

  Persson, elastic, random roughness of rms slope h':   A/A0 = erf(sqrt(2) p/(E* h'))
  Greenwood-Williamson, exponential heights:            A/A0 = (p/E*) sqrt(pi R/sigma_s)
  Westergaard, one sinusoid (amplitude D, wavelength L): A/A0 = (2/pi) asin sqrt(p/p*),  p* = pi E* D/L
  plastic:                                              A/A0 = p/H

all at most 1, with 1/E* = (1 - nu1^2)/E1 + (1 - nu2^2)/E2.  Flattening is not undone: after the largest pressure p_m
    a(p, p_m) = a(p_m) [r + (1 - r) (p/p_m)^m],   p <= p_m
remains, r the share that adhesion holds at no pressure and m the exponent of the elastic recovery on unloading
(m = 1/2: B. B. Mikic, Int. J. Heat Mass Transfer 14, 1391 (1971)).

The current narrows towards the places that touch.  Per area that touches this costs (rho1 + rho2) l:
  round spots of radius r, each in its flux tube:   l = (pi r/4)(1 - sqrt a)^1.5
  strips of a sinusoid of wavelength L:             l = a (L/pi) ln(1/sin(pi a/2))

Laws are written once for numpy and UFL.  Pressures in GPa, lengths in um.
Sources: B. N. J. Persson, J. Chem. Phys. 115, 3840 (2001); J. A. Greenwood and J. B. P. Williamson, Proc. R. Soc. A
295, 300 (1966); K. L. Johnson, Contact Mechanics (1985), 13.2; F. P. Bowden and D. Tabor, The Friction and
Lubrication of Solids (1950); R. Holm, Electric Contacts (1967); J. R. Barber, Proc. R. Soc. A 459, 53 (2003).
"""

import math
from dataclasses import dataclass
from typing import Any, Final, Protocol

from chemomech.materials.maths import NUMPY, Maths

ROUND: Final = 1e-6
"""p/p_m below which a power law on unloading is rounded off: its slope at nothing would be infinite"""


class Loading(Protocol):
    """Share of the nominal area that touches on first loading."""

    def __call__(self, pressure: Any, maths: Maths = NUMPY) -> Any:
        """Return A/A0 in [0, 1] at a pressure >= 0 [GPa]."""


@dataclass(frozen=True)
class Persson:
    """Elastic contact of random roughness."""

    modulus: Any
    """E* [GPa]"""
    slope: Any
    """rms slope h' [-]"""

    def __call__(self, pressure: Any, maths: Maths = NUMPY) -> Any:
        """Return erf(sqrt(2) p/(E* h'))."""
        return maths.erf(math.sqrt(2.0) * pressure / (self.modulus * self.slope))


@dataclass(frozen=True)
class GreenwoodWilliamson:
    """Elastic contact of spherical asperities with exponentially distributed heights."""

    modulus: Any
    """E* [GPa]"""
    radius: Any
    """of the asperities [um]"""
    spread: Any
    """sigma_s, decay length of the heights [um]"""

    def __call__(self, pressure: Any, maths: Maths = NUMPY) -> Any:
        """Return (p/E*) sqrt(pi R/sigma_s), at most 1."""
        share = pressure / self.modulus * maths.sqrt(math.pi * self.radius / self.spread)
        return maths.minimum(share, 1.0)


@dataclass(frozen=True)
class Westergaard:
    """Elastic contact of one sinusoidal surface with a flat one, in plane strain."""

    modulus: Any
    """E* [GPa]"""
    amplitude: Any
    """D, half the height from trough to crest [um]"""
    wavelength: Any
    """[um]"""

    @property
    def full_contact_pressure(self) -> Any:
        """p* = pi E* D/L [GPa]."""
        return math.pi * self.modulus * self.amplitude / self.wavelength

    def __call__(self, pressure: Any, maths: Maths = NUMPY) -> Any:
        """Return (2/pi) asin sqrt(p/p*), 1 above p*."""
        # kept off both ends, where the slope is infinite; the share is then 6e-7 from 0 and 1
        ratio = maths.minimum(maths.maximum(pressure / self.full_contact_pressure, 1e-12), 1.0 - 1e-12)
        return 2.0 / math.pi * maths.asin(maths.sqrt(ratio))


@dataclass(frozen=True)
class Plastic:
    """Asperities of the softer solid yield until the area carries the load."""

    hardness: Any
    """H [GPa]"""

    def __call__(self, pressure: Any, maths: Maths = NUMPY) -> Any:
        """Return p/H, at most 1."""
        return maths.minimum(pressure / self.hardness, 1.0)


@dataclass(frozen=True)
class Unloading:
    """What remains of a contact that was pressed harder before."""

    exponent: Any
    """m > 0 of the recovery [-]; 0.5: flattened asperities recover elastically"""
    retained: Any
    """r, share of the area that adhesion holds at no pressure, in [0, 1]"""

    def __call__(self, pressure: Any, largest: Any, retained: Any, maths: Maths = NUMPY) -> Any:
        """Return r + (1 - r)(p/p_m)^m at a pressure p >= 0 after the largest p_m > 0 [GPa]."""
        ratio = pressure / largest
        ratio = maths.maximum(ratio * ratio / (ratio + ROUND), ROUND**2)
        return retained + (1.0 - retained) * ratio**self.exponent


@dataclass(frozen=True)
class RoughContact:
    """A law of loading and one of unloading."""

    loading: Loading
    unloading: Unloading

    def fraction(self, pressure: Any, largest: Any, *, adhering: Any = 1.0, maths: Maths = NUMPY) -> Any:
        """Return the share of the nominal area that touches [-].

        ``pressure`` may be negative (a gap, or tension); ``largest`` was the highest before; ``adhering`` is the
        share of the places that adhesion still holds together: an interface that came loose retains nothing.
        """
        pressed = maths.maximum(pressure, 0.0)
        top = maths.maximum(maths.maximum(largest, pressed), 1e-9)
        kept = self.unloading(pressed, top, adhering * self.unloading.retained, maths)
        return self.loading(top, maths) * kept


def effective_modulus(first: tuple[Any, Any], second: tuple[Any, Any] | None = None) -> Any:
    """Return E* [GPa] of two solids, each (E, nu); of one against a rigid body without the second."""
    compliance = sum((1.0 - nu**2) / youngs for youngs, nu in (first, *([] if second is None else [second])))
    return 1.0 / compliance


def cohesive_length(plane_modulus: float, fracture_energy: float, strength: float) -> float:
    """Return the length of the zone in which a bond gives way ahead of a crack, l = E' G_c/sigma_c^2 [um].

    Source: A. Hillerborg, M. Modeer and P.-E. Petersson, Cem. Concr. Res. 6, 773 (1976).
    """
    return plane_modulus * fracture_energy / strength**2


def holm_resistance(conductivity: float, radius: float) -> float:
    """Return 1/(2 sigma a), the constriction of one round spot between like half spaces [V/nA]."""
    return 1.0 / (2.0 * conductivity * radius)


def barber_resistance(
    modulus: float, resistivities: tuple[float, float], incremental_stiffness: float
) -> float:
    """Return the constriction of any elastic contact [V/nA]: 1/R = 2/(E*(rho1 + rho2)) dP/d delta.

    ``resistivities`` in V um/nA; ``incremental_stiffness`` is dP/d delta [GPa um = 1e3 N/m].
    """
    return modulus * sum(resistivities) / (2.0 * incremental_stiffness)


class Narrowing(Protocol):
    """How current narrows into the places that touch, in both bodies."""

    def length(self, fraction: Any, maths: Maths = NUMPY) -> Any:
        """Return l [um]: the resistance per area that touches is (rho1 + rho2) l."""


@dataclass(frozen=True)
class RoundSpots:
    """Many like spots, each in its own flux tube: 1/a spots' worth of Holm's resistance.

    Source of the tube's factor: M. G. Cooper, B. B. Mikic and M. M. Yovanovich, Int. J. Heat Mass Transfer 12, 279
    (1969).
    """

    radius: Any
    """r [um]"""

    @classmethod
    def of_asperities(cls, radius: float, spread: float) -> "RoundSpots":
        """Return the spots of Greenwood and Williamson's asperities, r = 2 sqrt(R sigma_s/pi) at any pressure.

        Their mean radius is sqrt(pi R sigma_s)/2 and the mean of their areas pi R sigma_s, so that together they
        resist as Barber's theorem says of dP/d delta = P/sigma_s.
        """
        return cls(2.0 * math.sqrt(radius * spread / math.pi))

    def length(self, fraction: Any, maths: Maths = NUMPY) -> Any:
        """Return (pi r/4)(1 - sqrt a)^1.5."""
        return math.pi * self.radius / 4.0 * maths.maximum(1.0 - maths.sqrt(fraction), 1e-9) ** 1.5


@dataclass(frozen=True)
class Strips:
    """The crests of a sinusoid: strips of width a L at a distance L.

    Exact for a grating of strips of one potential, by conformal mapping of a strip of the half plane.
    """

    wavelength: Any
    """L [um]"""

    def length(self, fraction: Any, maths: Maths = NUMPY) -> Any:
        """Return a (L/pi) ln(1/sin(pi a/2))."""
        return -fraction * self.wavelength / math.pi * maths.ln(maths.sin(0.5 * math.pi * fraction))
