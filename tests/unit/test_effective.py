"""Effective properties: constraints, percolation, groups, bounds, and what a case of them says and refuses."""

import json
from pathlib import Path
from typing import Any

import chemomech.runtime  # noqa: F401

import numpy as np
import pytest
import small
import tomlkit

from chemomech.analysis.bounds import bulk_and_shear, hashin_shtrikman, isotropic_average, wiener
from chemomech.analysis.box import FaceFacets, box_of
from chemomech.analysis.effective import effective_conductivity, joined
from chemomech.analysis.percolation import _windings, percolation
from chemomech.analysis.periodic import weights
from chemomech.analysis.sampling import cell_volumes
from chemomech.case.read import read_case
from chemomech.domain import Domain
from chemomech.errors import InputError
from chemomech.materials.material import load_material
from chemomech.results.read import open_results
from chemomech.verification import meshes

# -- constraints ---------------------------------------------------------------------------------------------

SEGMENT = np.array([[0.2], [0.7]])
TRIANGLE = np.array([[0.0, 0.0], [1.0, 0.1], [0.2, 0.9]])
RECTANGLE = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 1.0], [2.0, 1.0]])


def middles(corners: np.ndarray) -> np.ndarray:
    """Return a quadratic facet: corners, then the middles of the edges."""
    n = len(corners)
    pairs = [(i, j) for i in range(n) for j in range(i + 1, n)]
    return np.concatenate([corners, [(corners[i] + corners[j]) / 2 for i, j in pairs]])


@pytest.mark.parametrize(
    ("nodes", "powers"),
    [
        (SEGMENT, [(0,), (1,)]),
        (middles(SEGMENT), [(0,), (1,), (2,)]),
        (TRIANGLE, [(0, 0), (1, 0), (0, 1)]),
        (middles(TRIANGLE), [(0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2)]),
        (RECTANGLE, [(0, 0), (1, 0), (0, 1), (1, 1)]),
    ],
    ids=["segment", "quadratic segment", "triangle", "quadratic triangle", "rectangle"],
)
def test_weights_reproduce_the_polynomials_of_a_facet(
    nodes: np.ndarray, powers: list[tuple[int, ...]]
) -> None:
    point = nodes.mean(axis=0) + 0.05
    share = weights(point[None], nodes[None])[0]
    for power in powers:
        assert share @ np.prod(nodes**power, axis=1) == pytest.approx(np.prod(point**power), abs=1e-12)


def test_weights_at_a_node_are_one_there() -> None:
    nodes = middles(TRIANGLE)
    assert weights(nodes[4][None], nodes[None])[0] == pytest.approx(np.eye(6)[4], abs=1e-12)


def test_a_point_finds_its_facet_beside_much_smaller_ones() -> None:
    edges = np.concatenate([np.linspace(0.0, 0.1, 41), [5.0]])
    corners = np.stack([edges[:-1], edges[1:]], axis=1)[..., None]
    face = FaceFacets(corners, np.arange(len(corners)), np.diff(edges))
    assert face.containing(np.array([[0.0012], [0.2], [4.9], [6.0]])).tolist() == [0, 40, 40, -1]


# -- percolation -----------------------------------------------------------------------------------------------


def test_a_cluster_winds_where_a_way_returns_in_another_copy_of_the_box() -> None:
    # 1 runs straight through along x; 2 and 3 make a staircase along y; 4 meets itself nowhere
    found = _windings([1, 2, 3, 4], [(1, 1, 0), (2, 3, 1), (3, 2, 1)], 2)
    assert found[1].tolist() in ([[1.0, 0.0]], [[-1.0, 0.0], [1.0, 0.0]])
    assert np.all(found[2][:, 0] == 0) and np.any(found[2][:, 1]) and np.array_equal(found[2], found[3])
    assert len(found[4]) == 0


def test_layers_percolate_along_but_not_across() -> None:
    domain = meshes.layers("plane strain", {"a": 1.0, "b": 1.0, "c": 1.0}, [2, 2, 2])
    found = percolation(domain, box_of(domain), ["a", "c"], cell_volumes(domain))
    assert found.volume == pytest.approx(2.0)
    assert len(found.volumes) == 2
    assert found.share(found.spanning(1)) == 1.0 and not found.spanning(0)
    assert found.share(found.touching[0, False]) == pytest.approx(0.5)
    # a and c meet across the periodic faces, which makes no way along x
    assert found.winding(1) == frozenset(found.volumes) and not found.winding(0)
    assert not found.isolated()


def tensor(domain: Domain, boundaries: Any, numbers: dict[str, float], **more: Any) -> np.ndarray:
    """Return an effective conductivity."""
    axes = sorted(box_of(domain).faces)
    return effective_conductivity(
        domain, box_of(domain), boundaries, numbers, axes=axes, cell_volumes=cell_volumes(domain), **more
    ).tensor


