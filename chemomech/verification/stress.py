"""Diffusion-induced stress in spheres: Cheng & Verbrugge's closed forms, Ai's particle, stress-assisted diffusion."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from chemomech.constants import GAS
from chemomech.fields import CONCENTRATION, DISPLACEMENT
from chemomech.materials.free_energy import Solid
from chemomech.physics.balance import Physics, outflow
from chemomech.physics.lithium_transport import LithiumTransport
from chemomech.physics.mechanics import StressEquilibrium, rollers
from chemomech.verification import diffusion, meshes
from chemomech.verification.bench import Bench, fields_of, make_state, number, probe

CENTRE: Final = (0.0, 0.0)
HOOP: Final = (2, 2)
AROUND_THE_MAXIMUM: Final = tuple(np.round(np.linspace(0.04, 0.075, 8), 6))
"""dimensionless times between which the centre's stress passes its maximum"""


@dataclass(frozen=True)
class Ball:
    """A free elastic sphere that swells linearly with lithium; internal units."""

    youngs_modulus: float = 10.0
    poissons_ratio: float = 0.3
    partial_molar_volume: float = 0.3
    start: float = diffusion.START
    radius: float = 1.0
    diffusivity: float = 1.0
    maximum_concentration: float = 1.0

    def bench(self, *, flux: float = 0.0, surface: float | None = None, coupled: bool = False) -> "BallBench":
        """Return the sphere under a flux or a held surface; `coupled`: stress drives lithium too."""
        radii = meshes.fine_ends(0.0, self.radius, 40, 5.0)
        domain = meshes.sphere({"particle": radii}, angles=4)
        omega, c_max = number(domain, self.partial_molar_volume), number(domain, self.maximum_concentration)
        solid = Solid(
            number(domain, self.youngs_modulus),
            number(domain, self.poissons_ratio),
            swelling=lambda theta: omega * c_max * theta,
            maximum_concentration=c_max,
            stress_free_stoichiometry=number(domain, self.start / self.maximum_concentration),
        )
        host = diffusion.ideal_host(
            domain, solid if coupled else None, self.maximum_concentration, self.diffusivity
        )
        mechanics = StressEquilibrium({"particle": solid})
        transport = LithiumTransport({"particle": host}, number(domain, diffusion.TEMPERATURE), "dilute")
        physics: list[Physics] = [transport, mechanics]
        state = make_state(domain, {"particle": "active"}, fields_of(physics), {DISPLACEMENT: 2})
        diffusion.fill_ideal(state, self.start, self.maximum_concentration)
        conditions = rollers(state, ("axis", "bottom"))
        if surface is not None:
            conditions.append(diffusion.held(state, surface, "outer"))
            conditions[-1].set(state.unknowns[CONCENTRATION].function.x.array)
        entering = outflow(state, CONCENTRATION, -number(domain, flux), "outer")
        return BallBench(
            Bench(state, physics, extra=[entering], conditions=conditions, time_tolerance=2e-5),
            mechanics.stress(state, "particle"),
        )


@dataclass(frozen=True)
class BallBench:
    """The sphere on its bench, and its stress."""

    bench: Bench
    stress: Any

    def centre(self) -> float:
        """Return the radial stress at the centre [GPa]."""
        return float(probe(self.bench.domain, self.stress[0, 0], CENTRE)[0])

    def surface_hoop(self) -> float:
        """Return the hoop stress at the surface [GPa]."""
        return self.bench.surface_mean("hoop stress", self.stress[HOOP], "outer")

    def uptake(self, start: float, surface: float) -> float:
        """Return M_t/M_infinity with the surface held."""
        domain, c = self.bench.domain, self.bench.state.value[CONCENTRATION]
        content = self.bench.read("content", lambda: domain.over(c - start, ["particle"]))
        return content / domain.volume(["particle"]) / (surface - start)


def maximum(times: Sequence[float], values: Sequence[float]) -> tuple[float, float]:
    """Return place and height of the maximum of the quartic through samples around it."""
    middle = 0.5 * (times[0] + times[-1])
    fit = np.polynomial.Polynomial.fit(np.array(times) - middle, values, 4)
    roots = fit.deriv().roots()
    real = roots[np.abs(roots.imag) < 1e-12].real
    inside = [t for t in real if times[0] - middle < t < times[-1] - middle]
    best = max(inside, key=lambda t: float(fit(t)), default=np.nan)
    return float(best + middle), float(fit(best))


