"""The solids of a recipe in Gmsh's OpenCASCADE kernel: particles, electrodes, layers (lengths in um)."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import gmsh
import numpy as np
from scipy.spatial.transform import Rotation

from chemomech.errors import InputError, Problem
from chemomech.geometry import cutting, grains, packing
from chemomech.geometry.inclusions import Inclusions
from chemomech.geometry.kinds import Composite, Layered, Particle, Recipe

Entity = cutting.Entity
Regions = dict[str, list[Entity]]
"""Region name -> entities of the highest dimension."""


class Drawing(NamedTuple):
    """The solids of a recipe by region, and what the report says besides of how they were made."""

    regions: Regions
    notes: dict[str, Any]


def draw(recipe: Recipe) -> Drawing:
    """Draw the solids of a recipe in the open Gmsh model, cut where they meet, and return them by region."""
    if isinstance(recipe, Particle):
        return Drawing(_particle(recipe), {})
    if isinstance(recipe, Composite):
        return _granular(recipe) if recipe.grains else _parted(_composite(recipe), recipe)
    if isinstance(recipe, Inclusions):
        return _parted(_inclusions(recipe), recipe)
    if isinstance(recipe, Layered):
        return Drawing(_layered(recipe), {})
    raise TypeError(f"nothing is drawn for a recipe of kind {recipe.kind!r}")


def _particle(recipe: Particle) -> Regions:
    names, d = recipe.names, recipe.dimension
    extent = recipe.extent()
    box = _box([-low for low, _ in extent], [low + high for low, high in extent])
    core = [_ball([0.0] * d, recipe.radius)]
    layers = [(names.particle, core)]
    if recipe.coating is not None:
        layers.append((names.coating, [_ball([0.0] * d, recipe.radius + recipe.coating)]))
    return _nest([(names.electrolyte, box)], layers, names.electrolyte)


def packed(recipe: Composite) -> packing.Packing:
    """Return the particles of a composite electrode; x is counted from the separator [um]."""
    bed = packing.Bed(
        box=recipe.box(),
        periodic=recipe.sides == "periodic",
        fraction=recipe.fraction,
        gap=recipe.gap,
        shell=recipe.coating or 0.0,
        neck=recipe.neck,
        collector_contact=recipe.collector_contact,
    )
    return _filled(bed, recipe)


def _filled(bed: packing.Bed, recipe: Composite | Inclusions) -> packing.Packing:
    """Return a bed filled with particles of the recipe's sizes."""
    sizes = recipe.radii
    if sizes.values is not None:
        radii = packing.draw_in_turn(bed, sizes.values)
    else:
        assert sizes.median and sizes.spread is not None and sizes.smallest and sizes.largest
        rng = np.random.default_rng(recipe.seed)
        radii = packing.draw_lognormal(bed, sizes.median, sizes.spread, sizes.smallest, sizes.largest, rng)
    return packing.pack(bed, radii, recipe.seed)


def _composite(recipe: Composite) -> Regions:
    names, box = recipe.names, recipe.box()
    centres, radii = packed(recipe).with_images()
    start = [recipe.separator, *[0.0] * (len(box) - 1)]
    separator = _box([0.0] * len(box), [recipe.separator, *box[1:]])
    electrode = _box(start, list(box))
    # only the sides and the collector cut particles, so they are cut by a box that reaches over the separator
    whole = [recipe.separator + box[0], *box[1:]]
    layers: list[tuple[str, list[Entity]]] = []
    for name, extra in ((names.particle, 0.0), (names.coating, recipe.coating)):
        if extra is None:
            continue
        turns = _turns(centres, radii + extra, np.array(box))
        balls = [
            _ball((centre + start).tolist(), radius + extra, turn)
            for centre, radius, turn in zip(centres, radii, turns, strict=True)
        ]
        balls = _united(balls) if len(balls) > 1 and (recipe.neck is not None or extra) else balls
        cut, _ = gmsh.model.occ.intersect(balls, [_box([0.0] * len(box), whole)])
        layers.append((name, cut))
    boxes = [(names.separator, separator), (names.electrolyte, electrode)]
    if recipe.pieces is not None:
        occ, (low, high) = gmsh.model.occ, recipe.cut_box()
        occ.remove([electrode] if low[0] > 0.0 else [separator, electrode], recursive=True)
        tiles = [(names.electrolyte, tile) for tile in cutting.tiled(recipe.pieces, low, high)]
        boxes = [*boxes[: int(low[0] > 0.0)], *tiles]
    return _nest(boxes, layers, names.electrolyte)


