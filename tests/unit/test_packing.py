"""Random packings: distances, fractions, contacts, periodic sides, seeds."""

from dataclasses import replace

import numpy as np
import pytest

from chemomech.errors import InputError
from chemomech.geometry import packing
from chemomech.geometry.packing import Bed, Packing

FLAT = Bed(box=(30.0, 24.0), periodic=False, fraction=0.55, gap=0.4)
SOLID = Bed(box=(24.0, 20.0, 20.0), periodic=True, fraction=0.42, gap=0.2)


def made(bed: Bed, seed: int = 0, median: float = 2.5) -> Packing:
    rng = np.random.default_rng(seed)
    return packing.pack(bed, packing.draw_lognormal(bed, median, 0.2, 0.7 * median, 1.5 * median, rng), seed)


def clearances(result: Packing) -> tuple[np.ndarray, np.ndarray]:
    """Return the distance between the surfaces of every pair (nearest image), and which pairs touch."""
    x, r, box = result.centres, result.radii, np.array(result.bed.box)
    apart = x[:, None] - x[None, :]
    if result.bed.periodic:
        apart[:, :, 1:] -= np.round(apart[:, :, 1:] / box[1:]) * box[1:]
    touching = np.zeros((len(r), len(r)), dtype=bool)
    touching[result.contacts[:, 0], result.contacts[:, 1]] = True
    upper = np.triu_indices(len(r), 1)
    return (np.linalg.norm(apart, axis=2) - r[:, None] - r[None, :])[upper], touching[upper]


@pytest.mark.parametrize(
    "bed", [FLAT, SOLID, replace(FLAT, periodic=True)], ids=["2D", "3D periodic", "2D periodic"]
)
def test_particles_keep_the_gap_and_meet_the_fraction(bed: Bed) -> None:
    result = made(bed)
    assert clearances(result)[0].min() > 0.97 * bed.gap
    assert result.fraction == pytest.approx(bed.fraction, rel=0.005)
    assert (packing.ball(result.radii, len(bed.box)).sum() / np.prod(bed.box)) == pytest.approx(
        result.fraction
    )
    margin = result.radii[:, None] + 0.999 * bed.gap
    axes = slice(0, 1) if bed.periodic else slice(None)
    assert (result.centres[:, axes] >= margin).all()
    assert (result.centres[:, axes] <= np.array(bed.box)[axes] - margin).all()


def test_the_seed_decides() -> None:
    first, again, other = made(FLAT, 3), made(FLAT, 3), made(FLAT, 4)
    assert np.array_equal(first.centres, again.centres) and np.array_equal(first.radii, again.radii)
    assert first.centres.shape != other.centres.shape or not np.allclose(first.centres, other.centres)


@pytest.mark.parametrize(
    "bed",
    [FLAT, replace(SOLID, fraction=0.35, periodic=False), replace(FLAT, periodic=True)],
    ids=["2D", "3D", "2D periodic"],
)
def test_necks_join_all_particles_to_the_collector_without_loops(bed: Bed) -> None:
    bed = replace(bed, neck=0.3, collector_contact=0.15)
    result = made(bed, median=2.2)
    away, touching = clearances(result)
    assert away[touching] == pytest.approx(-0.3, rel=0.06)
    assert away[~touching].min() > 0.97 * bed.gap
    assert len(result.contacts) + len(result.collector) == len(result.radii)  # a tree rooted at the collector
    reached = set(result.collector.tolist())
    for _ in result.radii:
        for a, b in result.contacts.tolist():
            reached |= {a, b} if reached & {a, b} else set()
    assert reached == set(range(len(result.radii)))
    beyond = result.centres[:, 0] + result.radii - bed.box[0]
    assert beyond[result.collector] == pytest.approx(0.15 * result.radii[result.collector])
    assert result.fraction == pytest.approx(bed.fraction, rel=0.005)


def test_exact_fraction_agrees_with_counting_points() -> None:
    result = made(replace(FLAT, neck=0.5, collector_contact=0.3))
    points = np.random.default_rng(0).random((200_000, 2)) * np.array(FLAT.box)
    inside = np.zeros(len(points), dtype=bool)
    for centre, radius in zip(result.centres, result.radii, strict=True):
        inside |= ((points - centre) ** 2).sum(axis=1) < radius**2
    assert inside.mean() == pytest.approx(result.fraction, abs=0.004)


def test_caps_add_up_to_the_ball() -> None:
    r = np.array([2.0])
    for d in (2, 3):
        assert packing.cap(r, 0.3, d) + packing.cap(r, 1.7, d) == pytest.approx(packing.ball(r, d))


def test_periodic_particles_come_back_at_the_opposite_side() -> None:
    result = made(replace(FLAT, periodic=True), seed=1)
    centres, radii = result.with_images()
    assert len(radii) > len(result.radii)
    crossing = centres[:, 1] < radii
    for centre, radius in zip(centres[crossing], radii[crossing], strict=True):
        partner = np.linalg.norm(centres - (centre + [0.0, FLAT.box[1]]), axis=1)
        assert partner.min() < 1e-9 and radii[partner.argmin()] == radius
    to_side = np.abs(np.concatenate([centres[:, 1], centres[:, 1] - FLAT.box[1]]))
    grazing = np.abs(to_side - np.tile(radii, 2))
    assert grazing.min() > 0.9 * FLAT.gap


def test_coatings_keep_the_gap() -> None:
    result = made(replace(FLAT, fraction=0.4, shell=0.3))
    assert clearances(result)[0].min() > 0.97 * (FLAT.gap + 2 * 0.3)


def test_overfull_beds_say_what_was_reached() -> None:
    with pytest.raises(InputError, match=r"0\.79 could not be packed; about 0\.[4-7]\d was reached"):
        made(replace(FLAT, fraction=0.79))


def test_few_large_particles_cannot_make_every_fraction() -> None:
    bed = Bed(box=(12.0, 12.0), periodic=False, fraction=0.3, gap=0.2)
    with pytest.raises(InputError, match="cannot make a fraction of 0.3"):
        packing.draw_in_turn(bed, (5.0,))
