"""What the sections of a case must say about each other, about its materials and its protocol."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from chemomech.case.contacts import contact_problems
from chemomech.case.effective import effective_problems
from chemomech.case.idle import idle_keys
from chemomech.case.layers import layer_problems
from chemomech.case.mesh import mesh_problems
from chemomech.case.patterns import STAR, matching
from chemomech.case.schema import Cell, Interface, Pressure, Protocol, Region
from chemomech.case.sections import Sections
from chemomech.case.wording import Location, nearest
from chemomech.errors import InputError, Problem
from chemomech.materials.material import Material, load_material
from chemomech.protocol import ScheduledStep, parse_pressure, parse_protocol


def inconsistencies(sections: Sections) -> list[Problem]:
    """Return every contradiction between sections that are right in themselves."""
    if "effective" in sections.data:
        return [
            *(
                _at(sections, key, problem)
                for key, problem in materials_of(sections.regions, sections.directory)[1]
            ),
            *mesh_problems(sections),
            *effective_problems(sections, materials_of(sections.regions, sections.directory)[0]),
        ]
    return [
        *_region_states(sections),
        *_interfaces(sections),
        *layer_problems(sections),
        *contact_problems(sections),
        *_cell(sections),
        *_schedule(sections),
        *mesh_problems(sections),
        *idle_keys(sections),
    ]


def materials_of(
    regions: Mapping[str, Region], directory: Path
) -> tuple[dict[str, Material], list[tuple[Location, Problem]]]:
    """Return the material of each region with its own properties, and what is wrong at which key."""
    materials: dict[str, Material] = {}
    problems: list[tuple[Location, Problem]] = []
    for name, region in regions.items():
        key: Location = ("regions", name, "material")
        try:
            material = load_material(region.material, (directory / "materials",))
            if region.properties:
                key = ("regions", name, "properties")
                material = material.with_properties(region.properties)
        except InputError as error:
            problems += [(key, problem) for problem in error.problems]
        else:
            materials[name] = material
    return materials, problems


def _at(sections: Sections, key: Location, problem: Problem) -> Problem:
    return sections.problem(key, _said(problem), problem.remedy)


def _region_states(sections: Sections) -> Iterator[Problem]:
    """Roles, initial states and materials."""
    cell: Cell | None = sections.valid.get("cell")
    materials, problems = materials_of(sections.regions, sections.directory)
    for key, problem in problems:
        yield _at(sections, key, problem)
    for name, region in sections.regions.items():
        here: Location = ("regions", name)
        if region.role == "active" and region.initial is None:
            what = f"region '{name}' is active and has no initial state"
            yield sections.problem(
                here, what, 'add initial = { stoichiometry = 0.9 } or { voltage = "3.0 V" }'
            )
        for part in ("initial", "stress_free_stoichiometry"):
            if region.role != "active" and getattr(region, part) is not None:
                yield sections.problem(
                    (*here, part), f"role '{region.role}' stores no lithium", f"remove '{part}'"
                )
        if region.role != "electrolyte" and region.salt is not None:
            what = f"role '{region.role}' dissolves no salt"
            yield sections.problem((*here, "salt"), what, "remove 'salt'")
        if region.salt is not None and region.space_charge is not None:
            what = "a salt is neutral everywhere, space_charge resolves the charge"
            yield sections.problem((*here, "space_charge"), what, "remove 'salt' or 'space_charge'")
        if name not in materials:
            continue
        material = materials[name]
        if region.space_charge is not None:
            yield from _space_charge(sections, name, region, material)
        lacking = material.problems_for_role(region.role)
        if region.role == "electrolyte" and not (region.space_charge and region.space_charge.binary):
            lacking += material.problems_with_salt(region.salt is not None)
        for what in lacking:
            yield sections.problem(
                (*here, "material"), what, "see `chemomech list materials`, or add it in 'properties'"
            )
        if region.role == "active" and not lacking and cell is not None:
            yield from _reachable(sections, name, region, material, cell.temperature)


def _space_charge(sections: Sections, name: str, region: Region, material: Material) -> Iterator[Problem]:
    """A resolved charge needs an electrolyte, its permittivity, and unknowns at the vertices of the mesh."""
    here: Location = ("regions", name, "space_charge")
    if region.role != "electrolyte":
        yield sections.problem(here, f"role '{region.role}' has no mobile ions", "remove 'space_charge'")
        return
    if not material.has("relative_permittivity"):
        what = f"{material.name} has no 'relative_permittivity', which space_charge needs"
        yield sections.problem(here, what, "give it in 'properties', e.g. { relative_permittivity = 10 }")
    cell: Cell | None = sections.valid.get("cell")
    if region.space_charge is not None and region.space_charge.binary:
        if not material.has("transference_number"):
            what = f"{material.name} has no 'transference_number', which mobile anions need"
            remedy = "give it in 'properties', e.g. { transference_number = 0.3 }, or statistics = 'lattice'"
            yield sections.problem(here, what, remedy)
        elif (
            cell is not None
            and material.properties["transference_number"].law.is_constant
            and material.number("transference_number", cell.temperature) >= 1.0
        ):
            what = f"{material.name} has a transference_number of 1: its anions do not move"
            remedy = "give it in 'properties', e.g. { transference_number = 0.3 }, or statistics = 'lattice'"
            yield sections.problem(here, what, remedy)
    numerics = sections.valid.get("numerics")
    if numerics is not None and numerics.scalar_degree != 1:
        what = "space_charge holds concentrations at the vertices: scalar_degree must be 1"
        yield sections.problem(("numerics", "scalar_degree"), what, "remove 'scalar_degree'")


def _reachable(
    sections: Sections, name: str, region: Region, material: Material, temperature: float
) -> Iterator[Problem]:
    """Initial states and voltages of the protocol must lie on the open-circuit curve."""
    low, high = material.stoichiometry_range
    wanted: list[tuple[Location, float]] = []
    if region.initial is not None and region.initial.voltage is not None:
        wanted.append((("regions", name, "initial", "voltage"), region.initial.voltage))
    for entry in _steps(sections)[0]:
        step = entry.step
        here: Location = ("protocol", "steps", entry.index - 1)
        if step.mode in ("voltage", "sweep"):
            wanted.append((here, step.value))
        if step.target is not None:
            wanted.append((here, step.target))
        wanted += [(here, stop.value) for stop in step.stops if stop.quantity == "voltage"]
    for key, voltage in wanted:
        try:
            material.equilibrium_stoichiometry(voltage, temperature)
        except InputError as error:
            for problem in error.problems:
                what = f"{problem.what} by region '{name}' ({material.name})"
                yield sections.problem(key, what, problem.remedy)
    start = region.initial.stoichiometry if region.initial is not None else None
    if start is not None and not low <= start <= high:
        what = f"stoichiometry {start:g} is outside the range of {region.material}"
        yield sections.problem(
            ("regions", name, "initial"), what, f"it must lie between {low:g} and {high:g}"
        )


def _interfaces(sections: Sections) -> Iterator[Problem]:
    """Interfaces must join two known regions, once, and transfer charge only between the right roles."""
    interfaces: Mapping[str, Interface] = sections.valid.get("interfaces") or {}
    seen: dict[frozenset[str], str] = {}
    for key, interface in interfaces.items():
        here: Location = ("interfaces", key)
        names = [part.strip() for part in key.split("|")]
        if len(names) != 2 or not all(names) or names[0] == names[1]:
            yield sections.problem(here, f"'{key}' does not name two regions", 'write [interfaces."a|b"]')
            continue
        pair = frozenset(names)
        if pair in seen:
            yield sections.problem(
                here, f"'{key}' is the same interface as '{seen[pair]}'", "keep one of them"
            )
        seen[pair] = key
        for name in set(names) - set(sections.region_names):
            yield sections.problem(here, f"there is no region '{name}'", nearest(name, sections.region_names))
        roles = [sections.regions[name].role for name in names if name in sections.regions]
        if (
            interface.charge_transfer is not None
            and len(roles) == 2
            and set(roles) != {"active", "electrolyte"}
        ):
            what = f"charge cannot cross between '{names[0]}' ({roles[0]}) and '{names[1]}' ({roles[1]})"
            remedy = "charge_transfer joins an active and an electrolyte region"
            yield sections.problem((*here, "charge_transfer"), what, remedy)
        if interface.resistance is not None and len(roles) == 2 and set(roles) != {"electrolyte"}:
            what = f"'{names[0]}' ({roles[0]}) and '{names[1]}' ({roles[1]}) are not two electrolytes"
            remedy = (
                "resistance is met by ions between electrolytes; a film on active material is film_resistance"
            )
            yield sections.problem((*here, "resistance"), what, remedy)
        yield from _faces(sections, here, interface, roles)
        yield from _layer_law(sections, key, interface, names)
        yield from _core(sections, here, interface, names)
    written = sections.data.get("interfaces", {})
    all_valid = isinstance(written, dict) and len(written) == len(interfaces)
    idle = not any(interface.charge_transfer for interface in interfaces.values())
    if all_valid and idle and "active" in {region.role for region in sections.regions.values()}:
        what = "no interface has charge_transfer: no lithium can enter or leave the active material"
        remedy = 'add [interfaces."particle|electrolyte"] charge_transfer = { exchange_current = "1 A/m^2" }'
        yield sections.problem(("interfaces",), what, remedy)


def _faces(
    sections: Sections, here: Location, interface: Interface, roles: Sequence[str]
) -> Iterator[Problem]:
    """Contact and bonds: what they act on must be there."""
    passes = interface.charge_transfer is not None or interface.resistance is not None
    if interface.contact is not None and len(roles) == 2 and not passes:
        what = "no current crosses here that a contact could throttle"
        yield sections.problem(
            (*here, "contact"), what, "give charge_transfer or resistance, or remove 'contact'"
        )
    healing = None if interface.contact is None else interface.contact.healing
    if healing is not None and interface.cohesive is None:
        what = "nothing can break here that could heal"
        yield sections.problem((*here, "contact", "healing"), what, "give 'cohesive', or remove 'healing'")
    retained = None if interface.contact is None else interface.contact.retained
    if interface.loose and retained is not None:
        what = "nothing adheres where two regions merely touch"
        yield sections.problem((*here, "contact", "retained"), what, "remove 'retained' or 'loose'")


def _core(sections: Sections, here: Location, interface: Interface, names: list[str]) -> Iterator[Problem]:
    """A core layer lies at a region whose charge is resolved; at active material it is the double layer."""
    zero, transfer = interface.zero_charge, interface.charge_transfer
    if interface.core_capacitance is None:
        if zero is not None:
            yield sections.problem(
                (*here, "zero_charge"), "no core layer holds a charge", "remove 'zero_charge'"
            )
        return
    regions = {name: sections.regions[name] for name in names if name in sections.regions}
    if len(regions) < 2:
        return
    active = [name for name, region in regions.items() if region.role == "active"]
    for name, region in regions.items():
        if region.space_charge is None and name not in active[:1]:
            what = f"the charge of '{name}' is not resolved: there is no potential to drop"
            remedy = f"give '{name}' space_charge, or remove 'core_capacitance'"
            yield sections.problem((*here, "core_capacitance"), what, remedy)
    if active and zero is None:
        what = f"'{active[0]}' is charged against the electrolyte from some voltage on"
        yield sections.problem(here, what, 'say from which, e.g. zero_charge = "3 V"')
    if not active and zero is not None:
        what = "between electrolytes their chemical_potential says where there is no charge"
        yield sections.problem((*here, "zero_charge"), what, "remove 'zero_charge'")
    if active and transfer is not None and transfer.double_layer is not None:
        what = "'double_layer' and 'core_capacitance' are the same layer"
        yield sections.problem((*here, "charge_transfer", "double_layer"), what, "keep one of them")


def _layer_law(sections: Sections, key: str, interface: Interface, names: list[str]) -> Iterator[Problem]:
    """The law of a layer needs the electrolyte's permittivity, and an electrolyte whose charge is not resolved."""
    if interface.charge_transfer is None or interface.charge_transfer.space_charge is None:
        return
    here: Location = ("interfaces", key, "charge_transfer", "space_charge")
    for name in names:
        region = sections.regions.get(name)
        if region is None or region.role != "electrolyte":
            continue
        if region.space_charge is not None:
            what = f"the charge of '{name}' is resolved: the layer is there already"
            yield sections.problem(here, what, "remove one of the two space_charge")
        if region.salt is not None:
            what = f"'{name}' has a salt: the law is that of one mobile ion on a fixed background"
            yield sections.problem(here, what, "remove 'space_charge'")
        materials, _ = materials_of({name: region}, sections.directory)
        if name in materials and not materials[name].has("relative_permittivity"):
            what = f"{region.material} has no 'relative_permittivity', which space_charge needs"
            remedy = f"give it in [regions.{name}] properties = {{ relative_permittivity = 10 }}"
            yield sections.problem(here, what, remedy)


