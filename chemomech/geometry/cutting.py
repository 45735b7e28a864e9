"""A plane region in Gmsh's OpenCASCADE kernel cut into pieces, and its pieces shared out to regions that can part."""

from collections.abc import Sequence
from typing import Any, Final

import gmsh
import numpy as np

from chemomech.geometry import pieces
from chemomech.geometry.tables import Pieces

Entity = tuple[int, int]

SLIVER: Final = 0.1
"""part of the mean area below which a piece stays with its neighbour"""


def tiled(asked: Pieces, low: Sequence[float], high: Sequence[float]) -> list[Entity]:
    """Add the polygons that a box is cut into; neighbours share their edge."""
    occ = gmsh.model.occ
    corners, polygons = pieces.tiles(asked, low, high)
    points = [occ.addPoint(*corner, 0.0) for corner in corners]
    edges: dict[tuple[int, int], int] = {}
    found = []
    for polygon in polygons:
        loop = []
        for pair in zip(polygon, [*polygon[1:], polygon[0]], strict=True):
            first, last = sorted(pair)
            if (first, last) not in edges:
                edges[first, last] = occ.addLine(points[first], points[last])
            loop.append(edges[first, last])
        found.append((2, occ.addPlaneSurface([occ.addCurveLoop(loop)])))
    return found


def grouped(
    drawn: Sequence[Entity], asked: Pieces, name: str
) -> tuple[dict[str, list[Entity]], dict[str, Any]]:
    """Return the pieces of a region by the groups they go to, no two of which touch, and what the report says of them.

    Particles cut tiles too; a sliver that is left of one stays with the neighbour it shares the longest edge with.
    """
    curves = [
        {tag for _, tag in gmsh.model.getBoundary([each], combined=False, oriented=False)} for each in drawn
    ]
    lengths = {tag: gmsh.model.occ.getMass(1, tag) for tag in set[int]().union(*curves)}
    owner = _without_slivers(drawn, curves, lengths)
    kept = sorted(set(owner))
    ends = [
        {
            point
            for index, whole in enumerate(owner)
            if whole == piece
            for tag in curves[index]
            for point in gmsh.model.getAdjacencies(1, tag)[1].tolist()
        }
        for piece in kept
    ]
    meets = [
        {other for other, points in enumerate(ends) if other != piece and points & mine}
        for piece, mine in enumerate(ends)
    ]
    found = pieces.grouped(meets, asked.groups)
    group = [found[kept.index(whole)] for whole in owner]
    names = asked.regions(name)
    sides = {tag: {group[index] for index, mine in enumerate(curves) if tag in mine} for tag in lengths}
    notes = {
        "count": len(kept),
        "slivers": len(drawn) - len(kept),
        "groups": {each: found.count(number) for number, each in enumerate(names)},
        "cut_length": float(sum(length for tag, length in lengths.items() if len(sides[tag]) > 1)),
    }
    regions = {
        each: [entity for entity, of in zip(drawn, group, strict=True) if of == number]
        for number, each in enumerate(names)
    }
    return regions, notes


def _without_slivers(
    drawn: Sequence[Entity], curves: Sequence[set[int]], lengths: dict[int, float]
) -> list[int]:
    """Return for each entity the one whose piece it belongs to: itself, or a neighbour where it is a sliver."""
    areas = np.array([gmsh.model.occ.getMass(*each) for each in drawn])
    owner = list(range(len(drawn)))
    for index in np.argsort(areas).tolist():
        if areas[index] >= SLIVER * areas.mean():
            break
        shared = [
            sum(lengths[tag] for tag in curves[index] & other) if owner[place] != owner[index] else 0.0
            for place, other in enumerate(curves)
        ]
        if max(shared) > 0.0:
            old, new = owner[index], owner[int(np.argmax(shared))]
            owner = [new if each == old else each for each in owner]
    return owner
