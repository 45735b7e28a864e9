"""What lies in series with a current through a face: films, coatings, and layers that grow."""

from collections.abc import Mapping

import chemomech.runtime  # noqa: F401

from chemomech.case.schema import CounterElectrode, Interface, WorkingElectrode
from chemomech.contacts import Contacts
from chemomech.fields import Field
from chemomech.interphases import Grown, LayerMaker
from chemomech.model.electrolytes import Electrolytes
from chemomech.model.numbers import Numbers
from chemomech.physics.balance import Layer, Physics
from chemomech.physics.contact import Constriction
from chemomech.physics.interphase import LithiumInterphase
from chemomech.physics.layers import Film


class SeriesLayers:
    """Makes layers; what of them grows is a physics of its own, kept in the order in which it was asked for."""

    def __init__(self, numbers: Numbers, electrolytes: Electrolytes) -> None:
        """Begin without layers."""
        self.numbers = numbers
        self.electrolytes = electrolytes
        case = numbers.case
        self.maker = LayerMaker(case.material_directories, case.cell.temperature, numbers.number)
        self.grown: list[Grown] = []
        self.growing: list[Physics] = []

    def at_interface(
        self,
        active: str,
        electrolyte: str,
        interface: Interface,
        film_resistance: float | None,
        contacts: Contacts,
    ) -> tuple[Layer, ...]:
        """Return the layers in series with charge transfer."""
        face = f"{active}|{electrolyte}"
        layers = self._film(film_resistance, contacts.constriction(face))
        if interface.coating is not None:
            layers.append(self.maker.coating(interface.coating))
        potential = self.electrolytes.ionic[electrolyte]
        for physics, grown in self.maker.at_interface(
            interface, active, electrolyte, potential, contacts.at(face)
        ):
            self._grow(physics, grown)
            layers.append(grown.layer)
        return tuple(layers)

    def at_lithium(
        self,
        given: CounterElectrode | WorkingElectrode,
        touching: Mapping[Field, tuple[str, ...]],
        metal: Field | None,
        contacts: Contacts,
    ) -> tuple[tuple[Layer, ...], LithiumInterphase | None]:
        """Return the layers on lithium metal, and the physics of the one that grows."""
        contact, constriction = contacts.metal(given.at)
        layers = self._film(given.film_resistance, constriction)
        if given.interphase is None:
            return tuple(layers), None
        side, grown = self.maker.at_lithium(given.interphase, given.at, touching, metal, contact)
        self._grow(side, grown)
        return (*layers, grown.layer), side

    def _film(self, resistance: float | None, constriction: Constriction | None) -> list[Layer]:
        layers: list[Layer] = [] if constriction is None else [constriction]
        return [*layers, Film(self.numbers.number(resistance))] if resistance else layers

    def _grow(self, physics: Physics, grown: Grown) -> None:
        self.growing.append(physics)
        self.grown.append(grown)
