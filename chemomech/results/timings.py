"""The table of a run's timers, for a person."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chemomech.results.format import RUN_FILE


def say_where(folder: Path) -> str:
    """Return the table of a results folder; a line that says so where the run was not measured."""
    run = json.loads((folder / RUN_FILE).read_text(encoding="utf-8"))
    return timings_table(run) if run["timings"] else "this kind of run keeps no timers"


def timings_table(run: Mapping[str, Any]) -> str:
    """Return where a run spent its time, from what run.json holds: one phase a line, the longest first."""
    phases: Mapping[str, Mapping[str, float]] = run["timings"]
    order = sorted(phases, key=lambda name: phases[name]["wall_s"], reverse=True)
    width = max(map(len, [*order, "phase"]))
    total = sum(phases[name]["wall_s"] for name in order) or 1.0
    lines = [f"{'phase':<{width}}   calls   CPU [s]  wall [s]  share"]
    for name in order:
        spent = phases[name]
        share = spent["wall_s"] / total
        lines.append(
            f"{name:<{width}}  {spent['calls']:>6}  {spent['cpu_s']:>8.3f}  {spent['wall_s']:>8.3f}  {share:>5.1%}"
        )
    counts = run["counts"]
    lines.append(
        f"{run['unknowns']} unknowns, {counts['Newton iterations']} Newton and {counts['linear iterations']} "
        f"linear iterations, {max(run['peak_memory_mb'], default=0.0):.0f} MB on the largest of {run['ranks']} ranks"
    )
    if run["throughput"] is not None:
        lines.append(
            f"{run['throughput']:.3g} unknowns x Newton iterations per CPU second of the coupled solves"
        )
    return "\n".join(lines)
