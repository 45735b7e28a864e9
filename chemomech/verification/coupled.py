"""A manufactured solution of the whole coupled system across a charge-transfer interface of unlike materials.

Exact fields are chosen; what they leave in the strong form of each balance, in the bulk and at the interface, is
added as a source. The strong form is written here from the equations, not taken from the physics under test.
"""

from collections.abc import Callable
from typing import Any, Final

import ufl

from chemomech.constants import FARADAY, GAS
from chemomech.domain import Domain
from chemomech.fields import (
    CELL_VOLTAGE,
    CHEMICAL_POTENTIAL,
    CONCENTRATION,
    DISPLACEMENT,
    ELECTRONIC_POTENTIAL,
    IONIC_POTENTIAL,
    Field,
    State,
)
from chemomech.materials.free_energy import Solid
from chemomech.materials.kinetics import Kinetics
from chemomech.physics.balance import Physics, source
from chemomech.physics.charge_transfer import ChargeTransfer
from chemomech.physics.conduction import Conduction
from chemomech.physics.lithium_transport import Host, LithiumTransport
from chemomech.physics.mechanics import StressEquilibrium
from chemomech.verification.bench import NOTHING, Bench, fields_of, idle, make_state, number
from chemomech.verification.manufactured import Exact, at_rest, distance, order, square, walls

A: Final = "electrode"
B: Final = "electrolyte"
ROLES: Final = {A: "active", B: "electrolyte"}
STEP: Final = 0.1
"""the one time step; all exact fields are linear in time, so that it adds no error"""


C_MAX: Final = 2.0
MODULI: Final = {A: (1000.0, 0.3), B: (400.0, 0.2)}
SIGMA: Final = 100.0
KAPPA: Final = 40.0
EXCHANGE: Final = 30.0
ALPHA: Final = (0.4, 0.6)
CAPACITANCE: Final = 8.0
STRAIN: Final = 0.3
VELOCITY: Final = (0.4, -0.3)
TEMPERATURE: Final = 300.0
FREE: Final = 0.4


def concentration(t: float) -> Exact:
    """Lithium [pmol/um^3]."""
    return lambda x, m: 1.0 + 0.3 * m.sin(2 * x[0] + x[1]) + t * 0.4 * m.cos(x[0] - x[1])


def chemical(t: float) -> Exact:
    """Chemical potential [V]."""
    return lambda x, m: 0.3 + 0.05 * m.cos(2 * x[0]) * x[1]


def electronic(t: float) -> Exact:
    """Potential of electrons [V]."""
    return lambda x, m: 0.5 + 0.04 * m.sin(3 * x[0] * x[1]) + t * 0.02 * x[1]


def ionic(t: float) -> Exact:
    """Potential of ions [V]."""
    return lambda x, m: 0.17 + 0.05 * m.sin(2 * x[0]) * m.cos(x[1]) - t * 0.03 * x[0] * x[1]


DISPLACEMENTS: Final[tuple[Exact, Exact]] = (
    lambda x, m: 0.02 * m.sin(2 * x[0]) * m.cos(x[1]),
    lambda x, m: 0.02 * m.cos(x[0]) * m.sin(2 * x[1]),
)


def potential(theta: Any) -> Any:
    """U(theta) [V]."""
    return 0.5 - 0.3 * theta - 0.1 * theta**2


def swelling(theta: Any) -> Any:
    """Volumetric strain of the lattice."""
    return 0.05 * theta + 0.04 * theta**2


def diffusivity(theta: Any) -> Any:
    """D(theta) [um^2/s]."""
    return 1.0 + 0.5 * theta


