"""Cases whose charge is resolved, from the file to the columns: a binary salt, a core layer at active material, 3D."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import small
from scipy.integrate import quad
from scipy.optimize import brentq

from chemomech.case.read import read_case
from chemomech.constants import AVOGADRO, FARADAY, GAS, VACUUM
from chemomech.errors import InputError
from chemomech.results.read import Results, open_results
from chemomech.verification.layer_forms import Binary, Lattice, contact_split

ROOM = 298.15
THERMAL = GAS * ROOM / FARADAY
PERMITTIVITY = 10 * VACUUM
C_PER_M2 = 1e3
MESH_ERROR = 1e-3
"""h = 0.05 x, so h/lambda = 0.07 in the middle of a layer: vertex sums are wrong by some (h/lambda)^2/12"""

COLUMN = """\
kind = "layered"
coordinates = "plane strain"
width = "0.5 nm"
structured = true
cells_across = 1

[[layers]]
name = "electrolyte"
thickness = "{thickness}"
cells = {cells}
finer = "end"
growth = 1.05
"""
BACK = """
[[layers]]
name = "back"
thickness = "500 nm"
cells = 20
"""
FILM = """
[[layers]]
name = "particle"
thickness = "20 nm"
cells = 8
"""
SALT = {"mobile_concentration": "10 mol/m^3", "chemical_potential": "0.03 V"}
SITES = {"mobile_concentration": "20 mol/m^3", "occupancy": 0.4, "chemical_potential": "0.03 V"}


def lithium_against_blocking(exchange_current: str, double_layer: str) -> dict[str, Any]:
    """Return [cell] of a column with a blocking electrode on its right."""
    blocking = {"at": "right", "kind": "blocking", "double_layer": double_layer, "zero_charge": "0 V"}
    return {
        "temperature": "25 degC",
        "counter_electrode": {"at": "left", "kind": "lithium", "exchange_current": exchange_current},
        "working_electrode": blocking,
    }


def electrolyte(**charged: Any) -> dict[str, Any]:
    """Return a sulfide whose charge is resolved."""
    properties: dict[str, Any] = {"relative_permittivity": 10}
    if charged.get("statistics", "lattice") != "lattice":
        properties["transference_number"] = 0.3
    return {
        "material": "Li6PS5Cl",
        "role": "electrolyte",
        "properties": properties,
        "space_charge": charged,
    }


def run(folder: Path, mesh: str, **content: Any) -> Results:
    """Run a case without mechanics; return its results."""
    from chemomech.run import run_case

    bare = {key: value for key, value in small.FILM.items() if key != "pressure"}
    output = {"fields": ["electric_potential", "ion_concentration"], "figures": False, "animation": False}
    given = {**bare, "numerics": {}, "mechanics": {"enabled": False}, "output": output, **content}
    small.write(folder, given, mesh)
    run_case(read_case(folder), folder / "results", quiet=True)
    return open_results(folder / "results")


# ---- a binary salt at a blocking electrode ------------------------------------------------------------

CORE, VOLTAGE, THICKNESS, SIZE = 2e-4, 0.08, 1.0, 2e-3
"""[nC/(V um^2)], [V], [um], [um]"""


def closed_form(crowding: float) -> tuple[float, float]:
    """Charge of the metal [nC/um^2] and concentration of the bulk [pmol/um^3] in a closed cell in equilibrium.

    The anions that the layer takes are missing in the bulk, whose electric potential moves with its concentration.
    """
    c0 = 1e-5

    def layer(bulk: float) -> tuple[Binary, float, float]:
        form = Binary(PERMITTIVITY, bulk, ROOM, crowding * bulk / c0)
        activity = np.log(bulk / c0 * (1 - crowding) / (1 - form.crowding))
        surface = float(
            brentq(
                lambda phi: form.charge(phi) - CORE * (VOLTAGE + THERMAL * activity - phi), 0.0, 2 * VOLTAGE
            )
        )
        return form, surface, form.charge(surface)

    def missing(bulk: float) -> float:
        form, surface, _ = layer(bulk)

        def excess(psi: float) -> float:
            room = 1 + 2 * form.crowding * np.sinh(psi / 2) ** 2
            return (np.exp(psi) / room - 1) * bulk * PERMITTIVITY / form.charge(psi * THERMAL) * THERMAL

        return (bulk - c0) * THICKNESS + quad(excess, 1e-9, surface / THERMAL)[0]

    bulk = float(brentq(missing, 0.9 * c0, c0, xtol=1e-16))
    return layer(bulk)[2], bulk


@pytest.mark.parametrize("statistics", ["dilute", "bikerman"])
def test_a_salt_at_a_blocking_electrode_holds_the_charge_of_the_closed_form(
    tmp_path: Path, statistics: str
) -> None:
    size = {"ion_size": "2 nm"} if statistics == "bikerman" else {}
    salt = electrolyte(statistics=statistics, **size, **SALT)
    mesh, regions = COLUMN.format(thickness="1 um", cells=160), {"electrolyte": salt}
    if size:  # two regions of one salt, which are one to its ions
        front = COLUMN.format(thickness="500 nm", cells=146)
        head, layer = front.split("[[layers]]")
        mesh, regions = f"{head}{BACK}[[layers]]{layer}", {"back": salt, "electrolyte": salt}
    done = run(
        tmp_path,
        mesh,
        regions=regions,
        interfaces={},
        cell=lithium_against_blocking("1e3 A/m^2", "0.2 F/m^2"),
        protocol={"steps": [f"Hold at {VOLTAGE} V for 1 s"]},
    )
    crowding = 2 * SIZE**3 * 1e-5 * AVOGADRO if size else 0.0
    charge, bulk = closed_form(crowding)
    history = done.history
    assert -history["Space charge in electrolyte [C.m-2]"][-1] == pytest.approx(
        C_PER_M2 * charge, rel=MESH_ERROR
    )
    # the far end: a layer holds no minimum of its own, the wall attracts anions
    lowest = history[f"Min anion concentration in {next(iter(regions))} [mol.m-3]"]
    highest = history["Max anion concentration in electrolyte [mol.m-3]"]
    assert lowest[0] == pytest.approx(10, rel=1e-9) and highest[0] == pytest.approx(10, rel=1e-9)
    # the bulk gave what the layer took: anions are conserved; the deviation itself is resolved
    assert 10 - lowest[-1] == pytest.approx(10 - 1e6 * bulk, rel=2e-2)
    form = Binary(PERMITTIVITY, bulk, ROOM, crowding * bulk / 1e-5)
    psi = (VOLTAGE - charge / CORE) / THERMAL + np.log(bulk / 1e-5 * (1 - crowding) / (1 - form.crowding))
    room = 1 + 2 * form.crowding * np.sinh(psi / 2) ** 2
    assert highest[-1] == pytest.approx(1e6 * bulk * np.exp(psi) / room, rel=3 * MESH_ERROR)
    assert not any("occupancy" in column for column in history)
    assert abs(history["Charge balance error [-]"][-1]) < 1e-8


# ---- a core layer at active material ------------------------------------------------------------------


def with_core(folder: Path, mesh: str) -> Results:
    """Run a film on a lattice, charged against it, through a pulse and a rest."""
    transfer = {"exchange_current": "10 A/m^2"}
    return run(
        folder,
        mesh,
        regions={
            "electrolyte": electrolyte(**SITES),
            "particle": {"material": "NMC811", "role": "active", "initial": {"stoichiometry": 0.6}},
        },
        interfaces={
            "particle|electrolyte": {
                "charge_transfer": transfer,
                "core_capacitance": "0.05 F/m^2",
                "zero_charge": "3.6 V",
            }
        },
        cell={
            "temperature": "25 degC",
            "current_collector": "particle@right",
            "contact_resistance": "1e-5 ohm m^2",
            "counter_electrode": {"at": "left", "kind": "lithium", "exchange_current": "100 A/m^2"},
        },
        protocol={"steps": ["Charge at 5 mA/cm^2 for 0.05 s", "Rest for 1 s"]},
    )


def series(voltage: float) -> float:
    """Charge of a lattice's layer behind the core [nC/um^2], with this much electronic less ionic potential."""
    form, core = Lattice(PERMITTIVITY, 2e-5, 0.4, ROOM), 5e-5
    drop = brentq(lambda phi: form.charge(phi) - core * (voltage - 3.6 - phi), -2.0, 2.0)
    return form.charge(float(drop))


