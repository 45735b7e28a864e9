"""Rows of flat cells along interfaces: what they leave as it was, how thin they are, where there is no room."""

from pathlib import Path
from typing import Any

import meshio
import numpy as np
import pytest

from chemomech.errors import InputError
from chemomech.geometry.build import MeshRecord, build
from chemomech.geometry.kinds import Composite, Particle
from chemomech.geometry.report import Cells
from chemomech.geometry.rows import inflate
from chemomech.geometry.tables import Rows

NM = 1e-3
ROWS: dict[str, Any] = {"first": "0.01 nm", "growth": 1.5, "thickness": "0.4 nm"}
BALL: dict[str, Any] = {
    "kind": "particle",
    "coordinates": "3D",
    "radius": "3 nm",
    "box": ["8 nm", "6 nm", "6 nm"],
    "cut": ["left", "bottom", "front"],
    "mesh_size": {"interface": "1 nm", "bulk": "2 nm", "transition": "3 nm", "per_turn": 12},
}
NECKS: dict[str, Any] = {
    "kind": "composite",
    "coordinates": "plane strain",
    "separator": "8 nm",
    "electrode": "40 nm",
    "width": "40 nm",
    "sides": "walled",
    "fraction": 0.4,
    "gap": "2 nm",
    "neck": "1 nm",
    "collector_contact": 0.1,
    "seed": 2,
    "radii": {"values": ["8 nm", "10 nm"]},
    "mesh_size": {"interface": "0.8 nm", "bulk": "3 nm", "transition": "8 nm"},
}


def made(folder: Path, kind: type[Particle | Composite], content: dict[str, Any], **rows: Any) -> MeshRecord:
    """Return the mesh of a recipe with these rows."""
    return build(kind.model_validate({**content, "boundary_layer": rows}), folder)


def heights(record: MeshRecord, name: str, others: set[str]) -> np.ndarray:
    """Return the heights [um] over the interface of a region's cells that have a facet on it."""
    mesh = meshio.read(record.msh)
    cell = "tetra" if record.dimension == 3 else "triangle"
    cells, tags = mesh.cells_dict[cell], mesh.cell_data_dict["gmsh:physical"][cell]
    mine = cells[tags == mesh.field_data[name][0]]
    theirs = cells[np.isin(tags, [mesh.field_data[other][0] for other in others])]
    common = np.isin(mine, np.intersect1d(mine, theirs))
    flat = mine[common.sum(axis=1) == record.dimension]
    ordered = np.take_along_axis(
        flat, np.argsort(np.isin(flat, np.intersect1d(mine, theirs)), axis=1), axis=1
    )
    corner = mesh.points[ordered][:, :, : record.dimension]
    edges = corner[:, 1:] - corner[:, :1]
    base = corner[:, 2:] - corner[:, 1:2]
    gram = np.sqrt(np.linalg.det(np.einsum("kid,kjd->kij", base, base)))
    return np.asarray(np.abs(np.linalg.det(edges)) / gram)


@pytest.mark.parametrize("coordinates", ["plane strain", "axisymmetric", "3D"])
def test_rows_change_neither_volumes_nor_areas(tmp_path: Path, coordinates: str) -> None:
    d = 3 if coordinates == "3D" else 2
    cut = {"plane strain": ["left", "bottom"], "axisymmetric": ["bottom"], "3D": BALL["cut"]}[coordinates]
    content = {**BALL, "coordinates": coordinates, "box": BALL["box"][:d], "cut": cut}
    bare = made(tmp_path, Particle, content)
    rowed = made(tmp_path, Particle, content, particle=ROWS, electrolyte={**ROWS, "first": "0.02 nm"})
    assert rowed.regions == bare.regions and rowed.boundaries == bare.boundaries
    for key in ("volume", "interfaces", "boundaries"):
        assert rowed.report[key] == pytest.approx(bare.report[key], rel=1e-9, abs=1e-18)
    for name in rowed.regions:
        same = pytest.approx(bare.report["regions"][name]["volume"], rel=1e-9)
        assert rowed.report["regions"][name]["volume"] == same
        assert rowed.report["regions"][name]["pieces"] == 1
    for name, first in (("particle", 0.01), ("electrolyte", 0.02)):
        low = heights(rowed, name, set(rowed.regions) - {name})
        wanted = Rows.model_validate({**ROWS, "first": f"{first} nm"}).heights()[0]
        assert len(low) >= 5 and low == pytest.approx(
            wanted, rel=0.05
        )  # where facets lean to each other a little less


def test_rows_on_both_sides_of_a_coating(tmp_path: Path) -> None:
    content = {
        **BALL,
        "coordinates": "axisymmetric",
        "box": BALL["box"][:2],
        "cut": ["bottom"],
        "coating": "1.5 nm",
    }
    record = made(tmp_path, Particle, content, coating=ROWS)
    low = heights(record, "coating", {"particle", "electrolyte"})
    assert low.max() <= 0.01 * NM * 1.0001
    assert record.report["regions"]["coating"]["pieces"] == 1


