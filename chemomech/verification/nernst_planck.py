"""A manufactured solution of the transient Poisson-Nernst-Planck system across two unlike media.

On one half of the square a cation moves among vacancies of a fixed background, on the other a cation and an anion of
finite size.  What the exact potentials leave in the strong form of each balance is added as a source; the strong
form is written here from the equations, not taken from the physics under test.
"""

from typing import Any, Final

import chemomech.runtime  # noqa: F401

import numpy as np
import ufl

from chemomech.constants import FARADAY, GAS
from chemomech.domain import Domain
from chemomech.fields import ELECTRIC_POTENTIAL, IONIC_POTENTIAL, Field, ion_concentration
from chemomech.physics.balance import source
from chemomech.physics.space_charge import Ion, Medium, SpaceCharge
from chemomech.verification.bench import NOTHING, Bench, fields_of, make_state, number
from chemomech.verification.manufactured import Exact, at_rest, distance, order, square, walls

LATTICE: Final = "lattice"
SOLUTION: Final = "solution"
ROLES: Final = {LATTICE: "electrolyte", SOLUTION: "electrolyte"}
ANION_POTENTIAL: Final = Field("anion_potential", f"regions:{SOLUTION}", "V", 1.0, "elliptic")
ELECTRIC: Final = ELECTRIC_POTENTIAL.on(ROLES)
TEMPERATURE: Final = 300.0
STEP: Final = 0.02
"""the one time step, whose rates the source knows [s]"""
MU: Final = {LATTICE: 0.02, SOLUTION: -0.01}
EPSILON: Final = {LATTICE: 0.3, SOLUTION: 0.8}
IONS: Final = {
    (LATTICE, 1): (0.004, 0.6, 0.5),
    (SOLUTION, 1): (0.003, 0.2, 0.3),
    (SOLUTION, -1): (0.003, 0.3, 0.7),
}
"""c0, share of the sites, conductivity"""


def electric(t: float) -> Exact:
    """Electric potential [V]."""
    return lambda x, m: 0.03 * m.sin(2 * x[0] + x[1]) + t * 0.5 * m.cos(x[0] * x[1])


def cation(t: float) -> Exact:
    """Electrochemical potential of the cation [V]."""
    return lambda x, m: 0.02 * m.cos(x[0] - 2 * x[1]) - t * 0.4 * m.sin(x[0] + x[1])


def anion(t: float) -> Exact:
    """Electrochemical potential of the anion [V]."""
    return lambda x, m: 0.02 * m.cos(2 * x[0] + x[1]) + t * 0.3 * x[0] * m.cos(x[1])


class Strong:
    """The exact fields at a time, their fluxes and concentrations in each half, as UFL expressions."""

    def __init__(self, domain: Domain, t: float) -> None:
        x = ufl.SpatialCoordinate(domain.mesh)
        self.phi = electric(t)(x, ufl)
        self.of = {1: cation(t)(x, ufl), -1: anion(t)(x, ufl)}

    def activity(self, region: str, charge: int) -> Any:
        """exp(y)."""
        mu = MU[region] if charge == 1 else 0.0
        return ufl.exp(charge * FARADAY / (GAS * TEMPERATURE) * (self.of[charge] - self.phi - mu))

    def room(self, region: str) -> Any:
        """Bulk's share of empty sites over the share here."""
        taken = [(share, z) for (name, z), (_, share, _) in IONS.items() if name == region]
        return (
            sum(share * self.activity(region, z) for share, z in taken) + 1 - sum(share for share, _ in taken)
        )

    def concentration(self, region: str, charge: int) -> Any:
        """[pmol/um^3]."""
        return IONS[region, charge][0] * self.activity(region, charge) / self.room(region)

    def current(self, region: str, charge: int) -> Any:
        """Of one ion [nA/um^2]."""
        power = 2 if region == LATTICE else 1
        kappa = IONS[region, charge][2] * self.activity(region, charge) / self.room(region) ** power
        return -kappa * ufl.grad(self.of[charge])

    def displacement(self, region: str) -> Any:
        """-eps grad phi [nC/um^2]."""
        return -EPSILON[region] * ufl.grad(self.phi)


def orders() -> dict[str, float]:
    """Orders of potentials and concentrations, in L2."""
    sizes = (8, 16, 32)
    errors = [_errors(count) for count in sizes]
    return {f"order_{name}": order(sizes, [one[name] for one in errors]) for name in errors[0]}


