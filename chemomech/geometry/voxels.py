"""Segmented images as arrays of phases: reading, cropping, other voxels, pieces and contacts.

An image is an array of whole numbers, one for each phase.  Here it becomes an array of phase numbers along x, y (z):
the position of the phase in the recipe, and the number after the last for what is left out.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from chemomech.errors import InputError, Problem
from chemomech.geometry.image_recipe import AXES, Image

Phases = NDArray[np.int16]
Labels = NDArray[np.int64]
MAXIMUM_VOXELS = 800**3
"""Most voxels of an image that is read."""
FORMATS = (".tif", ".tiff", ".npy")


@dataclass(frozen=True)
class Voxels:
    """An image ready to be meshed, and how it came about."""

    phase: Phases
    """number of the phase along x, y (z)"""
    sides: tuple[float, ...]
    """of a voxel [um]"""
    names: tuple[str, ...]
    """of the phases, what is left out last"""
    history: dict[str, Any]
    """what the report says of the image"""


def voxels_of(recipe: Image) -> Voxels:
    """Return the image of a recipe, cropped, resampled and cleaned; InputError for what cannot be used."""
    phase = _phases(recipe, _part(recipe, read_image(recipe.path)))
    names = (*recipe.phases, *(("left out",) if recipe.left_out else ()))
    history: dict[str, Any] = {"file": recipe.file, "image": _described(phase, recipe.sides, names)}
    sides = recipe.sides
    if recipe.resample is not None:
        wanted = recipe.resample
        step = np.asarray(wanted.factor if wanted.voxel_size is None else wanted.voxel_size / np.array(sides))
        counts = np.maximum(1, np.rint(phase.shape / step)).astype(int)
        _refuse_large("resample", counts)
        keep = [names.index(name) for name in wanted.keep_contacts]
        fine, phase = phase, resampled(phase, counts, len(names))
        restored = restore_contacts(fine, phase, keep)
        sides = tuple(s * n / m for s, n, m in zip(sides, fine.shape, phase.shape, strict=True))
        history["resampled"] = _described(phase, sides, names)
        history["contacts restored"] = {names[number]: count for number, count in restored.items()}
    if recipe.smallest_piece is not None:
        phase, removed = without_small_pieces(phase, recipe.smallest_piece, len(names))
        history["cleaned"] = _described(phase, sides, names)
        history["pieces removed"] = {
            names[number]: {"pieces": pieces, "voxels": voxels}
            for number, (pieces, voxels) in removed.items()
        }
    history["edge contacts"] = dict(zip(names, edge_contacts(phase, len(names)), strict=True))
    if absent := [name for number, name in enumerate(recipe.phases) if not (phase == number).any()]:
        raise InputError(
            Problem(
                f"phases.{name}", "no voxel of this phase is left", "take finer voxels, or smaller pieces"
            )
            for name in absent
        )
    return Voxels(phase, sides, names, history)


# ---- reading -------------------------------------------------------------------------------------------


def image_shape(path: Path) -> tuple[int, ...]:
    """Return the shape of an image without reading it; InputError when it is none, or too large."""
    if path.suffix.lower() not in FORMATS:
        raise InputError(Problem(str(path), "is no image that is read", f"give one of {', '.join(FORMATS)}"))
    try:
        if path.suffix.lower() == ".npy":
            array = np.load(path, mmap_mode="r", allow_pickle=False)
            shape, kind = array.shape, array.dtype
        else:
            import tifffile

            with tifffile.TiffFile(path) as tiff:
                series = tiff.series[0]
                shape, kind = tuple(series.shape), np.dtype(series.dtype)
    except Exception as error:  # readers of damaged files raise anything
        raise _unreadable(path, error) from error
    if kind.kind not in "ui":
        what = f"its voxels are {kind}, not whole numbers"
        raise InputError(Problem(str(path), what, "give the segmented image, one grey value for each phase"))
    _refuse_large(str(path), shape)
    return tuple(int(count) for count in shape)


def read_image(path: Path) -> NDArray[Any]:
    """Return the grey values of an image; InputError when it cannot be read."""
    shape = image_shape(path)
    try:
        if path.suffix.lower() == ".npy":
            image = np.load(path, allow_pickle=False)
        else:
            import tifffile

            image = tifffile.imread(path)
    except Exception as error:
        raise _unreadable(path, error) from error
    return np.asarray(image).reshape(shape)


def _unreadable(path: Path, error: Exception) -> InputError:
    kind = "NumPy array" if path.suffix.lower() == ".npy" else "TIFF image"
    why = " ".join(str(error).split())[:200] or type(error).__name__
    return InputError(Problem(str(path), f"cannot be read as a {kind} ({why})", "save the image anew"))


def _refuse_large(place: str, shape: Any) -> None:
    count = int(np.prod([int(each) for each in shape], dtype=object))
    if count > MAXIMUM_VOXELS or count == 0:
        what = f"{count:,} voxels" if count else "the image is empty"
        raise InputError(
            Problem(place, what, f"at most {MAXIMUM_VOXELS:,} are read: crop it, or take a part")
        )


def _part(recipe: Image, image: NDArray[Any]) -> NDArray[Any]:
    """Return the part that is taken, its axes in the order x, y (z)."""
    image = image.transpose([recipe.axes.index(axis) for axis in AXES[: len(recipe.axes)]])
    ranges = recipe.ranges()
    image = image[tuple(slice(*ranges.get(axis, (None,))) for axis in AXES[: image.ndim])]
    return image[..., 0] if image.ndim > recipe.dimension else image


def _phases(recipe: Image, image: NDArray[Any]) -> Phases:
    """Return the number of each voxel's phase; InputError for greys without a phase and phases without voxels."""
    there, count = np.unique(image, return_counts=True)
    share = dict(zip(there.tolist(), (count / image.size).tolist(), strict=True))
    wanted = [*recipe.phases.values(), *((recipe.left_out,) if recipe.left_out else ())]
    number = {grey: index for index, greys in enumerate(wanted) for grey in greys}
    if len(share) > 1000:
        what = f"{recipe.file!r} has {len(share)} grey values: it is not segmented"
        raise InputError(Problem("file", what, "give one grey value to each phase first"))
    said = ", ".join(f"{grey} ({100 * part:.2g} %)" for grey, part in share.items())
    problems = [
        Problem("phases", f"the grey value {grey} of {recipe.file!r} ({100 * part:.2g} % of the voxels) has no phase",
                "name it in phases, or in left_out where it is not meshed")
        for grey, part in share.items() if grey not in number
    ]  # fmt: skip
    for name, greys in recipe.phases.items():
        if not set(greys) & share.keys():
            what = f"no voxel of {recipe.file!r} has the grey value {' or '.join(map(str, greys))}"
            problems.append(Problem(f"phases.{name}", what, f"there are {said}"))
    if problems:
        raise InputError(problems)
    table = np.array([number[grey] for grey in share], dtype=np.int16)
    return np.ascontiguousarray(table[np.searchsorted(there, image)])


