"""Interfaces that break: work of separation, a double cantilever, a contracting sphere, scales of the bond."""

from dataclasses import dataclass
from typing import Any, Final

import chemomech.runtime  # noqa: F401

import numpy as np
import numpy.typing as npt
import ufl
from dolfinx import fem

from chemomech.domain import Domain
from chemomech.fields import CONCENTRATION, DISPLACEMENT
from chemomech.materials import contact_laws as laws
from chemomech.materials.free_energy import Solid
from chemomech.memory import Memories, PointValues
from chemomech.physics.balance import Physics
from chemomech.physics.debonding import Bond, Joint
from chemomech.physics.mechanics import StressEquilibrium, rollers
from chemomech.verification import meshes
from chemomech.verification.bench import Bench, make_state, number
from chemomech.verification.contact import NMC, SULFIDE

type Array = npt.NDArray[np.float64]
type Held = list[tuple[str, str, int | None]]


@dataclass(frozen=True)
class Halves:
    """Two bodies with a joint, one of them driven."""

    bench: Bench
    joint: Joint
    memories: Memories
    moved: Any
    """displacement of what is driven [um], a vector, or a swelling"""

    @classmethod
    def of(
        cls,
        domain: Domain,
        solids: dict[str, Solid],
        bond: Bond,
        stiffness: float,
        held: "Held",
        walls: tuple[str, ...] = (),
        concentration: Any = None,
    ) -> "Halves":
        """``held``: boundary, region and component that is held there (None: all); the last one is driven."""
        plus, minus = solids
        joint = Joint(plus, minus, number(domain, stiffness), bond, residual_stiffness=1e-12)
        parts = [DISPLACEMENT.on([name]) for name in solids]
        state = make_state(
            domain, dict.fromkeys(solids, "inert"), parts, dict.fromkeys(parts, 2), [joint.memory]
        )
        if concentration is not None:
            state.value[CONCENTRATION] = concentration
        conditions, moved = rollers(state, walls), number(domain, 0.0)
        for name, region, component in held:
            unknown = state.unknowns[state.field_in(DISPLACEMENT, region)]
            facets = domain.facets_in(unknown.support, domain.facet_boundary[name])
            moved = fem.Constant(domain.mesh, np.zeros(domain.dimension))
            space = unknown.space
            if component is not None:
                space, moved = space.sub(component), number(domain, 0.0)
            dofs = fem.locate_dofs_topological(space, domain.dimension - 1, facets)
            conditions.append(fem.dirichletbc(moved, dofs, space))
        physics: list[Physics] = [StressEquilibrium(solids), joint]
        bench = Bench(state, physics, conditions=conditions)
        memories = Memories(state, joint.remembered(state), bench.problem.compile)
        return cls(bench, joint, memories, moved)

    def advance(self) -> None:
        """Solve, and remember the damage."""
        self.bench.solve()
        self.memories.advance()

    def integral(self, name: str, integrand: Any) -> float:
        """Integrate over the joint; compiled once per name."""
        plus, minus = self.joint.plus, self.joint.minus
        return self.bench.read(name, lambda: self.bench.domain.on_interface(integrand, [plus], [minus]))

    def traction(self, component: int) -> float:
        """Force that the first side needs against the pull of the other, integrated [mN]."""
        return self.integral(f"traction {component}", self.joint.traction(self.bench.state)[component])

    def damage(self) -> tuple[float, float]:
        """Smallest and largest damage over all points."""
        mine = self.memories.values(self.joint.memory)
        parts = self.bench.domain.comm.allgather((np.min(mine, initial=2.0), np.max(mine, initial=-1.0)))
        return float(min(part[0] for part in parts)), float(max(part[1] for part in parts))


def bond_of(domain: Domain, strength: float, energy: float, ratio: float = 1.0) -> Bond:
    """Return a bond of constants."""
    return Bond(number(domain, strength), number(domain, energy), number(domain, ratio))


