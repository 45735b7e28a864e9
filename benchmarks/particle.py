"""B3: a sphere under constant flux, against its series: numbers, exact solution, and the mesh of a thin cone.

dc/dt = D (c'' + 2 c'/r), D c'(R) = j, c = c0 at first, with R = D = 1, c0 = 0.2, j = 0.5 (H. S. Carslaw and
J. C. Jaeger, Conduction of Heat in Solids, 9.7).  The error is the largest of the surface concentration at three times;
both sides take the coarsest grid and the loosest tolerance that keep it below LARGEST_ERROR.
"""

from collections.abc import Sequence
from math import cos, pi, sin, tan
from pathlib import Path
from typing import Final

START: Final = 0.2
FLUX: Final = 0.5
TIMES: Final = (0.05, 0.1, 0.2)
LARGEST_ERROR: Final = 4e-5
TERMS: Final = 60
CONE: Final = 0.01
"""angle of the cone [rad]"""
REPEATS: Final = 7
"""solutions within a process, of which the fastest counts: the first also loads what it needs"""


def roots() -> list[float]:
    """Return the first positive solutions of tan x = x."""
    found = []
    for k in range(1, TERMS + 1):
        x = (k + 0.5) * pi
        for _ in range(30):  # Newton's method on sin x - x cos x
            x -= (sin(x) - x * cos(x)) / (x * sin(x))
        assert abs(tan(x) - x) < 1e-6 * x
        found.append(x)
    return found


def surface(time: float) -> float:
    """Exact concentration at the surface."""
    from math import exp

    series = sum(2.0 / root**2 * exp(-(root**2) * time) for root in roots())
    return START + FLUX * (3.0 * time + 0.2 - series)


def error(found: Sequence[float]) -> float:
    """Largest error of surface concentrations at TIMES."""
    return max(abs(value - surface(time)) for value, time in zip(found, TIMES, strict=True))


def write_cone(path: Path, radii: Sequence[float]) -> None:
    """Write a thin cone on the axis of axisymmetric coordinates as .msh: one cell between neighbouring radii > 0."""
    points = [(0.0, 0.0)] + [p for r in radii for p in ((0.0, r), (r * sin(CONE), r * cos(CONE)))]
    cells = [(1, 3, 2)]
    for k in range(len(radii) - 1):
        a, b, c, d = (2 + 2 * k + n for n in range(4))
        cells += [(a, b, d), (a, d, c)] if k % 2 else [(a, b, c), (b, d, c)]
    last = 2 * len(radii)
    lines = [(3, last, last + 1)]
    text = [
        "$MeshFormat",
        "2.2 0 8",
        "$EndMeshFormat",
        "$PhysicalNames",
        "2",
        '1 3 "outer"',
        '2 1 "particle"',
    ]
    text += ["$EndPhysicalNames", "$Nodes", str(len(points))]
    text += [f"{k} {x!r} {y!r} 0" for k, (x, y) in enumerate(points, 1)]
    text += ["$EndNodes", "$Elements", str(len(cells) + len(lines))]
    text += [f"{k} 1 2 {tag} {tag} {a} {b}" for k, (tag, a, b) in enumerate(lines, 1)]
    text += [f"{k} 2 2 1 1 {a} {b} {c}" for k, (a, b, c) in enumerate(cells, 1 + len(lines))]
    path.write_text("\n".join([*text, "$EndElements", ""]), encoding="utf-8")
