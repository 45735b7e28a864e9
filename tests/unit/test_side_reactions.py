"""Side reactions in a case: what is refused, what is said of them, what a run records, what the impedance knows."""

from pathlib import Path
from typing import Any

import chemomech.runtime  # noqa: F401

import numpy as np
import pytest
import small

from chemomech.case.read import read_case
from chemomech.errors import InputError
from chemomech.explain import explain
from chemomech.results.read import open_results

STRIP = """\
kind = "layered"
coordinates = "plane strain"
width = "1 um"
structured = true
cells_across = 1

[[layers]]
name = "electrolyte"
thickness = "4 um"
cells = 2
"""
SULFIDE: dict[str, Any] = {"material": "Li6PS5Cl-sulfide-oxidation", "thickness": "5 nm", "reversible": True}
LOST: dict[str, Any] = {
    "material": "Li6PS5Cl-thiophosphate-oxidation",
    "thickness": "5 nm",
    "reversible": False,
}
PLATE: dict[str, Any] = {
    "at": "right",
    "kind": "blocking",
    "double_layer": "0.01 F/m^2",
    "initial_voltage": "1.9 V",
}
PLATED: dict[str, Any] = {
    "title": "Carbon on electrolyte",
    "mesh": "mesh.toml",
    "regions": {"electrolyte": {"material": "Li6PS5Cl", "role": "electrolyte"}},
    "cell": {
        "temperature": "25 degC",
        "working_electrode": PLATE,
        "counter_electrode": {"at": "left", "kind": "lithium", "exchange_current": "10 A/m^2"},
    },
    "mechanics": {"enabled": False},
    "protocol": {
        "cycles": 2,
        "steps": [
            "Sweep from 1.9 V to 4.3 V at 5 mV/s",
            "Sweep from 4.3 V to 1.4 V at 5 mV/s",
            "Sweep from 1.4 V to 1.9 V at 5 mV/s",
        ],
    },
    "numerics": {"time_tolerance": 2e-3, "initial_step": "1 s"},
    "output": {"figures": False, "animation": False, "fields": ["ionic_potential"]},
}


def plated(folder: Path, **electrode: Any) -> Any:
    """Return the case with these keys of its working electrode."""
    cell = {**PLATED["cell"], "working_electrode": {**PLATE, **electrode}}
    return small.case(folder, {**PLATED, "cell": cell}, STRIP)


@pytest.mark.parametrize(
    ("electrode", "expected"),
    [
        ({"side_reactions": {"a b": SULFIDE}}, "'a b' is no name of a reaction"),
        ({"side_reactions": {"s": {**SULFIDE, "thickness": "-5 nm"}}}, "'-5 nm' is out of range"),
        (
            {"side_reactions": {"s": {**SULFIDE, "material": "LiNbO3"}}},
            "LiNbO3 has no 'exchange_current_density'",
        ),
        ({"side_reactions": {"s": {**SULFIDE, "initial_share": 1.5}}}, "initial_share"),
        (
            {"side_reactions": {"s": {**SULFIDE, "properties": {"reduction_potential": "1 V"}}}},
            "has both of oxidation_potential and reduction_potential",
        ),
        (
            {"side_reactions": {"s": {**SULFIDE, "properties": {"growth_constant": "1e-22 m^2/s"}}}},
            "'growth_constant' changes nothing here",
        ),
        (
            {"coating": {"material": "LiNbO3", "thickness": "10 nm", "growth": 0.1}},
            "nothing grows at this interface that the coating could slow down",
        ),
        ({"zero_charge": "2 V"}, "'initial_voltage' and 'zero_charge' exclude each other"),
        (
            {"kind": "lithium", "exchange_current": "1 A/m^2", "side_reactions": {"s": SULFIDE}},
            "changes nothing with kind = 'lithium'",
        ),
    ],
)
def test_side_reactions_that_cannot_be_are_refused(
    tmp_path: Path, electrode: dict[str, Any], expected: str
) -> None:
    with pytest.raises(InputError, match=expected):
        plated(tmp_path, **electrode)