@pytest.mark.parametrize("boundaries", ["periodic", "walls"])
def test_what_leads_nowhere_carries_nothing(boundaries: Any) -> None:
    domain = meshes.layers("plane strain", {"a": 1.0, "b": 2.0, "c": 1.0}, [2, 2, 2])
    found = tensor(domain, boundaries, {"a": 3.0, "c": 3.0})
    assert found[0, 0] == pytest.approx(0.0, abs=1e-12)
    assert found[1, 1] == pytest.approx(1.5)


def test_an_axisymmetric_column_has_a_conductivity_along_its_axis() -> None:
    domain = meshes.layers("axisymmetric", {"a": 1.0, "b": 2.0}, [2, 3])
    found = tensor(domain, "walls", {"a": 1.0, "b": 4.0}, resistances={frozenset("ab"): 0.5})
    assert found[1, 1] == pytest.approx(3.0 / (1.0 + 0.5 + 0.5))
    with pytest.raises(InputError, match="no two opposite plane faces along x"):
        tensor(domain, "periodic", {"a": 1.0, "b": 4.0})


def test_groups_are_what_touches_without_resistance() -> None:
    touching = {("a", "b"), ("b", "c")}
    assert joined(touching, ["a", "b", "c"], {}) == [("a", "b", "c")]
    assert joined(touching, ["a", "b", "c"], {frozenset("ab"): 1.0}) == [("a",), ("b", "c")]
    with pytest.raises(InputError, match="current goes round it"):
        joined({*touching, ("a", "c")}, ["a", "b", "c"], {frozenset("ab"): 1.0})


def test_a_resistance_on_the_face_of_a_periodic_box_is_refused() -> None:
    domain = meshes.layers("plane strain", {"a": 1.0, "b": 2.0}, [2, 2])
    with pytest.raises(InputError, match="meet across opposite faces"):
        tensor(domain, "periodic", {"a": 1.0, "b": 4.0}, resistances={frozenset("ab"): 1.0})


# -- bounds ------------------------------------------------------------------------------------------------------


def test_bounds_of_one_phase_are_its_value_and_order_holds() -> None:
    assert hashin_shtrikman([1.0], [3.0], 3) == pytest.approx((3.0, 3.0))
    low, high = hashin_shtrikman([0.7, 0.3], [1.0, 10.0], 2)
    series, parallel = wiener([0.7, 0.3], [1.0, 10.0])
    assert series < low < high < parallel
    # Maxwell's formula for discs, k = 1 + 2 f/((r + 1)/(r - 1) - f), is the lower bound
    assert low == pytest.approx(1 + 2 * 0.3 / (11 / 9 - 0.3))
    assert hashin_shtrikman([0.7, 0.3], [1.0, 0.0], 3) == pytest.approx((0.0, 1 - 0.3 * 3 / (2 + 0.3)))


@pytest.mark.parametrize("size", [3, 6])
def test_an_isotropic_stiffness_gives_its_own_moduli(size: int) -> None:
    first, shear = 6.0, 4.0
    space = np.diag([2 * shear] * 3 + [shear] * 3)
    space[:3, :3] += first
    kept = [0, 1, 5] if size == 3 else list(range(6))
    bulk = first + shear if size == 3 else first + 2 * shear / 3
    for found, expected in zip(isotropic_average(space[np.ix_(kept, kept)]), (bulk, shear), strict=True):
        assert found == pytest.approx((expected, expected))


def test_a_void_takes_the_lower_bound_to_zero() -> None:
    k, g = bulk_and_shear([0.8, 0.2], [10.0, 0.0], [4.0, 0.0], 3)
    assert k.lower == 0.0 and g.lower == 0.0
    assert 0.0 < k.upper < 8.0 and 0.0 < g.upper < 3.2


# -- cases -------------------------------------------------------------------------------------------------------

SANDWICH = """\
kind = "layered"
coordinates = "plane strain"
width = "2 um"
structured = true
cells_across = 2
layers = [
    { name = "one", thickness = "1 um", cells = 2 },
    { name = "two", thickness = "2 um", cells = 3 },
    { name = "end", thickness = "1 um", cells = 2 },
]
"""
GIVEN: dict[str, Any] = {
    "title": "A sandwich",
    "mesh": "mesh.toml",
    "regions": {
        "one": {"material": "LLZO", "role": "electrolyte"},
        "two": {"material": "Li6PS5Cl", "role": "electrolyte"},
        "end": {"material": "LLZO", "role": "electrolyte"},
    },
    "effective": {
        "quantities": ["ionic_conductivity", "stiffness", "percolation"],
        "boundaries": "periodic",
        "temperature": "25 degC",
    },
    "numerics": {"displacement_degree": 1},
    "output": {"figures": False},
}


def written(folder: Path, **changes: Any) -> Path:
    """Write a case of a sandwich with changed sections; None leaves a section out."""
    content = {key: value for key, value in {**GIVEN, **changes}.items() if value is not None}
    folder.mkdir(exist_ok=True)
    (folder / "mesh.toml").write_text(SANDWICH)
    (folder / "case.toml").write_text(tomlkit.dumps(content))
    return folder


