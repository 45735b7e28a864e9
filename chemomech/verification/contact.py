"""Laws of rough contact against their formulas, and the unilateral contact of two solids: a sinusoid, a sphere."""

from dataclasses import dataclass
from typing import Any, Final

import chemomech.runtime  # noqa: F401

import numpy as np
import numpy.typing as npt
import ufl
from dolfinx import fem

from chemomech.domain import Domain
from chemomech.fields import DISPLACEMENT
from chemomech.materials import contact_laws as laws
from chemomech.materials.free_energy import Solid
from chemomech.memory import PointValues
from chemomech.physics.balance import Physics
from chemomech.physics.debonding import RESIDUAL, Joint
from chemomech.physics.mechanics import StackPressure, StressEquilibrium, rollers
from chemomech.verification import meshes
from chemomech.verification.bench import Bench, make_state, number

type Array = npt.NDArray[np.float64]

NMC: Final = (140.0, 0.3)
SULFIDE: Final = (22.0, 0.33)
"""E [GPa] and nu"""

# --- laws ---


def persson() -> dict[str, float]:
    """Share of random roughness in contact, and of lithium whose asperities yield."""
    found = {
        f"AA_p_over_Eh_{x}": float(laws.Persson(1.0, 1.0)(float(x)))
        for x in ("0.01", "0.1", "0.3", "0.5", "1.0")
    }
    modulus = laws.effective_modulus(NMC, SULFIDE)
    for key, slope in (("0p2", 0.2), ("0p05", 0.05)):
        found[f"AA_NMC_LPSCl_20MPa_h{key}"] = float(laws.Persson(modulus, slope)(0.02))
    found["AA_Li_plastic_1MPa_H2p4MPa"] = float(laws.Plastic(2.4e-3)(1e-3))
    return found


def gw_exponential() -> dict[str, float]:
    """Share of exponentially distributed asperities in contact."""
    return {"A_over_A0": float(laws.GreenwoodWilliamson(21.2745, 5.0, 0.5)(0.02))}


def unloading() -> dict[str, float]:
    """What pressing at 350 MPa leaves: shares at lower pressures, relative to that at 350 MPa."""
    loading = laws.Persson(laws.effective_modulus(NMC, SULFIDE), 0.2)
    top = float(loading(0.35))
    plain = laws.RoughContact(loading, laws.Unloading(0.5, 0.0))
    held = laws.RoughContact(loading, laws.Unloading(0.5, 0.3))
    return {
        "first_loading": float(plain.fraction(0.35, 0.0)) / top,
        "beyond_the_largest": float(plain.fraction(0.5, 0.35)) / float(loading(0.5)),
        "at_a_quarter": float(plain.fraction(0.0875, 0.35)) / top,
        "at_1_MPa": float(plain.fraction(0.001, 0.35)) / top,
        "at_nothing": float(plain.fraction(0.0, 0.35)) / top,
        "held_at_nothing": float(held.fraction(-0.1, 0.35)) / top,
        "held_at_a_quarter": float(held.fraction(0.0875, 0.35)) / top,
        "loose_at_nothing": float(held.fraction(-0.1, 0.35, adhering=0.0)) / top,
    }


# --- a sinusoid on a flat: Westergaard ---

RATIOS: Final = {"p_over_pstar_0p1": 0.1, "0p5": 0.5, "0p9": 0.9}
WAVE: Final = 1e-3
"""amplitude of the sinusoid of unit wavelength"""


def westergaard() -> dict[str, float]:
    """Share in contact: by the formula, by a Fourier solution of the half space, and by finite elements."""
    modulus = laws.effective_modulus(NMC, SULFIDE)
    law = laws.Westergaard(modulus, WAVE, 1.0)
    found: dict[str, float] = {}
    for key, ratio in RATIOS.items():
        found[f"AA_{key}"] = float(law(ratio * law.full_contact_pressure))
        found[f"AA_{key}_fourier"] = _fourier_contact(ratio * law.full_contact_pressure, modulus)
    found |= _finite_element_contact(modulus, law.full_contact_pressure)
    return found


