"""Charge transfer between two bars: Butler-Volmer, Ohm's law, film, double layer, strain and stress terms."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import ufl
from dolfinx import fem, mesh

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
from chemomech.materials.contact_laws import RoundSpots
from chemomech.materials.free_energy import Solid
from chemomech.materials.kinetics import Kinetics
from chemomech.physics.balance import Layer, Physics
from chemomech.physics.charge_transfer import ChargeTransfer
from chemomech.physics.conduction import Conduction
from chemomech.physics.contact import Constriction
from chemomech.physics.interphase import Interphase
from chemomech.physics.layers import Film
from chemomech.physics.lithium_transport import Host, LithiumTransport
from chemomech.physics.mechanics import StackPressure, StressEquilibrium, rollers
from chemomech.physics.terminal import Control, CurrentCollector
from chemomech.verification import meshes
from chemomech.verification.bench import Bench, fields_of, make_state, number

ROLES: Final = {"electrode": "active", "electrolyte": "electrolyte"}
INTERFACE: Final = "electrode|electrolyte"
FILM: Final = Field(f"current density at {INTERFACE}", f"interface:{INTERFACE}", "nA/um^2", 1e-3, "projected")
CONTACT: Final = 1e-3
"""[V um^2/nA]; its drop is taken off again"""


@dataclass(frozen=True)
class Bars:
    """An electronic and an ionic bar that meet at one interface; internal units."""

    lengths: tuple[float, float] = (1.0, 1.0)
    conductivities: tuple[float, float] = (10.0, 10.0)
    exchange_current: float = 1.0
    potential: float = 0.1
    temperature: float = 300.0
    electrode_left: bool = True
    film_resistance: float | None = None
    conducting_fraction: float | None = None
    spot_radius: float | None = None
    """of the spots into which the current narrows where it conducts in part"""
    double_layer: float | None = None
    strain_coefficient: float | None = None
    interphase: Callable[[Domain, "Share | None"], Interphase] | None = None
    thickness: float = 0.0
    """of the interphase at the start"""
    pressure: float | None = None
    youngs_moduli: tuple[float, float] = (140.0, 25.0)
    poissons_ratio: float = 0.3
    breadth: float = 0.7

    def bench(self) -> "BarsBench":
        """Return the bars at rest: the far end of the ionic bar at 0 V, no current."""
        order = list(ROLES) if self.electrode_left else list(ROLES)[::-1]
        lengths = dict(zip(ROLES, self.lengths, strict=True))
        domain = meshes.layers(
            "plane strain", {name: lengths[name] for name in order}, [4, 4], breadth=self.breadth
        )
        collector_side, far = ("left", "right") if self.electrode_left else ("right", "left")

        def option(value: float | None) -> fem.Constant | None:
            return None if value is None else number(domain, value)

        electronic, ionic = (number(domain, value) for value in self.conductivities)
        control = Control(number(domain, 0.0), number(domain, 0.0), number(domain, 1.0))
        kinetics = Kinetics(number(domain, self.exchange_current), 0.5, 0.5, number(domain, self.temperature))
        part = option(self.conducting_fraction)
        share = None if part is None else Share(part)
        grown = None if self.interphase is None else self.interphase(domain, share)
        layers: list[Layer] = [] if grown is None else [grown.layer]
        if share is not None and self.spot_radius is not None:
            spots, rho = RoundSpots(number(domain, self.spot_radius)), (1 / electronic, 1 / ionic)
            layers.append(Constriction(INTERFACE, spots, tuple(_always(one) for one in rho), share.fraction))
        if self.film_resistance is not None:
            layers.append(Film(number(domain, self.film_resistance)))
        host = Host(
            number(domain, 1.0), lambda theta: number(domain, self.potential), lambda theta: 1.0, None
        )
        transfer = ChargeTransfer(
            INTERFACE,
            "electrode",
            "electrolyte",
            kinetics,
            number(domain, 1.0),
            strain_coefficient=option(self.strain_coefficient),
            conducting_fraction=None if share is None else share.fraction,
            layers=tuple(layers),
            film_current=FILM if layers else None,
            double_layer=option(self.double_layer),
        )
        physics: list[Physics] = [
            LithiumTransport({"electrode": host}, number(domain, self.temperature), "dilute"),
            Conduction(ELECTRONIC_POTENTIAL, {"electrode": electronic}),
            Conduction(IONIC_POTENTIAL, {"electrolyte": ionic}),
            transfer,
            CurrentCollector("electrode", collector_side, (), number(domain, CONTACT), control, self.breadth),
        ]
        if grown is not None:
            physics.append(grown)
        if self.pressure is not None:
            solids = {
                name: Solid(number(domain, youngs), number(domain, self.poissons_ratio))
                for name, youngs in zip(ROLES, self.youngs_moduli, strict=True)
            }
            physics += [StressEquilibrium(solids), StackPressure(far, number(domain, self.pressure))]
        state = make_state(domain, ROLES, fields_of(physics), {DISPLACEMENT: 2})
        state.unknowns[CONCENTRATION].function.x.array[:] = 0.5
        if grown is not None:
            state.unknowns[grown.layer.thickness].function.x.array[:] = self.thickness
        for item in (ELECTRONIC_POTENTIAL, CHEMICAL_POTENTIAL, CELL_VOLTAGE):
            state.unknowns[item].function.x.array[:] = self.potential
        space = state.unknowns[IONIC_POTENTIAL].space
        facets = _own_facets(
            state.unknowns[IONIC_POTENTIAL].support.mesh, 0 if far == "left" else sum(self.lengths)
        )
        dofs = fem.locate_dofs_topological(space, 1, facets)
        conditions = [fem.dirichletbc(np.float64(0.0), dofs, space)]
        if self.pressure is not None:
            conditions += rollers(state, (collector_side, "bottom", "top"))
        bench = Bench(state, physics, conditions=conditions)
        return BarsBench(self, bench, transfer, control, grown, part)


@dataclass(frozen=True)
class Share:
    """A share of the interface that touches, the same at all times."""

    value: fem.Constant

    def fraction(self, state: State) -> Any:
        """Return the share."""
        return self.value

    def cover(self, state: State) -> Any:
        """Return the share: no more of it ever touched."""
        return self.value


def _always(value: Any) -> Callable[[State], Any]:
    return lambda state: value


def _own_facets(body: Any, place: float) -> Any:
    # The constraint's facets in the numbering of the submesh on which the potential lives.
    return mesh.locate_entities_boundary(body, 1, lambda x: np.abs(x[0] - place) < 1e-9)


@dataclass(frozen=True)
class BarsBench:
    """The bars on their bench."""

    bars: Bars
    bench: Bench
    transfer: ChargeTransfer
    control: Control
    grown: Interphase | None = None
    share: fem.Constant | None = None
    """of the interface that touches"""

    def impose(self, current_density: float) -> None:
        """Set the current density [nA/um^2]."""
        self.control.current.value = current_density * self.bars.breadth

    def voltage(self, current_density: float) -> float:
        """Return the settled voltage without the drop over the contact resistance."""
        self.impose(current_density)
        self.bench.settle()
        return self.terminal() - current_density * CONTACT

    def terminal(self) -> float:
        """Return the voltage at the terminal."""
        unknown = self.bench.state.unknowns[CELL_VOLTAGE]
        owned = unknown.space.dofmap.index_map.size_local
        parts = self.bench.domain.comm.allgather(float(np.sum(unknown.function.x.array[:owned])))
        return float(sum(parts))

    def overpotential(self) -> float:
        """Return the mean overpotential at the interface."""
        name = f"overpotential {INTERFACE}"
        total = self.bench.read(name, lambda: self.transfer.observables(self.bench.state)[name])
        return total / self.bars.breadth


def butler_volmer() -> dict[str, float]:
    """Overpotential at 10 and 0.1 times the exchange current; resistance at equilibrium [ohm m2]."""
    found: dict[str, float] = {}
    for key, current, exchange in (("eta_mV_i10_i0_1", 10.0, 1.0), ("eta_mV_i1_i0_10", 1.0, 10.0)):
        run = Bars(exchange_current=1e-3 * exchange, temperature=298.15).bench()
        run.voltage(1e-3 * current)
        found[key] = 1e3 * run.overpotential()
        if exchange == 1.0:  # 1 V um2/nA = 1e-3 ohm m2
            slopes = []
            for small in (-1e-6, 1e-6):
                run.voltage(small)
                slopes.append(run.overpotential())
            found["Rct_i0_1"] = 1e-3 * (slopes[1] - slopes[0]) / 2e-6
        run.bench.destroy()
    return found


def bars() -> dict[str, float]:
    """Voltage of two bars with like and unlike conductivities, the electrode on the left and on the right."""
    found: dict[str, float] = {}
    for side in ("left", "right"):
        cases: Mapping[str, tuple[Bars, float]] = {
            "unit": (Bars(), 0.005),
            "unit_unequal": (Bars(conductivities=(10.0, 0.04), lengths=(1.0, 2.0)), 0.005),
            "equal": (Bars((50.0, 50.0), (100.0, 100.0), 1e-3, 3.8, 298.15), 0.01),
            "unequal": (Bars((50.0, 50.0), (100.0, 20.0), 1e-3, 3.8, 298.15), 0.01),
        }
        for name, (pair, current) in cases.items():
            run = replace(pair, electrode_left=side == "left").bench()
            found[f"voltage_V_{name}_{side}"] = run.voltage(current)
            run.bench.destroy()
    return found


def film() -> dict[str, float]:
    """Voltage with a film in series: i R_film is added."""
    found: dict[str, float] = {}
    for side in ("left", "right"):
        run = Bars(film_resistance=4.0, electrode_left=side == "left").bench()
        found[f"voltage_V_{side}"] = run.voltage(0.005)
        run.bench.destroy()
    return found


def contact_fraction() -> dict[str, float]:
    """Voltage per share a of the area that conducts, at a current of a times 5 A/m2, less the drop over the bars [mV].

    The same current density then passes where the faces touch, whatever the share.
    """
    return _drops_of_shares(10.0, film_resistance=4.0)


def _drops_of_shares(
    electronic: float, film_resistance: float | None = None, spot_radius: float | None = None
) -> dict[str, float]:
    # Voltages at a current of share times 5 A/m2, the electrode on either side, less the drop over the bars [mV].
    found: dict[str, float] = {}
    for share in (1.0, 0.1, 1e-6):
        for side in ("left", "right"):
            pair = Bars(
                conductivities=(electronic, 0.04),
                lengths=(1.0, 2.0),
                film_resistance=film_resistance,
                spot_radius=spot_radius,
                conducting_fraction=share,
                electrode_left=side == "left",
            )
            run = pair.bench()
            current = 0.005 * share
            bars = sum(
                length / kappa for length, kappa in zip(pair.lengths, pair.conductivities, strict=True)
            )
            voltage = run.voltage(current) - pair.potential - current * bars
            found[f"drop_mV_{share:g}_{side}"] = 1e3 * voltage
            run.bench.destroy()
    return found


SPOT: Final = 0.2
"""radius of the spots [um]"""


def constriction() -> dict[str, float]:
    """The same with a constriction in place of the film [mV]."""
    return _drops_of_shares(0.5, spot_radius=SPOT)


def double_layer() -> dict[str, float]:
    """Time constant R_ct C_dl of a small current step, and the charge held at the end [nC/um^2]."""
    pair = Bars(double_layer=0.5)
    run = pair.bench()
    resistance = GAS * pair.temperature / (FARADAY * pair.exchange_current)
    tau, current = resistance * 0.5, 1e-5
    run.voltage(0.0)
    scheme, count = run.bench.scheme, 400
    scheme.restart(0.0, np.zeros(0))
    run.impose(current)
    dt = tau / count
    for n in range(1, count + 1):
        scheme.begin(dt)
        run.bench.solve()
        scheme.accept(n * dt, np.zeros(0))
    eta = run.overpotential()
    while scheme.levels[-1].time < 30 * tau:  # to the end of the relaxation, in ever longer steps
        dt *= 1.1
        scheme.begin(dt)
        run.bench.solve()
        scheme.accept(scheme.levels[-1].time + dt, np.zeros(0))
    late = run.overpotential()
    run.bench.destroy()
    return {
        "time_constant_over_Rct_Cdl": float(-1.0 / np.log(1 - eta / (current * resistance))),
        "late_overpotential_over_i_Rct": late / (current * resistance),
    }


def strain_term() -> dict[str, float]:
    """Shift of the open-circuit voltage of a pressed column by the strain term, -kappa tr(eps) [mV]."""
    found: dict[str, float] = {}
    for side in ("left", "right"):
        run = Bars(strain_coefficient=0.8, pressure=0.1, electrode_left=side == "left").bench()
        found[f"shift_mV_{side}"] = 1e3 * (run.voltage(0.0) - run.bars.potential)
        run.bench.destroy()
    return found


def orientation() -> dict[str, float]:
    """Integrals over a curved and a flat interface that tell its sides apart, each from both sides."""
    ball = meshes.sphere({"core": meshes.graded(0, 1, 6, 1), "shell": meshes.graded(1, 2, 4, 1)}, angles=5)
    normal, x = ufl.FacetNormal(ball.mesh), ufl.SpatialCoordinate(ball.mesh)
    found: dict[str, float] = {}
    for name, plus, minus in (("core", "core", "shell"), ("shell", "shell", "core")):
        through = ball.integral(ball.on_interface(ufl.inner(normal, x)("+"), [plus], [minus]))
        found[f"outward_from_{name}"] = through / (3 * ball.volume(["core"]))
    run = Bars().bench()
    state, domain = run.bench.state, run.bench.domain
    state.unknowns[ELECTRONIC_POTENTIAL].function.interpolate(lambda x: 1.0 + x[1])
    state.unknowns[IONIC_POTENTIAL].function.interpolate(lambda x: 10.0 - 2 * x[1])
    electronic, ionic = state.value[ELECTRONIC_POTENTIAL], state.value[IONIC_POTENTIAL]
    for name, plus, minus, a, b in (
        ("electrode", "electrode", "electrolyte", electronic("+"), ionic("-")),
        ("electrolyte", "electrolyte", "electrode", electronic("-"), ionic("+")),
    ):
        form = run.bench.problem.compile(domain.on_interface(2 * a + 5 * b, [plus], [minus]))
        found[f"two_sided_plus_{name}"] = domain.integral(form, lambda f: f)
    run.bench.destroy()
    return found