def test_a_case_writes_what_it_computed(tmp_path: Path) -> None:
    from chemomech.run import run_case

    joints = {f"{name}|two": {"resistance": "0.2 ohm cm^2"} for name in ("one", "end")}
    case = read_case(written(tmp_path / "case", interfaces=joints))
    summary = run_case(case, tmp_path / "results", quiet=True)
    results = open_results(tmp_path / "results")
    assert results.run["kind"] == "effective" and results.run["finished"] is True
    assert results.summary == pytest.approx(summary)
    one, two = (
        load_material(name).number("ionic_conductivity", 298.15) * 1e-3 for name in ("LLZO", "Li6PS5Cl")
    )
    across = 4e-6 / (2e-6 / one + 2e-6 / two + 2 * 0.2e-4)
    assert summary["Effective ionic conductivity xx [S.m-1]"] == pytest.approx(across, rel=1e-9)
    assert summary["Effective ionic conductivity yy [S.m-1]"] == pytest.approx((one + two) / 2, rel=1e-9)
    assert summary["Ionic tortuosity factor along x [-]"] == pytest.approx((one + two) / 2 / across)
    assert summary["Ionic current balance error [-]"] < 1e-9
    assert summary["Stress balance error [-]"] < 1e-9
    assert summary["Share of the ionic phase that percolates periodically along x [-]"] == 1.0
    low = summary["Effective shear modulus, Reuss bound [GPa]"]
    assert summary["Effective stiffness C66 [GPa]"] == pytest.approx(low, rel=1e-9)
    frame = results.frame(0)
    potential = frame.point_data["Ionic potential, 1 V along x [V]"]
    assert np.ptp(potential) == pytest.approx(1.0)
    density = frame.cell_data["Ionic current density over its mean, along x [-]"]
    assert density == pytest.approx(np.ones(len(density)))


def test_any_case_with_regions_has_effective_properties(tmp_path: Path) -> None:
    folder = small.write(tmp_path / "film", small.FILM)
    done = small.chemomech(
        "effective", folder, "--quantities", "ionic_conductivity", "percolation", "--no-figures"
    )
    # the electrolyte is in front of the electrode and leads nowhere along x, so along y only
    assert done.returncode == 0, done.stderr
    summary = json.loads((folder / "results" / "effective" / "summary.json").read_text())
    assert "Effective ionic conductivity yy [S.m-1]" in summary
    assert summary["Effective ionic conductivity xx [S.m-1]"] == 0.0
    assert not any("stiffness" in name for name in summary)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"effective": None}, "'cell' is missing"),
        ({"effective": None}, "'protocol' is missing"),
        ({"cell": {"temperature": "25 degC"}}, r"\[cell\] changes nothing beside \[effective\]"),
        ({"risk": {"flaw_size": "1 um"}}, r"\[risk\] changes nothing"),
        ({"numerics": {"time_tolerance": 1e-3}}, "'time_tolerance' changes nothing"),
        ({"output": {"every": 2}}, "'every' changes nothing"),
        ({"interfaces": {"one|three": {"resistance": "1 ohm m^2"}}}, "there is no region 'three'"),
        ({"interfaces": {"one": {"resistance": "1 ohm m^2"}}}, "does not name two regions"),
        (
            {"effective": {**GIVEN["effective"], "quantities": ["electronic_conductivity"]}},
            "of no phase: no region has role active or conductor",
        ),
        ({"effective": {**GIVEN["effective"], "quantities": ["stiffness", "stiffness"]}}, "named twice"),
        ({"effective": {**GIVEN["effective"], "quantities": ["strength"]}}, "strength"),
        ({"effective": {**GIVEN["effective"], "directions": ["x"]}}, "'directions' changes nothing"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, changes: dict[str, Any], expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        read_case(written(tmp_path / "case", **changes))


def test_what_a_role_lacks_is_named(tmp_path: Path) -> None:
    regions = {**GIVEN["regions"], "two": {"material": "NMC811", "role": "electrolyte"}}
    with pytest.raises(InputError, match="has no 'ionic_conductivity'"):
        read_case(written(tmp_path / "case", regions=regions))


def test_nothing_that_percolates_is_said(tmp_path: Path) -> None:
    from chemomech.run import run_case

    regions = {**GIVEN["regions"], "two": {"material": "Li6PS5Cl", "role": "inert"}}
    wanted = {
        "quantities": ["ionic_conductivity"],
        "boundaries": "walls",
        "directions": ["x"],
        "temperature": "25 degC",
    }
    case = read_case(written(tmp_path / "case", regions=regions, effective=wanted, numerics=None))
    with pytest.raises(InputError, match="nothing percolates along x"):
        run_case(case, tmp_path / "results", quiet=True)
    record = json.loads((tmp_path / "results" / "run.json").read_text())
    assert record["finished"] is False and "percolates" in record["reason"]
    assert not (tmp_path / "results" / "summary.json").exists()
