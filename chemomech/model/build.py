"""The parts of a model put together: the menu of its physics, the state they act on, the problem they make.

The model is the plain sum of its physics.  Adding a physics is one file and one line in `_Builder.physics`.
"""

from collections.abc import Mapping
from typing import Any

import chemomech.runtime  # noqa: F401

import ufl

from chemomech.case.schema import Case
from chemomech.contacts import Contacts
from chemomech.domain import Domain, check_names
from chemomech.fields import ELECTRONIC_POTENTIAL
from chemomech.interphases import Grown
from chemomech.materials.material import Material, load_material
from chemomech.memory import Memories
from chemomech.model.checks import boundaries_used, check_dimension, refuse_floating, refuse_mixed_lithium
from chemomech.model.coupled import Model
from chemomech.model.electrodes import Electrodes
from chemomech.model.electrolytes import Electrolytes
from chemomech.model.interfaces import Interfaces
from chemomech.model.layers import SeriesLayers
from chemomech.model.mechanics import solid, stack_pressure, stress_equilibrium, walls_of
from chemomech.model.numbers import Numbers
from chemomech.model.regions import ActiveRegion, SaltRegion
from chemomech.model.side_reactions import SideReactions
from chemomech.model.start import make_state, start
from chemomech.physics.balance import Physics
from chemomech.physics.conduction import Conduction
from chemomech.physics.lithium_transport import Host, LithiumTransport
from chemomech.physics.space_charge import SpaceCharge
from chemomech.physics.terminal import Control, CurrentCollector, WorkingElectrode
from chemomech.solver.blocks import BlockTraits
from chemomech.solver.newton import BlockProblem


def build_model(case: Case, domain: Domain, jit_options: Mapping[str, Any] | None = None) -> Model:
    """Assemble the model of a case on its mesh; InputError where the two do not fit together."""
    check_names(domain, list(case.regions), boundaries_used(case), str(case.directory / "case.toml"))
    check_dimension(case, domain)
    materials = {
        name: load_material(region.material, case.material_directories).with_properties(region.properties)
        for name, region in case.regions.items()
    }
    return _Builder(case, domain, materials).build(dict(jit_options or {}))