def _cell(sections: Sections) -> Iterator[Problem]:
    """Collector and counter electrode must be two places, the collector on what conducts electrons."""
    cell: Cell | None = sections.valid.get("cell")
    if cell is None:
        return
    counter = cell.counter_electrode
    roles = {region.role for region in sections.regions.values()}
    if len(sections.regions) == len(sections.region_names) and "electrolyte" not in roles:
        yield sections.problem(
            ("regions",), "no region is an electrolyte", "the counter electrode needs one to touch"
        )
    collector, working = cell.collector, cell.working_electrode
    if working is not None:
        active = [name for name, region in sections.regions.items() if region.role == "active"]
        if active:
            what = f"'{active[0]}' is active: electrons must reach it"
            remedy = "give current_collector and contact_resistance in place of working_electrode"
            yield sections.problem(("cell", "working_electrode"), what, remedy)
        if working.zero_charge is not None and not any(
            region.space_charge for region in sections.regions.values()
        ):
            what = "no region has space_charge: a double layer without one is charged against the start"
            yield sections.problem(("cell", "working_electrode", "zero_charge"), what, "remove it")
        if working.at == counter.at:
            what = f"the counter electrode is at '{counter.at}', as is the working electrode"
            yield sections.problem(
                ("cell", "counter_electrode", "at"), what, "put them at different boundaries"
            )
    if collector is None:
        return
    here: Location = ("cell", "current_collector")
    places = [collector.region] if collector.other is None else [collector.region, collector.other]
    for name in places:
        if not matching(name, sections.region_names):
            yield sections.problem(here, f"there is no region '{name}'", nearest(name, sections.region_names))
    if cell.collector_contact is not None and collector.other is not None and STAR in collector.other:
        what = f"one contact for the several interfaces of '{cell.current_collector}'"
        remedy = "give the 'contact' to the interfaces, or name one region"
        yield sections.problem(("cell", "collector_contact"), what, remedy)
    if collector.region == collector.other:
        yield sections.problem(
            here, f"'{cell.current_collector}' names one region twice", "name its neighbour"
        )
    first = sections.regions.get(collector.region)
    if first is not None and first.role not in ("active", "conductor"):
        what = f"'{collector.region}' conducts no electrons (role {first.role})"
        yield sections.problem(here, what, "begin with a region of role active or conductor")
    if collector.boundary == counter.at:
        what = f"the counter electrode is at '{counter.at}', as is the current collector"
        yield sections.problem(("cell", "counter_electrode", "at"), what, "put them at different boundaries")