def solid_of(domain: Domain, elastic: tuple[float, float]) -> Solid:
    """Return an elastic solid of constants."""
    return Solid(number(domain, elastic[0]), number(domain, elastic[1]))


# --- work of separation, unloading, contact found again ---

STRENGTH: Final = 0.05
ENERGY: Final = 1e-3
SHEAR: Final = 0.7
BLOCK_STIFFNESS: Final = 1000.0


def separation() -> dict[str, float]:
    """Work until two blocks are apart, in opening and in sliding; unloading on the way; pressed together after."""
    found: dict[str, float] = {}
    for mode, component in (("opening", 1), ("sliding", 0)):
        lines = np.linspace(0.0, 1.0, 5)
        domain = meshes.grid("plane strain", lines, np.linspace(0.0, 1.0, 5), {"below": 0.5, "above": 1.0})
        solids = {name: solid_of(domain, pair) for name, pair in (("above", NMC), ("below", SULFIDE))}
        bond = bond_of(domain, STRENGTH, ENERGY, SHEAR)
        held: Held = [("bottom", "below", None), ("top", "above", None)]
        pair = Halves.of(domain, solids, bond, BLOCK_STIFFNESS, held)
        work, last, before = 0.0, 0.0, 0.0
        end = 2 * ENERGY / STRENGTH * (1.5 if mode == "opening" else 2.0)
        peak = 0.0
        for distance in end * np.linspace(0.0, 1.0, 121)[1:]:
            pair.moved.value[component] = distance
            pair.advance()
            force = pair.traction(component)
            work += 0.5 * (force + last) * (distance - before)
            peak = max(peak, force)
            last, before = force, float(distance)
        found[f"work_of_{mode}_over_Gc"] = float(work / ENERGY)
        found[f"peak_in_{mode}_over_strength"] = float(
            peak / (STRENGTH * (1.0 if mode == "opening" else SHEAR))
        )
        if mode == "opening":
            found |= _pressed_again(pair)
        pair.bench.destroy()
    found |= _half_way()
    return found


def _pressed_again(pair: Halves) -> dict[str, float]:
    # The blocks are apart: they carry nothing until they meet, then pressure only.
    moved = pair.moved.value
    moved[1] = 0.01
    pair.advance()
    apart = pair.traction(1)
    moved[1] = -0.002
    pair.advance()
    pressure = -pair.traction(1)
    overlap = -pair.integral("opening", pair.joint.opening(pair.bench.state))
    return {
        "carried_when_apart_over_strength": apart / STRENGTH,
        "overlap_times_K_over_pressure": overlap * BLOCK_STIFFNESS / pressure,
    }


def _half_way() -> dict[str, float]:
    # Half of the bond broken, then relaxed: the traction goes back to nothing on a straight line to the origin.
    domain = meshes.grid(
        "plane strain", np.linspace(0, 1, 3), np.linspace(0, 1, 3), {"below": 0.5, "above": 1.0}
    )
    solids = {name: solid_of(domain, (1e4, 0.0)) for name in ("above", "below")}
    held: Held = [("bottom", "below", None), ("top", "above", None)]
    pair = Halves.of(domain, solids, bond_of(domain, STRENGTH, ENERGY), BLOCK_STIFFNESS, held)
    forces = []
    final = 2 * ENERGY / STRENGTH
    for share in (0.5, 0.25, 0.1, 0.5):
        pair.moved.value[1] = share * final
        pair.advance()
        forces.append(pair.traction(1) / STRENGTH)
    pair.bench.destroy()
    return {
        "unloading_to_half": forces[1] / forces[0],
        "unloading_to_a_fifth": forces[2] / forces[0],
        "loading_again": forces[3] / forces[0],
    }


# --- scales ---


