"""How frames are kept in HDF5 so that a kill at any moment leaves all complete frames readable.

HDF5 is not safe against a kill while its structure changes. So the structure of a file in use never changes:

* ``fields.frames.h5`` has room for a number of frames, reserved when it is made (unwritten room takes no
  disk space). A new frame fills reserved room; when that is used up, a file with twice the room replaces it.
* ``fields.vtkhdf`` is small, says how many frames are complete and links to that file. It is replaced, by an
  atomic rename, after the data of a frame are on the disk.
* At the end one self-contained ``fields.vtkhdf`` replaces both.

Layout: VTKHDF 2.2, temporal UnstructuredGrid with a constant grid in one part
(https://docs.vtk.org/en/latest/vtk_file_formats/vtkhdf_file_format/index.html).
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from chemomech.errors import InputError, Problem
from chemomech.results.format import REGION_ARRAY

Array = NDArray[Any]
FIRST_ROOM = 8
"""Frames that the first file has room for."""


@dataclass(frozen=True)
class Grid:
    """An unstructured grid of one cell type: points (n, 3) [um], cells (m, k), region numbers (m,)."""

    points: Array
    cells: Array
    cell_type: int
    region: Array

    def arrays(self) -> dict[str, Array]:
        """Return the VTKHDF arrays of the grid, one part."""
        count, width = self.cells.shape
        return {
            "NumberOfPoints": np.array([len(self.points)], dtype=np.int64),
            "NumberOfCells": np.array([count], dtype=np.int64),
            "NumberOfConnectivityIds": np.array([count * width], dtype=np.int64),
            "Points": self.points.astype(np.float64),
            "Connectivity": self.cells.astype(np.int64).ravel(),
            "Offsets": np.arange(0, count * width + 1, width, dtype=np.int64),
            "Types": np.full(count, self.cell_type, dtype=np.uint8),
            f"CellData/{REGION_ARRAY}": self.region.astype(np.int32),
        }


def open_hdf5(path: Path, mode: str) -> h5py.File:
    """Open an HDF5 file without file locks, which fail on network disks and are not needed here."""
    return h5py.File(path, mode, locking=False)


class FrameFile:
    """The frames of one run on one grid; see the module's description."""

    def __init__(self, path: Path, grid: Grid) -> None:
        """Prepare to write; nothing is on disk before the first frame."""
        self.path = path
        self.data_path = path.with_suffix(".frames.h5")
        self.grid = grid
        self.times: list[float] = []
        self._room = 0
        self._finished = False

    def append(self, time: float, at_points: Mapping[str, Array], in_cells: Mapping[str, Array]) -> None:
        """Write one frame; ValueError when its arrays are not those of the first frame."""
        frame = {f"PointData/{name}": array for name, array in at_points.items()}
        frame |= {f"CellData/{name}": array for name, array in in_cells.items()}
        if self._finished:
            raise ValueError("the file is closed")
        if not self._room:
            self.path.unlink(missing_ok=True)  # an older run's, which must not point into the new data
            self._reserve(FIRST_ROOM, frame)
        elif len(self.times) == self._room:
            with open_hdf5(self.data_path, "r") as old:
                self._reserve(2 * self._room, self._read_frame(old, 0), old)
        with open_hdf5(self.data_path, "r+") as data:
            if _frame_arrays(data) != frame.keys():
                raise ValueError(
                    f"arrays {sorted(_frame_arrays(data) ^ frame.keys())} are not in every frame"
                )
            for name, array in frame.items():
                _slot(data[name], len(self.times), self._rows(name), array)
        _sync(self.data_path)
        self.times.append(float(time))
        self._publish()

    def resume(self, frames: int) -> None:
        """Continue after the first frames of an existing file; InputError when that is not possible."""
        try:
            with open_hdf5(self.path, "r") as file:
                root = file["VTKHDF"]
                times = [float(t) for t in root["Steps/Values"][:]]
                same = self._same_grid(root)
                linked = isinstance(root.get("Points", getlink=True), h5py.ExternalLink)
                if same and len(times) >= frames:
                    first = self._read_frame(root, 0)
                    if linked and first:
                        name = next(iter(first))
                        self._room = len(root[name]) // self._rows(name)
                    else:
                        self._reserve(max(FIRST_ROOM, 2 * frames), first, root, frames)
        except (OSError, KeyError, ValueError) as error:
            raise InputError(Problem(str(self.path), f"cannot be continued ({error})")) from error
        if not same:
            raise InputError(
                Problem(str(self.path), "was written on another mesh", "start a new results folder")
            )
        if len(times) < frames:
            raise InputError(
                Problem(str(self.path), f"has {len(times)} frames, {frames} are needed to resume")
            )
        self.times = times[:frames]
        self._publish()

    def finish(self) -> None:
        """Replace the file and its data by one self-contained file."""
        if self._finished or not self._room:
            return
        frames = len(self.times)

        def embed(root: h5py.Group) -> None:
            with open_hdf5(self.data_path, "r") as data:
                for name in self.grid.arrays():
                    data.copy(name, root, name)
                for name in _frame_arrays(data):
                    rows, source = self._rows(name), data[name]
                    target = root.create_dataset(name, (frames * rows, *source.shape[1:]), source.dtype)
                    for index in range(frames):
                        _slot(target, index, rows, source[index * rows : (index + 1) * rows])

        with open_hdf5(self.data_path, "r") as data:
            names = sorted(_frame_arrays(data))
        self._write_vtkhdf(names, embed)
        self.data_path.unlink()
        self._finished = True

    def _publish(self) -> None:
        """Replace the small file that says which frames are complete."""
        with open_hdf5(self.data_path, "r") as data:
            names = sorted(_frame_arrays(data))

        def link(root: h5py.Group) -> None:
            for name in [*self.grid.arrays(), *names]:
                root[name] = h5py.ExternalLink(self.data_path.name, name)

        self._write_vtkhdf(names, link)

    def _write_vtkhdf(self, names: list[str], fill: Callable[[h5py.Group], None]) -> None:
        """Write the VTKHDF structure with arrays put in by `fill`, and replace the file by it."""
        frames = len(self.times)

        def write(file: h5py.File) -> None:
            root = file.create_group("VTKHDF", track_order=True)
            root.attrs["Version"] = np.array((2, 2), dtype=np.int64)
            root.attrs.create("Type", b"UnstructuredGrid", dtype=h5py.string_dtype("ascii", 16))
            root.create_group("PointData")
            root.create_group("CellData")
            fill(root)
            steps = root.create_group("Steps")
            steps.attrs["NSteps"] = np.int64(frames)
            steps["Values"] = np.array(self.times, dtype=np.float64)
            steps["NumberOfParts"] = np.ones(frames, dtype=np.int64)
            for name in ("PartOffsets", "PointOffsets"):
                steps[name] = np.zeros(frames, dtype=np.int64)
            for name in ("CellOffsets", "ConnectivityIdOffsets"):
                steps[name] = np.zeros((frames, 1), dtype=np.int64)
            for name in names:
                kind, array = name.split("/", 1)
                steps[f"{kind}Offsets/{array}"] = np.arange(frames, dtype=np.int64) * self._rows(name)
            steps[f"CellDataOffsets/{REGION_ARRAY}"] = np.zeros(frames, dtype=np.int64)

        _replace(self.path, write)

    def _reserve(
        self, room: int, frame: Mapping[str, Array], old: h5py.Group | None = None, keep: int | None = None
    ) -> None:
        """Make the data file with room for frames like `frame`; `keep` (all) frames of an old one stay."""

        def write(file: h5py.File) -> None:
            for name, array in self.grid.arrays().items():
                file[name] = array
            for name, array in frame.items():
                rows = self._rows(name)
                if len(array) != rows:
                    raise ValueError(f"'{name}' has {len(array)} rows, expected {rows}")
                dataset = _reserved(file, name, (room * rows, *array.shape[1:]), array.dtype)
                for index in range(0 if old is None else len(self.times) if keep is None else keep):
                    assert old is not None
                    _slot(dataset, index, rows, old[name][index * rows : (index + 1) * rows])

        _replace(self.data_path, write)
        self._room = room

    def _rows(self, name: str) -> int:
        """Return how many rows one frame of an array has."""
        return len(self.grid.points if name.startswith("PointData/") else self.grid.cells)

    def _read_frame(self, root: h5py.Group, index: int) -> dict[str, Array]:
        """Return the arrays of one frame."""
        return {
            name: root[name][index * self._rows(name) : (index + 1) * self._rows(name)]
            for name in sorted(_frame_arrays(root))
        }

    def _same_grid(self, root: h5py.Group) -> bool:
        """Say whether the file has this grid: vertices of a cell may be in another order."""
        cells = root["Connectivity"][:].reshape(-1, self.grid.cells.shape[1])
        return (
            np.array_equal(root["Points"][:], self.grid.points)
            and np.array_equal(np.sort(cells, axis=1), np.sort(self.grid.cells, axis=1))
            and np.array_equal(root["CellData"][REGION_ARRAY][:], self.grid.region)
        )


