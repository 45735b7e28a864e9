"""Rough contacts of a case: what they act on must be there, and what presses them."""

from collections.abc import Iterator, Mapping

from chemomech.case.schema import Cell, Contact, ElectrodeContact, Interface, Mechanics
from chemomech.case.sections import Sections
from chemomech.case.wording import Location
from chemomech.errors import Problem
from chemomech.materials.properties import ROLES


def contact_problems(sections: Sections) -> Iterator[Problem]:
    """Yield what is wrong with the contacts of the collector and of lithium metal, and with constrictions."""
    interfaces: Mapping[str, Interface] = sections.valid.get("interfaces") or {}
    for key, interface in interfaces.items():
        names = [part.strip() for part in key.split("|")]
        if interface.contact is not None:
            yield from _constriction(sections, ("interfaces", key, "contact"), interface.contact, names)
    cell: Cell | None = sections.valid.get("cell")
    if cell is None:
        return
    collector, contact = cell.collector, cell.collector_contact
    if collector is not None and contact is not None:
        here: Location = ("cell", "collector_contact")
        if collector.boundary is not None:
            yield from _pressed(sections, here, collector.boundary)
        for key, interface in interfaces.items():
            own = interface.contact is not None or interface.cohesive is not None
            if own and {part.strip() for part in key.split("|")} == {collector.region, collector.other}:
                what = f"the interface '{key}' has a contact or a bond of its own"
                yield sections.problem(
                    here, what, "remove 'collector_contact', or 'contact' and 'cohesive' there"
                )
    electrodes = {"counter_electrode": cell.counter_electrode, "working_electrode": cell.working_electrode}
    for key, electrode in electrodes.items():
        if electrode is not None and electrode.contact is not None:
            place: Location = ("cell", key, "contact")
            yield from _pressed(sections, place, electrode.at)
            yield from _metal(sections, place, electrode.contact)
            yield from _constriction(sections, place, electrode.contact, sections.region_names)


def _pressed(sections: Sections, here: Location, boundary: str) -> Iterator[Problem]:
    mechanics: Mechanics | None = sections.valid.get("mechanics")
    if mechanics is not None and boundary in mechanics.free:
        what = f"boundary '{boundary}' is free of traction: nothing presses there"
        yield sections.problem(here, what, f"remove '{here[-1]}', or '{boundary}' from [mechanics] free")


def _metal(sections: Sections, here: Location, given: ElectrodeContact) -> Iterator[Problem]:
    material, problems = sections.material(here, given.material)
    if material is None:
        yield from problems
        return
    lacking = [key for key in ROLES["inert"] if not material.has(key)]
    if lacking:
        what = f"{material.name} has no {' and no '.join(lacking)}, which the law of contact takes"
        yield sections.problem((*here, "material"), what, 'take a metal, e.g. material = "lithium"')


def _constriction(
    sections: Sections, here: Location, given: Contact, regions: tuple[str, ...] | list[str]
) -> Iterator[Problem]:
    charged = [name for name in regions if name in sections.regions and sections.regions[name].space_charge]
    if given.constriction and charged:
        what = f"the charge of '{charged[0]}' is resolved: what it is near a spot is not modelled"
        yield sections.problem((*here, "constriction"), what, "remove 'constriction' or 'space_charge'")
