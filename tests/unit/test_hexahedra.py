"""Meshes of voxels as the physics sees them: orientation of interfaces, fields on submeshes, sampling, a whole run."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import chemomech.runtime  # noqa: F401

import numpy as np
import pytest
import small
from dolfinx import fem
from mpi4py import MPI

from chemomech.analysis.sampling import RegionGrid
from chemomech.domain import Domain, read_domain
from chemomech.fields import CONCENTRATION, DISPLACEMENT, IONIC_POTENTIAL, State
from chemomech.geometry.build import build
from chemomech.geometry.cells import measure, shape_of
from chemomech.geometry.image_recipe import Image
from chemomech.results.read import open_results

SIZES = {"plane strain": (0.5, 0.25), "3D": (0.5, 0.25, 1.0)}
COUNTS = {"plane strain": (7, 6), "3D": (5, 4, 3)}
KINDS = list(SIZES)
POINTS, WEIGHTS = np.polynomial.legendre.leggauss(3)


def image_of(coordinates: str) -> np.ndarray:
    image = np.random.default_rng(5).integers(0, 2, COUNTS[coordinates]).astype(np.uint8)
    image.flat[0], image.flat[1] = 0, 1
    return image


def domain_of(folder: Path, coordinates: str, **changes: Any) -> Domain:
    image = image_of(coordinates)
    np.save(folder / "image.npy", image)
    values = {
        "kind": "image",
        "coordinates": coordinates,
        "file": "image.npy",
        "axes": "xyz"[: image.ndim],
        "voxel_size": [f"{size} um" for size in SIZES[coordinates]],
        "phases": {"a": 0, "b": 1},
        "method": "voxel",
        "directory": folder,
        **changes,
    }
    record = build(Image.model_validate(values), folder)
    return read_domain(record.msh, coordinates, MPI.COMM_SELF, 4)  # type: ignore[arg-type]


def faces(coordinates: str) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Yield of each interface face its axis (negative where b is below), points (k, d) and weights for an integral."""
    image, sizes = image_of(coordinates).astype(int), np.array(SIZES[coordinates])
    d = image.ndim
    for axis in range(d):
        step = np.moveaxis(np.diff(image, axis=axis), axis, 0)
        for place in np.argwhere(step != 0):
            at = np.insert(np.delete(place, 0), axis, place[0])
            across = [other for other in range(d) if other != axis]
            grids = np.meshgrid(*[(POINTS + 1) / 2] * (d - 1), indexing="ij")
            points = np.tile((at * sizes).astype(float), (grids[0].size, 1))
            points[:, axis] += sizes[axis]
            for other, grid in zip(across, grids, strict=True):
                points[:, other] += grid.ravel() * sizes[other]
            weights = np.prod(np.meshgrid(*[WEIGHTS / 2] * (d - 1), indexing="ij"), axis=0).ravel()
            sign = 1 if step[tuple(place)] > 0 else -1
            yield sign * (axis + 1), points, weights * np.prod(sizes[across])


@pytest.mark.parametrize("coordinates", KINDS)
@pytest.mark.parametrize("pair", [("a", "b"), ("b", "a")])
def test_unlike_fields_meet_at_an_interface_point_by_point(
    tmp_path: Path, coordinates: str, pair: tuple[str, str]
) -> None:
    domain = domain_of(tmp_path, coordinates)
    laws = {
        "a": lambda x: 1 + 2 * x[0] + x[1] * (x[0] - 3) + x[2],
        "b": lambda x: 5 - x[0] * x[1] + 2 * x[1] - 0.5 * x[2] * x[0],
    }
    functions = {}
    for name, law in laws.items():
        functions[name] = fem.Function(fem.functionspace(domain.support([name]).mesh, ("Lagrange", 1)))
        functions[name].interpolate(law)
    plus, minus = (functions[name] for name in pair)
    product = domain.integral(
        domain.on_interface(plus("+") * minus("-") + 3 * plus("+"), [pair[0]], [pair[1]])
    )
    expected = 0.0
    for _, points, weights in faces(coordinates):
        x = np.pad(points, ((0, 0), (0, 3 - points.shape[1]))).T
        expected += float(np.sum(weights * (laws[pair[0]](x) * laws[pair[1]](x) + 3 * laws[pair[0]](x))))
    assert product == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("coordinates", KINDS)
def test_the_normal_points_from_the_first_region_to_the_second(tmp_path: Path, coordinates: str) -> None:
    import ufl

    domain = domain_of(tmp_path, coordinates)
    normal, x = ufl.FacetNormal(domain.mesh), ufl.SpatialCoordinate(domain.mesh)
    for pair, sign in ((("a", "b"), 1), (("b", "a"), -1)):
        flow = domain.integral(domain.on_interface(ufl.dot(normal("+"), x) * x[0], [pair[0]], [pair[1]]))
        expected = sum(
            sign * np.sign(axis) * float(np.sum(w * p[:, abs(axis) - 1] * p[:, 0]))
            for axis, p, w in faces(coordinates)
        )
        assert flow == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("coordinates", KINDS)
def test_volumes_boundaries_and_normals(tmp_path: Path, coordinates: str) -> None:
    domain = domain_of(tmp_path, coordinates)
    image, size = image_of(coordinates), float(np.prod(SIZES[coordinates]))
    assert domain.volume(["b"]) == pytest.approx(image.sum() * size)
    assert domain.boundary_area("left", ["b"]) == pytest.approx(image[0].sum() * size / SIZES[coordinates][0])
    assert [domain.normal_axis(name) for name in ("left", "top")] == [0, 1]


