"""Materials: the library's data, laws in numpy and UFL, reading, refusals."""

import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import ufl
from scipy.interpolate import PchipInterpolator
from ufl.algorithms.apply_algebra_lowering import apply_algebra_lowering
from ufl.algorithms.apply_derivatives import apply_derivatives

from chemomech.errors import InputError
from chemomech.materials import (
    KINDS,
    NUMPY,
    Law,
    Material,
    list_materials,
    load_material,
    summarise_materials,
    ufl_maths,
)
from chemomech.materials.expression import ExpressionError, parse
from chemomech.materials.laws import Constant, Expression, Polynomial, Table
from chemomech.materials.material import LIBRARY, read_material

ROOM = 298.15
REQUIRED = {
    "active": ["NMC811", "LCO", "LFP", "graphite", "silicon"],
    "electrolyte": ["Li6PS5Cl", "Li3PS4", "LLZO", "PEO-LiTFSI", "Li3InCl6", "LiNbO3"],
    "conductor": ["lithium"],
    "side reaction": [
        "Li6PS5Cl-sulfide-oxidation",
        "Li6PS5Cl-thiophosphate-oxidation",
        "Li6PS5Cl-reduction",
    ],
    "interphase": ["NMC811-Li6PS5Cl", "Li-Li6PS5Cl", "NMC811-Li6PS5Cl-interdiffused"],
}
ACTIVE = REQUIRED["active"]
LIBRARY_LAWS = [
    (name, key) for name in ACTIVE for key in ("open_circuit_potential", "swelling", "diffusivity")
]
LAWS = {
    "constant": Constant(2.5),
    "polynomial": Polynomial(2.0, (1.0, -3.0, 0.5, 4.0)),
    "expression": Expression.from_text(
        "-exp(-2*theta)/(1+theta^2) + ln(1+theta) + log10(2+theta)*sqrt(theta+0.1)"
    ),
    "hyperbolic": Expression.from_text(
        "tanh(3*(theta-0.4)) + sinh(theta)*cosh(theta) - theta**1.5 + theta**-1"
    ),
    "linear": Table.from_points([(0.1, 1.0), (0.3, 0.4), (0.9, 0.1)], "linear"),
    "pchip": Table.from_points([(0.1, 1.0), (0.3, 0.4), (0.5, 0.4), (0.9, -0.8)], "pchip"),
}


def ufl_value(expression: Any) -> float:
    """Return the number that a UFL expression of literals stands for."""
    lowered = apply_derivatives(apply_algebra_lowering(ufl.as_ufl(expression)))
    return float(lowered.evaluate((), {}, (), ()))


def same_in_ufl(law: Law, x: float) -> None:
    """Check value and derivative of a law in UFL against numpy and central differences."""
    variable = ufl.variable(ufl.as_ufl(x))
    expression = ufl.as_ufl(law(variable, ufl_maths()))
    assert ufl_value(expression) == pytest.approx(float(law(x, NUMPY)), rel=1e-12, abs=1e-14)
    step = 1e-6
    difference = float(law(x + step, NUMPY) - law(x - step, NUMPY)) / (2 * step)
    assert ufl_value(ufl.diff(expression, variable)) == pytest.approx(difference, rel=2e-5, abs=1e-8)


@pytest.mark.parametrize("role", REQUIRED)
def test_required_materials_fit_their_roles(role: str) -> None:
    for name in REQUIRED[role]:
        assert load_material(name).problems_for_role(role) == []
        assert role in load_material(name).roles


def test_every_number_has_a_source_and_what_is_recalled_is_not_confirmed() -> None:
    words = ("recalled", "assumption", "computed", "common value")
    materials = list_materials()
    assert {material.name for material in materials} == {
        name for names in REQUIRED.values() for name in names
    }
    for material in materials:
        for key, one in material.properties.items():
            assert key in KINDS and len(one.source) > 5
            if any(word in one.source for word in words):
                assert not one.confirmed, (material.name, key)


@pytest.mark.parametrize("name", ACTIVE)
def test_potential_falls_strictly(name: str) -> None:
    material = load_material(name)
    theta = np.linspace(*material.stoichiometry_range, 200_001)
    potential = material.law("open_circuit_potential", ROOM)(theta, NUMPY)
    slope = np.diff(potential) / np.diff(theta)
    assert slope.max() < -1e-3  # V; flatter would make a flux driven by the chemical potential meaningless
    assert -0.1 < potential[-1] < potential[0] < 5.0


