"""Quantities with units, converted once at the door: text such as "10 MPa" in, internal numbers out.

The coherent unit set is um, s, nA, V, pmol, K; hence charge in nC, energy in nJ, pressure in GPa, mass in Mg.
"""

import difflib
import math
import re
from functools import cache
from tokenize import TokenError
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    import pint


class UnitError(ValueError):
    """A quantity that cannot be understood or is of the wrong kind; its text is one sentence for the user."""


class Dimension(NamedTuple):
    """A kind of quantity: its internal unit, its name in a sentence and an example of how to write it."""

    unit: str
    words: str
    example: str


DIMENSIONS: Final[dict[str, Dimension]] = {
    "length": Dimension("um", "a length", "5 um"),
    "area": Dimension("um^2", "an area", "1 cm^2"),
    "volume": Dimension("um^3", "a volume", "1 mm^3"),
    "time": Dimension("s", "a time", "60 s"),
    "frequency": Dimension("1/s", "a frequency", "1 kHz"),
    "rate": Dimension("1/s", "a rate", "1e-4 1/s"),
    "speed": Dimension("um/s", "a speed", "1 um/s"),
    "voltage": Dimension("V", "a voltage", "4.2 V"),
    "sweep_rate": Dimension("V/s", "a sweep rate", "0.1 mV/s"),
    "current": Dimension("nA", "a current", "1 mA"),
    "current_density": Dimension("nA/um^2", "a current density", "1 A/m^2"),
    "capacity": Dimension("nA*s", "a capacity (charge)", "1 mA h"),
    "charge": Dimension("nA*s", "a charge", "1 mC"),
    "pressure": Dimension("GPa", "a pressure", "10 MPa"),
    "stiffness": Dimension("GPa/um", "a stiffness (pressure per length)", "1 GPa/mm"),
    "toughness": Dimension("GPa*um^0.5", "a fracture toughness", "0.2 MPa m^0.5"),
    "fracture_energy": Dimension("nJ/um^2", "a fracture energy (energy per area)", "2 J/m^2"),
    "temperature": Dimension("K", "a temperature", "25 degC"),
    "thermal_expansion": Dimension("1/K", "a thermal expansion", "1e-5 1/K"),
    "conductivity": Dimension("nA/(V*um)", "a conductivity", "0.1 S/m"),
    "diffusivity": Dimension("um^2/s", "a diffusivity", "1e-14 m^2/s"),
    "concentration": Dimension("pmol/um^3", "a concentration", "50000 mol/m^3"),
    "molar_volume": Dimension("um^3/pmol", "a molar volume", "1.3e-5 m^3/mol"),
    "molar_energy": Dimension("nJ/pmol", "a molar energy", "30 kJ/mol"),
    "resistance": Dimension("V/nA", "a resistance", "10 Ohm"),
    "area_resistance": Dimension("V*um^2/nA", "an area resistance", "1 Ohm cm^2"),
    "area_capacitance": Dimension("nA*s/(V*um^2)", "a capacitance per area", "10 uF/cm^2"),
    "density": Dimension("Mg/um^3", "a density", "4780 kg/m^3"),
    "dimensionless": Dimension("", "a plain number", "0.5"),
}
"""Every kind of quantity known at the doors, by name. `capacity` and `charge` are nC inside."""