@pytest.mark.parametrize("coordinates", KINDS)
@pytest.mark.parametrize("method", [{}, {"method": "smooth", "smoothing": 10}])
def test_sides_of_smooth_meshes_can_be_rollers(
    tmp_path: Path, coordinates: str, method: dict[str, Any]
) -> None:
    domain = domain_of(tmp_path, coordinates, **method)
    names = ("left", "right", "bottom", "top", "front", "back")[: 2 * domain.dimension]
    assert [domain.normal_axis(name) for name in names] == [number // 2 for number in range(len(names))]


@pytest.mark.parametrize("degree", [1, 2])
@pytest.mark.parametrize("coordinates", KINDS)
def test_sampled_cells_are_sound_and_carry_their_corners(
    tmp_path: Path, coordinates: str, degree: int
) -> None:
    domain = domain_of(tmp_path, coordinates)
    supports = {
        CONCENTRATION: domain.support(["a"]),
        IONIC_POTENTIAL: domain.support(["b"]),
        DISPLACEMENT: domain.support(["a", "b"]),
    }
    state = State(domain, supports, degrees=dict.fromkeys(supports, degree))
    for number, item in enumerate((CONCENTRATION, IONIC_POTENTIAL)):
        state.unknowns[item].function.interpolate(lambda x, n=number: n + x[0] + 7 * x[1] * x[0] + 3 * x[2])
    d = domain.dimension
    state.unknowns[DISPLACEMENT].function.interpolate(lambda x: np.stack([x[1], x[0] * x[1], x[2]])[:d])
    grid = RegionGrid.of(domain)
    shape = shape_of(d, grid.cells.shape[1])
    volumes = measure(grid.points[:, :d], grid.cells.astype(np.int64), shape, False)
    # corners out of turn would fold the cell
    np.testing.assert_allclose(volumes, np.prod(SIZES[coordinates]), rtol=1e-12)
    for facet in shape.facets if d == 3 else (range(4),):
        corners = grid.points[grid.cells[:, list(facet)]]
        np.testing.assert_allclose(corners[:, 0] + corners[:, 2], corners[:, 1] + corners[:, 3], atol=1e-12)
    x, y, z = grid.points.T
    owner = np.full(len(grid.points), -1)
    owner[grid.cells] = grid.region[:, None]
    for number, item in enumerate((CONCENTRATION, IONIC_POTENTIAL)):
        there = owner == number
        values = grid.nodal(state, item)
        np.testing.assert_allclose(values[there], (number + x + 7 * x * y + 3 * z)[there], atol=1e-12)
        assert np.isnan(values[~there]).all()
    np.testing.assert_allclose(
        grid.nodal(state, DISPLACEMENT)[:, :2], np.column_stack([y, x * y]), atol=1e-12
    )


SLAB = """\
kind = "image"
coordinates = "plane strain"
file = "slab.npy"
axes = "xy"
voxel_size = ["0.25 um", "0.5 um"]
phases = { electrolyte = 0, particle = 1 }
"""
WAYS = {"quadrilaterals": 'method = "voxel"\n', "triangles": 'method = "smooth"\nsmoothing = 0\n'}


def run(folder: Path, mesh: str, image: np.ndarray, cell: dict[str, Any]) -> Any:
    small.write(folder, {**small.FILM, "cell": cell}, mesh, protocol={"steps": ["Charge at 2C for 200 s"]})
    np.save(folder / "slab.npy", image)
    done = small.chemomech("run", folder, "--results", folder / "out", "--quiet", timeout=900)
    assert done.returncode == 0, done.stderr
    results = open_results(folder / "out")
    assert np.max(results.history["Lithium balance error [-]"]) < 1e-9
    assert np.max(results.history["Charge balance error [-]"]) < 1e-6
    return results


@pytest.mark.slow
def test_a_coupled_run_on_triangles_quadrilaterals_and_hexahedra(tmp_path: Path) -> None:
    image = np.zeros((24, 2, 2), np.uint8)
    image[16:] = 1
    solid = SLAB.replace('"plane strain"', '"3D"').replace('"xy"', '"xyz"')
    solid = solid.replace('"0.5 um"]', '"0.5 um", "0.5 um"]')
    deep = {key: value for key, value in small.FILM["cell"].items() if key != "depth"}
    triangles = run(tmp_path / "2D", SLAB + WAYS["triangles"], image[:, :, 0], deep | {"depth": "1 um"})
    squares = run(
        tmp_path / "squares", SLAB + WAYS["quadrilaterals"], image[:, :, 0], deep | {"depth": "1 um"}
    )
    cubes = run(tmp_path / "cubes", solid + WAYS["quadrilaterals"], image, deep)
    assert [r.grid.cells.shape[1] for r in (triangles, squares, cubes)] == [3, 4, 8]
    # another discretisation of the same layers: an error of discretisation apart
    for name, tolerance in (("Voltage [V]", 3e-4), ("Platen displacement [um]", 1e-5)):
        assert squares.history[name][-1] == pytest.approx(triangles.history[name][-1], abs=tolerance)
    # one dimension in effect, with the same trial functions along it: the same discrete solution but for round-off
    for name in ("Voltage [V]", "Current [A]", "Platen displacement [um]", "Max von Mises in particle [MPa]"):
        assert cubes.history[name][-1] == pytest.approx(squares.history[name][-1], rel=1e-6)
