"""The benchmarks' harness, with programs that only pretend: alternation, medians, ratios, disagreement."""

import itertools
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from mpi4py import MPI

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks import composite, extrapolation, particle
from benchmarks.harness import ROOT, Disagreement, Side, agree, compare, line, measure
from benchmarks.linear import motions
from benchmarks.sphere import CUBE, FLUX, SPHERE, START, STEP
from benchmarks.sphere_mesh import sphere_mesh
from benchmarks.table import MARKS, goal, replaced
from chemomech.domain import read_domain
from chemomech.verification import closed_forms

PRETEND = """
import json, sys
with open(sys.argv[1], "a") as notes:
    notes.write(sys.argv[2] + " ")
print("something else")
print(json.dumps({"quantities": {"x": float(sys.argv[3])}, "spent": {"march": float(sys.argv[4])}, "versions": {}}))
"""


def pretender(notes: Path, name: str, value: float, march: float) -> Side:
    return Side((sys.executable, "-c", PRETEND, str(notes), name, repr(value), repr(march)))


def test_sides_alternate_and_medians_are_compared(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    found = compare("f", pretender(notes, "a", 1.0, 2.0), pretender(notes, "b", 1.0 + 1e-8, 8.0), 2, 1e-6)
    assert notes.read_text().split() == ["a", "b"] * 3  # once to warm up
    march = next(one for one in found if one["figure"] == "f_march_cpu")
    assert (march["project"], march["peer"], march["ratio"], march["repeats"]) == (2.0, 8.0, 0.25, 2)
    assert {one["unit"] for one in found} == {"s", "MB"} and all(one["project"] > 0 for one in found)


def test_medians_and_spread() -> None:
    one = line("f", [1.0, 2.0, 9.0], "s", {}, [4.0, 4.0, 5.0])
    assert (one["project"], one["peer"], one["ratio"]) == (2.0, 4.0, 0.5)
    assert (one["spread"], one["peer_spread"]) == (4.0, 0.25)


@pytest.mark.parametrize("other", [{"x": 1.1}, {"y": 1.0}, {"x": float("nan")}, {}])
def test_another_problem_is_refused(other: dict[str, float]) -> None:
    with pytest.raises(Disagreement):
        agree({"x": 1.0}, other, 1e-6)


def test_a_side_that_fails_is_no_figure() -> None:
    with pytest.raises(RuntimeError, match="exit code 3"):
        measure(Side((sys.executable, "-c", "raise SystemExit(3)")))


def test_the_tables_are_renewed_between_their_marks() -> None:
    old = "".join(f"{begin}old {kind}\n{end}" for kind, (begin, end) in MARKS.items())
    figures = [line("f", [2.0], "s", {}, [4.0]), line("g", [3.0], "s", {}, [4.0], goal_ratio=0.7)]
    page = replaced(f"above\n{old}below\n", [json.dumps(one) for one in [*figures, figures[0]]])
    assert page.count("| f | 2 | 4 | 0.5 | s | 1 | 0 |") == 1 and "old" not in page
    assert page.count("| g | 0.75 | - | ratio <= 0.7 | no |") == 1 and "| f | 0.5" not in page
    assert page.startswith("above\n") and page.endswith("below\n")
    with pytest.raises(ValueError, match="no place for goals"):
        replaced("no marks", [])


@pytest.mark.parametrize(
    ("figure", "value", "more", "met"),
    [
        ("b4_n180k_throughput", 3.1e5, {"goal": 3e5}, True),
        ("b4_n180k_throughput", 2.9e5, {"goal": 3e5}, False),
        ("b4_n180k_jacobian", 0.09, {"goal": 0.1}, True),
        ("b4_n180k_jacobian", 0.11, {"goal": 0.1}, False),
        ("b1_m20k_plain_cpu", 2.0, {"goal_ratio": 0.5}, True),
    ],
)
def test_goals_know_their_direction(figure: str, value: float, more: dict[str, float], met: bool) -> None:
    found = goal(line(figure, [value], "s", {}, [4.0], **more))
    assert found is not None and found[1] is met
    assert goal(line(figure, [value], "s", {})) is None


def test_the_sphere_of_b1_takes_up_what_flows_into_it() -> None:
    """One step of the project's side on a thousand cells, through its block solver."""
    path = sphere_mesh("m1k")
    here = {"PYTHONPATH": str(ROOT)}
    said = measure(
        Side((sys.executable, "-m", "benchmarks.sphere_project", str(path), "iterative", "1"), here)
    ).said["quantities"]
    arrays = np.load(path.with_suffix(".npz"))
    points, cells = arrays["points"], arrays[f"cells {SPHERE}"]
    sides = points[cells[:, 1:]] - points[cells[:, :1]]
    volume = np.abs(np.linalg.det(sides)).sum() / 6
    faces = {name: set() for name in (SPHERE, CUBE)}
    for name, found in faces.items():
        for cell in np.sort(arrays[f"cells {name}"], axis=1).tolist():
            found.update(itertools.combinations(cell, 3))
    shared = points[np.array(sorted(faces[SPHERE] & faces[CUBE]))]
    normals = np.cross(shared[:, 1] - shared[:, 0], shared[:, 2] - shared[:, 0])
    area = np.linalg.norm(normals, axis=1).sum() / 2
    assert said["volume"] == pytest.approx(volume, rel=1e-10)
    assert said["lithium"] == pytest.approx(START * volume + FLUX * area * STEP, rel=1e-9)
    assert said["trace of stress"] < 0.0  # it swells against the cube


def test_the_series_and_the_cone_of_b3(tmp_path: Path) -> None:
    exact = closed_forms.galvanostatic_profile("sphere", 1.0, np.array(particle.TIMES))
    for time, value in zip(particle.TIMES, np.ravel(exact), strict=True):
        assert particle.surface(time) == pytest.approx(particle.START + particle.FLUX * value, abs=1e-9)
    particle.write_cone(tmp_path / "cone.msh", [0.3, 0.6, 0.8, 1.0])
    domain = read_domain(tmp_path / "cone.msh", "axisymmetric", MPI.COMM_SELF, 2)
    # a cone of slant height 1: height cos, radius sin of its angle
    volume = np.pi / 3 * np.sin(particle.CONE) ** 2
    assert domain.volume(["particle"]) == pytest.approx(volume, rel=1e-9)
    assert domain.boundary_area("outer") == pytest.approx(3 * volume, rel=1e-4)


def test_rigid_motions_strain_nothing() -> None:
    points = np.array([[0.0, 0.0, 0.0], [1.0, 0.2, 0.0], [0.1, 1.0, 0.3], [0.0, 0.4, 2.0]])
    modes = motions(points).reshape(4, 3, 6)
    assert np.linalg.matrix_rank(modes.reshape(12, 6)) == 6
    edges = points[:, None] - points[None]
    for k in range(6):
        stretch = np.einsum("abi,abi->ab", edges, modes[:, None, :, k] - modes[None, :, :, k])
        assert np.allclose(stretch, 0.0, atol=1e-12)


def test_events_of_all_ranks_are_summed(tmp_path: Path) -> None:
    log = tmp_path / "petsc.csv"
    head = "Stage Name,Event Name,Rank,Count,Time,Num Messages,Message Length,Num Reductions,FLOP,dof0\n"
    log.write_text(head + "Main,MatMult,0,4,0.5,3,1000,0,1e9,\nMain,MatMult,1,4,1.5,5,500,2,3e9,\n")
    event = composite.petsc_events(log)["MatMult"]
    assert event == {"seconds": 2.0, "flops": 4e9, "messages": 8.0, "bytes": 1500.0, "reductions": 2.0}
    assert composite.traffic(event) == pytest.approx(12.0)  # 4e9 flops, 6 bytes each, in 2 s
    assert composite.petsc_events(tmp_path / "none.csv") == {}


def test_points_that_parts_hold_of_others() -> None:
    cells = np.array([[0, 1, 2, 3], [1, 2, 3, 4], [2, 3, 4, 5]])
    across = np.array([[0, 1], [1, 2], [1, 0], [2, 1]])
    cut = extrapolation.surfaces(cells, np.array([0, 0, 1], dtype=np.int32), across)
    # the first part holds all six points, the second those of its cell and of the middle one
    assert (cut.parts, cut.owned, cut.ghosts) == (2, 3.0, (6 + 5 - 6) / 2)
    whole = extrapolation.surfaces(cells, np.zeros(3, dtype=np.int32), across)
    assert (whole.owned, whole.ghosts, whole.neighbours) == (6.0, 0.0, 0.0)


def test_what_is_extrapolated_is_what_was_measured_at_the_size_measured() -> None:
    sizes = {"b4_n50k": (5e4, 8.0), "b4_n180k": (1.8e5, 8.0), "b4_n1m": (1e6, 16.0)}
    figures = [line("machine_triad", [3.0], "GB/s", {})]
    for name, (unknowns, krylov) in sizes.items():
        figures.append(line(f"{name}_throughput", [2e5], "1/s", {}, unknowns=unknowns))
        figures.append(line(f"{name}_krylov_per_newton", [krylov], "-", {}))
    for name, value in {"messages": 100.0, "bytes": 4e5, "reductions": 5.0}.items():
        figures.append(line(f"b4_n180k_{name}_2_ranks", [value], "per rank and Krylov iteration", {}))
    here = extrapolation.measured(figures)
    assert here.growth == pytest.approx(np.log(2.0) / np.log(20.0))
    cuts = [extrapolation.Surface(2, 15000.0, 900.0, 1.0), extrapolation.Surface(16, 1875.0, 600.0, 8.0)]
    there = extrapolation.Cluster(cores=1, memory=3.0)
    alone = extrapolation.iteration(1.8e5, 1, here, cuts, there)
    assert alone["work"] == pytest.approx(1.8e5 / 2e5) and alone["reductions"] == 0.0
    assert alone["latency"] == pytest.approx(8.0 * 100.0 * 8.0 * there.latency)
    crowded = extrapolation.iteration(1.8e5, 1, here, cuts, extrapolation.Cluster(cores=4, memory=3.0))
    assert crowded["work"] == pytest.approx(4 * alone["work"])  # cores share the memory
    spread = extrapolation.iteration(1.8e5, 8, here, cuts, there)
    assert spread["work"] == pytest.approx(alone["work"] / 8)
    assert spread["ghosts"] == pytest.approx(2 * alone["ghosts"])  # surface to volume
    assert spread["efficiency"] < alone["efficiency"]
