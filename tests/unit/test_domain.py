"""Regions, oriented interfaces, boundaries and measures, against sums over plain arrays."""

import chemomech.runtime  # noqa: F401

import numpy as np
import patchwork
import pytest
import ufl
from mpi4py import MPI
from patchwork import REGIONS

from chemomech.domain import check_names, read_domain
from chemomech.errors import InputError
from chemomech.geometry.build import open_mesh
from chemomech.verification import meshes


@pytest.mark.parametrize("coordinates", patchwork.KINDS)
@pytest.mark.parametrize("check", patchwork.ALL, ids=lambda check: check.__name__)
def test_patchwork(check, coordinates):
    check(coordinates)


def test_the_first_group_is_the_plus_side_in_either_order():
    patches = patchwork.patchwork("plane strain")
    domain = patches.domain
    links = domain.mesh.topology.connectivity(1, 2)
    both = {(True, False): 0, (False, True): 0}
    for plus, minus in (("a", "b"), ("b", "a")):
        data = domain._oriented_facets(frozenset([plus]), frozenset([minus])).reshape(-1, 4)
        assert len(data) and np.all(domain.cell_region[data[:, 0]] == REGIONS[plus])
        assert np.all(domain.cell_region[data[:, 2]] == REGIONS[minus])
        for cell, local, _, _ in data:
            facet = domain.mesh.topology.connectivity(2, 1).links(cell)[local]
            first = links.links(facet)[0] == cell
            both[first, not first] += 1
    assert min(both.values()) > 5, "the mesh must hold facets of both orders, or the test shows nothing"


def test_the_wrong_order_is_another_number():
    # what makes the tests above able to fail: the sides carry unlike values
    patches = patchwork.patchwork("plane strain")
    one = patches.interface({"a"}, {"b"}, patchwork.left, patchwork.left)
    other = patches.interface({"a"}, {"b"}, patchwork.left, patchwork.right)
    assert abs(one - other) > 0.1 * abs(other)


def test_areas_and_volumes_of_a_sphere(tmp_path):
    recipe = tmp_path / "ball.toml"
    recipe.write_text(
        'kind = "particle"\ncoordinates = "axisymmetric"\nradius = "3 um"\nbox = ["5 um", "10 um"]\n'
        '[mesh_size]\ninterface = "0.2 um"\nbulk = "1 um"\ntransition = "3 um"\n'
    )
    record = open_mesh(recipe, tmp_path)
    domain = read_domain(record.msh, record.coordinates, MPI.COMM_WORLD)
    assert domain.volume(["particle"]) == pytest.approx(4 / 3 * np.pi * 27, rel=3e-3)
    assert domain.volume(domain.regions) == pytest.approx(np.pi * 25 * 10, rel=1e-12)
    assert domain.interface_area(["particle"], ["electrolyte"]) == pytest.approx(4 * np.pi * 9, rel=3e-3)
    assert domain.boundary_area("bottom") == pytest.approx(np.pi * 25, rel=1e-12)
    assert domain.boundary_area("outer") == pytest.approx(2 * np.pi * 5 * 10, rel=1e-12)
    assert domain.boundary_area("axis") == pytest.approx(0.0, abs=1e-12)
    assert domain.boundary_area("bottom", ["particle"]) == 0.0
    assert domain.adjacent() == {("electrolyte", "particle")}
    assert domain.normal_axis("bottom") == 1 and domain.normal_axis("outer") == 0


def test_boundaries_of_layers_belong_to_their_regions():
    domain = meshes.layers("plane strain", {"a": 1.0, "b": 2.0}, (3, 4), breadth=1.5)
    assert domain.boundary_area("left", ["a"]) == pytest.approx(1.5)
    assert domain.boundary_area("left", ["b"]) == 0.0
    assert domain.boundary_area("top", ["b"]) == pytest.approx(2.0)
    support = domain.boundary_support("top", ["a"])
    x = support.mesh.geometry.x
    assert x[:, 0].max() == pytest.approx(1.0) and np.all(x[:, 1] == 1.5)


def test_strain_of_linear_displacements():
    for coordinates in patchwork.KINDS:
        domain = patchwork.patchwork(coordinates).domain
        x = ufl.SpatialCoordinate(domain.mesh)
        scale = ufl.as_vector([0.1 * x[0], *(0.3 * x[k] for k in range(1, domain.dimension))])
        expected = {"plane strain": (0.1, 0.3, 0.0), "axisymmetric": (0.1, 0.3, 0.1), "3D": (0.1, 0.3, 0.3)}
        strain = domain.strain(scale)
        volume = domain.volume(domain.regions)
        for k in range(3):
            mean = domain.integral(domain.over(strain[k, k], domain.regions)) / volume
            assert mean == pytest.approx(expected[coordinates][k], abs=1e-12), (coordinates, k)
        shear = ufl.as_vector([0.2 * x[1], *([0.0] * (domain.dimension - 1))])
        mean = domain.integral(domain.over(domain.strain(shear)[0, 1], domain.regions)) / volume
        assert mean == pytest.approx(0.1, abs=1e-12)


def test_a_bent_boundary_has_no_normal_axis():
    domain = meshes.sphere({"a": np.linspace(0, 1, 4)}, angles=3)
    assert domain.normal_axis("bottom") == 1
    with pytest.raises(InputError, match=r"'outer'.*not a plane.*free"):
        domain.normal_axis("outer")


def test_all_names_that_do_not_fit_are_said_at_once():
    domain = patchwork.patchwork("plane strain").domain
    with pytest.raises(InputError) as caught:
        check_names(domain, ["a", "b", "d"], ["low 0", "roof"], "case.toml")
    said = str(caught.value)
    for part in ("no region 'd'", "no boundary 'roof'", "region 'c' of the mesh has no entry"):
        assert part in said
    assert len(caught.value.problems) == 3
