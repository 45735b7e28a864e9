"""Reading a case: what is right is held in internal units, what is wrong is said in words, all at once."""

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chemomech.case.document import MARK, schema_text, tables_text
from chemomech.case.positions import key_lines, split_key
from chemomech.case.read import MAXIMUM_BYTES, read_case
from chemomech.case.schema import Case, CaseFile
from chemomech.errors import InputError
from chemomech.explain import explain
from chemomech.geometry.recipe import read_recipe

ROOT = Path(__file__).parents[2]

CASE = """\
title = "One particle"
mesh = "mesh.msh"

[regions]
particle = { material = "Oxide", role = "active", initial = { stoichiometry = 0.8 } }
electrolyte = { material = "Glass", role = "electrolyte" }

[interfaces."particle|electrolyte"]
charge_transfer = { exchange_current = "1 A/m^2", film_resistance = "1e-3 ohm m^2" }

[cell]
temperature = "25 degC"
current_collector = "particle@right"
contact_resistance = "1e-5 ohm m^2"
nominal_capacity = "1e-9 A h"
counter_electrode = { at = "left", kind = "lithium", exchange_current = "10 A/m^2" }

[pressure]
at = "right"
program = ["ramp to 10 MPa in 60 s", "hold"]

[protocol]
cycles = 2
steps = [
    "Charge at C/10 until 4.2 V",
    "Hold at 4.2 V until C/50",
    "Rest for 30 minutes",
    "Discharge at C/10 until 3.6 V",
]
"""

MESH = """\
$MeshFormat
4.1 0 8
$EndMeshFormat
$PhysicalNames
4
1 1 "left"
1 2 "right"
2 3 "particle"
2 4 "electrolyte"
$EndPhysicalNames
"""

NUMBERS = {
    "Oxide": {
        "maximum_concentration": ("50000", "mol/m^3"),
        "diffusivity": ("1e-14", "m^2/s"),
        "electronic_conductivity": ("1", "S/m"),
        "youngs_modulus": ("180", "GPa"),
        "poissons_ratio": ("0.3", "1"),
    },
    "Glass": {
        "ionic_conductivity": ("0.1", "S/m"),
        "youngs_modulus": ("20", "GPa"),
        "poissons_ratio": ("0.3", "1"),
    },
}


def material(name: str) -> str:
    """Return the text of a material file with made-up numbers."""
    text = f'name = "{name}"\nformula = "X"\n'
    for key, (value, unit) in NUMBERS[name].items():
        text += f'[{key}]\nvalue = {value}\nunit = "{unit}"\nsource = "made up"\nconfirmed = false\n'
    if name == "Oxide":
        text += (
            '[stoichiometry_range]\nvalue = [0.1, 0.95]\nunit = "1"\nsource = "made up"\nconfirmed = false\n'
            "[open_circuit_potential]\npolynomial = [4.5, -1.0]\n"
            'unit = "V"\nsource = "made up"\nconfirmed = false\n'
            '[swelling]\npolynomial = [0.0, 0.05]\nunit = "1"\nsource = "made up"\nconfirmed = false\n'
        )
    return text


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write a case folder, the sample with (old, new) pairs replaced, and return it."""

    def writer(*changes: tuple[str, str]) -> Path:
        text = CASE
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        (tmp_path / "case.toml").write_text(text)
        (tmp_path / "mesh.msh").write_text(MESH)
        (tmp_path / "materials").mkdir(exist_ok=True)
        for name in NUMBERS:
            (tmp_path / "materials" / f"{name}.toml").write_text(material(name))
        return tmp_path

    return writer


def mistakes(folder: Path, *overrides: str) -> list[str]:
    """Return the mistakes of a case, one line each, without the folder's name."""
    with pytest.raises(InputError) as caught:
        read_case(folder, overrides)
    return [str(problem).replace(f"{folder}/", "") for problem in caught.value.problems]


def test_numbers_are_internal(write: Callable[..., Path]) -> None:
    folder = write()
    case = read_case(folder)
    transfer = case.interface("electrolyte", "particle").charge_transfer
    assert transfer is not None and case.pressure is not None
    assert transfer.exchange_current == pytest.approx(1e-3)
    assert transfer.film_resistance == pytest.approx(1.0)
    assert case.cell.temperature == pytest.approx(298.15)
    assert case.cell.contact_resistance == pytest.approx(1e-2)
    assert case.cell.nominal_capacity == pytest.approx(3.6e3)
    assert case.cell.collector == ("particle", "right", None)
    assert case.protocol.cycles == 2 and case.numerics.displacement_degree == 2
    assert case.directory == folder and case.mesh_path == folder / "mesh.msh"
    assert read_case(folder / "case.toml") == case