def _granular(recipe: Composite) -> Drawing:
    """Draw particles in grains; what is in neither is void."""
    assert recipe.grains is not None
    occ, names, sizes = gmsh.model.occ, recipe.names, recipe.grains
    centres, radii = packed(recipe).with_images()
    centres = centres + [recipe.separator, 0.0]
    whole = np.array([recipe.separator + recipe.electrode, recipe.width])
    bed = grains.GrainBed(whole, centres, radii, sizes.radius, sizes.spread, sizes.overlap, sizes.rounding)
    settled = grains.settle(bed, recipe.seed)
    wires = [_wire(loop) for loop in grains.outline(settled)]
    solid = (2, occ.addPlaneSurface(wires))
    balls = [
        _ball(centre.tolist(), radius, turn)
        for centre, radius, turn in zip(centres, radii, _turns(centres, radii, whole), strict=True)
    ]
    balls = _united(balls) if len(balls) > 1 and recipe.neck is not None else balls
    cut, _ = occ.intersect(balls, [_box([0.0, 0.0], whole.tolist())])
    inputs = [(names.particle, piece) for piece in cut]
    places = [
        (names.separator, 0.0, recipe.separator),
        (names.electrolyte, recipe.separator, recipe.electrode),
    ]
    if names.separator == names.electrolyte:  # a plane between the two would cut voids into slivers
        places = [(names.electrolyte, 0.0, float(whole[0]))]
    for name, start, size in places:
        pieces, _ = occ.intersect(occ.copy([solid]), [_box([start, 0.0], [size, recipe.width])])
        inputs += [(name, piece) for piece in pieces]
    occ.remove([solid], recursive=True)
    _, pieces_of = occ.fragment([piece for _, piece in inputs], [])
    occ.synchronize()
    regions, taken = Regions(), set[Entity]()
    for (name, _), pieces in zip(inputs, pieces_of, strict=True):
        fresh = [piece for piece in pieces if piece not in taken]
        taken.update(fresh)
        regions.setdefault(name, []).extend(fresh)
    _keep_small_voids_open(regions)
    lost = _drop_loose(regions, {names.separator, names.electrolyte})
    notes = {
        "grains": {
            "placed": settled.placed,
            "left_out": settled.left_out,
            "overlap": settled.overlap,
            "loose_electrolyte": lost,
        }
    }
    return Drawing(regions, notes)


def _wire(loop: list[grains.Arc]) -> int:
    """Add a closed loop of arcs."""
    occ = gmsh.model.occ
    points = [
        occ.addPoint(*(centre + radius * np.array([np.cos(start), np.sin(start)])), 0.0)
        for centre, radius, start, _ in loop
    ]
    arcs = []
    for (centre, radius, start, end), first, last in zip(loop, points, [*points[1:], points[0]], strict=True):
        angle = 0.5 * (start + end)
        middle = occ.addPoint(*(centre + radius * np.array([np.cos(angle), np.sin(angle)])), 0.0)
        arcs.append(occ.addCircleArc(first, middle, last, center=False))
        occ.remove([(0, middle)])
    return int(occ.addCurveLoop(arcs))


def _keep_small_voids_open(regions: Regions) -> None:
    """Give both curves around a void that has only two a middle node, or their one edge would be the same."""
    ends: dict[tuple[int, ...], list[int]] = {}
    for piece in [piece for pieces in regions.values() for piece in pieces]:
        for _, tag in gmsh.model.getBoundary([piece], combined=False, oriented=False):
            if len(gmsh.model.getAdjacencies(1, tag)[0]) == 1:
                points = tuple(sorted(int(point) for point in gmsh.model.getAdjacencies(1, tag)[1]))
                ends.setdefault(points, []).append(tag)
    for tags in ends.values():
        if len(tags) > 1:
            for tag in tags:
                gmsh.model.mesh.setTransfiniteCurve(tag, 3)


def _drop_loose(regions: Regions, names: set[str]) -> float:
    """Remove the pieces of these regions without a way to the counter electrode at x = 0; return their area."""
    pieces = [piece for name in names for piece in regions.get(name, [])]
    edges = {
        piece: {tag for _, tag in gmsh.model.getBoundary([piece], combined=False, oriented=False)}
        for piece in pieces
    }
    fed = {tag for tags in edges.values() for tag in tags if gmsh.model.getBoundingBox(1, tag)[3] < 1e-5}
    reached = {piece for piece in pieces if edges[piece] & fed}
    while True:
        met = set[int]().union(*(edges[piece] for piece in reached))
        grown = {piece for piece in pieces if edges[piece] & met}
        if grown == reached:
            break
        reached = grown
    loose = [piece for piece in pieces if piece not in reached]
    area = float(sum(gmsh.model.occ.getMass(*piece) for piece in loose))
    for name in names & regions.keys():
        regions[name] = [piece for piece in regions[name] if piece in reached]
        if not regions[name]:
            what = "none of its grains is connected to the counter electrode"
            raise InputError(Problem(name, what, "press the grains more (overlap), or change the seed"))
    if loose:
        gmsh.model.occ.remove(loose, recursive=True)
        gmsh.model.occ.synchronize()
    return area


