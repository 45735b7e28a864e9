"""What a case will solve, in words: equations, numbers with their units, and where each number comes from."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from chemomech.case.consistency import materials_of
from chemomech.case.effective import NUMERICS, needed
from chemomech.case.layers import layer_material
from chemomech.case.mesh import mesh_names
from chemomech.case.schema import (
    Case,
    Coating,
    Contact,
    Effective,
    Interdiffusion,
    Interface,
    Interphase,
    Quantity,
    Region,
    SideReaction,
)
from chemomech.materials.material import Material
from chemomech.materials.properties import DECOMPOSITION, GROWTH, ROLES, SALT, SIDE_REACTION
from chemomech.protocol import Step, expanded, parse_pressure, parse_protocol

Location = tuple[str | int, ...]

_EQUATIONS: Final = {
    "active": (
        "lithium: dc/dt + div J = 0, J = -M grad mu, mu = -F U(theta) - Omega sigma_h",
        "electrons: div(-sigma_s grad phi_s) = 0",
    ),
    "electrolyte": ("ions (single-ion conductor): div(-kappa grad phi_e) = 0",),
    "conductor": ("electrons: div(-sigma_s grad phi_s) = 0",),
    "inert": (),
}
_CELL_PROBLEMS: Final = {
    "ionic_conductivity": "div(-kappa grad phi_e) = 0 in the electrolyte regions under a mean gradient",
    "electronic_conductivity": "div(-sigma_s grad phi_s) = 0 in the active and conductor regions under a mean gradient",
    "stiffness": "-div(C : eps(u)) = 0 under each unit strain",
    "percolation": "which cells of the phases are connected, by their facets",
}
_BOUNDARIES: Final = {
    "periodic": "potential less the mean gradient, and displacement less the mean strain, equal on opposite faces",
    "walls": "potentials on two opposite faces, no flux through the others; displacements on all faces",
}
_SALT: Final = (
    "anions: dc/dt + div N = 0, N = -D grad c - (1 - t+) i/F; blocked at electrodes and other electrolytes",
    "charge: div i = 0, i = -kappa grad phi_e + (2 kappa RT/F)(1 - t+) chi grad ln c",
)
_CHARGED: Final = (
    "charge: -div(eps grad phi) = F (c - c0), ions: F dc/dt + div(-kappa grad phi_e) = 0",
    "lattice: theta/(1 - theta) = theta0/(1 - theta0) exp(F (phi_e - phi - mu)/RT), kappa ~ theta (1 - theta)",
)
_BINARY: Final = (
    "charge: -div(eps grad phi) = F (c+ - c-), ions: +-F dc/dt + div(-kappa grad phi_i) = 0; anions are blocked",
    "salt: c = c0 exp(y)/(1 + theta (exp(y+) + exp(y-) - 2)), y = +-F (phi_i - phi - mu)/RT, kappa ~ c",
)
_CONVECTION: Final = "lithium also moves with the lattice: J gains + c v"
_MOMENTUM: Final = "momentum: -div sigma = 0, sigma = C : "
_RISK: Final = ("tensile_strength", "flaw_size", "fracture_toughness", "fracture_energy")
_LAWS: Final = {
    "persson": "A/A0 = erf(sqrt(2) p/(E* slope))",
    "greenwood_williamson": "A/A0 = (p/E*) sqrt(pi asperity_radius/height_spread)",
    "westergaard": "A/A0 = (2/pi) asin sqrt(p wavelength/(pi E* amplitude))",
    "plastic": "A/A0 = p/hardness",
}
_KINETICS: Final = (
    "i = i0 [exp(alpha_a F eta/RT) - exp(-alpha_c F eta/RT)], positive current leaves the active material"
)


DOTTED: Final = (
    "counter_electrode",
    "working_electrode",
    "initial",
    "salt",
    "interphase",
    "additive",
    "contact",
    "collector_contact",
)
"""Tables whose keys are said with the table's name."""
LAYER_NUMBERS: Final = {
    *DECOMPOSITION,
    *SIDE_REACTION,
    "growth_factor",
    *(key for keys in GROWTH.values() for key in keys),
}


def explain(case: Case) -> str:
    """Return the text of `chemomech explain`."""
    return "\n".join(_lines(case))


