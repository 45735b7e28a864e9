"""Binary salts: which fields they make, what is recorded of them, what ends a run, and what is said of mistakes."""

import json
from pathlib import Path
from typing import Any

import chemomech.runtime  # noqa: F401

import numpy as np
import pytest
import small

from chemomech.case.read import read_case
from chemomech.errors import InputError, RunError
from chemomech.explain import explain
from chemomech.render.profiles import profile, widest_frame
from chemomech.results.format import SALT_ARRAY
from chemomech.results.read import open_results
from chemomech.run import run_case
from chemomech.verification import salt_forms

MESH = """\
kind = "layered"
coordinates = "plane strain"
width = "2 um"
structured = true
cells_across = 1
layers = [
    { name = "polymer", thickness = "20 um", cells = 12, finer = "both", growth = 1.3 },
    { name = "other", thickness = "5 um", cells = 4 },
]
"""
POLYMER: dict[str, Any] = {
    "material": "PEO-LiTFSI",
    "role": "electrolyte",
    "salt": {"concentration": "1000 mol/m^3"},
}
CERAMIC: dict[str, Any] = {"material": "LLZO", "role": "electrolyte"}
CELL: dict[str, Any] = {
    "title": "A polymer and a ceramic between lithium and lithium",
    "mesh": "mesh.toml",
    "regions": {"polymer": POLYMER, "other": CERAMIC},
    "cell": {
        "temperature": "80 degC",
        "working_electrode": {"at": "right", "kind": "lithium", "exchange_current": "5 A/m^2"},
        "counter_electrode": {"at": "left", "kind": "lithium", "exchange_current": "10 A/m^2"},
    },
    "mechanics": {"enabled": False},
    "protocol": {"steps": ["Charge at 3 mA/cm2 for 10 minutes", "Rest for 10 minutes"]},
    "output": {"fields": ["salt_concentration", "ionic_potential"], "figures": False, "animation": False},
}
RESISTANCE = {"polymer|other": {"resistance": "1e-3 ohm m^2"}}
LIMIT = 2 * 9.6485 * 8 / (0.8 * 20)  # 2 F D c0/((1 - t+) L) [mA/cm2]


def made(folder: Path, **sections: Any) -> Any:
    """Build the model of the cell with sections changed."""
    return small.model(small.case(folder, CELL, MESH, **sections))


def supports(model: Any) -> dict[str, set[str]]:
    """Return the regions of each field."""
    return {field.name: set(u.support.regions) for field, u in model.state.unknowns.items()}


def test_a_single_ion_conductor_shares_the_potential_but_not_the_salt(tmp_path: Path) -> None:
    model = made(tmp_path)
    assert supports(model) == {
        "salt_concentration in polymer": {"polymer"},
        "ionic_potential": {"polymer", "other"},
        "cell_voltage": {"polymer", "other"},
    }
    (region,) = model.salts
    assert region.initial_concentration == pytest.approx(1e-3) and region.volume == pytest.approx(40.0)
    np.testing.assert_allclose(model.state.unknowns[region.concentration].array(), 1e-3)


def test_salts_on_both_sides_of_a_resistance_are_two(tmp_path: Path) -> None:
    thin = {**POLYMER, "salt": {"concentration": "500 mol/m^3"}}
    model = made(tmp_path, regions={"other": thin}, interfaces=RESISTANCE)
    assert {name for name in supports(model) if name.startswith("salt")} == {
        "salt_concentration in polymer",
        "salt_concentration in other",
    }
    starts = {r.name: float(np.mean(model.state.unknowns[r.concentration].array())) for r in model.salts}
    assert starts == {"polymer": pytest.approx(1e-3), "other": pytest.approx(5e-4)}


def test_one_salt_in_two_regions_is_one_field(tmp_path: Path) -> None:
    assert "salt_concentration in other+polymer" in supports(made(tmp_path, regions={"other": POLYMER}))