def scattered(recipe: Inclusions) -> packing.Packing:
    """Return the particles of a filled matrix."""
    periodic = recipe.sides == "periodic"
    bed = packing.Bed(
        recipe.box, periodic, recipe.fraction, recipe.gap, shell=recipe.coating or 0.0, endless=periodic
    )
    return _filled(bed, recipe)


def _inclusions(recipe: Inclusions) -> Regions:
    names, size = recipe.names, list(recipe.box)
    centres, radii = scattered(recipe).with_images()
    matrix = _box([0.0] * len(size), size)
    layers: list[tuple[str, list[Entity]]] = []
    for name, extra in ((names.particle, 0.0), (names.coating, recipe.coating)):
        if extra is None:
            continue
        turns = _turns(centres, radii + extra, np.array(recipe.box))
        layers.append(
            (
                name,
                [
                    _ball(centre.tolist(), radius + extra, turn)
                    for centre, radius, turn in zip(centres, radii, turns, strict=True)
                ],
            )
        )
    boxes = [(names.electrolyte, matrix)]
    if recipe.pieces is not None:
        gmsh.model.occ.remove([matrix], recursive=True)
        boxes = [(names.electrolyte, tile) for tile in cutting.tiled(recipe.pieces, (0.0, 0.0), size)]
    return _nest(boxes, layers, names.electrolyte)


def _parted(regions: Regions, recipe: Composite | Inclusions) -> Drawing:
    """Share the pieces of the electrolyte out to regions between which it can part."""
    name = recipe.names.electrolyte
    if recipe.pieces is None:
        return Drawing(regions, {})
    groups, notes = cutting.grouped(regions[name], recipe.pieces, name)
    parted: Regions = {}
    for region, entities in regions.items():
        parted |= groups if region == name else {region: entities}
    return Drawing(parted, {"pieces": notes})


def _layered(recipe: Layered) -> Regions:
    occ, regions = gmsh.model.occ, Regions()
    across = [recipe.width] if recipe.depth is None else [recipe.width, recipe.depth]
    position, pieces = 0.0, []
    for layer in recipe.layers:
        corner, size = [position, *[0.0] * len(across)], [layer.thickness, *across]
        if recipe.coordinates == "axisymmetric":
            corner, size = corner[::-1], size[::-1]
        pieces.append(_box(corner, size))
        position += layer.thickness
    if len(pieces) > 1:
        occ.fragment(pieces, [])
    occ.synchronize()
    for layer, piece in zip(recipe.layers, pieces, strict=True):
        regions.setdefault(layer.name, []).append(piece)
    if recipe.structured:
        _count_cells(recipe, pieces)
    return regions


def _count_cells(recipe: Layered, pieces: Sequence[Entity]) -> None:
    """Prescribe the number of cells on every edge of the layers, graded across them."""
    mesh, stack = gmsh.model.mesh, 1 if recipe.coordinates == "axisymmetric" else 0
    for layer, piece in zip(recipe.layers, pieces, strict=True):
        assert layer.cells is not None and recipe.cells_across is not None
        for _, edge in gmsh.model.getBoundary(
            gmsh.model.getBoundary([piece], oriented=False) if piece[0] == 3 else [piece],
            combined=False,
            oriented=False,
        ):
            ends = [
                gmsh.model.getValue(0, abs(tag), [])
                for _, tag in gmsh.model.getBoundary([(1, edge)], combined=False)
            ]
            along = ends[1][stack] - ends[0][stack]
            if abs(along) < 1e-9 * layer.thickness:
                mesh.setTransfiniteCurve(edge, recipe.cells_across + 1)
            elif layer.finer == "both":
                # gmsh's Bump is the ratio of end to middle cells
                mesh.setTransfiniteCurve(edge, layer.cells + 1, "Bump", layer.growth ** (-layer.cells / 2))
            else:
                rate = {"none": 1.0, "start": layer.growth, "end": 1.0 / layer.growth}[layer.finer]
                mesh.setTransfiniteCurve(
                    edge, layer.cells + 1, "Progression", rate if along > 0 else 1.0 / rate
                )
        for _, face in gmsh.model.getBoundary([piece], oriented=False) if piece[0] == 3 else [piece]:
            mesh.setTransfiniteSurface(face, "Alternate" if piece[0] == 2 else "Left")
        if piece[0] == 3:
            mesh.setTransfiniteVolume(piece[1])


