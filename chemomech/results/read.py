"""Reading a results folder: what the figures, comparisons and the user's own scripts start from."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chemomech.errors import InputError, Problem
from chemomech.results.format import (
    AMPLITUDES_FILE,
    CYCLES_FILE,
    FIELDS_FILE,
    HISTORY_FILE,
    RUN_FILE,
    SUMMARY_FILE,
)
from chemomech.results.frames import Grid, open_hdf5
from chemomech.results.write import complete_rows

if TYPE_CHECKING:
    import pyvista

_RUN_KEYS = ("title", "finished", "coordinates", "dimension", "regions")


@dataclass(frozen=True)
class Results:
    """One results folder. Arrays of the fields are read when asked for."""

    folder: Path
    run: Mapping[str, Any]
    """run.json."""
    history: Mapping[str, NDArray[np.float64]]
    """Columns of history.csv by name, nan where nothing is recorded."""
    summary: Mapping[str, float]
    """summary.json; empty while the run has not finished."""
    times: NDArray[np.float64]
    """Time of each frame [s]."""
    point_arrays: tuple[str, ...]
    cell_arrays: tuple[str, ...]
    fields_file: str = FIELDS_FILE

    @property
    def frames(self) -> int:
        """Number of complete frames of fields."""
        return len(self.times)

    @property
    def regions(self) -> tuple[str, ...]:
        """Region names; the position is the number in "Region [-]"."""
        return tuple(self.run["regions"])

    @property
    def fields_path(self) -> Path:
        """The fields file."""
        return self.folder / self.fields_file

    @cached_property
    def cycles(self) -> Mapping[str, NDArray[np.float64]]:
        """Columns of cycles.csv by name; empty where there is none."""
        path = self.folder / CYCLES_FILE
        return read_table(path) if path.exists() else {}

    @cached_property
    def grid(self) -> Grid:
        """The undeformed grid [um]; InputError when there are no fields."""
        if not self.frames:
            raise InputError(Problem(str(self.fields_path), "has no frames"))
        try:
            with open_hdf5(self.fields_path, "r") as file:
                root = file["VTKHDF"]
                offsets = root["Offsets"][:2]
                cells = root["Connectivity"][:].reshape(-1, int(offsets[1] - offsets[0]))
                return Grid(root["Points"][:], cells, int(root["Types"][0]), root["CellData/Region [-]"][:])
        except (OSError, KeyError, ValueError) as error:
            raise InputError(Problem(str(self.fields_path), f"cannot be read ({error})")) from error

    def array(self, name: str, frame: int) -> NDArray[np.float64]:
        """Return a point or cell array of one frame (-1 is the last); InputError if there is none."""
        if not -self.frames <= frame < self.frames:
            raise InputError(
                Problem(str(self.fields_path), f"has {self.frames} frames; there is no frame {frame}")
            )
        if name in self.point_arrays:
            key, rows = f"PointData/{name}", len(self.grid.points)
        elif name in self.cell_arrays:
            key, rows = f"CellData/{name}", len(self.grid.cells)
        else:
            known = ", ".join(self.point_arrays + self.cell_arrays)
            raise InputError(Problem(str(self.fields_path), f"has no '{name}'", f"it has: {known}"))
        start = (frame % self.frames) * rows
        try:
            with open_hdf5(self.fields_path, "r") as file:
                values = file["VTKHDF"][key][start : start + rows]
        except (OSError, KeyError) as error:
            raise InputError(Problem(str(self.fields_path), f"cannot be read ({error})")) from error
        return np.asarray(values, dtype=np.float64)

    def frame(self, index: int) -> "pyvista.UnstructuredGrid":
        """Return one frame (negative counts from the end) with all its arrays; undeformed points [um]."""
        import pyvista

        grid = self.grid
        mesh = pyvista.UnstructuredGrid({grid.cell_type: grid.cells}, grid.points)
        for name in self.point_arrays:
            mesh.point_data[name] = self.array(name, index)
        for name in self.cell_arrays:
            mesh.cell_data[name] = self.array(name, index)
        mesh.cell_data["Region [-]"] = grid.region
        return mesh


def open_results(folder: Path) -> Results:
    """Open a results folder; InputError, with all that is wrong, when it is missing or damaged."""
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(
            Problem(str(folder), "there is no such results folder", "give the folder that holds run.json")
        )
    problems: list[Problem] = []
    run = _read_json(folder / RUN_FILE, problems)
    missing = [key for key in _RUN_KEYS if run is not None and key not in run]
    if missing:
        problems.append(Problem(str(folder / RUN_FILE), f"does not say: {', '.join(missing)}"))
    timeless = run is not None and run.get("kind") == "effective"
    history = {} if timeless else _read_history(folder / HISTORY_FILE, problems)
    summary = _read_json(folder / SUMMARY_FILE, problems) if (folder / SUMMARY_FILE).exists() else {}
    times, point_arrays, cell_arrays = _read_index(folder / FIELDS_FILE, problems)
    if problems or run is None or summary is None:
        raise InputError(problems)
    numbers = {key: math.nan if value is None else value for key, value in summary.items()}
    return Results(folder, run, history, numbers, times, point_arrays, cell_arrays)


def open_amplitudes(results: Results) -> Results | None:
    """Return the same folder with amplitudes.vtkhdf as its fields, None where it has none; InputError when damaged."""
    problems: list[Problem] = []
    times, point_arrays, cell_arrays = _read_index(results.folder / AMPLITUDES_FILE, problems)
    if problems:
        raise InputError(problems)
    if not len(times):
        return None
    return replace(
        results,
        fields_file=AMPLITUDES_FILE,
        times=times,
        point_arrays=point_arrays,
        cell_arrays=cell_arrays,
    )


def read_table(path: Path) -> dict[str, NDArray[np.float64]]:
    """Return the columns of a table of numbers by name; InputError when it is missing or damaged."""
    problems: list[Problem] = []
    columns = _read_history(path, problems)
    if problems:
        raise InputError(problems)
    return columns


def _read_json(path: Path, problems: list[Problem]) -> dict[str, Any] | None:
    """Read a JSON object; None and a problem when there is none."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        problems.append(Problem(str(path), "is missing"))
        return None
    except (OSError, ValueError) as error:
        problems.append(Problem(str(path), f"is damaged ({error})"))
        return None
    if not isinstance(value, dict):
        problems.append(Problem(str(path), "is damaged (not a JSON object)"))
        return None
    return value