@pytest.mark.parametrize(
    "other",
    [
        {**POLYMER, "salt": {"concentration": "500 mol/m^3"}},
        {**POLYMER, "properties": {"salt_diffusivity": "1e-12 m^2/s"}},
    ],
)
def test_unlike_salts_that_touch_are_refused(tmp_path: Path, other: Any) -> None:
    with pytest.raises(InputError) as caught:
        made(tmp_path, regions={"other": other})
    text = str(caught.value)
    assert "touches 'polymer', whose salt is another" in text and "put a resistance between them" in text


def test_the_record_of_a_run(tmp_path: Path) -> None:
    folder = small.write(tmp_path, CELL, MESH, interfaces=RESISTANCE)
    summary = run_case(read_case(folder), folder / "results", quiet=True)
    results = open_results(folder / "results")
    history = results.history
    end = np.flatnonzero(history["Step [-]"] == 1)[-1]
    for word, sign in (("Min", -1), ("Max", 1)):
        expected = 1000 * (1 + sign * 3 / LIMIT)
        found = history[f"{word} salt concentration in polymer [mol.m-3]"][end]
        assert found == pytest.approx(expected, rel=1e-4)
    assert history["Mean salt concentration in polymer [mol.m-3]"] == pytest.approx(1000, rel=1e-12)
    assert summary["Max salt balance error [-]"] == max(history["Salt balance error [-]"]) < 1e-12
    assert summary["Max lithium balance error [-]"] < 1e-12
    assert "Salt depletion time [s]" not in summary
    assert summary["Limiting current density [mA.cm-2]"] == pytest.approx(LIMIT, rel=1e-5)
    salt = results.array("Salt concentration [mol.m-3]", -1)
    points = results.grid.points
    assert np.all(np.isnan(salt[points[:, 0] > 20.0 + 1e-9]))
    assert np.nanmean(salt) == pytest.approx(1000, rel=1e-3)
    assert np.all(np.isfinite(results.array("Ionic potential [V]", -1)))


def test_an_active_film_on_a_polymer(tmp_path: Path) -> None:
    # films and stress on, direct and block by block: both ions move, lithium is taken up, salt is kept
    summaries = []
    for solver in ("direct", "fieldsplit"):
        folder = small.write(
            tmp_path / solver,
            small.rich("particle@right", "left", "right"),
            small.FILM_MESH,
            regions={"electrolyte": POLYMER},
            protocol={"steps": ["Charge at 2C for 1 minute", "Rest for 1 minute"]},
            numerics={"solver": solver},
            output={"fields": ["salt_concentration", "stoichiometry"]},
        )
        summaries.append(run_case(read_case(folder), folder / "results", quiet=True))
        history = open_results(folder / "results").history
        assert np.ptp(history["Max salt concentration in electrolyte [mol.m-3]"]) > 1.0
    direct, blocks = summaries
    assert direct["Max lithium balance error [-]"] < 1e-10 and direct["Max salt balance error [-]"] < 1e-10
    assert blocks["Max salt balance error [-]"] < 1e-10
    assert blocks["End voltage [V]"] == pytest.approx(direct["End voltage [V]"], abs=1e-7)


def test_figures_show_the_salt(tmp_path: Path) -> None:
    output = {"fields": ["salt_concentration"], "figures": True, "animation": False}
    steps = ["Charge at 3 mA/cm2 for 10 s", "Rest for 10 s"]
    folder = small.write(tmp_path, CELL, MESH, output=output, protocol={"steps": steps})
    run_case(read_case(folder), folder / "results", quiet=True)
    figures = {path.name for path in (folder / "results" / "figures").iterdir()}
    assert {"salt_time.png", "salt_concentration_profile.png", "salt_concentration.png"} <= figures
    assert "stack_pressure.png" not in figures  # there is none
    results = open_results(folder / "results")
    panels = profile(results, SALT_ARRAY).axes
    assert [axes.get_title() for axes in panels] == steps
    first, last = panels[0].lines[0], panels[0].lines[-1]
    np.testing.assert_allclose(first.get_ydata(), 1000.0, rtol=1e-6)  # the profile with which the step begins
    end = np.flatnonzero(results.history["Step [-]"] == 1)[-1]
    for word, at in (("Min", 0), ("Max", -1)):
        column = results.history[f"{word} salt concentration in polymer [mol.m-3]"]
        assert float(np.asarray(last.get_ydata())[at]) == pytest.approx(column[end], rel=1e-4)
    assert np.asarray(last.get_xdata())[[0, -1]] == pytest.approx([0.0, 20.0])
    assert results.times[widest_frame(results, SALT_ARRAY)] == pytest.approx(10.0, abs=1e-4)


