"""The independent solution of conduction through voxels: what is exact is exact, and what it is to leave out."""

import numpy as np
import pytest

from chemomech.verification.voxel_flow import effective_conductivity

SIDES = (0.5, 2.0, 1.5)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("stacked", [0, 1, 2])
def test_laminates_are_exact(axis: int, stacked: int) -> None:
    image = np.zeros((6, 6, 6), int)
    np.moveaxis(image, stacked, 0)[2:5] = 1
    k = {0: 3.0, 1: 0.25}
    expected = 1 / (0.5 / 3.0 + 0.5 / 0.25) if axis == stacked else 0.5 * (3.0 + 0.25)
    flow = effective_conductivity(image, k, axis, SIDES)
    assert flow.conductivity == pytest.approx(expected, rel=1e-9)
    assert flow.imbalance < 1e-8 and flow.carrying == 1.0


def test_bars_of_unlike_paths_in_the_plane() -> None:
    # two rows that do not touch: one uniform, one in series; the third insulates
    image = np.array([[0, 2, 0], [0, 2, 1], [0, 2, 1], [0, 2, 0]])
    flow = effective_conductivity(image, {0: 2.0, 1: 0.5}, 0)
    series = 1 / (0.5 / 2.0 + 0.5 / 0.5)
    assert flow.conductivity == pytest.approx((2.0 + series) / 3, rel=1e-9)
    assert flow.carrying == pytest.approx(2 / 3)


def test_what_reaches_one_face_only_carries_nothing() -> None:
    image = np.ones((5, 4, 4), int)
    image[:, 1, 1] = 0
    image[:4, 3, 3] = image[2, 1, 3] = 0  # a blind end, and an island
    flow = effective_conductivity(image, {0: 7.0})
    assert flow.conductivity == pytest.approx(7.0 / 16, rel=1e-9)
    assert flow.carrying == pytest.approx(5 / 80)
    image[3, 1, 1] = 1
    assert effective_conductivity(image, {0: 7.0}).conductivity == 0.0


def test_neither_direction_nor_reflection_matters() -> None:
    image = np.random.default_rng(4).integers(0, 2, (9, 8, 7))
    k = {0: 1.0, 1: 0.1}
    one = effective_conductivity(image, k).conductivity
    assert 1 / (0.5 + 0.5 / 0.1) < one < 0.55
    for other in (image[::-1], image[:, ::-1], image.transpose(0, 2, 1)):
        assert effective_conductivity(other, k).conductivity == pytest.approx(one, rel=1e-7)
    assert effective_conductivity(image.transpose(1, 0, 2), k, 1).conductivity == pytest.approx(one, rel=1e-7)
    double = {label: 2 * value for label, value in k.items()}
    assert effective_conductivity(image, double).conductivity == pytest.approx(2 * one, rel=1e-7)
