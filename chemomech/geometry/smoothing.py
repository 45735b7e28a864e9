"""Smooth interfaces in a mesh of the voxels' simplices.

The nodes where phases meet are the vertices of the image's surface nets: every face between unlike voxels has its
corners there.  They are moved by Taubin's filter, which takes the steps away and little else, at most half a voxel from
where they were; nodes on a side of the image stay in it, so that sides stay plane.  The other nodes follow.  A step
that would flatten a cell is shortened for the nodes of that cell.  At last the least displacement is added that gives
every piece of every phase the volume of its voxels, so that volume fractions are those of the image.

The number and the neighbours of the cells never change: what touches in the image touches in the mesh.

Source of the filter: G. Taubin, A signal processing approach to fair surface design, SIGGRAPH 1995.
"""

from collections.abc import Iterator
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csr_matrix, diags
from scipy.sparse.linalg import lsmr

from chemomech.geometry.cells import Floats, Ints
from chemomech.geometry.voxels import Phases, pieces_of

FORWARD, BACKWARD = 0.5, -0.53
"""Steps of the filter: pass band up to 1/FORWARD + 1/BACKWARD = 0.11 of the spectrum's scale."""
REACH = 0.5
"""Largest displacement along each axis [voxels]."""
FLATTEST = 0.05
"""Least volume of a cell, as part of what it was."""
HALVINGS = 4
CORRECTIONS = 4


def smoothed(phase: Phases, cells: Ints, lattice: Floats, passes: int) -> Floats:
    """Return the nodes (n, d) [voxels] of the voxels' simplices after `passes` of the filter."""
    if passes == 0:
        return lattice
    average, interface = _averages(phase)
    counts = np.array(phase.shape)
    free = (lattice > 0) & (lattice < counts)
    points = lattice
    for _ in range(passes):
        moved = points
        for step in (FORWARD, BACKWARD):
            shift = np.where(free, average @ moved - moved, 0.0)
            shift *= np.where(interface, step, FORWARD if step > 0 else 0.0)[:, None]
            moved = np.clip(moved + shift, lattice - REACH, lattice + REACH)
        points = _sound(cells, points, moved)
    return _volumes_kept(phase, cells, lattice, points, free & interface[:, None])


def _averages(phase: Phases) -> tuple[csr_matrix, NDArray[np.bool_]]:
    """Return the mean over the neighbours of each node as a matrix, and which nodes lie on an interface.

    The neighbours of an interface node are those along edges that lie on an interface.
    """
    d, nodes = phase.ndim, np.arange(np.prod(np.add(phase.shape, 1))).reshape(np.add(phase.shape, 1))
    padded = np.pad(phase, 1, mode="edge")
    every, met = [], []
    for axis in range(d):
        lengthwise = [slice(1, -1) if each == axis else None for each in range(d)]
        around = [
            padded[tuple(s if s is not None else c for s, c in zip(lengthwise, choice, strict=True))]
            for choice in product((slice(None, -1), slice(1, None)), repeat=d)
            if choice[axis] == slice(None, -1)
        ]
        ends = np.stack(
            [_cut(nodes, axis, slice(None, -1)).ravel(), _cut(nodes, axis, slice(1, None)).ravel()]
        )
        every.append(ends)
        met.append(np.any([around[0] != each for each in around[1:]], axis=0).ravel())
    edges, meets = np.concatenate(every, axis=1), np.concatenate(met)
    interface = np.zeros(nodes.size, dtype=bool)
    interface[edges[:, meets].ravel()] = True
    kept = np.concatenate([edges, edges[::-1]], axis=1)
    kept = kept[:, ~interface[kept[0]] | np.tile(meets, 2)]
    graph = csr_matrix((np.ones(kept.shape[1]), (kept[0], kept[1])), shape=(nodes.size, nodes.size))
    return diags(1.0 / np.maximum(graph.sum(axis=1).A1, 1.0)) @ graph, interface


