"""Meshes of segmented images: every voxel a cell, or simplices with smooth interfaces; conforming in both cases."""

from itertools import permutations
from typing import Any

import numpy as np

from chemomech.errors import InputError, Problem
from chemomech.geometry import external
from chemomech.geometry.cells import SHAPES, Floats, Ints, facets_of
from chemomech.geometry.image_recipe import EXPOSED, Image
from chemomech.geometry.kinds import SIDES
from chemomech.geometry.smoothing import smoothed
from chemomech.geometry.voxels import Voxels, voxels_of

MAXIMUM_CELLS = 8_000_000
"""Most cells of a mesh that is made."""
SQUARE = np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
CORNERS = {
    2: SQUARE,
    3: np.concatenate([np.pad(SQUARE, ((0, 0), (0, 1)), constant_values=z) for z in (0, 1)]),
}
"""Corners of a pixel and of a voxel, in the order of the cell."""


def load(recipe: Image) -> tuple[list[str], list[str], dict[str, Any]]:
    """Put the mesh of an image, in um, into the open Gmsh model.

    Returns the names of regions and boundaries, and what the report says of the image.
    """
    image = voxels_of(recipe)
    d, meshed = recipe.dimension, image.phase < len(recipe.phases)
    smooth = recipe.method == "smooth"
    count = int(meshed.sum()) * ((2, 6)[d - 2] if smooth else 1)
    if count > MAXIMUM_CELLS:
        what = f"{count:,} cells would be made, at most {MAXIMUM_CELLS:,} are"
        raise InputError(Problem("crop", what, "crop the image, or resample it to larger voxels"))
    where = np.argwhere(np.ones(image.phase.shape, dtype=bool)).astype(np.int64)
    phase = image.phase.ravel()
    lattice = np.argwhere(np.ones(np.add(image.phase.shape, 1), dtype=bool)).astype(np.float64)
    if smooth:
        cells = simplices(where, image.phase.shape)
        phase = np.repeat(phase, len(cells) // len(phase))
        lattice = smoothed(image.phase, cells, lattice, recipe.smoothing or 0)
    else:
        corners = where[:, None, :] + CORNERS[d]
        cells = np.ravel_multi_index(tuple(np.moveaxis(corners, 2, 0)), np.add(image.phase.shape, 1))
    taken = phase < len(recipe.phases)
    used, local = np.unique(cells[taken], return_inverse=True)
    cells, phase = local.reshape(-1, cells.shape[1]), phase[taken]
    shape = SHAPES[d][0 if smooth else 1]
    facets = facets_of(cells, shape)
    sides = _sides(recipe, lattice[used], image, facets.corners[facets.cells[:, 1] < 0])
    points = np.zeros((len(used), 3))
    points[:, :d] = lattice[used] * image.sides
    regions = {name: cells[phase == number] for number, name in enumerate(recipe.phases)}
    external.fill(points, shape, regions, sides)
    return list(regions), list(sides), {"image": image.history}


def simplices(where: Ints, counts: tuple[int, ...]) -> Ints:
    """Return 2 triangles for each pixel, 6 tetrahedra for each voxel, conforming and without a preferred direction.

    Every simplex runs along the edges of its voxel from the corner with even numbers to the opposite one, one axis
    after the other; so neighbours, which are mirror images, cut the face between them alike.
    """
    d = len(counts)
    odd = where % 2
    start, step = where + odd, 1 - 2 * odd
    turned = np.prod(step, axis=1) < 0
    made = []
    for order in permutations(range(d)):
        corners, at = [start], start
        for axis in order:
            at = at.copy()
            at[:, axis] += step[:, axis]
            corners.append(at)
        numbers = np.stack([np.ravel_multi_index(tuple(c.T), np.add(counts, 1)) for c in corners], axis=1)
        sign = np.linalg.det(np.eye(d)[list(order)]) < 0
        flip = turned ^ sign
        numbers[flip, -2], numbers[flip, -1] = numbers[flip, -1], numbers[flip, -2].copy()
        made.append(numbers)
    return np.stack(made, axis=1).reshape(-1, d + 1)


def _sides(recipe: Image, lattice: Floats, image: Voxels, outer: Ints) -> dict[str, Ints]:
    """Return the outer facets by the side of the image they lie on; the others lie toward what is left out."""
    free = np.ones(len(outer), dtype=bool)
    found: dict[str, Ints] = {}
    for name, axis, far in SIDES[recipe.coordinates]:
        on = free & np.all(lattice[outer, axis] == (image.phase.shape[axis] if far else 0), axis=1)
        if on.any():
            found[name] = outer[on]
            free &= ~on
    if free.any():
        found[EXPOSED] = outer[free]
    if missing := [name for name in recipe.boundaries if name not in found]:
        raise InputError(
            Problem(
                "left_out",
                f"nothing that is meshed lies at the boundary '{name}'",
                "take another part of the image",
            )
            for name in missing
        )
    return found