@pytest.mark.parametrize(
    ("name", "high", "low"), [("NMC811", 4.3, 2.8), ("LCO", 4.2, 3.2), ("LFP", 3.6, 2.7)]
)
def test_stoichiometry_from_voltage(name: str, high: float, low: float) -> None:
    material = load_material(name)
    potential = material.law("open_circuit_potential", ROOM)
    for voltage in (high, 0.5 * (high + low), low):
        theta = material.equilibrium_stoichiometry(voltage, ROOM)
        assert float(potential(theta)) == pytest.approx(voltage, abs=1e-9)
    assert material.equilibrium_stoichiometry(high, ROOM) < material.equilibrium_stoichiometry(low, ROOM)
    with pytest.raises(InputError, match="5.5 V cannot be reached"):
        material.equilibrium_stoichiometry(5.5, ROOM)


def swelling_between(name: str, start: float, end: float) -> float:
    law = load_material(name).law("swelling", ROOM)
    return float(law(end, NUMPY) - law(start, NUMPY))


def test_nmc811_shrinks_as_measured() -> None:
    # Kondrakov et al. (2017): -5.1 % from 3.0 to 4.3 V, mostly below theta = 0.5
    material = load_material("NMC811")
    full, empty = (material.equilibrium_stoichiometry(voltage, ROOM) for voltage in (3.0, 4.3))
    total = swelling_between("NMC811", full, empty)
    assert total == pytest.approx(-0.051, abs=1e-4)
    assert swelling_between("NMC811", 0.5, empty) / total > 0.6


def test_nmc811_potential_is_the_published_fit_where_measured() -> None:
    theta = np.linspace(0.266, 0.906, 200)
    fit = 4.4875 - 0.8090 * theta - 0.0428 * np.tanh(18.5138 * (theta - 0.5542))
    fit = fit - 17.7326 * np.tanh(15.7890 * (theta - 0.3117)) + 17.5842 * np.tanh(15.9308 * (theta - 0.3120))
    assert np.abs(load_material("NMC811").law("open_circuit_potential", ROOM)(theta) - fit).max() < 1e-3


def test_swelling_of_the_others_has_the_measured_sign_and_size() -> None:
    lco = load_material("LCO")
    omega = swelling_between("LCO", 0.5, 0.6) / 0.1 / lco.number("maximum_concentration", ROOM)
    assert omega == pytest.approx(-7.28e-7 * 1e6, rel=1e-4)  # um3/pmol; expands on delithiation
    assert swelling_between("LFP", 1.0, 0.0) == pytest.approx(-0.065, abs=1e-12)
    assert 0.08 < swelling_between("graphite", 0.0, 1.0) < 0.135
    silicon = load_material("silicon")
    omega = swelling_between("silicon", 0.0, 1.0) / silicon.number("maximum_concentration", ROOM)
    assert omega == pytest.approx(9.0e-6 * 1e6, rel=1e-3)
    theta = np.linspace(0.0, 1.0, 1001)
    for name in ("NMC811", "LFP", "graphite", "silicon"):
        assert (np.diff(load_material(name).law("swelling", ROOM)(theta)) > 0.0).all()


@pytest.mark.parametrize("material", list_materials(), ids=lambda material: material.name)
def test_fracture_numbers_agree_among_themselves(material: Material) -> None:
    def has(*keys: str) -> bool:
        return all(material.has(key) for key in keys)

    if has("fracture_toughness", "tensile_strength", "flaw_size"):
        flaw = material.number("flaw_size", ROOM)
        strength = material.number("fracture_toughness", ROOM) / (1.12 * math.sqrt(math.pi * flaw))
        assert material.number("tensile_strength", ROOM) == pytest.approx(strength, rel=0.01)
    if has("fracture_toughness", "fracture_energy"):
        stiffness = material.number("youngs_modulus", ROOM) / (
            1 - material.number("poissons_ratio", ROOM) ** 2
        )
        energy = material.number("fracture_toughness", ROOM) ** 2 / stiffness
        assert material.number("fracture_energy", ROOM) == pytest.approx(energy, rel=0.02)


