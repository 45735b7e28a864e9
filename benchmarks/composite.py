"""B4: composite_cathode_3d at several sizes, through `chemomech run`; what each run says of itself in run.json.

One size alone, also the largest, which the whole benchmark leaves out: `python -m benchmarks.composite n5m [RANKS]`.
"""

import csv
import json
import os
import shlex
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Mapping
from math import log
from pathlib import Path
from typing import Any

from benchmarks.harness import ROOT, line

SIZES = {
    "n50k": (0.9, 2.2, 12, 0),
    "n180k": (0.45, 1.5, 24, 0),
    "n1m": (0.45, 1.5, 24, 1),
    "n5m": (0.65, 2.0, 18, 2),
}
"""edge lengths at interfaces and in the bulk [um], cells around a circle, and how often the cells are halved when
the mesh is read; the names tell about how many unknowns"""
STEPS = 'protocol.steps=["Charge at C/3 for 40 seconds"]'
SET_UP = ("mesh", "model", "forms", "first assembly")
PRODUCTS = ("MatMult",)
"""PETSc's events that memory limits: products with matrices, those of multigrid's smoothers among them"""
BYTES_PER_FLOP = 6.0
"""8 of a value and 4 of its column for a product and a sum"""
NEWTON = ("residual", "Jacobian", "preconditioner", "linear solve")


def bandwidth() -> float:
    """Return the STREAM triad of one core [GB/s]."""
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")[0]
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "triad"
        source = Path(__file__).parent / "triad.c"
        subprocess.run([compiler, "-O3", "-march=native", str(source), "-o", str(program)], check=True)
        return float(subprocess.run([program], check=True, capture_output=True, text=True).stdout.split()[0])


def run(case: str, overrides: list[str], ranks: int = 1) -> dict[str, Any]:
    """Run a case without figures and return its run.json; RuntimeError where it fails."""
    with tempfile.TemporaryDirectory() as folder:
        start = ["mpiexec", "-n", str(ranks)] if ranks > 1 else []
        command = [
            *start,
            sys.executable,
            "-m",
            "chemomech",
            "run",
            case,
            "--results",
            folder,
            "--no-figures",
            "--quiet",
        ]
        for override in overrides:
            command += ["--set", override]
        log_file = Path(folder) / "petsc.csv"
        environment = os.environ | {"PETSC_OPTIONS": f"-log_view :{log_file}:ascii_csv"}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()[-400:]}")
        found: dict[str, Any] = json.loads((Path(folder) / "run.json").read_text(encoding="utf-8"))
        found["petsc"] = petsc_events(log_file)
        return found


def petsc_events(path: Path) -> dict[str, dict[str, float]]:
    """Return what PETSc's own log says of each event, summed over ranks: seconds, flops, messages, bytes, reductions.

    Events inside others are counted in both; empty where PETSc wrote no log.
    """
    if not path.is_file():
        return {}
    with path.open(newline="", encoding="utf-8") as lines:
        rows = [{k.strip(): (v or "").strip() for k, v in row.items() if k} for row in csv.DictReader(lines)]
    columns = {
        "seconds": "Time",
        "flops": "FLOP",
        "messages": "Num Messages",
        "bytes": "Message Length",
        "reductions": "Num Reductions",
    }
    events: dict[str, dict[str, float]] = {}
    for row in rows:
        if "Event Name" in row:
            event = events.setdefault(row["Event Name"], dict.fromkeys(columns, 0.0))
            for name, column in columns.items():
                event[name] += float(row.get(column) or 0.0)
    return events


def traffic(event: Mapping[str, float]) -> float:
    """Return the least bandwidth that a product with a matrix took [GB/s].

    Each nonzero entry is read once; vectors and row pointers, a tenth more, are left out.  The rows of a point's three
    components share their columns, which PETSc then reads once: there it is up to 2/9 less.
    """
    return 1e-9 * BYTES_PER_FLOP * event["flops"] / event["seconds"] if event["seconds"] else 0.0


def composite(name: str, degree: int = 1, ranks: int = 1) -> dict[str, Any]:
    """Run the composite at one size."""
    interface, bulk, around, refine = SIZES[name]
    size = (
        f'mesh={{ recipe = "../../meshes/composite_3d.toml", refine = {refine}, mesh_size = {{ interface = '
        f'"{interface} um", bulk = "{bulk} um", transition = "3 um", per_turn = {around} }} }}'
    )
    overrides = [size, STEPS, "numerics.initial_step=10 s", "numerics.maximum_step=10 s", "output.every=1000"]
    overrides.append('numerics.solver="fieldsplit"')  # also where factors would do
    return run("cases/composite_cathode_3d", [*overrides, f"numerics.displacement_degree={degree}"], ranks)


