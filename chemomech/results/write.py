"""Writing the results folder so that a kill at any moment leaves complete records behind."""

import contextlib
import csv
import importlib.metadata
import io
import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Self

import numpy as np

from chemomech.errors import InputError, Problem
from chemomech.results.fields import FieldWriter
from chemomech.results.format import RUN_FILE, TIME

__all__ = [
    "FieldWriter",
    "History",
    "RunRecord",
    "complete_rows",
    "prepare_folder",
    "versions",
    "write_json",
    "write_table",
    "write_text",
]


VERSIONED: Final = (
    "chemomech",
    "fenics-dolfinx",
    "dolfinx-solver-real",
    "petsc4py",
    "mpi4py",
    "gmsh",
    "numpy",
)


def prepare_folder(results: Path) -> None:
    """Make a results folder; InputError unless files can be written in it."""
    try:
        results.mkdir(parents=True, exist_ok=True)
        probe = results / ".probe"
        probe.touch()
        probe.unlink()
    except OSError as error:
        what = f"results cannot be written here ({error.strerror})"
        raise InputError(Problem(str(results), what, "choose another --results folder")) from error


def versions() -> dict[str, str]:
    """Return the versions of what a result depends on, as far as they are installed."""
    found = {}
    for package in VERSIONED:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[package] = importlib.metadata.version(package)
    return found


def write_text(path: Path, text: str) -> None:
    """Replace a text file atomically (UTF-8): a reader sees the old or the new content, never a part."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("w", encoding="utf-8", newline="") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a mapping as strict JSON, atomically; nan and infinities, which JSON has not, become null."""
    write_text(path, json.dumps(_plain(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def write_table(path: Path, columns: Sequence[str], rows: Sequence[Mapping[str, float]]) -> None:
    """Write rows as a table, atomically; what a row does not say is nan."""
    lines = [_line([f"{row.get(name, math.nan):.12g}" for name in columns]) for row in rows]
    write_text(path, _line(columns) + "".join(lines))


def _plain(value: Any) -> Any:
    """Return the value in JSON types, from numpy, tuples and paths too; TypeError for anything else."""
    match value:
        case bool() | str() | int() | None:
            return value
        case float():
            return float(value) if math.isfinite(value) else None
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case Path():
            return value.as_posix()
        case np.generic() | np.ndarray():
            return _plain(value.tolist())
    raise TypeError(f"{type(value).__name__} cannot be written to JSON")


class History:
    """history.csv: one row per accepted step, on disk when `append` returns. For rank 0 only."""

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        """Start a new file with these column names (units included); an older file is replaced."""
        self.columns = tuple(columns)
        self.rows = 0
        write_text(path, _line(self.columns))
        self._stream = path.open("a", encoding="utf-8", newline="")

    @classmethod
    def resume(
        cls, path: Path, columns: Sequence[str], *, rows: int | None = None, until: float | None = None
    ) -> Self:
        """Continue a file after its first `rows` rows, or after the rows with time <= `until` [s].

        Later rows, and a last row cut short by a kill, are removed, so that no step is recorded twice.
        Raises InputError when the columns differ or fewer than `rows` rows are there.
        """
        kept = complete_rows(path)
        header = tuple(kept.pop(0)) if kept else ()
        if header != tuple(columns):
            raise InputError(
                Problem(str(path), "its columns are not those of this run", "start in a new results folder")
            )
        if until is not None:
            at = header.index(TIME)
            limit = until + 1e-9 * abs(until)
            kept = [row for row in kept if float(row[at]) <= limit]
        if rows is not None:
            if len(kept) < rows:
                raise InputError(
                    Problem(str(path), f"has {len(kept)} complete rows, the checkpoint was made after {rows}")
                )
            kept = kept[:rows]
        self = cls.__new__(cls)
        self.columns = header
        self.rows = len(kept)
        write_text(path, _line(header) + "".join(_line(row) for row in kept))
        self._stream = path.open("a", encoding="utf-8", newline="")
        return self

    def append(self, row: Mapping[str, float | int]) -> None:
        """Add one row; KeyError unless the row has exactly the columns of the file."""
        if row.keys() != set(self.columns):
            raise KeyError(f"history row: columns {sorted(set(self.columns) ^ row.keys())} do not match")
        self._stream.write(_line([_number(row[column]) for column in self.columns]))
        self._stream.flush()
        self.rows += 1

    def sync(self) -> None:
        """Force the rows to the disk; call it before a checkpoint that counts them."""
        self._stream.flush()
        os.fsync(self._stream.fileno())

    def close(self) -> None:
        """Sync and close; a second call does nothing."""
        if not self._stream.closed:
            self.sync()
            self._stream.close()


def _number(value: float | int) -> str:
    """Return the shortest text that reads back as the same number."""
    number = float(value)
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)


def _line(cells: Sequence[str]) -> str:
    """Return one CSV line."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow(cells)
    return buffer.getvalue()


def complete_rows(path: Path) -> list[list[str]]:
    """Return header and rows without a last row cut short by a kill; InputError if damaged."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(Problem(str(path), f"cannot be read ({error})")) from error
    rows = list(csv.reader(io.StringIO(text[: text.rfind("\n") + 1])))
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(rows[0]):
            raise InputError(Problem(f"{path}:{number}", f"{len(row)} cells, the header has {len(rows[0])}"))
    return rows


@dataclass(frozen=True)
class RunRecord:
    """run.json: what was run, with what, and how it ended."""

    title: str
    case: Mapping[str, Any]
    """The case as run, in JSON types."""
    case_hash: str
    versions: Mapping[str, str]
    ranks: int
    wall_time_s: float
    finished: bool
    reason: str
    """Why the run ended (or, when unfinished, why it stopped)."""
    coordinates: str
    """"plane strain", "axisymmetric" or "3D"."""
    dimension: int
    regions: tuple[str, ...]
    """Region names; the position of a name is the region's number in the fields."""
    frames: int
    kind: str = "run"
    """"run", or "effective" for effective properties, which have no history."""
    surfaces: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Of each active region "volume" and the "surface" through which lithium enters it; um3 and um2, in plane strain
    both per um of depth."""
    unknowns: int = 0
    solver: str = ""
    integrator: str = ""
    """"direct" or "fieldsplit"."""
    unknowns_by_field: Mapping[str, int] = field(default_factory=dict)
    timings: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Of each phase: calls, CPU seconds of all ranks, wall seconds in the mean over ranks and of the slowest."""
    throughput: float | None = None
    """Unknowns times Newton iterations per CPU second of the coupled solves [1/s]."""
    peak_memory_mb: tuple[float, ...] = ()
    """Of each rank [MB]."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """Accepted and rejected steps, Newton and linear iterations."""
    failures: Mapping[str, int] = field(default_factory=dict)
    """Solves that did not converge and were tried again with a shorter step, by reason."""
    notes: tuple[str, ...] = ()
    """What a reader of the numbers must know, such as a layer thinner than the lattice it is computed on."""

    def write(self, folder: Path) -> None:
        """Write run.json into the results folder, atomically."""
        write_json(folder / RUN_FILE, asdict(self))
