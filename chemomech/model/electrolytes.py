"""Electrolytes: groups that share a potential, a salt or an electric potential, and what they conduct."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import combinations, product
from typing import Any

import chemomech.runtime  # noqa: F401

import numpy as np

from chemomech.case.schema import Interface
from chemomech.case.schema import SpaceCharge as SpaceChargeInput
from chemomech.constants import KMOL_PER_M3, VACUUM
from chemomech.contacts import Contacts
from chemomech.errors import InputError, Problem
from chemomech.fields import (
    ANION_POTENTIAL,
    ELECTRIC_POTENTIAL,
    ELECTRONIC_POTENTIAL,
    IONIC_POTENTIAL,
    SALT_CONCENTRATION,
    Field,
    ion_concentration,
)
from chemomech.materials.properties import SALT
from chemomech.model.checks import they_touch
from chemomech.model.mechanics import solid
from chemomech.model.numbers import Numbers
from chemomech.physics.conduction import Conduction
from chemomech.physics.ionic_contact import IonicContact
from chemomech.physics.salt_transport import SaltTransport, Solution
from chemomech.physics.space_charge import InterfaceCore, Ion, Medium, SpaceCharge


class Electrolytes:
    """The electrolyte regions of a case: which share which unknown, and their physics."""

    def __init__(self, numbers: Numbers) -> None:
        """Form the groups; InputError where a case asks for one that its mesh does not have."""
        self.numbers = numbers
        self.resistances = self._between(lambda interface: interface.resistance)
        """of interfaces of two electrolytes [V um^2/nA]"""
        self.ionic = self._ionic_potentials()
        """ionic potential of each electrolyte"""
        self.salt = self._salt_concentrations()
        """concentration of each region with a salt"""
        self.cores = self._between(lambda interface: interface.core_capacitance)
        """of interfaces of two regions whose charge is resolved [nC/(V um^2)]"""
        self.electric = self._electric_potentials()
        """electric potential of each region whose charge is resolved"""

    def ion_concentration(self, name: str, ion: str = "ion") -> Field:
        """Return the concentration of the lithium ions ("ion") or the anions of a region whose charge is resolved."""
        charged = self.numbers.case.regions[name].space_charge
        assert charged is not None
        return ion_concentration(name, charged.mobile_concentration, ion)

    def touching(
        self, boundary: str, potentials: Mapping[str, Field] | None = None
    ) -> dict[Field, tuple[str, ...]]:
        """Return the electrolyte regions that end at a boundary, by their ionic potential (or another one)."""
        found: dict[Field, tuple[str, ...]] = {}
        for name, potential in (self.ionic if potentials is None else potentials).items():
            if self.numbers.domain.boundary_area(boundary, [name]) > 0.0:
                found[potential] = (*found.get(potential, ()), name)
        return found

    def initial_salt(self, name: str) -> float:
        """Return the concentration at the start of a region with a salt [pmol/um^3]."""
        salt = self.numbers.case.regions[name].salt
        assert salt is not None  # it is a region with a salt
        return salt.concentration

    def conduction(self) -> list[Conduction]:
        """Return Ohm's law of the regions that conduct lithium ions only and stay neutral."""
        special = {*self.salt, *self.electric}  # their charge balance is another
        return [
            Conduction(
                potential,
                {
                    name: self.numbers.number(self.numbers.property(name, "ionic_conductivity"))
                    for name, own in self.ionic.items()
                    if own == potential and name not in special
                },
            )
            for potential in dict.fromkeys(p for name, p in self.ionic.items() if name not in special)
        ]

    def salt_transport(self, moving: Any) -> list[SaltTransport]:
        """Return the salts of all regions, in a matrix that moves or rests (None)."""
        return [
            SaltTransport(
                {name: self._solution(name) for name, own in self.salt.items() if own == concentration},
                concentration,
                potential,
                self.numbers.temperature,
                moving,
            )
            for concentration, potential in dict.fromkeys(
                (c, self.ionic[name]) for name, c in self.salt.items()
            )
        ]

    def space_charge(self) -> SpaceCharge | None:
        """Return Poisson's equation and the ions of the regions whose charge is resolved; None without any."""
        if not self.electric:
            return None
        return SpaceCharge({name: self._medium(name) for name in self.electric}, self.numbers.temperature)

    def interface_cores(self) -> list[InterfaceCore]:
        """Return the core layers between regions whose charge is resolved, and between active material and these."""
        between = [
            InterfaceCore(
                f"{one}|{other}",
                frozenset([one]),
                frozenset([other]),
                self.electric[one],
                self.electric[other],
                self.numbers.number(capacitance),
                0.0,
            )
            for (one, other), capacitance in self.cores.items()
        ]
        return between + self._active_cores()

    def _active_cores(self) -> list[InterfaceCore]:
        # Without charge the electrolyte is neutral up to the core: its electric potential is mu below the ionic one.
        found, numbers = [], self.numbers
        for active, name in product(numbers.with_role("active"), self.electric):
            given, charged = numbers.case.interface(active, name), numbers.case.regions[name].space_charge
            if given.core_capacitance is None:
                continue
            assert given.zero_charge is not None and charged is not None  # the case reader demands it
            if not they_touch(numbers.case, numbers.domain, active, name):
                continue
            found.append(
                InterfaceCore(
                    f"{active}|{name}",
                    frozenset([active]),
                    frozenset([name]),
                    ELECTRONIC_POTENTIAL,
                    self.electric[name],
                    numbers.number(given.core_capacitance),
                    numbers.number(given.zero_charge + charged.chemical_potential),
                )
            )
        return found

    def ionic_contacts(self, contacts: Contacts) -> list[IonicContact]:
        """Return the resistances between electrolytes, on the share of each face that conducts."""
        return [
            IonicContact(
                one,
                other,
                (self.ionic[one], self.ionic[other]),
                self.numbers.number(resistance),
                contacts.fraction(f"{one}|{other}"),
                contacts.constriction(f"{one}|{other}"),
            )
            for (one, other), resistance in self.resistances.items()
        ]

    def _between(self, key: Callable[[Interface], float | None]) -> dict[tuple[str, str], float]:
        """Return a number of the interfaces of two electrolytes that have one; InputError where they do not touch."""
        found: dict[tuple[str, str], float] = {}
        for one, other in combinations(self.numbers.with_role("electrolyte"), 2):
            given = key(self.numbers.case.interface(one, other))
            if given is not None and they_touch(self.numbers.case, self.numbers.domain, one, other):
                found[one, other] = given
        return found

    def _ionic_potentials(self) -> dict[str, Field]:
        """Return the ionic potential of each electrolyte: one for all regions that touch without a resistance."""
        names = self.numbers.with_role("electrolyte")
        if not self.resistances:
            return dict.fromkeys(names, IONIC_POTENTIAL)
        group = self._joined(names, self.resistances)
        for one, other in self.resistances:
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
        given = {name: region.salt for name, region in self.numbers.case.regions.items()}
        salted = [name for name in self.numbers.with_role("electrolyte") if given[name] is not None]
        for one, other in combinations(salted, 2):
            if (
                self.ionic[one] != self.ionic[other]
                or tuple(sorted((one, other))) not in self.numbers.domain.adjacent()
            ):
                continue
            first, second = self.numbers.materials[one].properties, self.numbers.materials[other].properties
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

    def _electric_potentials(self) -> dict[str, Field]:
        """Return the electric potential of each region whose charge is resolved."""
        names = [name for name, region in self.numbers.case.regions.items() if region.space_charge]
        group = self._joined(names, self.cores)
        for one, other in self.cores:
            if other in group[one]:
                raise InputError(
                    Problem(
                        f"[interfaces.'{one}|{other}'] core_capacitance",
                        "the electric potential is continuous around it",
                        "give a core_capacitance to every interface between the two sides",
                    )
                )
        return {name: ELECTRIC_POTENTIAL.on(group[name]) for name in names}

    def _joined(self, names: list[str], parted: Mapping[tuple[str, str], float]) -> dict[str, set[str]]:
        """Return for each region all those that it touches, or that these touch, without crossing a parting."""
        group = {name: {name} for name in names}
        for one, other in self.numbers.domain.adjacent():
            if one in group and other in group and not {(one, other), (other, one)} & parted.keys():
                joined = group[one] | group[other]
                group.update(dict.fromkeys(joined, joined))
        return group

    def _medium(self, name: str) -> Medium:
        charged = self.numbers.case.regions[name].space_charge
        assert charged is not None
        swells = self.numbers.stressed and charged.ion_volume is not None
        ion = Ion(
            potential=self.ionic[name],
            concentration=self.ion_concentration(name),
            charge=1,
            bulk_concentration=self.numbers.number(charged.bulk_concentration),
            share=self.numbers.number(charged.share),
            conductivity=self.numbers.number(self._bulk_conductivity(name, charged)),
            chemical_potential=self.numbers.number(charged.chemical_potential),
            solid=solid(self.numbers, name) if swells else None,
        )
        permittivity = self.numbers.number(VACUUM * self.numbers.property(name, "relative_permittivity"))
        if not charged.binary:
            return Medium(self.electric[name], permittivity, (ion,))
        anion = replace(
            ion,
            potential=ANION_POTENTIAL.on(self._sharing_anions()[name]),
            concentration=self.ion_concentration(name, "anion"),
            charge=-1,
            conductivity=self.numbers.number(self._bulk_conductivity(name, charged, anion=True)),
        )
        return Medium(self.electric[name], permittivity, (ion, anion), vacancies=False)

    def _sharing_anions(self) -> dict[str, set[str]]:
        """Return for each region with resolved anions those whose anions it shares: they pass without resistance."""
        charged = {name: self.numbers.case.regions[name].space_charge for name in self.electric}
        names = [name for name, given in charged.items() if given is not None and given.binary]
        return self._joined(names, self.resistances)

    def _bulk_conductivity(self, name: str, charged: SpaceChargeInput, *, anion: bool = False) -> float:
        """Return the conductivity of one kind of ions in the bulk [nA/(V um)]: t+ kappa of the cations of a salt."""
        if not charged.binary:
            return self.numbers.property(name, "ionic_conductivity")
        content, temperature = KMOL_PER_M3 * charged.bulk_concentration, self.numbers.case.cell.temperature
        total, lithium = (
            float(np.asarray(self.numbers.materials[name].law(key, temperature)(content)))
            for key in ("ionic_conductivity", "transference_number")
        )
        return total * (1 - lithium if anion else lithium)

    def _solution(self, name: str) -> Solution:
        return Solution(
            conductivity=self._salt_law(name, "ionic_conductivity"),
            transference_number=self._salt_law(name, "transference_number"),
            thermodynamic_factor=self._salt_law(name, "thermodynamic_factor"),
            diffusivity=self._salt_law(name, "salt_diffusivity"),
        )

    def _salt_law(self, region: str, key: str) -> Callable[[Any], Any]:
        # A law of the material file is against kmol/m3; one that is constant stays a constant of the forms.
        if self.numbers.materials[region].properties[key].law.is_constant:
            constant = self.numbers.number(self.numbers.property(region, key))
            return lambda c: constant
        law = self.numbers.law(region, key)
        return lambda c: law(KMOL_PER_M3 * c)
