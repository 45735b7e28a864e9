"""An electrolyte in pieces: tiles fill their box, no two pieces of a region touch, joints that hold change nothing."""

import itertools
import json
from pathlib import Path
from typing import Any

import meshio
import numpy as np
import pytest
import small

from chemomech.errors import InputError
from chemomech.geometry.build import open_mesh
from chemomech.geometry.pieces import Tiles, grouped, tiles
from chemomech.geometry.recipe import read_recipe
from chemomech.geometry.tables import Pieces
from chemomech.results.read import open_results

CUT = """\
kind = "inclusions"
coordinates = "plane strain"
box = ["7 um", "6 um"]
sides = "walled"
fraction = 0.2
gap = "0.4 um"
seed = 2
[radii]
values = ["1.2 um"]
[pieces]
size = "2.2 um"
disorder = 0.15
seed = 1
groups = 3
[mesh_size]
interface = "0.5 um"
bulk = "1 um"
per_turn = 12
"""
CELLS = 'size = "2.2 um"\ndisorder = 0.15\nseed = 1\n'
STACK = """\
kind = "composite"
coordinates = "plane strain"
separator = "2 um"
electrode = "6 um"
width = "6 um"
sides = "walled"
fraction = 0.25
gap = "0.4 um"
seed = 1
[radii]
values = ["1.2 um"]
[pieces]
size = "2 um"
disorder = 0.1
seed = 3
groups = 4
[mesh_size]
interface = "0.5 um"
bulk = "1 um"
"""


def cells(**changes: Any) -> Pieces:
    """Return pieces by cells."""
    return Pieces.model_validate({"size": "2 um", "disorder": 0.2, "seed": 1, "groups": 3} | changes)


def area(found: Tiles) -> list[float]:
    """Return the area of each polygon, positive where its corners run anticlockwise."""
    areas = []
    for polygon in found.polygons:
        x, y = found.corners[list(polygon)].T
        areas.append(0.5 * float(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1))))
    return areas


@pytest.mark.parametrize("disorder", [0.0, 0.2, 0.5])
def test_cells_fill_their_box(disorder: float) -> None:
    found = tiles(cells(disorder=disorder), (1.0, 0.0), (13.0, 9.0))
    areas = area(found)
    assert min(areas) > 0.0
    assert sum(areas) == pytest.approx(12.0 * 9.0, rel=1e-12)
    assert len(areas) == 6 * 5  # 12/2 columns, 9/(2 sin 60) rows
    assert found.corners.min(axis=0) == pytest.approx([1.0, 0.0])
    assert found.corners.max(axis=0) == pytest.approx([13.0, 9.0])


