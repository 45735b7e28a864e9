"""Meshes: volumes, interfaces, names, paths, cache, and files made elsewhere."""

import json
from pathlib import Path
from typing import Any

import gmsh
import meshio
import numpy as np
import pytest

from chemomech.errors import InputError
from chemomech.geometry import report as reports
from chemomech.geometry.build import MeshRecord, build, default_cache, open_mesh
from chemomech.geometry.kinds import Composite, Layered, Particle, Recipe
from chemomech.geometry.picture import draw
from chemomech.geometry.recipe import read_recipe

MESHES = Path(__file__).parents[2] / "meshes"
SIZE = {"interface": "0.6 um", "bulk": "2 um", "transition": "3 um"}
PACKED: dict[str, Any] = {
    "kind": "composite",
    "coordinates": "plane strain",
    "separator": "5 um",
    "electrode": "24 um",
    "width": "20 um",
    "sides": "walled",
    "fraction": 0.5,
    "gap": "0.4 um",
    "seed": 1,
    "radii": {"values": ["2.5 um", "3 um"]},
    "mesh_size": SIZE,
}
BALL: dict[str, Any] = {
    "kind": "particle",
    "coordinates": "axisymmetric",
    "radius": "3 um",
    "box": ["5 um", "10 um"],
    "mesh_size": SIZE,
}
FILM: dict[str, Any] = {
    "kind": "layered",
    "coordinates": "plane strain",
    "width": "2 um",
    "structured": True,
    "cells_across": 3,
    "layers": [
        {"name": "electrolyte", "thickness": "4 um", "cells": 8, "finer": "end"},
        {"name": "particle", "thickness": "1 um", "cells": 5, "finer": "both"},
    ],
}


def made(kind: type[Recipe], values: dict[str, Any], folder: Path, **changes: Any) -> MeshRecord:
    return build(kind.model_validate({**values, **changes}), folder)


def total(record: MeshRecord, region: str) -> float:
    return float(record.report["regions"][region]["volume"])


def test_half_disc_on_the_axis_is_a_sphere(tmp_path: Path) -> None:
    record = made(Particle, BALL, tmp_path)
    assert (record.dimension, record.coordinates) == (2, "axisymmetric")
    assert record.boundaries == ("axis", "outer", "bottom", "top")
    assert total(record, "particle") == pytest.approx(4 / 3 * np.pi * 27, rel=0.02)
    assert record.report["volume"] == pytest.approx(np.pi * 25 * 10)
    assert record.report["interfaces"]["particle|electrolyte"] == pytest.approx(4 * np.pi * 9, rel=0.01)
    assert record.report["boundaries"]["outer"] == pytest.approx(2 * np.pi * 5 * 10)
    assert record.report["boundaries"]["axis"] == pytest.approx(0.0, abs=1e-9)
    assert record.report["quality"]["minimum"] > 0.5
    assert len(record.report["paths"]["without_electronic_path"]) == 1
    assert record.report["paths"]["without_ionic_path"] == []


def test_particle_on_the_collector_has_an_electronic_path(tmp_path: Path) -> None:
    record = made(Particle, BALL, tmp_path, cut=["top"], box=["5 um", "8 um"])
    assert total(record, "particle") == pytest.approx(2 / 3 * np.pi * 27, rel=0.02)
    assert record.report["paths"]["without_electronic_path"] == []


def test_quarter_of_a_sphere(tmp_path: Path) -> None:
    record = made(
        Particle,
        BALL,
        tmp_path,
        coordinates="3D",
        box=["10 um", "5 um", "5 um"],
        cut=["bottom", "front"],
        coating="0.5 um",
    )
    assert record.regions == ("particle", "coating", "electrolyte")
    assert record.boundaries == ("left", "right", "bottom", "top", "front", "back")
    assert total(record, "particle") == pytest.approx(np.pi / 3 * 27, rel=0.03)
    assert total(record, "coating") == pytest.approx(np.pi / 3 * (3.5**3 - 27), rel=0.06)
    assert record.report["volume"] == pytest.approx(250.0)
    assert set(record.report["interfaces"]) == {"particle|coating", "coating|electrolyte"}
    assert record.report["quality"]["minimum"] > 0.1


def test_names_are_those_of_the_recipe(tmp_path: Path) -> None:
    record = made(
        Particle, BALL, tmp_path, coating="0.4 um", names={"particle": "NMC811", "coating": "LiNbO3"}
    )
    assert record.regions == ("NMC811", "LiNbO3", "electrolyte")
    assert record.report["paths"]["particles"] == 1
    assert set(meshio.read(record.msh).field_data) == {*record.regions, *record.boundaries}


