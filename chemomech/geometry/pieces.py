"""A plane region cut into pieces between which cracks can run: the tiles, and groups in which no two pieces touch.

Tiles are Voronoi cells of a triangular lattice whose points are moved at random (the walls are mirrors, so that every
cell ends at them), or the rectangles between prescribed planes.  What parts has a displacement of its own, and all
pieces of a group share one: pieces that meet, if only in a point, must be in different groups.  The groups are a proper
colouring of that graph, found by a complete search (most constrained piece first: D. Brelaz, Commun. ACM 22, 251
(1979)); four do for any plane map whose pieces meet in edges.  Lengths in um.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple

import numpy as np
from scipy.spatial import Voronoi

from chemomech.errors import InputError, Problem
from chemomech.geometry.packing import Floats
from chemomech.geometry.tables import MOST_GROUPS, Pieces

MARGIN: Final = 0.1
"""least distance of a cell's centre from the walls, in parts of the size"""
SEARCHED: Final = 200_000
"""steps of the search for groups after which it gives up"""


class Tiles(NamedTuple):
    """Polygons that fill a box: shared corners (n, 2), and for each polygon its corners in order."""

    corners: Floats
    polygons: tuple[tuple[int, ...], ...]


def tiles(pieces: Pieces, low: Sequence[float], high: Sequence[float]) -> Tiles:
    """Return the tiles of a box between two corners."""
    start, end = np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64)
    if pieces.planes is not None:
        return _between_planes(pieces.planes, start, end)
    assert pieces.size is not None and pieces.disorder is not None and pieces.seed is not None
    return _cells(_centres(pieces.size, pieces.disorder, pieces.seed, end - start), start, end)


def _between_planes(
    planes: Mapping[Literal["x", "y"], tuple[float, ...]], start: Floats, end: Floats
) -> Tiles:
    x = np.array([start[0], *sorted(planes.get("x", ())), end[0]])
    y = np.array([start[1], *sorted(planes.get("y", ())), end[1]])
    corners = np.array([[across, up] for up in y for across in x])
    width = len(x)
    polygons = [
        (row * width + column, row * width + column + 1, (row + 1) * width + column + 1, (row + 1) * width + column)
        for row in range(len(y) - 1)
        for column in range(width - 1)
    ]  # fmt: skip
    return Tiles(corners, tuple(polygons))


def _centres(size: float, disorder: float, seed: int, box: Floats) -> Floats:
    """Return a triangular lattice of about this distance that fits the box, every point moved at random."""
    columns = max(1, round(box[0] / size))
    rows = max(1, round(box[1] / (size * np.sqrt(0.75))))
    places = [
        ((column + (0.25 if row % 2 == 0 else 0.75)) / columns, (row + 0.5) / rows)
        for row in range(rows)
        for column in range(columns)
    ]
    rng = np.random.default_rng([seed, 11])
    reach = disorder * size * np.sqrt(rng.random(len(places)))
    angle = 2 * np.pi * rng.random(len(places))
    moved = np.array(places) * box + np.column_stack([reach * np.cos(angle), reach * np.sin(angle)])
    margin = np.minimum(MARGIN * size, 0.25 * box)
    return np.clip(moved, margin, box - margin)


def _cells(centres: Floats, start: Floats, end: Floats) -> Tiles:
    """Return the Voronoi cells of points counted from `start`, which end at the walls."""
    box, images = end - start, [centres]
    for axis in range(2):
        for wall in (0.0, box[axis]):
            mirrored = centres.copy()
            mirrored[:, axis] = 2 * wall - mirrored[:, axis]
            images.append(mirrored)
    diagram = Voronoi(np.concatenate(images))
    close = 1e-9 * float(box.max())
    number: dict[int, int] = {}
    corners: list[Floats] = []
    polygons = []
    for index, centre in enumerate(centres):
        loop = np.array(diagram.regions[diagram.point_region[index]])
        away = diagram.vertices[loop] - centre
        ring = []
        for vertex in loop[np.argsort(np.arctan2(away[:, 1], away[:, 0]))]:
            if int(vertex) not in number:
                place = np.clip(diagram.vertices[vertex], 0.0, box)
                near = [k for k, other in enumerate(corners) if np.linalg.norm(other - place) < close]
                number[int(vertex)] = near[0] if near else len(corners)
                if not near:
                    corners.append(place)
            if number[int(vertex)] not in ring:
                ring.append(number[int(vertex)])
        polygons.append(tuple(ring))
    return Tiles(np.array(corners) + start, tuple(polygons))


def grouped(meets: Sequence[set[int]], count: int) -> list[int]:
    """Return for each piece one of `count` groups, none of which has two pieces that meet; InputError without any.

    `meets` has, for each piece, the pieces that it meets. Of several groups the least used is taken.
    """
    if len(meets) < count:
        what = f"there are {len(meets)} pieces for {count} groups"
        raise InputError(Problem("pieces", what, "cut into more pieces, or lower 'groups'"))
    found = _coloured(meets, count)
    if found is not None:
        return found
    enough = next((n for n in range(count + 1, MOST_GROUPS + 1) if _coloured(meets, n) is not None), None)
    remedy = f"write groups = {enough}" if enough else "cut into larger pieces, or change the seed"
    raise InputError(Problem("pieces.groups", f"{count} groups do not do: pieces of one would meet", remedy))


def _coloured(meets: Sequence[set[int]], count: int) -> list[int] | None:
    """Return a proper colouring, None where there is none (or none is found in time)."""
    group = [-1] * len(meets)
    used = [0] * count
    tried: list[tuple[int, list[int]]] = []

    def choices(piece: int) -> list[int]:
        taken = {group[other] for other in meets[piece]}
        return sorted((g for g in range(count) if g not in taken), key=lambda g: -used[g])

    def hardest() -> int:
        free = (piece for piece in range(len(meets)) if group[piece] < 0)
        return max(free, key=lambda p: (len({group[o] for o in meets[p]} - {-1}), len(meets[p]), -p))

    for _ in range(SEARCHED):
        if len(tried) == len(meets) and all(each >= 0 for each in group):
            return group
        if not tried or group[tried[-1][0]] >= 0:
            piece = hardest()
            tried.append((piece, choices(piece)))
        piece, left = tried[-1]
        while not left:  # back to the last piece that can be in another group
            tried.pop()
            if not tried:
                return None
            piece, left = tried[-1]
            used[group[piece]] -= 1
            group[piece] = -1
        group[piece] = left.pop()  # the least used
        used[group[piece]] += 1
    return None
