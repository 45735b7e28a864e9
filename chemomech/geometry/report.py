"""What a mesh is like: size, quality, volumes, interfaces, and which particles are connected to what.

Lengths in um, areas in um2, volumes in um3; plane strain per um of depth; axisymmetric with 2 pi r.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from chemomech.errors import InputError, Problem
from chemomech.geometry.cells import Facets, Floats, Ints, Shape, facets_of, measure, shape_of
from chemomech.geometry.kinds import stack_ends


@dataclass(frozen=True)
class Cells:
    """A mesh of one kind of cells: points (n, d), cells (m, corners), region of each (m,), facets by boundary."""

    coordinates: str
    points: Floats
    cells: Ints
    region: Ints
    names: tuple[str, ...]
    quality: Floats
    boundaries: dict[str, Ints]

    @property
    def shape(self) -> Shape:
        """Kind of the cells."""
        return shape_of(self.points.shape[1], self.cells.shape[1])

    @property
    def facet(self) -> Shape:
        """Kind of their facets."""
        assert self.shape.facet is not None
        return self.shape.facet


def components(mesh: Cells, facets: Facets, inside: NDArray[np.bool_]) -> Ints:
    """Return the number of the connected piece each cell with `inside` belongs to, -1 for the others."""
    pairs = facets.cells[facets.cells[:, 1] >= 0]
    pairs = pairs[inside[pairs].all(axis=1)]
    n = len(inside)
    graph = coo_matrix((np.ones(len(pairs), dtype=np.int8), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    _, label = connected_components(graph, directed=False)
    piece = np.full(n, -1, dtype=np.int64)
    piece[inside] = np.unique(label[inside], return_inverse=True)[1]
    return piece


def report(mesh: Cells, active: str) -> dict[str, Any]:
    """Return the report; InputError where the mesh is unusable. `active` is the region that paths are looked for in."""
    _refuse_broken(mesh)
    ring = mesh.coordinates == "axisymmetric"
    facets = facets_of(mesh.cells, mesh.shape)
    volume = measure(mesh.points, mesh.cells, mesh.shape, ring)
    area = measure(mesh.points, facets.corners, mesh.facet, ring)
    total = float(volume.sum())
    regions: dict[str, Any] = {}
    for index, name in enumerate(mesh.names):
        mine = mesh.region == index
        pieces = components(mesh, facets, mine)
        own = float(volume[mine].sum())
        regions[name] = {
            "cells": int(mine.sum()),
            "points": len(np.unique(mesh.cells[mine])),
            "volume": own,
            "volume_fraction": own / total,
            "pieces": int(pieces.max()) + 1,
        }
    result: dict[str, Any] = {
        "coordinates": mesh.coordinates,
        "points": len(mesh.points),
        "cells": len(mesh.cells),
        "quality": {
            "minimum": float(mesh.quality.min()),
            "one_percent": float(np.quantile(mesh.quality, 0.01)),
        },
        "volume": total,
        "regions": regions,
        "interfaces": _interfaces(mesh, facets, area),
        "boundaries": {
            name: float(measure(mesh.points, corners, mesh.facet, ring).sum())
            for name, corners in mesh.boundaries.items()
        },
    }
    if active in mesh.names:
        result["paths"] = _paths(mesh, facets, mesh.names.index(active), volume)
    return result


def _refuse_broken(mesh: Cells) -> None:
    problems = [
        Problem(
            name, "the region has no cells", "its solids are too small for the cells, or overlapped by others"
        )
        for index, name in enumerate(mesh.names)
        if not (mesh.region == index).any()
    ]
    if bad := int((mesh.quality <= 1e-6).sum()):
        problems.append(
            Problem("mesh", f"{bad} inverted or degenerate cells", "use finer cells, or change gap or seed")
        )
    if mesh.coordinates == "axisymmetric" and (reach := float(mesh.points[:, 0].min())) < -1e-9:
        problems.append(Problem("mesh", f"points at r = {reach:g} um < 0", "the axis of symmetry is x = 0"))
    if problems:
        raise InputError(problems)


def _interfaces(mesh: Cells, facets: Facets, area: Floats) -> dict[str, float]:
    """Return the area of each interface, by its two regions joined with '|'."""
    inner = facets.cells[:, 1] >= 0
    sides = np.sort(mesh.region[facets.cells[inner]], axis=1)
    found: dict[str, float] = {}
    for a, b in np.unique(sides[sides[:, 0] != sides[:, 1]], axis=0):
        met = (sides[:, 0] == a) & (sides[:, 1] == b)
        found[f"{mesh.names[a]}|{mesh.names[b]}"] = float(area[inner][met].sum())
    return found


def _paths(mesh: Cells, facets: Facets, active: int, volume: Floats) -> dict[str, Any]:
    """Return which pieces lack a way for electrons to the collector, or for ions to the counter electrode.

    Electrons go through the active region alone, ions through everything else.
    """
    counter, collector = stack_ends(mesh.coordinates)
    solid = mesh.region == active
    grains, pools = components(mesh, facets, solid), components(mesh, facets, ~solid)
    outside = facets.cells[:, 1] < 0
    wired = np.unique(grains[_cells_at(mesh, facets, outside, collector)])
    fed = np.unique(pools[_cells_at(mesh, facets, outside, counter)])
    inner = facets.cells[~outside]
    meet = solid[inner[:, 0]] != solid[inner[:, 1]]
    pair = np.where(solid[inner[meet, :1]], inner[meet], inner[meet][:, ::-1])
    reached = np.unique(grains[pair[np.isin(pools[pair[:, 1]], fed[fed >= 0]), 0]])
    count = int(grains.max()) + 1
    return {
        "collector": collector,
        "counter_electrode": counter,
        "particles": count,
        "without_electronic_path": _pieces(
            mesh, grains, sorted(set(range(count)) - set(wired.tolist())), volume
        ),
        "without_ionic_path": _pieces(
            mesh, grains, sorted(set(range(count)) - set(reached.tolist())), volume
        ),
        "electrolyte_pockets": _pieces(
            mesh, pools, sorted(set(range(int(pools.max()) + 1)) - set(fed.tolist())), volume
        ),
    }


def _cells_at(mesh: Cells, facets: Facets, outside: NDArray[np.bool_], boundary: str) -> Ints:
    """Return the cells with a facet on a boundary."""
    if boundary not in mesh.boundaries:
        return np.empty(0, dtype=np.int64)
    wanted = {tuple(corners) for corners in np.sort(mesh.boundaries[boundary], axis=1).tolist()}
    rows = np.flatnonzero(outside)
    keys = map(tuple, np.sort(facets.corners[rows], axis=1).tolist())
    return facets.cells[[row for row, key in zip(rows, keys, strict=True) if key in wanted], 0]


def _pieces(mesh: Cells, label: Ints, wanted: list[int], volume: Floats) -> list[dict[str, Any]]:
    """Return where the wanted pieces are and how large."""
    mine = label >= 0
    own, size = label[mine], volume[mine]
    total = np.bincount(own, size, minlength=1)
    middles = mesh.points[mesh.cells[mine]].mean(axis=1)
    centre = np.stack([np.bincount(own, size * x, minlength=1) for x in middles.T], axis=1)
    return [
        {
            "centre": [round(float(c), 4) for c in centre[number] / total[number]],
            "volume": float(total[number]),
        }
        for number in wanted
    ]