@pytest.mark.parametrize("sides", ["walled", "periodic"])
def test_composite_meets_its_fraction(tmp_path: Path, sides: str) -> None:
    record = made(Composite, PACKED, tmp_path, sides=sides)
    assert record.regions == ("particle", "separator", "electrolyte")
    assert total(record, "particle") / (24 * 20) == pytest.approx(0.5, rel=0.02)
    assert total(record, "separator") == pytest.approx(5 * 20)
    assert record.report["volume"] == pytest.approx(29 * 20)
    assert record.report["quality"]["minimum"] > 0.2
    paths = record.report["paths"]
    assert paths["particles"] == len(paths["without_electronic_path"]) > 5
    assert paths["without_ionic_path"] == paths["electrolyte_pockets"] == []


def test_periodic_sides_carry_the_same_pattern(tmp_path: Path) -> None:
    record = made(Composite, PACKED, tmp_path, sides="periodic")
    mesh = meshio.read(record.msh)
    triangles, group = mesh.cells_dict["triangle"], mesh.cell_data_dict["gmsh:physical"]["triangle"]
    inside = set(np.unique(triangles[group == mesh.field_data["particle"][0]]).tolist())
    cut = [
        {round(float(mesh.points[p][0]), 6) for p in inside if abs(mesh.points[p][1] - y) < 1e-9}
        for y in (0.0, 20.0)
    ]
    assert cut[0]
    for bottom, top in ((min(cut[0]), min(cut[1])), (max(cut[0]), max(cut[1]))):
        assert bottom == pytest.approx(top, abs=1e-5)


def test_necks_give_every_particle_an_electronic_path(tmp_path: Path) -> None:
    record = made(Composite, PACKED, tmp_path, neck="0.3 um", collector_contact=0.15)
    paths = record.report["paths"]
    assert (
        paths["without_electronic_path"] == paths["without_ionic_path"] == paths["electrolyte_pockets"] == []
    )
    assert paths["particles"] < 6
    assert total(record, "particle") / (24 * 20) == pytest.approx(0.5, rel=0.02)


def test_coated_composite(tmp_path: Path) -> None:
    record = made(
        Composite, PACKED, tmp_path, fraction=0.4, coating="0.4 um", neck="0.3 um", collector_contact=0.15
    )
    assert record.regions == ("particle", "coating", "separator", "electrolyte")
    assert "particle|electrolyte" not in record.report["interfaces"]
    area, length = total(record, "coating"), record.report["interfaces"]["particle|coating"]
    assert area == pytest.approx(0.4 * length, rel=0.15)
    assert record.report["paths"]["without_electronic_path"] == []


def test_composite_in_3d(tmp_path: Path) -> None:
    record = made(
        Composite, PACKED, tmp_path, coordinates="3D", electrode="12 um", width="10 um", depth="10 um",
        fraction=0.25, gap="0.3 um", neck="0.3 um", collector_contact=0.15, radii={"values": ["2 um"]},
        mesh_size={"interface": "0.8 um", "bulk": "2 um"},
    )  # fmt: skip
    assert total(record, "particle") / 1200 == pytest.approx(0.25, rel=0.06)
    assert record.report["volume"] == pytest.approx(1700.0)
    assert record.report["paths"]["without_electronic_path"] == []
    assert record.report["quality"]["minimum"] > 0.02


def test_the_seed_decides_and_the_same_recipe_gives_the_same_mesh(tmp_path: Path) -> None:
    first = made(Composite, PACKED, tmp_path / "a").msh
    again = made(Composite, PACKED, tmp_path / "b").msh
    other = made(Composite, PACKED, tmp_path / "c", seed=2).msh
    assert first.name == again.name != other.name
    assert first.read_bytes() == again.read_bytes() != other.read_bytes()


def test_film_in_layers(tmp_path: Path) -> None:
    record = made(Layered, FILM, tmp_path)
    assert record.regions == ("electrolyte", "particle")
    assert record.report["cells"] == 2 * 3 * (8 + 5)
    assert total(record, "electrolyte") == pytest.approx(8.0)
    assert record.report["interfaces"] == {"electrolyte|particle": pytest.approx(2.0)}
    x = np.unique(np.round(meshio.read(record.msh).points[:, 0], 6))
    steps = np.diff(x)
    assert steps[:7] / steps[1:8] == pytest.approx(np.full(7, 1.15), rel=1e-4)
    assert steps[8] == pytest.approx(steps[-1], rel=1e-4) and steps[10] > 1.2 * steps[8]