def _fourier_contact(pressure: float, modulus: float, count: int = 4096) -> float:
    """Share in contact of an elastic half space with a rigid sinusoid under a mean pressure.

    Conjugate gradients on the pressure with the contact set changing (I. A. Polonsky and L. M. Keer, Wear 231, 206
    (1999)); a pressure wave of wave number k moves the surface by 2 p/(E* k).
    """
    x = np.arange(count) / count
    shape = WAVE * (1.0 - np.cos(2 * np.pi * x))
    wave_number = 2 * np.pi * np.fft.rfftfreq(count, 1.0 / count)
    compliance = np.zeros_like(wave_number)
    compliance[1:] = 2.0 / (modulus * wave_number[1:])

    def moved(load: Array) -> Array:
        return np.asarray(np.fft.irfft(compliance * np.fft.rfft(load), count))

    load, direction = np.full(count, pressure), np.zeros(count)
    norm, restart = 1.0, 0.0
    for _ in range(2000):
        touching = load > 0.0
        gap = moved(load) + shape
        gap -= gap[touching].mean()
        squared = float(np.sum(gap[touching] ** 2))
        direction = np.where(touching, gap + restart * squared / norm * direction, 0.0)
        norm = squared
        answer = moved(direction)
        answer -= answer[touching].mean()
        step = float(gap[touching] @ direction[touching] / (answer[touching] @ direction[touching]))
        before = load.copy()
        load = np.where(touching, load - step * direction, load)
        load = np.maximum(load, 0.0)
        overlap = (load == 0.0) & (gap < 0.0)
        restart = 0.0 if overlap.any() else 1.0
        load[overlap] -= step * gap[overlap]
        load *= pressure / load.mean()
        if np.abs(load - before).sum() < 1e-10 * load.sum():
            break
    return float(np.mean(load > 0.0))


def _finite_element_contact(modulus: float, full: float) -> dict[str, float]:
    """Share in contact of two blocks, half a wave wide, pressed together by the project's own contact."""
    x = np.linspace(0.0, 0.5, 41)
    near = meshes.graded(0.0, 1.0, 14, 12.0)
    domain = meshes.grid(
        "plane strain", x, np.concatenate([1.0 - near[::-1], 1.0 + near[1:]]), {"below": 1.0, "above": 2.0}
    )
    place = ufl.SpatialCoordinate(domain.mesh)[0]
    gap = WAVE * (1.0 - ufl.cos(2 * np.pi * place))
    pair = Pair.of(domain, gap, 1000.0 * modulus, ("left", "right", "bottom"))
    found: dict[str, float] = {}
    for key, ratio in RATIOS.items():
        pair.press(ratio * full)
        found[f"AA_{key}_finite_elements"] = pair.touching(1e-3 * full) / 0.5
    found["overlap_over_amplitude"] = pair.overlap() / WAVE
    pair.bench.destroy()
    return found