def outline(content: Mapping[str, Any], indent: str = "  ") -> str:
    """Return nested numbers as indented lines, e.g. the report of a mesh."""
    lines: list[str] = []
    for key, value in content.items():
        if isinstance(value, Mapping) and value:
            lines += [f"{indent}{key}", outline(value, indent + "  ")]
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            lines += [f"{indent}{key}", *(outline(each, indent + "  ") for each in value)]
        else:
            lines.append(f"{indent}{key}: {'none' if value in ({}, []) else _shown(value)}")
    return "\n".join(lines)


def _lines(case: Case) -> Iterator[str]:
    yield case.title
    yield f"  folder {case.directory}"
    yield from _mesh(case)
    if case.effective is not None:
        yield from _effective(case, case.effective)
        return
    for name, region in case.regions.items():
        yield from _region(case, name, region)
    yield from _interfaces(case)
    yield from _boundaries(case)
    yield from _protocol(case)
    for name in ("mechanics", "numerics", "risk", "output"):
        yield ""
        yield f"{name.capitalize()}"
        yield from _keys(case, getattr(case, name), (name,))


def _mesh(case: Case) -> Iterator[str]:
    replaced, origins = case.mesh.replaced, case.origins
    regions, boundaries, coordinates = mesh_names(
        case.mesh_path, replaced, lambda keys: ".".join(map(str, keys))
    )
    yield ""
    yield f"Mesh {case.mesh.recipe} [{origins.get(('mesh', 'recipe'), origins.get(('mesh',), ''))}]"
    for key, value in _written(replaced):
        where = next(
            origins[("mesh", *key[:n])] for n in range(len(key), 0, -1) if ("mesh", *key[:n]) in origins
        )
        yield f"  {'.'.join(key)} = {_shown(value)} [{where}]"
    if coordinates:
        yield f"  coordinates: {coordinates}"
    yield f"  regions: {', '.join(regions) or 'known once the mesh is read'}"
    yield f"  boundaries: {', '.join(boundaries) or 'known once the mesh is read'}"


def _effective(case: Case, wanted: Effective) -> Iterator[str]:
    for name, region in case.regions.items():
        here: Location = ("regions", name)
        material = materials_of({name: region}, case.directory)[0][name]
        yield ""
        yield f"Region {name}: {region.material}, {region.role} [{case.origins.get(here, '')}]"
        yield from _properties(case, name, material, needed(region.role, wanted.quantities), only=True)
    for key, interface in case.interfaces.items():
        yield ""
        yield f"Interface {key} [{case.origins.get(('interfaces', key), '')}]"
        yield from _keys(case, interface, ("interfaces", key), defaults=False)
    yield ""
    yield f"Effective properties [{case.origins.get(('effective',), '')}]"
    for quantity in wanted.quantities:
        yield f"  {quantity}: {_CELL_PROBLEMS[quantity]}"
    yield f"  {wanted.boundaries}: {_BOUNDARIES[wanted.boundaries]}"
    yield from _keys(case, wanted, ("effective",))
    yield ""
    yield "Numerics"
    yield from _keys(case, case.numerics, ("numerics",), only=NUMERICS)


