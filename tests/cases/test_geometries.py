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


def content(
    collector: str, *, counter: str = "left", pressed: str = "right", **sections: Any
) -> dict[str, Any]:
    """Return a case of a particle in electrolyte that is charged at 1C for a minute under 10 MPa."""
    made: dict[str, Any] = {
        "title": "One of many",
        "mesh": "mesh.toml",
        "regions": {"particle": PARTICLE, "electrolyte": ELECTROLYTE},
        "interfaces": {"particle|electrolyte": TRANSFER},
        "cell": cell(collector, counter),
        "pressure": {"at": pressed, "program": ["10 MPa"]},
        "protocol": {"steps": ["Charge at 1C for 60 s"]},
        "numerics": {
            "displacement_degree": 1,
            "quadrature_degree": 2,
            "initial_step": "5 s",
            "time_tolerance": 1e-2,
        },
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


def judge(
    results: Results, *, duration: float = 60.0, particle: str = "particle", pressed: bool = True
) -> None:
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
    assert (
        low[-1] < mean[-1] < history[f"Max stoichiometry in {particle} [-]"][-1]
    )  # the surface empties first
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

DISC = small.SPHERE_MESH.replace('"axisymmetric"', '"plane strain"').replace(
    '["5 um", "10 um"]', '["9 um", "9 um"]'
)
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
        small.SPHERE_MESH,
        content("particle|electrolyte", counter="bottom", pressed="top"),
        id="sphere",
        marks=SLOW,
    ),
    pytest.param(small.BALL_MESH, content("particle|electrolyte"), id="quarter of a ball", marks=SLOW),
    pytest.param(
        COATED,
        content(
            "particle|coating",
            counter="bottom",
            pressed="top",
            regions=COATED_REGIONS,
            interfaces=COATED_INTERFACES,
        ),
        id="coated sphere",
        marks=SLOW,
    ),
    pytest.param(
        LAYERS,
        content("particle@right", regions=COATED_REGIONS, interfaces=COATED_INTERFACES),
        id="coated film",
    ),
    pytest.param(
        COMPOSITE, content("particle@right", regions=WITH_SEPARATOR), id="walled composite", marks=SLOW
    ),
    pytest.param(
        COMPOSITE.replace("walled", "periodic"),
        content("particle@right", regions=WITH_SEPARATOR),
        id="periodic composite",
        marks=SLOW,
    ),
    pytest.param(
        COMPOSITE.replace("neck =", 'coating = "0.4 um"\nneck =').replace(
            "fraction = 0.45", "fraction = 0.3"
        ),
        content(
            "particle@right",
            regions={**COATED_REGIONS, "separator": ELECTROLYTE},
            interfaces=COATED_INTERFACES,
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
    assert met.size > 3 and np.ptp(met) < 1e-6 * met.mean()
    # ohmic drop over each layer: i d / kappa
    density = results.history["Current density [mA.cm-2]"][-1] * 10.0
    in_electrolyte = np.ptp(potential[x < 4.0 + 1e-9])
    assert in_electrolyte == pytest.approx(density * 4e-6 / 0.154, rel=1e-3)


# -- meshes made by hand -------------------------------------------------------------------------------

SIDES = {"left": (0, 0.0), "right": (0, 1.0), "bottom": (1, 0.0), "top": (1, 1.0)}
Where = Callable[[float, float], str]


def grid(
    where: Where, size: tuple[float, float] = (6.0, 3.0), count: tuple[int, int] = (12, 6)
) -> meshio.Mesh:
    """Return a rectangle of triangles, grouped by region (at their centre) and side, as a mesher would name them."""
    x, y = (np.linspace(0.0, length, number + 1) for length, number in zip(size, count, strict=True))
    points = np.array([[a, b, 0.0] for b in y for a in x])
    row = count[0] + 1
    corners = [j * row + i for j in range(count[1]) for i in range(count[0])]
    cells = np.array([t for a in corners for t in ((a, a + 1, a + row + 1), (a, a + row + 1, a + row))])
    region = [where(*points[c].mean(axis=0)[:2]) for c in cells]
    names = list(dict.fromkeys(region))
    across = [[a, a + 1] for a in range(row - 1)]
    up = [[j * row, (j + 1) * row] for j in range(count[1])]
    lines = {
        "bottom": across,
        "top": [[a + row * count[1], b + row * count[1]] for a, b in across],
        "left": up,
        "right": [[a + row - 1, b + row - 1] for a, b in up],
    }
    facets = np.array([line for side in lines.values() for line in side])
    sides = [number for number, side in enumerate(lines.values(), 11) for _ in side]
    tags = [np.array(sides), np.array([names.index(name) + 1 for name in region])]
    field_data = {name: np.array([number, 2]) for number, name in enumerate(names, 1)}
    field_data |= {name: np.array([number, 1]) for number, name in enumerate(lines, 11)}
    return meshio.Mesh(
        points,
        [("line", facets), ("triangle", cells)],
        cell_data={"gmsh:physical": tags, "gmsh:geometrical": tags},
        field_data=field_data,
    )


def msh(made: meshio.Mesh, *, without: tuple[str, ...] = ()) -> str:
    """Return a mesh in the text form of MSH 2.2, written out by hand, without some of its named groups."""
    names = {name: value for name, value in made.field_data.items() if name not in without}
    gone = {int(made.field_data[name][0]) for name in without}
    lines = ["$MeshFormat", "2.2 0 8", "$EndMeshFormat", "$PhysicalNames", str(len(names))]
    lines += [f'{dimension} {tag} "{name}"' for name, (tag, dimension) in names.items()]
    lines += ["$EndPhysicalNames", "$Nodes", str(len(made.points))]
    lines += [f"{i} {x:.12g} {y:.12g} {z:.12g}" for i, (x, y, z) in enumerate(made.points, 1)]
    elements = [
        (kind, tag, block)
        for kind, tags, blocks in zip((1, 2), made.cell_data["gmsh:physical"], made.cells, strict=True)
        for tag, block in zip(tags.tolist(), blocks.data.tolist(), strict=True)
        if tag not in gone or kind == 2
    ]
    lines += ["$EndNodes", "$Elements", str(len(elements))]
    lines += [
        f"{i} {kind} 2 {tag} {tag} {' '.join(str(p + 1) for p in block)}"
        for i, (kind, tag, block) in enumerate(elements, 1)
    ]
    return "\n".join([*lines, "$EndElements", ""])


def by_hand(folder: Path, where: Where, case: Mapping[str, Any], **size: Any) -> Path:
    """Write a case on a mesh made by hand."""
    small.write(folder, {**case, "mesh": "hand.msh"})
    (folder / "hand.msh").write_text(msh(grid(where, **size)))
    return folder


def half(x: float, y: float) -> str:
    """Electrolyte on the left, particle on the right."""
    return "electrolyte" if x < 4.0 else "particle"


def test_a_mesh_made_by_hand(tmp_path: Path) -> None:
    results = solved(by_hand(tmp_path, half, content("particle@right")))
    judge(results)
    # 2 um x 3 um of particle per um of depth
    lithium = 6e-18 * 49137 * FARADAY / 3600
    shift = -np.diff(results.history["Mean stoichiometry in particle [-]"][[0, -1]])[0]
    assert shift * lithium == pytest.approx(results.history["Capacity [A.h]"][-1], rel=1e-9)


@pytest.mark.parametrize("suffix", ["vtu", "xdmf"])
def test_regions_by_a_cell_array(tmp_path: Path, suffix: str) -> None:
    made = grid(half)
    cells, numbers = made.cells_dict["triangle"], made.cell_data["gmsh:physical"][1]
    small.write(tmp_path, content("particle@right"), "")
    meshio.Mesh(made.points * 1e-6, [("triangle", cells)], cell_data={"phase": [numbers]}).write(
        tmp_path / f"grid.{suffix}"
    )
    (tmp_path / "mesh.toml").write_text(
        f'kind = "external"\nfile = "grid.{suffix}"\nunit = "1 m"\ncoordinates = "plane strain"\n'
        'cell_data = "phase"\ngroups = { electrolyte = 1, particle = 2 }\n'
    )
    judge(solved(tmp_path))


def test_a_metal_foil_and_an_inert_filler(tmp_path: Path) -> None:
    def where(x: float, y: float) -> str:
        if x > 5.0:
            return "foil"
        return "filler" if 1.0 < x < 2.0 and y < 1.0 else half(x, y)

    regions = {
        "particle": PARTICLE,
        "electrolyte": ELECTROLYTE,
        "foil": CONDUCTOR,
        "filler": {"material": "LLZO", "role": "inert"},
    }
    results = solved(by_hand(tmp_path, where, content("foil@right", regions=regions)))
    judge(results)
    potential = "Electronic potential [V]"
    assert regions_of(results, potential) == {"particle", "foil"}
    assert regions_of(results, "Ionic potential [V]") == {"electrolyte"}
    assert regions_of(results, "Concentration [mol.m-3]") == {"particle"}
    foil = results.grid.cells[results.grid.region == results.regions.index("foil")]
    metal = results.array(potential, -1)[np.unique(foil)]
    assert np.ptp(metal) < 1e-9  # steel beside 0.18 S/m
    # ions go around the filler: the drop is larger than without it, but not twice
    drop = np.ptp(
        results.array("Ionic potential [V]", -1)[np.isfinite(results.array("Ionic potential [V]", -1))]
    )
    plain = results.history["Current density [mA.cm-2]"][-1] * 10 * 4e-6 / 0.154
    assert 1.05 * plain < drop < 2.0 * plain


def two_oxides(x: float, y: float) -> str:
    """Two active materials beside each other, apart, wired by a foil."""
    if x < 3.0 or (x < 5.0 and 1.0 < y < 2.0):
        return "electrolyte"
    return "foil" if x > 5.0 else "nmc" if y < 1.0 else "lco"


TWO = {
    "nmc": {"material": "NMC811", "role": "active", "initial": {"voltage": "3.95 V"}},
    "lco": {"material": "LCO", "role": "active", "initial": {"voltage": "3.95 V"}},
    "electrolyte": ELECTROLYTE,
    "foil": CONDUCTOR,
}
TWO_INTERFACES = {"nmc|electrolyte": TRANSFER, "electrolyte|lco": TRANSFER}


def test_two_active_materials_share_the_current(tmp_path: Path) -> None:
    case = content("foil@right", regions=TWO, interfaces=TWO_INTERFACES)
    results = solved(by_hand(tmp_path, two_oxides, case))
    history = results.history
    judge(results, particle="nmc")
    assert history["Voltage [V]"][0] == pytest.approx(3.95, abs=3e-3)  # the pressure shifts it a little
    # at rest both are in equilibrium, so nothing flows between them; on charge both give lithium
    for name in ("nmc", "lco"):
        mean = history[f"Mean stoichiometry in {name} [-]"]
        assert mean[1] == pytest.approx(mean[0], abs=1e-5) and mean[-1] < mean[0] - 1e-4


def test_materials_at_unequal_voltages_even_out(tmp_path: Path) -> None:
    regions = {**TWO, "lco": {**TWO["lco"], "initial": {"voltage": "4.05 V"}}}
    case = content(
        "foil@right", regions=regions, interfaces=TWO_INTERFACES, protocol={"steps": ["Rest for 60 s"]}
    )
    results = solved(by_hand(tmp_path, two_oxides, case))
    history = results.history
    assert abs(history["Current [A]"]).max() < 1e-9 * history["Current [A]"].size
    nmc, lco = (history[f"Mean stoichiometry in {name} [-]"] for name in ("nmc", "lco"))
    assert nmc[-1] < nmc[0] and lco[-1] > lco[0]  # lithium goes to where the voltage is higher
    assert results.summary["Max lithium balance error [-]"] < 1e-9


# -- options, on a film: one dimension in effect, so that the answers are known ---------------------------


def film(folder: Path, **sections: Any) -> Results:
    """Solve the film case with tables replaced key by key; a table given as None is left out."""
    case = content("particle@right")
    for name, value in sections.items():
        case[name] = {**case.get(name, {}), **value} if isinstance(value, dict) else value
    left = {name: value for name, value in case.items() if value is not None}
    return solved(small.write(folder, left, small.FILM_MESH))


def numerics(**keys: Any) -> dict[str, Any]:
    """Return [numerics] for comparisons to many digits."""
    return {"initial_step": "2 s", "time_tolerance": 1e-4, "maximum_step": "5 s", **keys}


def voltage(results: Results) -> Any:
    """Return the voltage over time."""
    return results.history["Voltage [V]"]


def at_end(results: Results, column: str) -> float:
    """Return the last number of a column."""
    return float(results.history[column][-1])


@pytest.mark.slow
def test_degrees_and_solvers_agree(tmp_path: Path) -> None:
    plain = film(tmp_path / "plain", numerics=numerics())
    choices: dict[str, tuple[dict[str, Any], float]] = {
        "fieldsplit": ({"solver": "fieldsplit"}, 1e-7),
        "direct": ({"solver": "direct"}, 1e-12),
        "by limit": ({"direct_limit": 1}, 1e-7),
        "quadrature": ({"quadrature_degree": 4}, 1e-3),
        "displacement": ({"displacement_degree": 2}, 3e-3),
        "scalar": ({"scalar_degree": 2, "quadrature_degree": 4}, 3e-3),
        "both": ({"displacement_degree": 2, "scalar_degree": 2, "quadrature_degree": 5}, 3e-3),
    }
    for name, (keys, close) in choices.items():
        other = film(tmp_path / name, numerics=numerics(**keys))
        judge(other)
        assert voltage(other)[-1] == pytest.approx(voltage(plain)[-1], abs=close), name
        assert other.run["solver"] == ("fieldsplit" if name in ("fieldsplit", "by limit") else "direct")
    assert (
        film(tmp_path / "unit", numerics=numerics()).summary["Unknowns [-]"] < other.summary["Unknowns [-]"]
    )


def test_resistances_add_up(tmp_path: Path) -> None:
    """At one instant after the start the current through each resistance is known: the voltage rises by i R."""
    plain = film(tmp_path / "plain")
    density = plain.history["Current density [mA.cm-2]"][1] * 10.0
    transfer = {**TRANSFER["charge_transfer"], "film_resistance": "3e-3 ohm m^2"}
    on_lithium = {**cell("particle@right")["counter_electrode"], "film_resistance": "2e-3 ohm m^2"}
    resistances: dict[float, dict[str, Any]] = {
        3e-3: {"interfaces": {"particle|electrolyte": {"charge_transfer": transfer}}},
        2e-3: {"cell": {"counter_electrode": on_lithium}},
        4e-3: {"cell": {"contact_resistance": "401e-5 ohm m^2"}},
    }
    for resistance, sections in resistances.items():
        other = film(tmp_path / str(resistance), **sections)
        judge(other)
        assert voltage(other)[1] - voltage(plain)[1] == pytest.approx(density * resistance, rel=1e-5)
        assert voltage(other)[0] == pytest.approx(voltage(plain)[0], abs=1e-9)


@pytest.mark.slow
def test_a_double_layer_takes_the_first_current(tmp_path: Path) -> None:
    plain = film(tmp_path / "plain", numerics=numerics())
    transfer = {**TRANSFER["charge_transfer"], "double_layer": "1 F/m^2"}
    other = film(
        tmp_path / "layer",
        interfaces={"particle|electrolyte": {"charge_transfer": transfer}},
        numerics=numerics(),
    )
    judge(other)
    assert voltage(plain)[1] - voltage(plain)[0] > 1e-2
    # R C is a fraction of a second: nothing yet after a microsecond, all of it after a minute
    assert voltage(other)[1] - voltage(other)[0] < 0.5 * (voltage(plain)[1] - voltage(plain)[0])
    assert voltage(other)[-1] == pytest.approx(voltage(plain)[-1], abs=2e-4)


@pytest.mark.slow
def test_strain_shifts_the_potential_by_its_coefficient(tmp_path: Path) -> None:
    plain = film(tmp_path / "plain")
    shifts = []
    for coefficient in ("10 V", "-20 V"):
        transfer = {**TRANSFER["charge_transfer"], "strain_coefficient": coefficient}
        other = film(
            tmp_path / coefficient, interfaces={"particle|electrolyte": {"charge_transfer": transfer}}
        )
        shifts.append(voltage(other)[0] - voltage(plain)[0])
    # 10 MPa on a particle that cannot widen: eps = -p (1 + nu)(1 - 2 nu) / (E (1 - nu)); eta = eta0 + kappa eps
    strain = -10e-3 * 1.3 * 0.4 / (140 * 0.7)
    assert shifts[0] == pytest.approx(-10 * strain, rel=1e-3)
    assert shifts[1] == pytest.approx(-2 * shifts[0], rel=1e-3)


@pytest.mark.slow
def test_without_mechanics_nothing_is_stressed(tmp_path: Path) -> None:
    fields = {"fields": ["concentration", "ionic_potential"]}
    other = film(tmp_path, mechanics={"enabled": False}, pressure=None, output=fields)
    assert not any("MPa" in name and "Stack" not in name for name in other.history)
    assert other.run["finished"] and other.summary["Max lithium balance error [-]"] < 1e-9
    stressed = film(tmp_path / "stressed", pressure=None)
    judge(stressed, pressed=False)
    assert voltage(other)[0] == pytest.approx(voltage(stressed)[0], abs=1e-9)  # free of stress at the start
    assert abs(voltage(other)[-1] - voltage(stressed)[-1]) > 1e-4


def test_a_pressure_that_rises(tmp_path: Path) -> None:
    results = film(tmp_path, pressure={"program": ["2 MPa", "ramp to 20 MPa in 30 s", "hold"]})
    time, pressure = results.history["Time [s]"], results.history["Stack pressure [MPa]"]
    assert pressure == pytest.approx(np.interp(time, [0, 30], [2, 20]), abs=1e-6)
    assert np.isclose(time, 30.0).any()  # a step ends at the kink
    assert at_end(results, "Platen displacement [um]") < 0.0


@pytest.mark.slow
def test_a_fixture_answers_the_swelling(tmp_path: Path) -> None:
    fixture = {"at": "right", "fixture": "1 GPa/mm", "initial": "5 MPa"}
    case = content("particle@right", pressure=fixture)
    results = solved(small.write(tmp_path / "fixed", case, small.FILM_MESH))
    pressure, platen = results.history["Stack pressure [MPa]"], results.history["Platen displacement [um]"]
    assert pressure == pytest.approx(5.0 + 1.0 * platen, rel=1e-6)  # 1 GPa/mm = 1 MPa/um
    assert platen[0] < 0.0 and platen[-1] < platen[0]  # pressed at first, and NMC811 shrinks on charge
    stiff = {**fixture, "fixture": "100 GPa/mm"}
    other = solved(small.write(tmp_path / "stiff", {**case, "pressure": stiff}, small.FILM_MESH))
    assert at_end(other, "Stack pressure [MPa]") < pressure[-1]


@pytest.mark.slow
def test_free_sides_relax(tmp_path: Path) -> None:
    bound = film(tmp_path / "bound")
    free = film(tmp_path / "free", mechanics={"free": ["top"]})
    judge(free)
    name = "Max von Mises in particle [MPa]"
    assert at_end(free, name) < at_end(bound, name)


HOMOGENEOUS = {
    "regions": {
        "particle": {**PARTICLE, "properties": {"diffusivity": "1e-9 m^2/s"}},
        "electrolyte": {**ELECTROLYTE, "properties": {"youngs_modulus": "1e-5 GPa"}},
    },
    "pressure": None,
}


@pytest.mark.slow
def test_a_layer_that_swells_freely_is_free_of_stress(tmp_path: Path) -> None:
    """Soft electrolyte, no gradient: generalised plane strain with free sides leaves nothing that could press."""
    name, strain = "Max von Mises in particle [MPa]", "Out-of-plane strain [-]"
    loose = film(
        tmp_path / "loose", mechanics={"free": ["top", "right"], "out_of_plane": "free"}, **HOMOGENEOUS
    )
    held = film(tmp_path / "held", mechanics={"free": ["top", "right"]}, **HOMOGENEOUS)
    assert at_end(loose, name) < 0.05 < 10.0 < at_end(held, name)
    # a third of the volumetric swelling -0.022 (1 - theta): charging shrinks
    theta = loose.history["Mean stoichiometry in particle [-]"]
    assert at_end(loose, strain) == pytest.approx(0.022 * (theta[-1] - theta[0]) / 3, rel=2e-2)
    assert strain not in held.history


@pytest.mark.slow
def test_a_moving_matrix_carries_lithium(tmp_path: Path) -> None:
    rest = {"steps": ["Rest for 60 s"]}
    still = film(tmp_path / "still", protocol=rest)
    moving = film(
        tmp_path / "moving", protocol=rest, mechanics={"lattice_velocity": ["0.0005 um/s", "0 um/s"]}
    )
    ends = "Max stoichiometry in particle [-]", "Min stoichiometry in particle [-]"
    spread = [at_end(results, ends[0]) - at_end(results, ends[1]) for results in (still, moving)]
    assert spread[0] < 1e-5 < 1e-3 < spread[1]
    assert moving.summary["Max lithium balance error [-]"] < 1e-9
    c = moving.array("Stoichiometry [-]", -1)
    x = moving.grid.points[:, 0]
    inside = np.isfinite(c)
    assert c[inside & (x > 5.9)].mean() > c[inside & (x < 4.1)].mean()  # to the right, where it moves


@pytest.mark.slow
def test_a_dilute_host_is_another_law(tmp_path: Path) -> None:
    thermodynamic, dilute = film(tmp_path / "a"), film(tmp_path / "b", numerics={"mobility": "dilute"})
    judge(dilute)
    assert abs(voltage(dilute)[-1] - voltage(thermodynamic)[-1]) > 1e-4


# -- protocols ---------------------------------------------------------------------------------------------


def test_currents_in_every_unit(tmp_path: Path) -> None:
    depth = 10.0
    results = film(
        tmp_path,
        cell={"depth": f"{depth:g} um", "nominal_capacity": "5e-11 A h"},
        protocol={
            "steps": [
                "Charge at 1C for 5 s",
                "Charge at 0.2 mA/cm2 for 5 s",
                "Charge at 4e-11 A for 5 s",
                "Discharge at C/2 for 5 s",
            ]
        },
    )
    step, current = results.history["Step [-]"], results.history["Current [A]"]
    density = results.history["Current density [mA.cm-2]"]
    area = 2e-4 * depth * 1e-4  # cm2
    expected = {1: 5e-11, 2: 0.2e-3 * area, 3: 4e-11, 4: -2.5e-11}
    for number, value in expected.items():
        assert current[step == number] == pytest.approx(value, rel=1e-6)
        assert density[step == number] == pytest.approx(value / area * 1e3, rel=1e-6)
    assert results.summary["Nominal capacity [A.h]"] == pytest.approx(5e-11)
    assert at_end(results, "Capacity [A.h]") == pytest.approx(5 * sum(expected.values()) / 3600, rel=1e-6)


def test_two_cycles_with_hold_and_rest(tmp_path: Path) -> None:
    steps = [
        "Charge at 0.3 mA/cm2 until 3.8 V",
        "Hold at 3.8 V for 20 s or until C/100",
        "Rest for 10 s",
        "Discharge at 0.3 mA/cm2 until 3.6 V or for 3000 s",
    ]
    results = film(tmp_path, protocol={"cycles": 2, "steps": steps})
    history = results.history
    cycle, step = history["Cycle [-]"], history["Step [-]"]
    order = [(c, s) for c, s in dict.fromkeys(zip(cycle, step, strict=True)) if s > 0]
    assert order == [(c, s) for c in (1, 2) for s in (1, 2, 3, 4)]
    for c in (1, 2):
        charge = voltage(results)[(cycle == c) & (step == 1)]
        assert charge[-1] == pytest.approx(3.8, abs=2e-6)
        assert voltage(results)[(cycle == c) & (step == 2)] == pytest.approx(3.8, abs=1e-9)
        assert voltage(results)[(cycle == c) & (step == 4)][-1] == pytest.approx(3.6, abs=2e-6)
        falling = history["Current [A]"][(cycle == c) & (step == 2)]
        assert np.all(np.diff(falling) < 0.0) and falling[-1] > 0.0
        assert abs(history["Current [A]"][(cycle == c) & (step == 3)]).max() < 1e-20
    assert results.summary["Max charge balance error [-]"] < 1e-9
    assert results.summary["Max lithium balance error [-]"] < 1e-9
    assert {"Coulombic efficiency, first cycle [-]", "Coulombic efficiency, last cycle [-]"} <= set(
        results.summary
    )
