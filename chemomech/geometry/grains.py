"""Electrolyte of pressed grains: discs packed between the particles, sintered at their necks, with voids left over.

Discs start at random points and are pushed apart, and away from the particles, until neighbours overlap by the wanted
part of their radius (soft force-biased packing; the walls are mirrors).  The outline of the union is then closed by a
ball of the rounding radius rho: voids are what that ball can reach, so that every neck gets a fillet of radius rho and
gaps too narrow for the ball are filled.  The outline is exact: arcs of the grains and of the ball, found where the
discs enlarged by rho intersect.  Lengths in um.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from chemomech.errors import InputError, Problem
from chemomech.geometry.close_packing import RANDOM_CLOSE
from chemomech.geometry.packing import Floats, Ints

ROUNDS = 900
THINNINGS = 15
STEADY = 2e-6
"""mean push, in radii, below which the packing has settled"""
SWALLOWED = 0.35
"""grains whose centre comes nearer to a particle's surface than this part of their radius are left out"""
THIN = 0.1
"""part of the rounding radius that a neck must have left between its two fillets"""

Arc = tuple[Floats, float, float, float]
"""Centre, radius, and the angles at which it starts and ends; anticlockwise when the end is the larger one."""


@dataclass(frozen=True)
class GrainBed:
    """What the grains fill: a box with its corner at the origin, and the particles in it."""

    box: Floats
    """(2,)"""
    centres: Floats
    """of the particles (n, 2)"""
    radii: Floats
    radius: float
    """median radius of the grains"""
    spread: float
    """standard deviation of the logarithm of their radius"""
    overlap: float
    """part of the radius by which neighbours are pressed into each other"""
    rounding: float
    """rho in parts of the median radius"""


@dataclass(frozen=True)
class Grains:
    """Grains that hang together, the images behind the walls included, and how many were left out."""

    centres: Floats
    radii: Floats
    rounding: float
    """rho [um]"""
    placed: int
    left_out: int
    overlap: float
    """mean over neighbours"""


def settle(bed: GrainBed, seed: int) -> Grains:
    """Return the grains of a bed; InputError where they do not hang together."""
    rng = np.random.default_rng([seed, 7])
    x, r = _relaxed(bed, rng)
    kept = _clearance(bed, x, r) > SWALLOWED * r
    x, r = x[kept], r[kept]
    x, r = _mirrored(bed, x, r)
    rho = bed.rounding * bed.radius
    r = _without_thin_necks(x, r, rho)
    whole = _largest_cluster(x, r, rho)
    inside = _inside(bed, x)
    reached = float(_overlaps(x[inside], r[inside])[1].mean())
    if inside[whole].sum() < 0.5 * inside.sum():
        what = f"only {inside[whole].sum()} of {inside.sum()} grains hang together"
        raise InputError(Problem("grains", what, "press them more (overlap), or take smaller grains"))
    lost = int(inside.sum() - inside[whole].sum())
    return Grains(x[whole], r[whole], rho, int(inside.sum()), lost, reached)


