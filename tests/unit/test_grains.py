"""Electrolyte of pressed grains: the outline against closed forms, the packing, and the mesh it becomes."""

from pathlib import Path

import gmsh
import numpy as np
import pytest

from chemomech.errors import InputError
from chemomech.geometry import grains, shapes
from chemomech.geometry.build import build, session
from chemomech.geometry.cells import TRIANGLE, VOID, facets_of
from chemomech.geometry.grains import GrainBed, Grains
from chemomech.geometry.kinds import Composite
from chemomech.geometry.tables import GrainSizes, MeshSize, Names, Radii

BED = GrainBed(np.array([12.0, 10.0]), np.array([[6.0, 5.0]]), np.array([2.5]), 0.7, 0.1, 0.08, 0.15)


def area(loops: list[list[grains.Arc]]) -> float:
    """Return the area of the surface that the loops bound, as the CAD kernel has it."""
    with session():
        wires = [shapes._wire(loop) for loop in loops]
        return float(gmsh.model.occ.getMass(2, gmsh.model.occ.addPlaneSurface(wires)))


def test_two_grains_are_joined_by_a_neck_with_fillets() -> None:
    # two discs of radius 1 at a distance 2 d, closed by a ball of radius rho that touches both
    d, rho = 0.9, 0.2
    pair = Grains(np.array([[0.0, 0.0], [2 * d, 0.0]]), np.ones(2), rho, 2, 0, 0.1)
    (loop,) = grains.outline(pair)
    height = np.sqrt((1 + rho) ** 2 - d**2)  # of the ball's centre above the line of centres
    angle = np.arccos(d / (1 + rho))
    # above the line of centres: the triangle of the three centres, less the sector of the ball, beside the two sectors
    # of the discs outside that triangle
    exact = 2 * (np.pi - angle) + 2 * (d * height - rho**2 * (np.pi / 2 - angle))
    assert area([loop]) == pytest.approx(exact, rel=1e-9)


def test_gaps_too_narrow_for_the_ball_are_filled() -> None:
    corners = np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 2.0], [0.0, 2.0]])
    # the hole between four discs that touch takes a ball of radius sqrt(2) - 1
    small = grains.outline(Grains(corners, np.ones(4), 0.40, 4, 0, 0.0))
    large = grains.outline(Grains(corners, np.ones(4), 0.42, 4, 0, 0.0))
    assert (len(small), len(large)) == (2, 1)
    assert area(large) > area(small)


def test_outline_is_smooth_and_closed() -> None:
    settled = grains.settle(BED, 3)
    loops = grains.outline(settled)
    assert len(loops) > 3
    for loop in loops:
        for (centre, radius, start, end), (after, other, begin, stop) in zip(
            loop, [*loop[1:], loop[0]], strict=True
        ):
            here = centre + radius * np.array([np.cos(end), np.sin(end)])
            there = after + other * np.array([np.cos(begin), np.sin(begin)])
            assert np.linalg.norm(here - there) < 1e-9
            # the direction of travel does not jump either
            ahead = np.sign(end - start) * np.array([-np.sin(end), np.cos(end)])
            next_ahead = np.sign(stop - begin) * np.array([-np.sin(begin), np.cos(begin)])
            assert ahead @ next_ahead == pytest.approx(1.0, abs=1e-9)


def test_grains_overlap_as_wanted_and_keep_off_the_particle() -> None:
    settled = grains.settle(BED, 1)
    x, r = settled.centres, settled.radii
    inside = np.all((x > 0) & (x < BED.box), axis=1)
    i, j = np.triu_indices(len(x), 1)
    pressed = 1 - np.linalg.norm(x[i] - x[j], axis=1) / (r[i] + r[j])
    pressed = pressed[(pressed > 0) & inside[i] & inside[j]]
    assert pressed.mean() == pytest.approx(BED.overlap, rel=0.1)
    clear = np.linalg.norm(x - BED.centres[0], axis=1) - BED.radii[0]
    assert clear[inside].min() > grains.SWALLOWED * BED.radius * 0.8


def test_the_same_seed_gives_the_same_grains() -> None:
    first, second, third = (grains.settle(BED, seed) for seed in (5, 5, 6))
    assert np.array_equal(first.centres, second.centres)
    assert not np.array_equal(first.centres[:3], third.centres[:3])


def test_grains_that_do_not_fit_are_refused() -> None:
    crowded = GrainBed(np.array([4.0, 4.0]), np.array([[2.0, 2.0]]), np.array([2.2]), 1.0, 0.0, 0.1, 0.2)
    with pytest.raises(InputError, match="do not fit between the particles"):
        grains.settle(crowded, 1)


RECIPE = Composite(
    kind="composite",
    name="grains",
    coordinates="plane strain",
    separator="2 um",
    electrode="9 um",
    width="9 um",
    sides="walled",
    fraction=0.25,
    radii=Radii(values=("1.7 um",)),
    gap="0.8 um",
    neck="0.2 um",
    collector_contact=0.1,
    grains=GrainSizes(radius="0.8 um", spread=0.1, overlap=0.08, rounding=0.2),
    seed=2,
    names=Names(separator="electrolyte"),
    mesh_size=MeshSize(interface="0.3 um", bulk="0.7 um", per_turn=12),
)


def test_a_mesh_of_grains(tmp_path: Path) -> None:
    record = build(RECIPE, tmp_path)
    report = record.report
    assert record.boundaries == ("left", "right", "bottom", "top", VOID)
    assert report["regions"]["electrolyte"]["pieces"] == 1
    assert report["paths"]["electrolyte_pockets"] == []
    assert report["grains"]["placed"] > 30 and report["grains"]["left_out"] < 10
    # what is neither grain nor particle is void: the solids fill less than the box, and its surface is all named
    assert 0.7 < report["volume"] / (11 * 9) < 0.99
    import meshio

    mesh = meshio.read(record.msh)
    cells = np.concatenate([block.data for block in mesh.cells if block.type == "triangle"])
    lines = np.concatenate([block.data for block in mesh.cells if block.type == "line"])
    outer = facets_of(cells.astype(np.int64), TRIANGLE)
    edge = {tuple(corners) for corners in np.sort(outer.corners[outer.cells[:, 1] < 0], axis=1).tolist()}
    assert {tuple(corners) for corners in np.sort(lines, axis=1).tolist()} == edge


def test_smaller_overlap_leaves_more_void(tmp_path: Path) -> None:
    sizes = [RECIPE.grains.model_copy(update={"overlap": value}) for value in (0.05, 0.2)]  # type: ignore[union-attr]
    loose, pressed = (build(RECIPE.model_copy(update={"grains": one}), tmp_path).report for one in sizes)
    assert loose["volume"] < pressed["volume"]
    assert loose["interfaces"]["particle|electrolyte"] < pressed["interfaces"]["particle|electrolyte"]
