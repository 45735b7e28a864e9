"""From the contact of a case to its laws: how much of a face touches, how current narrows into the places that do."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chemomech.case.schema import Case, Contact
from chemomech.constants import KMOL_PER_M3
from chemomech.errors import InputError, Problem
from chemomech.fields import SALT_CONCENTRATION, State
from chemomech.materials import contact_laws as laws
from chemomech.materials.laws import ufl_maths
from chemomech.materials.material import Material

type OnFace = Callable[[State], Any]


@dataclass(frozen=True)
class Roughness:
    """Makes the laws of rough contact of a case."""

    case: Case
    materials: Mapping[str, Material]
    """by region"""
    number: Callable[[float], Any]
    """makes a constant of the forms"""

    def elastic(self, material: Material) -> tuple[float, float]:
        """Return Young's modulus [GPa] and Poisson's ratio of a material."""
        temperature = self.case.cell.temperature
        return material.number("youngs_modulus", temperature), material.number("poissons_ratio", temperature)

    def law(self, given: Contact, bodies: Sequence[Material], place: str) -> laws.RoughContact:
        """Return the law of contact of two bodies, or of one with a rigid one; InputError without hardness."""
        modulus = self.number(laws.effective_modulus(*(self.elastic(body) for body in bodies)))
        retained = 0.0 if given.retained is None else self.number(given.retained)
        loading: laws.Loading
        if given.law == "persson":
            loading = laws.Persson(modulus, self.number(given.slope or 0.0))
        elif given.law == "greenwood_williamson":
            loading = laws.GreenwoodWilliamson(
                modulus, self.number(given.asperity_radius or 0.0), self.number(given.height_spread or 0.0)
            )
        elif given.law == "westergaard":
            loading = laws.Westergaard(
                modulus, self.number(given.amplitude or 0.0), self.number(given.wavelength or 0.0)
            )
        else:
            loading = laws.Plastic(self.number(self._hardness(bodies, place)))
        return laws.RoughContact(loading, laws.Unloading(self.number(given.unloading_exponent), retained))

    def narrowing(self, given: Contact) -> laws.Narrowing | None:
        """Return the spots into which current narrows; None where the case does not ask for them."""
        if not given.constriction:
            return None
        if given.law == "greenwood_williamson":
            spots = laws.RoundSpots.of_asperities(given.asperity_radius or 0.0, given.height_spread or 0.0)
            return laws.RoundSpots(self.number(spots.radius))
        if given.law == "westergaard":
            return laws.Strips(self.number(given.wavelength or 0.0))
        return laws.RoundSpots(self.number(given.spot_radius or 0.0))

    def resistivity(self, region: str, side: str) -> OnFace:
        """Return 1/conductivity of a region at a face [V um/nA], of ions in an electrolyte and else of electrons.

        ``side``: "+" or "-" of an interface, empty at a boundary.
        """
        material, temperature = self.materials[region], self.case.cell.temperature
        given = self.case.regions[region]
        key = "ionic_conductivity" if given.role == "electrolyte" else "electronic_conductivity"
        if given.salt is None or material.properties[key].law.is_constant:
            constant = self.number(1.0 / material.number(key, temperature))
            return lambda state: constant
        law = material.law(key, temperature)

        def local(state: State) -> Any:
            salt = state.value[state.field_in(SALT_CONCENTRATION, region)]
            return 1.0 / law(KMOL_PER_M3 * (salt(side) if side else salt), ufl_maths())

        return local

    def _hardness(self, bodies: Sequence[Material], place: str) -> float:
        temperature = self.case.cell.temperature
        known = [material for material in bodies if material.has("hardness")]
        if not known:
            raise InputError(
                Problem(
                    place,
                    f"law = 'plastic' needs the hardness of {' or '.join(body.name for body in bodies)}",
                    'add it to the properties of the softer one, e.g. { hardness = "2 GPa" }',
                )
            )
        return min(material.number("hardness", temperature) for material in known)