def test_collector_may_be_an_interface(write: Callable[..., Path]) -> None:
    case = read_case(write(("particle@right", "particle|electrolyte")))
    assert case.cell.collector == ("particle", None, "electrolyte")


def test_a_case_cannot_be_changed(write: Callable[..., Path]) -> None:
    case = read_case(write())
    with pytest.raises(ValueError, match="frozen"):
        case.cell.temperature = 0.0  # type: ignore[misc]


def test_unknown_key_names_line_and_neighbour(write: Callable[..., Path]) -> None:
    assert mistakes(write(("cycles = 2", "cylces = 2"))) == [
        "case.toml:23 [protocol]: 'cylces' is not a key here; did you mean 'cycles'?"
    ]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            'title = "One particle"',
            "titel = 1",
            ["'titel' is not a key here; did you mean 'title'?", "'title' is missing"],
        ),
        ('"1 A/m^2"', '"1 V"', [":9 ", "exchange_current: '1 V' is a voltage; a current density is needed"]),
        ('"1 A/m^2"', "1", ["'1' has no unit"]),
        ('"1 A/m^2"', '"-1 A/m^2"', ["it must be above zero"]),
        ('"1 A/m^2"', '"1 Amper/m^2"', ["'Amper'"]),
        ('"1e-5 ohm m^2"', '"0 ohm m^2"', [":14 [cell] contact_resistance", "above zero"]),
        ('"25 degC"', '"-300 degC"', ["[cell] temperature", "above zero"]),
        (
            'contact_resistance = "1e-5 ohm m^2"',
            "",
            ["cell: 'contact_resistance' is missing; write for example"],
        ),
        ('role = "active"', 'role = "actve"', ["'actve' is not a choice; did you mean 'active'?"]),
        ('role = "electrolyte"', 'role = "active"', [":6 ", "Glass has no 'maximum_concentration'"]),
        (
            '"Oxide"',
            '"Oxid"',
            [":5 [regions.particle] material: there is no material 'Oxid'; did you mean 'Oxide'?"],
        ),
        (
            '"particle|electrolyte"]',
            '"partcle|electrolyte"]',
            ["no region 'partcle'; did you mean 'particle'?"],
        ),
        ('"particle|electrolyte"]', '"electrolyte"]', ["does not name two regions"]),
        ("0.8", "1.2", ["1.2 is outside its range; it must be at most 1"]),
        (
            "0.8",
            "0.99",
            ["stoichiometry 0.99 is outside the range of Oxide; it must lie between 0.1 and 0.95"],
        ),
        ("{ stoichiometry = 0.8 }", "{}", ["needs either 'stoichiometry' or 'voltage'"]),
        (
            "{ stoichiometry = 0.8 }",
            '{ voltage = "5 V" }',
            ["initial] voltage: 5 V cannot be reached by region 'particle'"],
        ),
        (", initial = { stoichiometry = 0.8 }", "", ["'particle' is active and has no initial state"]),
        (
            'role = "electrolyte" }',
            'role = "electrolyte", stress_free_stoichiometry = 0.5 }',
            ["stores no lithium"],
        ),
        ("until 3.6 V", "until 3 V", [":28 [protocol] steps: 3 V cannot be reached", "goes from"]),
        ("Rest for 30 minutes", "Rest", [":27 [protocol] steps: 'Rest': a rest must say how long"]),
        ("cycles = 2", "cycles = 0", ["0 is outside its range; it must be at least 1"]),
        ("cycles = 2", 'cycles = "2"', ["'2' is not a whole number"]),
        ("cycles = 2", "cycles = 1000000", ["[protocol] steps", "1000000 cycles"]),
        ("particle@right", "particle", ["'particle' names no place"]),
        ("particle@right", "electrolyte@right", ["'electrolyte' conducts no electrons (role electrolyte)"]),
        ("particle@right", "shell@right", ["there is no region 'shell'"]),
        ("particle@right", "particle@rihgt", ["the mesh has no boundary 'rihgt'; did you mean 'right'?"]),
        ('at = "left"', 'at = "right"', ["the counter electrode is at 'right', as is the current collector"]),
        ('at = "left"', 'at = "north"', ["the mesh has no boundary 'north'"]),
        ('at = "right"\n', "", ["[pressure]: 'at' is missing"]),
        ('at = "right"\n', 'at = "rigth"\n', ["[pressure] at: the mesh has no boundary 'rigth'"]),
        (
            "ramp to 10 MPa in 60 s",
            "ramp to 10 K in 60 s",
            [":20 [pressure] program", "a pressure is needed"],
        ),
        (
            'program = ["ramp',
            'fixture = "1 GPa/mm"\nprogram = ["ramp',
            ["needs either 'program' or 'fixture'"],
        ),
        ('"mesh.msh"', '"msh.msh"', ["there is no file 'msh.msh'; did you mean 'mesh.msh'?"]),
        ("[pressure]", "[mechanics]\nenabled = false\n[pressure]", ["mechanics are off"]),
        (
            "[pressure]",
            '[mechanics]\nfree = ["right"]\n[pressure]',
            ["'right' is pressed and cannot be free"],
        ),
        ("[pressure]", '[output]\nfields = ["stres"]\n[pressure]', ["'stres' is not a choice", "von_mises"]),
        ("[pressure]", '[numerics]\nminimum_step = "1 h"\n[pressure]', ["time steps contradict each other"]),
        ("[pressure]", "[cell]\n[pressure]", ["not TOML", ":18: "]),
    ],
)
def test_each_mistake_is_said(write: Callable[..., Path], old: str, new: str, expected: list[str]) -> None:
    said = "\n".join(mistakes(write((old, new))))
    for part in expected:
        assert part in said
    assert "pydantic" not in said and "Traceback" not in said


