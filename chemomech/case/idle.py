"""What a case says to no effect: a key that another key switches off is a mistake, not a silence."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from chemomech.case.schema import (
    Cell,
    CounterElectrode,
    Interdiffusion,
    Interface,
    Interphase,
    Mechanics,
    Numerics,
    Protocol,
    WorkingElectrode,
)
from chemomech.case.schema_solution import STRESS_FIELDS
from chemomech.case.sections import Sections
from chemomech.case.wording import Location
from chemomech.errors import Problem
from chemomech.materials.properties import KINDS, SALT
from chemomech.protocol import IMPEDANCE_EXAMPLE, has_impedance

ELASTIC: Final = ("youngs_modulus", "poissons_ratio")
CRACKING: Final = ("tensile_strength", "fracture_toughness", "fracture_energy", "flaw_size")
USED: Final[dict[str, tuple[str, ...]]] = {
    "active": (
        "maximum_concentration", "open_circuit_potential", "stoichiometry_range", "diffusivity",
        "electronic_conductivity", "swelling", *ELASTIC, *CRACKING, "hardness",
    ),
    "electrolyte": ("ionic_conductivity", "relative_permittivity", *ELASTIC, *CRACKING, "hardness"),
    "conductor": ("electronic_conductivity", *ELASTIC, *CRACKING, "hardness"),
    "inert": (*ELASTIC, *CRACKING),
}  # fmt: skip
"""Properties that the model reads of a region, by role."""
ACTIVE_FIELDS: Final = ("concentration", "stoichiometry", "chemical_potential")
"""Fields of active regions only."""
CHARGE_FIELDS: Final = ("electric_potential", "ion_concentration", "occupancy", "field_strength")
"""Fields of regions whose charge is resolved."""


def idle_keys(sections: Sections) -> Iterator[Problem]:
    """Yield every key that was written and cannot change anything."""
    yield from _properties(sections)
    yield from _without_mechanics(sections)
    yield from _without_carriers(sections)
    yield from _without_faces(sections)
    yield from _without_space_charge(sections)
    numerics: Numerics | None = sections.valid.get("numerics")
    if numerics is not None and numerics.direct_limit is not None and numerics.solver != "auto":
        what = f"solver = '{numerics.solver}' does not ask for a limit"
        yield sections.problem(("numerics", "direct_limit"), what, "remove it, or set solver = 'auto'")
    output = _table(sections, "output")
    protocol: Protocol | None = sections.valid.get("protocol")
    if "amplitudes_at" in output and protocol is not None and not has_impedance(protocol.steps):
        what = "the protocol has no impedance step"
        yield sections.problem(("output", "amplitudes_at"), what, f"remove it, or add {IMPEDANCE_EXAMPLE}")
    if output.get("figures") is False and output.get("animation") is True:
        what = "the animation is drawn with the figures, which are off"
        yield sections.problem(("output", "animation"), what, "set figures = true, or animation = false")


def _properties(sections: Sections) -> Iterator[Problem]:
    for name, region in sections.regions.items():
        here: Location = ("regions", name, "properties")
        for key in region.properties:
            used = USED[region.role] + (SALT if region.salt is not None else ())
            if region.space_charge is not None and region.space_charge.binary:
                used += ("transference_number",)
            if key in KINDS and key not in used:  # an unknown key is named elsewhere
                what = f"'{key}' changes nothing in a region of role '{region.role}'"
                what += " without salt" if key in SALT and region.role == "electrolyte" else ""
                yield sections.problem((*here, key), what, f"used there: {', '.join(used)}")
        if {"fracture_toughness", "fracture_energy"} <= region.properties.keys():
            what = "fracture_toughness and fracture_energy are two forms of one number"
            yield sections.problem((*here, "fracture_energy"), what, "give one of them")


def _without_mechanics(sections: Sections) -> Iterator[Problem]:
    mechanics: Mechanics | None = sections.valid.get("mechanics")
    if mechanics is None or mechanics.enabled:
        return
    written: list[Location] = [
        ("mechanics", key) for key in ("free", "out_of_plane") if key in _table(sections, "mechanics")
    ]
    written += [("risk", key) for key in _table(sections, "risk")]
    for name, region in sections.regions.items():
        if region.space_charge is not None and region.space_charge.ion_volume is not None:
            written.append(("regions", name, "space_charge", "ion_volume"))
        if region.stress_free_stoichiometry is not None:
            written.append(("regions", name, "stress_free_stoichiometry"))
        silent = ("swelling", *ELASTIC, *CRACKING)
        written += [("regions", name, "properties", key) for key in region.properties if key in silent]
    interfaces: Mapping[str, Interface] = sections.valid.get("interfaces") or {}
    for key, interface in interfaces.items():
        if interface.charge_transfer is not None and interface.charge_transfer.strain_coefficient is not None:
            written.append(("interfaces", key, "charge_transfer", "strain_coefficient"))
    for key, interface in interfaces.items():
        for part in ("contact", "cohesive", "loose"):
            if getattr(interface, part):
                written.append(("interfaces", key, part))
    cell: Cell | None = sections.valid.get("cell")
    if cell is not None and cell.collector_contact is not None:
        written.append(("cell", "collector_contact"))
    if cell is not None:
        written += [("cell", key, "contact") for key, metal in _metals(cell) if metal.contact is not None]
    for here in written:
        yield sections.problem(
            here, "mechanics are off", f"remove '{here[-1]}' or set mechanics.enabled = true"
        )
    yield from _fields(
        sections, STRESS_FIELDS, "mechanics are off", "remove it or set mechanics.enabled = true"
    )


def _without_carriers(sections: Sections) -> Iterator[Problem]:
    """Fields of lithium in active material and of electrons where there are none."""
    roles = {region.role for region in sections.regions.values()}
    salt = any(region.salt is not None for region in sections.regions.values())
    if len(sections.regions) < len(sections.region_names):
        return
    if not salt:
        yield from _fields(sections, ("salt_concentration",), "no region has a salt", "remove it")
    if "active" in roles:
        return
    yield from _fields(sections, ACTIVE_FIELDS, "no region is active", "remove it")
    if "conductor" not in roles:
        yield from _fields(sections, ("electronic_potential",), "no region conducts electrons", "remove it")
    if "mobility" in _table(sections, "numerics"):
        yield sections.problem(("numerics", "mobility"), "no region is active", "remove 'mobility'")
    if "lattice_velocity" in _table(sections, "mechanics") and not salt:
        what = "no region is active or has a salt: nothing moves with the lattice"
        yield sections.problem(("mechanics", "lattice_velocity"), what, "remove 'lattice_velocity'")


def _without_space_charge(sections: Sections) -> Iterator[Problem]:
    """What only regions with space_charge use."""
    remedy = "remove it, or give the region space_charge"
    interfaces: Mapping[str, Interface] = sections.valid.get("interfaces") or {}
    laws = {
        part.strip()
        for key, interface in interfaces.items()
        if interface.charge_transfer is not None and interface.charge_transfer.space_charge is not None
        for part in key.split("|")
    }
    for name, region in sections.regions.items():
        if region.space_charge is None and name not in laws and "relative_permittivity" in region.properties:
            here: Location = ("regions", name, "properties", "relative_permittivity")
            yield sections.problem(here, f"the charge of '{name}' is not resolved", remedy)
    if len(sections.regions) == len(sections.region_names) and not any(
        region.space_charge for region in sections.regions.values()
    ):
        yield from _fields(sections, CHARGE_FIELDS, "no region has space_charge", "remove it")
    elif all(
        region.space_charge is None or region.space_charge.binary for region in sections.regions.values()
    ):
        yield from _fields(sections, ("occupancy",), "no region has ions on a lattice", "remove it")


def _without_faces(sections: Sections) -> Iterator[Problem]:
    """Fields of faces that part, conduct in part or grow, and the overlap of faces, where there are none."""
    interfaces: Mapping[str, Interface] = sections.valid.get("interfaces") or {}
    written, cell = sections.data.get("interfaces", {}), sections.valid.get("cell")
    if not isinstance(written, dict) or len(written) > len(interfaces) or cell is None:
        return  # some have mistakes of their own
    parts = any(one.parts for one in interfaces.values())
    cohesive = any(one.cohesive is not None for one in interfaces.values())
    throttled = any(
        contact is not None
        for contact in (
            cell.collector_contact,
            *(one.contact for one in interfaces.values()),
            *(metal.contact for _, metal in _metals(cell)),
        )
    )
    remedy = "remove it, or give an interface 'cohesive' or 'loose'"
    if not parts:
        yield from _fields(sections, ("opening",), "no interface can part", remedy)
        if "overlap" in _table(sections, "numerics"):
            yield sections.problem(("numerics", "overlap"), "no interface can part", "remove 'overlap'")
    if not cohesive:
        yield from _fields(
            sections, ("damage",), "no interface can break", "remove it, or give one 'cohesive'"
        )
    if not parts and not throttled:
        yield from _fields(sections, ("contact_pressure",), "no interface is in contact", remedy)
    if not cohesive and not throttled:
        remedy = "remove it, or give an interface 'contact'"
        yield from _fields(sections, ("conducting_fraction",), "all of every interface conducts", remedy)
    grown: dict[str, list[Interphase | Interdiffusion | None]] = {
        "interphase": [one.interphase for one in (*interfaces.values(), *(m for _, m in _metals(cell)))],
        "interdiffusion": [one.interdiffusion for one in interfaces.values()],
    }
    for word, layers in grown.items():
        if all(layer is None for layer in layers):
            yield from _fields(sections, (f"{word}_thickness",), f"no {word} grows", "remove it")


def _metals(cell: Cell) -> list[tuple[str, CounterElectrode | WorkingElectrode]]:
    """Return the electrodes on the electrolyte with their keys."""
    given = [("counter_electrode", cell.counter_electrode), ("working_electrode", cell.working_electrode)]
    return [(key, electrode) for key, electrode in given if electrode is not None]


def _fields(sections: Sections, absent: Sequence[str], reason: str, remedy: str) -> Iterator[Problem]:
    written = _table(sections, "output").get("fields")
    for at, field in enumerate(written if isinstance(written, list) else ()):
        if field in absent:
            what = f"there is no '{field}': {reason}"
            yield sections.problem(("output", "fields", at), what, remedy)


def _table(sections: Sections, name: str) -> Mapping[str, Any]:
    """Return a section as it was written."""
    return sections.table(name)