def lengths() -> dict[str, float]:
    """Final opening and length of the cohesive zone of a bond in sulfide."""
    youngs, nu = SULFIDE
    bond = Bond(0.05, 1e-3, 1.0)
    return {
        "delta_f_um": float(bond.final_opening()),
        "l_cz_um": laws.cohesive_length(youngs / (1 - nu**2), 1e-3, 0.05),
    }


# --- a double cantilever ---

BEAM: Final = {"E": 200.0, "h": 1.0, "a": 20.0, "Gc": 1e-4}
"""E [GPa], height of an arm and crack length [mm], fracture energy [GPa mm]: here the unit of length is 1 mm"""
BEAM_STRENGTH: Final = 0.02
PLUS: Final = 0.67
"""a crack acts as if it were longer by this share of the height: shear and rotation at its root"""


def cantilever() -> dict[str, float]:
    """Force and opening when the crack of a double cantilever has grown, corrected to a = 20 mm; initial stiffness.

    The compliance tells the crack length a_e that the arms act as if they had; in steady growth P a_e = sqrt(Gc b E I).
    """
    youngs, height, crack, energy = BEAM["E"], BEAM["h"], BEAM["a"], BEAM["Gc"]
    grown = 1.25 * crack
    x = np.concatenate(
        [
            np.linspace(0.0, 0.9 * crack, 10),
            np.linspace(0.9 * crack, grown, 57)[1:],
            [1.35 * crack, 1.5 * crack],
        ]
    )
    y = height * np.array([-1.0, -0.5, 0.0, 0.5, 1.0])
    domain = meshes.grid("plane strain", x, y, {"below": 0.0, "above": height})
    place = ufl.SpatialCoordinate(domain.mesh)[0]("+")
    solids = {name: solid_of(domain, (youngs, 0.0)) for name in ("above", "below")}
    held: Held = [("right", "below", 0), ("left", "below", 1), ("left", "above", 1)]
    pair = Halves.of(domain, solids, bond_of(domain, BEAM_STRENGTH, energy), 2e4, held)
    cracked = PointValues(
        domain, ufl.conditional(ufl.lt(place, crack), 1.0, 0.0), pair.joint.name, pair.bench.problem.compile
    )
    pair.bench.state.memory[pair.joint.memory].x.array[:] = cracked.evaluate()
    inertia = height**3 / 12  # per depth

    def loaded(opening: float) -> tuple[float, float]:
        """Force per depth [GPa mm] at an opening, and the crack length that the compliance tells [mm]."""
        pair.moved.value = opening
        pair.advance()
        force = pair.traction(1)
        return force, float(np.cbrt(3 * youngs * inertia * opening / (2 * force)))

    upper = pair.bench.state.unknowns[pair.bench.state.field_in(DISPLACEMENT, "above")].function
    bent = 0.01  # begins bent open: from closed faces Newton would have to find out which of them touch
    upper.interpolate(lambda x: np.stack([0.0 * x[0], bent * np.maximum(1.0 - x[0] / crack, 0.0) ** 2]))
    force, _ = loaded(bent)
    stiffness = force / bent * (1 + PLUS * height / crack) ** 3
    steady = []
    for opening in np.concatenate([np.linspace(0.1, 0.6, 6), np.linspace(0.62, 0.94, 17)]):
        force, length = loaded(float(opening))
        if opening > 0.89:  # the cohesive zone has left its place at the start
            steady.append((force * length / crack, opening * (crack / length) ** 2))
    pair.bench.destroy()
    force, opening = np.mean(np.array(steady), axis=0)
    # 1 GPa mm = 1e6 N/m; the beam is 1 mm deep
    return {"P_N": float(force) * 1e3, "delta_m": float(opening) * 1e-3, "stiff": float(stiffness * 1e6)}


# --- a sphere that contracts in a body to which it is bonded ---