def _box(corner: Sequence[float], size: Sequence[float]) -> Entity:
    occ = gmsh.model.occ
    if len(size) == 2:
        return 2, occ.addRectangle(corner[0], corner[1], 0.0, *size)
    return 3, occ.addBox(*corner, *size)


def _ball(centre: Sequence[float], radius: float, turn: Iterable[float] = (0.0, 0.0, 0.0)) -> Entity:
    """Add a disc or sphere whose seam is turned by a rotation vector."""
    occ = gmsh.model.occ
    ball = (
        (2, occ.addDisk(*centre, 0.0, radius, radius))
        if len(centre) == 2
        else (3, occ.addSphere(*centre, radius))
    )
    if angle := float(np.linalg.norm(list(turn))):
        occ.rotate([ball], *centre, *([0.0] * (3 - len(centre))), *turn, angle)
    return ball


def _turns(centres: packing.Floats, radii: packing.Floats, box: packing.Floats) -> list[packing.Floats]:
    """Return for each ball the rotation that keeps its seam away from where neighbours and the box cut it.

    The kernel bounds a sphere by a meridian, a disc by one point; a cut that grazes it leaves tiny edges.
    """
    d = centres.shape[1]
    along = np.linspace(0.0, np.pi, 25)
    seam = (
        np.array([[1.0, 0.0, 0.0]]) if d == 2 else np.column_stack([np.sin(along), 0 * along, np.cos(along)])
    )
    spin = Rotation.from_rotvec(np.outer(np.linspace(0, 2 * np.pi, 72, endpoint=False), [0.0, 0.0, 1.0]))
    candidates = spin if d == 2 else Rotation.random(200, rng=np.random.default_rng(0))
    turned = np.stack([rotation.apply(seam) for rotation in candidates])[:, :, :d]
    planes = np.concatenate([-np.eye(d), np.eye(d)])
    chosen = []
    for centre, radius in zip(centres, radii, strict=True):
        apart = centres - centre
        away = np.linalg.norm(apart, axis=1)
        met = (away > 0.0) & (away < radius + radii)
        depth = (away[met] ** 2 + radius**2 - radii[met] ** 2) / (2 * away[met])
        to_wall = np.concatenate([centre, box - centre])
        cuts = np.concatenate([apart[met] / away[met, None], planes[np.abs(to_wall) < radius]])
        rims = np.arccos(np.concatenate([depth, to_wall[np.abs(to_wall) < radius]]) / radius)
        if not len(cuts):
            chosen.append(np.zeros(3))
            continue
        clear = np.abs(np.arccos(np.clip(turned @ cuts.T, -1.0, 1.0)) - rims).min(axis=(1, 2))
        chosen.append(candidates[int(np.argmax(clear))].as_rotvec())
    return chosen


def _united(balls: list[Entity]) -> list[Entity]:
    """Return the union, without the surfaces inside that overlapping particles would leave."""
    whole, _ = gmsh.model.occ.fuse(balls[:1], balls[1:])
    return list(whole)


def _nest(boxes: list[tuple[str, Entity]], layers: list[tuple[str, list[Entity]]], matrix: str) -> Regions:
    """Cut boxes and nested layers (innermost first) where they meet; a piece is of its innermost layer."""
    occ = gmsh.model.occ
    inputs = [(name, piece) for name, pieces in layers for piece in pieces]
    inputs += boxes
    # layers are cut to the boxes first, so that nothing sticks out of the outer boundary
    hull = occ.copy([box for _, box in boxes])
    if len(hull) > 1:
        hull, _ = occ.fuse(hull[:1], hull[1:])
    layered = [piece for _, piece in inputs[: -len(boxes)]]
    cut: list[tuple[str, Entity]] = []
    for index, (name, _) in enumerate(inputs[: len(layered)]):
        pieces, _ = occ.intersect([layered[index]], hull, removeObject=True, removeTool=False)
        cut += [(name, piece) for piece in pieces]
    occ.remove(hull, recursive=True)
    inputs = cut + boxes
    _, pieces_of = occ.fragment([piece for _, piece in inputs], [])
    occ.synchronize()
    regions, taken = Regions(), set[Entity]()
    for (name, _), pieces in zip(inputs, pieces_of, strict=True):
        for piece in pieces:
            if piece not in taken:
                taken.add(piece)
                regions.setdefault(name, []).append(piece)
    wanted = {name for name, _ in layers} | {matrix}
    if missing := wanted - regions.keys():
        raise InputError(
            Problem(", ".join(sorted(missing)), "the region is empty", "change sizes or the fraction")
        )
    return regions
