"""From the state to arrays: jumps at interfaces, nothing outside a support, averages of a known stress."""

import chemomech.runtime  # noqa: F401

import numpy as np
import patchwork
import pytest
import ufl
from dolfinx import fem
from patchwork import REGIONS

from chemomech.analysis.sampling import CellAverages, RegionGrid
from chemomech.fields import CONCENTRATION, DISPLACEMENT, ELECTRONIC_POTENTIAL, IONIC_POTENTIAL, State


def make(coordinates, degrees=None):
    patches = patchwork.patchwork(coordinates)
    domain = patches.domain
    supports = {
        CONCENTRATION: domain.support(["a"]),
        ELECTRONIC_POTENTIAL: domain.support(["a", "c"]),
        IONIC_POTENTIAL: domain.support(["b"]),
        DISPLACEMENT: domain.support(REGIONS),
    }
    return patches, State(domain, supports, [ELECTRONIC_POTENTIAL], degrees)


@pytest.mark.parametrize("coordinates", patchwork.KINDS)
def test_points_are_doubled_region_by_region(coordinates):
    patches, state = make(coordinates)
    grid = RegionGrid.of(state.domain)
    assert grid.regions == tuple(REGIONS)
    assert len(grid.cells) == len(patches.cells) and sorted(grid.parent) == list(range(len(patches.cells)))
    tags = np.array([REGIONS[grid.regions[k]] for k in grid.region])
    np.testing.assert_array_equal(tags, state.domain.cell_region[grid.parent])
    corners = state.domain.mesh.geometry.x[state.domain.mesh.geometry.dofmaps[0][grid.parent]]
    np.testing.assert_array_equal(grid.points[grid.cells], corners)
    # a point belongs to one region, and a place appears once in every region that touches it
    owner = np.full(len(grid.points), -1)
    owner[grid.cells] = grid.region[:, None]
    np.testing.assert_array_equal(owner[grid.cells], np.broadcast_to(grid.region[:, None], grid.cells.shape))
    places = np.unique(np.column_stack([grid.points, owner]), axis=0)
    assert len(places) == len(grid.points)


@pytest.mark.parametrize("degree", [1, 2])
@pytest.mark.parametrize("coordinates", ["plane strain", "3D"])
def test_nodal_values_jump_at_interfaces_and_end_with_their_field(coordinates, degree):
    _, state = make(
        coordinates, dict.fromkeys((CONCENTRATION, ELECTRONIC_POTENTIAL, IONIC_POTENTIAL), degree)
    )
    grid = RegionGrid.of(state.domain)
    for number, field in enumerate((CONCENTRATION, ELECTRONIC_POTENTIAL, IONIC_POTENTIAL)):
        function = state.unknowns[field].function
        function.interpolate(lambda x, n=number: 10.0 * n + x[0] + 2 * x[1] + x[0] * x[1])
    state.unknowns[ELECTRONIC_POTENTIAL].offset.value = 3.0
    owner = np.full(len(grid.points), -1)
    owner[grid.cells] = grid.region[:, None]
    names = np.array(grid.regions)[owner]
    x, y = grid.points[:, 0], grid.points[:, 1]
    shape = x + 2 * y + x * y
    for field, where, level in (
        (CONCENTRATION, ("a",), 0.0),
        (ELECTRONIC_POTENTIAL, ("a", "c"), 13.0),
        (IONIC_POTENTIAL, ("b",), 20.0),
    ):
        values = grid.nodal(state, field)
        here = np.isin(names, where)
        np.testing.assert_allclose(values[here], (level + shape)[here], atol=1e-12)
        assert np.all(np.isnan(values[~here])) and here.any() and (~here).any()


@pytest.mark.parametrize("coordinates", ["plane strain", "3D"])
def test_vectors_have_three_components(coordinates):
    _, state = make(coordinates, {DISPLACEMENT: 2})
    dimension = state.domain.dimension
    state.unknowns[DISPLACEMENT].function.interpolate(lambda x: [x[0] + k for k in range(dimension)])
    grid = RegionGrid.of(state.domain)
    values = grid.nodal(state, DISPLACEMENT)
    assert values.shape == (len(grid.points), 3)
    for k in range(3):
        expected = grid.points[:, 0] + k if k < dimension else 0.0 * grid.points[:, 0]
        np.testing.assert_allclose(values[:, k], expected, atol=1e-13)


@pytest.mark.parametrize("coordinates", patchwork.KINDS)
def test_averages_of_a_known_tensor(coordinates):
    # linear in place: the plain average is the value at the centroid; weighted by r it is a moment
    patches = patchwork.patchwork(coordinates)
    domain = patches.domain
    x = ufl.SpatialCoordinate(domain.mesh)

    def tensor(region):
        s = REGIONS[region]
        return ufl.as_tensor(
            [[s * x[0], 1.0 + x[1], 0.5], [1.0 + x[1], 2.0 * x[0], 0.25], [0.5, 0.25, -x[1]]]
        )

    averages = CellAverages(
        domain, tensor, tuple(REGIONS), lambda f: fem.form(f, entity_maps=domain.entity_maps)
    )
    got = averages.evaluate()
    cells = domain.mesh.geometry.x[domain.mesh.geometry.dofmaps[0]][: len(got)]
    mean = cells.mean(axis=1)
    if coordinates == "axisymmetric":
        r, y = cells[:, :, 0], cells[:, :, 1]
        # exact for linear functions f, g on a triangle: mean(f g) = (sum f sum g + sum(f g)) / 12
        moment = {0: (r.sum(1) ** 2 + (r * r).sum(1)) / 12, 1: (r.sum(1) * y.sum(1) + (r * y).sum(1)) / 12}
        mean = np.stack([moment[0] / r.mean(1), moment[1] / r.mean(1)], axis=1)
    tags = domain.cell_region[: len(got)]
    np.testing.assert_allclose(got[:, 0, 0], tags * mean[:, 0], rtol=1e-11)
    np.testing.assert_allclose(got[:, 1, 1], 2 * mean[:, 0], rtol=1e-11)
    np.testing.assert_allclose(got[:, 2, 2], -mean[:, 1], rtol=1e-11)
    np.testing.assert_allclose(got[:, 0, 1], 1 + mean[:, 1], rtol=1e-11)
    np.testing.assert_allclose(got[:, 0, 2], 0.5)
    np.testing.assert_allclose(got[:, 1, 2], 0.25)
    np.testing.assert_array_equal(got, got.transpose(0, 2, 1))
