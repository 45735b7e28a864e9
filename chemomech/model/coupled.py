"""The model: a coupled problem on a domain, its controls, and what can be read off it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import chemomech.runtime  # noqa: F401

import ufl
from dolfinx import fem

from chemomech.case.schema import Case
from chemomech.contacts import Contacts
from chemomech.domain import Domain
from chemomech.errors import InputError
from chemomech.fields import State
from chemomech.interphases import Grown
from chemomech.materials.material import Material
from chemomech.memory import Memories
from chemomech.model.regions import ActiveRegion, SaltRegion
from chemomech.physics.balance import Physics
from chemomech.physics.mechanics import StressEquilibrium
from chemomech.physics.space_charge import SpaceCharge
from chemomech.physics.terminal import Control
from chemomech.solver.newton import BlockProblem


@dataclass
class Model:
    """A coupled problem on a domain, its controls, and what can be read off it."""

    case: Case
    domain: Domain
    state: State
    physics: tuple[Physics, ...]
    materials: Mapping[str, Material]
    active: tuple[ActiveRegion, ...]
    salts: tuple[SaltRegion, ...]
    control: Control
    pressure: fem.Constant | None
    mechanics: StressEquilibrium | None
    space_charge: SpaceCharge | None
    problem: BlockProblem
    terminal_area: float
    """of the current collector or the working electrode [um^2]"""
    cell_area: float
    """cross-section of the cell at the counter electrode [um^2]"""
    open_circuit_voltage: float
    """at the initial composition [V]"""
    contacts: Contacts
    """faces that can part or that conduct in part"""
    memories: Memories
    lithium_metal: tuple[str, ...]
    """observables that are currents of lithium ions from metal into the electrolyte"""
    grown: tuple[Grown, ...] = ()
    """layers that grow on interfaces and on lithium metal"""
    covered: tuple[tuple[str, Grown], ...] = ()
    """the same with each face that they lie on"""

    @property
    def depth(self) -> float:
        """Depth of the mesh where it is plane strain [um]; 1 where the mesh is the whole body."""
        given = self.case.cell.depth
        return given if given is not None and self.domain.coordinates == "plane strain" else 1.0

    @cached_property
    def surfaces(self) -> dict[str, dict[str, float]]:
        """Volume [um^3] of each active region and the surface [um^2] that has charge transfer (collective)."""
        found = {region.name: {"volume": region.volume, "surface": 0.0} for region in self.active}
        for active, place in found.items():
            for name, region in self.case.regions.items():
                if (
                    region.role == "electrolyte"
                    and self.case.interface(active, name).charge_transfer is not None
                ):
                    place["surface"] += self.domain.interface_area([active], [name])
        return found

    @property
    def charged(self) -> BlockProblem | None:
        """Electric potentials and ion concentrations alone, all other unknowns as they stand; None without any."""
        if self.space_charge is None:
            return None
        moving = {ion.concentration for medium in self.space_charge.media.values() for ion in medium.ions}
        moving |= {medium.electric for medium in self.space_charge.media.values()}
        return self.problem.part([i for i, item in enumerate(self.state.fields) if item in moving])

    def observables(self) -> dict[str, ufl.Form]:
        """All scalar forms that the physics offer, by name."""
        return self._observables

    @cached_property
    def _observables(self) -> dict[str, ufl.Form]:
        return {name: form for item in self.physics for name, form in item.observables(self.state).items()}

    def equilibrium_capacity(self, low: float | None, high: float | None) -> float:
        """Charge between the equilibria at two voltages [nC]; an open end means the end of the materials' range."""
        temperature = self.case.cell.temperature
        total = 0.0
        for region in self.active:
            material = self.materials[region.name]
            ends = []
            for voltage, end in ((low, 1), (high, 0)):
                theta = material.stoichiometry_range[end]
                if voltage is not None:
                    try:
                        theta = material.equilibrium_stoichiometry(voltage, temperature)
                    except InputError:  # beyond the measured curve: the range ends first
                        theta = material.stoichiometry_range[end]
                ends.append(theta)
            total += region.capacity * abs(ends[0] - ends[1])
        return total