@pytest.fixture(scope="module")
def flat(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """A plane strain column."""
    return with_core(tmp_path_factory.mktemp("flat"), COLUMN.format(thickness="200 nm", cells=130) + FILM)


def check_core(done: Results) -> None:
    """The charge is that of the closed form in series with the core, at the start and at rest; balances close."""
    history = done.history
    charge = -history["Space charge in electrolyte [C.m-2]"]
    for at in (0, -1):
        voltage = history["Voltage [V]"][at]
        assert charge[at] == pytest.approx(C_PER_M2 * series(voltage), rel=MESH_ERROR)
    assert abs(charge[-1] - charge[0]) > 1e-2 * abs(charge[0])  # the pulse charged it
    assert np.max(np.abs(history["Lithium balance error [-]"])) < 1e-8
    assert np.max(np.abs(history["Charge balance error [-]"])) < 1e-6


def test_a_layer_at_active_material_is_in_series_with_its_core(flat: Results) -> None:
    check_core(flat)


def test_a_column_in_three_dimensions_is_that_of_two(tmp_path: Path, flat: Results) -> None:
    mesh = COLUMN.format(thickness="200 nm", cells=130) + FILM
    mesh = mesh.replace('"plane strain"', '"3D"').replace(
        'width = "0.5 nm"', 'width = "0.5 nm"\ndepth = "1 nm"'
    )
    solid = with_core(tmp_path, mesh)
    check_core(solid)
    for column in (
        "Voltage [V]",
        "Space charge in electrolyte [C.m-2]",
        "Max field in electrolyte [mV.nm-1]",
    ):
        assert solid.history[column][-1] == pytest.approx(flat.history[column][-1], rel=MESH_ERROR)


# ---- a contact of two lattices, as it is reported ---------------------------------------------------------


def test_a_contact_is_reported_as_the_closed_form_has_it_and_thin_layers_are_noted(tmp_path: Path) -> None:
    left = {"mobile_concentration": "200 mol/m^3", "occupancy": 0.4, "lattice_constant": "0.5 nm"}
    right = {"mobile_concentration": "4e4 mol/m^3", "occupancy": 0.6, "lattice_constant": "0.3 nm"}
    halves = COLUMN.format(thickness="40 nm", cells=140), COLUMN.format(thickness="4 nm", cells=140)
    second = (
        halves[1][halves[1].index("[[layers]]") :].replace("electrolyte", "oxide").replace('"end"', '"start"')
    )
    done = run(
        tmp_path,
        halves[0] + second,
        regions={
            "electrolyte": electrolyte(**left, chemical_potential="0.2 V"),
            "oxide": electrolyte(**right, chemical_potential="-0.2 V"),
        },
        interfaces={},
        cell=lithium_against_blocking("10 A/m^2", "0.1 F/m^2"),
        protocol={"steps": ["Rest for 1 s"]},
    )
    one, other = Lattice(PERMITTIVITY, 2e-4, 0.4, ROOM), Lattice(PERMITTIVITY, 4e-2, 0.6, ROOM)
    part = contact_split(one, other, -0.4)
    rest = part - 0.4
    kappa = 154.0  # of both, the library's Li6PS5Cl [nA/(V um)]
    for region, lattice, phi in (("electrolyte", one, part), ("oxide", other, rest)):
        value = {
            name: done.history[f"{name} in {region} [{unit}]"][-1]
            for name, unit in (
                ("Layer potential", "mV"),
                ("Max field", "mV.nm-1"),
                ("Space charge", "C.m-2"),
                ("Layer resistance", "ohm.m2"),
            )
        }
        assert value["Layer potential"] == pytest.approx(1e3 * phi, rel=2e-3)
        assert value["Max field"] == pytest.approx(lattice.field(phi), rel=2e-3)  # 1 V/um is 1 mV/nm
        assert value["Space charge"] == pytest.approx(-C_PER_M2 * lattice.charge(phi), rel=2e-3)
        assert value["Layer resistance"] == pytest.approx(1e-3 * lattice.resistance(phi, kappa), rel=2e-3)
    (note,) = json.loads((tmp_path / "results" / "run.json").read_text())["notes"]
    assert "the space charge in 'oxide' is" in note and "less than its lattice constant of 0.3 nm" in note
    assert done.history["Width per lattice constant in oxide [-]"][-1] < 1.0
    assert done.history["Width per lattice constant in electrolyte [-]"][-1] > 1.0


# ---- what contradicts itself --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("charged", "said"),
    [
        (SALT, "statistics = 'lattice' needs 'occupancy'"),
        ({**SALT, "statistics": "bikerman"}, "statistics = 'bikerman' needs 'ion_size'"),
        ({**SITES, "statistics": "dilute"}, "'occupancy' changes nothing with statistics = 'dilute'"),
        ({**SITES, "ion_size": "1 nm"}, "'ion_size' changes nothing with statistics = 'lattice'"),
        (
            {**SALT, "statistics": "bikerman", "ion_size": "9 nm"},
            r"the ions of the salt would take 8\.78 of the room",
        ),
        (
            {**SALT, "statistics": "dilute", "lattice_constant": "1 nm"},
            "'lattice_constant' changes nothing with statistics = 'dilute'",
        ),
    ],
)
def test_keys_of_other_statistics_are_refused(tmp_path: Path, charged: dict[str, Any], said: str) -> None:
    folder = small.write(tmp_path, regions={"electrolyte": electrolyte(**charged)})
    with pytest.raises(InputError, match=said):
        read_case(folder)