@dataclass(frozen=True)
class Pair:
    """Two elastic bodies, NMC above and sulfide below, that press on each other without a bond."""

    bench: Bench
    joint: Joint
    pressure: Any
    moved: Any
    """displacement of the far end of the upper body, where that is driven [um]"""

    @classmethod
    def of(
        cls, domain: Domain, gap: Any, stiffness: float, walls: tuple[str, ...], driven: bool = False
    ) -> "Pair":
        """Return the two bodies with a given gap between their faces; pressed, or driven towards each other."""
        names = {"below": SULFIDE, "above": NMC}
        solids = {
            name: Solid(*(number(domain, value) for value in elastic)) for name, elastic in names.items()
        }
        joint = Joint(
            "above",
            "below",
            number(domain, stiffness),
            residual_stiffness=1e-12 if driven else RESIDUAL,
            gap=gap("+"),
        )
        pressure, moved = number(domain, 0.0), number(domain, 0.0)
        parts = [DISPLACEMENT.on([name]) for name in names]
        state = make_state(domain, dict.fromkeys(names, "inert"), parts, dict.fromkeys(parts, 2))
        physics: list[Physics] = [StressEquilibrium(solids), StackPressure("top", pressure), joint]
        conditions = rollers(state, walls)
        if driven:
            upper = state.unknowns[state.field_in(DISPLACEMENT, "above")]
            facets = domain.facets_in(upper.support, domain.facet_boundary["top"])
            dofs = fem.locate_dofs_topological(upper.space.sub(1), 1, facets)
            conditions.append(fem.dirichletbc(moved, dofs, upper.space.sub(1)))
        return cls(Bench(state, physics, conditions=conditions), joint, pressure, moved)

    def press(self, pressure: float) -> None:
        """Press the upper body down."""
        self.pressure.value = pressure
        self.bench.solve()

    def approach(self, distance: float) -> None:
        """Move the far end of the upper body down by a distance."""
        self.moved.value = -distance
        self.bench.solve()

    def force(self) -> float:
        """Force between the bodies [mN]."""
        return self._read("force", self.joint.pressure(self.bench.state))

    def touching(self, least: float) -> float:
        """Area under more than a pressure [um^2]; of a wedge of one radian where axisymmetric."""
        area = ufl.conditional(ufl.gt(self.joint.pressure(self.bench.state), least), 1.0, 0.0)
        return self._read(f"touching {least}", area)

    def overlap(self) -> float:
        """Mean overlap of the two faces where they touch [um]."""
        return self.force() / float(self.joint.stiffness.value) / self.touching(0.0)

    def highest_pressure(self) -> float:
        """Largest contact pressure at an integration point [GPa]."""
        pressure = self.joint.pressure(self.bench.state)
        domain = self.bench.domain
        points = PointValues(
            domain, pressure, self.joint.name, lambda f: fem.form(f, entity_maps=domain.entity_maps)
        )
        return float(max(domain.comm.allgather(float(np.max(points.evaluate(), initial=0.0)))))

    def _read(self, name: str, integrand: Any) -> float:
        domain = self.bench.domain
        return self.bench.read(name, lambda: domain.on_interface(integrand, ["above"], ["below"]))


# --- a sphere on a flat: Hertz ---

RADIUS: Final = 5.0
FORCE: Final = 0.1
"""1e-4 N [GPa um^2 = 1e-3 N]"""
CONDUCTIVITY: Final = 200.0
"""0.2 S/m on both sides [nA/(V um)]"""
FAR: Final = 100.0
"""size of the bodies in contact radii"""


def hertz() -> dict[str, float]:
    """Contact radius, approach, peak pressure and stiffness of an NMC sphere on sulfide; its constriction twice."""
    modulus = laws.effective_modulus(NMC, SULFIDE)
    radius = float(np.cbrt(3 * FORCE * RADIUS / (4 * modulus)))  # sizes the mesh only
    inner = np.linspace(0.0, 1.4 * radius, 46)
    r = np.concatenate([inner, meshes.graded(1.4 * radius, FAR * radius, 22, 150.0)[1:]])
    depth = meshes.graded(0.0, FAR * radius, 26, 800.0)
    top = FAR * radius
    domain = meshes.grid(
        "axisymmetric",
        r,
        np.concatenate([top - depth[::-1], top + depth[1:]]),
        {"below": top, "above": 2 * top},
    )
    place = ufl.SpatialCoordinate(domain.mesh)[0]
    pair = Pair.of(domain, place**2 / (2 * RADIUS), 4e3 * modulus / radius, ("axis", "bottom"), True)
    approach, forces = radius**2 / RADIUS, []
    for _ in range(4):  # the force is proportional to approach^1.5, but for the finite size of the bodies
        pair.approach(approach)
        approach *= (FORCE / pair.force()) ** (2 / 3)
    for share in (0.99, 1.01, 1.0):
        pair.approach(share * approach)
        forces.append(pair.force())
    stiffness = (forces[1] - forces[0]) / (0.02 * approach)
    found = float(np.sqrt(pair.touching(1e-3) / np.pi))
    peak = pair.highest_pressure()
    pair.bench.destroy()
    rho = 1.0 / CONDUCTIVITY
    return {
        "Estar_GPa": modulus,
        "a_nm": 1e3 * found,
        "delta_nm": 1e3 * approach,
        "p0_GPa": peak,
        "stiff": 1e3 * stiffness,
        "R_holm_ohm_sigma0p2": 1e9 * laws.holm_resistance(CONDUCTIVITY, found),
        "R_barber": 1e9 * laws.barber_resistance(modulus, (rho, rho), stiffness),
    }
