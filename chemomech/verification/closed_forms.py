"""Closed forms (and one own finite-volume reference) that the model is measured against.

Nothing here uses the finite-element model. Diffusion results are dimensionless: tau = D t/R^2, position = r/R
(r = 0 is the centre or the insulated face). The other formulas hold in any coherent set of units, unless they
contain F or the gas constant: then they take and give the internal units (um, s, nA, V, pmol, GPa, K).
Stress is positive in tension, flux is positive into the body.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.integrate import solve_ivp
from scipy.optimize import brentq
from scipy.special import ive, j0, j1, jn_zeros

from chemomech.constants import FARADAY, GAS

type Shape = Literal["slab", "cylinder", "sphere"]
type Array = NDArray[np.float64]

TERMS: Final = 1000
"""Terms kept in each series: the remainder is below 1e-12 for tau > 1e-5."""

_DIMENSION: Final[dict[Shape, int]] = {"slab": 1, "cylinder": 2, "sphere": 3}


# --- diffusion: Crank, The Mathematics of Diffusion (1975), ch. 4 (slab), 5 (cylinder), 6 (sphere) ---


@cache
def flux_eigenvalues(shape: Shape, terms: int = TERMS) -> Array:
    """Return the eigenvalues for a given surface flux: n pi, J1(l) = 0 or tan l = l; shape (terms,)."""
    order = np.arange(1, terms + 1, dtype=np.float64)
    if shape == "slab":
        return order * np.pi
    if shape == "cylinder":
        return np.asarray(jn_zeros(1, terms), dtype=np.float64)
    root = (order + 0.5) * np.pi
    for _ in range(20):  # contraction by 1/(1 + l^2) < 0.05 each time
        root = order * np.pi + np.arctan(root)
    return root


@cache
def value_eigenvalues(shape: Shape, terms: int = TERMS) -> Array:
    """Return the eigenvalues for a given surface value: (n - 1/2) pi, J0(l) = 0 or n pi; shape (terms,)."""
    order = np.arange(1, terms + 1, dtype=np.float64)
    if shape == "slab":
        return (order - 0.5) * np.pi
    if shape == "cylinder":
        return np.asarray(jn_zeros(0, terms), dtype=np.float64)
    return order * np.pi


def galvanostatic_profile(shape: Shape, position: ArrayLike, tau: ArrayLike) -> Array:
    """Return (c - c0) D/(j R) under constant flux j into the body (a slab: at one face); shapes broadcast."""
    x, t = _columns(position, tau)
    root = flux_eigenvalues(shape)
    dimension = _DIMENSION[shape]
    if shape == "slab":
        mode = np.cos(root * x) / np.cos(root)
    elif shape == "cylinder":
        mode = j0(root * x) / j0(root)
    else:
        mode = np.sinc(root * x / np.pi) / np.sinc(root / np.pi)  # sinc keeps r = 0 finite
    series = np.sum(2.0 * mode / root**2 * np.exp(-(root**2) * t), axis=-1)
    steady = dimension * t[..., 0] + 0.5 * x[..., 0] ** 2 - 0.5 * dimension / (dimension + 2.0)
    return np.asarray(np.where(t[..., 0] == 0.0, 0.0, steady - series))


def diffusion_impedance(shape: Shape | Literal["transmissive"], omega: float) -> complex:
    """Return c_s D/(j R) of a body under an oscillating surface flux j; omega = w R^2/D [-].

    Closed bodies ("slab": insulated at the other face), or a slab whose other face is held ("transmissive").
    Jacobsen and West, Electrochim. Acta 40, 255 (1995).
    """
    q = np.sqrt(1j * omega)
    tangent = 1.0 if abs(q) > 100 else np.tanh(q)
    if shape == "sphere":
        return complex(tangent / (q - tangent))
    if shape == "slab":
        return complex(1.0 / (q * tangent))
    if shape == "transmissive":
        return complex(tangent / q)
    return complex(ive(0, q) / (q * ive(1, q)))


def potentiostatic_profile(shape: Shape, position: ArrayLike, tau: ArrayLike) -> Array:
    """Return (c - c0)/(cs - c0) with the surface held at cs; shapes broadcast."""
    x, t = _columns(position, tau)
    root = value_eigenvalues(shape)
    if shape == "slab":
        mode = 2.0 * np.cos(root * x) / (root * np.sin(root))
    elif shape == "cylinder":
        mode = 2.0 * j0(root * x) / (root * j1(root))
    else:
        mode = -2.0 * np.cos(root) * np.sinc(root * x / np.pi)
    return np.asarray(1.0 - np.sum(mode * np.exp(-(root**2) * t), axis=-1))


def potentiostatic_uptake(shape: Shape, tau: ArrayLike) -> Array:
    """Return M_t/M_infinity with the surface held at a constant value, shape of tau."""
    _, t = _columns(0.0, tau)
    root = value_eigenvalues(shape)
    weight = 2.0 * _DIMENSION[shape] / root**2
    return np.asarray(1.0 - np.sum(weight * np.exp(-(root**2) * t), axis=-1))


def _columns(position: ArrayLike, tau: ArrayLike) -> tuple[Array, Array]:
    """Broadcast both and add the axis over which a series is summed; ValueError outside the body."""
    x, t = np.broadcast_arrays(np.asarray(position, dtype=np.float64), np.asarray(tau, dtype=np.float64))
    if np.any(x < 0.0) or np.any(x > 1.0) or np.any(t < 0.0):
        raise ValueError("a position lies in [0, 1] and a time is not negative")
    return x[..., np.newaxis], t[..., np.newaxis]


# --- diffusion-induced stress: Cheng & Verbrugge, J. Power Sources 190, 453 (2009) ---


@dataclass(frozen=True)
class SphereStress:
    """Radial and hoop stress [unit of Young's modulus], each of the shape of the positions asked for."""

    radial: Array
    hoop: Array

    @property
    def hydrostatic(self) -> Array:
        """Return the mean stress (sigma_r + 2 sigma_t)/3."""
        return (self.radial + 2.0 * self.hoop) / 3.0


def sphere_stress(
    radius: ArrayLike,
    concentration: ArrayLike,
    youngs_modulus: float,
    poissons_ratio: float,
    partial_molar_volume: float,
) -> SphereStress:
    """Return the stress of a free elastic sphere, its concentration linear between the radii, shape (n,).

    sigma_r = 2k (m(R) - m(r)), sigma_t = k (2 m(R) + m(r) - 3c), k = E Omega/(9 (1 - nu)), m(r) the mean
    inside r. The first radius must be 0 and the last one is the surface; ValueError otherwise.
    """
    r, c = np.asarray(radius, dtype=np.float64), np.asarray(concentration, dtype=np.float64)
    if r.ndim != 1 or r.shape != c.shape or r.size < 2 or r[0] != 0.0 or np.any(np.diff(r) <= 0.0):
        raise ValueError("radii start at 0 and increase, with one concentration each")
    slope = np.diff(c) / np.diff(r)
    content = (c[:-1] - slope * r[:-1]) * np.diff(r**3) / 3.0 + slope * np.diff(r**4) / 4.0
    mean = np.concatenate(([c[0]], 3.0 * np.cumsum(content) / r[1:] ** 3))
    k = youngs_modulus * partial_molar_volume / (9.0 * (1.0 - poissons_ratio))
    return SphereStress(2.0 * k * (mean[-1] - mean), k * (2.0 * mean[-1] + mean - 3.0 * c))


def quasi_steady_surface_hoop(
    flux: float,
    radius: float,
    diffusivity: float,
    youngs_modulus: float,
    poissons_ratio: float,
    partial_molar_volume: float,
) -> float:
    """Return the surface hoop stress -E Omega j R/(15 (1 - nu) D) long after a flux j into the sphere set in.

    The centre carries the opposite (radial = hoop there). Insertion (j > 0) compresses the surface if
    Omega > 0 and puts it in tension if Omega < 0; extraction does the reverse.
    """
    return (
        -youngs_modulus * partial_molar_volume * flux * radius / (15.0 * (1.0 - poissons_ratio) * diffusivity)
    )


def stress_mobility(
    youngs_modulus: float, poissons_ratio: float, partial_molar_volume: float, temperature: float
) -> float:
    """Return theta = 2 E Omega^2/(9 (1 - nu) R T) [um3/pmol] of J = -D (1 + theta c) grad c in a free sphere.

    From J = -D (grad c - Omega c/(R T) grad sigma_h) and sigma_h = 2 E Omega/(9 (1 - nu)) (mean(c) - c)
    (Zhang, Shyy & Sastry, J. Electrochem. Soc. 154, A910 (2007)).
    """
    return 2.0 * youngs_modulus * partial_molar_volume**2 / (9.0 * (1.0 - poissons_ratio) * GAS * temperature)


@dataclass(frozen=True)
class CoupledSphere:
    """What the finite-volume reference gives at each tau: M_t/M_infinity and the centre's radial stress.

    The stress is in units of E Omega c_s/(3 (1 - nu)), c_s the concentration held at the surface.
    """

    tau: Array
    uptake: Array
    centre_stress: Array


def stress_coupled_sphere(
    coupling: float, tau: ArrayLike, cells: int = 400, tolerance: float = 1e-8
) -> CoupledSphere:
    """Solve J = -D (1 + theta c) grad c in an empty sphere with c_s held; coupling = theta c_s.

    tau increases, shape (n,). Finite volumes in the radius, fluxes as differences of c + theta c^2/2 (so the
    nonlinearity adds no error), LSODA in time. RuntimeError if the integration fails.
    """
    times = np.atleast_1d(np.asarray(tau, dtype=np.float64))
    faces = np.linspace(0.0, 1.0, cells + 1)
    volume = np.diff(faces**3) / 3.0
    width = 1.0 / cells

    def potential(c: Array) -> Array:
        return c + 0.5 * coupling * c**2

    surface = potential(np.ones(1))[0]

    def rate(_: float, c: Array) -> Array:
        level = potential(c)
        inward = np.zeros(cells + 1)
        inward[1:-1] = np.diff(level) / width
        # one-sided second-order slope from the held surface value and the two last cell centres
        inward[-1] = (8.0 * surface - 9.0 * level[-1] + level[-2]) / (3.0 * width)
        return np.asarray(np.diff(faces**2 * inward) / volume)

    solution = solve_ivp(
        rate, (0.0, float(times[-1])), np.zeros(cells), method="LSODA", t_eval=times,
        rtol=tolerance, atol=tolerance * 1e-2, lband=1, uband=1,
    )  # fmt: skip
    if not solution.success:
        raise RuntimeError(f"the reference sphere was not integrated: {solution.message}")
    mean = 3.0 * volume @ solution.y
    centre = (9.0 * solution.y[0] - solution.y[1]) / 8.0  # even in r
    return CoupledSphere(times, np.asarray(mean), np.asarray(2.0 / 3.0 * (mean - centre)))


# --- elasticity ---


@dataclass(frozen=True)
class Inclusion:
    """A sphere of linear eigenstrain e* in an infinite body of the same moduli (Eshelby 1957; Mura 1987)."""

    radius: float
    eigenstrain: float
    youngs_modulus: float
    poissons_ratio: float

    @property
    def pressure(self) -> float:
        """Return the uniform pressure inside, 2 E e*/(3 (1 - nu)) [unit of Young's modulus]."""
        return 2.0 * self.youngs_modulus * self.eigenstrain / (3.0 * (1.0 - self.poissons_ratio))

    @property
    def strain(self) -> float:
        """Return the uniform linear total strain inside, e* (1 + nu)/(3 (1 - nu))."""
        return self.eigenstrain * (1.0 + self.poissons_ratio) / (3.0 * (1.0 - self.poissons_ratio))

    def displacement(self, radius: ArrayLike) -> Array:
        """Return the radial displacement at each radius [unit of length]."""
        r = np.asarray(radius, dtype=np.float64)
        return np.asarray(self.strain * r * (self.radius / np.maximum(r, self.radius)) ** 3)

    def stress(self, radius: ArrayLike) -> SphereStress:
        """Return the stress at each radius: -p inside; -p (a/r)^3 and p/2 (a/r)^3 outside."""
        r = np.asarray(radius, dtype=np.float64)
        inside = r <= self.radius
        decay = (self.radius / np.maximum(r, self.radius)) ** 3
        radial = -self.pressure * decay
        return SphereStress(radial, np.where(inside, radial, -0.5 * radial))


@dataclass(frozen=True)
class CoreShell:
    """A core (radius a) with linear eigenstrain e* bonded to a shell (outer radius b, free outside; Lame)."""

    core_radius: float
    shell_radius: float
    eigenstrain: float
    core_youngs_modulus: float
    core_poissons_ratio: float
    shell_youngs_modulus: float
    shell_poissons_ratio: float

    @property
    def pressure(self) -> float:
        """Return the pressure between core and shell [unit of Young's modulus]."""
        a3, b3 = self.core_radius**3, self.shell_radius**3
        nu = self.shell_poissons_ratio
        core = (1.0 - 2.0 * self.core_poissons_ratio) / self.core_youngs_modulus
        shell = ((1.0 - 2.0 * nu) * a3 + 0.5 * (1.0 + nu) * b3) / (self.shell_youngs_modulus * (b3 - a3))
        return self.eigenstrain / (core + shell)

    def stress(self, radius: ArrayLike) -> SphereStress:
        """Return the stress at each radius (the core's value at r = a); ValueError outside the shell."""
        r = np.asarray(radius, dtype=np.float64)
        if np.any(r > self.shell_radius * (1.0 + 1e-12)):
            raise ValueError("a radius lies outside the shell")
        a3, b3 = self.core_radius**3, self.shell_radius**3
        scale = self.pressure * a3 / (b3 - a3)
        cube = np.maximum(r, self.core_radius) ** 3
        inside = r <= self.core_radius
        radial = np.where(inside, -self.pressure, scale * (1.0 - b3 / cube))
        hoop = np.where(inside, -self.pressure, scale * (1.0 + 0.5 * b3 / cube))
        return SphereStress(radial, hoop)

    def shell_hoop(self, radius: float) -> float:
        """Return the shell's hoop stress at a <= r <= b (at r = a on the shell's side)."""
        a3, b3 = self.core_radius**3, self.shell_radius**3
        return self.pressure * a3 / (b3 - a3) * (1.0 + 0.5 * b3 / radius**3)


# --- electrochemistry (internal units) ---


def overpotential(
    current_density: float,
    exchange_current: float,
    temperature: float,
    anodic: float = 0.5,
    cathodic: float = 0.5,
) -> float:
    """Return eta [V] of i = i0 (exp(anodic F eta/RT) - exp(-cathodic F eta/RT)); i and i0 in one unit."""
    thermal = GAS * temperature / FARADAY
    ratio = current_density / exchange_current
    if anodic == cathodic:
        return float(thermal / anodic * np.arcsinh(0.5 * ratio))
    bound = float(np.log1p(abs(ratio))) / min(anodic, cathodic) + 1.0

    def excess(scaled: float) -> float:
        return float(np.exp(anodic * scaled) - np.exp(-cathodic * scaled)) - ratio

    return float(thermal * brentq(excess, -bound, bound, xtol=1e-14, rtol=1e-14))


def charge_transfer_resistance(exchange_current: float, temperature: float) -> float:
    """Return R T/(F i0) [V um2/nA] for transfer coefficients that add up to 1; i0 [nA/um2]."""
    return GAS * temperature / (FARADAY * exchange_current)


def bar_voltage(
    current_density: float,
    open_circuit_potential: float,
    bars: Sequence[tuple[float, float]],
    exchange_current: float,
    temperature: float,
) -> float:
    """Return V = U + sum i L/sigma + (2RT/F) asinh(i/2 i0) [V] of two bars meeting at one interface.

    bars: (length [um], conductivity [nA/(V um)]) of the electronic and the ionic one; i > 0 [nA/um2] charges.
    The counter-electrode and the collector's contact resistance add nothing here.
    """
    ohmic = sum(current_density * length / conductivity for length, conductivity in bars)
    return open_circuit_potential + ohmic + overpotential(current_density, exchange_current, temperature)


def larche_cahn_shift(partial_molar_volume: float, hydrostatic_stress: float) -> float:
    """Return the shift Omega sigma_h/F [V] of the equilibrium potential; Omega [um3/pmol], sigma_h [GPa].

    Larche & Cahn, Acta Metall. 21, 1051 (1973), in the sign of eta = phi_s - phi_e - U - Omega sigma_h/F.
    """
    return partial_molar_volume * hydrostatic_stress / FARADAY


def chen2020_nmc811_potential(stoichiometry: ArrayLike) -> Array:
    """Return the potential of NMC811 against lithium [V].

    Chen et al., J. Electrochem. Soc. 167, 080534 (2020), whose cell works between about 0.27 and 0.91.
    """
    x = np.asarray(stoichiometry, dtype=np.float64)
    return np.asarray(
        -0.8090 * x
        + 4.4875
        - 0.0428 * np.tanh(18.5138 * (x - 0.5542))
        - 17.7326 * np.tanh(15.7890 * (x - 0.3117))
        + 17.5842 * np.tanh(15.9308 * (x - 0.3120))
    )


def sphere_charge_voltage(
    time: ArrayLike,
    current_density: float,
    initial_stoichiometry: float,
    radius: float,
    diffusivity: float,
    maximum_concentration: float,
    exchange_current: float,
    temperature: float,
    open_circuit_potential: Callable[[Array], Array],
) -> tuple[Array, Array, Array]:
    """Return voltage [V], surface and mean stoichiometry of a sphere at constant current, shapes of time.

    Single-particle model against lithium without other drops: V = U(theta_surface) + eta(i); i > 0 [nA/um2]
    takes lithium out, i0 [nA/um2] and D are constant. Internal units: s, um, um2/s, pmol/um3, K.
    """
    tau = diffusivity * np.asarray(time, dtype=np.float64) / radius**2
    step = -current_density * radius / (FARADAY * diffusivity * maximum_concentration)
    surface = initial_stoichiometry + step * galvanostatic_profile("sphere", 1.0, tau)
    mean = initial_stoichiometry + 3.0 * step * tau
    voltage = open_circuit_potential(surface) + overpotential(current_density, exchange_current, temperature)
    return np.asarray(voltage), surface, np.asarray(mean)