def test_a_run_that_uses_up_its_salt_says_where(tmp_path: Path) -> None:
    protocol = {"steps": [f"Charge at {4 * LIMIT:.4g} mA/cm2 for 1 hour"]}
    folder = small.write(tmp_path, CELL, MESH, protocol=protocol)
    with pytest.raises(RunError) as caught:
        run_case(read_case(folder), folder / "results", quiet=True)
    text = str(caught.value)
    assert "the salt of 'polymer' is used up at (0, " in text and "Smallest salt concentration" in text
    assert "choose a lower rate or another cut-off" in text
    history = open_results(folder / "results").history  # all that came before is there
    tau = salt_forms.sand_time(8.0, 1e-3, 0.2, 4e-2 * LIMIT)
    assert history["Time [s]"][-1] == pytest.approx(tau, rel=0.05)


def test_the_time_of_depletion_is_in_the_summary(tmp_path: Path) -> None:
    protocol = {"steps": [f"Charge at {4 * LIMIT:.4g} mA/cm2 until 1 V"]}
    fine = MESH.replace(
        'cells = 12, finer = "both", growth = 1.3', 'cells = 60, finer = "both", growth = 1.15'
    )
    folder = small.write(tmp_path, CELL, fine, protocol=protocol, numerics={"time_tolerance": 1e-4})
    summary = run_case(read_case(folder), folder / "results", quiet=True)
    tau = salt_forms.sand_time(8.0, 1e-3, 0.2, 4e-2 * LIMIT)
    assert summary["Salt depletion time [s]"] == pytest.approx(0.99**2 * tau, rel=0.03)
    assert summary["Salt depletion time [s]"] < summary["Duration [s]"]


def test_a_step_that_comes_to_a_steady_state_ends(tmp_path: Path) -> None:
    protocol = {"steps": ["Charge at 1 mA/cm2 until 2 V"]}
    folder = small.write(tmp_path, CELL, MESH, protocol=protocol)
    with pytest.raises(
        RunError, match="has come to a steady state of .* V at .* s: its end is never reached"
    ):
        run_case(read_case(folder), folder / "results", quiet=True)


@pytest.mark.parametrize(
    ("sections", "expected"),
    [
        ({"regions": {"other": {**CERAMIC, "salt": {"concentration": "1 kmol/m^3"}}}}, "which a salt needs"),
        (
            {
                "regions": {
                    "other": {"material": "LLZO", "role": "inert", "salt": {"concentration": "1 kmol/m^3"}}
                }
            },
            "role 'inert' dissolves no salt",
        ),
        ({"regions": {"polymer": {**POLYMER, "salt": {"concentration": "0 mol/m^3"}}}}, "is out of range"),
        ({"regions": {"polymer": {**POLYMER, "salt": {}}}}, "'concentration' is missing"),
        (
            {"regions": {"other": {**CERAMIC, "properties": {"salt_diffusivity": "1e-12 m^2/s"}}}},
            "'salt_diffusivity' changes nothing in a region of role 'electrolyte' without salt",
        ),
        (
            {"regions": {"polymer": {"material": "PEO-LiTFSI", "role": "electrolyte"}}},
            "there is no 'salt_concentration': no region has a salt",
        ),
        (
            {"regions": {"polymer": {"material": "Gel", "role": "electrolyte"}}},
            "the conductivity of Gel depends on the concentration of a salt, and there is none",
        ),
    ],
)
def test_mistakes_are_said(tmp_path: Path, sections: Any, expected: str) -> None:
    folder = small.write(tmp_path, CELL, MESH, **sections)
    (folder / "materials").mkdir()
    gel = 'name = "Gel"\nformula = "X"\n'
    for key, law, unit in (
        ("ionic_conductivity", 'expression = "0.1*c"', "S/m"),
        ("youngs_modulus", "value = 1", "GPa"),
        ("poissons_ratio", "value = 0.3", "1"),
    ):
        gel += f'[{key}]\n{law}\nunit = "{unit}"\nsource = "made up"\nconfirmed = false\n'
    (folder / "materials" / "Gel.toml").write_text(gel)
    with pytest.raises(InputError) as caught:
        read_case(folder)
    assert expected in str(caught.value)


