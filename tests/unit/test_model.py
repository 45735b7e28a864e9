"""From a case and a mesh to a model: which fields, numbers, constraints and start values, and what does not fit."""

from pathlib import Path
from typing import Any

import chemomech.runtime  # noqa: F401

import numpy as np
import pytest
import small

from chemomech.constants import FARADAY
from chemomech.errors import InputError
from chemomech.fields import (
    CELL_VOLTAGE,
    CHEMICAL_POTENTIAL,
    CONCENTRATION,
    DISPLACEMENT,
    ELECTRONIC_POTENTIAL,
    IONIC_POTENTIAL,
    STACK_PRESSURE,
)
from chemomech.model import Model, region_dofs
from chemomech.physics.mechanics import StressEquilibrium

THETA, FULL = 0.85, 49137e-6


def made(folder: Path, *arguments: Any, **sections: Any) -> Model:
    return small.model(small.case(folder, *arguments, **sections))


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return made(tmp_path_factory.mktemp("film"))


def names(model: Model) -> set[str]:
    return {field.name for field in model.state.fields}


def test_the_fields_of_a_plain_cell(film: Model) -> None:
    base = (
        CONCENTRATION,
        CHEMICAL_POTENTIAL,
        ELECTRONIC_POTENTIAL,
        IONIC_POTENTIAL,
        DISPLACEMENT,
        CELL_VOLTAGE,
    )
    assert set(film.state.fields) == set(base)
    regions = {f: u.support.regions for f, u in film.state.unknowns.items()}
    assert regions[CONCENTRATION] == regions[ELECTRONIC_POTENTIAL] == {"particle"}
    assert regions[IONIC_POTENTIAL] == {"electrolyte"}
    assert regions[DISPLACEMENT] == {"particle", "electrolyte"}


def test_each_switch_adds_its_own_field_and_no_other(film: Model, tmp_path: Path) -> None:
    plain = names(film)
    transfer = small.FILM["interfaces"]["particle|electrolyte"]["charge_transfer"]
    counter = small.FILM["cell"]["counter_electrode"]
    resistance = {"film_resistance": "1e-3 ohm m^2"}
    changes: dict[str, tuple[dict[str, Any], set[str]]] = {
        "film": (
            {"interfaces": {"particle|electrolyte": {"charge_transfer": {**transfer, **resistance}}}},
            {"current density at particle|electrolyte"},
        ),
        "lithium": ({"cell": {"counter_electrode": {**counter, **resistance}}}, {"current density at left"}),
        "layer": (
            {
                "interfaces": {
                    "particle|electrolyte": {"charge_transfer": {**transfer, "double_layer": "0.1 F/m^2"}}
                }
            },
            set(),
        ),
    }
    for name, (sections, added) in changes.items():
        model = made(tmp_path / name, **sections)
        assert names(model) == plain | added, name
    dynamic = {u.field.name for u in model.state.dynamic}
    assert dynamic == {"concentration", "electronic_potential", "ionic_potential"}


def test_a_fixture_makes_the_pressure_an_unknown(film: Model, tmp_path: Path) -> None:
    content = {**small.FILM, "pressure": {"at": "right", "fixture": "1 GPa/mm"}}
    assert names(made(tmp_path, content, small.FILM_MESH)) == names(film) | {STACK_PRESSURE.name}


def test_without_mechanics_there_is_no_displacement(film: Model, tmp_path: Path) -> None:
    content = {key: value for key, value in small.FILM.items() if key != "pressure"}
    output = {"fields": ["stoichiometry"]}
    model = made(tmp_path, content, small.FILM_MESH, mechanics={"enabled": False}, output=output)
    assert names(model) == names(film) - {"displacement"}
    assert model.mechanics is None and model.pressure is None and model.problem.bcs == []
    assert not any(isinstance(item, StressEquilibrium) for item in model.physics)


def test_areas_volumes_and_capacities(film: Model) -> None:
    assert film.terminal_area == pytest.approx(2.0) and film.cell_area == pytest.approx(2.0)
    (active,) = film.active
    assert active.volume == pytest.approx(4.0) and active.initial_stoichiometry == THETA
    assert active.capacity == pytest.approx(FARADAY * FULL * 4.0)
    assert film.depth == 10.0
    material = film.materials["particle"]
    low, high = (material.equilibrium_stoichiometry(v, 298.15) for v in (3.6, 4.2))
    assert film.equilibrium_capacity(3.6, 4.2) == pytest.approx(active.capacity * (low - high))
    assert film.equilibrium_capacity(None, None) == pytest.approx(active.capacity * (0.998 - 0.15))


def test_the_start_is_the_open_circuit(film: Model) -> None:
    law = film.materials["particle"].law("open_circuit_potential", 298.15)
    voltage = float(np.asarray(law(THETA)))
    assert film.open_circuit_voltage == pytest.approx(voltage)
    unknowns = film.state.unknowns
    np.testing.assert_allclose(unknowns[CONCENTRATION].array(), THETA * FULL)
    for field in (ELECTRONIC_POTENTIAL, CHEMICAL_POTENTIAL, CELL_VOLTAGE):
        np.testing.assert_allclose(unknowns[field].array(), voltage, rtol=1e-12)
        assert np.all(np.abs(unknowns[field].function.x.array) < 1e-12)  # the large part is the offset
    assert unknowns[IONIC_POTENTIAL].offset is None
    np.testing.assert_array_equal(unknowns[IONIC_POTENTIAL].array(), 0.0)