@pytest.mark.parametrize("coordinates", ["3D", "axisymmetric"])
@pytest.mark.parametrize("structured", [True, False])
def test_films_of_every_kind(tmp_path: Path, coordinates: str, structured: bool) -> None:
    values = {**FILM, "coordinates": coordinates, "structured": structured}
    if coordinates == "3D":
        values["depth"] = "3 um"
    if not structured:
        del values["cells_across"]
        values["layers"] = [
            {"name": layer["name"], "thickness": layer["thickness"]} for layer in FILM["layers"]
        ]
        values["mesh_size"] = {"interface": "0.5 um", "bulk": "1 um"}
    record = build(Layered.model_validate(values), tmp_path)
    across = 6.0 if coordinates == "3D" else np.pi * 4
    assert total(record, "electrolyte") == pytest.approx(4 * across)
    assert total(record, "particle") == pytest.approx(across)
    assert record.report["paths"]["without_electronic_path"] == []
    assert record.report["paths"]["without_ionic_path"] == []


def test_the_cache_knows_a_recipe_by_its_content(tmp_path: Path) -> None:
    record = made(Particle, BALL, tmp_path)
    written = record.msh.stat().st_mtime_ns
    assert made(Particle, BALL, tmp_path, title="another title") == record
    assert record.msh.stat().st_mtime_ns == written
    assert made(Particle, BALL, tmp_path, radius="3.1 um").msh != record.msh
    record.msh.with_suffix(".json").write_text("{ not json")
    assert made(Particle, BALL, tmp_path) == record
    assert json.loads(record.msh.with_suffix(".json").read_text())["report"] == record.report
    assert not list(tmp_path.glob("*.partial*"))


