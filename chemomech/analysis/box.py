"""The box around a microstructure: its opposite faces, what lies on them, and where a point of one meets the other.

Everything about the faces is gathered to every rank: it is small beside the mesh, and a facet and its counterpart on
the opposite side are seldom held by the same rank.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

import chemomech.runtime  # noqa: F401

import numpy as np
import numpy.typing as npt
from dolfinx import mesh
from mpi4py import MPI
from scipy.spatial import cKDTree

from chemomech.domain import Domain
from chemomech.errors import InputError, Problem

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

Boundaries = Literal["periodic", "walls"]
FLAT: Final = 1e-6
"""distance from a plane, in sizes of the box, within which a point lies on it"""
NEAREST: Final = 24
"""facets about a point that are looked at before all are"""


@dataclass(frozen=True)
class Box:
    """The bounding box of a mesh, with the boundaries that are its faces."""

    low: FloatArray
    """[um], one per direction of the mesh"""
    high: FloatArray
    faces: dict[int, tuple[str, str]]
    """for each axis with two plane faces: the boundaries at its low and at its high end"""
    axisymmetric: bool

    @property
    def lengths(self) -> FloatArray:
        """Edges [um]."""
        return np.asarray(self.high - self.low)

    @property
    def tolerance(self) -> float:
        """Distance within which a point lies on a face [um]."""
        return FLAT * float(self.lengths.max())

    @property
    def volume(self) -> float:
        """Volume [um^3], what the mesh leaves empty included; per um of depth in plane strain."""
        if self.axisymmetric:
            return float(np.pi * (self.high[0] ** 2 - self.low[0] ** 2) * self.lengths[1])
        return float(np.prod(self.lengths))


def box_of(domain: Domain) -> Box:
    """Return the bounding box of a mesh and those named boundaries that lie on its faces (collective)."""
    d, comm = domain.dimension, domain.comm
    x = domain.mesh.geometry.x[:, :d]
    low, high = np.empty(d), np.empty(d)
    comm.Allreduce(x.min(axis=0, initial=np.inf), low, op=MPI.MIN)
    comm.Allreduce(x.max(axis=0, initial=-np.inf), high, op=MPI.MAX)
    close = FLAT * float(np.max(high - low))
    on: dict[tuple[int, bool], str] = {}
    for name, facets in domain.facet_boundary.items():
        nodes = mesh.entities_to_geometry(domain.mesh, d - 1, facets).reshape(-1)
        if not comm.allreduce(len(nodes)):
            continue
        for axis in range(d):
            for far, plane in ((False, low[axis]), (True, high[axis])):
                flat = bool(np.all(np.abs(x[nodes, axis] - plane) < close))
                if comm.allreduce(flat, op=MPI.LAND):
                    on[axis, far] = name
    faces = {a: (on[a, False], on[a, True]) for a in range(d) if (a, False) in on and (a, True) in on}
    ring = domain.coordinates == "axisymmetric"
    if ring:  # axis and outer surface are not opposite to each other
        faces.pop(0, None)
    return Box(low, high, faces, ring)


def refuse_faceless(box: Box, axes: Iterable[int], place: str) -> None:
    """Raise InputError when the mesh lacks two opposite plane faces along one of these axes."""
    lacking = [axis for axis in axes if axis not in box.faces]
    if lacking:
        raise InputError(
            Problem(
                place,
                f"the mesh has no two opposite plane faces along {', '.join('xyz'[axis] for axis in lacking)}",
                "each needs a named boundary on both sides of the bounding box",
            )
        )


@dataclass(frozen=True)
class FaceFacets:
    """The facets of one face of the box, gathered to every rank: corners in the plane and a label of each."""

    corners: FloatArray
    """(facets, corners, d - 1) [um]"""
    labels: IntArray
    """(facets,)"""
    areas: FloatArray

    def containing(self, points: FloatArray) -> IntArray:
        """Return for each point of the plane, (n, d - 1), the facet that contains it; -1 where none does."""
        found = np.full(len(points), -1, dtype=np.int64)
        if not len(points) or not len(self.corners):
            return found
        tree = cKDTree(self.corners.mean(axis=1))
        count = min(NEAREST, len(self.corners))
        near = tree.query(points, k=count)[1].reshape(len(points), count)
        for column in near.T:
            open_ = np.flatnonzero(found < 0)
            hit = inside(self.corners[column[open_]], points[open_])
            found[open_[hit]] = column[open_[hit]]
        for index in np.flatnonzero(found < 0):  # beside a facet much larger than its neighbours
            hits = np.flatnonzero(
                inside(self.corners, np.broadcast_to(points[index], (len(self.corners), points.shape[1])))
            )
            if len(hits):
                found[index] = hits[0]
        return found


def inside(corners: FloatArray, points: FloatArray) -> npt.NDArray[np.bool_]:
    """Return whether each point lies in its facet: segments, triangles, rectangles along the axes."""
    slack = 1e-6
    if corners.shape[1] == 3:
        edges = corners[:, 1:] - corners[:, :1]
        away = points - corners[:, 0]
        area = edges[:, 0, 0] * edges[:, 1, 1] - edges[:, 0, 1] * edges[:, 1, 0]
        first = (away[:, 0] * edges[:, 1, 1] - away[:, 1] * edges[:, 1, 0]) / area
        second = (edges[:, 0, 0] * away[:, 1] - edges[:, 0, 1] * away[:, 0]) / area
        return np.asarray(np.min([first, second, 1 - first - second], axis=0) > -slack)
    low, high = corners.min(axis=1), corners.max(axis=1)
    margin = slack * (high - low)
    return np.asarray(np.all((points > low - margin) & (points < high + margin), axis=1))


def face_facets(domain: Domain, boundary: str, axis: int, labels: IntArray) -> FaceFacets:
    """Return the facets of a face with the label of the cell behind each; label -1 is left out (collective).

    ``labels`` has an entry per local cell, ghosts included.
    """
    d = domain.dimension
    facets = domain.boundary_facets(boundary)
    links = domain.mesh.topology.connectivity(d - 1, d)
    behind = labels[links.array[links.offsets[facets]]]
    facets, behind = facets[behind >= 0], behind[behind >= 0]
    nodes = mesh.entities_to_geometry(domain.mesh, d - 1, facets)
    corners = np.delete(domain.mesh.geometry.x[:, :d], axis, axis=1)[nodes]
    parts = domain.comm.allgather((corners, behind))
    whole = np.concatenate([part for part, _ in parts])
    return FaceFacets(whole, np.concatenate([part for _, part in parts]), _sizes(whole))


def _sizes(corners: FloatArray) -> FloatArray:
    if corners.shape[1] == 3:
        a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
        return np.asarray(np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]) / 2)
    return np.asarray(np.prod(corners.max(axis=1) - corners.min(axis=1), axis=1))


def gathered(comm: MPI.Intracomm, *arrays: Any) -> list[Any]:
    """Return each array with the parts of all ranks, one after another (collective)."""
    return [np.concatenate(comm.allgather(array)) for array in arrays]