def test_internal_units() -> None:
    nmc = load_material("NMC811")
    assert nmc.number("maximum_concentration", ROOM) == pytest.approx(0.049137)
    assert nmc.number("diffusivity", ROOM) == pytest.approx(4e-3)
    assert nmc.number("youngs_modulus", ROOM) == pytest.approx(140.0)
    assert nmc.number("fracture_toughness", ROOM) == pytest.approx(0.2)
    assert nmc.number("flaw_size", ROOM) == pytest.approx(0.5)
    assert load_material("Li6PS5Cl").number("ionic_conductivity", ROOM) == pytest.approx(154.0)


def test_arrhenius() -> None:
    peo = load_material("PEO-LiTFSI")
    assert peo.number("ionic_conductivity", 353.15) == pytest.approx(100.0)
    assert peo.number("ionic_conductivity", ROOM) == pytest.approx(2.0, rel=0.02)  # 0.002 S/m
    expected = math.exp(-5000.0 / 8.31446261815324 * (1 / 320.0 - 1 / ROOM))
    graphite = load_material("graphite")
    ratio = graphite.number("diffusivity", 320.0) / graphite.number("diffusivity", ROOM)
    assert ratio == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize("x", [0.05, 0.2, 0.47, 0.73, 0.95])
def test_laws_in_ufl(name: str, x: float) -> None:
    same_in_ufl(LAWS[name].scaled(1.7), x)
    assert ufl_value(LAWS[name].ufl(ufl.as_ufl(x))) == pytest.approx(float(LAWS[name](x)), rel=1e-12)


@pytest.mark.parametrize(("name", "key"), LIBRARY_LAWS)
@pytest.mark.parametrize("x", [0.013, 0.22, 0.47, 0.981])
def test_library_laws_in_ufl(name: str, key: str, x: float) -> None:
    same_in_ufl(load_material(name).law(key, 310.0), x)


def test_pchip_is_scipys_inside_and_straight_outside() -> None:
    points = [(0.0, 1.0), (0.1, 0.5), (0.4, 0.45), (0.5, 0.45), (0.8, 0.6), (1.0, -2.0)]
    law = Table.from_points(points)
    x = np.linspace(0.0, 1.0, 501)
    reference = PchipInterpolator(*zip(*points, strict=True))
    assert np.abs(law(x) - reference(x)).max() < 1e-14
    assert float(law(1.3)) == pytest.approx(-2.0 + 0.3 * float(reference(1.0, 1)))
    assert float(law(-0.2)) == pytest.approx(1.0 - 0.2 * float(reference(0.0, 1)))


@pytest.mark.parametrize("name", LAWS)
def test_laws_keep_the_shape_of_arrays(name: str) -> None:
    x = np.linspace(0.1, 0.9, 6).reshape(2, 3)
    values = LAWS[name](x, NUMPY)
    assert values.shape == (2, 3)
    assert values[1, 2] == pytest.approx(float(LAWS[name](0.9)))


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "theta.__class__",
        "open('x')",
        "exit(1)",
        "(lambda: 1)()",
        "[1, 2][0]",
        "theta if theta else 1",
        "theta < 1",
        "exp(theta, 1)",
        "exp(x=theta)",
        "log(theta)",
        "x + 1",
        "'a'",
        "True",
        "1j",
        "9**9**9",
        "2**1000",
        "theta**theta",
        "1e999",
        "1" + "0" * 400,
        "1 +",
        "",
        "theta := 1",
        "-" * 1500 + "theta",
        "(" * 500 + "theta" + ")" * 500,
        "theta+" * 900 + "1",
    ],
)
def test_formulae_off_the_whitelist_are_refused(text: str) -> None:
    with pytest.raises(ExpressionError):
        parse(text)


def write(folder: Path, name: str = "mine", **tables: str) -> Path:
    content = f'name = "{name}"\nformula = "X"\n' + "".join(
        f"[{key}]\n{table}\n" for key, table in tables.items()
    )
    path = folder / f"{name}.toml"
    path.write_text(content, encoding="utf-8")
    return path


ORIGIN = 'source = "s"\nconfirmed = false'
GOOD = 'value = 10\nunit = "GPa"\nsource = "a source"\nconfirmed = true'


