"""From the layers of a case to physics: coatings, interphases and interdiffused layers with their numbers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from chemomech.case.layers import growth_factor, layer_material
from chemomech.case.schema import Coating, Interdiffusion, Interface
from chemomech.case.schema import Interphase as InterphaseInput
from chemomech.fields import Field
from chemomech.materials.kinetics import OXIDATION, REDUCTION
from chemomech.materials.material import Material
from chemomech.physics.interphase import (
    Charge,
    GrownLayer,
    Growth,
    Interphase,
    LithiumInterphase,
    Reaction,
    Touching,
)
from chemomech.physics.layers import Film

THICKNESS_SCALE: Final = 1e-3
"""a change of 1 nm counts as one [um]"""


@dataclass(frozen=True)
class Grown:
    """A layer that grows: its law, resistance and start."""

    growth: Growth
    layer: GrownLayer
    charge: Charge | None
    start: float
    """thickness at the start [um]"""


@dataclass(frozen=True)
class LayerMaker:
    """Makes the layers of a case from its material files at its temperature."""

    directories: Sequence[Path]
    temperature: float
    """[K]"""
    number: Callable[[float], Any]
    """makes a constant of the forms"""

    def coating(self, given: Coating) -> Film:
        """Return the resistance of a coating, thickness over conductivity."""
        return Film(self.number(self.area_resistance(given)), "coating")

    def area_resistance(self, given: Coating) -> float:
        """Return thickness over conductivity [V um^2/nA]."""
        conductivity = layer_material(given, self.directories).number("ionic_conductivity", self.temperature)
        return given.thickness / conductivity

    def interphase(
        self,
        given: InterphaseInput,
        support: str,
        touching: Touching | None = None,
        coating: Coating | None = None,
    ) -> Grown:
        """Return an interphase on a support, slowed by the additive and by the coating, where there are such."""
        material = layer_material(given, self.directories)
        oxidation = material.has("oxidation_potential")
        sign = OXIDATION if oxidation else REDUCTION
        reaction, constant = None, None
        if given.law != "diffusion":
            reaction = Reaction(
                self._property(material, "reaction_rate"),
                self._property(material, "oxidation_potential" if oxidation else "reduction_potential"),
                self._property(material, "decomposition_coefficient"),
                self.number(self.temperature),
                sign,
            )
        if given.law != "reaction":
            constant = self._property(material, "growth_constant")
        factor = self._factor(coating)
        if given.additive is not None:
            factor *= growth_factor(given.additive, self.directories, self.temperature)
        growth = Growth(reaction, constant, self.number(factor))
        charge = Charge(self._property(material, "molar_volume"), sign)
        layer = self._layer("interphase", support, material, given.initial_thickness, touching)
        return Grown(growth, layer, charge, given.initial_thickness)

    def interdiffusion(
        self, given: Interdiffusion, support: str, touching: Touching | None, coating: Coating | None
    ) -> Grown:
        """Return an interdiffused layer on a support."""
        material = layer_material(given, self.directories)
        constant = self._property(material, "growth_constant")
        growth = Growth(None, constant, self.number(self._factor(coating)))
        layer = self._layer("interdiffusion", support, material, given.initial_thickness, touching)
        return Grown(growth, layer, None, given.initial_thickness)

    def at_interface(
        self,
        given: Interface,
        active: str,
        electrolyte: str,
        ionic_potential: Field,
        touching: Touching | None,
    ) -> list[tuple[Interphase, Grown]]:
        """Return what grows at an interface, as physics and by its numbers."""
        name = f"{active}|{electrolyte}"
        support = f"interface:{name}"
        grown: list[Grown] = []
        if given.interphase is not None:
            grown.append(self.interphase(given.interphase, support, touching, given.coating))
        if given.interdiffusion is not None:
            grown.append(self.interdiffusion(given.interdiffusion, support, touching, given.coating))
        return [
            (
                Interphase(name, active, electrolyte, one.growth, one.layer, one.charge, ionic_potential),
                one,
            )
            for one in grown
        ]

    def at_lithium(
        self,
        given: InterphaseInput,
        boundary: str,
        regions: Mapping[Field, tuple[str, ...]],
        metal: Field | None,
        touching: Touching | None,
    ) -> tuple[LithiumInterphase, Grown]:
        """Return what grows on lithium metal, as physics and by its numbers; `regions` by their ionic potential."""
        one = self.interphase(given, f"boundary:{boundary}", touching)
        assert one.charge is not None  # an interphase has one, an interdiffused layer none
        physics = LithiumInterphase(boundary, regions, one.growth, one.layer, one.charge, metal)
        return physics, one

    def _factor(self, coating: Coating | None) -> float:
        return 1.0 if coating is None else growth_factor(coating, self.directories, self.temperature)

    def _layer(
        self, word: str, support: str, material: Material, start: float, touching: Touching | None
    ) -> GrownLayer:
        kind, _, place = support.partition(":")
        thickness = Field(f"{word} thickness at {place}", support, "um", THICKNESS_SCALE, "local")
        conductivity = self._property(material, "ionic_conductivity")
        where: Literal["boundary", "interface"] = "boundary" if kind == "boundary" else "interface"
        first = self.number(start) if touching is not None else 0.0
        return GrownLayer(thickness, conductivity, word, where, touching, first)

    def _property(self, material: Material, key: str) -> Any:
        return self.number(material.number(key, self.temperature))
