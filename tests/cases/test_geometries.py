"""Whatever geometry and option a case may ask for: checked, meshed, charged for a minute, and judged by its numbers."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import meshio
import numpy as np
import pytest
import small

from chemomech.cli import outcome
from chemomech.results.read import Results, open_results

FARADAY = 96485.33212
STEEL = """\
name = "Steel"
formula = "Fe"

[electronic_conductivity]
value = 1e4
unit = "S/m"
source = "made up"
confirmed = false

[youngs_modulus]
value = 200
unit = "GPa"
source = "made up"
confirmed = false

[poissons_ratio]
value = 0.3
unit = "1"
source = "made up"
confirmed = false
"""

ALL_FIELDS = [
    "concentration", "stoichiometry", "electronic_potential", "ionic_potential", "chemical_potential", "displacement",
    "von_mises", "hydrostatic", "max_principal", "crack_risk", "energetic_risk",
]  # fmt: skip
PARTICLE: dict[str, Any] = {"material": "NMC811", "role": "active", "initial": {"stoichiometry": 0.85}}
ELECTROLYTE: dict[str, Any] = {"material": "Li6PS5Cl", "role": "electrolyte"}
COATING: dict[str, Any] = {"material": "LiNbO3", "role": "electrolyte"}
CONDUCTOR: dict[str, Any] = {"material": "Steel", "role": "conductor"}
TRANSFER: dict[str, Any] = {"charge_transfer": {"exchange_current": "1 A/m^2", "dependence": "stoichiometry"}}


def cell(collector: str, counter: str = "left", **more: Any) -> dict[str, Any]:
    """Return a [cell]."""
    return {
        "temperature": "25 degC",
        "current_collector": collector,
        "contact_resistance": "1e-5 ohm m^2",
        "counter_electrode": {"at": counter, "kind": "lithium", "exchange_current": "10 A/m^2"},
        **more,
    }


def content(collector: str, *, counter: str = "left", pressed: str = "right", **sections: Any) -> dict[str, Any]:
    """Return a case of a particle in electrolyte that is charged at 1C for a minute under 10 MPa."""
    made: dict[str, Any] = {
        "title": "One of many",
        "mesh": "mesh.toml",
        "regions": {"particle": PARTICLE, "electrolyte": ELECTROLYTE},
        "interfaces": {"particle|electrolyte": TRANSFER},
        "cell": cell(collector, counter),
        "pressure": {"at": pressed, "program": ["10 MPa"]},
        "protocol": {"steps": ["Charge at 1C for 60 s"]},
        "numerics": {"displacement_degree": 1, "quadrature_degree": 2, "initial_step": "5 s", "time_tolerance": 1e-2},
        "output": {"fields": ALL_FIELDS, "figures": False, "animation": False},
    }
    return {name: value for name, value in {**made, **sections}.items() if value is not None}


def solved(folder: Path) -> Results:
    """Check a case, run it and open its results."""
    (folder / "materials").mkdir(exist_ok=True)
    (folder / "materials" / "Steel.toml").write_text(STEEL)
    assert outcome(["check", str(folder)]) == 0
    assert outcome(["run", str(folder), "--quiet", "--no-figures"]) == 0
    return open_results(folder / "results")


def judge(results: Results, *, duration: float = 60.0, particle: str = "particle", pressed: bool = True) -> None:
    """Balances hold, the charge is what was asked for, voltage and stress go the way that physics says."""
    history, summary, run = results.history, results.summary, results.run
    assert run["finished"] and history["Time [s]"][-1] == pytest.approx(duration)
    assert summary["Max lithium balance error [-]"] < 1e-9
    assert summary["Max charge balance error [-]"] < 1e-9
    capacity = summary["Nominal capacity [A.h]"]
    assert history["Capacity [A.h]"][-1] == pytest.approx(capacity * duration / 3600, rel=1e-6)
    voltage = history["Voltage [V]"]
    assert 3.3 < voltage[0] < 4.3 and np.all(np.diff(voltage[1:]) > -1e-6)  # a charge lifts it
    assert 0.0 < voltage[-1] - voltage[0] < 0.3  # the overpotential of 1C over a few um
    mean = history[f"Mean stoichiometry in {particle} [-]"]
    assert np.all(np.diff(mean) <= 0.0) and mean[-1] < mean[0]
    low = history[f"Min stoichiometry in {particle} [-]"]
    assert low[-1] < mean[-1] < history[f"Max stoichiometry in {particle} [-]"][-1]  # the surface empties first
    for region in results.regions:
        stress = history[f"Max von Mises in {region} [MPa]"]
        assert np.all(np.isfinite(stress)) and 0.0 < stress[-1] < 3e3
    if pressed:
        assert history["Stack pressure [MPa]"] == pytest.approx(10.0)
        # what does not swell yet is pressed: nowhere is there tension to speak of
        assert history[f"Max principal stress in {particle} [MPa]"][0] < 10.0
    # the surface shrinks on the core: tension rises in the particle
    tension = history[f"Max principal stress in {particle} [MPa]"]
    assert tension[-1] > tension[0] + 1.0


def regions_of(results: Results, name: str) -> set[str]:
    """Return the regions in which a field of the last frame has numbers."""
    grid, values = results.grid, results.array(name, -1)
    found = set()
    for number, region in enumerate(results.regions):
        cells = grid.cells[grid.region == number]
        here = values[grid.region == number] if name in results.cell_arrays else values[np.unique(cells)]
        if np.isfinite(here).any():
            assert np.isfinite(here).all(), f"{name} has holes in {region}"
            found.add(region)
    return found


# -- recipes -----------------------------------------------------------------------------------------

DISC = small.SPHERE_MESH.replace('"axisymmetric"', '"plane strain"').replace('["5 um", "10 um"]', '["9 um", "9 um"]')
COATED = small.SPHERE_MESH.replace("[mesh_size]", 'coating = "0.4 um"\n[mesh_size]')
LAYERS = """\
kind = "layered"
coordinates = "plane strain"
width = "1.5 um"
structured = true
cells_across = 2
layers = [
    { name = "electrolyte", thickness = "4 um", cells = 4 },
    { name = "coating", thickness = "0.2 um", cells = 2 },
    { name = "particle", thickness = "2 um", cells = 10, finer = "start" },
]
"""
COMPOSITE = """\
kind = "composite"
coordinates = "plane strain"
separator = "4 um"
electrode = "14 um"
width = "13 um"
sides = "walled"
fraction = 0.45
gap = "0.5 um"
neck = "0.3 um"
collector_contact = 0.15
seed = 2

