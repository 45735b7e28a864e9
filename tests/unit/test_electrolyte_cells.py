"""Cells without active material, and ionic potentials on both sides of a resistance: models, records, mistakes."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import chemomech.runtime  # noqa: F401

import numpy as np
import pytest
import small

from chemomech.case.read import read_case
from chemomech.errors import InputError
from chemomech.explain import explain
from chemomech.fields import CELL_VOLTAGE, ELECTRONIC_POTENTIAL, IONIC_POTENTIAL
from chemomech.results.read import open_results
from chemomech.run import run_case

MESH = """\
kind = "layered"
coordinates = "plane strain"
width = "2 um"
structured = true
cells_across = 2
layers = [
    { name = "left layer", thickness = "3 um", cells = 3 },
    { name = "middle", thickness = "2 um", cells = 2 },
    { name = "right layer", thickness = "4 um", cells = 3 },
]
""".replace("left layer", "first").replace("right layer", "last")
GLASS: dict[str, Any] = {"material": "Li6PS5Cl", "role": "electrolyte"}
GARNET: dict[str, Any] = {"material": "LLZO", "role": "electrolyte"}
LITHIUM: dict[str, Any] = {"at": "right", "kind": "lithium", "exchange_current": "5 A/m^2"}
BLOCKING: dict[str, Any] = {"at": "right", "kind": "blocking", "double_layer": "0.1 F/m^2"}
CELL: dict[str, Any] = {
    "title": "Three electrolytes between lithium and lithium",
    "mesh": "mesh.toml",
    "regions": {"first": GLASS, "middle": GARNET, "last": GLASS},
    "interfaces": {"middle|first": {"resistance": "1e-3 ohm m^2"}},
    "cell": {
        "temperature": "25 degC",
        "working_electrode": LITHIUM,
        "counter_electrode": {"at": "left", "kind": "lithium", "exchange_current": "10 A/m^2"},
    },
    "mechanics": {"enabled": False},
    "protocol": {"steps": ["Charge at 1 mA/cm2 for 10 s", "Hold at -0.01 V for 10 s"]},
    "output": {"fields": ["ionic_potential"], "figures": False, "animation": False},
}


def made(folder: Path, **sections: Any) -> Any:
    """Build the model of the cell with sections changed."""
    return small.model(small.case(folder, CELL, MESH, **sections))


def said(folder: Path, **sections: Any) -> str:
    """Return the mistakes of the cell with sections changed."""
    with pytest.raises(InputError) as caught:
        read_case(small.write(folder, CELL, MESH, **sections))
    return str(caught.value)


def replaced(**sections: Any) -> dict[str, Any]:
    """Return the cell with whole sections replaced, None to leave one out."""
    content = {**CELL, **sections}
    return {name: value for name, value in content.items() if value is not None}


def test_regions_joined_without_resistance_share_a_potential(tmp_path: Path) -> None:
    model = made(tmp_path)
    supports = {f.name: set(u.support.regions) for f, u in model.state.unknowns.items()}
    assert supports == {
        "ionic_potential in first": {"first"},
        "ionic_potential in last+middle": {"middle", "last"},
        "cell_voltage": {"first", "middle", "last"},
    }
    assert [f.quantity for f in model.state.having(IONIC_POTENTIAL)] == ["ionic_potential"] * 2
    assert model.state.unknowns[CELL_VOLTAGE].offset is not None
    assert model.open_circuit_voltage == 0.0 and model.active == () and model.mechanics is None
    assert model.terminal_area == pytest.approx(2.0) and model.cell_area == pytest.approx(2.0)


def test_without_a_resistance_there_is_one_potential(tmp_path: Path) -> None:
    model = small.model(small.case(tmp_path, replaced(interfaces=None), MESH))
    assert set(model.state.fields) == {IONIC_POTENTIAL, CELL_VOLTAGE}
    assert not any(name.startswith("ionic drop") for name in model.observables())


def test_conductors_and_stress_may_be_there(tmp_path: Path) -> None:
    # a conductor that touches nothing but electrolytes has no way for current: it is refused
    regions = {"first": GLASS, "middle": {"material": "graphite", "role": "conductor"}, "last": GLASS}
    with pytest.raises(InputError, match="no way for current to the counter electrode"):
        small.model(small.case(tmp_path / "a", replaced(regions=regions, interfaces=None), MESH))
    content = replaced(mechanics=None, pressure={"at": "right", "fixture": "1 GPa/mm", "initial": "1 MPa"})
    model = small.model(small.case(tmp_path / "b", content, MESH))
    assert {f.name for f in model.state.fields} >= {"displacement", "stack_pressure"}
    assert ELECTRONIC_POTENTIAL not in model.state.unknowns


def test_the_record_of_a_run(tmp_path: Path) -> None:
    folder = small.write(tmp_path, CELL, MESH)
    summary = run_case(read_case(folder), folder / "results", quiet=True)
    results = open_results(folder / "results")
    assert not any("apacity" in name or "efficiency" in name for name in summary)
    assert summary["End voltage [V]"] == pytest.approx(-0.01, abs=1e-12)
    assert (
        summary["Max lithium balance error [-]"] < 1e-12 and summary["Max charge balance error [-]"] < 1e-12
    )
    drop = results.history["Mean ionic drop at first|middle [mV]"]
    assert drop[1] == pytest.approx(-10.0, abs=1e-6)  # 10 A/m2 from right to left through 1e-3 ohm m2
    # one array over all regions, which jumps at the interface
    frame = next(n for n, t in enumerate(results.times) if 9.0 < t < 11.0)
    values, points = results.array("Ionic potential [V]", frame), results.grid.points
    assert np.all(np.isfinite(values))
    there = np.abs(points[:, 0] - 3.0) < 1e-9
    assert np.ptp(values[there]) == pytest.approx(0.01, abs=1e-6)
    elsewhere = np.abs(points[:, 0] - 5.0) < 1e-9
    assert np.ptp(values[elsewhere]) < 1e-9


def test_a_run_without_fields_to_show_can_be_continued(tmp_path: Path) -> None:
    content = {name: value for name, value in CELL.items() if name != "output"}
    content["output"] = {"figures": True, "animation": True}
    folder = small.write(tmp_path, content, MESH)
    run_case(read_case(folder), folder / "results", quiet=True)
    assert open_results(folder / "results").point_arrays == ()
    assert (folder / "results" / "figures" / "voltage_current.png").is_file()
    longer = read_case(folder, ["protocol.cycles=2"])
    summary = run_case(longer, folder / "results", resume=True, quiet=True)
    assert summary["Duration [s]"] == pytest.approx(40.0, abs=1e-3)


def test_rates_need_a_capacity(tmp_path: Path) -> None:
    protocol = {"steps": ["Charge at C/10 for 1 s", "Hold at 0.1 V until C/20"]}
    text = said(tmp_path / "a", protocol=protocol)
    assert text.count("no region is active, so that C has no meaning") == 2
    assert "write the current as mA/cm2 or A, or give [cell] nominal_capacity" in text
    cell = {**CELL["cell"], "nominal_capacity": "1e-12 A h"}
    folder = small.write(tmp_path / "b", CELL, MESH, protocol={"steps": ["Charge at 1C for 1 s"]}, cell=cell)
    summary = run_case(read_case(folder), folder / "results", quiet=True)
    assert summary["Nominal capacity [A.h]"] == pytest.approx(1e-12)
    assert summary["Charge capacity, first cycle [A.h]"] == pytest.approx(1e-12 / 3600, rel=1e-5)


TERMINALS: dict[str, tuple[Mapping[str, Any], str]] = {
    "none": ({"working_electrode": None}, "has no terminal"),
    "both": (
        {"current_collector": "middle@right", "contact_resistance": "1e-5 ohm m^2"},
        "'current_collector' and 'working_electrode' exclude each other",
    ),
    "a resistance too many": (
        {"contact_resistance": "1e-5 ohm m^2"},
        "'contact_resistance' and 'working_electrode' exclude each other",
    ),
    "same place": (
        {"working_electrode": {**LITHIUM, "at": "left"}},
        "the counter electrode is at 'left', as is the working electrode",
    ),
    "no such boundary": (
        {"working_electrode": {**LITHIUM, "at": "rihgt"}},
        "the mesh has no boundary 'rihgt'; did you mean 'right'?",
    ),
    "lithium without kinetics": (
        {"working_electrode": {"at": "right", "kind": "lithium"}},
        "kind = 'lithium' needs 'exchange_current'; write for example exchange_current = \"10 A/m^2\"",
    ),
    "lithium with a double layer": (
        {"working_electrode": {**LITHIUM, "double_layer": "0.1 F/m^2"}},
        "'double_layer' changes nothing with kind = 'lithium'",
    ),
    "blocking without a double layer": (
        {"working_electrode": {"at": "right", "kind": "blocking"}},
        "kind = 'blocking' needs 'double_layer'",
    ),
    "blocking with kinetics": (
        {"working_electrode": {**BLOCKING, "exchange_current": "1 A/m^2"}},
        "'exchange_current' changes nothing with kind = 'blocking'",
    ),
    "blocking with a film": (
        {"working_electrode": {**BLOCKING, "film_resistance": "1e-3 ohm m^2"}},
        "'film_resistance' changes nothing with kind = 'blocking'",
    ),
}


@pytest.mark.parametrize("change", TERMINALS)
def test_a_wrong_terminal_is_said(tmp_path: Path, change: str) -> None:
    keys, expected = TERMINALS[change]
    cell = {name: value for name, value in {**CELL["cell"], **keys}.items() if value is not None}
    folder = small.write(tmp_path, replaced(cell=cell), MESH)
    with pytest.raises(InputError) as caught:
        read_case(folder)
    assert expected in str(caught.value)


ACTIVE: dict[str, Any] = {"material": "NMC811", "role": "active", "initial": {"stoichiometry": 0.8}}


@pytest.mark.parametrize(
    ("sections", "expected"),
    [
        (
            {"regions": {"first": GLASS, "middle": GLASS, "last": ACTIVE}},
            "'last' is active: electrons must reach it; give current_collector and contact_resistance",
        ),
        (
            {"regions": {"first": ACTIVE, "middle": GLASS, "last": GLASS}},
            "'middle' (electrolyte) and 'first' (active) are not two electrolytes",
        ),
        ({"output": {"fields": ["stoichiometry"]}}, "there is no 'stoichiometry': no region is active"),
        (
            {"output": {"fields": ["electronic_potential"]}},
            "there is no 'electronic_potential': no region conducts electrons",
        ),
        ({"numerics": {"mobility": "dilute"}}, "no region is active; remove 'mobility'"),
        (
            {"mechanics": {"lattice_velocity": ["1 um/s", "0 um/s"]}},
            "nothing moves with the lattice; remove 'lattice_velocity'",
        ),
        ({"interfaces": {"middle|first": {"resistance": "0 ohm m^2"}}}, "is out of range"),
        ({"interfaces": {"middle|first": {"resistance": "1 ohm"}}}, "resistance"),
    ],
)
def test_what_has_no_effect_or_place_is_said(tmp_path: Path, sections: Any, expected: str) -> None:
    assert expected in said(tmp_path, **sections)


def test_a_resistance_that_is_passed_around_is_refused(tmp_path: Path) -> None:
    # "last" also lies on the other side of "first": ions go first, last, middle without a resistance
    around = MESH.replace(
        "cells = 3 },\n]", 'cells = 3 },\n    { name = "first", thickness = "1 um", cells = 1 },\n]'
    )
    with pytest.raises(InputError) as caught:
        small.model(small.case(tmp_path, CELL, around))
    text = str(caught.value)
    assert "ions pass around it without resistance, by way of last" in text
    assert "give a resistance to every interface between the two sides" in text


def test_a_resistance_needs_a_common_surface(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the two regions do not touch in this mesh"):
        made(tmp_path, interfaces={"first|last": {"resistance": "1e-3 ohm m^2"}})


def test_an_electrode_needs_electrolyte(tmp_path: Path) -> None:
    regions = {**CELL["regions"], "last": {"material": "Li6PS5Cl", "role": "inert"}}
    with pytest.raises(InputError, match="no electrolyte region touches boundary 'right'") as caught:
        made(tmp_path, regions=regions)
    assert "[cell] working_electrode" in str(caught.value)


def test_it_is_explained(tmp_path: Path) -> None:
    text = explain(small.case(tmp_path / "a", CELL, MESH))
    assert "i = (phi_e,1 - phi_e,2)/resistance" in text and "resistance = 1e-3 ohm m^2" in text
    assert "working electrode: lithium at boundary right, Butler-Volmer, at the cell voltage V" in text
    cell = {**CELL["cell"], "working_electrode": BLOCKING}
    content = replaced(cell=cell, interfaces={"first|middle": {}})
    text = explain(small.case(tmp_path / "b", content, MESH))
    assert "working electrode: blocking, at boundary right, i = double_layer d(V - phi_e)/dt" in text
    assert "bonded; ions cross without resistance" in text
    assert "working_electrode.double_layer = 0.1 F/m^2" in text


TWO_RANKS = """
import sys, json
from pathlib import Path
import small
from chemomech.case.read import read_case
from chemomech.run import run_case
folder = Path(sys.argv[1])
from mpi4py import MPI
summary = run_case(read_case(folder), folder / f"results{MPI.COMM_WORLD.size}", quiet=True)
"""


def test_two_ranks_find_the_same(tmp_path: Path) -> None:
    folder = small.write(
        tmp_path, CELL, MESH, cell={"working_electrode": {**LITHIUM, "film_resistance": "1e-3 ohm m^2"}}
    )
    found = []
    for ranks in (1, 2):
        done = small.script(TWO_RANKS, folder, ranks=ranks)
        assert done.returncode == 0, done.stderr
        found.append(json.loads((folder / f"results{ranks}" / "summary.json").read_text()))
    for name, value in found[0].items():
        assert found[1][name] == pytest.approx(value, rel=1e-9, abs=1e-9), name