def test_gmsh_is_closed_and_silent_whatever_happens(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    made(Particle, BALL, tmp_path)
    with pytest.raises(InputError):
        made(
            Composite,
            PACKED,
            tmp_path,
            electrode="12 um",
            width="12 um",
            fraction=0.3,
            radii={"values": ["5 um"]},
        )
    assert not gmsh.isInitialized()
    assert capfd.readouterr() == ("", "")


def test_an_open_gmsh_of_the_caller_stays_open(tmp_path: Path) -> None:
    gmsh.initialize()
    try:
        gmsh.option.setNumber("General.Terminal", 0)
        gmsh.model.add("mine")
        made(Particle, BALL, tmp_path)
        assert gmsh.isInitialized() and "mine" in gmsh.model.list()
    finally:
        gmsh.finalize()


def test_cache_belongs_to_the_project(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("")
    assert default_cache(tmp_path / "meshes" / "a.toml") == tmp_path / ".cache" / "meshes"


# -- meshes made elsewhere


def test_a_mesh_file_is_opened_as_it_is(tmp_path: Path) -> None:
    source = made(Composite, PACKED, tmp_path)
    record = open_mesh(source.msh, tmp_path / "other")
    assert (record.regions, record.boundaries) == (source.regions, source.boundaries)
    assert record.report["volume"] == pytest.approx(source.report["volume"])
    assert record.report["interfaces"] == pytest.approx(source.report["interfaces"])
    assert record.report["boundaries"] == pytest.approx(source.report["boundaries"])
    assert record.report["paths"]["particles"] == source.report["paths"]["particles"]


def external(tmp_path: Path, **keys: Any) -> MeshRecord:
    """Open a foreign file in metres: triangles turned over, an integer array, no named groups."""
    source = meshio.read(
        made(Particle, BALL, tmp_path, coordinates="plane strain", box=["10 um", "10 um"]).msh
    )
    group = source.cell_data_dict["gmsh:physical"]["triangle"]
    cells = source.cells_dict["triangle"][:, ::-1]
    meshio.Mesh(source.points * 1e-6, [("triangle", cells)], cell_data={"mat": [group]}).write(
        tmp_path / "f.vtu"
    )
    lines = ['kind = "external"', 'file = "f.vtu"', 'unit = "1 m"', 'coordinates = "plane strain"']
    lines += [f"{key} = {value}" for key, value in keys.items()]
    (tmp_path / "f.toml").write_text("\n".join(lines))
    return open_mesh(tmp_path / "f.toml", tmp_path)


def test_regions_by_number_and_sides_from_the_box(tmp_path: Path) -> None:
    record = external(tmp_path, cell_data='"mat"', groups="{particle = 1, electrolyte = 2}")
    assert record.regions == ("particle", "electrolyte")
    assert record.boundaries == ("left", "right", "bottom", "top")
    assert record.report["volume"] == pytest.approx(100.0)
    assert record.report["boundaries"]["left"] == pytest.approx(10.0)
    assert record.report["quality"]["minimum"] > 0.5


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({}, "no named group of cells"),
        ({"cell_data": '"mta"', "groups": "{particle = 1}"}, "did you mean 'mat'"),
        ({"cell_data": '"mat"', "groups": "{particle = 7}"}, "no group of cells 7; known are 1, 2"),
        ({"cell_data": '"mat"', "groups": "{particle = 1}"}, "belong to no region"),
        (
            {"cell_data": '"mat"', "groups": "{a = 1, b = 2}", "sides": '{left = "x"}'},
            "no group of facets 'x'",
        ),
    ],
)
def test_foreign_files_must_have_what_is_asked(tmp_path: Path, keys: dict[str, str], expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        external(tmp_path, **keys)


def test_files_that_are_no_mesh(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.vtu").write_text("nothing")
    with pytest.raises(InputError, match="cannot read"):
        open_mesh(tmp_path / "a.vtu", tmp_path)
    with pytest.raises(InputError, match="no such mesh"):
        open_mesh(tmp_path / "b.toml", tmp_path)
    assert capfd.readouterr() == ("", "")


# -- the report on arrays made by hand: two squares, each of two triangles, side by side


def squares(region: list[int], quality: float = 1.0) -> reports.Cells:
    points = np.array([[x, y] for y in (0.0, 1.0) for x in (0.0, 1.0, 2.0)])
    cells = np.array([[0, 1, 4], [0, 4, 3], [1, 2, 5], [1, 5, 4]])
    sides = {"left": np.array([[0, 3]]), "right": np.array([[5, 2]])}
    names = ("particle", "electrolyte")
    return reports.Cells("plane strain", points, cells, np.array(region), names, np.full(4, quality), sides)


def test_report_by_hand() -> None:
    about = reports.report(squares([1, 1, 0, 0]), "particle")
    assert about["interfaces"] == {"particle|electrolyte": pytest.approx(1.0)}
    assert about["regions"]["particle"]["volume_fraction"] == pytest.approx(0.5)
    assert about["paths"]["without_electronic_path"] == about["paths"]["without_ionic_path"] == []
    about = reports.report(squares([0, 0, 1, 1]), "particle")
    assert about["paths"]["without_electronic_path"][0]["centre"] == pytest.approx([0.5, 0.5])
    assert len(about["paths"]["without_ionic_path"]) == len(about["paths"]["electrolyte_pockets"]) == 1


def test_touching_at_a_corner_is_no_path() -> None:
    about = reports.report(squares([0, 1, 0, 1]), "particle")
    assert about["paths"]["particles"] == 2
    assert len(about["paths"]["without_electronic_path"]) == 1


def test_empty_regions_and_broken_cells_are_refused() -> None:
    with pytest.raises(InputError, match="particle: the region has no cells"):
        reports.report(squares([1, 1, 1, 1]), "particle")
    with pytest.raises(InputError, match="4 inverted or degenerate cells"):
        reports.report(squares([1, 1, 0, 0], quality=-0.1), "particle")


# -- the recipes that are shipped


@pytest.mark.parametrize(
    ("name", "fewest", "most"),
    [
        ("nmc811_particle", 2000, 4000),
        ("composite_2d", 5000, 10_000),
        ("coated_composite_2d", 4000, 12_000),
        ("layered_film", 500, 2000),
        ("grains_2d", 5000, 10_000),
    ],
)
def test_shipped_meshes_are_of_the_size_they_are_meant_for(
    tmp_path: Path, name: str, fewest: int, most: int
) -> None:
    recipe, record = read_recipe(MESHES / f"{name}.toml"), open_mesh(MESHES / f"{name}.toml", tmp_path)
    assert (record.regions, record.boundaries) == (recipe.regions, recipe.boundaries)
    assert fewest < record.report["cells"] < most
    assert record.report["quality"]["one_percent"] > 0.1
    assert record.report["paths"]["without_ionic_path"] == []
    assert (MESHES / "pictures" / f"{name}.png").stat().st_size < 300_000


@pytest.mark.slow
def test_shipped_composite_in_3d_gives_a_hundred_thousand_unknowns(tmp_path: Path) -> None:
    record = open_mesh(MESHES / "composite_3d.toml", tmp_path)
    points = {name: region["points"] for name, region in record.report["regions"].items()}
    unknowns = (
        3 * record.report["points"] + points["electrolyte"] + points["separator"] + 3 * points["particle"]
    )
    assert 100_000 < unknowns < 180_000
    assert record.report["paths"]["without_electronic_path"] == []
    assert record.report["quality"]["minimum"] > 0.1


@pytest.mark.parametrize("coordinates", ["axisymmetric", "3D"])
def test_pictures_show_every_region(tmp_path: Path, coordinates: str) -> None:
    from matplotlib.image import imread

    box = ["5 um", "10 um"] if coordinates == "axisymmetric" else ["8 um", "8 um", "8 um"]
    draw(made(Particle, BALL, tmp_path, coordinates=coordinates, box=box), tmp_path / "p.png")
    pixels = imread(tmp_path / "p.png")[..., :3]
    assert (tmp_path / "p.png").stat().st_size < 300_000
    orange = (pixels[..., 0] > 0.7) & (pixels[..., 2] < 0.25)
    assert orange.mean() > 0.02
    assert pixels.std() > 0.05
