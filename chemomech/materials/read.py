"""Material files: one TOML table per property, each with its value, unit and source."""

import difflib
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from chemomech.case.units import UnitError, factor_from_internal, to_internal
from chemomech.errors import InputError, Problem
from chemomech.materials.laws import Constant, Expression, Law, Polynomial, Table
from chemomech.materials.properties import KINDS, VARIABLES, Kind, Property, Variable, within

_LARGEST_FILE: Final = 1_000_000
_HEAD: Final = ("name", "formula", "aliases", "description")
_FORMS: Final = ("value", "polynomial", "expression", "table")
_PROPERTY_KEYS: Final = (
    *_FORMS,
    "interpolation",
    "unit",
    "source",
    "confirmed",
    "note",
    "activation_energy",
    "reference_temperature",
)
_SAMPLES: Final = 101


def read_toml(path: Path) -> dict[str, Any]:
    """Return a material file's content; InputError when it is unreadable, too large or not TOML."""
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise InputError(
                Problem(path.name, f"larger than {_LARGEST_FILE} bytes", "this is no material file")
            )
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        raise InputError(Problem(path.name, "not text in UTF-8", "save it as UTF-8")) from None
    except OSError as error:
        raise InputError(
            Problem(path.name, f"cannot be read ({error.strerror})", "check its permissions")
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(Problem(path.name, f"is not TOML: {error}", "mend this line")) from None
    except RecursionError:
        raise InputError(Problem(path.name, "lists within lists too deep", "flatten them")) from None


def read_properties(content: Mapping[str, Any], place: str) -> dict[str, Property]:
    """Return the properties of a material file's content; InputError with every mistake in it."""
    problems: list[Problem] = []
    for key in _HEAD[:2]:
        if not isinstance(content.get(key), str) or not content[key].strip():
            problems.append(Problem(place, f"'{key}' is missing", f'write {key} = "..." at the top'))
    properties: dict[str, Property] = {}
    for key, table in content.items():
        if key in _HEAD:
            continue
        try:
            properties[key] = read_property(key, table)
        except ValueError as error:
            problems.append(Problem(f"{place} [{key}]", str(error)))
    if problems:
        raise InputError(problems)
    return properties


def read_property(key: str, table: Any) -> Property:
    """Return one property from its TOML table; ValueError with one sentence."""
    kind = kind_of(key)
    if not isinstance(table, dict):
        raise ValueError("must be a table with value, unit and source")
    for name in table:
        if name not in _PROPERTY_KEYS:
            raise ValueError(f"'{name}' is not a key here{nearest(name, _PROPERTY_KEYS)}")
    texts = {name: table.get(name, "") for name in ("unit", "source", "note")}
    if not all(isinstance(text, str) for text in texts.values()):
        raise ValueError("unit, source and note must be text")
    if not texts["source"].strip():
        raise ValueError('has no source; say where the number comes from (source = "...")')
    if not isinstance(table.get("confirmed"), bool):
        raise ValueError("must say confirmed = true (read in the source) or confirmed = false")
    if "unit" not in table:
        raise ValueError('has no unit; a plain number has unit = "1"')
    given = [name for name in _FORMS if name in table]
    if len(given) != 1:
        raise ValueError("needs exactly one of " + ", ".join(_FORMS))
    variable = VARIABLES.get(kind.form, VARIABLES["law"])
    if given[0] != "value" and kind.form not in VARIABLES:
        raise ValueError("is a number and cannot depend on stoichiometry; give it as value = ...")
    if "interpolation" in table and given[0] != "table":
        raise ValueError("'interpolation' belongs to a table")
    unit = "" if texts["unit"] == "1" else texts["unit"]
    energy, reference = _arrhenius(table)
    interval = _interval(table["value"]) if kind.form == "range" else None
    law: Law = Constant(0.0) if interval else _law(given[0], table, variable).scaled(_scale(unit, kind))
    if interval is None:
        _check(law, kind)
    shown = _shown(given[0], table, unit, variable)
    origin = (texts["source"], table["confirmed"], texts["note"])
    return Property(key, law, unit, shown, *origin, energy, reference, interval)


def kind_of(key: str) -> Kind:
    """Return what a property key means; ValueError with the nearest key when there is none."""
    if key not in KINDS:
        raise ValueError(f"'{key}' is not a material property{nearest(key, KINDS)}")
    return KINDS[key]


def override(key: str, quantity: str | float, place: str) -> Property:
    """Return a property given as one quantity in a case, such as "100 GPa"; ValueError with one sentence."""
    kind = kind_of(key)
    if kind.form == "range":
        raise ValueError(f"'{key}' cannot be overridden by one number")
    law = Constant(to_internal(quantity, kind.dimension))
    _check(law, kind)
    return Property(key, law, "", str(quantity), place, confirmed=False, note="given in the case")


def nearest(name: str, known: Any) -> str:
    """Return "; did you mean 'x'?" for the nearest known name, or an empty text."""
    folded = {str(one).casefold(): str(one) for one in known}
    near = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.5)
    return f"; did you mean '{folded[near[0]]}'?" if near else ""


