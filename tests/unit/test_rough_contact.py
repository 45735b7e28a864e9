"""Contact of lithium metal, constrictions and what grows where bodies touch: in a case, in its model, in its run."""

import math
from pathlib import Path
from typing import Any

import chemomech.runtime  # noqa: F401

import numpy as np
import pytest
import small

from chemomech.analysis.faces import Faces
from chemomech.errors import InputError
from chemomech.explain import explain
from chemomech.fields import DISPLACEMENT, IONIC_POTENTIAL
from chemomech.materials.material import load_material
from chemomech.render import interfaces as interfaces_drawn
from chemomech.results.read import open_results
from chemomech.run import run_case

PRESSED: dict[str, Any] = {"law": "plastic", "fabrication_pressure": "350 MPa", "unloading_exponent": 0.5}
SPOTTED: dict[str, Any] = {**PRESSED, "constriction": True, "spot_radius": "0.2 um"}
METAL: dict[str, Any] = {"law": "persson", "slope": 0.2, "unloading_exponent": 0.5, "material": "lithium"}
GROWS: dict[str, Any] = {
    "material": "NMC811-Li6PS5Cl",
    "law": "diffusion",
    "initial_thickness": "2 nm",
    "properties": {"growth_constant": "1e-19 m^2/s"},
}
SLIME: dict[str, Any] = {"material": "Li-Li6PS5Cl", "law": "mixed", "initial_thickness": "5 nm"}


def lithium(**parts: Any) -> dict[str, Any]:
    """Return the cell of the film with parts of its counter electrode."""
    return {"counter_electrode": {**small.FILM["cell"]["counter_electrode"], **parts}}