def test_a_start_by_voltage(tmp_path: Path) -> None:
    regions = {**small.REGIONS, "particle": {**small.REGIONS["particle"], "initial": {"voltage": "3.8 V"}}}
    model = made(tmp_path, regions=regions)
    assert model.open_circuit_voltage == pytest.approx(3.8, abs=1e-9)
    theta = model.materials["particle"].equilibrium_stoichiometry(3.8, 298.15)
    np.testing.assert_allclose(model.state.unknowns[CONCENTRATION].array(), theta * FULL)


def test_rollers_hold_planes_along_their_normal_only(film: Model) -> None:
    space = film.state.unknowns[DISPLACEMENT].space
    x = space.tabulate_dof_coordinates()
    fixed = np.zeros((len(x), 2), dtype=bool)
    for condition in film.problem.bcs:
        dofs = condition.dof_indices()[0]
        fixed[dofs // 2, dofs % 2] = True
    tolerance = 1e-9
    left, right = x[:, 0] < tolerance, x[:, 0] > 6.0 - tolerance
    sides = (x[:, 1] < tolerance) | (x[:, 1] > 2.0 - tolerance)
    np.testing.assert_array_equal(fixed[:, 0], left)
    assert right.any() and not fixed[right, 0].any()  # pressed
    np.testing.assert_array_equal(fixed[:, 1], sides)


def test_a_free_boundary_has_no_roller(tmp_path: Path) -> None:
    model = made(tmp_path, mechanics={"free": ["top"]})
    space = model.state.unknowns[DISPLACEMENT].space
    x = space.tabulate_dof_coordinates()
    dofs = np.concatenate([condition.dof_indices()[0] for condition in model.problem.bcs])
    held = dofs[dofs % 2 == 1] // 2
    assert np.all(x[held, 1] < 1e-9)


def test_the_order_of_an_interfaces_names_does_not_matter(film: Model, tmp_path: Path) -> None:
    transfer = small.FILM["interfaces"]["particle|electrolyte"]
    content = {**small.FILM, "interfaces": {"electrolyte|particle": transfer}}
    other = made(tmp_path, content, small.FILM_MESH)
    assert set(other.observables()) == set(film.observables())
    (found,) = (p for p in other.physics if type(p).__name__ == "ChargeTransfer")
    assert (found.active, found.electrolyte) == ("particle", "electrolyte")


def test_observables_are_named_and_unlike(film: Model) -> None:
    found = film.observables()
    assert {"cell current", "counter current", "lithium in particle", "platen displacement"} <= set(found)
    per_physics = [name for item in film.physics for name in item.observables(film.state)]
    assert len(per_physics) == len(set(per_physics))


def test_degrees_of_freedom_of_a_region(film: Model) -> None:
    everywhere = region_dofs(film.state, CONCENTRATION, "particle")
    assert len(everywhere) == len(film.state.unknowns[CONCENTRATION].function.x.array)
    assert len(region_dofs(film.state, CONCENTRATION, "electrolyte")) == 0


TWO = small.FILM_MESH + '\n[[layers]]\nname = "separator"\nthickness = "1 um"\ncells = 2\n'


@pytest.mark.parametrize(
    ("mesh", "sections", "said"),
    [
        (
            small.FILM_MESH,
            {"cell": {"current_collector": "particle@left", "counter_electrode": {"at": "top"}}},
            "'particle@left' has no area",
        ),
        (
            TWO.replace('name = "electrolyte"', 'name = "x"')
            .replace('name = "particle"', 'name = "electrolyte"')
            .replace('name = "x"', 'name = "particle"'),
            {
                "regions": {"separator": {"material": "Li6PS5Cl", "role": "electrolyte"}},
                "interfaces": {"particle|separator": {"charge_transfer": {"exchange_current": "1 A/m^2"}}},
                "cell": {"current_collector": "particle@left", "counter_electrode": {"at": "right"}},
            },
            "the two regions do not touch in this mesh",
        ),
        (
            small.FILM_MESH,
            {"cell": {"counter_electrode": {"at": "right"}, "current_collector": "particle@top"}},
            "no electrolyte region touches boundary 'right'",
        ),
        (small.FILM_MESH, {"mechanics": {"free": ["top", "bottom"]}}, "nothing holds the cell along y"),
    ],
    ids=["collector", "interface", "counter", "rollers"],
)
def test_what_does_not_fit_the_mesh_is_said(
    tmp_path: Path, mesh: str, sections: dict[str, Any], said: str
) -> None:
    changed = {name: dict(value) for name, value in sections.items()}
    if "counter_electrode" in changed.get("cell", {}):
        counter = {**small.FILM["cell"]["counter_electrode"], **changed["cell"]["counter_electrode"]}
        changed["cell"]["counter_electrode"] = counter
    with pytest.raises(InputError, match=said):
        made(tmp_path, small.FILM, mesh, **changed)