def test_electrolyte_decomposes_only_where_it_meets_electrons(tmp_path: Path) -> None:
    transfer = small.FILM["interfaces"]["particle|electrolyte"]["charge_transfer"]
    interfaces = {"particle|electrolyte": {"charge_transfer": transfer, "side_reactions": {"s": SULFIDE}}}
    text = explain(small.case(tmp_path / "fine", interfaces=interfaces))
    assert (
        "dy/dt = -(k_f y - k_b (1 - y))" in text
        and "exchange_current_density = 0.0003 A/m^2 [assumption" in text
    )
    regions = {**small.REGIONS, "particle": {"material": "Li6PS5Cl", "role": "inert"}}
    with pytest.raises(InputError, match="no electrolyte touches an active or a conductor region here"):
        small.case(
            tmp_path / "inert",
            small.FILM,
            small.FILM_MESH,
            regions=regions,
            interfaces={"particle|electrolyte": {"side_reactions": {"s": SULFIDE}}},
        )


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Run two cycles of a reversible and an irreversible reaction."""
    from chemomech.run import run_case

    folder = tmp_path_factory.mktemp("decay")
    plated(folder, side_reactions={"sulfide": SULFIDE, "lost": LOST})
    run_case(read_case(folder), folder / "results", quiet=True)
    return open_results(folder / "results")


def test_what_is_lost_is_lost_once_and_what_is_reversible_comes_back(results: Any) -> None:
    history, cycles = results.history, results.cycles
    lost, kept = (f"Reacted share of {name} at right [-]" for name in ("lost", "sulfide"))
    assert history[lost].max() > 0.99 and history[kept].max() > 0.99
    assert np.all(np.diff(history[lost]) > -2e-3)  # BDF2 overshoots within the time tolerance
    assert cycles[kept] == pytest.approx([0.0, 0.0], abs=1e-3)
    assert cycles[lost] == pytest.approx([1.0, 1.0], abs=0.01)
    second = history["Cycle [-]"] == 2
    side = history["Side current density of lost at right [mA.cm-2]"]
    assert np.max(side[second]) < 0.02 * np.max(side)


def test_the_charge_of_decomposition_is_counted_in_every_balance(results: Any) -> None:
    history, summary = results.history, results.summary
    charge = history["Side charge of lost at right [mC.cm-2]"]
    thickness, volume = 5e-9, 1.436e-4
    assert charge == pytest.approx(
        history["Reacted share of lost at right [-]"] * 96485.33 * thickness / volume * 0.1,
        rel=1e-6,
        abs=1e-12,
    )
    sulfide = history["Side charge of sulfide at right [mC.cm-2]"]
    total = (np.abs(charge) + np.abs(sulfide)) * 1e-3 / 3600 * 1e-8  # of 1 um2, in A h
    assert history["Side charge [A.h]"] == pytest.approx(total, rel=1e-6, abs=1e-24)
    # what passed the terminal is what decomposed and what the double layer took
    passed = history["Capacity [A.h]"] * 3600 / 1e-8 * 1e3  # mC/cm2
    stored = 0.01 * 0.1 * (history["Voltage [V]"] - 1.9)
    assert passed == pytest.approx(charge + sulfide + stored, abs=1e-4 * float(charge.max()))
    assert summary["Max lithium balance error [-]"] < 1e-10
    assert summary["Max charge balance error [-]"] < 1e-10
    assert summary["End side charge of lost at right [mC.cm-2]"] == pytest.approx(charge[-1])


def test_a_coating_delays_what_it_cannot_prevent(tmp_path: Path, results: Any) -> None:
    from chemomech.run import run_case

    coating = {"material": "LiNbO3", "thickness": "10 nm", "growth": 0.1}
    plated(tmp_path, side_reactions={"sulfide": SULFIDE, "lost": LOST}, coating=coating)
    run_case(read_case(tmp_path), tmp_path / "results", quiet=True)
    coated = open_results(tmp_path / "results")
    column = "Side current density of lost at right [mA.cm-2]"
    at = [one.history["Voltage [V]"][int(np.argmax(one.history[column]))] for one in (results, coated)]
    # Tafel: ten times slower is RT/(alpha F) ln 10 later
    assert at[1] - at[0] == pytest.approx(8.314 * 298.15 / 96485 / 0.3 * np.log(10), abs=0.02)
    assert coated.summary["Max lithium balance error [-]"] < 1e-10
