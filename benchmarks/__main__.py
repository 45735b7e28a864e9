"""./dev bench [--only b1,b4] [--repeats N] [--quick] [--page]: one JSON object a line."""

import argparse
import json
import sys
from collections.abc import Iterator
from typing import Any

from benchmarks import composite, integrators
from benchmarks.harness import ROOT, Disagreement, Side, compare
from benchmarks.particle import LARGEST_ERROR
from benchmarks.table import renew

PEERS = str(ROOT / ".cache" / "peers" / "bin" / "python")
FIGURES = ROOT / ".cache" / "figures.jsonl"
"""what `--page` has gathered; the last of each name counts"""
PAGE = ROOT / "docs" / "performance.md"
TOLERANCE = 1e-6
SIZES = ("m20k", "m60k", "m150k")


def side(python: str, module: str, *words: str) -> Side:
    """Return a module of this package as a program."""
    return Side((python, "-m", f"benchmarks.{module}", *words), {"PYTHONPATH": str(ROOT)})


def sphere(repeats: int, quick: bool) -> Iterator[dict[str, Any]]:
    """Yield the figures of B1."""
    from benchmarks.sphere_mesh import sphere_mesh

    plain_goals = {"m20k": {"cpu": 0.15}, "m60k": {"cpu": 0.08, "memory": 0.2}}
    for name, steps in (("m20k", 3), ("m60k", 2)) if quick else (("m20k", 10), ("m60k", 10), ("m150k", 3)):
        mesh, count = str(sphere_mesh(name)), str(steps)
        best = side(sys.executable, "sphere_project", mesh, "iterative", count)
        pairs = {"plain": (best, side(sys.executable, "sphere_plain", mesh, "lu", count))}
        for strategy in ("lu", "lu_once", "iterative"):
            if strategy != "iterative" and quick and name != "m20k":
                continue
            ours = side(sys.executable, "sphere_project", mesh, strategy, count)
            pairs[f"ngsolve_{strategy}"] = ours, side(PEERS, "sphere_ngsolve", mesh, strategy, count)
        for peer, (ours, theirs) in pairs.items():
            goals = plain_goals.get(name, {}) if peer == "plain" else {"cpu": 0.5}
            yield from compare(f"b1_{name}_{peer}", ours, theirs, repeats, TOLERANCE, goals=goals)


def linear(repeats: int, quick: bool) -> Iterator[dict[str, Any]]:
    """Yield the figures of B2."""
    from benchmarks.linear import KINDS
    from benchmarks.sphere_mesh import sphere_mesh

    parts = ("assembly", "solve", "iterations")
    for name in SIZES[:2] if quick else SIZES:
        mesh = str(sphere_mesh(name))
        for kind in KINDS:
            ours = side(sys.executable, "linear_project", mesh, kind)
            theirs = side(PEERS, "linear_skfem", mesh, kind)
            yield from compare(f"b2_{name}_{kind}_skfem", ours, theirs, repeats, TOLERANCE, parts)


def particle(repeats: int, quick: bool) -> Iterator[dict[str, Any]]:
    """Yield the figures of B3."""
    ours, theirs = side(sys.executable, "particle_project"), side(PEERS, "particle_pybamm")
    # both are near the exact value, not near each other
    yield from compare("b3_sphere_pybamm", ours, theirs, repeats, 2 * LARGEST_ERROR, goals={"march_cpu": 1.5})


BENCHMARKS = {"b1": sphere, "b2": linear, "b3": particle, "b4": composite.figures, "b5": integrators.figures}


def main() -> int:
    """Run the chosen benchmarks; exit code 1 where two sides disagree."""
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    parser.add_argument("--only", default=",".join(BENCHMARKS), help="names separated by commas: b1,b4")
    parser.add_argument("--repeats", type=int, default=0, help="runs of each side; 5, with --quick 1")
    parser.add_argument("--quick", action="store_true", help="fewer sizes, steps and repeats")
    parser.add_argument("--page", action="store_true", help="renew the tables of docs/performance.md, too")
    chosen = parser.parse_args()
    unknown = set(chosen.only.split(",")) - set(BENCHMARKS)
    if unknown:
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    repeats = chosen.repeats or (1 if chosen.quick else 5)
    for name in chosen.only.split(","):
        try:
            for figure in BENCHMARKS[name](repeats, chosen.quick):
                text = json.dumps(figure)
                print(text, flush=True)
                if chosen.page:  # figures of earlier runs stay until they are measured anew
                    with FIGURES.open("a", encoding="utf-8") as kept:
                        kept.write(text + "\n")
                    renew(FIGURES, PAGE)
        except Disagreement as error:
            print(f"{name}: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
