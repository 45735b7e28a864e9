"""Quantities at the door: conversion, temperature, refusals."""

import math
import subprocess
import sys

import pytest

from chemomech.case.units import DIMENSIONS, UnitError, factor_from_internal, from_internal, to_internal
from chemomech.constants import FARADAY, GAS


@pytest.mark.parametrize(
    ("text", "dimension", "expected"),
    [
        ("5 um", "length", 5.0),
        ("5µm", "length", 5.0),
        ("10 nm", "length", 0.01),
        ("1 h", "time", 3600.0),
        ("30 minutes", "time", 1800.0),
        ("4.2 V", "voltage", 4.2),
        ("-20 mV", "voltage", -0.02),
        ("1 mA", "current", 1e6),
        ("1 A/m^2", "current_density", 1e-3),
        ("1 mA/cm2", "current_density", 1e-2),
        ("1 mA.cm-2", "current_density", 1e-2),
        ("10 MPa", "pressure", 0.01),
        ("2 bar", "pressure", 2e-4),
        ("1 GPa/mm", "stiffness", 1e-3),
        ("25 degC", "temperature", 298.15),
        ("25 °C", "temperature", 298.15),
        ("298.15 K", "temperature", 298.15),
        ("-40 degC", "temperature", 233.15),
        ("1 S/m", "conductivity", 1e3),
        ("1 mS/cm", "conductivity", 1e2),
        ("1 m^2/s", "diffusivity", 1e12),
        ("1e-10 cm**2/s", "diffusivity", 1e-2),
        ("1 mol/m3", "concentration", 1e-6),
        ("1 mol/L", "concentration", 1e-3),
        ("1 m^3/mol", "molar_volume", 1e6),
        ("1 J/m^2", "fracture_energy", 1e-3),
        ("1 MPa m^0.5", "toughness", 1.0),
        ("1 Ohm m^2", "area_resistance", 1e3),
        ("1 Ω cm²".replace("²", "^2"), "area_resistance", 0.1),
        ("1 F/m^2", "area_capacitance", 1e-3),
        ("1 mA h", "capacity", 3.6e9),
        ("1 mAh", "capacity", 3.6e9),
        ("1 kJ/mol", "molar_energy", 1.0),
        ("1 um/s", "speed", 1.0),
        ("1000 kg/m^3", "density", 1e-18),
        ("5 %", "dimensionless", 0.05),
        ("0.5", "dimensionless", 0.5),
        (0.5, "dimensionless", 0.5),
        (2, "dimensionless", 2.0),
    ],
)
def test_conversion(text: str | float, dimension: str, expected: float) -> None:
    assert to_internal(text, dimension) == pytest.approx(expected, rel=1e-14)


def test_constants_are_in_the_same_unit_set() -> None:
    assert to_internal("96485.33212331002 C", "charge") * 1e-12 == pytest.approx(FARADAY, rel=1e-12)
    assert to_internal("8.31446261815324 J/mol", "molar_energy") == pytest.approx(GAS, rel=1e-14)


def test_wrong_dimension_names_both_kinds() -> None:
    with pytest.raises(UnitError) as error:
        to_internal("10 MPa", "time")
    assert str(error.value) == "'10 MPa' is a pressure; a time is needed, for example '60 s'"


@pytest.mark.parametrize(
    ("text", "dimension", "part"),
    [
        ("10", "time", "has no unit; a time is needed"),
        (10.0, "time", "has no unit"),
        ("10 parsec", "length", "'parsec' is not a unit known here"),
        ("10 mpa", "pressure", "did you mean 'MPa'"),
        ("25 C", "temperature", "'degC'"),
        ("5 um", "dimensionless", "is a length; a plain number is needed"),
        ("nan s", "time", "finite"),
        ("inf", "dimensionless", "finite"),
        (math.nan, "dimensionless", "finite"),
        (math.inf, "dimensionless", "finite"),
        ("1e999 s", "time", "finite"),
        ("1e308 km", "length", "finite"),
        (True, "dimensionless", "not a quantity"),
        ("", "length", "does not begin with a finite number"),
        ("um", "length", "does not begin with a finite number"),
        ("9**9**9 s", "time", "is not a unit"),
        ("1 m**9**9**9", "length", "is not a unit"),
        ("1 m**99999999", "length", "is not a unit"),
        ("1 __import__('os')", "length", "is not a unit"),
        ("1 (((((m", "length", "is not a unit"),
        ("1 um " + "m" * 200, "length", "does not begin"),
        ("1 1/degC", "temperature", "a temperature is needed"),
        ("1 m/", "length", "is not a unit"),
    ],
)
def test_refused(text: str | float, dimension: str, part: str) -> None:
    with pytest.raises(ValueError) as error:
        to_internal(text, dimension)
    assert part in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_every_example_is_understood(dimension: str) -> None:
    assert to_internal(DIMENSIONS[dimension].example, dimension) > 0.0


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (298.15, "degC", 25.0),
        (0.01, "MPa", 10.0),
        (3.6e12, "A h", 1.0),
        (0.02, "mol.m-3", 2e4),
        (1.5, "um", 1.5),
    ],
)
def test_back_to_units(value: float, unit: str, expected: float) -> None:
    assert from_internal(value, unit) == pytest.approx(expected, rel=1e-14)


def test_factor_and_round_trip() -> None:
    assert factor_from_internal("mA.cm-2") == 100.0
    assert factor_from_internal("MPa") * to_internal("37 MPa", "pressure") == pytest.approx(37.0, rel=1e-14)
    with pytest.raises(UnitError):
        factor_from_internal("degC")


def test_importing_is_cheap() -> None:
    code = "import sys, chemomech.case.units; sys.exit('pint' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