class Strong:
    """The exact fields at a time, their fluxes, rates and stress, as UFL expressions; strong forms."""

    def __init__(self, domain: Domain, t: float) -> None:
        x = ufl.SpatialCoordinate(domain.mesh)
        self.c, self.w = concentration(t)(x, ufl), chemical(t)(x, ufl)
        self.electronic, self.ionic = electronic(t)(x, ufl), ionic(t)(x, ufl)
        self.displacement = ufl.as_vector([f(x, ufl) for f in DISPLACEMENTS])
        one, zero = 1.0, 0.0
        self.c_rate = concentration(one)(x, ufl) - concentration(zero)(x, ufl)
        self.drop_rate = (electronic(one)(x, ufl) - electronic(zero)(x, ufl)) - (
            ionic(one)(x, ufl) - ionic(zero)(x, ufl)
        )
        self.theta = self.c / C_MAX
        slope = 0.3 + 0.2 * self.theta  # -dU/d theta
        advected = self.c * ufl.as_vector(VELOCITY)
        self.lithium_flux = diffusivity(self.theta) * C_MAX / slope * ufl.grad(self.w) + advected
        self.electrons = -SIGMA * ufl.grad(self.electronic)
        self.ions = -KAPPA * ufl.grad(self.ionic)
        e = ufl.sym(ufl.grad(self.displacement))
        self.strain = ufl.as_tensor([[e[0, 0], e[0, 1], 0], [e[1, 0], e[1, 1], 0], [0, 0, 0]])

    def stress(self, region: str) -> Any:
        """Hooke's law [GPa], 3 x 3."""
        youngs, nu = MODULI[region]
        elastic = self.strain
        if region == A:
            elastic = elastic - (swelling(self.theta) - swelling(FREE)) / 3 * ufl.Identity(3)
        first, shear = youngs * nu / ((1 + nu) * (1 - 2 * nu)), youngs / (2 * (1 + nu))
        return first * ufl.tr(elastic) * ufl.Identity(3) + 2 * shear * elastic

    def force(self, region: str) -> Any:
        """-div sigma in the plane."""
        s = self.stress(region)
        return -ufl.as_vector([s[i, 0].dx(0) + s[i, 1].dx(1) for i in (0, 1)])

    def current(self) -> Any:
        """Faradaic current density at the interface [nA/um^2]."""
        f = FARADAY / (GAS * TEMPERATURE)
        eta = self.electronic - self.ionic - self.w + STRAIN * ufl.tr(self.strain)
        i0 = 2 * EXCHANGE * ufl.sqrt(self.theta * (1 - self.theta))
        return i0 * (ufl.exp(ALPHA[0] * f * eta) - ufl.exp(-ALPHA[1] * f * eta))

    def equilibrium(self) -> Any:
        """What the chemical potential would be by its definition: U + (ds/dc) sigma_h/F [V]."""
        expansion = (0.05 + 0.08 * self.theta) / C_MAX
        return potential(self.theta) + expansion * ufl.tr(self.stress(A)) / 3 / FARADAY


def _solids(domain: Domain) -> dict[str, Solid]:
    youngs, poisson = ({name: number(domain, MODULI[name][k]) for name in ROLES} for k in (0, 1))
    return {
        A: Solid(
            youngs[A],
            poisson[A],
            swelling=swelling,
            maximum_concentration=number(domain, C_MAX),
            stress_free_stoichiometry=number(domain, FREE),
        ),
        B: Solid(youngs[B], poisson[B]),
    }


def _physics(domain: Domain) -> list[Physics]:
    solids, temperature = _solids(domain), number(domain, TEMPERATURE)
    host = Host(number(domain, C_MAX), potential, diffusivity, solids[A])
    kinetics = Kinetics(number(domain, EXCHANGE), *ALPHA, temperature, stoichiometry_dependent=True)
    return [
        LithiumTransport(
            {A: host}, temperature, "thermodynamic", ufl.as_vector([number(domain, v) for v in VELOCITY])
        ),
        Conduction(ELECTRONIC_POTENTIAL, {A: number(domain, SIGMA)}),
        Conduction(IONIC_POTENTIAL, {B: number(domain, KAPPA)}),
        ChargeTransfer(
            f"{A}|{B}",
            A,
            B,
            kinetics,
            number(domain, C_MAX),
            strain_coefficient=number(domain, STRAIN),
            double_layer=number(domain, CAPACITANCE),
        ),
        StressEquilibrium(solids),
    ]