def test_all_mistakes_at_once_in_order(write: Callable[..., Path]) -> None:
    folder = write(
        ('"One particle"', "1"),
        ('"1 A/m^2"', '"1 V"'),
        ("cycles = 2", "cylces = 2"),
        ("Rest for 30 minutes", "Sleep"),
        ('at = "left"', 'at = "north"'),
    )
    said = mistakes(folder)
    lines = [int(one.split(":")[1].split()[0]) for one in said]
    assert lines == sorted(lines) and len(said) == 4  # the steps of a table with a mistake are not judged
    assert "is not text" in said[0] and "north" in said[2]


def test_region_missing_from_case_or_mesh(write: Callable[..., Path]) -> None:
    folder = write()
    (folder / "mesh.msh").write_text(MESH.replace('"electrolyte"', '"binder"'))
    said = "\n".join(mistakes(folder))
    assert "the mesh has no region 'electrolyte'" in said
    assert "region 'binder' of the mesh is not described" in said


def test_names_of_a_recipe(write: Callable[..., Path]) -> None:
    folder = write(('"mesh.msh"', '"mesh.toml"'), ('at = "left"', 'at = "axis"'))
    recipe = (
        'kind = "particle"\ncoordinates = "plane strain"\nradius = "5 um"\nbox = ["18 um", "18 um"]\n'
        '[mesh_size]\ninterface = "0.3 um"\nbulk = "1 um"\n'
    )
    (folder / "mesh.toml").write_text(recipe)
    assert [one.split(": ", 1)[1] for one in mistakes(folder)] == [
        "the mesh has no boundary 'axis'; known are left, right, bottom, top"
    ]
    (folder / "mesh.toml").write_text(recipe.replace('"5 um"', '"50 V"'))
    assert "mesh.toml:3" in mistakes(folder)[0]


RECIPE = """\
kind = "layered"
coordinates = "plane strain"
width = "2 um"
structured = true
cells_across = 2

[[layers]]
name = "electrolyte"
thickness = "4 um"
cells = 4

[[layers]]
name = "particle"
thickness = "2 um"
cells = 12
"""


def recipe_of(case: Case) -> Any:
    """Return the recipe as the case has it."""
    return read_recipe(case.mesh_path, case.mesh.replaced)


def test_a_case_changes_keys_of_its_recipe(write: Callable[..., Path]) -> None:
    table = '{ recipe = "mesh.toml", width = "3 um", layers.1.thickness = "40 nm" }'
    folder = write(('"mesh.msh"', table))
    (folder / "mesh.toml").write_text(RECIPE)
    case = read_case(folder, ("mesh.layers.0.cells=7",))
    recipe = recipe_of(case)
    assert (recipe.width, recipe.cells_across) == (3.0, 2)
    assert [layer.thickness for layer in recipe.layers] == pytest.approx([4.0, 0.04])
    assert [layer.cells for layer in recipe.layers] == [7, 12]
    assert case.mesh_path == folder / "mesh.toml"
    assert case.origins["mesh", "width"] == "case.toml:2"
    text = explain(case)
    assert "  layers.1.thickness = 40 nm [case.toml:2]" in text
    assert "  layers.0.cells = 7 [--set mesh.layers.0.cells=7]" in text