# A small registry of our own loads ten times faster than pint's and knows no unit foreign to battery papers.
_DEFINITIONS: Final = """
femto- = 1e-15 = f-
pico- = 1e-12 = p-
nano- = 1e-9 = n-
micro- = 1e-6 = µ- = μ- = u-
milli- = 1e-3 = m-
centi- = 1e-2 = c-
deci- = 1e-1 = d-
hecto- = 1e2 = h-
kilo- = 1e3 = k-
mega- = 1e6 = M-
giga- = 1e9 = G-
meter = [length] = m = metre
angstrom = 1e-10 * meter = Å
liter = 1e-3 * meter ** 3 = l = L = litre
second = [time] = s = sec
minute = 60 * second = min
hour = 3600 * second = h = hr
day = 86400 * second = d
hertz = 1 / second = Hz
gram = [mass] = g
kelvin = [temperature]; offset: 0 = K
degree_Celsius = kelvin; offset: 273.15 = degC = celsius
ampere = [current] = A = amp
coulomb = ampere * second = C
ampere_hour = 3600 * coulomb = Ah
mole = [substance] = mol
molar = 1e3 * mole / meter ** 3 = M
newton = 1e3 * gram * meter / second ** 2 = N
joule = newton * meter = J
watt = joule / second = W
electron_volt = 1.602176634e-19 * joule = eV
pascal = newton / meter ** 2 = Pa
bar = 1e5 * pascal
atmosphere = 101325 * pascal = atm
psi = 6894.757293168361 * pascal
volt = joule / coulomb = V
ohm = volt / ampere = Ω = Ohm
siemens = ampere / volt = S
farad = coulomb / volt = F
percent = 0.01 = %
"""
_COMMON: Final = [
    "um",
    "nm",
    "mm",
    "cm",
    "m",
    "s",
    "ms",
    "min",
    "h",
    "V",
    "mV",
    "A",
    "mA",
    "uA",
    "nA",
    "Ah",
    "mAh",
    "Pa",
    "kPa",
    "MPa",
    "GPa",
    "K",
    "degC",
    "S",
    "mol",
    "J",
    "Ohm",
    "F",
    "C",
    "kg",
    "Hz",
]
_NUMBER: Final = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(.*?)\s*", re.DOTALL)
_UNIT_TEXT: Final = re.compile(r"[A-Za-zµμΩÅ_%0-9 ./*^()+-]{0,60}")
_POWER: Final = re.compile(r"(?<=[A-Za-zµμΩÅ%)])(?:\s*(?:\^|\*\*)\s*)?([+-]?\d(?:\.\d)?)(?![\d.])")
_BASE_UNITS: Final = {
    "[length]": "um",
    "[mass]": "Mg",
    "[time]": "s",
    "[current]": "nA",
    "[substance]": "pmol",
    "[temperature]": "K",
}


def to_internal(quantity: str | float, dimension: str) -> float:
    """Return a quantity, text such as "10 MPa", as a number in the internal unit of the named dimension.

    A bare number is accepted only where a plain number is meant. Raises UnitError, which is a ValueError.
    """
    wanted = DIMENSIONS[dimension]
    need = f"{wanted.words} is needed, for example '{wanted.example}'"
    number, unit = _split(quantity, need)
    if not unit and dimension != "dimensionless":
        raise UnitError(f"'{quantity}' has no unit; {need}")
    hint = " (a temperature is written 'degC')" if dimension == "temperature" and unit in ("C", "°C") else ""
    try:
        converted = _convert(number, unit.replace("°C", "degC"), wanted.unit)
    except _WrongDimensionError as error:
        raise UnitError(f"'{quantity}' is {error}{hint}; {need}") from None
    except UnitError as error:
        raise UnitError(f"'{quantity}': {error}; {need}") from None
    if not math.isfinite(converted):
        raise UnitError(f"'{quantity}' is not a finite number; {need}")
    return converted


def from_internal(value: float, unit: str) -> float:
    """Return a number held in internal units in the named unit, for example 0.01 (GPa) in "MPa" is 10."""
    internal = _internal_unit_of(unit)
    return _convert(float(value), internal, unit)


def in_unit(quantity: str | float, unit: str) -> float:
    """Return a quantity, text such as "0.1 MPa", as a number in the named unit; UnitError if it is of another kind."""
    need = f"a quantity in '{unit}' is needed" if unit else "a plain number is needed"
    number, given = _split(quantity, need)
    try:
        return _convert(number, given, unit)
    except _WrongDimensionError as error:
        raise UnitError(f"'{quantity}' is {error}; {need}") from None