def _physics(domain: Domain) -> SpaceCharge:
    fields = {1: IONIC_POTENTIAL, -1: ANION_POTENTIAL}

    def ion(region: str, z: int) -> Ion:
        c0, share, kappa = (number(domain, value) for value in IONS[region, z])
        mu = number(domain, MU[region] if z == 1 else 0.0)
        name = "cation" if z == 1 else "anion"
        return Ion(fields[z], ion_concentration(region, IONS[region, z][0], name), z, c0, share, kappa, mu)

    media = {
        name: Medium(
            ELECTRIC,
            number(domain, EPSILON[name]),
            tuple(ion(*key) for key in IONS if key[0] == name),
            vacancies=name == LATTICE,
        )
        for name in ROLES
    }
    return SpaceCharge(media, number(domain, TEMPERATURE))


def _errors(count: int) -> dict[str, float]:
    domain = square(count, list(ROLES))
    physics = _physics(domain)
    state = make_state(domain, ROLES, fields_of([physics]))
    before, now = Strong(domain, 0.0), Strong(domain, STEP)
    normal = ufl.FacetNormal(domain.mesh)("+")
    extra = []
    for region, medium in physics.media.items():
        charge = FARADAY * sum(
            i.charge * (now.concentration(region, i.charge) - i.bulk_concentration) for i in medium.ions
        )
        extra.append(source(state, ELECTRIC, ufl.div(now.displacement(region)) - charge, [region]))
        for one in medium.ions:
            z = one.charge
            rate = (now.concentration(region, z) - before.concentration(region, z)) / STEP
            balance = z * FARADAY * rate + ufl.div(now.current(region, z))
            extra.append(source(state, one.potential, balance, [region]))
    jumps = {
        ELECTRIC: now.displacement(LATTICE) - now.displacement(SOLUTION),
        IONIC_POTENTIAL: now.current(LATTICE, 1) - now.current(SOLUTION, 1),
    }
    for item, jump in jumps.items():
        defect = ufl.inner(jump("+"), normal) * state.test[item]("+")
        extra.append(domain.on_interface(defect, [LATTICE], [SOLUTION]))
    extra.append(
        -domain.on_interface(
            ufl.inner(now.current(SOLUTION, -1)("+"), normal) * state.test[ANION_POTENTIAL]("-"),
            [LATTICE],
            [SOLUTION],
        )
    )
    everything = {
        ELECTRIC: (electric, (0.0, 1.0)),
        IONIC_POTENTIAL: (cation, (0.0, 1.0)),
        ANION_POTENTIAL: (anion, (1.0,)),
    }
    conditions = []
    for item, (exact, ends) in everything.items():
        state.unknowns[item].function.x.array[:] = at_rest(state, item, [exact(0.0)]).x.array
        conditions.append(walls(state, item, [exact(STEP)], ends))
    for region, medium in physics.media.items():
        for one in medium.ions:
            _fill(state, before, region, one)
    bench = Bench(state, [physics], extra=extra, conditions=conditions)
    bench.scheme.restart(0.0, NOTHING)
    bench.scheme.begin(STEP)
    bench.solve()
    found = {
        "electric_potential": distance(bench, ELECTRIC, now.phi, list(ROLES)),
        "ionic_potential": distance(bench, IONIC_POTENTIAL, now.of[1], list(ROLES)),
        "anion_potential": distance(bench, ANION_POTENTIAL, now.of[-1], [SOLUTION]),
    }
    for (region, z), one in {(r, i.charge): i for r, m in physics.media.items() for i in m.ions}.items():
        name = f"{'cation' if z == 1 else 'anion'}_{region}"
        found[name] = distance(bench, one.concentration, now.concentration(region, z), [region])
    bench.destroy()
    return found


def _fill(state: Any, before: Strong, region: str, ion: Ion) -> None:
    # The concentration at the start: the definition at the nodes, from the nodal potentials.
    unknown = state.unknowns[ion.concentration]
    x = unknown.space.tabulate_dof_coordinates().T
    values = {1: cation(0.0)(x, np), -1: anion(0.0)(x, np)}
    phi = electric(0.0)(x, np)
    room: Any = 1.0
    for (name, z), (_, share, _) in IONS.items():
        if name == region:
            room = room + share * (np.exp(_y(values[z], phi, region, z)) - 1)
    unknown.function.x.array[:] = (
        IONS[region, ion.charge][0] * np.exp(_y(values[ion.charge], phi, region, ion.charge)) / room
    )


def _y(potential: Any, phi: Any, region: str, z: int) -> Any:
    mu = MU[region] if z == 1 else 0.0
    return z * FARADAY / (GAS * TEMPERATURE) * (potential - phi - mu)
