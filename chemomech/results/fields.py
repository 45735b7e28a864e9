"""fields.vtkhdf: the fields of all frames on one unstructured grid, gathered to rank 0.

Array sets are gathered piece by piece and put in an order that depends on the mesh only, so that a run can
be resumed on another number of ranks and two runs can be compared number by number.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from chemomech.errors import InputError, Problem, RunError
from chemomech.results.format import REGION_ARRAY
from chemomech.results.frames import FrameFile, Grid

Array = NDArray[Any]


@dataclass(frozen=True)
class _Merged:
    """The grid of all ranks and how gathered arrays map onto it."""

    grid: Grid
    point_source: Array
    """(points,) row of the gathered point arrays behind each point of the grid."""
    cell_source: Array
    """(cells,) row of the gathered cell arrays behind each cell of the grid."""
    point_counts: tuple[int, ...]
    cell_counts: tuple[int, ...]


class FieldWriter:
    """Writes frames to a temporal VTKHDF file; every call is collective over the communicator.

    A kill at any moment leaves a file that any VTKHDF reader opens with all complete frames (see frames.py).
    """

    def __init__(
        self, path: Path, comm: Any, points: Array, cells: Array, cell_type: int, region: Array
    ) -> None:
        """Start a new file (an older one is replaced at the first frame).

        `comm`: mpi4py communicator, or None in a serial program. This rank's piece of the grid is `points`
        (n, 3) [um], `cells` (m, k) rows of `points` in VTK order, `cell_type` the VTK number (5 triangle, 9
        quadrilateral, 10 tetrahedron, 12 hexahedron), `region` (m,) region numbers, written as "Region [-]".
        """
        self._comm = comm
        pieces = self._gather((np.asarray(points, dtype=float), np.asarray(cells), np.asarray(region)))
        self._merged: _Merged | None = None
        self._file: FrameFile | None = None

        def start() -> None:
            assert pieces is not None
            self._merged = _merge(pieces, cell_type)
            self._file = FrameFile(path, self._merged.grid)

        self._on_root(start)

    @classmethod
    def reopen(
        cls,
        path: Path,
        frames_to_keep: int,
        comm: Any,
        points: Array,
        cells: Array,
        cell_type: int,
        region: Array,
    ) -> Self:
        """Continue a file after its first frames; the number of ranks may differ from the earlier run's.

        Raises InputError when the file is missing, is on another mesh or has fewer frames than asked for.
        """
        self = cls(path, comm, points, cells, cell_type, region)

        def resume() -> None:
            assert self._file is not None
            self._file.resume(frames_to_keep)

        if frames_to_keep > 0:
            self._on_root(resume)
        return self

    def append(self, time: float, point_data: Mapping[str, Array], cell_data: Mapping[str, Array]) -> None:
        """Write one frame at a time [s]: this rank's rows of each array, (n,) or (n, 3); nan where undefined.

        Array names and shapes must be those of the first frame, which also decides whether an array is kept
        in single or double precision. Raises RunError on every rank when the frame cannot be written.
        """
        gathered = self._gather((dict(point_data), dict(cell_data)))

        def write() -> None:
            assert self._merged is not None and self._file is not None and gathered is not None
            merged = self._merged
            at_points = _join([piece[0] for piece in gathered], merged.point_counts, merged.point_source)
            in_cells = _join([piece[1] for piece in gathered], merged.cell_counts, merged.cell_source)
            in_cells.pop(REGION_ARRAY, None)  # part of the grid
            self._file.append(time, at_points, in_cells)

        self._on_root(write)

    def close(self) -> None:
        """Pack the frames into the one final file; a second call does nothing."""

        def finish() -> None:
            if self._file is not None:
                self._file.finish()

        self._on_root(finish)

    def _gather(self, item: Any) -> list[Any] | None:
        """Return the items of all ranks on rank 0, None elsewhere."""
        if self._comm is None:
            return [item]
        gathered: list[Any] | None = self._comm.gather(item, root=0)
        return gathered

    def _on_root(self, action: Callable[[], None]) -> None:
        """Act on rank 0; a failure is raised on every rank, for otherwise the others would wait for ever."""
        failure: Exception | None = None
        if self._comm is None or self._comm.rank == 0:
            try:
                action()
            except InputError as error:
                failure = error
            except Exception as error:  # whatever it is, the other ranks must hear of it
                failure = RunError(f"the fields cannot be written: {error}")
                failure.__cause__ = error
        if self._comm is not None:
            report = (isinstance(failure, InputError), str(failure)) if failure else None
            report = self._comm.bcast(report, root=0)
            if report is not None and failure is None:
                failure = InputError(Problem("", report[1])) if report[0] else RunError(report[1])
        if failure is not None:
            raise failure


def _merge(pieces: list[tuple[Array, Array, Array]], cell_type: int) -> _Merged:
    """Join the ranks' pieces; a point that several ranks hold for the same region becomes one.

    Points are sorted by (region, x, y, z) and cells by their points: coordinates come from the mesh file
    unchanged, so that the order is the same for every partition.
    """
    width = max(cells.shape[1] for _, cells, _ in pieces)
    starts = np.cumsum([0, *(len(points) for points, _, _ in pieces)])
    points = np.vstack([piece[0].reshape(-1, 3) for piece in pieces])
    cells = np.vstack(
        [c.reshape(-1, width) + start for (_, c, _), start in zip(pieces, starts[:-1], strict=True)]
    )
    region = np.concatenate([piece[2] for piece in pieces]).astype(np.int32)
    if len(region) != len(cells):
        raise ValueError(f"{len(cells)} cells but {len(region)} region numbers")
    owner = np.repeat(np.arange(len(pieces)), [len(piece[0]) for piece in pieces])

    point_region = np.full(len(points), -1, dtype=np.int64)
    point_region[cells.ravel()] = np.repeat(region, width)
    used = np.flatnonzero(point_region >= 0)
    x, y, z = points[used].T
    order = used[np.lexsort((z, y, x, point_region[used]))]
    repeated = np.zeros(len(order), dtype=bool)
    repeated[1:] = np.all(np.diff(points[order], axis=0) == 0, axis=1) & (np.diff(point_region[order]) == 0)
    if np.any(repeated[1:] & (np.diff(owner[order]) == 0)):
        repeated[:] = False  # a field that jumps inside a region: its points are meant to be separate
    point_source = order[~repeated]
    renumber = np.full(len(points), -1, dtype=np.int64)
    renumber[order] = np.cumsum(~repeated) - 1
    cells = renumber[cells]
    cell_source = np.lexsort(np.sort(cells, axis=1).T[::-1])
    grid = Grid(points[point_source], cells[cell_source], cell_type, region[cell_source])
    return _Merged(
        grid,
        point_source,
        cell_source,
        tuple(len(piece[0]) for piece in pieces),
        tuple(len(piece[1]) for piece in pieces),
    )


def _join(pieces: list[dict[str, Array]], counts: tuple[int, ...], source: Array) -> dict[str, Array]:
    """Return the grid's arrays from the ranks' arrays; ValueError when names or lengths do not match."""
    joined: dict[str, Array] = {}
    for name in pieces[0]:
        if any(name not in piece for piece in pieces):
            raise ValueError(f"'{name}' is not given on every rank")
        arrays = [np.asarray(piece[name]) for piece in pieces]
        lengths = tuple(len(array) for array in arrays)
        if lengths != counts:
            raise ValueError(f"'{name}' has lengths {lengths}, expected {counts}")
        whole = np.concatenate(arrays)[source]
        joined[name] = whole if whole.dtype.kind == "f" else whole.astype(np.float64)
    return joined
