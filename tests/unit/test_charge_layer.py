"""The law of a space-charge layer, its closed forms, and what a case may not say about space charge."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import small

from chemomech.case.read import read_case
from chemomech.constants import FARADAY, GAS, VACUUM
from chemomech.errors import InputError
from chemomech.materials.charge_layer import LayerLaw, charge, resistance_integral, settled_charge
from chemomech.verification.layer_forms import Binary, Lattice, contact_split, profile_distance

ROOM = 298.15
THERMAL = GAS * ROOM / FARADAY


@pytest.mark.parametrize("occupancy", [0.2, 0.5, 0.83])
def test_the_charge_is_that_of_the_first_integral(occupancy: float) -> None:
    lattice = Lattice(10 * VACUUM, 1e-3, occupancy, ROOM)
    scale = np.sqrt(lattice.permittivity * GAS * ROOM * lattice.sites)
    for phi in (-1.0, -0.1, -2e-3, 1e-6, 2e-3, 0.1, 1.0):
        got = scale * charge(np.array([phi / THERMAL]), occupancy)[0]
        assert got == pytest.approx(lattice.charge(phi), rel=1e-6, abs=1e-12)
    assert charge(np.zeros(1), occupancy)[0] == 0.0


def test_emptying_and_filling_mirror_each_other() -> None:
    places = np.array([-12.0, -3.0, 3.0, 12.0])
    one, other = resistance_integral(places, 0.3, 1.0), resistance_integral(-places, 0.7, -1.0)
    np.testing.assert_allclose(one, other, rtol=1e-10)
    assert one[0] < 0 < one[-1]


def test_tables_follow_the_integrals() -> None:
    law = LayerLaw.of(0.5)
    places = np.array([-20.3, -4.4, -0.7, 0.9, 6.3, 23.1])
    for table, weight, sign in ((law.emptied, 0.25, 1.0), (law.filled, 0.25, -1.0)):
        exact = weight * resistance_integral(places, 0.5, sign)
        np.testing.assert_allclose(np.sinh(table(places)), exact, rtol=2e-2, atol=2e-3)
    with pytest.raises(ValueError, match="between 0 and 1"):
        LayerLaw.of(1.0)


def test_a_settled_charge_shares_the_voltage_with_the_core() -> None:
    q = settled_charge(0.6, 0.5, 1e-4, THERMAL, 2e-4)
    assert q == pytest.approx(1e-4 * charge(np.array([(0.6 - q / 2e-4) / THERMAL]), 0.5)[0], rel=1e-9)
    assert settled_charge(0.0, 0.5, 1e-4, THERMAL, 2e-4) == 0.0


def test_closed_forms_agree_with_each_other() -> None:
    dilute, crowded = (Binary(10 * VACUUM, 1e-3, ROOM, nu) for nu in (0.0, 1e-9))
    assert crowded.charge(0.1) == pytest.approx(dilute.charge(0.1), rel=1e-6)
    assert dilute.potential(dilute.debye_length, 0.1) == pytest.approx(0.02911119, rel=1e-6)
    lattice = Lattice(10 * VACUUM, 1e-2, 0.5, ROOM)
    assert 1e3 * lattice.sharp_width(1.0) == pytest.approx(0.605862, rel=1e-5)
    slope = (lattice.charge(0.3 + 1e-5) - lattice.charge(0.3 - 1e-5)) / 2e-5
    assert lattice.capacitance(0.3) == pytest.approx(slope, rel=1e-6)
    assert profile_distance(lattice, 1e-3, 1e-3 / np.e) == pytest.approx(lattice.debye_length, rel=1e-4)
    # two equal lattices share a step evenly; a small core takes nearly all of it
    assert contact_split(lattice, lattice, 0.4) == pytest.approx(-0.2, rel=1e-9)
    assert abs(contact_split(lattice, lattice, 0.4, 1e-7)) < 1e-3


SITES = {"mobile_concentration": "1e3 mol/m^3", "occupancy": 0.5, "chemical_potential": "0 V"}
GLASS = {"material": "Li3PS4", "role": "electrolyte", "space_charge": SITES}
WITH = {**GLASS, "properties": {"relative_permittivity": 11}}
PLAIN = {"material": "Li3PS4", "role": "electrolyte"}
LAW = {"mobile_concentration": "1e3 mol/m^3", "occupancy": 0.5, "zero_charge": "3 V"}


def with_law(**more: str) -> dict[str, Any]:
    """Return the interface with the law of a layer."""
    transfer = {"exchange_current": "1 A/m^2", "space_charge": LAW, **more}
    return {"particle|electrolyte": {"charge_transfer": transfer}}


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        ({"regions": {"electrolyte": GLASS}}, "has no 'relative_permittivity', which space_charge needs"),
        (
            {"regions": {"particle": {**small.REGIONS["particle"], "space_charge": SITES}}},
            "role 'active' has no mobile ions",
        ),
        (
            {"regions": {"electrolyte": WITH}, "numerics": {"scalar_degree": 2, "quadrature_degree": 4}},
            "scalar_degree must be 1",
        ),
        (
            {"regions": {"electrolyte": {**PLAIN, "properties": {"relative_permittivity": 11}}}},
            "the charge of 'electrolyte' is not resolved",
        ),
        ({"output": {"fields": ["electric_potential"]}}, "no region has space_charge"),
        (
            {"interfaces": {"particle|electrolyte": {"core_capacitance": "0.2 F/m^2"}}},
            "there is no potential to drop",
        ),
        (
            {"regions": {"electrolyte": PLAIN}, "interfaces": with_law()},
            "has no 'relative_permittivity', which space_charge needs",
        ),
        (
            {
                "interfaces": with_law(double_layer="0.1 F/m^2"),
            },
            "'double_layer' and 'space_charge' exclude each other",
        ),
        (
            {
                "regions": {"electrolyte": WITH},
                "interfaces": with_law(),
            },
            "is resolved: the layer is there already",
        ),
    ],
)
def test_what_contradicts_space_charge_is_said(tmp_path: Path, sections: Any, said: str) -> None:
    folder = small.write(tmp_path, **sections)
    with pytest.raises(InputError, match=said):
        read_case(folder)