def _scale(unit: str, kind: Kind) -> float:
    """Return the factor from the file's unit to internal units, the dimension checked."""
    if not unit:
        return to_internal(1.0, kind.dimension)
    factor_from_internal(unit)
    return to_internal(f"1 {unit}", kind.dimension)


def _law(form: str, table: Mapping[str, Any], variable: Variable) -> Law:
    given = table[form]
    match form:
        case "value":
            return Constant(_number(given))
        case "polynomial":
            if not isinstance(given, list) or not 1 <= len(given) <= 20:
                raise ValueError("'polynomial' must be a list of 1 to 20 numbers a0, a1, a2, ...")
            return Polynomial(1.0, tuple(_number(one) for one in given))
        case "expression":
            if not isinstance(given, str):
                raise ValueError(f"'expression' must be text, a formula of {variable.symbol}")
            return Expression.from_text(given, variable.symbol)
        case _:
            if not isinstance(given, list) or not all(
                isinstance(one, list) and len(one) == 2 for one in given
            ):
                raise ValueError(f"'table' must be a list of points [{variable.symbol}, value]")
            if len(given) > 60:
                raise ValueError(
                    "a table may have at most 60 points: thin it, every point costs time in the solver"
                )
            points = [(_number(x), _number(y)) for x, y in given]
            return Table.from_points(points, str(table.get("interpolation", "pchip")))


def _check(law: Law, kind: Kind) -> None:
    """Sample the law over its variable: finite and within the property's bounds."""
    variable = VARIABLES.get(kind.form, VARIABLES["law"])
    for k in range(1, _SAMPLES - 1):
        x = variable.highest * k / (_SAMPLES - 1)
        try:
            with np.errstate(all="ignore"):
                number = float(law(x))
        except (ArithmeticError, ValueError):
            number = float("nan")
        if number != number or abs(number) == float("inf"):
            raise ValueError(f"is not a finite number at {variable.symbol} = {x:g}")
        if wrong := within(number, kind.bound):
            raise ValueError(wrong if law.is_constant else f"{wrong}, it is not at {variable.symbol} = {x:g}")
        if law.is_constant:
            return


def _number(given: Any) -> float:
    if (
        isinstance(given, bool)
        or not isinstance(given, (int, float))
        or abs(given) >= 1e300
        or given != given
    ):
        raise ValueError(f"'{given}' is not a finite number")
    return float(given)


def _interval(given: Any) -> tuple[float, float]:
    if not isinstance(given, list) or len(given) != 2:
        raise ValueError("must be two numbers, the lowest and the highest stoichiometry")
    low, high = _number(given[0]), _number(given[1])
    if not 0.0 <= low < high <= 1.0:
        raise ValueError("must rise and lie between 0 and 1")
    return low, high


def _arrhenius(table: Mapping[str, Any]) -> tuple[float | None, float | None]:
    names = ("activation_energy", "reference_temperature")
    if not any(name in table for name in names):
        return None, None
    if not all(isinstance(table.get(name), str) for name in names):
        raise ValueError(
            "activation_energy and reference_temperature belong together, each as text with its unit"
        )
    try:
        energy = to_internal(table["activation_energy"], "molar_energy")
        reference = to_internal(table["reference_temperature"], "temperature")
    except UnitError as error:
        raise ValueError(f"temperature dependence: {error}") from None
    if reference <= 0.0:
        raise ValueError("reference_temperature must be above absolute zero")
    return energy, reference


def _shown(form: str, table: Mapping[str, Any], unit: str, variable: Variable) -> str:
    given = table[form]
    match form:
        case "value" if isinstance(given, list):
            return f"{given[0]:g} to {given[1]:g}"
        case "value":
            return f"{given:g} {unit}".strip()
        case "expression":
            return f"{re.sub(r'\s+', ' ', given).strip()} {unit}".strip()
        case "polynomial":
            return f"polynomial of degree {len(given) - 1} in {variable.symbol} {unit}".strip()
        case _:
            return f"table of {len(given)} points {unit}".strip()
