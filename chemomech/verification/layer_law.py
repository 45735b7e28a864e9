"""The law of a space-charge layer against the layer itself: two bars of microns, once with every nanometre resolved."""

from dataclasses import dataclass, replace
from typing import Final

import chemomech.runtime  # noqa: F401

import numpy as np
from dolfinx import fem

from chemomech.constants import FARADAY, GAS, VACUUM
from chemomech.fields import (
    CELL_VOLTAGE,
    CHEMICAL_POTENTIAL,
    CONCENTRATION,
    ELECTRIC_POTENTIAL,
    ELECTRONIC_POTENTIAL,
    IONIC_POTENTIAL,
    Field,
    ion_concentration,
)
from chemomech.materials.charge_layer import LayerLaw
from chemomech.materials.kinetics import Kinetics
from chemomech.physics.balance import Physics
from chemomech.physics.charge_layer import ChargeLayer
from chemomech.physics.charge_transfer import ChargeTransfer
from chemomech.physics.conduction import Conduction
from chemomech.physics.lithium_transport import Host, LithiumTransport
from chemomech.physics.space_charge import InterfaceCore, Ion, Medium, SpaceCharge
from chemomech.physics.terminal import Control, CurrentCollector
from chemomech.verification import closed_forms, meshes
from chemomech.verification.bench import NOTHING, Bench, fields_of, make_state, number
from chemomech.verification.space_charge import held_at

ROLES: Final = {"electrode": "active", "electrolyte": "electrolyte"}
INTERFACE: Final = "electrode|electrolyte"
FILM: Final = Field(f"current density at {INTERFACE}", f"interface:{INTERFACE}", "nA/um^2", 1e-3, "projected")
CHARGE: Final = Field(f"layer charge at {INTERFACE}", f"interface:{INTERFACE}", "nC/um^2", 1e-4, "projected")
CONTACT: Final = 1e-3
"""[V um^2/nA]; its drop is taken off again"""
FOREVER: Final = 10.0
"""[s]"""
STEP: Final = 1e-3
"""difference of potential for a capacitance [V]"""


