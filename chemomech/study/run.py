"""The points of a study run one by one or side by side, each in a process and a folder of its own."""

import contextlib
import json
import math
import signal
import subprocess
import sys
import threading
import time as clock
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal

from chemomech.case.wording import nearest
from chemomech.drawing import draw
from chemomech.errors import InputError, Problem
from chemomech.ranks import environment
from chemomech.results.compare import Comparison, compare
from chemomech.results.format import CYCLES_FILE, HISTORY_FILE, RUN_FILE, SUMMARY_FILE
from chemomech.results.study import (
    POINTS_FOLDER,
    STUDY_RECORD,
    STUDY_SUMMARY,
    Table,
    collected,
    missing_columns,
)
from chemomech.results.write import complete_rows, write_json
from chemomech.study.derived import NotDerivedError, derive
from chemomech.study.read import Point, Study

IDENTITY_FILE: Final = "point.json"
"""In the folder of a point that has finished: what its results belong to."""
COMMAND = (sys.executable, "-m", "chemomech", "run")
"""What runs a point."""
FILES: Final = {"cycles": CYCLES_FILE, "history": HISTORY_FILE}
"""Tables that each point has of its own."""
FAILED: Final = "Failed points [-]"
COUNT: Final = "Points [-]"

State = Literal["waiting", "kept", "done", "failed"]
Say = Callable[[str], None]


@dataclass
class Outcome:
    """How a point ended."""

    state: State = "waiting"
    reason: str = ""
    seconds: float = 0.0
    summary: dict[str, float] | None = None


