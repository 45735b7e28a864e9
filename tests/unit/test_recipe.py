"""What a recipe of a mesh may say, and how its mistakes are reported."""

import subprocess
import sys
from pathlib import Path

import pytest

from chemomech.errors import InputError
from chemomech.geometry.kinds import Composite, External, Particle
from chemomech.geometry.recipe import check, read_recipe

SHIPPED = sorted((Path(__file__).parents[2] / "meshes").glob("*.toml"))

SPHERE = """kind = "particle"
coordinates = "axisymmetric"
radius = "5000 nm"
box = ["9 um", "0.018 mm"]
[mesh_size]
interface = "0.5 um"
bulk = "2 um"
"""

PACKED = """kind = "composite"
coordinates = "plane strain"
separator = "8 um"
electrode = "24 um"
width = "20 um"
sides = "walled"
fraction = 0.5
gap = "0.4 um"
seed = 1
[radii]
values = ["3 um", "2.5 um"]
[mesh_size]
interface = "0.6 um"
bulk = "2 um"
"""


def said(tmp_path: Path, text: str) -> list[str]:
    """Return the lines of the complaint about a recipe, without the folder."""
    (tmp_path / "r.toml").write_text(text)
    with pytest.raises(InputError) as caught:
        read_recipe(tmp_path / "r.toml")
    return [str(problem).removeprefix(f"{tmp_path}/") for problem in caught.value.problems]


def test_lengths_are_held_in_um(tmp_path: Path) -> None:
    (tmp_path / "ball.toml").write_text(SPHERE)
    recipe = read_recipe(tmp_path / "ball.toml")
    assert isinstance(recipe, Particle)
    assert recipe.radius == pytest.approx(5.0)
    assert recipe.box == pytest.approx((9.0, 18.0))
    assert (recipe.name, recipe.dimension) == ("ball", 2)
    assert recipe.regions == ("particle", "electrolyte")
    assert recipe.boundaries == ("axis", "outer", "bottom", "top")


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_recipes_are_sound(path: Path) -> None:
    assert read_recipe(path).regions


def test_eight_recipes_are_shipped() -> None:
    assert len(SHIPPED) >= 8


def test_reading_a_recipe_needs_no_gmsh() -> None:
    code = "import sys, chemomech.geometry.recipe; sys.exit('gmsh' in sys.modules or 'vtk' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_all_mistakes_are_reported_at_once_with_their_lines(tmp_path: Path) -> None:
    text = SPHERE.replace('"5000 nm"', '"-5 um"').replace('bulk = "2 um"', "bulk = 2\nbluk = 3")
    lines = said(tmp_path, text.replace("radius", "radius"))
    assert len(lines) == 3
    assert lines[0].startswith("r.toml:3: radius: must be greater than zero")
    assert lines[1].startswith("r.toml:7: mesh_size.bulk: 2 has no unit")
    assert lines[2].startswith("r.toml:8: mesh_size.bluk") and "did you mean 'bulk'" in lines[2]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("kind", "kidn", "'kind' is missing"),
        ('"particle"', '"partical"', "did you mean 'particle'?"),
        ("radius", "diameter", "'radius' is missing"),
        ('"5000 nm"', '"5 s"', "a length is needed"),
        ('"5000 nm"', '"5 umm"', "umm"),
        ('"5000 nm"', '"9 um"', "enlarge the box"),
        ('"0.018 mm"', '"8 um"', "only 4 um along y"),
        ('"9 um", ', "", "1 sizes given, axisymmetric needs 2"),
        ('"0.5 um"', '"3 um"', "swap the two"),
        ("[mesh_size]", 'cut = ["left"]\n[mesh_size]', "no boundary 'left'"),
        ("[mesh_size]", 'cut = ["top", "bottom"]\n[mesh_size]', "two cuts across the same axis"),
        ("[mesh_size]", 'coating = "0.1 um"\n[mesh_size]', "cannot resolve a coating"),
        ("[mesh_size]", '[names]\nparticle = "electrolyte"\n[mesh_size]', "given to two regions"),
        ("[mesh_size]", '[names]\nparticle = "a|b"\n[mesh_size]', "cannot name a region"),
        ("[mesh_size]", 'directory = "/"\n[mesh_size]', "'directory' is not a key here"),
    ],
)
def test_particle_mistakes(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert old in SPHERE
    assert any(expected in line for line in said(tmp_path, SPHERE.replace(old, new, 1)))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("fraction = 0.5", "fraction = 0.8", "at most about 0.71"),
        ('"0.4 um"', '"0 um"', "must be greater than zero"),
        ('"0.4 um"', '"4 um"', "cannot be packed with this gap; at most about 0.27"),
        ('"20 um"', '"6 um"', "the width has 6 um"),
        ("walled", "wall", "did you mean 'walled'?"),
        ("[radii]", 'neck = "2 um"\n[radii]', "cannot overlap by 2 um"),
        ("[radii]", 'depth = "20 um"\n[radii]', "takes no depth"),
        ('"plane strain"', '"3D"', "needs a depth"),
        ('"plane strain"', '"axisymmetric"', "'axisymmetric' is not a choice"),
        ("values =", 'median = "3 um"\nvalues =', "keep one of them"),
        ('values = ["3 um", "2.5 um"]', 'median = "3 um"', "the distribution needs median, spread"),
    ],
)
def test_composite_mistakes(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert old in PACKED
    assert any(expected in line for line in said(tmp_path, PACKED.replace(old, new, 1)))


def test_layers_must_be_counted_when_structured(tmp_path: Path) -> None:
    text = 'kind = "layered"\ncoordinates = "plane strain"\nwidth = "1 um"\nstructured = true\n'
    layers = (
        '[[layers]]\nname = "a"\nthickness = "1 um"\ncells = 3\n[[layers]]\nname = "b"\nthickness = "2 um"\n'
    )
    lines = said(tmp_path, text + layers)
    assert any("r.toml:9: layers.2: layer 'b' does not say its number of cells" in line for line in lines)
    assert any("cells_across" in line for line in lines)
    lines = said(tmp_path, text.replace("true", "false") + layers + "thicknes = 1\n")
    assert any("r.toml:12" in line and "did you mean 'thickness'?" in line for line in lines)


def test_separator_may_be_one_with_the_electrolyte(tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_text(PACKED + '[names]\nseparator = "electrolyte"\n')
    recipe = read_recipe(tmp_path / "r.toml")
    assert isinstance(recipe, Composite)
    assert recipe.regions == ("particle", "electrolyte")


def test_external_file_is_looked_for_beside_the_recipe(tmp_path: Path) -> None:
    text = 'kind = "external"\ncoordinates = "3D"\nfile = "a.vtu"\nunit = "1 mm"\n'
    assert any("there is no file 'a.vtu'" in line for line in said(tmp_path, text))
    (tmp_path / "a.vtu").write_text("")
    recipe = read_recipe(tmp_path / "r.toml")
    assert isinstance(recipe, External)
    assert recipe.unit == pytest.approx(1000.0)


def test_recipes_made_in_python_are_checked_too() -> None:
    recipe = Particle.model_validate(
        {
            "kind": "particle",
            "coordinates": "3D",
            "radius": "5 um",
            "box": ["4 um", "20 um", "20 um"],
            "mesh_size": {"interface": "1 um", "bulk": "2 um"},
        }
    )
    with pytest.raises(InputError, match="only 2 um along x"):
        check(recipe)
