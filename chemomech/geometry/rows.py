"""Rows of flat cells along interfaces: as thin as a charged layer needs, where the surface itself needs no such cells.

A mesh of triangles or tetrahedra is made as always.  Then each region that asks for rows withdraws from its interfaces
by their thickness, and the gap is filled: every facet becomes a stack of prisms, each of them cut into simplices from
its lowest to its highest corner, so that neighbours agree on the face between them.  What is withdrawn from is the
interface as it was: the two sides need not know of each other.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix, diags
from scipy.sparse.linalg import cg

from chemomech.errors import InputError, Problem
from chemomech.geometry.cells import Floats, Ints, facets_of
from chemomech.geometry.kinds import SIDES
from chemomech.geometry.report import Cells

SHARPEST = 0.2
"""least cosine between the way in from an edge of the interface and the normals of its facets: an edge of 23 degrees"""
FLATTEST = 0.05
"""least volume of a cell that makes room, relative to what it was"""
ROOM_IN_WEDGES = 0.4
"""part of the half width of a wedge that rows may take"""
STEPS = 8
"""in which a region withdraws"""


@dataclass(frozen=True)
class Inflated:
    """A mesh with rows: points (n, d), cells by region, outer facets by boundary."""

    points: Floats
    regions: dict[str, Ints]
    sides: dict[str, Ints]


@dataclass(frozen=True)
class Skin:
    """The interfaces of one region, seen from inside."""

    name: str
    facets: Ints
    """(f, d) nodes, each row in ascending order"""
    nodes: Ints
    inward: Floats
    """(nodes, d) way by which each node moves when the region withdraws by 1"""


def inflate(mesh: Cells, heights: Mapping[str, Floats], joined: tuple[frozenset[str], ...]) -> Inflated:
    """Return the mesh with rows in some regions: `heights` are ascending distances of nodes from the interface [um].

    Regions of one set in `joined` have no interface between them.  InputError where there is no room for the rows.
    """
    d = mesh.points.shape[1]
    points, blocks = (
        [mesh.points.copy()],
        {name: [mesh.cells[mesh.region == i]] for i, name in enumerate(mesh.names)},
    )
    planes = _planes(mesh)
    count = len(mesh.points)
    for name, distances in heights.items():
        skin = _skin(mesh, name, distances[-1], joined, planes)
        own = blocks[name][0]
        _make_room(points[0], own, skin, distances[-1], planes, _shared(mesh, name))
        rows = np.arange(len(distances) * len(skin.nodes)).reshape(len(distances), -1) + count
        count += rows.size
        levels = np.vstack([skin.nodes, rows])
        for distance in distances:
            points.append(mesh.points[skin.nodes] + distance * skin.inward)
        place = np.full(len(mesh.points), -1)
        place[skin.nodes] = np.arange(len(skin.nodes))
        blocks[name][0] = np.where(place[own] >= 0, levels[-1][place[own]], own)
        corners = place[skin.facets]
        for lower, upper in zip(levels[:-1], levels[1:], strict=True):
            for i in range(d):
                blocks[name].append(np.hstack([lower[corners[:, : i + 1]], upper[corners[:, i:]]]))
    where = np.concatenate(points)
    regions = {name: _positive(where, np.concatenate(parts)) for name, parts in blocks.items()}
    used, local = np.unique(np.concatenate(list(regions.values())), return_inverse=True)
    split = np.split(local.reshape(-1, d + 1), np.cumsum([len(cells) for cells in regions.values()])[:-1])
    regions = dict(zip(regions, split, strict=True))
    return Inflated(where[used], regions, _sides(where[used], np.concatenate(split), mesh, planes))


def _planes(mesh: Cells) -> dict[str, tuple[int, float]]:
    """Return the axis and the position of each outer side of the mesh."""
    return {
        name: (axis, float(mesh.points[mesh.boundaries[name], axis].mean()))
        for name, axis, _ in SIDES[mesh.coordinates]
        if name in mesh.boundaries
    }


def _skin(
    mesh: Cells,
    name: str,
    depth: float,
    joined: tuple[frozenset[str], ...],
    planes: Mapping[str, tuple[int, float]],
) -> Skin:
    facets = facets_of(mesh.cells, mesh.shape)
    pair = mesh.region[facets.cells]
    mine, together = mesh.names.index(name), {name}.union(*(each for each in joined if name in each))
    others = [i for i, other in enumerate(mesh.names) if other not in together]
    inner = facets.cells[:, 1] >= 0
    first, second = (
        (pair[:, 0] == mine) & np.isin(pair[:, 1], others),
        (pair[:, 1] == mine) & np.isin(pair[:, 0], others),
    )
    chosen = inner & (first | second)
    corners = np.sort(facets.corners[chosen], axis=1)
    if not len(corners):
        raise _refusal(name, "it touches no other region", "rows lie along interfaces: remove them here")
    cell = np.where(first[chosen], facets.cells[chosen, 0], facets.cells[chosen, 1])
    normal = _normals(mesh.points[corners], mesh.points[mesh.cells[cell]].mean(axis=1))
    nodes, local = np.unique(corners, return_inverse=True)
    local = local.reshape(corners.shape)
    _closed(name, mesh, corners, planes)
    free = np.ones((len(nodes), mesh.points.shape[1]), dtype=bool)
    for side, (axis, _) in planes.items():
        free[np.isin(nodes, mesh.boundaries[side]), axis] = False
    way = np.zeros(free.shape)
    for corner in local.T:
        np.add.at(way, corner, normal)
    way *= free
    way /= np.maximum(np.linalg.norm(way, axis=1), 1e-300)[:, None]
    steepest = np.ones(len(nodes))
    flat = normal[:, None, :] * free[local]  # what counts in the plane of a side is the angle in that plane
    flat /= np.maximum(np.linalg.norm(flat, axis=2), 1e-300)[:, :, None]
    cosine = np.einsum("fcd,fcd->fc", flat, way[local])
    np.minimum.at(steepest, local, cosine)
    if (sharp := steepest < SHARPEST).any():
        at = ", ".join(f"{x:.4g}" for x in mesh.points[nodes[np.flatnonzero(sharp)[0]]])
        raise _refusal(
            name, f"its interface has too sharp an edge at ({at}) um", "give it rows on the other side only"
        )
    share = _share_of_depth(mesh.points[nodes], local, way, depth)
    return Skin(name, corners, nodes, way * (share / steepest)[:, None])


def _share_of_depth(points: Floats, facets: Ints, way: Floats, depth: float) -> Floats:
    """Return by which part of its depth a region withdraws at each node: less in wedges that it fills, and around them.

    A wedge of half-angle a has room for a depth of s tan a at the distance s from its edge.
    """
    middle = points[facets].mean(axis=1)
    rise = np.full(len(points), -1.0)
    for corner in facets.T:
        arm = middle - points[corner]
        np.maximum.at(rise, corner, np.einsum("fd,fd->f", arm, way[corner]) / np.linalg.norm(arm, axis=1))
    rise = np.clip(
        rise, 1e-6, 1 - 1e-6
    )  # the cosine of the half-angle; of 90 degrees where the interface is flat or bulges
    slope = ROOM_IN_WEDGES * np.sqrt(1 - rise**2) / rise
    d = facets.shape[1]
    edges = np.concatenate([facets[:, [i, j]] for i in range(d) for j in range(d) if i != j])
    length = np.linalg.norm(points[edges[:, 0]] - points[edges[:, 1]], axis=1)
    shortest = np.full(len(points), np.inf)
    np.minimum.at(shortest, edges[:, 0], length)
    limit = np.minimum(depth, slope * shortest)
    while True:  # what an edge leaves room for grows with the distance from it
        reach = limit[edges[:, 0]] + slope[edges[:, 0]] * length
        better = np.flatnonzero(reach < limit[edges[:, 1]] * (1 - 1e-9))
        if not len(better):
            return np.asarray(limit / depth)
        better = better[np.argsort(-reach[better])]  # of several the least is written last
        at = edges[better, 1]
        limit[at], slope[at] = reach[better], slope[edges[better, 0]]


def _normals(corners: Floats, inside: Floats) -> Floats:
    """Return the unit normals of facets (f, d, d), toward a point inside."""
    edges = corners[:, 1:] - corners[:, :1]
    if corners.shape[2] == 2:
        normal = np.stack([-edges[:, 0, 1], edges[:, 0, 0]], axis=1)
    else:
        normal = np.cross(edges[:, 0], edges[:, 1])
    normal /= np.linalg.norm(normal, axis=1)[:, None]
    sign = np.sign(np.einsum("fd,fd->f", normal, inside - corners[:, 0]))
    return np.asarray(normal * sign[:, None])


def _closed(name: str, mesh: Cells, corners: Ints, planes: Mapping[str, tuple[int, float]]) -> None:
    """Refuse an interface that ends inside the mesh: where a region begins that has no interface with this one."""
    d = corners.shape[1]
    ridges = np.concatenate([np.delete(corners, corner, axis=1) for corner in range(d)])
    edges, times = np.unique(ridges, axis=0, return_counts=True)
    ends = edges[times == 1]
    outside = [np.isin(ends, mesh.boundaries[side]).all(axis=1) for side in planes]
    if not np.any(outside, axis=0).all():
        raise _refusal(
            name, "its interface ends inside the mesh", "give rows to the regions beside it too, or to none"
        )


def _shared(mesh: Cells, name: str) -> Ints:
    mine = mesh.region == mesh.names.index(name)
    return np.intersect1d(mesh.cells[mine], mesh.cells[~mine])


def _make_room(
    points: Floats,
    cells: Ints,
    skin: Skin,
    depth: float,
    planes: Mapping[str, tuple[int, float]],
    shared: Ints,
) -> None:
    """Move the inner nodes of a region, the less the farther they are, so that its cells leave room for the rows."""
    before = _volumes(points, cells)
    nodes, local = np.unique(cells, return_inverse=True)
    local = local.reshape(cells.shape)
    n, d = len(nodes), points.shape[1]
    ends = np.concatenate([local[:, [i, j]] for i in range(d + 1) for j in range(i)])
    edges = np.unique(np.sort(ends, axis=1), axis=0)
    on_skin, shared_here = np.isin(nodes, skin.nodes), np.isin(nodes, shared)
    step = np.zeros((n, d))
    step[on_skin] = depth / STEPS * skin.inward[np.searchsorted(skin.nodes, nodes[on_skin])]
    held = np.repeat((on_skin | shared_here)[:, None], d, axis=1)
    for axis, place in planes.values():
        held[:, axis] |= np.abs(points[nodes, axis] - place) < 1e-9 * np.ptp(points[:, axis])
    moved = points[nodes]
    for _ in range(STEPS):
        # springs between nodes, the stiffer the shorter they have become: small cells are pushed, large ones give way
        length = np.linalg.norm(moved[edges[:, 0]] - moved[edges[:, 1]], axis=1)
        spring = csr_matrix((length**-2.0, (edges[:, 0], edges[:, 1])), shape=(n, n))
        spring = spring + spring.T
        laplacian = (diags(spring.sum(axis=1).A1) - spring).tocsr()
        for axis in range(d):
            fixed, free = np.flatnonzero(held[:, axis]), np.flatnonzero(~held[:, axis])
            if len(free):
                rows = laplacian[free]
                matrix = rows[:, free]
                jacobi = diags(1.0 / matrix.diagonal())
                step[free, axis] = cg(matrix, -rows[:, fixed] @ step[fixed, axis], rtol=1e-6, M=jacobi)[0]
        moved = moved + step
    full = points.copy()
    full[nodes] = moved
    if (bad := _volumes(full, cells) / before < FLATTEST).any():
        what = f"rows of {depth:.4g} um leave no room for {int(bad.sum())} of the cells behind them"
        raise _refusal(skin.name, what, "take thinner rows, or larger cells at the interface")
    inner = ~shared_here
    points[nodes[inner]] = moved[inner]


def _volumes(points: Floats, cells: Ints) -> Floats:
    corner = points[cells]
    return np.asarray(np.linalg.det(corner[:, 1:] - corner[:, :1]))


def _positive(points: Floats, cells: Ints) -> Ints:
    turned = _volumes(points, cells) < 0.0
    cells = cells.copy()
    cells[turned, -2:] = cells[turned, -2:][:, ::-1]
    return cells


def _sides(
    points: Floats, cells: Ints, mesh: Cells, planes: Mapping[str, tuple[int, float]]
) -> dict[str, Ints]:
    facets = facets_of(cells, mesh.shape)
    outer = facets.corners[facets.cells[:, 1] < 0]
    close = 1e-9 * float(np.ptp(points, axis=0).max())
    return {
        name: outer[np.all(np.abs(points[outer, axis] - place) < close, axis=1)]
        for name, (axis, place) in planes.items()
    }


def _refusal(name: str, what: str, remedy: str) -> InputError:
    return InputError(Problem(f"boundary_layer.{name}", what, remedy))
