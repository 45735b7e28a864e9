"""Layers in a case: what is refused, what becomes of it in the model, what a run records of it."""

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

INTERPHASE: dict[str, Any] = {"material": "NMC811-Li6PS5Cl", "law": "mixed", "initial_thickness": "2 nm"}
ON_LITHIUM: dict[str, Any] = {"material": "Li-Li6PS5Cl", "law": "mixed", "initial_thickness": "5 nm"}
COATING: dict[str, Any] = {"material": "LiNbO3", "thickness": "10 nm", "growth": 0.1}


def with_layers(**layers: Any) -> dict[str, Any]:
    """Return the interfaces of a case with these layers."""
    transfer = small.FILM["interfaces"]["particle|electrolyte"]["charge_transfer"]
    return {"particle|electrolyte": {"charge_transfer": transfer, **layers}}


def refused(folder: Path, match: str, mesh: str = small.FILM_MESH, **sections: Any) -> None:
    with pytest.raises(InputError, match=match):
        small.case(folder, small.FILM, mesh, **sections)


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ({"interphase": {**INTERPHASE, "material": "NMC811"}}, "NMC811 has no 'ionic_conductivity'"),
        (
            {"interphase": {**INTERPHASE, "material": "NMC811-Li6PS5C"}},
            "there is no material 'NMC811-Li6PS5C'",
        ),
        ({"interphase": {**INTERPHASE, "law": "diffusive"}}, "'diffusive' is not a choice"),
        (
            {"interphase": {**INTERPHASE, "properties": {"growth_constant": "-1e-22 m^2/s"}}},
            "growth_constant: must be greater than 0",
        ),
        (
            {"interphase": {**INTERPHASE, "properties": {"reaction_rate": "-1e-12 m/s"}}},
            "reaction_rate: must be greater than 0",
        ),
        (
            {
                "interphase": {
                    **INTERPHASE,
                    "law": "reaction",
                    "properties": {"growth_constant": "1e-22 m^2/s"},
                }
            },
            "'growth_constant' changes nothing in this layer",
        ),
        (
            {"interphase": {**INTERPHASE, "properties": {"reduction_potential": "1 V"}}},
            "has both of oxidation_potential and reduction_potential",
        ),
        (
            {"interphase": {**INTERPHASE, "law": "diffusion", "initial_thickness": "0 nm"}},
            "cannot start from nothing",
        ),
        ({"interphase": {**INTERPHASE, "initial_thickness": "-1 nm"}}, "'-1 nm' is out of range"),
        ({"interphase": {**INTERPHASE, "additive": {}}}, "needs either 'material' or 'growth'"),
        (
            {"interphase": {**INTERPHASE, "additive": {"material": "Li6PS5Cl"}}},
            "Li6PS5Cl has no 'growth_factor'",
        ),
        ({"coating": COATING}, "nothing grows at this interface that the coating could slow down"),
        (
            {"coating": {"material": "Li6PS5Cl", "thickness": "1 nm"}, "interphase": INTERPHASE},
            "Li6PS5Cl has no 'growth_factor'",
        ),
        ({"coating": {**COATING, "material": "NMC811"}}, "NMC811 has no 'ionic_conductivity'"),
        (
            {"interdiffusion": {"material": "LiNbO3", "initial_thickness": "1 nm"}},
            "LiNbO3 has no 'growth_constant'",
        ),
    ],
)
def test_layers_that_cannot_be_are_refused(tmp_path: Path, layers: dict[str, Any], expected: str) -> None:
    refused(tmp_path, expected, interfaces=with_layers(**layers))


def test_layers_need_charge_transfer_beside_them(tmp_path: Path) -> None:
    content = {**small.FILM, "interfaces": {"particle|electrolyte": {"interphase": INTERPHASE}}}
    with pytest.raises(
        InputError, match="lies in series with charge transfer, of which this interface has none"
    ):
        small.case(tmp_path, content)


def test_an_interphase_on_lithium_is_checked_too(tmp_path: Path) -> None:
    counter = {**small.FILM["cell"]["counter_electrode"], "interphase": {**ON_LITHIUM, "material": "LLZO"}}
    refused(tmp_path, "counter_electrode.interphase.* LLZO has no", cell={"counter_electrode": counter})


def test_a_coating_thicker_than_the_gap_between_particles_is_refused(tmp_path: Path) -> None:
    mesh = """
kind = "composite"
coordinates = "plane strain"
separator = "3 um"
electrode = "12 um"
width = "11 um"
sides = "walled"
fraction = 0.25
gap = "0.4 um"
neck = "0.2 um"
collector_contact = 0.1
seed = 1
names = { separator = "electrolyte" }
radii = { values = ["2 um"] }
mesh_size = { interface = "0.6 um", bulk = "2 um" }
"""
    layers = {"coating": {**COATING, "thickness": "200 nm"}, "interphase": INTERPHASE}
    refused(
        tmp_path,
        "two coatings of 200 nm do not fit into the gap of 400 nm",
        mesh,
        interfaces=with_layers(**layers),
    )
    thinner = {**layers, "coating": {**COATING, "thickness": "190 nm"}}
    small.case(tmp_path / "thinner", small.FILM, mesh, interfaces=with_layers(**thinner))