@dataclass(frozen=True)
class Contact:
    """An electrode of constant potential on a lattice of mobile ions; internal units."""

    potential: float = 0.3
    """U - E_0 [V]: the voltage over the layer at rest"""
    occupancy: float = 0.3
    sites: float = 1e-3
    relative_permittivity: float = 12.0
    conductivity: float = 10.0
    electronic: float = 40.0
    core: float = 3e-4
    exchange_current: float = 5.0
    chemical_potential: float = 0.15
    zero_charge: float = 3.1
    temperature: float = 300.0
    lengths: tuple[float, float] = (1.0, 2.0)
    electrode_left: bool = True
    breadth: float = 0.001

    @property
    def thermal(self) -> float:
        """RT/F [V]."""
        return GAS * self.temperature / FARADAY

    def bench(self, resolved: bool) -> "ContactBench":
        """Return the two bars at rest, the layer resolved or by its law."""
        electrode = np.linspace(0.0, self.lengths[0], 5)
        electrolyte = meshes.graded(0.0, self.lengths[1], 260, 3e4)
        if self.electrode_left:
            places = {"electrode": electrode - electrode[-1], "electrolyte": electrolyte}
        else:
            places = {"electrolyte": -electrolyte[::-1], "electrode": electrode}
        domain = meshes.stack("plane strain", places, breadth=self.breadth, across=1)
        collector, far = ("left", "right") if self.electrode_left else ("right", "left")
        temperature, kappa = number(domain, self.temperature), number(domain, self.conductivity)
        start = number(domain, self.potential + self.zero_charge)
        control = Control(number(domain, 0.0), number(domain, 0.0), number(domain, 1.0))
        electric = ELECTRIC_POTENTIAL.on(["electrolyte"])
        permittivity = number(domain, VACUUM * self.relative_permittivity)
        core, occupancy = number(domain, self.core), number(domain, self.occupancy)
        sites = number(domain, self.sites)
        ions = ion_concentration("electrolyte", self.sites)
        layer = ChargeLayer(
            "electrode",
            "electrolyte",
            CHARGE,
            IONIC_POTENTIAL,
            LayerLaw.of(self.occupancy),
            occupancy,
            sites,
            permittivity,
            kappa,
            number(domain, self.zero_charge),
            core,
            temperature,
        )
        transfer = ChargeTransfer(
            INTERFACE,
            "electrode",
            "electrolyte",
            Kinetics(number(domain, self.exchange_current), 0.5, 0.5, temperature),
            number(domain, 1.0),
            layers=() if resolved else (layer,),
            film_current=None if resolved else FILM,
            layer_charge=None if resolved else CHARGE,
        )
        host = Host(number(domain, 1.0), lambda theta: start, lambda theta: 1e-9, None)
        physics: list[Physics] = [
            LithiumTransport({"electrode": host}, temperature, "dilute"),
            Conduction(ELECTRONIC_POTENTIAL, {"electrode": number(domain, self.electronic)}),
            transfer,
            CurrentCollector("electrode", collector, (), number(domain, CONTACT), control, self.breadth),
        ]
        if resolved:
            bulk = number(domain, self.sites * self.occupancy)
            mu = number(domain, self.chemical_potential)
            ion = Ion(IONIC_POTENTIAL, ions, 1, bulk, occupancy, kappa, mu)
            zero = number(domain, self.zero_charge + self.chemical_potential)
            sides = frozenset(["electrode"]), frozenset(["electrolyte"])
            physics += [
                SpaceCharge({"electrolyte": Medium(electric, permittivity, (ion,))}, temperature),
                InterfaceCore(INTERFACE, *sides, ELECTRONIC_POTENTIAL, electric, core, zero),
            ]
        else:
            physics += [Conduction(IONIC_POTENTIAL, {"electrolyte": kappa}), layer]
        state = make_state(domain, ROLES, fields_of(physics))
        state.unknowns[CONCENTRATION].function.x.array[:] = 0.5
        for item in (ELECTRONIC_POTENTIAL, CHEMICAL_POTENTIAL, CELL_VOLTAGE):
            state.unknowns[item].function.x.array[:] = float(start.value)
        conditions: list[fem.DirichletBC] = [held_at(state, IONIC_POTENTIAL, far, number(domain, 0.0))]
        if resolved:
            state.unknowns[electric].function.x.array[:] = -self.chemical_potential
            state.unknowns[ions].function.x.array[:] = self.sites * self.occupancy
            conditions.append(held_at(state, electric, far, number(domain, -self.chemical_potential)))
        return ContactBench(
            self, Bench(state, physics, conditions=conditions), control, start, None if resolved else layer
        )