def test_rows_grow_thinner_in_wedges(tmp_path: Path) -> None:
    bare = made(tmp_path, Composite, NECKS)
    rowed = made(tmp_path, Composite, NECKS, particle=ROWS, electrolyte=ROWS)
    assert rowed.report["interfaces"] == pytest.approx(bare.report["interfaces"], rel=1e-9)
    for name in rowed.regions:
        same = pytest.approx(bare.report["regions"][name]["volume"], rel=1e-9)
        assert rowed.report["regions"][name]["volume"] == same
    outer = heights(rowed, "electrolyte", {"particle"})
    assert np.median(outer) == pytest.approx(np.median(heights(rowed, "particle", {"electrolyte"})), rel=0.02)
    assert outer.min() < 0.7 * np.median(outer) and outer.max() <= 0.0101 * NM


def test_the_rows_of_a_table() -> None:
    rows = Rows.model_validate(ROWS)
    places = np.array([0.0, *rows.heights()])
    assert places[-1] == pytest.approx(0.4 * NM) and np.diff(places)[0] <= 0.01 * NM
    assert np.diff(places)[1:] / np.diff(places)[:-1] == pytest.approx(1.5)
    assert np.diff(places)[0] * 1.5 > 0.01 * NM  # one row fewer would be thicker
    even = Rows.model_validate({**ROWS, "growth": 1.0})
    assert even.count == 40 and np.diff(even.heights()) == pytest.approx(0.01 * NM)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ({"grain": ROWS}, r"boundary_layer.grain: there is no such region; take from particle, electrolyte"),
        ({"particle": {**ROWS, "first": "1 nm"}}, r"particle.first: the first row \(0.001 um\) is thicker"),
        ({"particle": {**ROWS, "growth": 1.0, "first": "0.001 nm"}}, r"boundary_layer.particle.growth: .* 400 rows"),
        ({"electrolyte": {**ROWS, "thickness": "3.5 nm"}}, "boundary_layer.electrolyte: rows of 0.0035 um leave"),
    ],
)  # fmt: skip
def test_rows_that_cannot_be_are_refused(tmp_path: Path, rows: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        made(tmp_path, Particle, BALL, **rows)
    assert len(str(caught.value).splitlines()) == 1


def test_grains_have_no_rows(tmp_path: Path) -> None:
    grains = {"radius": "2 nm", "spread": 0.1, "overlap": 0.1, "rounding": 0.2}
    with pytest.raises(InputError, match=r"boundary_layer: rows need interfaces that are closed"):
        made(tmp_path, Composite, {**NECKS, "grains": grains}, particle=ROWS)


def squares(regions: list[int], names: tuple[str, ...]) -> Cells:
    """Return four squares of two triangles around the point (1, 1), each square of a region."""
    points = np.array([[x, y] for y in range(3) for x in range(3)], dtype=float)
    cells, region = [], []
    for number, (x, y) in zip(regions, ((0, 0), (1, 0), (0, 1), (1, 1)), strict=True):
        a = x + 3 * y
        cells += [[a, a + 1, a + 4], [a, a + 4, a + 3]]
        region += [number, number]
    sides = {
        "left": [[0, 3], [3, 6]], "right": [[2, 5], [5, 8]], "bottom": [[0, 1], [1, 2]], "top": [[6, 7], [7, 8]],
    }  # fmt: skip
    facets = {name: np.array(each) for name, each in sides.items()}
    return Cells("plane strain", points, np.array(cells), np.array(region), names, np.ones(8), facets)


def test_an_interface_that_ends_inside_is_refused() -> None:
    mesh = squares([0, 1, 2, 2], ("a", "b", "c"))
    with pytest.raises(InputError, match=r"boundary_layer.a: its interface ends inside the mesh"):
        inflate(mesh, {"a": np.array([0.1])}, (frozenset({"a", "b"}),))
    made = inflate(mesh, {"a": np.array([0.1, 0.3]), "c": np.array([0.2])}, ())
    points = made.points
    area = {
        name: float(sum(abs(np.linalg.det(points[cell[1:]] - points[cell[0]])) / 2 for cell in cells))
        for name, cells in made.regions.items()
    }
    assert area == pytest.approx({"a": 1.0, "b": 1.0, "c": 2.0})
    assert {name: len(facets) for name, facets in made.sides.items()} == {
        "left": 5,
        "right": 3,
        "bottom": 4,
        "top": 2,
    }


def test_an_edge_that_is_too_sharp_is_refused() -> None:
    # two squares of one region that touch in a point: no way leads in from there
    mesh = squares([0, 1, 1, 0], ("a", "b"))
    with pytest.raises(
        InputError, match=r"boundary_layer.a: its interface has too sharp an edge at \(1, 1\) um"
    ):
        inflate(mesh, {"a": np.array([0.1])}, ())
