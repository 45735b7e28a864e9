"""Electrodes of a cell: the terminal (current collector or working electrode) and the counter electrode."""

from collections.abc import Mapping
from typing import Any

import chemomech.runtime  # noqa: F401

from chemomech.case.patterns import matching
from chemomech.case.schema import CounterElectrode as CounterElectrodeInput
from chemomech.case.schema import WorkingElectrode as WorkingElectrodeInput
from chemomech.constants import FARADAY, GAS
from chemomech.contacts import Contacts
from chemomech.errors import InputError, Problem
from chemomech.fields import CELL_VOLTAGE, Field
from chemomech.materials.kinetics import Kinetics
from chemomech.model.electrolytes import Electrolytes
from chemomech.model.layers import SeriesLayers
from chemomech.model.numbers import Numbers
from chemomech.model.side_reactions import SideReactions
from chemomech.physics.space_charge import BlockingCore
from chemomech.physics.terminal import (
    BlockingElectrode,
    Control,
    CounterElectrode,
    CurrentCollector,
    Electrode,
    LithiumElectrode,
    WorkingElectrode,
)

SECOND = 1.0
"""[s]"""


class Electrodes:
    """Makes the two electrodes of a cell."""

    def __init__(
        self,
        numbers: Numbers,
        electrolytes: Electrolytes,
        layers: SeriesLayers,
        contacts: Contacts,
        side_reactions: SideReactions,
    ) -> None:
        """Know what electrodes touch and what can lie on them."""
        self.side_reactions = side_reactions
        self.numbers = numbers
        self.electrolytes = electrolytes
        self.layers = layers
        self.contacts = contacts

    def terminal(self, control: Control) -> CurrentCollector | WorkingElectrode:
        """Return where the cell is controlled; InputError where a current collector has no area."""
        place, working = self.numbers.case.cell.collector, self.numbers.case.cell.working_electrode
        if working is not None:
            return self._working(working, control)
        assert place is not None  # the case reader demands one of the two
        neighbours = () if place.other is None else matching(place.other, self.numbers.case.regions)
        if place.boundary is not None:
            area = self.numbers.domain.boundary_area(place.boundary, [place.region])
        else:
            area = self.numbers.domain.interface_area([place.region], neighbours)
        if area <= 0.0:
            raise InputError(
                Problem(
                    "[cell] current_collector",
                    f"'{self.numbers.case.cell.current_collector}' has no area in this mesh",
                    "name a boundary or a region that this region touches",
                )
            )
        fraction, constriction = self.contacts.collector()
        return CurrentCollector(
            place.region,
            place.boundary,
            neighbours,
            self.numbers.number(self.numbers.case.cell.contact_resistance or 0.0),
            control,
            area,
            fraction,
            constriction,
        )

    def counter(self) -> CounterElectrode:
        """Return the lithium electrode that closes the circuit."""
        given = self.numbers.case.cell.counter_electrode
        touching = self._electrode_place("counter_electrode", given.at)
        return CounterElectrode(self._lithium(given, touching, given.exchange_current, None))

    def _working(self, given: WorkingElectrodeInput, control: Control) -> WorkingElectrode:
        touching = self._electrode_place("working_electrode", given.at)
        area = self.numbers.domain.boundary_area(
            given.at, [name for names in touching.values() for name in names]
        )
        electrode: Electrode
        if given.kind == "lithium":
            assert given.exchange_current is not None  # the case reader demands it
            electrode = self._lithium(given, touching, given.exchange_current, CELL_VOLTAGE)
            conductance = given.exchange_current * FARADAY / (GAS * self.numbers.case.cell.temperature)
        else:
            assert given.double_layer is not None  # the case reader demands it
            electrode = self._blocking(given, touching, given.double_layer)
            conductance = given.double_layer / SECOND
        return WorkingElectrode(electrode, control, area, self.numbers.number(conductance))

    def _blocking(
        self, given: WorkingElectrodeInput, touching: Mapping[Field, tuple[str, ...]], double_layer: float
    ) -> Electrode:
        resolved = self.electrolytes.touching(given.at, self.electrolytes.electric)
        names = [name for regions in resolved.values() for name in regions]
        others = [name for regions in touching.values() for name in regions if name not in names]
        here = "[cell] working_electrode"
        if names and others:
            what = f"touches '{names[0]}' with space_charge and '{others[0]}' without"
            raise InputError(Problem(here, what, "give both space_charge"))
        if bool(names) != (given.zero_charge is not None):
            what = f"the charge of '{(names or others)[0]}' is {'' if names else 'not '}resolved"
            remedy = (
                'say at which voltage it is uncharged, e.g. zero_charge = "0 V"'
                if names
                else "remove zero_charge"
            )
            raise InputError(Problem(f"{here} zero_charge", what, remedy))
        capacitance = self.numbers.number(double_layer)
        if not names:
            return self._inert(given, touching, capacitance)
        zero = {}
        for name in names:
            charged = self.numbers.case.regions[name].space_charge
            assert charged is not None and given.zero_charge is not None
            # uncharged against the bulk, whose electric potential stands mu below its ionic one
            zero[name] = self.numbers.number(given.zero_charge + charged.chemical_potential)
        return BlockingCore(given.at, resolved, capacitance, zero, CELL_VOLTAGE)

    def _inert(
        self, given: WorkingElectrodeInput, touching: Mapping[Field, tuple[str, ...]], capacitance: Any
    ) -> BlockingElectrode:
        film, resistance = None, 0.0
        if given.coating is not None:
            film, resistance = self._film_current(given.at), self.layers.maker.area_resistance(given.coating)
        sides = self.side_reactions.on_electrode(given, touching, film, resistance)
        return BlockingElectrode(
            given.at,
            touching,
            capacitance,
            sides=sides,
            film_current=film,
            film_resistance=self.numbers.number(resistance),
        )

    def _film_current(self, boundary: str) -> Field:
        return Field(f"current density at {boundary}", f"boundary:{boundary}", "nA/um^2", 1e-3, "projected")

    def _electrode_place(self, key: str, boundary: str) -> dict[Field, tuple[str, ...]]:
        touching = self.electrolytes.touching(boundary)
        if not touching:
            kind = key.replace("_", " ")
            raise InputError(
                Problem(
                    f"[cell] {key}",
                    f"no electrolyte region touches boundary '{boundary}'",
                    f"put the {kind} where the electrolyte ends",
                )
            )
        return touching

    def _lithium(
        self,
        given: CounterElectrodeInput | WorkingElectrodeInput,
        touching: Mapping[Field, tuple[str, ...]],
        exchange_current: float,
        metal: Field | None,
    ) -> LithiumElectrode:
        layers, side = self.layers.at_lithium(given, touching, metal, self.contacts)
        contact, _ = self.contacts.metal(given.at)
        film = self._film_current(given.at) if layers else None
        kinetics = Kinetics(self.numbers.number(exchange_current), 0.5, 0.5, self.numbers.temperature)
        return LithiumElectrode(given.at, touching, kinetics, metal, layers, film, side, contact)