def _relaxed(bed: GrainBed, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Return centres and radii after the grains have pushed each other apart."""
    close = 1.0 - bed.overlap
    area = float(np.prod(bed.box)) - _covered(bed, rng)
    count = round(RANDOM_CLOSE[2] * area / (np.pi * (close * bed.radius) ** 2))
    if count < 3:
        what = f"grains of radius {bed.radius:g} um do not fit between the particles"
        raise InputError(Problem("grains.radius", what, "take smaller grains"))
    r = bed.radius * np.exp(bed.spread * np.clip(rng.standard_normal(count), -2.0, 2.0))
    x = np.empty((0, 2))
    while len(x) < count:
        more = rng.random((4 * count, 2)) * bed.box
        more = more[_clearance(bed, more, 0.0 * more[:, 0]) > 0.0]
        x = np.concatenate([x, more])[:count]
    x = _pushed_apart(bed, x, r, ROUNDS)
    for _ in range(THINNINGS):  # the most squeezed leave until the mean overlap is the wanted one
        pairs, pressed = _overlaps(x, r)
        if not len(pairs) or pressed.mean() <= 1.02 * bed.overlap:
            break
        squeezed = np.zeros(len(r))
        np.add.at(squeezed, pairs[:, 0], pressed)
        np.add.at(squeezed, pairs[:, 1], pressed)
        kept = np.sort(np.argsort(squeezed, kind="stable")[: len(r) - max(1, len(r) // 50)])
        x, r = _pushed_apart(bed, x[kept], r[kept], ROUNDS // 3), r[kept]
    return x, r


def _pushed_apart(bed: GrainBed, x: Floats, r: Floats, rounds: int) -> Floats:
    """Return the centres after the grains have pushed each other apart, and away from particles and walls."""
    close = 1.0 - bed.overlap
    margin = (close * r)[:, None]
    for _ in range(rounds):
        push = np.zeros_like(x)
        pairs = cKDTree(x).query_pairs(2 * close * r.max(), output_type="ndarray")
        apart = x[pairs[:, 0]] - x[pairs[:, 1]]
        away = np.maximum(np.linalg.norm(apart, axis=1), 1e-9)
        short = np.maximum(close * r[pairs].sum(axis=1) - away, 0.0)
        step = (0.45 * short / away)[:, None] * apart
        np.add.at(push, pairs[:, 0], step)
        np.add.at(push, pairs[:, 1], -step)
        # a particle does not give way: the grain goes (nearly) the whole distance
        for centre, radius in zip(bed.centres, bed.radii, strict=True):
            out = x - centre
            distance = np.maximum(np.linalg.norm(out, axis=1), 1e-9)
            need = np.maximum(radius + close * r - distance, 0.0)
            push += (0.9 * need / distance)[:, None] * out
        moved = np.clip(x + push, margin, bed.box - margin)
        change = float(np.linalg.norm(moved - x, axis=1).mean())
        x = moved
        if change < STEADY * bed.radius:
            break
    return x


def _overlaps(x: Floats, r: Floats) -> tuple[Ints, Floats]:
    """Return the pairs of grains that touch, and the part of their radii by which they overlap."""
    pairs = cKDTree(x).query_pairs(2 * r.max(), output_type="ndarray").astype(np.int64)
    pressed = 1.0 - np.linalg.norm(x[pairs[:, 0]] - x[pairs[:, 1]], axis=1) / r[pairs].sum(axis=1)
    return pairs[pressed > 0.0], np.asarray(pressed[pressed > 0.0])


def _covered(bed: GrainBed, rng: np.random.Generator) -> float:
    """Return the area of the box that particles cover (sampled: they overlap each other and the walls)."""
    if not len(bed.radii):
        return 0.0
    points = rng.random((20_000, 2)) * bed.box
    return float(np.prod(bed.box)) * float(np.mean(_clearance(bed, points, 0.0 * points[:, 0]) <= 0.0))


def _clearance(bed: GrainBed, x: Floats, r: Floats) -> Floats:
    """Return the distance of points from the nearest particle's surface; infinite without particles."""
    if not len(bed.radii):
        return np.full(len(r), np.inf)
    away = np.linalg.norm(x[:, None] - bed.centres[None], axis=2) - bed.radii[None]
    return np.asarray(away.min(axis=1))


def _inside(bed: GrainBed, x: Floats) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.asarray(np.all((x > 0.0) & (x < bed.box), axis=1))


def _mirrored(bed: GrainBed, x: Floats, r: Floats) -> tuple[Floats, Floats]:
    """Return the grains with their mirror images behind the walls, some grains deep."""
    depth = 6.0 * bed.radius
    for axis in range(2):
        for wall in (0.0, bed.box[axis]):
            near = np.abs(x[:, axis] - wall) < depth
            image = x[near].copy()
            image[:, axis] = 2.0 * wall - image[:, axis]
            x, r = np.concatenate([x, image]), np.concatenate([r, r[near]])
    return x, r


def _without_thin_necks(x: Floats, r: Floats, rho: float) -> Floats:
    """Return radii with grains shrunk a little where two would be bridged by less than a neck."""
    r = r.copy()
    pairs = cKDTree(x).query_pairs(2 * (r.max() + rho), output_type="ndarray")
    away = np.linalg.norm(x[pairs[:, 0]] - x[pairs[:, 1]], axis=1)
    for _ in range(50):
        a, b = r[pairs[:, 0]] + rho, r[pairs[:, 1]] + rho
        along = (away**2 + a**2 - b**2) / (2 * away)
        half = np.sqrt(np.maximum(a**2 - along**2, 0.0))
        bad = (away < a + b) & (half < (1.0 + THIN) * rho)
        if not bad.any():
            break
        # images must shrink with what they mirror: both of a pair do
        np.subtract.at(r, np.unique(pairs[bad]), 0.02 * rho)
    return r


def _largest_cluster(x: Floats, r: Floats, rho: float) -> Ints:
    """Return the numbers of the grains in the largest group that hangs together once it is sintered."""
    pairs = cKDTree(x).query_pairs(2 * (r.max() + rho), output_type="ndarray")
    away = np.linalg.norm(x[pairs[:, 0]] - x[pairs[:, 1]], axis=1)
    joined = pairs[away < r[pairs].sum(axis=1) + 2 * rho]
    n = len(r)
    graph = coo_matrix((np.ones(len(joined)), (joined[:, 0], joined[:, 1])), shape=(n, n))
    _, label = connected_components(graph, directed=False)
    return np.flatnonzero(label == np.bincount(label).argmax()).astype(np.int64)


# ---- outline ---------------------------------------------------------------------------------------


def outline(grains: Grains) -> list[list[Arc]]:
    """Return the outline of the sintered grains as anticlockwise loops of arcs; the first goes around them all."""
    loops = [_rounded(grains, loop) for loop in _loops(grains.centres, grains.radii + grains.rounding)]
    loops.sort(key=_area, reverse=True)
    return [loops[0], *(_backwards(loop) for loop in loops[1:])]


def _backwards(loop: list[Arc]) -> list[Arc]:
    return [(centre, radius, end, start) for centre, radius, start, end in reversed(loop)]


Edge = tuple[int, float, float, int, int]
"""Disc, start and end angle of an exposed arc, and the discs that cover it before and after."""


def _loops(x: Floats, big: Floats) -> list[list[Edge]]:
    """Return the boundary of a union of discs as loops of arcs, the discs to the left."""
    starting: dict[tuple[int, int], Edge] = {}
    tree = cKDTree(x)
    for i in range(len(x)):
        for edge in _exposed(i, x, big, tree):
            starting[i, edge[3]] = edge
    loops = []
    while starting:
        key = next(iter(starting))
        loop = [starting.pop(key)]
        while (follow := (loop[-1][4], loop[-1][0])) != (loop[0][0], loop[0][3]):
            if follow not in starting:
                raise InputError(Problem("grains", "their outline does not close", "change the seed"))
            loop.append(starting.pop(follow))
        loops.append(loop)
    return loops


def _exposed(i: int, x: Floats, big: Floats, tree: cKDTree) -> Iterator[Edge]:
    """Yield the arcs of one disc that no other disc covers."""
    covered: list[tuple[float, float, int]] = []
    for j in tree.query_ball_point(x[i], float(big[i] + big.max())):
        apart = x[j] - x[i]
        away = float(np.hypot(*apart))
        if j == i or away >= big[i] + big[j]:
            continue
        if away + big[i] <= big[j]:
            return
        if away + big[j] <= big[i]:
            continue
        half = float(np.arccos((away**2 + big[i] ** 2 - big[j] ** 2) / (2 * away * big[i])))
        middle = float(np.arctan2(apart[1], apart[0]))
        covered.append(((middle - half) % (2 * np.pi), 2 * half, j))
    if not covered:
        return  # alone: no part of the cluster
    covered.sort()
    # once around, beginning where the first covered interval begins
    origin = covered[0][0]
    # (an interval that reaches around the circle covers the beginning too)
    reach, last = max(((start - origin + width - 2 * np.pi), j) for start, width, j in covered)
    for start, width, j in [*covered, (origin + 2 * np.pi, 0.0, covered[0][2])]:
        offset = start - origin
        if offset > reach:
            yield i, origin + reach, start, last, j
        if offset + width > reach:
            reach, last = offset + width, j


def _rounded(grains: Grains, loop: list[Edge]) -> list[Arc]:
    """Return a loop of enlarged discs drawn back by rho: arcs of the grains, and of the ball at each corner."""
    x, r, rho = grains.centres, grains.radii, grains.rounding
    arcs: list[Arc] = []
    for edge, following in zip(loop, [*loop[1:], loop[0]], strict=True):
        i, start, end, _, _ = edge
        arcs.append((x[i], float(r[i]), start, end))
        corner = x[i] + (r[i] + rho) * np.array([np.cos(end), np.sin(end)])
        # the ball touches this grain opposite to `end`, the next one opposite to its start; clockwise between
        first, second = end + np.pi, following[1] + np.pi
        turn = (first - second) % (2 * np.pi)
        arcs.append((corner, rho, first, first - turn))
    return arcs


def _area(loop: list[Arc]) -> float:
    """Return the signed area that a loop encloses, positive when anticlockwise."""
    points = np.concatenate(
        [centre + radius * _circle(np.linspace(start, end, 9)[:-1]) for centre, radius, start, end in loop]
    )
    a, b = points, np.roll(points, -1, axis=0)
    return 0.5 * float(np.sum(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]))


def _circle(angle: Floats) -> Floats:
    return np.column_stack([np.cos(angle), np.sin(angle)])
