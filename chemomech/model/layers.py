"""What lies in series with a current through a face: films, coatings, and layers that grow."""

from collections.abc import Mapping

import chemomech.runtime  # noqa: F401

from chemomech.case.schema import CounterElectrode, Interface, WorkingElectrode
from chemomech.fields import Field
from chemomech.interphases import Grown, LayerMaker
from chemomech.model.electrolytes import Electrolytes
from chemomech.model.numbers import Numbers
from chemomech.physics.balance import Layer, Physics
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
        self, active: str, electrolyte: str, interface: Interface, film_resistance: float | None
    ) -> tuple[Layer, ...]:
        """Return the layers in series with charge transfer."""
        layers = self._film(film_resistance)
        if interface.coating is not None:
            layers.append(self.maker.coating(interface.coating))
        potential = self.electrolytes.ionic[electrolyte]
        for physics, grown in self.maker.at_interface(interface, active, electrolyte, potential):
            self._grow(physics, grown)
            layers.append(grown.layer)
        return tuple(layers)

    def at_lithium(
        self,
        given: CounterElectrode | WorkingElectrode,
        touching: Mapping[Field, tuple[str, ...]],
        metal: Field | None,
    ) -> tuple[tuple[Layer, ...], LithiumInterphase | None]:
        """Return the layers on lithium metal, and the physics of the one that grows."""
        layers = self._film(given.film_resistance)
        if given.interphase is None:
            return tuple(layers), None
        side, grown = self.maker.at_lithium(given.interphase, given.at, touching, metal)
        self._grow(side, grown)
        return (*layers, grown.layer), side

    def _film(self, resistance: float | None) -> list[Layer]:
        return [Film(self.numbers.number(resistance))] if resistance else []

    def _grow(self, physics: Physics, grown: Grown) -> None:
        self.growing.append(physics)
        self.grown.append(grown)
