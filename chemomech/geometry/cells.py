"""The kinds of cells: their corners in the order of Gmsh and VTK, their facets, and the simplices they are made of."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Corners = tuple[int, ...]

VOID = "void"
"""The boundary that is the surface of voids: free, whatever a case says of others."""


@dataclass(frozen=True)
class Shape:
    """A kind of cell."""

    name: str
    """as meshio calls it"""
    gmsh: int
    """number of its type in Gmsh"""
    corners: int
    simplices: tuple[Corners, ...]
    """corners of simplices that fill it (where its faces are plane)"""
    facet: "Shape | None" = None
    facets: tuple[Corners, ...] = field(default=())
    """corners of each facet, in turn around it"""


POINT = Shape("vertex", 15, 1, ((0,),))
LINE = Shape("line", 1, 2, ((0, 1),), POINT, ((0,), (1,)))
TRIANGLE = Shape("triangle", 2, 3, ((0, 1, 2),), LINE, ((0, 1), (1, 2), (2, 0)))
QUADRILATERAL = Shape("quad", 3, 4, ((0, 1, 2), (0, 2, 3)), LINE, ((0, 1), (1, 2), (2, 3), (3, 0)))
TETRAHEDRON = Shape("tetra", 4, 4, ((0, 1, 2, 3),), TRIANGLE, ((1, 2, 3), (0, 3, 2), (0, 1, 3), (0, 2, 1)))
HEXAHEDRON = Shape(
    "hexahedron",
    5,
    8,
    ((0, 1, 2, 6), (0, 2, 3, 6), (0, 3, 7, 6), (0, 7, 4, 6), (0, 4, 5, 6), (0, 5, 1, 6)),
    QUADRILATERAL,
    ((0, 3, 2, 1), (4, 5, 6, 7), (0, 1, 5, 4), (1, 2, 6, 5), (2, 3, 7, 6), (3, 0, 4, 7)),
)
SHAPES: dict[int, tuple[Shape, ...]] = {2: (TRIANGLE, QUADRILATERAL), 3: (TETRAHEDRON, HEXAHEDRON)}
"""Kinds of cells in two and in three dimensions."""


def shape_of(dimension: int, corners: int) -> Shape:
    """Return the kind of cells with so many corners."""
    return next(shape for shape in SHAPES[dimension] if shape.corners == corners)


@dataclass(frozen=True)
class Facets:
    """Facets between cells: corners (k, n) and the two cells at each (k, 2), the second -1 on the outside."""

    corners: Ints
    cells: Ints


def facets_of(cells: Ints, shape: Shape) -> Facets:
    """Return every facet of a mesh once, with the cells on its two sides."""
    m = len(cells)
    stacked = np.concatenate([cells[:, corners] for corners in shape.facets])
    owner = np.tile(np.arange(m), len(shape.facets))
    key = np.sort(stacked, axis=1)
    order = np.lexsort(key.T[::-1])
    key, stacked, owner = key[order], stacked[order], owner[order]
    same = np.all(key[1:] == key[:-1], axis=1)
    first = np.flatnonzero(np.concatenate([[True], ~same]))
    paired = np.concatenate([same, [False]])[first]
    other = np.where(paired, owner[np.minimum(first + 1, len(owner) - 1)], -1)
    return Facets(stacked[first], np.column_stack([owner[first], other]))


def measure(points: Floats, cells: Ints, shape: Shape, axisymmetric: bool) -> Floats:
    """Return length, area or volume of cells or facets; axisymmetric: times 2 pi r of the simplices' centroids."""
    total = np.zeros(len(cells))
    for corners in shape.simplices:
        at = points[cells[:, corners]]
        edges = at[:, 1:] - at[:, :1]
        gram = np.einsum("kid,kjd->kij", edges, edges)
        size = np.sqrt(np.maximum(np.linalg.det(gram), 0.0)) / (1, 1, 2, 6)[edges.shape[1]]
        total += size * 2.0 * np.pi * at[:, :, 0].mean(axis=1) if axisymmetric else size
    return total