@dataclass(frozen=True)
class ContactBench:
    """The two bars on their bench."""

    contact: Contact
    bench: Bench
    control: Control
    open_circuit: fem.Constant
    """potential of the electrode at rest [V]"""
    layer_law: ChargeLayer | None
    """None where the layer is resolved"""

    def impose(self, current_density: float) -> None:
        """Set the current density [nA/um^2]."""
        self.control.current.value = current_density * self.contact.breadth

    def drop(self, current_density: float, parts: int = 1) -> float:
        """Return what the layer takes of the steady voltage: without Ohm's law in the bars and the reaction [V]."""
        for share in np.linspace(0.0, 1.0, parts + 1)[1:]:
            self.impose(share * current_density)
            self.bench.settle(FOREVER)
        self.bench.settle(FOREVER)
        return self.layer(current_density)

    def layer(self, current_density: float) -> float:
        """Return the voltage less that of bars and reaction [V]."""
        one = self.contact
        bars = list(zip(one.lengths, (one.electronic, one.conductivity), strict=True))
        rest = closed_forms.bar_voltage(
            current_density, one.potential + one.zero_charge, bars, one.exchange_current, one.temperature
        )
        unknown = self.bench.state.unknowns[CELL_VOLTAGE]
        owned = unknown.space.dofmap.index_map.size_local
        parts = self.bench.domain.comm.allgather(float(np.sum(unknown.function.x.array[:owned])))
        return float(sum(parts)) - current_density * CONTACT - rest

    def charge(self) -> float:
        """Return the charge of the layer on the electrode's side [nC/um^2]."""
        sides = ["electrode"], ["electrolyte"]
        value = self.bench.state.value
        if CHARGE in value:
            density = value[CHARGE]("+")
        else:
            electric = ELECTRIC_POTENTIAL.on(["electrolyte"])
            drop = value[ELECTRONIC_POTENTIAL]("+") - value[electric]("-")
            density = self.contact.core * (drop - self.contact.zero_charge - self.contact.chemical_potential)
        total = self.bench.read("charge", lambda: self.bench.domain.on_interface(density, *sides))
        return total / self.contact.breadth

    def capacitance(self) -> float:
        """Return dq/dpsi at rest [nC/(V um^2)]: the law's own, of a resolved layer from two potentials beside it."""
        self.drop(0.0)
        law, name = self.layer_law, f"layer capacitance {INTERFACE}"
        if law is not None:
            total = self.bench.read(name, lambda: law.observables(self.bench.state)[name])
            return total / self.contact.breadth
        middle, charges = float(self.open_circuit.value), []
        for shift in (STEP, -STEP):
            self.open_circuit.value = middle + shift
            self.drop(0.0)
            charges.append(self.charge())
        self.open_circuit.value = middle
        return (charges[0] - charges[1]) / (2 * STEP)


def against_resolved() -> dict[str, float]:
    """Ratio of the law's charges, capacitances, resistances, drops to the resolved ones; the charge as it changes."""
    found: dict[str, float] = {}
    for side, potential in (("left", -0.55), ("left", 0.15), ("left", 0.45), ("right", 0.45)):
        contact = replace(Contact(), potential=potential, electrode_left=side == "left")
        law, resolved = contact.bench(False), contact.bench(True)
        key = f"{potential}_{side}"
        law.drop(0.0), resolved.drop(0.0)
        found[f"charge_{key}"] = law.charge() / resolved.charge()
        found[f"capacitance_{key}"] = law.capacitance() / resolved.capacitance()
        small = 1e-6
        slopes = [(one.drop(small) - one.drop(-small)) / (2 * small) for one in (law, resolved)]
        found[f"resistance_{key}"] = slopes[0] / slopes[1]
        limit = contact.thermal / slopes[1]
        if potential == 0.45:
            current = 0.5 * limit
            moved = [_charging(one, current) for one in (law, resolved)]
            for name, by_law, true in zip(("early", "late"), *moved, strict=True):
                found[f"charged_{name}_{key}"] = by_law / true
        if limit < 0.3:  # else the reaction takes most of the voltage
            for share in (-0.95, -0.5, 1.0, 10.0):
                current = limit * (share if potential > 0 else -share)
                law.drop(0.0), resolved.drop(0.0)
                drops = [one.drop(current, 6) for one in (law, resolved)]
                found[f"drop_{share}_{key}"] = drops[0] / drops[1]
        law.bench.destroy()
        resolved.bench.destroy()
    return found


def _charging(run: ContactBench, current: float) -> tuple[float, float]:
    # Charge that the layer takes after a step of the current, at two times.
    run.drop(0.0)
    start, scheme = run.charge(), run.bench.scheme
    scheme.restart(0.0, NOTHING)
    run.impose(current)
    found, dt = [], 2e-5
    for n in range(1, 41):
        scheme.begin(dt)
        run.bench.solve()
        scheme.accept(n * dt, NOTHING)
        if n in (10, 40):
            found.append(run.charge() - start)
    return found[0], found[1]
