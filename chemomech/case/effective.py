"""What a case of [effective] must have, and what in it changes nothing."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from chemomech.case.idle import ELASTIC
from chemomech.case.schema import Effective, Interface
from chemomech.case.sections import Sections
from chemomech.case.wording import Location
from chemomech.errors import Problem
from chemomech.materials.material import Material
from chemomech.materials.properties import KINDS

ROLES: Final[dict[str, tuple[str, ...]]] = {
    "ionic_conductivity": ("electrolyte",),
    "electronic_conductivity": ("active", "conductor"),
}
"""Which roles of a region conduct, by property."""
NUMERICS: Final = ("displacement_degree", "scalar_degree", "quadrature_degree", "solver", "direct_limit")
"""Keys of [numerics] that a linear problem without time reads."""


def effective_problems(sections: Sections, materials: Mapping[str, Material]) -> Iterator[Problem]:
    """Yield what contradicts the effective properties that are asked for."""
    for name in ("cell", "protocol", "pressure", "mechanics", "risk"):
        if name in sections.data:
            what = f"[{name}] changes nothing beside [effective]"
            remedy = "remove it, or remove [effective] and use `chemomech effective CASE`"
            yield sections.problem((name,), what, remedy)
    wanted: Effective | None = sections.valid.get("effective")
    if wanted is None:
        return
    yield from _phases(sections, wanted)
    for name, material in materials.items():
        for key in needed(sections.regions[name].role, wanted.quantities):
            if not material.has(key):
                what = f"{material.name} has no '{key}' ({KINDS[key].meaning}), which {wanted_by(key)} needs"
                yield sections.problem(
                    ("regions", name, "material"), what, f"add it in 'properties': {key} = ..."
                )
    yield from _idle(sections, wanted)


def needed(role: str, quantities: tuple[str, ...]) -> tuple[str, ...]:
    """Return the properties that a region of a role must have for these quantities."""
    conduction = [key for key, roles in ROLES.items() if role in roles and key in quantities]
    return (*conduction, *(ELASTIC if "stiffness" in quantities else ()))


def wanted_by(key: str) -> str:
    """Return the quantity that reads a property."""
    return "stiffness" if key in ELASTIC else key


def _phases(sections: Sections, wanted: Effective) -> Iterator[Problem]:
    roles = {region.role for region in sections.regions.values()}
    if len(sections.regions) < len(sections.region_names):
        return
    for at, quantity in enumerate(wanted.quantities):
        here: Location = ("effective", "quantities", at)
        if quantity in ROLES and not roles & set(ROLES[quantity]):
            who = " or ".join(ROLES[quantity])
            what = f"'{quantity}' of no phase: no region has role {who}"
            yield sections.problem(here, what, f"remove '{quantity}', or give a region that role")
        if quantity == "percolation" and roles == {"inert"}:
            yield sections.problem(here, "no region conducts anything", "remove 'percolation'")


def _idle(sections: Sections, wanted: Effective) -> Iterator[Problem]:
    written: list[Location] = []
    for name, region in sections.regions.items():
        keys = ("initial", "stress_free_stoichiometry")
        written += [("regions", name, key) for key in keys if getattr(region, key) is not None]
        used = needed(region.role, wanted.quantities)
        written += [
            ("regions", name, "properties", key)
            for key in region.properties
            if key in KINDS and key not in used
        ]
    interfaces: Mapping[str, Interface] = sections.valid.get("interfaces") or {}
    for key, interface in interfaces.items():
        if interface.charge_transfer is not None:
            written.append(("interfaces", key, "charge_transfer"))
        if interface.resistance is not None and "ionic_conductivity" not in wanted.quantities:
            written.append(("interfaces", key, "resistance"))
    written += [("numerics", key) for key in sections.table("numerics") if key not in NUMERICS]
    degrees = {"displacement_degree": {"stiffness"}, "scalar_degree": set(ROLES)}
    for key, readers in degrees.items():
        if key in sections.table("numerics") and not readers & set(wanted.quantities):
            written.append(("numerics", key))
    written += [("output", key) for key in sections.table("output") if key != "figures"]
    for here in written:
        what = f"'{here[-1]}' changes nothing in {', '.join(wanted.quantities)}"
        yield sections.problem(here, what, f"remove '{here[-1]}'")
    numerics: Any = sections.valid.get("numerics")
    if numerics is not None and numerics.direct_limit is not None and numerics.solver != "auto":
        what = f"solver = '{numerics.solver}' does not ask for a limit"
        yield sections.problem(("numerics", "direct_limit"), what, "remove it, or set solver = 'auto'")
    yield from _interfaces(sections, interfaces)


def _interfaces(sections: Sections, interfaces: Mapping[str, Interface]) -> Iterator[Problem]:
    for key, interface in interfaces.items():
        here: Location = ("interfaces", key)
        names = [part.strip() for part in key.split("|")]
        if len(names) != 2 or not all(names) or names[0] == names[1]:
            yield sections.problem(here, f"'{key}' does not name two regions", 'write [interfaces."a|b"]')
            continue
        for name in names:
            if name not in sections.region_names:
                yield sections.problem(here, f"there is no region '{name}'", "name two regions of [regions]")
        roles = [sections.regions[name].role for name in names if name in sections.regions]
        if interface.resistance is not None and len(roles) == 2 and set(roles) != {"electrolyte"}:
            what = f"'{names[0]}' ({roles[0]}) and '{names[1]}' ({roles[1]}) are not two electrolytes"
            yield sections.problem(
                (*here, "resistance"), what, "resistance is met by ions between two electrolytes"
            )