# ---- other voxels --------------------------------------------------------------------------------------


def resampled(phase: Phases, counts: Any, phases: int) -> Phases:
    """Return the image with other numbers of voxels: each of the phase that has most of it.

    Of equals the first and the last take turns, as on a chessboard, so that no phase gains by its place in the recipe.
    """
    for axis, count in enumerate(counts):
        if count > phase.shape[axis]:  # split: what a new voxel is inside of
            at = ((np.arange(count) + 0.5) * phase.shape[axis] / count).astype(np.int64)
            phase = np.take(phase, at, axis=axis)
    groups = [_groups(old, int(new)) for old, new in zip(phase.shape, counts, strict=True)]
    best, most = np.zeros(counts, dtype=np.int16), np.zeros(counts, dtype=np.int64)
    last = np.indices(tuple(counts)).sum(axis=0) % 2 == 1
    for number in range(phases):
        votes: Any = (phase == number).astype(np.int32)
        for axis, starts in enumerate(groups):
            votes = np.add.reduceat(votes, starts, axis=axis)
        best[(votes > most) | (last & (votes == most))] = number
        most = np.maximum(most, votes)
    return best


def _groups(old: int, new: int) -> Labels:
    """Return where the old voxels of each new one begin, by the middles of the old ones."""
    home = ((np.arange(old) + 0.5) * new / old).astype(np.int64)
    return np.asarray(np.searchsorted(home, np.arange(new)), dtype=np.int64)


def restore_contacts(fine: Phases, coarse: Phases, keep: list[int]) -> dict[int, int]:
    """Give back to phases, in place, the voxels that joined two pieces of one before; return how many of each.

    A voxel comes back where it holds some of a piece of the fine image and touches two coarse pieces of that one.
    """
    restored = {}
    home = np.ix_(
        *[((np.arange(n) + 0.5) * m / n).astype(int) for n, m in zip(fine.shape, coarse.shape, strict=True)]
    )
    taken = np.zeros(coarse.shape, dtype=bool)
    for number in keep:
        whole, _ = ndimage.label(fine == number)
        piece, count = ndimage.label(coarse == number)
        # the fine piece that a coarse voxel holds; of several the last, which is enough to tell a bridge
        held = np.zeros(coarse.shape, dtype=np.int64)
        every = np.broadcast_arrays(*home)
        inside = whole > 0
        held[tuple(axis[inside] for axis in every)] = whole[inside]
        parent = np.arange(count + 1)
        changed = 0
        for place in map(tuple, np.argwhere((held > 0) & (coarse != number) & ~taken).tolist()):
            around = [
                at for at in _beside(place, coarse.shape) if coarse[at] == number and held[at] == held[place]
            ]
            met = {_root(parent, int(piece[at])) for at in around}
            if len(met) > 1:
                coarse[place], taken[place] = number, True
                changed += 1
                for root in met:
                    parent[root] = min(met)
                piece[place] = min(met)
        restored[number] = changed
    return restored


