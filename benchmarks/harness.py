"""Both sides of a comparison, run alternately in fresh processes: CPU time, peak memory, medians and ratios."""

import json
import os
import statistics
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


class Disagreement(Exception):
    """The two sides did not solve the same problem."""


@dataclass(frozen=True)
class Side:
    """One program: how it is started."""

    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What one process took and said."""

    cpu: float
    """user and system time of the process [s]"""
    memory: float
    """largest resident memory [MB]"""
    said: dict[str, Any]
    """the last line of its output, as JSON"""

    def part(self, name: str) -> float:
        """CPU time of a part of the work, as the process itself measured it [s]."""
        return float(self.said["spent"][name])


def measure(side: Side) -> Outcome:
    """Run one side once in a fresh process; RuntimeError where it fails."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"} | dict(side.environment)
    process = subprocess.Popen(side.command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    lines = process.stdout.read().strip().splitlines()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0 or not lines:
        raise RuntimeError(f"exit code {process.returncode} of {' '.join(side.command)}")
    return Outcome(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, json.loads(lines[-1]))


def agree(one: Mapping[str, float], other: Mapping[str, float], tolerance: float) -> None:
    """Raise Disagreement unless all quantities of both sides are the same within a relative tolerance."""
    if set(one) != set(other) or not one:
        raise Disagreement(f"unlike quantities: {sorted(one)} and {sorted(other)}")
    for name, value in one.items():
        if not abs(value - other[name]) <= tolerance * max(abs(value), abs(other[name])):  # nan disagrees
            raise Disagreement(f"{name}: {value!r} and {other[name]!r} differ by more than {tolerance:g}")


def compare(
    figure: str,
    project: Side,
    peer: Side,
    repeats: int,
    tolerance: float,
    parts: Sequence[str] = ("march",),
    goals: Mapping[str, float] | None = None,
) -> list[dict[str, Any]]:
    """Return the figures of a comparison: CPU of the process and of parts of its work, and peak memory.

    One run of each side beforehand fills the caches of compiled code and is not counted.
    ``goals``: largest ratio by the end of a figure's name, such as "cpu" or "memory".
    """
    agree(measure(project).said["quantities"], measure(peer).said["quantities"], tolerance)
    ours: list[Outcome] = []
    theirs: list[Outcome] = []
    for _ in range(repeats):
        ours.append(measure(project))
        theirs.append(measure(peer))
        agree(ours[-1].said["quantities"], theirs[-1].said["quantities"], tolerance)
    versions = ours[-1].said["versions"] | theirs[-1].said["versions"]
    kinds: list[tuple[str, str, Callable[[Outcome], float]]] = [
        ("cpu", "s", lambda one: one.cpu),
        *((f"{part}_cpu", "s", lambda one, part=part: one.part(part)) for part in parts),
        ("memory", "MB", lambda one: one.memory),
    ]
    return [
        line(
            f"{figure}_{name}",
            [value(o) for o in ours],
            unit,
            versions,
            [value(o) for o in theirs],
            **({"goal_ratio": goals[name]} if goals and name in goals else {}),
        )
        for name, unit, value in kinds
    ]


def line(
    figure: str,
    project: Sequence[float],
    unit: str,
    versions: Mapping[str, str],
    peer: Sequence[float] = (),
    **more: Any,
) -> dict[str, Any]:
    """Return one figure: medians, their ratio, and the spread of each side over its median."""
    ours = statistics.median(project)
    found: dict[str, Any] = {"figure": figure, "project": ours, "peer": None, "ratio": None, "unit": unit}
    if peer:
        theirs = statistics.median(peer)
        found |= {"peer": theirs, "ratio": ours / theirs, "peer_spread": _spread(peer)}
    return found | {"spread": _spread(project), "repeats": len(project), "versions": dict(versions), **more}


def _spread(values: Sequence[float]) -> float:
    middle = statistics.median(values)
    return (max(values) - min(values)) / middle if middle else 0.0