def _steps(sections: Sections) -> tuple[tuple[ScheduledStep, ...], list[Problem]]:
    """Return the steps of one cycle, and what is wrong with them."""
    protocol: Protocol | None = sections.valid.get("protocol")
    if protocol is None:
        return (), []
    try:
        parse_protocol(protocol.steps, protocol.cycles, lambda at: sections.place(("protocol", "steps", at)))
        return parse_protocol(protocol.steps, 1), []
    except InputError as error:
        return (), list(error.problems)


def _schedule(sections: Sections) -> Iterator[Problem]:
    """The sentences of the protocol and of the pressure programme."""
    steps, problems = _steps(sections)
    yield from problems
    yield from _rates(sections, steps)
    pressure: Pressure | None = sections.valid.get("pressure")
    if pressure is not None and pressure.program is not None:
        try:
            parse_pressure(pressure.program, lambda at: sections.place(("pressure", "program", at)))
        except InputError as error:
            yield from error.problems
    mechanics = sections.valid.get("mechanics")
    if pressure is not None and mechanics is not None:
        if not mechanics.enabled:
            yield sections.problem(
                ("pressure",), "mechanics are off", "remove [pressure] or set mechanics.enabled = true"
            )
        if pressure.at in mechanics.free:
            what = f"'{pressure.at}' is pressed and cannot be free"
            yield sections.problem(("mechanics", "free"), what, f"remove '{pressure.at}' from one of the two")


def _rates(sections: Sections, steps: tuple[ScheduledStep, ...]) -> Iterator[Problem]:
    """A C-rate is a share of a capacity, which only active regions have by themselves."""
    cell: Cell | None = sections.valid.get("cell")
    whole = len(sections.regions) == len(sections.region_names)
    active = any(region.role == "active" for region in sections.regions.values())
    if cell is None or not whole or active or cell.nominal_capacity is not None:
        return
    for entry in steps:
        if "C" in (entry.step.unit, *(stop.unit for stop in entry.step.stops)):
            what = f"'{entry.step.text}': no region is active, so that C has no meaning"
            remedy = "write the current as mA/cm2 or A, or give [cell] nominal_capacity"
            yield sections.problem(("protocol", "steps", entry.index - 1), what, remedy)


def _said(problem: Problem) -> str:
    """Return a mistake found elsewhere with the place where it was found."""
    return f"{problem.place}: {problem.what}" if problem.place else problem.what
