"""The collected table of a study: points on axes, one column per figure of their runs; what is read of it."""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from chemomech.errors import InputError, Problem
from chemomech.results.format import split_unit
from chemomech.results.write import complete_rows, write_text

STUDY_RECORD: Final = "record.json"
STUDY_TABLE: Final = "study.csv"
STUDY_SUMMARY: Final = "study.json"
POINTS_FOLDER: Final = "points"
POINT: Final = "Point"
OUTCOME: Final = "Outcome"

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Axis:
    """One direction: positions in the unit of its name, labels; names instead of numbers where `named`."""

    name: str
    positions: tuple[float, ...]
    labels: tuple[str, ...]
    named: bool
    statistic: bool

    def said(self, index: int) -> str:
        """Return one value in words: "Stack pressure = 0.1 MPa"."""
        name, unit = split_unit(self.name)
        return f"{name} = {self.labels[index]}{f' {unit}' if unit else ''}"

    def find(self, value: str | float) -> int | None:
        """Return the index of a value given by label or number, None where it has none such."""
        if isinstance(value, str):
            return self.labels.index(value) if value in self.labels else None
        near = [
            at for at, position in enumerate(self.positions) if np.isclose(position, value, rtol=1e-9, atol=0)
        ]
        return near[0] if near and not self.named else None


@dataclass(frozen=True)
class Series:
    """A figure along x; at each x what the points there have (several where an axis repeats)."""

    fixed: Mapping[str, int]
    """Axis -> index of its value, for the axes that tell this series from others."""
    x: Array
    mean: Array
    deviation: Array
    """Standard deviation of the sample; nan for a single value."""
    least: Array
    greatest: Array


@dataclass(frozen=True)
class Table:
    """Points and columns; a figure that a point lacks is nan."""

    axes: tuple[Axis, ...]
    at: NDArray[np.int64]
    """Index on each axis, shape (points, axes)."""
    columns: Mapping[str, Array]

    def axis(self, name: str) -> Axis:
        """Return an axis by name."""
        return self.axes[self._number(name)]

    def _number(self, name: str) -> int:
        return [axis.name for axis in self.axes].index(name)

    def rows(self, where: Mapping[str, int]) -> NDArray[np.int64]:
        """Return the points at the given indices of axes."""
        kept = np.ones(len(self.at), dtype=bool)
        for name, index in where.items():
            kept &= self.at[:, self._number(name)] == index
        return np.flatnonzero(kept)

    def values(self, name: str) -> Array:
        """Return an axis or a column for every point; KeyError where there is no such."""
        names = [axis.name for axis in self.axes]
        if name in names:
            number = names.index(name)
            return np.array(self.axes[number].positions)[self.at[:, number]]
        return self.columns[name]

    def series(self, x: str, y: str, by: Sequence[str], where: Mapping[str, int]) -> list[Series]:
        """Return y over x (an axis or a column), one series for each combination of `by`, sorted by x.

        What the points of repeating axes have is taken together.
        """
        own = [self._number(name) for name in by]
        along = [
            number
            for number, axis in enumerate(self.axes)
            if not axis.statistic and axis.name not in by and axis.name not in where
        ]
        groups: dict[tuple[int, ...], dict[tuple[int, ...], list[int]]] = {}
        for row in self.rows(where):
            place = groups.setdefault(tuple(self.at[row, own].tolist()), {})
            place.setdefault(tuple(self.at[row, along].tolist()), []).append(int(row))
        xs, ys = self.values(x), self.values(y)
        return [
            _series(dict(zip(by, key, strict=True)), [(xs[rows], ys[rows]) for rows in place.values()])
            for key, place in sorted(groups.items())
        ]

    def summary(self) -> dict[str, float]:
        """Return the flat map of study.json: every figure at every value of the axes; no nan."""
        apart = [axis.name for axis in self.axes if not axis.statistic]
        repeated = len(apart) < len(self.axes)
        found: dict[str, float] = {}
        for name in self.columns:
            for one in self.series(name, name, apart, {}):
                place = self.said(one.fixed)
                if not repeated:
                    found[f"{name}{place}"] = float(one.mean[0])
                    continue
                found[f"Mean of {name}{place}"] = float(one.mean[0])
                found[f"Standard deviation of {name}{place}"] = float(one.deviation[0])
                found[f"Least {name}{place}"] = float(one.least[0])
                found[f"Greatest {name}{place}"] = float(one.greatest[0])
        return {name: value for name, value in found.items() if np.isfinite(value)}

    def said(self, fixed: Mapping[str, int]) -> str:
        """Return where something is on the axes: " @ Coating = bare, Seed = 2"; empty where it is everywhere."""
        words = ", ".join(self.axis(name).said(index) for name, index in fixed.items())
        return f" @ {words}" if words else ""

    def write(self, folder: Path, points: Sequence[tuple[str, str]]) -> None:
        """Write study.csv: name of the point, its axes, the figures, how it ended; `points` are (name, outcome)."""
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow([POINT, *(axis.name for axis in self.axes), *self.columns, OUTCOME])
        for row, (name, outcome) in enumerate(points):
            place = [
                axis.labels[index] if axis.named else repr(axis.positions[index])
                for axis, index in zip(self.axes, self.at[row], strict=True)
            ]
            figures = [repr(float(values[row])) for values in self.columns.values()]
            writer.writerow([name, *place, *figures, outcome])
        write_text(folder / STUDY_TABLE, buffer.getvalue())