def _sources(state: State, exact: Strong) -> list[ufl.Form]:
    """What the exact fields leave in the balances, with its sign turned."""
    domain, test = state.domain, state.test
    v = test[DISPLACEMENT]
    normal = ufl.FacetNormal(domain.mesh)("+")
    current = exact.current()("+")
    total = current + CAPACITANCE * exact.drop_rate("+")

    def leaving(flux: Any) -> Any:
        return ufl.inner(flux("+"), normal)

    pull = [ufl.dot(exact.stress(name)("+"), ufl.as_vector([normal[0], normal[1], 0])) for name in (A, B)]
    jump = ufl.as_vector([pull[0][i] - pull[1][i] for i in (0, 1)])
    defects = [
        (current / FARADAY - leaving(exact.lithium_flux)) * test[CONCENTRATION]("+"),
        (total - leaving(exact.electrons)) * test[ELECTRONIC_POTENTIAL]("+"),
        (leaving(exact.ions) - total) * test[IONIC_POTENTIAL]("-"),
        ufl.inner(jump, v("+")),
    ]
    return [
        source(state, CONCENTRATION, exact.c_rate + ufl.div(exact.lithium_flux), [A]),
        source(state, ELECTRONIC_POTENTIAL, ufl.div(exact.electrons), [A]),
        source(state, IONIC_POTENTIAL, ufl.div(exact.ions), [B]),
        source(state, CHEMICAL_POTENTIAL, exact.w - exact.equilibrium(), [A]),
        *(domain.over(-ufl.inner(exact.force(name), v), [name]) for name in ROLES),
        *(-domain.on_interface(defect, [A], [B]) for defect in defects),
    ]


def coupled() -> dict[str, float]:
    """Orders of all fields of the coupled system; and of the displacement alone at given composition."""
    sizes = (8, 16, 32)
    errors = [_coupled_errors(n) for n in sizes]
    found = {f"order_{name}": order(sizes, [e[name] for e in errors]) for name in errors[0]}
    alone = [_displacement_error(n) for n in sizes]
    return found | {"order_displacement_alone": order(sizes, alone)}


def _coupled_errors(count: int) -> dict[str, float]:
    domain = square(count, list(ROLES))
    physics = _physics(domain)
    state = make_state(domain, ROLES, fields_of(physics), {DISPLACEMENT: 2})
    everything: dict[Field, tuple[Callable[[float], Exact], tuple[float, ...]]] = {
        CONCENTRATION: (concentration, (0.0,)),
        CHEMICAL_POTENTIAL: (chemical, ()),
        ELECTRONIC_POTENTIAL: (electronic, (0.0,)),
        IONIC_POTENTIAL: (ionic, (1.0,)),
    }
    conditions = [walls(state, DISPLACEMENT, DISPLACEMENTS, (0.0, 1.0))]
    for item, (field, ends) in everything.items():
        state.unknowns[item].function.x.array[:] = at_rest(state, item, [field(0.0)]).x.array
        if ends:
            conditions.append(walls(state, item, [field(STEP)], ends))
    exact = Strong(domain, STEP)
    bench = Bench(state, physics, extra=_sources(state, exact), conditions=conditions)
    bench.scheme.restart(0.0, NOTHING)
    bench.scheme.begin(STEP)
    bench.solve()
    found = {
        "concentration": distance(bench, CONCENTRATION, exact.c, [A]),
        "chemical_potential": distance(bench, CHEMICAL_POTENTIAL, exact.w, [A]),
        "electronic_potential": distance(bench, ELECTRONIC_POTENTIAL, exact.electronic, [A]),
        "ionic_potential": distance(bench, IONIC_POTENTIAL, exact.ionic, [B]),
        "displacement": distance(bench, DISPLACEMENT, exact.displacement, list(ROLES)),
    }
    bench.destroy()
    return found


def _displacement_error(count: int) -> float:
    domain = square(count, list(ROLES))
    state = make_state(domain, ROLES, [DISPLACEMENT, CELL_VOLTAGE], {DISPLACEMENT: 2})
    exact = Strong(domain, 0.0)
    state.value[CONCENTRATION] = exact.c
    v = state.test[DISPLACEMENT]
    normal = ufl.FacetNormal(domain.mesh)("+")
    pull = [ufl.dot(exact.stress(name)("+"), ufl.as_vector([normal[0], normal[1], 0])) for name in (A, B)]
    jump = ufl.as_vector([pull[0][i] - pull[1][i] for i in (0, 1)])
    extra = [domain.over(-ufl.inner(exact.force(name), v), [name]) for name in ROLES]
    extra.append(-domain.on_interface(ufl.inner(jump, v("+")), [A], [B]))
    conditions = [walls(state, DISPLACEMENT, DISPLACEMENTS, (0.0, 1.0))]
    bench = Bench(
        state, [StressEquilibrium(_solids(domain))], extra=[*extra, idle(state)], conditions=conditions
    )
    bench.solve()
    error = distance(bench, DISPLACEMENT, exact.displacement, list(ROLES))
    bench.destroy()
    return error