class _Builder:
    """Makes the parts of a model in the order in which they need each other."""

    def __init__(self, case: Case, domain: Domain, materials: Mapping[str, Material]) -> None:
        numbers = Numbers(case, domain, materials)
        self.numbers = numbers
        self.electrolytes = Electrolytes(numbers)
        self.layers = SeriesLayers(numbers, self.electrolytes)
        self.pressure = stack_pressure(numbers)
        self.control = Control(numbers.number(0.0), numbers.number(0.0), numbers.number(1.0))
        ions = {name: self.electrolytes.ion_concentration(name) for name in self.electrolytes.electric}
        self.mechanics = stress_equilibrium(numbers, ions)
        self.contacts = Contacts(case, domain, materials, numbers.number, self.mechanics)
        self.side_reactions = SideReactions(numbers, self.electrolytes)
        self.electrodes = Electrodes(
            numbers, self.electrolytes, self.layers, self.contacts, self.side_reactions
        )
        self.interfaces = Interfaces(numbers, self.electrolytes, self.layers, self.contacts)

    def physics(
        self, terminal: CurrentCollector | WorkingElectrode, space_charge: SpaceCharge | None
    ) -> tuple[Physics, ...]:
        """Return all physics of the model: the menu."""
        numbers, electrolytes, contacts = self.numbers, self.electrolytes, self.contacts
        electrons, hosts, moving = self._electrons(), self._hosts(), self._moving()
        mobility = numbers.case.numerics.mobility
        # What parts make on the way (space-charge layers, layers that grow) stands below those that make it.
        menu: list[Physics | None] = [
            LithiumTransport(hosts, numbers.temperature, mobility, moving) if hosts else None,
            Conduction(ELECTRONIC_POTENTIAL, electrons) if electrons else None,
            *electrolytes.conduction(),
            *electrolytes.salt_transport(moving),
            space_charge,
            *electrolytes.interface_cores(),
            *self.interfaces.charge_transfer(),
            *self.interfaces.charge_layers,
            *electrolytes.ionic_contacts(contacts),
            *contacts.contacts.values(),
            *contacts.constrictions.values(),
            terminal,
            self.electrodes.counter(),
            *self.layers.growing,
            *self.side_reactions.at_interfaces(),
            *self.side_reactions.at_electrode,
            self.mechanics,
            self.pressure,
            *contacts.joints.values(),
        ]
        return tuple(item for item in menu if item is not None)

    def _electrons(self) -> dict[str, Any]:
        return {
            name: self.numbers.number(self.numbers.property(name, "electronic_conductivity"))
            for name in self.numbers.with_role("active", "conductor")
        }

    def _hosts(self) -> dict[str, Host]:
        numbers = self.numbers
        return {
            name: Host(
                numbers.number(numbers.property(name, "maximum_concentration")),
                numbers.law(name, "open_circuit_potential"),
                numbers.law(name, "diffusivity"),
                solid(numbers, name) if numbers.stressed else None,
            )
            for name in numbers.with_role("active")
        }

    def _moving(self) -> Any:
        # Velocity of a matrix that moves; None where it rests.
        velocity = self.numbers.case.mechanics.lattice_velocity
        return None if velocity is None else ufl.as_vector([self.numbers.number(v) for v in velocity])

    def build(self, jit_options: dict[str, Any]) -> Model:
        """Put the parts together."""
        numbers, electrolytes, contacts = self.numbers, self.electrolytes, self.contacts
        case, domain = numbers.case, numbers.domain
        terminal = self.electrodes.terminal(self.control)
        space_charge = electrolytes.space_charge()
        physics = self.physics(terminal, space_charge)
        refuse_floating(numbers, electrolytes.ionic, electrolytes.resistances)
        fields = contacts.parted(list(dict.fromkeys(f for item in physics for f in item.fields)))
        covered = self._covered()
        state = make_state(numbers, [*contacts.point_faces(), *dict(covered)], contacts.memories(), fields)
        refuse_mixed_lithium(numbers, state)
        residual = sum((item.residual(state) for item in physics), ufl.Form([]))
        voltage = start(state, numbers, electrolytes, self.interfaces.charge_layers, self.layers.grown)
        for field, share in self.side_reactions.unreacted.items():
            state.unknowns[field].function.x.array[:] = share
        contacts.start(state)
        problem = BlockProblem(
            residual,
            state.functions,
            [BlockTraits(f.name, f.treatment, f.scale) for f in state.fields],
            walls_of(numbers, state),
            domain.entity_maps,
            jit_options,
        )
        counter, working = case.cell.counter_electrode.at, case.cell.working_electrode
        metal = [counter]
        if working is not None and working.kind == "lithium":
            metal.append(working.at)
        return Model(
            case=case,
            domain=domain,
            state=state,
            physics=physics,
            materials=numbers.materials,
            active=tuple(self._active_region(name) for name in numbers.with_role("active")),
            salts=tuple(self._salt_region(name) for name in electrolytes.salt),
            control=self.control,
            pressure=self.pressure.pressure if self.pressure is not None else None,
            mechanics=self.mechanics,
            space_charge=space_charge,
            problem=problem,
            terminal_area=terminal.area,
            cell_area=domain.boundary_area(counter),
            open_circuit_voltage=voltage,
            contacts=contacts,
            memories=Memories(state, contacts.followed(state), problem.compile),
            lithium_metal=tuple(f"metal current at {boundary}" for boundary in metal),
            grown=tuple(self.layers.grown),
            covered=covered,
        )

    def _covered(self) -> tuple[tuple[str, Grown], ...]:
        found: list[tuple[str, Grown]] = []
        for one in self.layers.grown:
            kind, _, place = one.layer.thickness.support.partition(":")
            faces = [place]
            if kind == "boundary":
                regions = [name for names in self.electrolytes.touching(place).values() for name in names]
                faces = [f"{name}@{place}" for name in regions]
            found += [(face, one) for face in faces]
        return tuple(found)

    def _active_region(self, name: str) -> ActiveRegion:
        limit = self.numbers.property(name, "maximum_concentration")
        return ActiveRegion(name, limit, self.numbers.initial[name], self.numbers.domain.volume([name]))

    def _salt_region(self, name: str) -> SaltRegion:
        concentration, initial = self.electrolytes.salt[name], self.electrolytes.initial_salt(name)
        return SaltRegion(name, concentration, initial, self.numbers.domain.volume([name]))