class StudyRun:
    """A study under way; its folder is complete at any moment: table, figures and record follow every point."""

    def __init__(self, study: Study, folder: Path, common: Sequence[str], say: Say) -> None:
        """Look for points that are there already; `common` are overrides of every point."""
        self.study, self.folder, self.common, self.say = study, folder, tuple(common), say
        self.outcomes = [self._there(point) for point in study.points]
        self._children: set[subprocess.Popen[str]] = set()
        self._lock, self._stopped = threading.Lock(), False

    def results(self, point: Point) -> Path:
        """Return the results folder of a point."""
        return self.folder / POINTS_FOLDER / point.name

    def _there(self, point: Point) -> Outcome:
        """Return the outcome of a point that finished earlier, with the same case, mesh and materials."""
        folder = self.results(point)
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            if json.loads((folder / IDENTITY_FILE).read_text(encoding="utf-8"))["identity"] == point.identity:
                return Outcome("kept", summary=_summary(folder))
        return Outcome()

    def forget(self) -> None:
        """Take no point as there already."""
        self.outcomes = [Outcome() for _ in self.study.points]

    # ---- running ------------------------------------------------------------------------------------------

    def go(self, jobs: int) -> None:
        """Run the points that are not there, `jobs` at a time; a failed point is noted and the others go on.

        KeyboardInterrupt ends the points under way; those that finished stay.
        """
        waiting = [number for number, outcome in enumerate(self.outcomes) if outcome.state == "waiting"]
        kept = len(self.outcomes) - len(waiting)
        if kept:
            self.say(f"{kept} of {len(self.outcomes)} points are there already")
        self.write()
        pool = ThreadPoolExecutor(max_workers=jobs)
        running: dict[Future[Outcome], int] = {
            pool.submit(self._run, self.study.points[number]): number for number in waiting
        }
        finished = 0
        try:
            while running:
                ended, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in sorted(ended, key=lambda one: running[one]):
                    number = running.pop(future)
                    self.outcomes[number] = outcome = future.result()
                    finished += 1
                    words = f"{outcome.state} in {outcome.seconds:.0f} s"
                    words += f": {outcome.reason}" if outcome.reason else ""
                    self.say(f"{finished}/{len(waiting)} {self.study.points[number].said}: {words}")
                self.write()
        finally:
            self._stop()
            pool.shutdown(wait=True, cancel_futures=True)
            for future, number in running.items():  # an interrupt came: what had finished by then counts
                if not future.cancelled() and future.result().state == "done":
                    self.outcomes[number] = future.result()
            if running:
                self.write()

    def _run(self, point: Point) -> Outcome:
        """Run one point in a process of its own."""
        folder, began = self.results(point), clock.monotonic()
        (folder / IDENTITY_FILE).unlink(missing_ok=True)  # what was there belongs to another case from now on
        (folder / SUMMARY_FILE).unlink(missing_ok=True)
        changes = [part for text in (*self.common, *point.overrides) for part in ("--set", text)]
        command = [*COMMAND, str(self.study.directory), "--results", str(folder)]
        with self._lock:
            if self._stopped:
                return Outcome()
            child = subprocess.Popen(
                [*command, "--no-figures", "--quiet", *changes],
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
            self._children.add(child)
        _, complaint = child.communicate()
        with self._lock:
            self._children.discard(child)
        seconds = clock.monotonic() - began
        if child.returncode == 0:
            write_json(folder / IDENTITY_FILE, {"identity": point.identity, "changes": list(point.overrides)})
            return Outcome("done", "", seconds, _summary(folder))
        lines = complaint.strip().splitlines() or [f"exit code {child.returncode}"]
        return Outcome("failed", lines[-1] if child.returncode == 1 else lines[0], seconds)

    def _stop(self) -> None:
        """End the points under way, so that nothing goes on unseen."""
        with self._lock:
            self._stopped = True
            for child in self._children:
                child.send_signal(signal.SIGINT)  # it writes how it ended

    # ---- what is collected ----------------------------------------------------------------------------------

    @property
    def failed(self) -> int:
        """Number of points that failed."""
        return sum(outcome.state == "failed" for outcome in self.outcomes)

    def table(self) -> Table:
        """Return what the points have so far."""
        summaries = [outcome.summary or {} for outcome in self.outcomes]
        return collected(self.study.axes, [point.at for point in self.study.points], summaries)

    def write(self) -> None:
        """Write the table, the flat map of figures, and the record."""
        table = self.table()
        self.folder.mkdir(parents=True, exist_ok=True)
        names = [point.name for point in self.study.points]
        states = [outcome.state for outcome in self.outcomes]
        write_json(self.folder / STUDY_RECORD, self._record())
        table.write(self.folder, list(zip(names, states, strict=True)))
        write_json(self.folder / STUDY_SUMMARY, self.summary(table))

    def summary(self, table: Table) -> dict[str, float]:
        """Return every figure at every place, and the derived ones."""
        found = {COUNT: float(len(self.outcomes)), FAILED: float(self.failed)}
        for name, wanted in self.study.asked.derived.items():
            if wanted.of in table.columns:
                found |= {
                    place: value
                    for place, value in derive(table, name, wanted)
                    if not isinstance(value, NotDerivedError) and math.isfinite(value)
                }
        return found | table.summary()

    def complaints(self) -> list[Problem]:
        """Return what figures and derived numbers ask for and no point has; none while there is nothing at all."""
        table, found = self.table(), []
        if not table.columns:
            return []
        lines = self.study.lines
        for number, figure in enumerate(self.study.asked.figure):
            asked = [figure.x, *figure.y, *([figure.colour] if figure.colour else [])]
            if figure.table != "summary":
                columns = self._columns(FILES[figure.table])
                rows = (
                    {axis.name for axis in self.study.axes} if figure.colour else set()
                )  # of a map: one a run
                missing = [name for name in asked if columns and name not in rows and name not in columns]
                found += [_no_figure(lines["figure", number], name, columns) for name in missing]
                continue
            for name in missing_columns(table, asked):
                found.append(_no_figure(lines["figure", number], name, table.columns))
        for name, wanted in self.study.asked.derived.items():
            if wanted.of not in table.columns:
                found.append(_no_figure(lines["derived", name], wanted.of, table.columns))
        return found

    def _columns(self, file: str) -> list[str]:
        """Return the columns of a table of the points that are there."""
        paths = [self.results(point) / file for point in self.study.points]
        return list(
            dict.fromkeys(name for path in paths if path.is_file() for name in complete_rows(path)[0])
        )

    def notes(self) -> list[str]:
        """Return why derived numbers are not there."""
        table = self.table()
        return [
            f"no '{place}': {value}"
            for name, wanted in self.study.asked.derived.items()
            if wanted.of in table.columns
            for place, value in derive(table, name, wanted)
            if isinstance(value, NotDerivedError)
        ]

    def _record(self) -> dict[str, Any]:
        return {
            "title": self.study.asked.title,
            "case": str(self.study.directory),
            "changes": list(self.common),
            "axes": [asdict(axis) for axis in self.study.axes],
            "figures": [figure.model_dump(mode="json") for figure in self.study.asked.figure],
            "points": [
                {
                    "name": point.name,
                    "at": point.at,
                    "said": point.said,
                    "changes": point.overrides,
                    "identity": point.identity,
                    "state": outcome.state,
                    "reason": outcome.reason,
                    "seconds": round(outcome.seconds, 1),
                }
                for point, outcome in zip(self.study.points, self.outcomes, strict=True)
            ],
        }


def _summary(folder: Path) -> dict[str, float]:
    """Return the figures of a finished run; ValueError or OSError where it is not finished."""
    if not json.loads((folder / RUN_FILE).read_text(encoding="utf-8"))["finished"]:
        raise ValueError("not finished")
    content = json.loads((folder / SUMMARY_FILE).read_text(encoding="utf-8"))
    return {name: float(value) for name, value in content.items() if value is not None}


def _no_figure(place: str, name: str, columns: Iterable[str]) -> Problem:
    return Problem(place, f"no point has the figure '{name}'", nearest(name, columns))


def outline(run: StudyRun) -> str:
    """Return the points, one a line: whether it is there, where it is on the axes, what it changes."""
    lines = []
    for point, outcome in zip(run.study.points, run.outcomes, strict=True):
        state = "there " if outcome.state == "kept" else "to run"
        lines.append(f"{state} {point.said}: {'; '.join(point.overrides) or 'the case as it is'}")
    return "\n".join(lines)


def headlines(run: StudyRun) -> str:
    """Return what a person wants to see first: the derived numbers, and how many points there are."""
    found = run.summary(run.table())
    names = [COUNT, FAILED, *(name for name in found if name.partition(" @ ")[0] in run.study.asked.derived)]
    width = max(map(len, names))
    return "\n".join(f"{name:<{width}}  {found[name]:.5g}" for name in names)


def draw_figures(run: StudyRun) -> None:
    """Draw the figures of a study in a process of their own, if it has any and a point to show."""
    if run.study.asked.figure and any(outcome.summary for outcome in run.outcomes):
        draw(run.folder, animation=False)


def comparisons(run: StudyRun, expected: Path) -> list[Comparison]:
    """Return each figure that [study] of expected.toml names beside the study's; no point may fail unsaid."""
    found = compare(run.summary(run.table()), expected, "study")
    if all(one.name != FAILED for one in found):
        found.append(Comparison(FAILED, 0.0, float(run.failed), 0.0))
    return found


def refuse_run(folder: Path) -> None:
    """Refuse a folder that is the results of a single run: InputError."""
    if (folder / RUN_FILE).is_file():
        what = "holds the results of a run"
        raise InputError(Problem(str(folder), what, "choose another folder with --results"))