def newton_cpu(found: dict[str, Any]) -> float:
    """CPU seconds of one Newton iteration, over all ranks."""
    busy = sum(found["timings"][name]["cpu_s"] for name in NEWTON if name in found["timings"])
    return float(busy / found["counts"]["Newton iterations"])


def wall_of_a_step(found: dict[str, Any]) -> float:
    """Wall seconds of one accepted step, the equilibrium at the start among them."""
    phases = (*NEWTON, "time steps")
    spent = sum(found["timings"][name]["wall_s"] for name in phases if name in found["timings"])
    return float(spent / (found["counts"]["accepted steps"] + 1))


def figures(repeats: int, quick: bool) -> Iterator[dict[str, Any]]:
    """Yield the figures of B4, of the machine, and of a warm start."""
    triad = bandwidth()
    yield line("machine_triad", [triad], "GB/s", {})
    composite("n50k")  # meshes and compiled forms are there afterwards
    points: list[tuple[int, float]] = []
    per_newton: list[float] = []
    chosen = (("n50k", repeats), ("n180k", repeats), ("n1m", 1 if quick else repeats))
    for name, times in chosen:
        found = [composite(name) for _ in range(times)]
        last, versions = found[-1], found[-1]["versions"]
        points.append((last["unknowns"], sorted(newton_cpu(one) for one in found)[times // 2]))
        per_newton.append(last["counts"]["linear iterations"] / last["counts"]["Newton iterations"])
        about = {"unknowns": last["unknowns"], "goal": {"n180k": 3e5, "n1m": 2.2e5}.get(name)}
        yield line(f"b4_{name}_throughput", [one["throughput"] for one in found], "1/s", versions, **about)
        for event in PRODUCTS:
            shares = [traffic(one["petsc"][event]) / triad for one in found if event in one["petsc"]]
            if shares:
                yield line(f"b4_{name}_{event}_share_of_triad", shares, "-", versions)
        memory = [1e3 * max(one["peak_memory_mb"]) / one["unknowns"] for one in found]
        yield line(
            f"b4_{name}_memory_per_unknown", memory, "kB", versions, goal=2.5 if name == "n1m" else None
        )
        steps = [sum(one["timings"][p]["wall_s"] for p in SET_UP) / wall_of_a_step(one) for one in found]
        yield line(
            f"b4_{name}_set_up_in_steps", steps, "steps", versions, goal=3.0 if name == "n1m" else None
        )
        jacobian = [
            one["timings"]["Jacobian"]["cpu_s"] / one["timings"]["Jacobian"]["calls"] for one in found
        ]
        yield line(f"b4_{name}_jacobian", jacobian, "s", versions, goal=0.1 if name == "n180k" else None)
        yield line(f"b4_{name}_krylov_per_newton", [per_newton[-1]], "-", versions)
    (small, cheap), (large, dear) = points[0], points[-1]
    yield line("b4_growth_exponent", [log(dear / cheap) / log(large / small)], "-", versions, goal=1.05)
    alone = composite("n180k")
    for ranks in (2, 4):
        shared = composite("n180k", ranks=ranks)
        per_newton.append(shared["counts"]["linear iterations"] / shared["counts"]["Newton iterations"])
        for what in ("messages", "bytes", "reductions"):
            each = shared["petsc"].get("KSPSolve", {}).get(what, 0.0) / ranks
            each /= max(1, shared["counts"]["linear iterations"])
            unit = "per rank and Krylov iteration"
            yield line(f"b4_n180k_{what}_{ranks}_ranks", [each], unit, versions)
        if ranks == 2:
            walls = [sum(r["timings"][p]["wall_s"] for p in NEWTON) for r in (alone, shared)]
            yield line("b4_n180k_speed_up_2_ranks", [walls[0] / walls[1]], "-", versions, goal=1.7)
    yield line("b4_krylov_variation", [max(per_newton) / min(per_newton)], "-", versions, goal=1.5)
    quadratic = composite("n50k", degree=2)
    about = {"unknowns": quadratic["unknowns"], "goal": 1.5e5}
    yield line("b4_p2_throughput", [quadratic["throughput"]], "1/s", versions, **about)
    first = ['protocol.steps=["Charge at C/5 for 1 second"]', "numerics.initial_step=1 s"]
    run("cases/nmc811_particle", first)
    walls = [run("cases/nmc811_particle", first)["wall_time_s"] for _ in range(repeats)]
    yield line("warm_start_first_step", walls, "s", versions, goal=5.0)


if __name__ == "__main__":
    report = composite(sys.argv[1], ranks=int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    keys = ("unknowns", "ranks", "counts", "throughput", "peak_memory_mb", "timings")
    print(json.dumps({key: report[key] for key in keys} | {"newton_cpu_s": newton_cpu(report)}))
