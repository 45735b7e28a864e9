"""Effective conductivity of a voxel image by finite volumes: no finite elements, numpy and scipy alone.

One unknown in the middle of every conducting voxel; between two neighbours the conductance of half of each in series,

    g = A / (h/(2 k1) + h/(2 k2)),

potentials 1 and 0 on two opposite faces, half a voxel from the first middles, and no flow through the others.
Laminates along and across the flow are exact.  What no path joins to both faces is left out.

The linear system is symmetric and positive: conjugate gradients, preconditioned by its diagonal and by an exact solve
of its sums over blocks of voxels (a coarse grid).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.sparse import coo_matrix, csr_matrix, diags
from scipy.sparse.linalg import LinearOperator, cg, splu

from chemomech.errors import RunError

type Array = npt.NDArray[np.float64]
type Labels = npt.NDArray[np.integer[Any]]

BLOCKS: Final = 4000
"""About as many blocks has the coarse grid."""
ACCURACY: Final = 1e-9
"""Of the linear system, relative."""
STEPS: Final = 20_000


@dataclass(frozen=True)
class Flow:
    """What flows through an image for a potential difference of one."""

    conductivity: float
    """effective: flow times length over area, in units of the conductivities given"""
    carrying: float
    """share of the volume that is joined to both faces"""
    imbalance: float
    """difference of what enters and leaves, relative"""
    iterations: int


def effective_conductivity(
    image: Labels,
    conductivities: Mapping[int, float],
    axis: int = 0,
    sides: tuple[float, ...] = (1.0, 1.0, 1.0),
) -> Flow:
    """Return the effective conductivity of an image along an axis; labels without a conductivity insulate.

    ``sides`` are those of a voxel.  RunError where the iteration does not converge.
    """
    local = np.zeros(image.shape)
    for label, conductivity in conductivities.items():
        local[image == label] = conductivity
    local = np.moveaxis(local, axis, 0)
    along, *across = (sides[axis], *(side for at, side in enumerate(sides[: image.ndim]) if at != axis))
    pieces, _ = ndimage.label(local > 0)
    through = np.intersect1d(pieces[0], pieces[-1])
    inside = np.isin(pieces, through[through > 0])
    if not inside.any():
        return Flow(0.0, 0.0, 0.0, 0)
    number = np.full(local.shape, -1, dtype=np.int64)
    number[inside] = np.arange(int(inside.sum()))
    spacings = (along, *across)
    volume = float(np.prod(spacings))
    matrix = _conductances(local, number, spacings)
    first, last = _at_face(local, number, 0), _at_face(local, number, -1)
    half = 2.0 * volume / along**2  # from the middle of a voxel to its face, per conductivity
    diagonal = np.zeros(len(matrix.indptr) - 1)
    diagonal[first[0]] += half * first[1]
    diagonal[last[0]] += half * last[1]
    right = np.zeros_like(diagonal)
    right[first[0]] = half * first[1]
    system = (matrix + diags(diagonal)).tocsr()
    start = 1.0 - (np.nonzero(inside)[0] + 0.5) / local.shape[0]
    potential, iterations = _solved(system, right, start, inside)
    entering = float(np.sum(half * first[1] * (1.0 - potential[first[0]])))
    leaving = float(np.sum(half * last[1] * potential[last[0]]))
    area = volume / along * float(np.prod(local.shape[1:]))
    # the power has no error of first order in that of the potential, the flows have
    power = float(potential @ (system @ potential) - 2.0 * right @ potential + right.sum())
    return Flow(
        conductivity=power * along * local.shape[0] / area,
        carrying=float(inside.mean()),
        imbalance=abs(entering - leaving) / power,
        iterations=iterations,
    )


def _conductances(local: Array, number: Labels, spacings: tuple[float, ...]) -> csr_matrix:
    """Return the matrix of the flows between neighbours; its rows sum to zero."""
    volume = float(np.prod(spacings))
    rows, columns, values = [], [], []
    for axis, spacing in enumerate(spacings):
        here, there = (
            np.moveaxis(number, axis, 0)[part].ravel() for part in (slice(None, -1), slice(1, None))
        )
        k1, k2 = (np.moveaxis(local, axis, 0)[part].ravel() for part in (slice(None, -1), slice(1, None)))
        joined = (here >= 0) & (there >= 0)
        a, b = here[joined], there[joined]
        g = volume / spacing**2 * 2.0 / (1.0 / k1[joined] + 1.0 / k2[joined])
        rows += [a, b, a, b]
        columns += [b, a, a, b]
        values += [-g, -g, g, g]
    count = int(number.max()) + 1
    entries = (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
    return coo_matrix(entries, shape=(count, count)).tocsr()


def _at_face(local: Array, number: Labels, layer: int) -> tuple[Labels, Array]:
    """Return the unknowns next to a face, and their conductivities."""
    there = number[layer] >= 0
    return number[layer][there], local[layer][there]


def _solved(
    system: csr_matrix, right: Array, start: Array, inside: npt.NDArray[np.bool_]
) -> tuple[Array, int]:
    """Return the solution, and how many iterations it took; RunError where there is none."""
    width = max(2, round((inside.size / BLOCKS) ** (1.0 / inside.ndim)))
    place = np.argwhere(inside) // width
    block = np.ravel_multi_index(tuple(place.T), tuple(-(-n // width) for n in inside.shape))
    _, block = np.unique(block, return_inverse=True)
    count = len(right)
    gather = csr_matrix((np.ones(count), (block, np.arange(count))), shape=(int(block.max()) + 1, count))
    coarse = splu((gather @ system @ gather.T).tocsc())
    scale = 1.0 / system.diagonal()

    def precondition(residual: Array) -> Array:
        return np.asarray(scale * residual + gather.T @ coarse.solve(gather @ residual))

    steps = 0

    def counted(_: Array) -> None:
        nonlocal steps
        steps += 1

    operator = LinearOperator(system.shape, precondition)
    solution, failed = cg(system, right, start, rtol=ACCURACY, maxiter=STEPS, M=operator, callback=counted)
    if failed:
        raise RunError(f"the flow through a voxel image was not solved within {STEPS} iterations")
    return np.asarray(solution), steps