[radii]
values = ["3 um", "2.5 um"]

[mesh_size]
interface = "0.8 um"
bulk = "1.8 um"
transition = "3 um"
"""
WITH_SEPARATOR = {"particle": PARTICLE, "electrolyte": ELECTROLYTE, "separator": ELECTROLYTE}
COATED_REGIONS = {"particle": PARTICLE, "coating": COATING, "electrolyte": ELECTROLYTE}
COATED_INTERFACES = {"particle|coating": TRANSFER}

SLOW = pytest.mark.slow
RECIPES = [
    pytest.param(DISC, content("particle|electrolyte"), id="disc"),
    pytest.param(
        small.SPHERE_MESH, content("particle|electrolyte", counter="bottom", pressed="top"), id="sphere", marks=SLOW
    ),
    pytest.param(small.BALL_MESH, content("particle|electrolyte"), id="quarter of a ball", marks=SLOW),
    pytest.param(
        COATED,
        content(
            "particle|coating", counter="bottom", pressed="top", regions=COATED_REGIONS, interfaces=COATED_INTERFACES
        ),
        id="coated sphere",
        marks=SLOW,
    ),
    pytest.param(
        LAYERS, content("particle@right", regions=COATED_REGIONS, interfaces=COATED_INTERFACES), id="coated film"
    ),
    pytest.param(COMPOSITE, content("particle@right", regions=WITH_SEPARATOR), id="walled composite", marks=SLOW),
    pytest.param(
        COMPOSITE.replace("walled", "periodic"),
        content("particle@right", regions=WITH_SEPARATOR),
        id="periodic composite",
        marks=SLOW,
    ),
    pytest.param(
        COMPOSITE.replace('neck =', 'coating = "0.4 um"\nneck ='),
        content(
            "particle@right", regions={**COATED_REGIONS, "separator": ELECTROLYTE}, interfaces=COATED_INTERFACES
        ),
        id="coated composite",
        marks=SLOW,
    ),
]


@pytest.mark.parametrize(("mesh", "case"), RECIPES)
def test_every_recipe_charges(tmp_path: Path, mesh: str, case: dict[str, Any]) -> None:
    results = solved(small.write(tmp_path, case, mesh))
    judge(results)
    everywhere = set(case["regions"])
    ionic = {name for name, region in case["regions"].items() if region["role"] == "electrolyte"}
    supports = {
        "Concentration [mol.m-3]": {"particle"},
        "Electronic potential [V]": {"particle"},
        "Ionic potential [V]": ionic,
        "Displacement [um]": everywhere,
        "Crack risk [-]": everywhere - ({"coating"} if "coating" in everywhere else set()),
        "Von Mises stress [MPa]": everywhere,
    }
    for name, regions in supports.items():
        assert regions <= regions_of(results, name) <= everywhere, name
    # lithium leaves where it meets the electrolyte, and the plating side is a little below zero volt
    assert -0.1 < np.nanmin(results.array("Ionic potential [V]", -1)) < 0.1


def test_a_coating_conducts_ions_without_a_jump(tmp_path: Path) -> None:
    case = content("particle@right", regions=COATED_REGIONS, interfaces=COATED_INTERFACES)
    results = solved(small.write(tmp_path, case, LAYERS))
    grid, potential = results.grid, results.array("Ionic potential [V]", -1)
    x = grid.points[:, 0]
    met = potential[np.isclose(x, 4.0)]  # points are doubled where the electrolyte meets the coating
    assert met.size > 3 and np.ptp(met) < 1e-9
    # ohmic drop over each layer: i d / kappa
    density = results.history["Current density [mA.cm-2]"][-1] * 10.0
    in_electrolyte = np.ptp(potential[x < 4.0 + 1e-9])
    assert in_electrolyte == pytest.approx(density * 4e-6 / 0.154, rel=1e-3)