def _series(fixed: Mapping[str, int], places: Sequence[tuple[Array, Array]]) -> Series:
    """Return the statistics of y at each place, in the order of the mean x."""
    rows = []
    for x, y in places:
        there = y[np.isfinite(y)]
        spread = float(there.std(ddof=1)) if len(there) > 1 else np.nan
        middle = (there.mean(), spread, there.min(), there.max()) if len(there) else (np.nan,) * 4
        finite = x[np.isfinite(x)]
        rows.append((finite.mean() if len(finite) else np.nan, *middle))
    table = np.array(sorted(rows, key=lambda row: (np.isnan(row[0]), row[0])))
    return Series(fixed, *table.T)


def is_study(folder: Path) -> bool:
    """Return whether a results folder is that of a study."""
    return (folder / STUDY_RECORD).is_file()


def open_study(folder: Path) -> tuple[Mapping[str, Any], Table]:
    """Return record.json and the table of a study's folder; InputError where they cannot be read."""
    path = folder / STUDY_RECORD
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        axes = tuple(
            Axis(
                each["name"],
                tuple(each["positions"]),
                tuple(each["labels"]),
                each["named"],
                each["statistic"],
            )
            for each in record["axes"]
        )
        at = np.array([point["at"] for point in record["points"]], dtype=np.int64).reshape(-1, len(axes))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(Problem(str(path), f"cannot be read ({error})")) from error
    header, *rows = complete_rows(folder / STUDY_TABLE)
    names = header[1 + len(axes) : -1]
    if len(rows) != len(at):
        raise InputError(Problem(str(folder / STUDY_TABLE), f"has {len(rows)} points, the record {len(at)}"))
    columns = {
        name: np.array([float(row[1 + len(axes) + number]) for row in rows])
        for number, name in enumerate(names)
    }
    return record, Table(axes, at, columns)


def collected(
    axes: tuple[Axis, ...], at: Sequence[Sequence[int]], summaries: Sequence[Mapping[str, float]]
) -> Table:
    """Return the table of points that have these summaries, columns in the order in which they first appear."""
    names = dict.fromkeys(name for summary in summaries for name in summary)
    columns = {
        name: np.array([float(summary.get(name, np.nan)) for summary in summaries], dtype=np.float64)
        for name in names
    }
    return Table(axes, np.array(at, dtype=np.int64).reshape(-1, len(axes)), columns)


def missing_columns(table: Table, names: Sequence[str]) -> Iterator[str]:
    """Yield what is neither an axis nor a column."""
    known = {axis.name for axis in table.axes} | table.columns.keys()
    yield from (name for name in names if name not in known)
