"""Bodies that part: displacements in groups, faces in the record, what cannot part or is too coarse is said."""

from pathlib import Path
from typing import Any

import chemomech.runtime  # noqa: F401

import numpy as np
import pytest
import small

from chemomech.analysis.faces import Faces
from chemomech.errors import InputError
from chemomech.fields import DISPLACEMENT
from chemomech.run import run_case

GIVEN: dict[str, Any] = small.PARTING["interfaces"]["particle|electrolyte"]
CONTACT: dict[str, Any] = GIVEN["contact"]
BOND: dict[str, Any] = GIVEN["cohesive"]


def breaking(**interface: Any) -> dict[str, Any]:
    """Return the interface of the sphere with changes; None takes a part away."""
    parts = GIVEN | interface
    return {"particle|electrolyte": {k: v for k, v in parts.items() if v is not None}}


def sphere(folder: Path, **changes: Any) -> Any:
    """Return the case of a sphere that can come off."""
    return small.case(folder, {**small.PARTING, **changes}, small.SPHERE_MESH)


def test_each_body_has_its_own_displacement(tmp_path: Path) -> None:
    model = small.model(sphere(tmp_path))
    parts = model.state.having(DISPLACEMENT)
    assert [field.name for field in parts] == ["displacement in electrolyte", "displacement in particle"] or [
        field.name for field in parts
    ] == ["displacement in particle", "displacement in electrolyte"]
    assert {m.quantity for m in model.state.memory} == {"damage", "largest pressure"}
    faces = Faces(model)
    assert [face.name for face in faces.faces] == ["particle|electrolyte"]
    assert faces.faces[0].area == pytest.approx(4 * np.pi * 3.0**2, rel=0.02)
    # untouched: shut, whole, and pressed at 350 MPa before
    assert faces.faces[0].values("opening") == pytest.approx(0.0, abs=1e-12)
    assert faces.faces[0].values("damage") == pytest.approx(0.0, abs=1e-12)
    law = model.contacts.contacts["particle|electrolyte"].law
    kept = 0.5 * float(law.loading.hardness.value) ** -1 * 0.35
    assert faces.faces[0].values("conducting_fraction") == pytest.approx(kept, rel=0.02)
    shown = faces.cells("conducting_fraction")
    assert 0 < np.isfinite(shown).sum() < len(shown)
    assert np.nanmax(np.abs(shown - kept)) < 0.02 * kept


@pytest.mark.slow
def test_a_run_that_breaks_its_bond(tmp_path: Path) -> None:
    case = sphere(tmp_path, protocol={"steps": ["Charge at 1C until 4.0 V"]})
    summary = run_case(case, tmp_path / "results", quiet=True)
    at = "at particle|electrolyte"
    assert summary[f"Damaged share {at} [-]"] > 0.1
    assert summary[f"Max opening {at} [nm]"] > 5.0
    # nothing presses what is open: half of the 0.35/1.5 that were flattened adhere, less what of the bond is lost
    left = 0.5 * 0.35 / 1.5 * (1 - summary[f"Damaged share {at} [-]"])
    assert summary[f"End mean conducting fraction {at} [-]"] == pytest.approx(left, rel=1e-3)
    assert summary[f"End interfacial resistance {at} [ohm.cm2]"] > 0.0
    assert summary["Max lithium balance error [-]"] < 1e-9


@pytest.mark.parametrize(
    ("interface", "said"),
    [
        ({"cohesive": {**BOND, "strength": "2 GPa"}}, "the mesh is too coarse for its strength"),
        ({"cohesive": None}, "nothing can break here that could heal"),
        ({"charge_transfer": None}, "no current crosses here that a contact could throttle"),
        ({"loose": True}, "'loose' and 'cohesive' contradict each other"),
        ({"contact": {**CONTACT, "slope": 0.2}}, "'slope' changes nothing with law = 'plastic'"),
        ({"contact": {**CONTACT, "law": "persson"}}, "law = 'persson' needs 'slope'"),
    ],
)
def test_mistakes_are_said(tmp_path: Path, interface: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        small.model(sphere(tmp_path, interfaces=breaking(**interface)))


def test_what_contact_needs_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="mechanics are off"):
        sphere(tmp_path, mechanics={"enabled": False})