CONTRACTIONS: Final = {"7pct": 0.07, "5p1pct": 0.051, "2pct": 0.02, "1p2pct": 0.012}
"""volume strain; 5.1 % and 1.2 % are NCM811 and NCM111 (Kondrakov et al., J. Phys. Chem. C 121, 3286 (2017))"""
NEAR: Final = {"below": 0.9, "above": 1.15}
"""radii that are run, in the critical one"""
FIRMNESS: Final = 0.95
"""strength in the traction that the bonded sphere pulls with: without it no energy could start the opening"""


def sphere() -> dict[str, float]:
    """Pull of a bonded, contracting sphere, its critical radius, and the damage on both sides of it.

    A sphere that is open by g pulls with p - S g, S = p/(a e*). Its bond of strength f p has lost the share D of it at
    delta_0 + D (delta_f - delta_0): it comes to rest at D = (p - f p - S delta_0)/(S (delta_f - delta_0) - f p).
    Where S delta_f < f p, that is from a = a_c/f on, it cannot, and comes off.
    """
    found: dict[str, float] = {}
    for key, volume_strain in CONTRACTIONS.items():
        strain = volume_strain / 3
        radius = _critical_radius(strain)
        for side, share in NEAR.items():
            if side == "above" and key not in ("5p1pct", "1p2pct"):
                continue
            pull, damage = _contract(share * radius, strain)
            if side == "below":
                found[f"p_MPa_dV{key}"] = 1e3 * pull
                found[f"ac_um_dV{key}"] = 2 * ENERGY_SPHERE / (pull * strain)
            if key in ("5p1pct", "1p2pct"):
                found[f"damage_{side}_dV{key}"] = damage
    return found


ENERGY_SPHERE: Final = 1e-3


def _critical_radius(strain: float) -> float:
    """2 Gamma/(p |e*|) with Lame's p = |e*|/((1 - 2 nu_i)/E_i + (1 + nu_m)/(2 E_m)) [um]."""
    return 2 * ENERGY_SPHERE / (_pull(strain) * strain)


def _pull(strain: float) -> float:
    (inside, nu_i), (outside, nu_m) = NMC, SULFIDE
    return strain / ((1 - 2 * nu_i) / inside + (1 + nu_m) / (2 * outside))


def _contract(radius: float, strain: float) -> tuple[float, float]:
    """Largest pull on the bond while a sphere contracts [GPa], and the damage when it has contracted."""
    domain = meshes.sphere(
        {
            "ball": radius * meshes.graded(0.0, 1.0, 4, 1.0),
            "body": radius * meshes.graded(1.0, 30.0, 24, 60.0),
        },
        angles=4,
    )
    lithium = number(domain, 0.0)
    ball = Solid(
        number(domain, NMC[0]),
        number(domain, NMC[1]),
        swelling=lambda theta: -3 * theta,
        maximum_concentration=number(domain, 1.0),
        stress_free_stoichiometry=number(domain, 0.0),
    )
    solids = {"ball": ball, "body": solid_of(domain, SULFIDE)}
    expected = _pull(strain)
    strength = number(domain, FIRMNESS * expected)
    # damage that lags behind lets the sphere come off step by step
    bond = Bond(strength, number(domain, ENERGY_SPHERE), number(domain, 1.0), number(domain, 1.0))
    # stiff enough that the bond is no gap of its own before it yields
    pair = Halves.of(
        domain,
        solids,
        bond,
        500.0 * (FIRMNESS * expected) ** 2 / (2 * ENERGY_SPHERE),
        [],
        ("axis", "bottom"),
        lithium,
    )
    area = domain.interface_area(["ball"], ["body"])
    pulls = []  # per share of the contraction
    for share in (0.5, 0.9, 0.95, *np.linspace(0.96, 1.0, 5), *np.ones(25)):
        lithium.value = share * strain
        pair.bench.state.step.value = 9.0
        pair.advance()
        if share < FIRMNESS:  # still bonded: the pull is proportional to the contraction
            pulls.append(pair.integral("pull", pair.joint.normal_traction(pair.bench.state)) / area / share)
    _, damage = pair.damage()
    pair.bench.destroy()
    return float(pulls[-1]), damage