def test_explain_says_the_law_and_every_number_with_its_source(tmp_path: Path) -> None:
    layers = {"interphase": {**INTERPHASE, "additive": {"growth": 0.3}}, "coating": COATING}
    text = explain(small.case(tmp_path, interfaces=with_layers(**layers)))
    assert "1/r = 1/r_reaction + delta/k" in text
    assert "growth_constant = 1e-22 m^2/s [assumption" in text
    assert "coating: LiNbO3" in text and "additive.growth = 0.3" in text


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Run two short cycles with every layer."""
    from chemomech.run import run_case

    folder = tmp_path_factory.mktemp("layers")
    counter = {**small.FILM["cell"]["counter_electrode"], "interphase": ON_LITHIUM}
    layers = {
        "coating": COATING,
        "interphase": INTERPHASE,
        "interdiffusion": {"material": "NMC811-Li6PS5Cl-interdiffused", "initial_thickness": "1 nm"},
    }
    case = small.case(
        folder,
        interfaces=with_layers(**layers),
        cell={"counter_electrode": counter, "temperature": "60 degC"},
        protocol={"cycles": 2, "steps": ["Charge at 2C for 200 s", "Discharge at 2C for 150 s"]},
    )
    run_case(case, folder / "results", quiet=True)
    return open_results(folder / "results")


def test_a_run_records_thickness_resistance_and_lithium(results: Any) -> None:
    history, place = results.history, "particle|electrolyte"
    mean, top = (history[f"{word} interphase thickness at {place} [nm]"] for word in ("Mean", "Max"))
    assert mean[0] == pytest.approx(2.0, abs=1e-6) and np.all(np.diff(mean) >= 0.0) and mean[-1] > 2.0
    assert np.all(top >= mean * (1 - 1e-12))
    # 1 nm of 1e-6 S/m is 1e-3 ohm m2 = 10 ohm cm2
    assert history[f"Interphase resistance at {place} [ohm.cm2]"] == pytest.approx(10.0 * mean)
    # the electrolyte is oxidised at the cathode and reduced on lithium
    held = [history[f"Lithium in interphase at {name} [pmol]"] for name in (place, "left")]
    assert held[0][-1] < held[0][0] < 0.0 < held[1][0] < held[1][-1]
    side = [history[f"Interphase current density at {name} [mA.cm-2]"] for name in (place, "left")]
    assert np.all(side[0] > 0.0) and np.all(side[1] < 0.0)
    assert history["Mean interdiffusion thickness at particle|electrolyte [nm]"][-1] > 1.0
    assert history["Lithium balance error [-]"].max() < 1e-10


def test_the_summary_says_what_grew_and_what_it_cost(results: Any) -> None:
    ends = "End mean interphase thickness at left [nm]", "End interphase resistance at left [ohm.cm2]"
    last = results.history["Mean interphase thickness at left [nm]"][-1]
    assert results.summary[ends[0]] == pytest.approx(last)
    assert results.summary[ends[1]] == pytest.approx(last)  # 1e-5 S/m: 1 ohm cm2 per nm
    first, second = results.cycles["Discharge capacity [A.h]"]
    assert results.summary["Discharge capacity fade per cycle [-]"] == pytest.approx(
        1 - second / first, abs=1e-9
    )


def test_cycles_are_written_one_a_row(results: Any) -> None:
    cycles, history = results.cycles, results.history
    assert cycles["Cycle [-]"].tolist() == [1.0, 2.0]
    for cycle, capacity in zip((1, 2), cycles["Charge capacity [A.h]"], strict=True):
        rows = np.flatnonzero((history["Cycle [-]"] == cycle) & (history["Step [-]"] == 1))
        passed = history["Capacity [A.h]"][rows[-1]] - history["Capacity [A.h]"][rows[0] - 1]
        assert capacity == pytest.approx(passed, rel=1e-9)
    assert cycles["Coulombic efficiency [-]"] == pytest.approx(
        cycles["Discharge capacity [A.h]"] / cycles["Charge capacity [A.h]"]
    )
    last = np.flatnonzero(history["Cycle [-]"] == 1)[-1]
    name = "Mean interphase thickness at particle|electrolyte [nm]"
    assert cycles[name][0] == pytest.approx(history[name][last])


def test_a_resolved_coating_cracks_by_its_own_strength(tmp_path: Path) -> None:
    from chemomech.run import run_case

    strength = {"tensile_strength": "60 MPa"}
    shell = {"material": "LiNbO3", "role": "electrolyte", "properties": strength}
    transfer = {"charge_transfer": {"exchange_current": "1 A/m^2"}}
    mesh = small.SPHERE_MESH.replace("[mesh_size]", 'coating = "0.4 um"\n[mesh_size]')
    content = {
        **small.FILM,
        "interfaces": {"particle|coating": transfer},
        "cell": {**small.SPHERE["cell"], "current_collector": "particle|coating"},
        "pressure": {"at": "top", "program": ["1 MPa"]},
        "protocol": {"steps": ["Charge at 1C for 10 minutes"]},
    }
    case = small.case(tmp_path, content, mesh, regions={"coating": shell})
    run_case(case, tmp_path / "results", quiet=True)
    history = open_results(tmp_path / "results").history
    stress, risk = history["Max principal stress in coating [MPa]"], history["Crack risk in coating [-]"]
    assert risk == pytest.approx(np.maximum(stress, 0.0) / 60.0, rel=1e-9, abs=1e-12)
    assert risk[-1] > 0.1  # the shell is pulled by the particle that shrinks


def test_another_material_of_a_layer_is_another_run(tmp_path: Path) -> None:
    from chemomech.case.layers import layer_materials

    layers = {"coating": COATING, "interphase": {**INTERPHASE, "additive": {"material": "LiNbO3"}}}
    case = read_case(small.write(tmp_path, interfaces=with_layers(**layers)))
    assert [one.name for one in layer_materials(case)] == ["LiNbO3", "NMC811-Li6PS5Cl", "LiNbO3"]