def galvanostatic() -> dict[str, float]:
    """Centre and surface stress under constant flux, in units of E Omega j R/(3 (1 - nu) D)."""
    ball = Ball()
    unit = ball.youngs_modulus * ball.partial_molar_volume * diffusion.RISE / (3 * (1 - ball.poissons_ratio))
    run = ball.bench(flux=diffusion.RISE)
    found: dict[str, float] = {}
    for tau in run.bench.march((0.01, 0.05, 0.1, 0.5, 2.0), 1e-6):
        surface, centre = (
            ("limit_surf", "limit_centre") if tau == 2.0 else (f"surf_hoop_{tau}", f"centre_{tau}")
        )
        found[surface], found[centre] = run.surface_hoop() / unit, run.centre() / unit
    run.bench.destroy()
    return found


def potentiostatic() -> dict[str, float]:
    """Centre and surface stress with the surface held, in units of E Omega dC/(3 (1 - nu))."""
    ball = Ball()
    unit = ball.youngs_modulus * ball.partial_molar_volume * diffusion.RISE / (3 * (1 - ball.poissons_ratio))
    run = ball.bench(surface=ball.start + diffusion.RISE)
    centre: dict[float, float] = {}
    hoop: dict[float, float] = {}
    for tau in run.bench.march(sorted({*AROUND_THE_MAXIMUM, 0.05, 0.0574, 0.1}), 1e-6):
        centre[tau], hoop[tau] = run.centre() / unit, run.surface_hoop() / unit
    run.bench.destroy()
    place, height = maximum(AROUND_THE_MAXIMUM, [centre[tau] for tau in AROUND_THE_MAXIMUM])
    return {
        "tau_max_centre": place,
        "sr_max_centre_over_EOmdC_3_1mnu": height,
        "sr_tau0p05": centre[0.05],
        "sr_tau0p1": centre[0.1],
        "st_surf_tau0p0574": hoop[0.0574],
    }


def stress_coupled() -> dict[str, float]:
    """Uptake and largest centre stress where stress drives lithium too, for three strengths of coupling.

    The tabulated sphere is empty at first; an ideal solute must not be. Filled at c0 and held at c0 + d, the law
    J = -D (1 + x c) grad c is the same problem with D (1 + x c0) for D and x d/(1 + x c0) for theta c_max.
    """
    found: dict[str, float] = {}
    start, step, omega, nu = 0.2, 0.6, 0.5, 0.3
    for coupling in (0.0, 0.359, 1.0):
        x = max(coupling, 1e-9) / (step - coupling * start)
        youngs = x * 9 * (1 - nu) * GAS * diffusion.TEMPERATURE / (2 * omega**2)
        unit = youngs * omega * step / (3 * (1 - nu))
        ball = Ball(youngs, nu, omega, start, diffusivity=1 / (1 + x * start))
        run = ball.bench(surface=start + step, coupled=True)
        samples = sorted({*np.round(np.array(AROUND_THE_MAXIMUM) - 0.02 * coupling, 6), 0.1, 0.3})
        centre: dict[float, float] = {}
        for tau in run.bench.march(samples, 1e-6):
            centre[tau] = run.centre() / unit
            if tau in (0.1, 0.3):
                found[f"uptake_tau{tau}_th{coupling}"] = run.uptake(start, start + step)
        run.bench.destroy()
        found[f"max_sr_centre_th{coupling}"] = maximum(samples[:8], [centre[tau] for tau in samples[:8]])[1]
    return found


def ai2020() -> dict[str, float]:
    """Quasi-steady surface hoop stress [MPa] of Ai's LiCoO2 particle while it takes up and gives off lithium."""
    found: dict[str, float] = {}
    for key, sign, start in (("surface_hoop_MPa", 1, 0.015), ("extraction_surface_hoop_MPa", -1, 0.035)):
        ball = Ball(375.0, 0.2, -0.728, start, radius=3.0, diffusivity=5.387e-3, maximum_concentration=0.05)
        run = ball.bench(flux=sign * 6.87743e-6)
        late = 0.7 * ball.radius**2 / ball.diffusivity
        for _ in run.bench.march((late,), 1e-4):
            found[key] = 1e3 * run.surface_hoop()
        run.bench.destroy()
    return found