def _read_history(path: Path, problems: list[Problem]) -> dict[str, NDArray[np.float64]]:
    """Read the columns of a table such as history.csv; a last row cut short by a kill is left out."""
    if not path.exists():
        problems.append(Problem(str(path), "is missing"))
        return {}
    try:
        header, *rows = complete_rows(path) or [[]]
        table = np.array([[float(cell) for cell in row] for row in rows], dtype=np.float64)
    except InputError as error:
        problems.extend(error.problems)
        return {}
    except ValueError as error:
        problems.append(Problem(str(path), f"is damaged ({error})"))
        return {}
    if not header:
        problems.append(Problem(str(path), "is empty"))
    table = table.reshape(len(rows), len(header))
    return {name: table[:, column].copy() for column, name in enumerate(header)}


def _read_index(
    path: Path, problems: list[Problem]
) -> tuple[NDArray[np.float64], tuple[str, ...], tuple[str, ...]]:
    """Read times and array names of the fields; no frames when the file has not been begun."""
    if not path.exists():
        return np.empty(0), (), ()
    try:
        with open_hdf5(path, "r") as file:
            root = file["VTKHDF"]
            times = np.asarray(root["Steps/Values"][:], dtype=np.float64)
            points = tuple(root["PointData"])
            cells = tuple(name for name in root["CellData"] if name != "Region [-]")
            for kind, names in (("PointData", points), ("CellData", cells)):
                for name in names:
                    root[kind][name]  # raises KeyError when linked data are missing
    except (OSError, KeyError, ValueError) as error:
        problems.append(Problem(str(path), f"is damaged ({error})"))
        return np.empty(0), (), ()
    return times, points, cells