@cache
def factor_from_internal(unit: str) -> float:
    """Return the factor from internal numbers or arrays to the unit; UnitError for degC."""
    if _convert(0.0, _internal_unit_of(unit), unit) != 0.0:
        raise UnitError(f"'{unit}' has an offset and no plain factor")
    return from_internal(1.0, unit)


class _WrongDimensionError(UnitError):
    """A unit of another kind than the one wanted; the text names the kind it is."""


def _split(quantity: str | float, need: str) -> tuple[float, str]:
    if isinstance(quantity, bool) or not isinstance(quantity, (str, int, float)):
        raise UnitError(f"'{quantity}' is not a quantity; {need}")
    if not isinstance(quantity, str):
        if not math.isfinite(quantity):
            raise UnitError(f"'{quantity}' is not a finite number; {need}")
        return float(quantity), ""
    match = _NUMBER.fullmatch(quantity) if len(quantity) <= 100 else None
    if match is None:
        raise UnitError(f"'{quantity[:100]}' does not begin with a finite number; {need}")
    if not math.isfinite(number := float(match[1])):
        raise UnitError(f"'{quantity}' is not a finite number; {need}")
    return number, match[2]


@cache
def _registry() -> "pint.UnitRegistry":
    import pint  # 0.1 s: only when the first unit is read

    registry: pint.UnitRegistry = pint.UnitRegistry(None)
    registry.load_definitions(_DEFINITIONS.strip().splitlines())
    return registry


@cache
def _parse(unit: str) -> "pint.Unit":
    """Return the pint unit for text such as "mA/cm^2", "mA.cm-2" or "mA/cm2"; short and flat text only."""
    import pint

    # checked before pint sees it: an unbounded tower of powers would never return
    if _UNIT_TEXT.fullmatch(unit) is None:
        raise UnitError(f"'{unit}' is not a unit")
    text = re.sub(r"(?<=[A-Za-z)])\.(?=[A-Za-z(])|(?<=\d)\.(?=[A-Za-z(])", " ", unit)
    text = _POWER.sub(lambda power: f"@{power[1]}", text)
    if "^" in text or "**" in text or re.search(r"@[^@ */)]*@", text):
        raise UnitError(f"'{unit}' is not a unit")
    try:
        return _registry().parse_units(text.replace("@", "**"))
    except pint.UndefinedUnitError as error:
        unknown = next(iter(error.unit_names))
        folded = {name.casefold(): name for name in _COMMON}
        near = difflib.get_close_matches(unknown.casefold(), folded, n=1, cutoff=0.6)
        more = f", did you mean '{folded[near[0]]}'?" if near else ""
        raise UnitError(f"'{unknown}' is not a unit known here{more}") from None
    except (pint.PintError, ValueError, TypeError, AttributeError, ArithmeticError, TokenError):
        raise UnitError(f"'{unit}' is not a unit") from None


def _convert(number: float, source: str, target: str) -> float:
    import pint

    registry = _registry()
    given, wanted = _parse(source), _parse(target)
    if given.dimensionality != wanted.dimensionality:
        raise _WrongDimensionError(_kind(source))
    try:
        magnitude = registry.Quantity(number, given).to(wanted).magnitude
    except pint.PintError:
        raise UnitError(f"'{source}' cannot be converted to '{target}'") from None
    # conversion factors carry a last-digit error: 15 digits keep "5 um" equal to 5.0
    return float(f"{magnitude:.15g}")


@cache
def _kind(unit: str) -> str:
    """Return what a unit measures, in words."""
    if not unit:
        return "a plain number"
    measured = _parse(unit).dimensionality
    for dimension in DIMENSIONS.values():
        if _parse(dimension.unit).dimensionality == measured:
            return dimension.words
    return f"a quantity in {unit}"


@cache
def _internal_unit_of(unit: str) -> str:
    powers = _parse(unit).dimensionality
    return " * ".join(f"{_BASE_UNITS[str(base)]}^{_plain(power)}" for base, power in powers.items())


def _plain(power: object) -> str:
    number = float(str(power))
    return str(int(number)) if number.is_integer() else str(number)