def _beside(place: tuple[int, ...], shape: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    for axis in range(len(place)):
        for step in (-1, 1):
            at = place[axis] + step
            if 0 <= at < shape[axis]:
                yield (*place[:axis], at, *place[axis + 1 :])


def _root(parent: Labels, at: int) -> int:
    while parent[at] != at:
        at = int(parent[at])
    return at


def without_small_pieces(
    phase: Phases, smallest: int, phases: int
) -> tuple[Phases, dict[int, tuple[int, int]]]:
    """Return the image with small pieces given to what surrounds them; pieces and voxels taken from each phase."""
    phase, removed = phase.copy(), {number: (0, 0) for number in range(phases)}
    for _ in range(8):  # pieces among pieces go one shell at a time
        piece, owner = pieces_of(phase, phases)
        size = np.bincount(piece.ravel(), minlength=len(owner))
        small = size < smallest
        votes = np.zeros((len(owner), phases), dtype=np.int64)
        for axis in range(phase.ndim):
            a, b = (np.moveaxis(piece, axis, 0)[part].ravel() for part in (slice(None, -1), slice(1, None)))
            for one, other in ((a, b), (b, a)):
                met = small[one] & ~small[other]
                np.add.at(votes, (one[met], owner[other[met]]), 1)
        gone = small & (votes.sum(axis=1) > 0)
        if not gone.any():
            break
        for number in range(phases):
            mine = gone & (owner == number)
            before = removed[number]
            removed[number] = (before[0] + int(mine.sum()), before[1] + int(size[mine].sum()))
        phase = np.where(gone, votes.argmax(axis=1), owner).astype(np.int16)[piece]
    return phase, removed


# ---- what an image is like -------------------------------------------------------------------------------


def pieces_of(phase: Phases, phases: int) -> tuple[Labels, Labels]:
    """Return the number of the piece of each voxel, joined across faces, and the phase of each piece."""
    piece, owner, found = np.zeros(phase.shape, dtype=np.int64), [], 0
    for number in range(phases):
        label, count = ndimage.label(phase == number)
        piece[label > 0] = label[label > 0] - 1 + found
        owner += [number] * count
        found += count
    return piece, np.array(owner, dtype=np.int64)


def edge_contacts(phase: Phases, phases: int) -> list[int]:
    """Count for each phase the edges (corners in 2D) at which two of its voxels touch and no face joins them."""
    total = [0] * phases
    for one in range(phase.ndim):
        for other in range(one + 1, phase.ndim):
            turned = np.moveaxis(phase, (one, other), (0, 1))
            a, b, c, d = turned[:-1, :-1], turned[1:, :-1], turned[:-1, 1:], turned[1:, 1:]
            for p, q, r, s in ((a, d, b, c), (b, c, a, d)):
                touch = (p == q) & (p != r) & (p != s)
                for number in range(phases):
                    total[number] += int((touch & (p == number)).sum())
    return total


def _described(phase: Phases, sides: tuple[float, ...], names: tuple[str, ...]) -> dict[str, Any]:
    """Return voxels, their sides, and each phase's share, pieces, and how much of it reaches from side to side."""
    return {
        "voxels": list(phase.shape),
        "voxel_size": [round(side, 9) for side in sides],
        "phases": {name: _phase(phase == number) for number, name in enumerate(names)},
    }


def _phase(there: NDArray[np.bool_]) -> dict[str, Any]:
    label, pieces = ndimage.label(there)
    count = np.bincount(label.ravel(), minlength=pieces + 1)
    total = max(int(count[1:].sum()), 1)
    through = {}
    for axis, name in zip(range(there.ndim), AXES, strict=False):
        faces = np.moveaxis(label, axis, 0)
        both = np.intersect1d(faces[0], faces[-1])
        through[name] = float(count[both[both > 0]].sum() / total)
    return {"volume_fraction": float(there.mean()), "pieces": pieces, "percolating": through}
