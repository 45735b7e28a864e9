"""Case + domain -> model: which physics act where, with which numbers, and how the cell is controlled.

The model is the plain sum of its physics.  Adding a physics is one file and one line in `_physics`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import chemomech.runtime  # noqa: F401

import numpy as np
import ufl
from dolfinx import fem

from chemomech.case.schema import Case
from chemomech.case.schema import ChargeTransfer as ChargeTransferInput
from chemomech.case.schema import CounterElectrode as CounterElectrodeInput
from chemomech.case.schema import WorkingElectrode as WorkingElectrodeInput
from chemomech.connectivity import floating
from chemomech.constants import FARADAY, GAS, VACUUM
from chemomech.contacts import Contacts
from chemomech.domain import FREE_SURFACE, Domain, Support, check_names
from chemomech.errors import InputError, Problem
from chemomech.fields import (
    CELL_VOLTAGE,
    CHEMICAL_POTENTIAL,
    CONCENTRATION,
    DISPLACEMENT,
    ELECTRIC_POTENTIAL,
    ELECTRONIC_POTENTIAL,
    IONIC_POTENTIAL,
    SALT_CONCENTRATION,
    Field,
    State,
    ion_concentration,
)
from chemomech.interphases import Grown, LayerMaker
from chemomech.materials.charge_layer import LayerLaw, settled_charge
from chemomech.materials.free_energy import Solid
from chemomech.materials.kinetics import Kinetics
from chemomech.materials.laws import ufl_maths
from chemomech.materials.material import Material, load_material
from chemomech.materials.properties import SALT
from chemomech.memory import Memories
from chemomech.physics.balance import Layer, Physics
from chemomech.physics.charge_layer import ChargeLayer
from chemomech.physics.charge_transfer import ChargeTransfer
from chemomech.physics.conduction import Conduction
from chemomech.physics.ionic_contact import IonicContact
from chemomech.physics.layers import Film
from chemomech.physics.lithium_transport import Host, LithiumTransport
from chemomech.physics.mechanics import StackPressure, StressEquilibrium, rollers
from chemomech.physics.salt_transport import SaltTransport, Solution
from chemomech.physics.space_charge import BlockingCore, InterfaceCore, Ion, Medium, SpaceCharge
from chemomech.physics.terminal import (
    BlockingElectrode,
    Control,
    CounterElectrode,
    CurrentCollector,
    Electrode,
    LithiumElectrode,
    WorkingElectrode,
)
from chemomech.solver.blocks import BlockTraits
from chemomech.solver.newton import BlockProblem

ROLES: dict[str, tuple[str, ...]] = {
    "active": ("active",),
    "electron-conducting": ("active", "conductor"),
    "ion-conducting": ("electrolyte",),
    "solid": ("active", "electrolyte", "conductor", "inert"),
}
"""which roles of a region carry a field of this support"""

SECOND = 1.0
"""[s]"""
KMOL_PER_M3 = 1e3
"""1 pmol/um^3 in kmol/m^3, in which laws of a salt are written"""
POTENTIALS = (ELECTRONIC_POTENTIAL, CHEMICAL_POTENTIAL, CELL_VOLTAGE)
"""kept relative to the initial potential, so that conductivity x potential keeps its digits"""


@dataclass(frozen=True)
class ActiveRegion:
    """Numbers of an active region that the run and its reports need."""

    name: str
    maximum_concentration: float
    """[pmol/um^3]"""
    initial_stoichiometry: float
    volume: float
    """[um^3]; per um of depth in plane strain"""

    @property
    def capacity(self) -> float:
        """Charge of the full stoichiometry range 0 to 1 [nC]."""
        return FARADAY * self.maximum_concentration * self.volume


@dataclass(frozen=True)
class SaltRegion:
    """Numbers of a region with a salt that the run and its reports need."""

    name: str
    concentration: Field
    initial_concentration: float
    """[pmol/um^3]"""
    volume: float
    """[um^3]; per um of depth in plane strain"""


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

    @property
    def depth(self) -> float:
        """Depth of the mesh where it is plane strain [um]; 1 where the mesh is the whole body."""
        given = self.case.cell.depth
        return given if given is not None and self.domain.coordinates == "plane strain" else 1.0

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


def build_model(case: Case, domain: Domain, jit_options: Mapping[str, Any] | None = None) -> Model:
    """Assemble the model of a case on its mesh; InputError where the two do not fit together."""
    used = _boundaries_used(case)
    check_names(domain, list(case.regions), used, str(case.directory / "case.toml"))
    _check_dimension(case, domain)
    materials = {
        name: load_material(region.material, case.material_directories).with_properties(region.properties)
        for name, region in case.regions.items()
    }
    builder = _Builder(case, domain, materials)
    return builder.build(dict(jit_options or {}))


def _check_dimension(case: Case, domain: Domain) -> None:
    # The case reader says this first where the coordinates can be known without reading the mesh.
    velocity, problems = case.mechanics.lattice_velocity, []
    if velocity is not None and len(velocity) != domain.dimension:
        what = f"{len(velocity)} speeds in a mesh of {domain.dimension} dimensions"
        problems.append(Problem("[mechanics] lattice_velocity", what, f"give {domain.dimension}"))
    if case.cell.depth is not None and domain.coordinates != "plane strain":
        what = f"a mesh in {domain.coordinates} has no depth to choose"
        problems.append(Problem("[cell] depth", what, "remove it"))
    if case.mechanics.out_of_plane == "free" and domain.coordinates != "plane strain":
        what = f"'free' means nothing in a mesh that is {domain.coordinates}"
        problems.append(Problem("[mechanics] out_of_plane", what, "remove it"))
    if problems:
        raise InputError(problems)


def _boundaries_used(case: Case) -> list[str]:
    names = [case.cell.counter_electrode.at, *case.mechanics.free]
    if case.cell.collector is not None and case.cell.collector.boundary is not None:
        names.append(case.cell.collector.boundary)
    if case.cell.working_electrode is not None:
        names.append(case.cell.working_electrode.at)
    if case.pressure is not None:
        names.append(case.pressure.at)
    return names


class _Builder:
    """Makes the parts of a model in the order in which they need each other."""

    def __init__(self, case: Case, domain: Domain, materials: Mapping[str, Material]) -> None:
        self.case = case
        self.domain = domain
        self.materials = materials
        self.temperature = self.number(case.cell.temperature)
        self.stressed = case.mechanics.enabled
        self.initial = {name: self._initial_stoichiometry(name) for name in self.with_role("active")}
        self.ionic = self._ionic_potentials()
        self.maker = LayerMaker(case.material_directories, case.cell.temperature, self.number)
        self.grown: list[Grown] = []
        self.growing: list[Physics] = []
        self.salt = self._salt_concentrations()
        self.electric = self._electric_potentials()
        self.charge_layers: list[ChargeLayer] = []

    # ---- numbers ----------------------------------------------------------------------------------

    def number(self, value: float) -> fem.Constant:
        """A constant of the forms: changing it recompiles nothing."""
        return fem.Constant(self.domain.mesh, float(value))

    def property(self, region: str, key: str) -> float:
        """A number of the region's material [internal units]."""
        return self.materials[region].number(key, self.case.cell.temperature)

    def law(self, region: str, key: str) -> Callable[[Any], Any]:
        """A law of the region's material as a function of UFL expressions."""
        law, maths = self.materials[region].law(key, self.case.cell.temperature), ufl_maths()
        return lambda x: law(x, maths)

    def with_role(self, *roles: str) -> list[str]:
        """Names of the regions with one of these roles."""
        return [name for name, region in self.case.regions.items() if region.role in roles]

    def _initial_stoichiometry(self, name: str) -> float:
        initial = self.case.regions[name].initial
        assert initial is not None  # the case reader demands it for active regions
        if initial.stoichiometry is not None:
            return initial.stoichiometry
        assert initial.voltage is not None
        return self.materials[name].equilibrium_stoichiometry(initial.voltage, self.case.cell.temperature)

    # ---- electrolytes -----------------------------------------------------------------------------

    def _resistances(self) -> dict[tuple[str, str], float]:
        """Interfaces of two electrolytes with a resistance [V um^2/nA]; InputError where they do not touch."""
        found: dict[tuple[str, str], float] = {}
        for one, other in combinations(self.with_role("electrolyte"), 2):
            given = self.case.interface(one, other).resistance
            if given is not None:
                self._refuse_apart(one, other)
                found[one, other] = given
        return found

    def _ionic_potentials(self) -> dict[str, Field]:
        """Return the ionic potential of each electrolyte: one for all regions that touch without a resistance."""
        names, resistances = self.with_role("electrolyte"), self._resistances()
        if not resistances:
            return dict.fromkeys(names, IONIC_POTENTIAL)
        group = self._joined(names, resistances)
        for one, other in resistances:
            if other in group[one]:
                between = sorted(group[one] - {one, other}) or [other]
                raise InputError(
                    Problem(
                        f"[interfaces.'{one}|{other}'] resistance",
                        f"ions pass around it without resistance, by way of {', '.join(between)}",
                        "give a resistance to every interface between the two sides",
                    )
                )
        return {name: IONIC_POTENTIAL.on(group[name]) for name in names}

    def _salt_concentrations(self) -> dict[str, Field]:
        """Return the concentration of each region with a salt: one where an ionic potential is one."""
        given = {name: region.salt for name, region in self.case.regions.items()}
        salted = [name for name in self.with_role("electrolyte") if given[name] is not None]
        for one, other in combinations(salted, 2):
            if (
                self.ionic[one] != self.ionic[other]
                or tuple(sorted((one, other))) not in self.domain.adjacent()
            ):
                continue
            first, second = self.materials[one].properties, self.materials[other].properties
            keys = (*SALT, "ionic_conductivity")
            if given[one] != given[other] or any(first[key] != second[key] for key in keys):
                raise InputError(
                    Problem(
                        f"[regions] {other}",
                        f"touches '{one}', whose salt is another: how it is shared between the two is not modelled",
                        "give both the same material and concentration, or put a resistance between them",
                    )
                )
        return {
            name: SALT_CONCENTRATION.on(other for other in salted if self.ionic[other] == self.ionic[name])
            for name in salted
        }

    def _joined(self, names: list[str], parted: Mapping[tuple[str, str], float]) -> dict[str, set[str]]:
        """Return for each region all those that it touches, or that these touch, without crossing a parting."""
        group = {name: {name} for name in names}
        for one, other in self.domain.adjacent():
            if one in group and other in group and not {(one, other), (other, one)} & parted.keys():
                joined = group[one] | group[other]
                group.update(dict.fromkeys(joined, joined))
        return group

    def _cores(self) -> dict[tuple[str, str], float]:
        """Interfaces with a core layer between two regions whose charge is resolved [nC/(V um^2)]."""
        found: dict[tuple[str, str], float] = {}
        for one, other in combinations(self.with_role("electrolyte"), 2):
            given = self.case.interface(one, other).core_capacitance
            if given is not None:
                self._refuse_apart(one, other)
                found[one, other] = given
        return found

    def _electric_potentials(self) -> dict[str, Field]:
        """Return the electric potential of each region whose charge is resolved."""
        names, cores = (
            [name for name, region in self.case.regions.items() if region.space_charge],
            self._cores(),
        )
        group = self._joined(names, cores)
        for one, other in cores:
            if other in group[one]:
                raise InputError(
                    Problem(
                        f"[interfaces.'{one}|{other}'] core_capacitance",
                        "the electric potential is continuous around it",
                        "give a core_capacitance to every interface between the two sides",
                    )
                )
        return {name: ELECTRIC_POTENTIAL.on(group[name]) for name in names}

    def _touching(
        self, boundary: str, potentials: Mapping[str, Field] | None = None
    ) -> dict[Field, tuple[str, ...]]:
        """Return the electrolyte regions that end at a boundary, by their ionic potential (or another one)."""
        found: dict[Field, tuple[str, ...]] = {}
        for name, potential in (self.ionic if potentials is None else potentials).items():
            if self.domain.boundary_area(boundary, [name]) > 0.0:
                found[potential] = (*found.get(potential, ()), name)
        return found

    # ---- parts ------------------------------------------------------------------------------------

    def build(self, jit_options: dict[str, Any]) -> Model:
        """Put the parts together."""
        pressure = self._pressure()
        control = Control(self.number(0.0), self.number(0.0), self.number(1.0))
        mechanics = None
        if self.stressed:
            swelling = {name: self._ion_concentration(name) for name in self.electric}
            free = self.case.mechanics.out_of_plane == "free"
            mechanics = StressEquilibrium(self._solids(), free, swelling)
        self.contacts = Contacts(self.case, self.domain, self.materials, self.number, mechanics)
        terminal = self._terminal(control)
        space_charge = self._space_charge()
        physics = self._physics(mechanics, terminal, pressure, space_charge)
        self._refuse_floating()
        fields = self.contacts.parted(list(dict.fromkeys(f for item in physics for f in item.fields)))
        state = self._state(fields)
        self._refuse_mixed_lithium(state)
        residual = sum((item.residual(state) for item in physics), ufl.Form([]))
        voltage = self._start(state)
        self.contacts.start(state)
        problem = BlockProblem(
            residual,
            state.functions,
            [BlockTraits(f.name, f.treatment, f.scale) for f in state.fields],
            self._rollers(state) if self.stressed else [],
            self.domain.entity_maps,
            jit_options,
        )
        counter, working = self.case.cell.counter_electrode.at, self.case.cell.working_electrode
        metal = [counter]
        if working is not None and working.kind == "lithium":
            metal.append(working.at)
        return Model(
            case=self.case,
            domain=self.domain,
            state=state,
            physics=physics,
            materials=self.materials,
            active=tuple(self._active_region(name) for name in self.with_role("active")),
            salts=tuple(self._salt_region(name) for name in self.salt),
            control=control,
            pressure=pressure.pressure if pressure is not None else None,
            mechanics=mechanics,
            space_charge=space_charge,
            problem=problem,
            terminal_area=terminal.area,
            cell_area=self.domain.boundary_area(counter),
            open_circuit_voltage=voltage,
            contacts=self.contacts,
            memories=Memories(state, self.contacts.followed(state), problem.compile),
            lithium_metal=tuple(f"metal current at {boundary}" for boundary in metal),
            grown=tuple(self.grown),
        )

    def _physics(
        self,
        mechanics: StressEquilibrium | None,
        terminal: CurrentCollector | WorkingElectrode,
        pressure: StackPressure | None,
        space_charge: SpaceCharge | None,
    ) -> tuple[Physics, ...]:
        numerics = self.case.numerics
        electrons = {
            name: self.number(self.property(name, "electronic_conductivity"))
            for name in self.with_role("active", "conductor")
        }
        hosts = self._hosts()
        velocity = self.case.mechanics.lattice_velocity
        moving = None if velocity is None else ufl.as_vector([self.number(v) for v in velocity])
        menu: list[Physics | None] = [
            LithiumTransport(hosts, self.temperature, numerics.mobility, moving) if hosts else None,
            Conduction(ELECTRONIC_POTENTIAL, electrons) if electrons else None,
            *self._ions(),
            *self._salts(moving),
            space_charge,
            *self._interface_cores(),
            *self._charge_transfer(),
            *self.charge_layers,
            *self._ionic_contacts(),
            *self.contacts.contacts.values(),
            terminal,
            self._counter(),
            *self.growing,
            mechanics,
            pressure,
            *self.contacts.joints.values(),
        ]
        return tuple(item for item in menu if item is not None)

    def _refuse_floating(self) -> None:
        # A potential without a way to the counter electrode is undetermined: the matrix would be singular.
        electrolytes = self.with_role("electrolyte")
        pairs = [
            (active, electrolyte)
            for active in self.with_role("active")
            for electrolyte in electrolytes
            if self.case.interface(active, electrolyte).charge_transfer is not None
        ]
        pairs += list(self._resistances())
        groups: dict[Field, tuple[str, ...]] = {}
        for name, potential in self.ionic.items():
            groups[potential] = (*groups.get(potential, ()), name)
        conductors = (tuple(self.with_role(*ROLES["electron-conducting"])), *groups.values())
        counter = self.case.cell.counter_electrode.at
        lonely = floating(self.domain, conductors, pairs, (counter, tuple(electrolytes)))
        if lonely:
            raise InputError(
                Problem(
                    f"[regions] {piece.region}",
                    f"a piece of {piece.cells} cells about ({', '.join(f'{x:.3g}' for x in piece.centre)}) um has no "
                    "way for current to the counter electrode",
                    "connect it, give its interface charge_transfer, or make it a region of role inert",
                )
                for piece in lonely[:10]
            )

    def _refuse_mixed_lithium(self, state: State) -> None:
        # The concentration is continuous: right inside one material, wrong where two kinds of lattice meet.
        active = self.with_role("active")
        dofs = {name: region_dofs(state, CONCENTRATION, name) for name in active}
        for position, one in enumerate(active):
            for other in active[position + 1 :]:
                shared = len(np.intersect1d(dofs[one], dofs[other]))
                if self.domain.comm.allreduce(shared) and not self._same_lattice(one, other):
                    raise InputError(
                        Problem(
                            f"[regions] {other}",
                            f"touches '{one}', which is another active material: lithium that crosses between the two "
                            "is not modelled",
                            "put a layer of role conductor or electrolyte between them",
                        )
                    )

    def _same_lattice(self, one: str, other: str) -> bool:
        first, second = self.materials[one], self.materials[other]
        keys = ("maximum_concentration", "open_circuit_potential")
        return all(first.properties[key] == second.properties[key] for key in keys)

    def _solids(self) -> dict[str, Solid]:
        return {name: self._solid(name) for name in self.case.regions}

    def _solid(self, name: str) -> Solid:
        elastic = (
            self.number(self.property(name, "youngs_modulus")),
            self.number(self.property(name, "poissons_ratio")),
        )
        charged = self.case.regions[name].space_charge
        if charged is not None and charged.ion_volume is not None:
            sites = self.number(charged.mobile_concentration)
            volume = self.number(charged.ion_volume)
            return Solid(
                *elastic,
                swelling=lambda theta: volume * sites * theta,
                maximum_concentration=sites,
                stress_free_stoichiometry=self.number(charged.occupancy),
            )
        if name not in self.initial:
            return Solid(*elastic)
        reference = self.case.regions[name].stress_free_stoichiometry
        return Solid(
            *elastic,
            swelling=self.law(name, "swelling"),
            maximum_concentration=self.number(self.property(name, "maximum_concentration")),
            stress_free_stoichiometry=self.number(self.initial[name] if reference is None else reference),
        )

    def _hosts(self) -> dict[str, Host]:
        return {
            name: Host(
                self.number(self.property(name, "maximum_concentration")),
                self.law(name, "open_circuit_potential"),
                self.law(name, "diffusivity"),
                self._solid(name) if self.stressed else None,
            )
            for name in self.with_role("active")
        }

    def _charge_transfer(self) -> list[ChargeTransfer]:
        found = []
        for active in self.with_role("active"):
            for electrolyte in self.with_role("electrolyte"):
                given = self.case.interface(active, electrolyte).charge_transfer
                if given is not None:
                    self._refuse_apart(active, electrolyte)
                    found.append(self._interface(active, electrolyte, given))
        if not found and self.case.cell.working_electrode is None:
            raise InputError(
                Problem(
                    str(self.case.directory / "case.toml"),
                    "no interface has charge_transfer, so no current can flow",
                    "add [interfaces.'a|b'] charge_transfer between an active and an electrolyte region",
                )
            )
        return found

    def _refuse_apart(self, one: str, other: str) -> None:
        adjacent = self.domain.adjacent()
        if tuple(sorted((one, other))) not in adjacent:
            raise InputError(
                Problem(
                    f"[interfaces.'{one}|{other}']",
                    "the two regions do not touch in this mesh",
                    f"regions that touch: {sorted('|'.join(p) for p in adjacent)}",
                )
            )

    def _ions(self) -> list[Conduction]:
        special = {*self.salt, *self.electric}  # their charge balance is another
        return [
            Conduction(
                potential,
                {
                    name: self.number(self.property(name, "ionic_conductivity"))
                    for name, own in self.ionic.items()
                    if own == potential and name not in special
                },
            )
            for potential in dict.fromkeys(p for name, p in self.ionic.items() if name not in special)
        ]

    def _ion_concentration(self, name: str) -> Field:
        charged = self.case.regions[name].space_charge
        assert charged is not None
        return ion_concentration(name, charged.mobile_concentration)

    def _space_charge(self) -> SpaceCharge | None:
        if not self.electric:
            return None
        return SpaceCharge({name: self._medium(name) for name in self.electric}, self.temperature)

    def _medium(self, name: str) -> Medium:
        charged = self.case.regions[name].space_charge
        assert charged is not None
        swells = self.stressed and charged.ion_volume is not None
        ion = Ion(
            potential=self.ionic[name],
            concentration=self._ion_concentration(name),
            charge=1,
            bulk_concentration=self.number(charged.mobile_concentration * charged.occupancy),
            share=self.number(charged.occupancy),
            conductivity=self.number(self.property(name, "ionic_conductivity")),
            chemical_potential=self.number(charged.chemical_potential),
            solid=self._solid(name) if swells else None,
        )
        permittivity = self.number(VACUUM * self.property(name, "relative_permittivity"))
        return Medium(self.electric[name], permittivity, (ion,))

    def _interface_cores(self) -> list[InterfaceCore]:
        return [
            InterfaceCore(
                f"{one}|{other}",
                frozenset([one]),
                frozenset([other]),
                self.electric[one],
                self.electric[other],
                self.number(capacitance),
                0.0,
            )
            for (one, other), capacitance in self._cores().items()
        ]

    def _salts(self, moving: Any) -> list[SaltTransport]:
        return [
            SaltTransport(
                {name: self._solution(name) for name, own in self.salt.items() if own == concentration},
                concentration,
                potential,
                self.temperature,
                moving,
            )
            for concentration, potential in dict.fromkeys(
                (c, self.ionic[name]) for name, c in self.salt.items()
            )
        ]

    def _solution(self, name: str) -> Solution:
        return Solution(
            conductivity=self._salt_law(name, "ionic_conductivity"),
            transference_number=self._salt_law(name, "transference_number"),
            thermodynamic_factor=self._salt_law(name, "thermodynamic_factor"),
            diffusivity=self._salt_law(name, "salt_diffusivity"),
        )

    def _salt_law(self, region: str, key: str) -> Callable[[Any], Any]:
        # A law of the material file is against kmol/m3; one that is constant stays a constant of the forms.
        if self.materials[region].properties[key].law.is_constant:
            constant = self.number(self.property(region, key))
            return lambda c: constant
        law = self.law(region, key)
        return lambda c: law(KMOL_PER_M3 * c)

    def _ionic_contacts(self) -> list[IonicContact]:
        return [
            IonicContact(
                one,
                other,
                (self.ionic[one], self.ionic[other]),
                self.number(resistance),
                self.contacts.fraction(f"{one}|{other}"),
            )
            for (one, other), resistance in self._resistances().items()
        ]

    def _interface(self, active: str, electrolyte: str, given: ChargeTransferInput) -> ChargeTransfer:
        name = f"{active}|{electrolyte}"
        charge_layer = self._charge_layer(active, electrolyte, given)
        film, layers = None, self._layers(active, electrolyte, given)
        if charge_layer is not None:
            layers = (*layers, charge_layer)
        if layers:
            film = Field(f"current density at {name}", f"interface:{name}", "nA/um^2", 1e-3, "projected")
        return ChargeTransfer(
            name=name,
            active=active,
            electrolyte=electrolyte,
            kinetics=Kinetics(
                self.number(given.exchange_current),
                given.anodic_coefficient,
                given.cathodic_coefficient,
                self.temperature,
                given.dependence == "stoichiometry",
            ),
            maximum_concentration=self.number(self.property(active, "maximum_concentration")),
            open_circuit_potential=None if given.stress else self.law(active, "open_circuit_potential"),
            strain_coefficient=self._optional(given.strain_coefficient),
            layers=layers,
            film_current=film,
            conducting_fraction=self.contacts.fraction(name),
            layer_charge=None if charge_layer is None else charge_layer.charge,
            double_layer=self._optional(given.double_layer),
            ionic_potential=self.ionic[electrolyte],
        )

    def _layers(self, active: str, electrolyte: str, given: ChargeTransferInput) -> tuple[Layer, ...]:
        # What lies in series with charge transfer; what of it grows is a physics of its own.
        layers: list[Layer] = []
        if given.film_resistance:
            layers.append(Film(self.number(given.film_resistance)))
        interface = self.case.interface(active, electrolyte)
        if interface.coating is not None:
            layers.append(self.maker.coating(interface.coating))
        for physics, grown in self.maker.at_interface(
            interface, active, electrolyte, self.ionic[electrolyte]
        ):
            self.growing.append(physics)
            self.grown.append(grown)
            layers.append(grown.layer)
        return tuple(layers)

    def _charge_layer(self, active: str, electrolyte: str, given: ChargeTransferInput) -> ChargeLayer | None:
        law = given.space_charge
        if law is None:
            return None
        name = f"{active}|{electrolyte}"
        layer = ChargeLayer(
            active,
            electrolyte,
            Field(f"layer charge at {name}", f"interface:{name}", "nC/um^2", 1e-4, "projected"),
            self.ionic[electrolyte],
            LayerLaw.of(law.occupancy),
            self.number(law.occupancy),
            self.number(law.mobile_concentration),
            self.number(VACUUM * self.property(electrolyte, "relative_permittivity")),
            self.number(self.property(electrolyte, "ionic_conductivity")),
            self.number(law.zero_charge),
            self._optional(law.core_capacitance),
            self.temperature,
        )
        self.charge_layers.append(layer)
        return layer

    def _optional(self, value: float | None) -> fem.Constant | None:
        return None if value is None else self.number(value)

    def _terminal(self, control: Control) -> CurrentCollector | WorkingElectrode:
        place, working = self.case.cell.collector, self.case.cell.working_electrode
        if working is not None:
            return self._working(working, control)
        assert place is not None  # the case reader demands one of the two
        neighbours = () if place.other is None else (place.other,)
        if place.boundary is not None:
            area = self.domain.boundary_area(place.boundary, [place.region])
        else:
            area = self.domain.interface_area([place.region], neighbours)
        if area <= 0.0:
            raise InputError(
                Problem(
                    "[cell] current_collector",
                    f"'{self.case.cell.current_collector}' has no area in this mesh",
                    "name a boundary or a region that this region touches",
                )
            )
        return CurrentCollector(
            place.region,
            place.boundary,
            neighbours,
            self.number(self.case.cell.contact_resistance or 0.0),
            control,
            area,
            self.contacts.collector_fraction(),
        )

    def _working(self, given: WorkingElectrodeInput, control: Control) -> WorkingElectrode:
        touching = self._electrode_place("working_electrode", given.at)
        area = self.domain.boundary_area(given.at, [name for names in touching.values() for name in names])
        electrode: Electrode
        if given.kind == "lithium":
            assert given.exchange_current is not None  # the case reader demands it
            electrode = self._lithium(given, touching, given.exchange_current, CELL_VOLTAGE)
            conductance = given.exchange_current * FARADAY / (GAS * self.case.cell.temperature)
        else:
            assert given.double_layer is not None  # the case reader demands it
            electrode = self._blocking(given, touching, given.double_layer)
            conductance = given.double_layer / SECOND
        return WorkingElectrode(electrode, control, area, self.number(conductance))

    def _blocking(
        self, given: WorkingElectrodeInput, touching: Mapping[Field, tuple[str, ...]], double_layer: float
    ) -> Electrode:
        resolved = self._touching(given.at, self.electric)
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
        capacitance = self.number(double_layer)
        if not names:
            return BlockingElectrode(given.at, touching, capacitance)
        zero = {}
        for name in names:
            charged = self.case.regions[name].space_charge
            assert charged is not None and given.zero_charge is not None
            # uncharged against the bulk, whose electric potential stands mu below its ionic one
            zero[name] = self.number(given.zero_charge + charged.chemical_potential)
        return BlockingCore(given.at, resolved, capacitance, zero, CELL_VOLTAGE)

    def _counter(self) -> CounterElectrode:
        given = self.case.cell.counter_electrode
        touching = self._electrode_place("counter_electrode", given.at)
        return CounterElectrode(self._lithium(given, touching, given.exchange_current, None))

    def _electrode_place(self, key: str, boundary: str) -> dict[Field, tuple[str, ...]]:
        touching = self._touching(boundary)
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
        layers: list[Layer] = []
        if given.film_resistance:
            layers.append(Film(self.number(given.film_resistance)))
        side = None
        if given.interphase is not None:
            side, grown = self.maker.at_lithium(given.interphase, given.at, touching, metal)
            self.growing.append(side)
            self.grown.append(grown)
            layers.append(grown.layer)
        film = None
        if layers:
            film = Field(
                f"current density at {given.at}", f"boundary:{given.at}", "nA/um^2", 1e-3, "projected"
            )
        kinetics = Kinetics(self.number(exchange_current), 0.5, 0.5, self.temperature)
        return LithiumElectrode(given.at, touching, kinetics, metal, tuple(layers), film, side)

    def _pressure(self) -> StackPressure | None:
        given = self.case.pressure
        if given is None or not self.stressed:
            return None
        self.domain.normal_axis(given.at)
        return StackPressure(given.at, self.number(given.initial or 0.0), self._optional(given.fixture))

    # ---- state ------------------------------------------------------------------------------------

    def _state(self, fields: list[Field]) -> State:
        supports: dict[Field, Support] = {}
        for item in fields:
            kind, _, place = item.support.partition(":")
            if kind == "interface":
                supports[item] = self.domain.interface_support(*([name] for name in place.split("|")))
            elif kind == "boundary":
                supports[item] = self.domain.boundary_support(place, self.with_role("electrolyte"))
            elif kind == "cell":
                supports[item] = self.domain.support(self.case.regions)
            elif kind == "regions":
                supports[item] = self.domain.support(place.split("|"))
            else:
                supports[item] = self.domain.support(self.with_role(*ROLES[kind]))
        numerics = self.case.numerics
        scalars = (*ROLES, "regions")
        degrees = {f: numerics.scalar_degree for f in fields if f.support.partition(":")[0] in scalars}
        degrees |= {f: numerics.displacement_degree for f in fields if f.quantity == DISPLACEMENT.quantity}
        memories = self.contacts.memories()
        for face in self.contacts.point_faces():
            self.domain.point_space(face)  # its submesh must be there before anything is compiled
        return State(self.domain, supports, [f for f in fields if f in POTENTIALS], degrees, memories)

    def _start(self, state: State) -> float:
        # Lithium as given; potentials at open circuit of the collector's region, relative to that potential; without
        # active regions both electrodes are at rest at 0 V.
        temperature = self.case.cell.temperature
        potentials = {
            name: float(np.asarray(self.materials[name].law("open_circuit_potential", temperature)(theta)))
            for name, theta in self.initial.items()
        }
        collector = self.case.cell.collector
        region = "" if collector is None else collector.region
        start = potentials.get(region, next(iter(potentials.values()), 0.0))
        for item in POTENTIALS:
            if item not in state.unknowns:
                continue
            offset = state.unknowns[item].offset
            assert offset is not None
            offset.value = start
        working = self.case.cell.working_electrode
        if working is not None and working.zero_charge is not None:
            state.unknowns[CELL_VOLTAGE].function.x.array[:] = working.zero_charge
            start = working.zero_charge
        for name, electric in self.electric.items():
            charged = self.case.regions[name].space_charge
            assert charged is not None
            fill(state, electric, name, -charged.chemical_potential)
            bulk = charged.mobile_concentration * charged.occupancy
            fill(state, self._ion_concentration(name), name, bulk)
        for layer in self.charge_layers:
            core = np.inf if layer.core_capacitance is None else float(layer.core_capacitance.value)
            sites, permittivity = float(layer.sites.value), float(layer.permittivity.value)
            scale = np.sqrt(permittivity * GAS * temperature * sites)
            voltage = potentials[layer.active] - float(layer.zero_charge.value)
            thermal = GAS * temperature / FARADAY
            held = settled_charge(voltage, layer.law.occupancy, scale, thermal, core)
            state.unknowns[layer.charge].function.x.array[:] = held
        for name, theta in self.initial.items():
            fill(state, CONCENTRATION, name, theta * self.property(name, "maximum_concentration"))
            fill(state, CHEMICAL_POTENTIAL, name, potentials[name] - start)
        for grown in self.grown:
            state.unknowns[grown.layer.thickness].function.x.array[:] = grown.start
        for name, concentration in self.salt.items():
            fill(state, concentration, name, self._initial_salt(name))
        return start

    def _initial_salt(self, name: str) -> float:
        salt = self.case.regions[name].salt
        assert salt is not None  # it is a region with a salt
        return salt.concentration

    def _salt_region(self, name: str) -> SaltRegion:
        volume = self.domain.volume([name])
        return SaltRegion(name, self.salt[name], self._initial_salt(name), volume)

    def _active_region(self, name: str) -> ActiveRegion:
        return ActiveRegion(
            name,
            self.property(name, "maximum_concentration"),
            self.initial[name],
            self.domain.volume([name]),
        )

    def _rollers(self, state: State) -> list[fem.DirichletBC]:
        # A plane that is neither pressed nor free slides on a wall: no displacement along its normal.
        pressed = self.case.pressure.at if self.case.pressure is not None else None
        walls = [
            name
            for name in self.domain.facet_boundary
            if name not in (pressed, FREE_SURFACE) and name not in self.case.mechanics.free
        ]
        held = {self.domain.normal_axis(name) for name in walls}
        needed = {1} if self.domain.coordinates == "axisymmetric" else set(range(self.domain.dimension))
        loose = sorted("xyz"[axis] for axis in needed - held)
        if loose:
            raise InputError(
                Problem(
                    "[mechanics]",
                    f"nothing holds the cell along {', '.join(loose)}",
                    "leave at least one plane boundary per direction neither free nor pressed",
                )
            )
        return rollers(state, walls)


def fill(state: State, item: Field, region: str, value: float) -> None:
    """Set a scalar field to one value on a region (without its offset)."""
    unknown = state.unknowns[item]
    dofs = region_dofs(state, item, region)
    unknown.function.x.array[dofs] = value


def region_dofs(state: State, item: Field, region: str) -> np.ndarray[Any, np.dtype[np.int32]]:
    """Local degrees of freedom of a scalar field on a region, ghosts included."""
    unknown = state.unknowns[item]
    tag = state.domain.regions[region]
    cells = np.flatnonzero(state.domain.cell_region[unknown.support.parent_entities] == tag)
    return np.unique(unknown.space.dofmap.list[cells].reshape(-1))
