"""Side reactions of a case: what decomposes at which interface, and on a blocking electrode."""

from collections.abc import Mapping

import chemomech.runtime  # noqa: F401

from chemomech.case.layers import growth_factor, layer_material
from chemomech.case.schema import Coating, WorkingElectrode
from chemomech.case.schema import SideReaction as SideReactionInput
from chemomech.constants import FARADAY
from chemomech.fields import Field
from chemomech.materials.kinetics import OXIDATION, REDUCTION, ConfinedRedox
from chemomech.model.checks import they_touch
from chemomech.model.electrolytes import Electrolytes
from chemomech.model.numbers import Numbers
from chemomech.physics.side_reaction import ElectrodeSideReaction, SideReaction

SHARE_SCALE = 1e-2
"""a change of this share of what can react counts as one [-]"""


class SideReactions:
    """Makes side reactions, and keeps how much of each is left at the start."""

    def __init__(self, numbers: Numbers, electrolytes: Electrolytes) -> None:
        """Begin without side reactions."""
        self.numbers = numbers
        self.electrolytes = electrolytes
        self.unreacted: dict[Field, float] = {}
        """share that is left at the start, by the unknown"""
        self.at_electrode: list[ElectrodeSideReaction] = []

    def at_interfaces(self) -> list[SideReaction]:
        """Return those between electrolytes and what conducts electrons."""
        found = []
        for conductor in self.numbers.with_role("active", "conductor"):
            for electrolyte in self.numbers.with_role("electrolyte"):
                case, domain = self.numbers.case, self.numbers.domain
                interface = case.interface(conductor, electrolyte)
                if not interface.side_reactions or not they_touch(case, domain, conductor, electrolyte):
                    continue
                for reaction, given in interface.side_reactions.items():
                    place = f"{conductor}|{electrolyte}"
                    left = self._left(reaction, f"interface:{place}", given)
                    found.append(
                        SideReaction(
                            f"{reaction} at {place}",
                            conductor,
                            electrolyte,
                            self._redox(given, interface.coating),
                            left,
                            self.electrolytes.ionic[electrolyte],
                        )
                    )
        return found

    def on_electrode(
        self,
        electrode: WorkingElectrode,
        touching: Mapping[Field, tuple[str, ...]],
        film_current: Field | None,
        film_resistance: float,
    ) -> tuple[ElectrodeSideReaction, ...]:
        """Return those on a blocking electrode, behind its coating where it has one."""
        found = tuple(
            ElectrodeSideReaction(
                f"{reaction} at {electrode.at}",
                electrode.at,
                touching,
                self._redox(given, electrode.coating),
                self._left(reaction, f"boundary:{electrode.at}", given),
                film_current=film_current,
                film_resistance=self.numbers.number(film_resistance),
            )
            for reaction, given in electrode.side_reactions.items()
        )
        self.at_electrode += found
        return found

    def _left(self, reaction: str, support: str, given: SideReactionInput) -> Field:
        place = support.partition(":")[2]
        field = Field(f"unreacted share of {reaction} at {place}", support, "-", SHARE_SCALE, "local")
        self.unreacted[field] = 1.0 - (given.initial_share or 0.0)
        return field

    def _redox(self, given: SideReactionInput, coating: Coating | None) -> ConfinedRedox:
        numbers = self.numbers
        directories, temperature = numbers.case.material_directories, numbers.case.cell.temperature
        material = layer_material(given, directories)
        oxidised = material.has("oxidation_potential")

        def get(key: str) -> float:
            return material.number(key, temperature)

        factor = 1.0 if coating is None else growth_factor(coating, directories, temperature)
        return ConfinedRedox(
            numbers.number(factor * get("exchange_current_density")),
            numbers.number(FARADAY * given.thickness / get("molar_volume")),
            numbers.number(get("oxidation_potential" if oxidised else "reduction_potential")),
            numbers.number(get("decomposition_coefficient")),
            numbers.number(get("electrons")),
            numbers.temperature,
            OXIDATION if oxidised else REDUCTION,
            given.reversible,
        )