def test_the_case_folder_comes_first(tmp_path: Path) -> None:
    write(tmp_path, "LCO", youngs_modulus=GOOD)
    material = load_material("LCO", [tmp_path])
    assert material.number("youngs_modulus", ROOM) == 10.0
    assert not material.has("swelling")
    assert any("no 'swelling'" in problem for problem in material.problems_for_role("active"))
    assert [one.formula for one in list_materials([tmp_path]) if one.name == "LCO"] == ["X"]


@pytest.mark.parametrize(
    ("tables", "part"),
    [
        ({"youngs_modulus": GOOD.replace("GPa", "um")}, "is a length; a pressure is needed"),
        ({"youngs_modulus": GOOD.replace("GPa", "GPaa")}, "'GPaa' is not a unit known here"),
        ({"youngs_modulus": GOOD.replace('source = "a source"\n', "")}, "has no source"),
        ({"youngs_modulus": GOOD.replace('unit = "GPa"\n', "")}, "has no unit"),
        ({"youngs_modulus": GOOD.replace("confirmed = true", "")}, "must say confirmed"),
        ({"youngs_modulus": GOOD.replace("10", "-10")}, "must be greater than 0"),
        ({"youngs_modulus": GOOD.replace("10", "nan")}, "not a finite number"),
        ({"youngs_modulus": GOOD.replace("10", "true")}, "not a finite number"),
        (
            {"youngs_modulus": GOOD.replace("value = 10", 'expression = "theta"')},
            "cannot depend on stoichiometry",
        ),
        ({"youngs_modulus": GOOD + "\npolynomial = [1]"}, "exactly one of"),
        ({"youngs_modulus": GOOD + "\nvalu = 1"}, "did you mean 'value'"),
        ({"young_modulus": GOOD}, "did you mean 'youngs_modulus'"),
        (
            {"swelling": 'expression = "foo(theta)"\nunit = "1"\nsource = "s"\nconfirmed = false'},
            "not allowed",
        ),
        (
            {"swelling": 'expression = "ln(theta-2)"\nunit = "1"\nsource = "s"\nconfirmed = false'},
            "finite number at",
        ),
        ({"swelling": 'table = [[0, 1], [0, 2]]\nunit = "1"\nsource = "s"\nconfirmed = false'}, "must rise"),
        (
            {"poissons_ratio": 'value = 0.6\nunit = "1"\nsource = "s"\nconfirmed = false'},
            "between -1 and 0.5",
        ),
        (
            {"stoichiometry_range": 'value = [0.9, 0.1]\nunit = "1"\nsource = "s"\nconfirmed = false'},
            "must rise",
        ),
        (
            {"diffusivity": f'value = 1e-14\nunit = "m^2/s"\n{ORIGIN}\nactivation_energy = "1 V"'},
            "together",
        ),
    ],
)
@pytest.mark.filterwarnings("error")
def test_mistakes_in_a_file(tmp_path: Path, tables: dict[str, str], part: str) -> None:
    write(tmp_path, **tables)
    with pytest.raises(InputError) as error:
        load_material("mine", [tmp_path])
    assert part in str(error.value)
    assert str(error.value).startswith("mine.toml [")


def test_all_mistakes_of_a_file_at_once(tmp_path: Path) -> None:
    write(tmp_path, youngs_modulus=GOOD.replace("GPa", "um"), density=GOOD)
    with pytest.raises(InputError) as error:
        load_material("mine", [tmp_path])
    assert len(error.value.problems) == 2


