"""What a case says to no effect: a key that another key switches off is a mistake, not a silence."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from chemomech.case.schema import Interface, Mechanics, Numerics
from chemomech.case.sections import Sections
from chemomech.case.wording import Location
from chemomech.errors import Problem
from chemomech.materials.properties import KINDS

ELASTIC: Final = ("youngs_modulus", "poissons_ratio")
CRACKING: Final = ("tensile_strength", "fracture_toughness", "fracture_energy", "flaw_size")
USED: Final[dict[str, tuple[str, ...]]] = {
    "active": (
        "maximum_concentration", "open_circuit_potential", "stoichiometry_range", "diffusivity",
        "electronic_conductivity", "swelling", *ELASTIC, *CRACKING,
    ),
    "electrolyte": ("ionic_conductivity", "relative_permittivity", *ELASTIC, *CRACKING),
    "conductor": ("electronic_conductivity", *ELASTIC, *CRACKING),
    "inert": (*ELASTIC, *CRACKING),
}  # fmt: skip
"""Properties that the model reads of a region, by role."""
ACTIVE_FIELDS: Final = ("concentration", "stoichiometry", "chemical_potential")
"""Fields of active regions only."""
CHARGE_FIELDS: Final = ("electric_potential", "ion_concentration", "occupancy", "field_strength")
"""Fields of regions whose charge is resolved."""
STRESS_FIELDS: Final = (
    "displacement",
    "von_mises",
    "hydrostatic",
    "max_principal",
    "crack_risk",
    "energetic_risk",
)


def idle_keys(sections: Sections) -> Iterator[Problem]:
    """Yield every key that was written and cannot change anything."""
    yield from _properties(sections)
    yield from _without_mechanics(sections)
    yield from _without_carriers(sections)
    yield from _without_space_charge(sections)
    numerics: Numerics | None = sections.valid.get("numerics")
    if numerics is not None and numerics.direct_limit is not None and numerics.solver != "auto":
        what = f"solver = '{numerics.solver}' does not ask for a limit"
        yield sections.problem(("numerics", "direct_limit"), what, "remove it, or set solver = 'auto'")
    output = _table(sections, "output")
    if output.get("figures") is False and output.get("animation") is True:
        what = "the animation is drawn with the figures, which are off"
        yield sections.problem(("output", "animation"), what, "set figures = true, or animation = false")


def _properties(sections: Sections) -> Iterator[Problem]:
    for name, region in sections.regions.items():
        here: Location = ("regions", name, "properties")
        for key in region.properties:
            if key in KINDS and key not in USED[region.role]:  # an unknown key is named elsewhere
                what = f"'{key}' changes nothing in a region of role '{region.role}'"
                yield sections.problem((*here, key), what, f"used there: {', '.join(USED[region.role])}")
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
    if len(sections.regions) < len(sections.region_names) or "active" in roles:
        return
    yield from _fields(sections, ACTIVE_FIELDS, "no region is active", "remove it")
    if "conductor" not in roles:
        yield from _fields(sections, ("electronic_potential",), "no region conducts electrons", "remove it")
    for here in (("numerics", "mobility"), ("mechanics", "lattice_velocity")):
        if here[1] in _table(sections, here[0]):
            yield sections.problem(here, "no region is active", f"remove '{here[1]}'")


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


def _fields(sections: Sections, absent: Sequence[str], reason: str, remedy: str) -> Iterator[Problem]:
    written = _table(sections, "output").get("fields")
    for at, field in enumerate(written if isinstance(written, list) else ()):
        if field in absent:
            what = f"there is no '{field}': {reason}"
            yield sections.problem(("output", "fields", at), what, remedy)


def _table(sections: Sections, name: str) -> Mapping[str, Any]:
    """Return a section as it was written."""
    written = sections.data.get(name)
    return written if isinstance(written, dict) else {}