def _cut(array: Ints, axis: int, part: slice) -> Ints:
    return np.moveaxis(np.moveaxis(array, axis, 0)[part], 0, axis)


def _edges(cells: Ints, points: Floats) -> Floats:
    corner = points[cells]
    return corner[:, 1:] - corner[:, :1]


def _cofactors(edges: Floats) -> Floats:
    """Return the derivative of the determinant of (m, d, d) with respect to each entry."""
    if edges.shape[1] == 2:
        return np.stack(
            [
                np.stack([edges[:, 1, 1], -edges[:, 1, 0]], -1),
                np.stack([-edges[:, 0, 1], edges[:, 0, 0]], -1),
            ],
            1,
        )
    a, b, c = edges[:, 0], edges[:, 1], edges[:, 2]
    return np.stack([np.cross(b, c), np.cross(c, a), np.cross(a, b)], axis=1)


def _sizes(cells: Ints, points: Floats) -> Floats:
    """Return the signed volumes of simplices, in units of what they were."""
    edges = _edges(cells, points)
    return np.asarray(np.einsum("mi,mi->m", edges[:, 0], _cofactors(edges)[:, 0]))


def _sound(cells: Ints, before: Floats, after: Floats) -> Floats:
    """Return the nodes moved; those of cells that would become too flat half as far, a quarter, or not at all."""
    after = after.copy()
    suspects, tries = cells, np.zeros(len(before), dtype=np.int8)
    while len(suspects):
        flat = np.unique(suspects[_sizes(suspects, after) < FLATTEST])
        flat = flat[tries[flat] < HALVINGS]
        if not len(flat):
            break
        tries[flat] += 1
        share = np.where(tries[flat] < HALVINGS, 0.5, 0.0)[:, None]
        after[flat] = before[flat] + share * (after[flat] - before[flat])
        back = np.zeros(len(before), dtype=bool)
        back[flat] = True
        suspects = cells[back[cells].any(axis=1)]
    return after


def _volumes_kept(
    phase: Phases, cells: Ints, lattice: Floats, points: Floats, free: NDArray[np.bool_]
) -> Floats:
    """Return the nodes with the least displacement that gives each piece of each phase its volume again."""
    d = phase.ndim
    piece, owner = pieces_of(phase, int(phase.max()) + 1)
    home = np.repeat(piece.ravel(), len(cells) // phase.size)
    wanted = np.bincount(home, minlength=len(owner)).astype(np.float64)  # a simplex was of size one
    for _ in range(CORRECTIONS):
        edges = _edges(cells, points)
        cofactors = _cofactors(edges)
        missing = wanted - np.bincount(home, np.einsum("mi,mi->m", edges[:, 0], cofactors[:, 0]), len(owner))
        if np.max(np.abs(missing)) < 1e-6 * np.max(wanted):
            break
        rows, columns, values = (
            np.concatenate(part) for part in zip(*_gradients(cells, home, cofactors, free), strict=True)
        )
        gradient = coo_matrix((values, (rows, columns)), shape=(len(owner), points.size)).tocsr()
        shift = lsmr(gradient, missing, atol=1e-8, btol=1e-8, maxiter=300)[0].reshape(-1, d)
        points = _sound(cells, points, np.clip(points + shift, lattice - REACH, lattice + REACH))
    return points


def _gradients(
    cells: Ints, home: Ints, cofactors: Floats, free: NDArray[np.bool_]
) -> Iterator[tuple[Ints, Ints, Floats]]:
    """Yield rows (pieces), columns (node and axis) and values of the derivative of the pieces' sizes."""
    d = cells.shape[1] - 1
    parts = [-cofactors.sum(axis=1), *np.moveaxis(cofactors, 1, 0)]
    for corner, part in enumerate(parts):
        for axis in range(d):
            movable = free[cells[:, corner], axis]
            yield home[movable], cells[movable, corner] * d + axis, part[movable, axis]