@pytest.mark.parametrize("field", ["opening", "damage", "contact_pressure", "conducting_fraction"])
def test_fields_of_faces_need_a_face(tmp_path: Path, field: str) -> None:
    with pytest.raises(InputError, match=f"there is no '{field}'"):
        small.case(tmp_path, output={"fields": [field]})


def test_contact_found_again_conducts_by_the_healing_law(tmp_path: Path) -> None:
    model = small.simulation(sphere(tmp_path)).model
    face = Faces(model).faces[0]
    points, _ = face.points["conducting_fraction"]
    before = face.values("conducting_fraction")
    name = "interface conductance particle|electrolyte"
    form = model.problem.compile(model.observables()[name])
    whole = model.domain.integral(form, lambda f: f)
    model.state.memory[model.contacts.joints["particle|electrolyte"].memory].x.array[:] = 1.0
    pressure = np.maximum(face.values("contact_pressure") / 1e3, 0.0)
    # half of 23 %, less what unloading from 350 MPa takes away; nothing adheres any more
    expected = 0.5 * 0.35 / 1.5 * (pressure / 0.35) ** 0.5
    pressed = pressure > 1e-3
    assert pressed.sum() > 0.5 * len(pressed)
    assert face.values("conducting_fraction")[pressed] == pytest.approx(expected[pressed], rel=2e-3)
    # charge transfer with it: the composition is even, so that conductances are as the shares
    shares = [before, face.values("conducting_fraction")]
    means = [float(share[: points.owned] @ points.weights[: points.owned]) for share in shares]
    healed = model.domain.integral(form, lambda f: f)
    assert 0.0 < healed < whole
    assert healed / whole == pytest.approx(means[1] / means[0], rel=1e-9)


BALL: dict[str, Any] = {
    **small.PARTING,
    "title": "A sphere that comes off in a block",
    "cell": small.BALL["cell"],
    "interfaces": {
        "particle|electrolyte": {
            "charge_transfer": {"exchange_current": "100 A/m^2"},
            "cohesive": {"strength": "5 MPa", "fracture_energy": "4e-3 J/m^2", "shear_ratio": 1.0},
        }
    },
    "numerics": {"displacement_degree": 1, "quadrature_degree": 2, "time_tolerance": 0.05},
}


@pytest.mark.slow
def test_a_sphere_comes_off_in_three_dimensions(tmp_path: Path) -> None:
    content = {name: part for name, part in BALL.items() if name != "pressure"}
    content["protocol"] = {"steps": ["Charge at C/2 for 30 minutes"]}
    regions = {"particle": {**small.REGIONS["particle"], "properties": {"diffusivity": "1e-11 m^2/s"}}}
    case = small.case(tmp_path, content, small.BALL_MESH, regions=regions)
    simulation = small.simulation(case)
    simulation.run()
    model = simulation.model
    face = Faces(model).faces[0]
    assert face.extreme(model.domain.comm, "damage", smallest=True) == pytest.approx(1.0)
    # free of each other: the particle shrinks as a whole, and the hole in the block is as it was
    held = simulation.meter.read().scalars["lithium in particle"]
    region = model.active[0]
    theta = held / (region.volume * region.maximum_concentration)
    swelling = model.materials["particle"].law("swelling", 298.15)
    strain = float(swelling(region.initial_stoichiometry) - swelling(theta)) / 3
    points, _ = face.points["opening"]
    mean = float(points.evaluate()[: points.owned] @ points.weights[: points.owned]) / face.area
    assert mean == pytest.approx(strain * 3 * region.volume / face.area, rel=1e-2)
    assert mean > 2 * 2 * 4e-6 / 5e-3  # beyond where the bond ends


def test_bodies_under_pressure_overlap_by_less_than_a_ten_thousandth(tmp_path: Path) -> None:
    interfaces = {"particle|electrolyte": {"charge_transfer": {"exchange_current": "1 A/m^2"}, "loose": True}}
    content = {**BALL, "interfaces": interfaces}
    content["pressure"] = {"at": "right", "program": ["50 MPa"]}
    content["output"] = {"fields": ["opening"], "figures": False, "animation": False}
    model = small.simulation(small.case(tmp_path, content, small.BALL_MESH)).model
    face = Faces(model).faces[0]
    comm = model.domain.comm
    assert face.extreme(comm, "contact_pressure", smallest=False) > 50.0
    assert face.extreme(comm, "opening", smallest=True) > -1e-4 * 6e3  # nm, of a diameter of 6 um
