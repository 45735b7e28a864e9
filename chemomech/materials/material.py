"""Materials: a name, a formula, and properties that each carry their source."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np

from chemomech.constants import GAS
from chemomech.errors import InputError, Problem
from chemomech.materials.laws import NUMPY, Law
from chemomech.materials.properties import KINDS, ROLES, SALT, VARIABLES, Property
from chemomech.materials.read import kind_of, nearest, override, read_properties, read_toml

LIBRARY: Final = Path(__file__).parent / "library"
"""The materials that come with the package."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,60}")
_GRID: Final = 4001


@dataclass(frozen=True)
class Material:
    """A material: what it is called, what it is made of, and its properties by key."""

    name: str
    formula: str
    properties: Mapping[str, Property]
    aliases: tuple[str, ...] = ()
    description: str = ""

    def has(self, key: str) -> bool:
        """Return whether the property is known."""
        return key in self.properties

    def law(self, key: str, temperature: float) -> Law:
        """Return a property against its variable (internal units) at a temperature [K]; or InputError."""
        found = self._property(key)
        if found.interval is not None:
            raise InputError(Problem(self.name, f"'{key}' is a range and has no single value"))
        if found.activation_energy is None or found.reference_temperature is None:
            return found.law
        if not temperature > 0.0:
            raise InputError(Problem(self.name, f"a temperature of {temperature:g} K is not possible"))
        inverse = 1.0 / temperature - 1.0 / found.reference_temperature
        return found.law.scaled(math.exp(-found.activation_energy / GAS * inverse))

    def number(self, key: str, temperature: float) -> float:
        """Return a property (internal units) at a temperature [K]; InputError if missing or varying."""
        law = self.law(key, temperature)
        if not law.is_constant:
            variable = VARIABLES[KINDS[key].form].name
            raise InputError(Problem(self.name, f"'{key}' varies with {variable} and is not a single number"))
        return float(law(0.5, NUMPY))

    @property
    def stoichiometry_range(self) -> tuple[float, float]:
        """The lowest and highest stoichiometry between which the material is used; InputError if missing."""
        interval = self._property("stoichiometry_range").interval
        assert interval is not None  # a range always has one: see read_property
        return interval

    def equilibrium_stoichiometry(self, voltage: float, temperature: float) -> float:
        """Return theta with U(theta) = voltage [V against lithium]; InputError when it is out of reach."""
        potential = self.law("open_circuit_potential", temperature)
        low, high = self.stoichiometry_range
        top, bottom = float(potential(low)), float(potential(high))
        if not bottom <= voltage <= top:
            reach = f"its open-circuit potential goes from {bottom:.3f} V to {top:.3f} V"
            raise InputError(Problem(self.name, f"{voltage:g} V cannot be reached", reach))
        for _ in range(80):
            middle = 0.5 * (low + high)
            low, high = (middle, high) if float(potential(middle)) > voltage else (low, middle)
        return 0.5 * (low + high)

    def with_properties(self, overrides: Mapping[str, str | float], place: str = "case") -> "Material":
        """Return the material with properties replaced, as in {"youngs_modulus": "100 GPa"}; InputError."""
        properties, problems = dict(self.properties), []
        if (
            "fracture_toughness" in overrides
        ):  # the energy belongs to the old toughness, and follows from the new one
            properties.pop("fracture_energy", None)
        for key, quantity in overrides.items():
            try:
                properties[key] = override(key, quantity, place)
            except ValueError as error:
                problems.append(Problem(place, f"{key}: {error}"))
        if problems:
            raise InputError(problems)
        return replace(self, properties=MappingProxyType(properties))

    def problems_for_role(self, role: str) -> list[str]:
        """Return what keeps the material from a role (active, electrolyte, conductor, inert), in words."""
        if role not in ROLES:
            return [f"'{role}' is not a role{nearest(role, ROLES)}"]
        missing = [key for key in ROLES[role] if not self.has(key)]
        problems = [
            f"{self.name} has no '{key}' ({KINDS[key].meaning}), which '{role}' needs" for key in missing
        ]
        if role == "active" and not missing:
            problems += self._potential_problems()
        return problems

    def problems_with_salt(self, salt: bool) -> list[str]:
        """Return what keeps the material from being an electrolyte with or without a salt of its own, in words."""
        if salt:
            return [
                f"{self.name} has no '{key}' ({KINDS[key].meaning}), which a salt needs"
                for key in SALT
                if not self.has(key)
            ]
        if not self.has("ionic_conductivity") or self.properties["ionic_conductivity"].law.is_constant:
            return []
        return [f"the conductivity of {self.name} depends on the concentration of a salt, and there is none"]

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles for which nothing is missing."""
        return tuple(role for role in ROLES if not self.problems_for_role(role))

    def summary(self) -> str:
        """Return one line: name, formula, roles, how many of its numbers are confirmed."""
        confirmed = sum(one.confirmed for one in self.properties.values())
        counts = f"{confirmed} of {len(self.properties)} confirmed"
        return f"{self.name:<12} {self.formula:<24} {', '.join(self.roles):<30} {counts}"

    def describe(self) -> str:
        """Return the material as text, one property a line, each with its source."""
        return "\n".join([self.name + f" ({self.formula}): {self.description}".rstrip(": "), *self._lines()])

    def _lines(self) -> Iterator[str]:
        for key, one in self.properties.items():
            mark = "" if one.confirmed else " [not confirmed]"
            yield f"  {key} = {one.given}{mark}; {one.source}" + (f"; {one.note}" if one.note else "")

    def _property(self, key: str) -> Property:
        try:
            kind = kind_of(key)
        except ValueError as error:
            raise InputError(Problem(self.name, str(error))) from None
        if key not in self.properties:
            remedy = f"give it in the material's file or in the region's properties: {key} = ..."
            raise InputError(Problem(self.name, f"has no '{key}' ({kind.meaning})", remedy))
        return self.properties[key]

    def _potential_problems(self) -> list[str]:
        low, high = self.stoichiometry_range
        theta = np.linspace(low, high, _GRID)
        potential = self.properties["open_circuit_potential"].law(theta)
        rising = np.flatnonzero(~(np.diff(potential) < 0.0))
        if not rising.size:
            return []
        where = f"at stoichiometry {theta[rising[0]]:.4g}"
        return [
            f"{self.name}: the open-circuit potential must fall everywhere in stoichiometry_range, "
            f"it does not {where}"
        ]


def load_material(name: str, directories: Sequence[Path] = ()) -> Material:
    """Return a material by name or alias, first from the directories; InputError with the nearest name."""
    if _NAME.fullmatch(name):
        for directory in (*directories, LIBRARY):
            for path in _files(directory):
                if path.stem == name:
                    return read_material(path)
        for directory in (*directories, LIBRARY):
            for path in _files(directory):
                if name in _aliases(read_toml(path), path.name):
                    return read_material(path)
    names = [one for folder in (*directories, LIBRARY) for path in _files(folder) for one in _called(path)]
    remedy = nearest(name, names).removeprefix("; ") or "known are " + ", ".join(sorted(set(names)))
    raise InputError(Problem("", f"there is no material '{name[:60]}'", remedy))


def list_materials(directories: Sequence[Path] = ()) -> tuple[Material, ...]:
    """Return every material of the directories and the library; an earlier directory hides a later one."""
    found: dict[str, Material] = {}
    for directory in (*directories, LIBRARY):
        for path in _files(directory):
            if path.stem not in found:
                found[path.stem] = read_material(path)
    return tuple(found[name] for name in sorted(found, key=str.casefold))


def summarise_materials(directories: Sequence[Path] = ()) -> str:
    """Return the list of materials as text, one line each."""
    return "\n".join(material.summary() for material in list_materials(directories))


def read_material(path: Path) -> Material:
    """Return the material in a file; InputError with every mistake in it."""
    content = read_toml(path)
    properties = read_properties(content, path.name)
    if content["name"] != path.stem:
        raise InputError(
            Problem(path.name, f"name is '{content['name']}'", f"it must be the file's, '{path.stem}'")
        )
    description = content.get("description", "")
    if not isinstance(description, str):
        raise InputError(Problem(path.name, "'description' must be text"))
    aliases = _aliases(content, path.name)
    return Material(path.stem, content["formula"], MappingProxyType(properties), aliases, description)


def _files(directory: Path) -> list[Path]:
    return sorted(directory.glob("*.toml")) if directory.is_dir() else []


def _aliases(content: Mapping[str, object], place: str) -> tuple[str, ...]:
    aliases = content.get("aliases", [])
    if not isinstance(aliases, list) or not all(isinstance(one, str) for one in aliases):
        raise InputError(Problem(place, "'aliases' must be a list of names"))
    return tuple(aliases)


def _called(path: Path) -> tuple[str, ...]:
    return (path.stem, *_aliases(read_toml(path), path.name))