def test_files_that_are_no_materials(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("a = = 1")
    with pytest.raises(InputError, match="is not TOML.*line 1"):
        load_material("bad", [tmp_path])
    (tmp_path / "bad.toml").write_text('name = "other"\nformula = "X"')
    with pytest.raises(InputError, match="it must be the file's, 'bad'"):
        load_material("bad", [tmp_path])


def test_names(tmp_path: Path) -> None:
    assert load_material("LPSCl").name == "Li6PS5Cl"
    for wrong, right in (
        ("NMC81", "NMC811"),
        ("nmc811", "NMC811"),
        ("Li6PS5Br", "Li6PS5Cl"),
        ("graphit", "graphite"),
    ):
        with pytest.raises(InputError, match=f"did you mean '{right}'"):
            load_material(wrong)
    write(tmp_path, "secret", youngs_modulus=GOOD)
    for path in ("../secret", str(tmp_path / "secret"), "", "a/b"):
        with pytest.raises(InputError, match="there is no material"):
            load_material(path, [tmp_path / "materials"])


def test_missing_properties_and_wrong_questions() -> None:
    lithium = load_material("lithium")
    with pytest.raises(InputError, match="lithium: has no 'swelling'"):
        lithium.law("swelling", ROOM)
    with pytest.raises(InputError, match="did you mean 'youngs_modulus'"):
        lithium.number("young_modulus", ROOM)
    with pytest.raises(InputError, match="varies with stoichiometry"):
        load_material("NMC811").number("open_circuit_potential", ROOM)
    assert len(lithium.problems_for_role("active")) == 5
    assert "did you mean 'active'" in lithium.problems_for_role("actve")[0]


def test_overrides() -> None:
    original = load_material("NMC811")
    changed = original.with_properties({"youngs_modulus": "100 GPa", "poissons_ratio": 0.25, "swelling": 0.0})
    assert changed.number("youngs_modulus", ROOM) == 100.0
    assert changed.number("poissons_ratio", ROOM) == 0.25
    assert float(changed.law("swelling", ROOM)(0.3)) == 0.0
    assert original.number("youngs_modulus", ROOM) == 140.0
    assert changed.number("density", ROOM) == original.number("density", ROOM)
    with pytest.raises(InputError) as error:
        original.with_properties(
            {"youngs_modulus": "100 um", "hardnes": "1 GPa", "flaw_size": 1.0, "density": "-1 kg/m3"}
        )
    assert len(error.value.problems) == 4
    assert "did you mean 'hardness'" in str(error.value)


def test_a_potential_that_rises_is_refused() -> None:
    rising = load_material("NMC811").with_properties({"open_circuit_potential": "3.7 V"})
    assert any("must fall everywhere" in problem for problem in rising.problems_for_role("active"))


def test_summary_and_description() -> None:
    lines = summarise_materials().splitlines()
    assert len(lines) == len(list(LIBRARY.glob("*.toml")))
    assert any(line.startswith("NMC811") and "active" in line and "confirmed" in line for line in lines)
    text = load_material("Li6PS5Cl").describe()
    assert "ionic_conductivity = 0.154 S/m; Yan" in text
    assert "poissons_ratio = 0.37 [not confirmed]; Deng" in text


def test_loading_needs_no_form_compiler() -> None:
    code = "import sys, chemomech.materials as m; m.load_material('NMC811'); sys.exit('ufl' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def salt_law(folder: Path, text: str, key: str = "ionic_conductivity", unit: str = "S/m") -> Any:
    """Return a material with one property of a salt."""
    body = f'name = "Gel"\nformula = "X"\n[{key}]\n{text}\nunit = "{unit}"\nsource = "made up"\nconfirmed = false\n'
    (folder / "Gel.toml").write_text(body)
    return read_material(folder / "Gel.toml")


def test_laws_of_a_salt_are_against_its_concentration(tmp_path: Path) -> None:
    energy = '\nactivation_energy = "50 kJ/mol"\nreference_temperature = "350 K"'
    gel = salt_law(tmp_path, f'expression = "0.2*c*exp(-c)"{energy}')
    factor = math.exp(-50000.0 / 8.31446261815324 * (1 / 340.0 - 1 / 350.0))
    assert gel.law("ionic_conductivity", 340.0)(0.5) == pytest.approx(
        100 * math.exp(-0.5) * factor, rel=1e-12
    )
    with pytest.raises(
        InputError, match="varies with salt concentration in kmol/m.3 and is not a single number"
    ):
        gel.number("ionic_conductivity", 340.0)
    table = salt_law(tmp_path, "table = [[0.0, 0.4], [2.0, -0.2], [3.0, -0.4]]", "transference_number", "1")
    assert table.law("transference_number", ROOM)(2.0) == pytest.approx(-0.2)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('expression = "0.1*theta"', "the variable is 'c'"),
        ('expression = "0.2 - 0.1*c"', "must be greater than 0, it is not at c = 2.01"),
        ('expression = "1/(c - 1.5)**2"', "is not a finite number at c = 1.5"),
        ("table = [1.0, 2.0]", r"list of points \[c, value\]"),
    ],
)
def test_a_law_of_a_salt_that_cannot_be_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        salt_law(tmp_path, text)