def test_the_seed_decides_where_cells_are() -> None:
    one, same, other = (tiles(cells(seed=seed), (0, 0), (9, 9)).corners for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert one.shape != other.shape or not np.allclose(one, other)


def test_planes_cut_rectangles() -> None:
    asked = Pieces.model_validate({"planes": {"x": ["4 um", "1 um"], "y": ["2 um"]}, "groups": 4})
    found = tiles(asked, (0, 0), (5, 3))
    assert sorted(area(found)) == pytest.approx(sorted([2, 6, 2, 1, 3, 1]))
    assert len(found.corners) == 12


def test_groups_are_as_few_as_they_can_be() -> None:
    ring = [{1, 4}, {0, 2}, {1, 3}, {2, 4}, {3, 0}]  # an odd ring needs three
    with pytest.raises(InputError, match="2 groups do not do.*write groups = 3"):
        grouped(ring, 2)
    group = grouped(ring, 3)
    assert all(group[piece] != group[other] for piece, meets in enumerate(ring) for other in meets)
    everyone = [set(range(4)) - {piece} for piece in range(4)]
    assert sorted(grouped(everyone, 4)) == [0, 1, 2, 3]
    with pytest.raises(InputError, match="2 pieces for 3 groups"):
        grouped([{1}, {0}], 3)
    alone = [set[int]() for _ in range(9)]
    assert sorted(grouped(alone, 3)) == [0, 0, 0, 1, 1, 1, 2, 2, 2]  # shared out evenly


@pytest.mark.parametrize("text", [CUT, STACK], ids=["inclusions", "composite"])
def test_no_two_pieces_of_a_region_touch(tmp_path: Path, text: str) -> None:
    (tmp_path / "r.toml").write_text(text)
    record = open_mesh(tmp_path / "r.toml", tmp_path)
    assert record.regions == read_recipe(tmp_path / "r.toml").regions
    about = record.report
    groups = [name for name in record.regions if name.startswith("electrolyte_")]
    assert about["pieces"]["groups"] == {name: about["regions"][name]["pieces"] for name in groups}
    assert about["pieces"]["count"] == sum(about["pieces"]["groups"].values())
    cut = sum(length for pair, length in about["interfaces"].items() if pair.count("electrolyte") == 2)
    assert cut == pytest.approx(about["pieces"]["cut_length"], rel=1e-6)
    mesh = meshio.read(record.msh)
    number = mesh.cell_data_dict["gmsh:physical"]["triangle"]
    for name in groups:  # connected by nodes is connected by edges: pieces of a group share not even a point
        mine = mesh.cells_dict["triangle"][number == mesh.field_data[name][0]]
        assert pieces_by_nodes(mine) == about["regions"][name]["pieces"]


def pieces_by_nodes(triangles: Any) -> int:
    """Return the number of pieces of triangles that are joined where they share a point."""
    owner = {int(point): int(point) for point in np.unique(triangles)}

    def root(point: int) -> int:
        while owner[point] != point:
            point = owner[point]
        return point

    for corners in triangles.tolist():
        for other in corners[1:]:
            owner[root(other)] = root(corners[0])
    return len({root(point) for point in owner})


def test_cutting_changes_neither_particles_nor_volumes(tmp_path: Path) -> None:
    (tmp_path / "cut.toml").write_text(CUT)
    (tmp_path / "whole.toml").write_text(CUT.replace(f"[pieces]\n{CELLS}groups = 3\n", ""))
    cut, whole = (open_mesh(tmp_path / f"{name}.toml", tmp_path).report for name in ("cut", "whole"))
    assert cut["volume"] == pytest.approx(whole["volume"], rel=1e-9)
    particle = [about["regions"]["particle"]["volume"] for about in (cut, whole)]
    assert particle[0] == pytest.approx(particle[1], rel=0.03)  # edges are chords, of other lengths
    assert cut["regions"]["particle"]["pieces"] == whole["regions"]["particle"]["pieces"]


def test_a_separator_of_another_name_stays_whole(tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_text(STACK)
    about = open_mesh(tmp_path / "r.toml", tmp_path).report
    assert about["regions"]["separator"]["volume"] == pytest.approx(12.0)
    one = STACK.replace("[radii]", '[names]\nseparator = "electrolyte"\n[radii]')
    (tmp_path / "one.toml").write_text(one)
    joined = open_mesh(tmp_path / "one.toml", tmp_path).report
    assert "separator" not in joined["regions"]
    assert joined["pieces"]["count"] > about["pieces"]["count"]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (CELLS, "", "cells need 'size'"),
        ('size = "2.2 um"\n', "", "cells need 'size'"),
        ("disorder = 0.15\n", "", "cells need 'disorder'"),
        ("disorder = 0.15", "disorder = 0.6", "disorder"),
        ("groups = 3", "groups = 1", "groups"),
        ("groups = 3", "groups = 3\nplanes = { x = ['1 um'] }", "planes need no cells"),
        (CELLS, "planes = { x = ['1 um', '1 um'] }\n", "the same plane is given twice"),
        (CELLS, "planes = { y = ['6 um'] }\n", "a plane at y = 6 um does not cut what lies from 0 to 6 um"),
        (CELLS, "planes = { z = ['1 um'] }\n", "'z' is not a choice"),
        ('size = "2.2 um"', 'size = "9 um"', "cells of 9 um do not cut a box of 7 x 6 um"),
        ('"walled"', '"periodic"', "cells end at walls"),
        ('"plane strain"\nbox = ["7 um", ', '"3D"\nbox = ["7 um", "6 um", ', "plane strain only"),
    ],
)
def test_what_cannot_be_cut_is_said(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert old in CUT
    (tmp_path / "r.toml").write_text(CUT.replace(old, new, 1))
    with pytest.raises(InputError) as caught:
        read_recipe(tmp_path / "r.toml")
    assert any(expected in str(problem) for problem in caught.value.problems), caught.value.problems


def test_grains_are_not_cut(tmp_path: Path) -> None:
    grains = '[grains]\nradius = "0.5 um"\nspread = 0.1\noverlap = 0.1\nrounding = 0.2\n'
    (tmp_path / "r.toml").write_text(STACK + grains)
    with pytest.raises(InputError, match="an electrolyte of grains is not cut"):
        read_recipe(tmp_path / "r.toml")


def test_too_few_groups_are_said_when_the_mesh_is_made(tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_text(CUT.replace("groups = 3", "groups = 2"))
    with pytest.raises(InputError, match=r"pieces.groups: 2 groups do not do.*write groups = 3"):
        open_mesh(tmp_path / "r.toml", tmp_path)


# -- bodies -------------------------------------------------------------------------------------------------

HALVES = CUT.replace(CELLS, 'planes = { x = ["3.6 um"] }\n').replace("groups = 3", "groups = 2")
FIRM = {"strength": "1 GPa", "fracture_energy": "1000 J/m^2", "shear_ratio": 1.0}
TRANSFER = {"exchange_current": "1 A/m^2", "dependence": "stoichiometry"}
BODY: dict[str, Any] = {
    "title": "A body in two pieces",
    "mesh": "mesh.toml",
    "regions": {
        "particle": small.REGIONS["particle"],
        "electrolyte_*": small.REGIONS["electrolyte"],
    },
    "interfaces": {"particle|electrolyte_*": {"charge_transfer": TRANSFER}},
    "cell": {
        "temperature": "25 degC",
        "current_collector": "particle|electrolyte_*",
        "contact_resistance": "1e-5 ohm m^2",
        "counter_electrode": {"at": "left", "kind": "lithium", "exchange_current": "10 A/m^2"},
    },
    "pressure": {"at": "right", "program": ["5 MPa"]},
    "protocol": {"steps": ["Discharge at 1C for 4 minutes"]},
    "numerics": {"displacement_degree": 2, "quadrature_degree": 2},
    "output": {"fields": ["max_principal"], "figures": False, "animation": False},
}
PERSSON = {"law": "persson", "slope": 0.2, "unloading_exponent": 0.5}
JOINED: dict[str, Any] = {
    "electrolyte_*|electrolyte_*": {"cohesive": FIRM, "resistance": "1e-9 ohm m^2"},
    "particle|electrolyte_*": {"charge_transfer": TRANSFER, "cohesive": FIRM},
}


@pytest.mark.slow
def test_joints_that_hold_change_nothing_on_one_and_two_ranks(tmp_path: Path) -> None:
    whole = small.write(tmp_path / "whole", BODY, HALVES)
    # the less two faces overlap under pressure, the stiffer is their joint
    cut = small.write(tmp_path / "cut", {**BODY, "interfaces": JOINED}, HALVES, numerics={"overlap": 1e-6})
    found = {}
    for name, folder, ranks in (("whole", whole, 1), ("cut", cut, 1), ("two", cut, 2)):
        target = tmp_path / f"results {name}"
        done = small.chemomech("run", folder, "--results", target, "--quiet", ranks=ranks, timeout=900)
        assert done.returncode == 0, done.stderr
        found[name] = open_results(target)
        summary = found[name].summary
        assert summary["Max lithium balance error [-]"] < 1e-10
        assert summary["Max charge balance error [-]"] < 1e-9
    expected, got = found["whole"], found["cut"]
    assert expected.history["Voltage [V]"][-1] == pytest.approx(got.history["Voltage [V]"][-1], abs=1e-5)
    largest = {}
    for region in expected.regions:
        for quantity, unit in (("Max principal stress", "MPa"), ("Elastic energy", "nJ")):
            column = f"{quantity} in {region} [{unit}]"
            assert got.history[column][-1] == pytest.approx(expected.history[column][-1], rel=0.01), column
            largest[column] = got.history[column][-1]
    # the same mesh: cell by cell, against the largest stress
    arrays = [each.array("Max principal stress [MPa]", -1) for each in (expected, got)]
    assert np.abs(arrays[1] - arrays[0]).max() < 0.01 * np.abs(arrays[0]).max()
    assert got.summary["Damaged share at electrolyte_*|electrolyte_* [-]"] < 1e-6
    alone, together = (
        json.loads((tmp_path / f"results {n}" / "summary.json").read_text()) for n in ("cut", "two")
    )
    assert alone.keys() == together.keys()
    for name, value in alone.items():
        if "balance error" not in name:
            assert together[name] == pytest.approx(value, rel=1e-6, abs=1e-9), name


def test_all_pieces_of_a_name_with_a_star_have_joints(tmp_path: Path) -> None:
    case = small.case(tmp_path, {**BODY, "interfaces": JOINED}, CUT)
    names = [f"electrolyte_{n}" for n in (1, 2, 3)]
    assert list(case.regions) == ["particle", *names]
    pairs = {frozenset(key.split("|")) for key in case.interfaces}
    assert pairs == {frozenset(pair) for pair in itertools.combinations(["particle", *names], 2)}
    assert case.pattern("electrolyte_2", "electrolyte_1") == "electrolyte_*|electrolyte_*"
    assert case.interface("electrolyte_3", "particle").charge_transfer is not None
    assert ":" in case.origins["interfaces", "electrolyte_1|electrolyte_2", "cohesive", "strength"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"interfaces": {**JOINED, "glass_*|particle": {}}}, "no two regions of that name: 'glass_*|particle'"),
        ({"regions": {**BODY["regions"], "x_*": {}}}, "no region of that name: 'x_*'"),
        (
            {"interfaces": {**JOINED, "electrolyte_*|elec*": {"loose": True}}},
            "is meant by 'electrolyte_*|electrolyte_*' and by 'electrolyte_*|elec*'",
        ),
        ({"cell": {**BODY["cell"], "current_collector": "particle|glass_*"}}, "there is no region 'glass_*'"),
        (
            {"cell": {**BODY["cell"], "collector_contact": PERSSON}},
            "one contact for the several interfaces",
        ),
    ],
)  # fmt: skip
def test_names_with_a_star_that_mean_nothing(tmp_path: Path, changes: dict[str, Any], expected: str) -> None:
    with pytest.raises(InputError) as caught:
        small.case(tmp_path, {**BODY, "interfaces": JOINED, **changes}, CUT)
    assert any(expected in str(problem) for problem in caught.value.problems), caught.value.problems


def test_a_pair_named_by_itself_is_not_the_patterns(tmp_path: Path) -> None:
    weak = {"cohesive": {**FIRM, "strength": "100 MPa"}, "resistance": "1e-9 ohm m^2"}
    case = small.case(tmp_path, {**BODY, "interfaces": {**JOINED, "electrolyte_2|electrolyte_1": weak}}, CUT)
    cohesive = case.interface("electrolyte_1", "electrolyte_2").cohesive
    assert cohesive is not None and cohesive.strength == pytest.approx(0.1)
    assert case.pattern("electrolyte_1", "electrolyte_2") is None
    assert case.pattern("electrolyte_1", "electrolyte_3") is not None
