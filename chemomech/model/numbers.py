"""The numbers of a case on its mesh, as the parts of a model ask for them."""

from collections.abc import Callable, Mapping
from typing import Any

import chemomech.runtime  # noqa: F401

from dolfinx import fem

from chemomech.case.schema import Case
from chemomech.domain import Domain
from chemomech.fields import CELL_VOLTAGE, CHEMICAL_POTENTIAL, ELECTRONIC_POTENTIAL
from chemomech.materials.laws import ufl_maths
from chemomech.materials.material import Material

POTENTIALS = (ELECTRONIC_POTENTIAL, CHEMICAL_POTENTIAL, CELL_VOLTAGE)
"""kept relative to the initial potential, so that conductivity x potential keeps its digits"""


class Numbers:
    """A case, its mesh and its materials; what is asked for comes in internal units."""

    def __init__(self, case: Case, domain: Domain, materials: Mapping[str, Material]) -> None:
        """Find the temperature and the initial stoichiometries of the active regions."""
        self.case = case
        self.domain = domain
        self.materials = materials
        self.temperature = self.number(case.cell.temperature)
        self.stressed = case.mechanics.enabled
        self.initial = {name: self._initial_stoichiometry(name) for name in self.with_role("active")}

    def number(self, value: float) -> fem.Constant:
        """Return a constant of the forms: changing it recompiles nothing."""
        return fem.Constant(self.domain.mesh, float(value))

    def optional(self, value: float | None) -> fem.Constant | None:
        """Return a constant of the forms where there is a value."""
        return None if value is None else self.number(value)

    def property(self, region: str, key: str) -> float:
        """Return a number of the region's material [internal units]."""
        return self.materials[region].number(key, self.case.cell.temperature)

    def law(self, region: str, key: str) -> Callable[[Any], Any]:
        """Return a law of the region's material as a function of UFL expressions."""
        law, maths = self.materials[region].law(key, self.case.cell.temperature), ufl_maths()
        return lambda x: law(x, maths)

    def with_role(self, *roles: str) -> list[str]:
        """Return the names of the regions with one of these roles."""
        return [name for name, region in self.case.regions.items() if region.role in roles]

    def _initial_stoichiometry(self, name: str) -> float:
        initial = self.case.regions[name].initial
        assert initial is not None  # the case reader demands it for active regions
        if initial.stoichiometry is not None:
            return initial.stoichiometry
        assert initial.voltage is not None
        return self.materials[name].equilibrium_stoichiometry(initial.voltage, self.case.cell.temperature)
