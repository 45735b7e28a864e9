"""Which share of a phase is connected to the faces of the box, and which pieces carry something from one to the other.

A piece is a connected set of cells (they share facets).  With periodic boundaries pieces that meet across opposite
faces make a cluster; a cluster percolates along an axis when a way through it comes back to its start in another copy
of the box that lies further along that axis (its winding).
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

import chemomech.runtime  # noqa: F401

import numpy as np
import numpy.typing as npt

from chemomech.analysis.box import Box, FloatArray, IntArray, face_facets
from chemomech.connectivity import pieces
from chemomech.domain import Domain


@dataclass(frozen=True)
class Percolation:
    """How a phase is connected: its pieces, their volumes, and what each touches."""

    labels: IntArray
    """piece of each local cell, ghosts included; -1 outside of the phase"""
    volumes: dict[int, float]
    """of each piece [um^3]"""
    touching: dict[tuple[int, bool], frozenset[int]]
    """pieces at each face: axis, whether it is the far one"""
    windings: dict[int, FloatArray]
    """of each piece: ways of its cluster back to itself in other copies of the box, (n, d)"""

    @property
    def volume(self) -> float:
        """Volume of the phase [um^3]."""
        return sum(self.volumes.values())

    def spanning(self, axis: int) -> frozenset[int]:
        """Pieces connected to both faces across an axis."""
        return self.touching[axis, False] & self.touching[axis, True]

    def winding(self, axis: int) -> frozenset[int]:
        """Pieces whose cluster percolates periodically along an axis."""
        return frozenset(piece for piece, ways in self.windings.items() if np.any(ways[:, axis]))

    def rank(self, piece: int) -> int:
        """Number of independent directions in which the cluster of a piece percolates."""
        ways = self.windings[piece]
        return int(np.linalg.matrix_rank(ways)) if len(ways) else 0

    def isolated(self) -> frozenset[int]:
        """Pieces that touch no face."""
        return frozenset(self.volumes).difference(*self.touching.values())

    def share(self, those: Iterable[int]) -> float:
        """Their part of the volume of the phase [-]."""
        return sum(self.volumes[piece] for piece in those) / self.volume


def percolation(domain: Domain, box: Box, regions: Iterable[str], cell_volumes: FloatArray) -> Percolation:
    """Return how the cells of these regions are connected (collective); ``cell_volumes`` of the owned cells."""
    labels = pieces(domain, regions)
    owned = len(cell_volumes)
    here, where = np.unique(labels[:owned], return_inverse=True)
    sizes = np.bincount(where, weights=cell_volumes, minlength=len(here))
    volumes: dict[int, float] = {}
    for numbers, parts in domain.comm.allgather((here.tolist(), sizes.tolist())):
        for number, size in zip(numbers, parts, strict=True):
            if number >= 0:
                volumes[number] = volumes.get(number, 0.0) + size
    touching: dict[tuple[int, bool], frozenset[int]] = {}
    edges: list[tuple[int, int, int]] = []
    for axis, names in box.faces.items():
        low, high = (face_facets(domain, name, axis, labels) for name in names)
        touching[axis, False] = frozenset(low.labels.tolist())
        touching[axis, True] = frozenset(high.labels.tolist())
        met = low.containing(high.corners.mean(axis=1))
        here = np.flatnonzero(met >= 0)
        pairs = np.unique(np.column_stack([high.labels[here], low.labels[met[here]]]), axis=0)
        edges += [(int(p), int(q), axis) for p, q in pairs]
    return Percolation(labels, volumes, touching, _windings(sorted(volumes), edges, domain.dimension))


def _windings(names: list[int], edges: list[tuple[int, int, int]], dimension: int) -> dict[int, FloatArray]:
    steps: dict[int, list[tuple[int, IntArray]]] = {name: [] for name in names}
    for p, q, axis in edges:  # out of the high face of p, into the low face of q one box further
        shift = np.zeros(dimension, dtype=np.int64)
        shift[axis] = 1
        steps[p].append((q, shift))
        steps[q].append((p, -shift))
    place: dict[int, IntArray] = {}
    found: dict[int, FloatArray] = {}
    for start in names:
        if start in place:
            continue
        place[start] = np.zeros(dimension, dtype=np.int64)
        cluster, waiting, ways = [start], deque([start]), []
        while waiting:
            piece = waiting.popleft()
            for other, shift in steps[piece]:
                there = place[piece] + shift
                if other not in place:
                    place[other] = there
                    cluster.append(other)
                    waiting.append(other)
                elif np.any(there != place[other]):
                    ways.append(there - place[other])
        array = np.unique(np.array(ways, dtype=float), axis=0) if ways else np.zeros((0, dimension))
        found |= dict.fromkeys(cluster, array)
    return found


def live_cells(found: Percolation, those: Iterable[int]) -> npt.NDArray[np.bool_]:
    """Return which local cells belong to these pieces."""
    return np.isin(found.labels, np.array(sorted(those), dtype=np.int64))