def _written(table: Mapping[str, Any], key: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every key of nested tables with its value."""
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _written(value, (*key, name))
        else:
            yield (*key, name), value


def _region(case: Case, name: str, region: Region) -> Iterator[str]:
    here: Location = ("regions", name)
    yield ""
    yield f"Region {name}: {region.material}, {region.role} [{case.origins.get(here, '')}]"
    equations = _SALT if region.salt is not None else _EQUATIONS[region.role]
    if region.space_charge is not None:
        equations = _BINARY if region.space_charge.binary else _CHARGED
    for equation in equations:
        yield f"  {equation}"
    if region.space_charge is not None:
        yield from _keys(case, region.space_charge, (*here, "space_charge"), defaults=False)
    if region.role == "active" and case.mechanics.lattice_velocity is not None:
        yield f"  {_CONVECTION}"
    if region.salt is not None:
        if case.mechanics.lattice_velocity is not None:
            yield "  anions also move with the matrix: N gains + c v"
        yield from _keys(case, region.salt, (*here, "salt"))
    if case.mechanics.enabled:
        strain = "(eps - [swelling(theta) - swelling(theta_0)]/3 I)" if region.role == "active" else "eps"
        yield f"  {_MOMENTUM}{strain}"
    if region.initial is not None:
        yield from _keys(case, region.initial, (*here, "initial"), defaults=False)
    material = materials_of({name: region}, case.directory)[0][name]
    if region.initial is not None and region.initial.voltage is not None:
        theta = material.equilibrium_stoichiometry(region.initial.voltage, case.cell.temperature)
        yield f"  initial stoichiometry {theta:.4f} [from its open_circuit_potential]"
    yield from _keys(case, region, here, only=("stress_free_stoichiometry",), defaults=False)
    read = ROLES[region.role] + (SALT if region.salt is not None else ())
    if region.space_charge is not None:
        read += ("relative_permittivity", *(("transference_number",) if region.space_charge.binary else ()))
    yield from _properties(case, name, material, read)


def _properties(
    case: Case, name: str, material: Material, read: Sequence[str], *, only: bool = False
) -> Iterator[str]:
    """Yield the properties of a region's material with their sources; `only` those that are read."""
    for key, found in material.properties.items():
        if only and key not in read:
            continue
        if key in case.regions[name].properties:
            origin = case.origins.get(("regions", name, "properties", key), "case.toml")
        else:
            origin = found.source if found.confirmed else f"{found.source}; not confirmed"
        used = "" if key in read else " (crack risk)" if key in _RISK else " (for information)"
        yield f"  {key} = {found.given}{used} [{origin}]"


def _interfaces(case: Case) -> Iterator[str]:
    for key, interface in case.interfaces.items():
        yield ""
        yield f"Interface {key} [{case.origins.get(('interfaces', key), '')}]"
        transfer = interface.charge_transfer
        if interface.resistance is not None:
            yield "  i = (phi_e,1 - phi_e,2)/resistance: ions cross between the two electrolytes"
            yield from _keys(case, interface, ("interfaces", key), only=("resistance",))
        elif transfer is None and not interface.parts:
            ionic = all(case.regions[name.strip()].role == "electrolyte" for name in key.split("|"))
            yield "  bonded; " + ("ions cross without resistance" if ionic else "no lithium crosses")
        yield from _faces(case, key, interface)
        yield from _side_reactions(case, interface.side_reactions, ("interfaces", key))
        if transfer is None:
            continue
        terms = ["phi_s - phi_e - U(theta)"]
        terms += ["Omega sigma_h/F"] if transfer.stress and case.mechanics.enabled else []
        terms += ["kappa eps"] if transfer.strain_coefficient is not None else []
        terms += ["i R_film"] if transfer.film_resistance else []
        shown = " - ".join(terms).replace("- kappa eps", "+ kappa eps")
        yield f"  {_KINETICS}"
        yield f"  eta = {shown}"
        if transfer.dependence == "stoichiometry":
            yield "  i0 = exchange_current * 2 sqrt(theta (1 - theta))"
        yield from _keys(case, transfer, ("interfaces", key, "charge_transfer"))
        here: Location = ("interfaces", key)
        if interface.coating is not None:
            yield from _layer(case, interface.coating, (*here, "coating"), "drop i thickness/conductivity")
        if interface.interphase is not None:
            yield from _interphase(case, interface.interphase, (*here, "interphase"))
        if interface.interdiffusion is not None:
            growth = "d delta/dt = k/delta, k its growth_constant; drop i delta/conductivity"
            yield from _layer(case, interface.interdiffusion, (*here, "interdiffusion"), growth)


def _interphase(case: Case, given: Interphase, here: Location) -> Iterator[str]:
    law = {
        "reaction": "d delta/dt = r_reaction",
        "diffusion": "d delta/dt = k/delta",
        "mixed": "d delta/dt = r, 1/r = 1/r_reaction + delta/k",
    }[given.law]
    yield from _layer(case, given, here, f"{law}; drop i delta/conductivity")
    if given.law != "diffusion":
        yield "    r_reaction = reaction_rate exp(+-alpha F (phi_s - phi_e - E_dec)/RT), + for oxidation"
    yield "    side current +-F (d delta/dt)/molar_volume; - for reduction, which takes lithium up"


def _side_reactions(case: Case, given: Mapping[str, SideReaction], here: Location) -> Iterator[str]:
    for name, reaction in given.items():
        back = " - k_b (1 - y)" if reaction.reversible else ""
        yield from _layer(case, reaction, (*here, "side_reactions", name), f"dy/dt = -(k_f y{back})")
    if given:
        yield "    side current +-q (-dy/dt), + for oxidation, q = F thickness/molar_volume, y the share that is left"
        yield "    k_f, k_b = i0/q exp(+-alpha n F (phi_s - phi_e - E0)/RT), alpha of the way back 1 - alpha"


def _layer(
    case: Case, given: Coating | Interphase | Interdiffusion | SideReaction, here: Location, law: str
) -> Iterator[str]:
    yield f"  {here[-1]}: {given.material}, {law} [{case.origins.get(here, '')}]"
    only = tuple(key for key in type(given).model_fields if key != "properties")
    yield from (f"  {line}" for line in _keys(case, given, here, only=only, defaults=False))
    replaced = {} if isinstance(given, Coating) else given.properties
    for key, found in layer_material(given, case.material_directories).properties.items():
        if key in LAYER_NUMBERS:
            origin = found.source if found.confirmed else f"{found.source}; not confirmed"
            if key in replaced:
                origin = case.origins.get((*here, "properties", key), "case.toml")
            yield f"    {key} = {found.given} [{origin}]"


def _faces(case: Case, key: str, interface: Interface) -> Iterator[str]:
    """Yield what lets an interface part or conduct in part."""
    here: Location = ("interfaces", key)
    if interface.loose:
        yield "  loose: the two regions touch without a bond, part, and slide without friction"
    if interface.cohesive is not None:
        yield "  bonded up to its strength: t = k(D) opening, lost for good at 2 fracture_energy/strength"
        yield from _keys(case, interface.cohesive, (*here, "cohesive"))
    if interface.contact is not None:
        yield from _contact(case, interface.contact, (*here, "contact"))


def _contact(case: Case, given: Contact, here: Location) -> Iterator[str]:
    """Yield how much of a face touches, and what narrowing into it costs."""
    yield f"  {here[-1]}: conducts where it touches: {_LAWS[given.law]}, p the local normal pressure"
    yield "  after the largest pressure p_m: A(p_m) [retained + (1 - retained)(p/p_m)^unloading_exponent]"
    if given.constriction:
        narrow = {
            "westergaard": "l = A (wavelength/pi) ln(1/sin(pi A/2))",
            "greenwood_williamson": "l = (pi r/4)(1 - sqrt A)^1.5, r = 2 sqrt(asperity_radius height_spread/pi)",
        }.get(given.law, "l = (pi spot_radius/4)(1 - sqrt A)^1.5")
        yield f"  constriction in series, per area that touches: (1/kappa_1 + 1/kappa_2) l, {narrow}"
    if here[0] != "cell":  # the cell's keys are said together
        yield from _keys(case, given, here)


def _boundaries(case: Case) -> Iterator[str]:
    collector, working = case.cell.collector, case.cell.working_electrode
    yield ""
    yield "Cell"
    if collector is not None:
        where = (
            f"boundary {collector.boundary}"
            if collector.boundary
            else f"its whole interface with {collector.other}"
        )
        yield f"  current collector: region {collector.region} at {where}, i = (V - phi_s)/contact_resistance"
    if case.cell.collector_contact is not None:
        yield from _contact(case, case.cell.collector_contact, ("cell", "collector_contact"))
    if working is not None and working.kind == "lithium":
        yield f"  working electrode: lithium at boundary {working.at}, Butler-Volmer, at the cell voltage V"
    elif working is not None:
        place: Location = ("cell", "working_electrode")
        yield f"  working electrode: blocking, at boundary {working.at}, i = double_layer d(V - phi_e)/dt"
        if working.coating is not None:
            yield from _layer(case, working.coating, (*place, "coating"), "drop i thickness/conductivity")
        yield from _side_reactions(case, working.side_reactions, place)
    yield f"  counter electrode: lithium at boundary {case.cell.counter_electrode.at}, Butler-Volmer, 0 V"
    for key, metal in (("counter_electrode", case.cell.counter_electrode), ("working_electrode", working)):
        if metal is not None and metal.contact is not None:
            yield from _contact(case, metal.contact, ("cell", key, "contact"))
        if metal is not None and metal.interphase is not None:
            yield from _interphase(case, metal.interphase, ("cell", key, "interphase"))
    yield from _keys(case, case.cell, ("cell",))
    yield ""
    yield "Outer boundaries"
    yield "  no flux of lithium, ions or electrons, except where the cell says so"
    if not case.mechanics.enabled:
        return
    yield "  no displacement along the normal (rollers), except:"
    for at, name in enumerate(case.mechanics.free):
        yield f"  {name}: free of traction [{case.origins.get(('mechanics', 'free', at), '')}]"
    pressure = case.pressure
    if pressure is None:
        return
    how = "the programme" if pressure.program is not None else "a fixture, P = P_0 + k mean(u.n)"
    yield f"  {pressure.at}: pressed by {how}"
    yield from _keys(case, pressure, ("pressure",), defaults=False)
    if pressure.program is not None:
        program = parse_pressure(pressure.program)
        for time, value in zip(program.times, program.pressures, strict=True):
            yield f"    at {time:g} s: {value * 1e3:g} MPa"


def _protocol(case: Case) -> Iterator[str]:
    yield ""
    origin = case.origins.get(("protocol", "cycles"), "default")
    yield f"Protocol, cycles = {case.protocol.cycles} [{origin}]"
    said = set()
    places = expanded(case.protocol.steps)
    for entry, (position, text) in zip(parse_protocol(case.protocol.steps, 1), places, strict=True):
        if (position, text) in said:  # in a repetition
            continue
        said.add((position, text))
        origin = case.origins.get(("protocol", "steps", position), "")
        times = places.count((position, text))
        often = f", {times} times" if times > 1 else ""
        yield f"  {entry.index}. {entry.step.text}: {_meaning(entry.step)}{often} [{origin}]"


def _meaning(step: Step) -> str:
    """Return the numbers of a step."""
    if step.frequencies is not None:
        asked = step.frequencies
        return (
            f"the model linearised about the state of this moment, {asked.highest:g} to {asked.lowest:g} Hz, "
            f"{asked.per_decade:g} points per decade; takes no time"
        )
    if step.target is not None:
        return f"voltage from {step.value:g} to {step.target:g} V, ends after {step.duration:g} s"
    applied = {"current": "current", "voltage": "voltage", "rest": "no current"}[step.mode]
    text = applied if step.mode == "rest" else f"{applied} {step.value:+g} {step.unit}"
    ends = [f"after {step.duration:g} s"] if step.duration is not None else []
    ends += [f"at {stop.value:g} {stop.unit}" for stop in step.stops]
    return f"{text}, ends {' or '.join(ends)}"


def _keys(
    case: Case, table: BaseModel, here: Location, *, only: tuple[str, ...] = (), defaults: bool = True
) -> Iterator[str]:
    """Yield the keys of a table: the value as written or its default, and where it stands."""
    written: Any = case.written
    for part in here:
        written = written.get(part, {}) if isinstance(written, Mapping) else {}
    for key in only or type(table).model_fields:
        value = getattr(table, key)
        if isinstance(value, BaseModel):
            yield from _keys(case, value, (*here, key), defaults=defaults)
        elif key == "side_reactions" and value:
            continue  # each is told of at its place
        elif key in written:
            yield f"  {_dotted(here, key)} = {_shown(written[key])} [{case.origins.get((*here, key), '')}]"
        elif defaults:
            yield f"  {_dotted(here, key)} = {_default(type(table).model_fields[key], value)} [default]"


def _default(field: FieldInfo, value: object) -> str:
    """Return a default with its unit; all quantities that have one are times, which are in s inside."""
    timed = any(isinstance(part, Quantity) and part.dimension == "time" for part in field.metadata)
    return f"{_shown(value)} s" if timed and value is not None else _shown(value)


def _shown(value: object) -> str:
    """Return a value as it would be written."""
    if value is None or value == () or value == [] or value == {}:
        return "none"
    if isinstance(value, list | tuple):
        return ", ".join(_shown(each) for each in value)
    return (
        str(value).lower()
        if isinstance(value, bool)
        else f"{value:g}"
        if isinstance(value, float)
        else str(value)
    )


def _dotted(here: Location, key: str) -> str:
    return f"{here[-1]}.{key}" if here[-1] in DOTTED else key