def interfaces(**parts: Any) -> dict[str, Any]:
    """Return the interface of the film with what it has besides charge transfer."""
    transfer = small.FILM["interfaces"]["particle|electrolyte"]["charge_transfer"]
    return {"particle|electrolyte": {"charge_transfer": transfer, **parts}}


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        ({"interfaces": interfaces(contact={**PRESSED, "constriction": True})}, "needs 'spot_radius'"),
        (
            {"interfaces": interfaces(contact={**PRESSED, "spot_radius": "1 um"})},
            "'spot_radius' changes nothing without constriction = true",
        ),
        (
            {
                "interfaces": interfaces(
                    contact={
                        **SPOTTED,
                        "law": "westergaard",
                        "amplitude": "20 nm",
                        "wavelength": "2 um",
                    }
                )
            },
            "'spot_radius' changes nothing with law = 'westergaard'",
        ),
        ({"cell": lithium(contact={**METAL, "material": "adamantium"})}, "there is no material 'adamantium'"),
        (
            {"cell": lithium(contact={**METAL, "material": "Li-Li6PS5Cl"})},
            "Li-Li6PS5Cl has no youngs_modulus and no poissons_ratio",
        ),
        (
            {"cell": lithium(contact=METAL), "mechanics": {"free": ["left"]}},
            "boundary 'left' is free of traction: nothing presses there",
        ),
        (
            {
                "cell": lithium(contact=METAL),
                "mechanics": {"enabled": False},
                "output": {"fields": ["stoichiometry"]},
            },
            "mechanics are off",
        ),
        (
            {
                "cell": {"current_collector": "particle|electrolyte", "collector_contact": PRESSED},
                "interfaces": interfaces(contact=PRESSED),
            },
            "has a contact or a bond of its own",
        ),
    ],
)
def test_mistakes_of_contacts_are_said(tmp_path: Path, sections: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        small.case(tmp_path, **sections)


def test_a_plastic_contact_needs_a_hardness(tmp_path: Path) -> None:
    soft = {"electrolyte": {"material": "Li3InCl6", "role": "electrolyte"}}
    with pytest.raises(InputError, match="law = 'plastic' needs the hardness of NMC811 or Li3InCl6"):
        small.model(small.case(tmp_path, regions=soft, interfaces=interfaces(contact=PRESSED)))


def test_a_blocking_electrode_has_no_contact() -> None:
    from chemomech.case.schema import WorkingElectrode

    given = {"at": "right", "kind": "blocking", "double_layer": "0.1 F/m^2", "contact": METAL}
    with pytest.raises(ValueError, match="'contact' changes nothing with kind = 'blocking'"):
        WorkingElectrode.model_validate(given)


def test_lithium_that_touches_two_electrolytes_is_refused(tmp_path: Path) -> None:
    content = {
        **small.FILM,
        "regions": {
            "electrolyte": {"material": "Li6PS5Cl", "role": "electrolyte"},
            "particle": {"material": "LLZO", "role": "electrolyte"},
        },
        "interfaces": {},
        "cell": {
            "temperature": "25 degC",
            "working_electrode": {"at": "right", "kind": "lithium", "exchange_current": "10 A/m^2"},
            **lithium(at="bottom", contact=METAL),
        },
        "protocol": {"steps": ["Charge at 1 mA/cm2 for 1 s"]},
        "output": {"fields": ["ionic_potential"], "figures": False, "animation": False},
    }
    with pytest.raises(
        InputError, match="touched by electrolyte, particle: a contact is that of lithium with one"
    ):
        small.model(small.case(tmp_path, content))


def test_explain_says_contact_and_constriction(tmp_path: Path) -> None:
    case = small.case(
        tmp_path,
        interfaces=interfaces(contact=SPOTTED),
        cell=lithium(contact=METAL),
    )
    text = explain(case)
    assert "constriction in series, per area that touches: (1/kappa_1 + 1/kappa_2) l" in text
    assert "contact.material = lithium" in text


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Run a film with contacts, constrictions and interphases on both of its electrodes."""
    folder = tmp_path_factory.mktemp("contacts")
    case = small.case(
        folder,
        interfaces=interfaces(contact=SPOTTED, interphase=GROWS),
        cell=lithium(
            contact={**METAL, "constriction": True, "spot_radius": "0.3 um"},
            interphase=SLIME,
            exchange_current="100 A/m^2",
        ),
        pressure={"program": ["50 MPa"]},
        protocol={"steps": ["Rest for 1 day"]},
        output={"fields": ["conducting_fraction", "interphase_thickness"]},
    )
    run_case(case, folder / "results", quiet=True)
    return open_results(folder / "results")


def test_a_run_records_contact_and_constriction_of_lithium(results: Any) -> None:
    history = results.history
    (electrolyte, lithium_) = (22.0, 0.37), (7.8, 0.38)
    modulus = 1.0 / sum((1 - nu**2) / youngs for youngs, nu in (electrolyte, lithium_))
    share = math.erf(math.sqrt(2) * 0.05 / (modulus * 0.2))
    assert history["Mean conducting fraction at electrolyte@left [-]"][-1] == pytest.approx(share, rel=1e-4)
    constricted = np.pi * 0.3 / 4 * (1 - np.sqrt(share)) ** 1.5
    kappa = load_material("Li6PS5Cl").number("ionic_conductivity", 298.15)
    got = history["Constriction resistance at electrolyte@left [ohm.cm2]"][-1]
    assert got == pytest.approx(10 * constricted / kappa, rel=1e-4)
    transfer = 8.31446261815324e-3 * 298.15 / 96.48533212331002 / 0.1
    layer = history["Interphase resistance at left [ohm.cm2]"][-1]
    expected = (10 * transfer + layer + got) / share
    assert history["Interfacial resistance at electrolyte@left [ohm.cm2]"][-1] == pytest.approx(
        expected, rel=1e-3
    )


def test_an_interphase_grows_where_bodies_touch(results: Any) -> None:
    history = results.history
    share = history["Mean conducting fraction at particle|electrolyte [-]"][-1]
    mean = history["Mean interphase thickness at particle|electrolyte [nm]"]
    # nothing moves in a day of rest: the share is the same, and where it touches the layer is Wagner's
    where = np.sqrt(2.0**2 + 2 * 0.1 * history["Time [s]"])
    grown = (mean - 2.0)[1:] / (share * (where - 2.0)[1:])
    assert grown[-1] == pytest.approx(1.0, rel=5e-3)
    resistance = history["Interphase resistance at particle|electrolyte [ohm.cm2]"][-1]
    assert resistance == pytest.approx(10.0 * where[-1], rel=5e-3)
    shown = results.array("Interphase thickness [nm]", results.frames - 1)
    assert np.nanmax(shown) == pytest.approx(where[-1], rel=5e-3)
    assert 0 < np.isfinite(shown).sum() < len(shown)
    assert history["Lithium balance error [-]"].max() < 1e-10


def test_what_is_on_interfaces_is_drawn_along_them(results: Any) -> None:
    faces = interfaces_drawn.Faces(results, "Interphase thickness [nm]")
    facets, cells = faces.found
    # two cells across the film: two edges at the particle, two at lithium on the left, all of 1 um
    assert len(facets) == len(cells) == 4
    assert faces.lengths() == pytest.approx(1.0)
    chains = faces.chains()
    assert sorted(len(chain) for chain in chains) == [2, 2]
    assert {faces.place(int(chain[0])) for chain in chains} == {
        "electrolyte|particle",
        "electrolyte, outer boundary",
    }
    figure = interfaces_drawn.interface_scene(results, "Interphase thickness [nm]")
    labels = [axes.get_ylabel() for axes in figure.axes]
    assert "Interphase thickness (nm)" in labels


def test_growth_stops_where_a_bond_is_lost(tmp_path: Path) -> None:
    case = small.case(
        tmp_path,
        {**small.PARTING, "interfaces": {"particle|electrolyte": {
            **small.PARTING["interfaces"]["particle|electrolyte"], "interphase": GROWS}}},
        small.SPHERE_MESH,
    )  # fmt: skip
    model = small.model(case)
    face, state = "particle|electrolyte", model.state
    contact = model.contacts.contacts[face]
    speed = _speed(model)
    assert speed > 0.0
    model.memories.advance()
    kept = float(model.memories.values(contact.covering).mean())
    assert kept == pytest.approx(0.5 * 0.35 / 1.5, rel=0.02)
    # once the bond is gone and the faces are apart next to nothing touches; what was covered stays covered
    state.memory[model.contacts.joints[face].memory].x.array[:] = 1.0
    shrunk = state.unknowns[state.field_in(DISPLACEMENT, "particle")].function
    shrunk.interpolate(lambda x: -1e-3 * x[:2])
    assert _speed(model) < 1e-4 * speed
    assert float(model.memories.values(contact.covering).mean()) == kept
    values = Faces(model).faces[0].values("interphase_thickness")
    assert values == pytest.approx(2.0)


def _speed(model: Any) -> float:
    # what growth takes of the charge [nA]
    form = model.observables()["interphase current particle|electrolyte"]
    return float(model.domain.integral(model.problem.compile(form), lambda f: f))


def test_the_ionic_potential_is_still_one_field(tmp_path: Path) -> None:
    model = small.model(small.case(tmp_path, interfaces=interfaces(contact=SPOTTED)))
    assert model.state.having(IONIC_POTENTIAL) == [IONIC_POTENTIAL]
    assert model.contacts.constriction("particle|electrolyte") is not None