def test_overrides_reach_the_recipe_of_a_mesh_that_is_text(write: Callable[..., Path]) -> None:
    folder = write(('"mesh.msh"', '"mesh.toml"'))
    (folder / "mesh.toml").write_text(RECIPE)
    recipe = recipe_of(read_case(folder, ("mesh.width=5 um", "mesh.layers.1.finer=both")))
    assert (recipe.width, recipe.layers[1].finer) == (5.0, "both")
    assert recipe_of(read_case(folder)).width == 2.0
    (folder / "other.toml").write_text(RECIPE.replace("4 um", "5 um"))
    recipe = recipe_of(read_case(folder, ("mesh.width=5 um", "mesh.recipe=other.toml")))
    assert (recipe.width, recipe.layers[0].thickness) == (5.0, 5.0)


@pytest.mark.parametrize(
    ("mesh", "overrides", "expected"),
    [
        ('{ recipe = "mesh.toml", witdh = "3 um" }', (), "case.toml:2 [mesh] witdh: 'witdh' is not a key here; did"),
        ('{ recipe = "mesh.toml", width = "3 V" }', (), "case.toml:2 [mesh] width: '3 V' is a voltage"),
        (
            '{ recipe = "mesh.toml", layers.2.cells = 3 }',
            (),
            "case.toml:2 [mesh.layers] 2: 'layers' has no entry 2; there are 2, counted from 0",
        ),
        (
            '{ recipe = "mesh.toml", layers.1.cells = 0 }',
            (),
            "case.toml:2 [mesh.layers.1] cells: 0 is outside its range; it must be at least 1",
        ),
        ('{ recipe = "mesh.toml", structured = false }', (), "mesh.toml:5: cells_across: only a structured mesh"),
        ('"mesh.toml"', ("mesh.layers.0.cell=3",), "--set mesh.layers.0.cell=3: 'cell' is not a key here"),
        ('"mesh.toml"', ("mesh.name=x",), "--set mesh.name=x: 'name' is not a key here; remove it"),
        ('"mesh.toml"', ("mesh.kind=ball",), "--set mesh.kind=ball: 'ball' is not a kind of mesh"),
        ('{ width = "3 um" }', (), "case.toml:2 [mesh]: 'recipe' is missing"),
        ('{ recipe = "msh.toml" }', (), "case.toml:2 [mesh] recipe: there is no file 'msh.toml'; did you mean"),
        ("3", (), "case.toml:2 mesh: names no mesh; write"),
        ('"mesh.msh"', ("mesh.width=3 um",), "'mesh.msh' is a mesh, which has no key 'width' to change; only a"),
    ],
)  # fmt: skip
def test_mistakes_in_changes_of_a_recipe_name_the_case(
    write: Callable[..., Path], mesh: str, overrides: tuple[str, ...], expected: str
) -> None:
    folder = write(('"mesh.msh"', mesh))
    (folder / "mesh.toml").write_text(RECIPE)
    assert expected in "\n".join(mistakes(folder, *overrides))


def test_mesh_without_names(write: Callable[..., Path]) -> None:
    folder = write()
    (folder / "mesh.msh").write_text("$MeshFormat\n")
    assert "the mesh names no region" in mistakes(folder)[0]


def test_charge_transfer_joins_active_and_electrolyte(write: Callable[..., Path]) -> None:
    folder = write(
        ("[regions]\n", '[regions]\nbinder = { material = "Glass", role = "inert" }\n'),
        ('"particle|electrolyte"]', '"particle|binder"]'),
    )
    assert "charge cannot cross between 'particle' (active) and 'binder' (inert)" in "\n".join(
        mistakes(folder)
    )


def test_same_interface_twice(write: Callable[..., Path]) -> None:
    again = '[interfaces."electrolyte|particle"]\n\n[cell]'
    assert "the same interface as 'particle|electrolyte'" in mistakes(write(("[cell]", again)))[0]


def test_properties_replace_those_of_the_material(write: Callable[..., Path]) -> None:
    assert read_case(write(('"Glass",', '"Glass", properties = { youngs_modulus = "3 GPa" },')))
    said = mistakes(write(('"Glass",', '"Glass", properties = { youngs_modulus = "3 V" },')))
    assert "[regions.electrolyte] properties" in said[0] and "youngs_modulus" in said[0]