def test_a_salt_needs_mobile_anions_and_has_no_lattice(tmp_path: Path) -> None:
    region = electrolyte(statistics="dilute", **SALT)
    folder = tmp_path / "none"
    (folder / "materials").mkdir(parents=True)
    (folder / "materials" / "Sulfide.toml").write_text(
        'name = "Sulfide"\nformula = "Li3PS4"\n'
        '[ionic_conductivity]\nvalue = 0.02\nunit = "S/m"\nsource = "test"\nconfirmed = false\n'
    )
    del region["properties"]["transference_number"]
    replaced = {"electrolyte": {**region, "material": "Sulfide"}}
    folder = small.write(tmp_path / "none", regions=replaced)
    with pytest.raises(InputError, match="has no 'transference_number', which mobile anions need"):
        read_case(folder)
    folder = small.write(tmp_path, regions={"electrolyte": region})
    with pytest.raises(InputError, match="has a transference_number of 1: its anions do not move"):
        read_case(folder)
    folder = small.write(
        tmp_path / "occupancy",
        regions={"electrolyte": electrolyte(statistics="dilute", **SALT)},
        output={"fields": ["occupancy"]},
    )
    with pytest.raises(InputError, match="no region has ions on a lattice"):
        read_case(folder)


@pytest.mark.parametrize(
    ("interface", "said"),
    [
        (
            {"core_capacitance": "0.1 F/m^2"},
            "'particle' is charged against the electrolyte from some voltage on",
        ),
        ({"zero_charge": "3 V"}, "no core layer holds a charge"),
        (
            {
                "core_capacitance": "0.1 F/m^2",
                "zero_charge": "3 V",
                "charge_transfer": {"exchange_current": "1 A/m^2", "double_layer": "0.1 F/m^2"},
            },
            "'double_layer' and 'core_capacitance' are the same layer",
        ),
    ],
)
def test_a_core_at_active_material_needs_its_zero_and_no_double_layer(
    tmp_path: Path, interface: dict[str, Any], said: str
) -> None:
    transfer = {"charge_transfer": {"exchange_current": "1 A/m^2"}}
    folder = small.write(
        tmp_path,
        regions={"electrolyte": electrolyte(**SITES)},
        interfaces={"particle|electrolyte": {**transfer, **interface}},
    )
    with pytest.raises(InputError, match=said):
        read_case(folder)