def test_it_is_explained(tmp_path: Path) -> None:
    text = explain(small.case(tmp_path, CELL, MESH, mechanics={"lattice_velocity": ["1e-3 um/s", "0 um/s"]}))
    assert "anions: dc/dt + div N = 0, N = -D grad c - (1 - t+) i/F" in text
    assert "anions also move with the matrix: N gains + c v" in text
    assert "salt.concentration = 1000 mol/m^3" in text
    assert "transference_number = 0.2 [" in text  # used, not for information


FILLED = """\
kind = "particle"
coordinates = "plane strain"
radius = "6 um"
box = ["20 um", "16 um"]
mesh_size = { interface = "1.2 um", bulk = "2.5 um", transition = "4 um" }
names = { particle = "other", electrolyte = "polymer" }
"""


def filled(folder: Path, ranks: int = 1, **sections: Any) -> dict[str, float]:
    """Run a polymer with a ceramic grain in it; return the summary and the voltage at the start of the current."""
    small.write(folder, CELL, FILLED, **sections)
    done = small.chemomech("run", folder, "--results", folder / f"results{ranks}", ranks=ranks, timeout=600)
    assert done.returncode == 0, done.stderr
    results = open_results(folder / f"results{ranks}")
    return {**results.summary, "start": float(results.history["Voltage [V]"][1])}


@pytest.mark.slow
def test_a_grain_in_a_polymer(tmp_path: Path) -> None:
    protocol = {"steps": ["Charge at 2 mA/cm2 for 5 minutes"]}
    grain = {"other": {**CERAMIC, "properties": {"ionic_conductivity": "1 S/m"}}}
    loose = {"polymer|other": {"resistance": "1 ohm m^2"}}
    joined = filled(tmp_path / "joined", protocol=protocol, regions=grain)
    some = filled(tmp_path / "some", protocol=protocol, regions=grain, interfaces=RESISTANCE)
    none = filled(tmp_path / "none", protocol=protocol, regions=grain, interfaces=loose)
    # ten times more conductive than the polymer: the way through the grain saves what its surface does not cost
    assert joined["start"] < some["start"] < none["start"]
    bare = filled(tmp_path / "bare", protocol=protocol, regions={"other": POLYMER})
    assert joined["start"] < bare["start"] < none["start"]
    # a disc that blocks, in a share f of the area: between Maxwell's dilute limit and twice it, for the ohmic part
    ohmic = 20e-6 / 0.1 * 20.0
    share = np.pi * 36 / 320
    rise = (none["start"] - bare["start"]) / ohmic
    assert 2 * share * 0.9 < rise < 3 * (2 * share)
    for found in (joined, some, none, bare):
        assert found["Max salt balance error [-]"] < 1e-12 and found["Max lithium balance error [-]"] < 1e-12
    together = filled(tmp_path / "some", 2, protocol=protocol, regions=grain, interfaces=RESISTANCE)
    for name, value in some.items():
        assert together[name] == pytest.approx(value, rel=1e-7, abs=1e-9), name


TWO_RANKS = """
import sys
from pathlib import Path
from mpi4py import MPI
from chemomech.case.read import read_case
from chemomech.run import run_case
folder = Path(sys.argv[1])
run_case(read_case(folder), folder / f"results{MPI.COMM_WORLD.size}", quiet=True)
"""


def test_two_ranks_find_the_same(tmp_path: Path) -> None:
    folder = small.write(tmp_path, CELL, MESH, interfaces=RESISTANCE)
    found = []
    for ranks in (1, 2):
        done = small.script(TWO_RANKS, folder, ranks=ranks)
        assert done.returncode == 0, done.stderr
        found.append(json.loads((folder / f"results{ranks}" / "summary.json").read_text()))
    for name, value in found[0].items():
        assert found[1][name] == pytest.approx(value, rel=1e-8, abs=1e-9), name