def test_overrides(write: Callable[..., Path]) -> None:
    folder = write()
    case = read_case(
        folder,
        (
            "protocol.cycles=3",
            "title=Another title",
            'interfaces."particle|electrolyte".charge_transfer.exchange_current=2 A/m^2',
            "interfaces.particle|electrolyte.charge_transfer.stress=false",
            "protocol.steps.2=Rest for 1 hour",
            'numerics.maximum_step="10 min"',
            'output.fields=["displacement"]',
        ),
    )
    transfer = case.interfaces["particle|electrolyte"].charge_transfer
    assert transfer is not None and not transfer.stress
    assert (case.protocol.cycles, case.title) == (3, "Another title")
    assert transfer.exchange_current == pytest.approx(2e-3)
    assert case.protocol.steps[2] == "Rest for 1 hour"
    assert case.numerics.maximum_step == 600.0
    assert case.output.fields == ("displacement",)
    assert case.written["protocol"]["cycles"] == 3
    assert case.origins["protocol", "cycles"] == "--set protocol.cycles=3"
    assert case.origins["protocol", "steps", 1] == "case.toml:26"


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("protocol.cylces=3", "--set protocol.cylces=3: 'cylces' is not a key here; did you mean 'cycles'?"),
        ("protocol.cycles=many", "--set protocol.cycles=many: 'many' is not a whole number"),
        ("protocol.cycles", "not an override"),
        ("=3", "not an override"),
        ("title.x=3", "'title' holds nothing named 'x'"),
        ("protocol.steps.9=Rest for 1 s", "'protocol.steps' holds nothing named '9'"),
        ("protocol.steps.0=Jump", "--set protocol.steps.0=Jump: 'Jump': 'Jump' is not a kind of step"),
        (f"mesh={'x' * 500}.toml", "there is no file 'xxx"),
        ("cell.temperature=5 V", "--set cell.temperature=5 V: '5 V' is a voltage"),
        ("cell.temperature=1\nx=2", "does not begin with a finite number"),
    ],
)
def test_mistakes_of_overrides_name_them(write: Callable[..., Path], override: str, expected: str) -> None:
    if "\n" in override:
        expected = "temperature"
    assert expected in "\n".join(mistakes(write(), override))


def test_places_that_are_no_case(tmp_path: Path) -> None:
    assert "there is no case.toml" in mistakes(tmp_path)[0]
    (tmp_path / "particle").mkdir()
    assert f"did you mean '{tmp_path}/particle'?" in str(
        pytest.raises(InputError, read_case, tmp_path / "partcle").value
    )
    (tmp_path / "case.toml").write_bytes(b"\xff\xfe")
    assert "UTF-8" in mistakes(tmp_path)[0]
    (tmp_path / "case.toml").write_text("#" * (MAXIMUM_BYTES + 1))
    assert "larger than" in mistakes(tmp_path)[0]
    (tmp_path / "case.toml").write_text("a = " + "[" * 100_000)
    assert len(mistakes(tmp_path)) == 1


def test_lines_of_keys() -> None:
    text = '# a\na = 1\n[b."c|d"]\ne = { f = [1,\n  2], "g.h" = """x\n]"""}\n'
    text += "i.j = '#' # no\n[[k]]\nl = 1\n[[k]]\nl = 2\n"
    tomllib.loads(text)
    lines = key_lines(text)
    assert lines[("a",)] == 2
    assert lines[("b", "c|d")] == 3
    assert lines[("b", "c|d", "e", "f", 1)] == 5
    assert lines[("b", "c|d", "e", "g.h")] == 5
    assert lines[("b", "c|d", "i", "j")] == 7
    assert (lines[("k", 0, "l")], lines[("k", 1, "l")]) == (9, 11)


def test_split_key() -> None:
    assert split_key('a."b.c".d') == ("a", "b.c", "d")
    for wrong in ("", "a.", 'a."b', "a b", ".a"):
        with pytest.raises(ValueError):
            split_key(wrong)


def test_published_schema_and_reference_are_current() -> None:
    remedy = "run: python -m chemomech.case.document docs"
    assert (ROOT / "docs" / "case.schema.json").read_text() == schema_text(), remedy
    assert (ROOT / "docs" / "case.md").read_text().partition(MARK)[2] == f"\n{tables_text()}", remedy
    for definition in [json.loads(schema_text()), *json.loads(schema_text())["$defs"].values()]:
        for key, value in definition["properties"].items():
            assert f"| `{key}` |" in tables_text()
            assert "description" in value or "$ref" in value, f"'{key}' has no description"


def test_the_schema_accepts_the_sample_and_refuses_unknown_keys() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((ROOT / "docs" / "case.schema.json").read_text())
    sample = tomllib.loads(CASE)
    jsonschema.validate(sample, schema)
    sample["protocol"]["cylces"] = 1
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(sample, schema)


def test_only_the_file_keys_are_keys() -> None:
    assert set(Case.model_fields) - set(CaseFile.model_fields) == {
        "directory",
        "written",
        "origins",
        "patterns",
    }
