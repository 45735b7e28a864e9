"""Random packings of discs and spheres by the force-biased method, periodic or walled sideways.

The particles start at random points and are pushed apart, in proportion to how much they intrude on each
other, until no pair is nearer than the gap (force-biased packing, here with fixed radii). Where particles
shall touch, the shortest network of contacts (minimum spanning tree, rooted at the collector) is then drawn
tight: its pairs get a fixed overlap and all others keep the gap. A tree has no loops, hence it encloses no
pocket of electrolyte in 2D.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.spatial import cKDTree

from chemomech.errors import InputError, Problem

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ROUNDS = 4000
PATIENCE = 500
"""Rounds within which the sum of all intrusions must fall, or the packing is given up as jammed."""
ATTEMPTS = 4


@dataclass(frozen=True)
class Bed:
    """What shall be packed [um]; x ends at the collector unless it is endless, the other axes are sideways."""

    box: tuple[float, ...]
    periodic: bool
    fraction: float
    gap: float
    shell: float = 0.0
    """Thickness of the coating around each particle."""
    neck: float | None = None
    collector_contact: float | None = None
    endless: bool = False
    """Whether x too is periodic where the sides are: a piece of an infinite body."""

    @property
    def periods(self) -> Floats:
        """Period along each axis, 0 where there is none."""
        first = 1 - int(self.endless)
        return np.array(
            [size if self.periodic and axis >= first else 0.0 for axis, size in enumerate(self.box)]
        )

    def apart(self, a: Floats, b: Floats) -> Floats:
        """Return a - b, for the nearest copy of b where the sides are periodic."""
        away = a - b
        here = self.periods > 0.0
        box = self.periods[here]
        away[:, here] -= np.round(away[:, here] / box) * box
        return away


@dataclass(frozen=True)
class Packing:
    """Centres (n, d), radii (n,), touching pairs (m, 2), particles on the collector (k,) of a bed [um]."""

    bed: Bed
    centres: Floats
    radii: Floats
    contacts: Ints
    collector: Ints

    @property
    def fraction(self) -> float:
        """Part of the box that is particle, exact: overlaps and what the collector cuts off are left out."""
        d, r = len(self.bed.box), self.radii
        solid = ball(r, d).sum() - cap(r[self.collector], self.bed.collector_contact or 0.0, d).sum()
        if len(self.contacts):
            a, b = r[self.contacts[:, 0]], r[self.contacts[:, 1]]
            away = np.linalg.norm(
                self.centres[self.contacts[:, 0]] - self.centres[self.contacts[:, 1]], axis=1
            )
            inside = (away**2 + a**2 - b**2) / (2 * away)
            solid -= (cap(a, 1 - inside / a, d) + cap(b, 1 - (away - inside) / b, d)).sum()
        return float(solid / np.prod(self.bed.box))

    def with_images(self) -> tuple[Floats, Floats]:
        """Return centres and radii with the copies that reach in through periodic sides."""
        if not self.bed.periodic:
            return self.centres, self.radii
        box = np.array(self.bed.box)
        reach = (self.radii + self.bed.shell)[:, None]
        kept: list[Floats] = []
        sizes: list[Floats] = []
        for index in np.ndindex(*(3 if period else 1 for period in self.bed.periods)):
            steps = np.where(self.bed.periods > 0.0, np.array(index) - 1.0, 0.0)
            moved = self.centres + steps * box
            inside = np.all((moved > -reach) & (moved < box + reach), axis=1)
            kept.append(moved[inside])
            sizes.append(self.radii[inside])
        return np.concatenate(kept), np.concatenate(sizes)


def ball(radii: Floats, d: int) -> Floats:
    """Return the area of discs (d = 2) or the volume of spheres (d = 3)."""
    return np.pi * radii**2 if d == 2 else 4.0 / 3.0 * np.pi * radii**3


def cap(radii: Floats, height: float | Floats, d: int) -> Floats:
    """Return what a plane cuts off discs or spheres; `height` of the cap in radii."""
    h = np.clip(height, 0.0, 2.0)
    if d == 2:
        return np.asarray(radii**2 * (np.arccos(1 - h) - (1 - h) * np.sqrt(2 * h - h * h)))
    return np.asarray(np.pi * radii**3 * h * h * (3 - h) / 3)


def draw_lognormal(
    bed: Bed, median: float, spread: float, smallest: float, largest: float, rng: np.random.Generator
) -> Floats:
    """Return log-normal radii [um], drawn until the bed is filled."""
    many = np.exp(np.log(median) + spread * rng.standard_normal(100_000))
    return _enough(bed, many[(many >= smallest) & (many <= largest)])


def draw_in_turn(bed: Bed, values: tuple[float, ...]) -> Floats:
    """Return radii [um] from a list, in turn, until the bed is filled."""
    return _enough(bed, np.resize(np.array(values), 100_000))


def _enough(bed: Bed, radii: Floats) -> Floats:
    """Return as many radii as come nearest to the wanted fraction; the packing scales them to meet it."""
    d = len(bed.box)
    target = bed.fraction * float(np.prod(bed.box))
    filled = np.cumsum(ball(radii, d))
    if filled[-1] < target:
        raise InputError(
            Problem("radii", f"more than {len(radii)} particles would be needed", "use a smaller box")
        )
    count = int(np.argmin(np.abs(filled - target))) + 1
    if abs(filled[count - 1] / target - 1) > 0.3:
        what = f"particles of these sizes cannot make a fraction of {bed.fraction:g}: {count} of them make "
        raise InputError(
            Problem("radii", f"{what}{filled[count - 1] / np.prod(bed.box):.2f}", "enlarge the box")
        )
    return radii[:count]


def pack(bed: Bed, radii: Floats, seed: int) -> Packing:
    """Return a packing with the wanted fraction; else InputError says which one was reached."""
    reached = 0.0
    for attempt in range(ATTEMPTS):
        found = _attempt(bed, radii, np.random.default_rng([seed, attempt]))
        if found is not None and abs(found.fraction / bed.fraction - 1) < 0.005:
            return found
    for share in np.arange(0.95, 0.4, -0.05):
        found = _attempt(
            replace(bed, fraction=bed.fraction * float(share)), radii, np.random.default_rng([seed, 0])
        )
        if found is not None:
            reached = found.fraction
            break
    what = f"a fraction of {bed.fraction:g} could not be packed; about {reached:.2f} was reached"
    raise InputError(
        Problem("fraction", what, "lower the fraction, reduce gap or coating, or try another seed")
    )


def _attempt(bed: Bed, radii: Floats, rng: np.random.Generator) -> Packing | None:
    """Return a packing from one random start, or None."""
    box = np.array(bed.box)
    d = len(box)
    target = bed.fraction * float(np.prod(box))
    scaled = radii * (target / ball(radii, d).sum()) ** (1 / d)
    none = np.empty((0, 2), dtype=np.int64)
    packing = Packing(bed, rng.random((len(radii), d)) * box, scaled, none, none[:, 0])
    if not _relax(packing):
        return None
    packing = _network(packing)
    for _ in range(8):
        if not _relax(packing):
            return None
        if abs(packing.fraction / bed.fraction - 1) < 0.001:
            break
        packing = replace(packing, radii=packing.radii * (bed.fraction / packing.fraction) ** (1 / d))
    return packing


def _network(packing: Packing) -> Packing:
    """Return the packing with the pairs, and the particles at the collector, that shall touch."""
    bed, x, r = packing.bed, packing.centres, packing.radii
    to_wall = np.maximum(bed.box[0] - x[:, 0] - r, 1e-3 * r)
    if bed.neck is None:
        near = to_wall < bed.gap + bed.shell + 0.5 * r
        return packing if bed.collector_contact is None else replace(packing, collector=np.flatnonzero(near))
    n = len(r)
    away = np.linalg.norm(x[:, None] - x[None, :], axis=2) - r[:, None] - r[None, :]
    weight = np.zeros((n + 1, n + 1))
    weight[:n, :n] = np.triu(np.maximum(away, 1e-3 * r.min()), 1)
    if bed.collector_contact is not None:
        # particles in the first row at the collector all touch it; the tree then links them through it alone
        weight[:n, n] = np.where(to_wall < r, 1e-4, 0.5) * to_wall
    tree = minimum_spanning_tree(csr_matrix(weight)).tocoo()
    pairs = np.sort(np.column_stack([tree.row, tree.col]).astype(np.int64), axis=1)
    wall = pairs[:, 1] == n
    return replace(packing, contacts=pairs[~wall], collector=np.sort(pairs[wall, 0]))


def _relax(packing: Packing) -> bool:
    """Move the centres in place until every distance is as wanted; False where that does not happen."""
    bed, x, r, touching = packing.bed, packing.centres, packing.radii, packing.contacts
    n, clear, neck = len(r), bed.gap + 2 * bed.shell, bed.neck or 0.0
    free = np.ones(n, dtype=bool)
    free[packing.collector] = False
    flattened = bed.box[0] - r * (1 - (bed.collector_contact or 0.0))
    trouble = np.inf
    for step in range(ROUNDS):
        _into_box(bed, x, r, free, flattened)
        pairs = cKDTree(x, boxsize=bed.periods).query_pairs(2 * r.max() + clear, output_type="ndarray")
        pairs = np.sort(pairs.astype(np.int64), axis=1)
        pairs = pairs[~np.isin(pairs[:, 0] * n + pairs[:, 1], touching[:, 0] * n + touching[:, 1])]
        ends = np.concatenate([pairs, touching])
        apart = bed.apart(x[ends[:, 0]], x[ends[:, 1]])
        distance = np.maximum(np.linalg.norm(apart, axis=1), 1e-9)
        short = r[ends].sum(axis=1) - distance
        loose, bound = short[: len(pairs)], short[len(pairs) :]
        loose += clear
        bound -= neck
        np.maximum(loose, 0.0, out=loose)
        if (loose < 0.02 * bed.gap).all() and (np.abs(bound) < 0.05 * neck).all():
            return True
        if step % PATIENCE == 0:
            if np.abs(short).sum() > 0.98 * trouble:
                return False  # jammed
            trouble = np.abs(short).sum()
        push = (0.5 * short / distance)[:, None] * apart
        np.add.at(x, ends[:, 0], push)
        np.add.at(x, ends[:, 1], -push)
    return False


def _into_box(bed: Bed, x: Floats, r: Floats, free: NDArray[np.bool_], flattened: Floats) -> None:
    """Move centres back from the walls, onto the collector, and away from grazing a periodic side."""
    box, margin, periods = bed.box, r + bed.shell + bed.gap, bed.periods
    if not periods[0]:
        x[:, 0] = np.where(free, np.clip(x[:, 0], margin, box[0] - margin), flattened)
    for axis in range(0 if periods[0] else 1, x.shape[1]):
        if not periods[axis]:
            x[:, axis] = np.clip(x[:, axis], margin, box[axis] - margin)
            continue
        x[:, axis] %= box[axis]
        # a plane that only grazes a particle would cut off slivers: keep clear of both tangents by the gap
        offset = np.where(x[:, axis] > box[axis] / 2, x[:, axis] - box[axis], x[:, axis])
        inner, outer = np.maximum(r - bed.gap, 0.0), margin
        grazing = (np.abs(offset) > inner) & (np.abs(offset) < outer)
        nearer = np.where(np.abs(offset) < (inner + outer) / 2, inner, outer)
        x[:, axis] = np.where(grazing, np.where(offset < 0, -nearer, nearer), offset) % box[axis]