def _frame_arrays(root: h5py.Group) -> set[str]:
    """Return the names of the arrays that change from frame to frame."""
    names = {f"{kind}/{name}" for kind in ("PointData", "CellData") for name in root.get(kind, ())}
    return names - {f"CellData/{REGION_ARRAY}"}


def _slot(dataset: h5py.Dataset, index: int, rows: int, array: Array) -> None:
    """Fill the rows of one frame; ValueError when the shape is not that of the dataset."""
    if array.shape != (rows, *dataset.shape[1:]):
        raise ValueError(f"'{dataset.name}' has shape {array.shape}, expected {(rows, *dataset.shape[1:])}")
    dataset[index * rows : (index + 1) * rows] = array


def _reserved(file: h5py.File, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> h5py.Dataset:
    """Make a dataset whose place in the file is fixed now and is filled later."""
    plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plan.set_layout(h5py.h5d.CONTIGUOUS)
    plan.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    plan.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    links = h5py.h5p.create(h5py.h5p.LINK_CREATE)
    links.set_create_intermediate_group(True)
    space = h5py.h5s.create_simple(shape)
    kind = h5py.h5t.py_create(np.dtype(dtype), logical=True)
    h5py.h5d.create(file.id, name.encode(), kind, space, plan, links)
    return file[name]


def _replace(path: Path, write: Callable[[h5py.File], None]) -> None:
    """Write an HDF5 file beside `path`, force it to the disk and rename it into place."""
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with open_hdf5(temporary, "w") as file:
            write(file)
        _sync(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    """Force a file's content to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
