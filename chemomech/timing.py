"""Where a run spends its time: CPU and wall seconds of named phases.

Phases may lie inside each other; each is charged with its own time only, without that of the phases inside it, so
that all phases together are the whole time measured.  Where nothing is measured a phase costs a function call.
"""

import resource
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from typing import Final

MESH: Final = "mesh"
MODEL: Final = "model"
FORMS: Final = "forms"
FIRST_ASSEMBLY: Final = "first assembly"
RESIDUAL: Final = "residual"
JACOBIAN: Final = "Jacobian"
PRECONDITIONER: Final = "preconditioner"
LINEAR_SOLVE: Final = "linear solve"
TIME_STEPS: Final = "time steps"
ROWS: Final = "rows"
FRAMES: Final = "frames"
SPECTRA: Final = "spectra"
CHECKPOINTS: Final = "checkpoints"
FIGURES: Final = "figures"
REST: Final = "rest"
SET_UP: Final = (MESH, MODEL, FORMS, FIRST_ASSEMBLY)
"""phases that a run goes through once, before its first step"""
NEWTON: Final = (RESIDUAL, JACOBIAN, PRECONDITIONER, LINEAR_SOLVE)
"""phases of the coupled solves"""


@dataclass
class Spent:
    """What one phase took on one rank."""

    calls: int = 0
    cpu: float = 0.0
    """of this process and of its children that have ended [s]"""
    wall: float = 0.0
    """[s]"""


@dataclass
class Timings:
    """The phases of one measurement, on this rank."""

    phases: dict[str, Spent] = field(default_factory=dict)
    _under_way: list[str] = field(default_factory=list)
    _since: tuple[float, float] = (0.0, 0.0)

    def enter(self, name: str) -> None:
        """Begin a phase inside the present one."""
        self._charge()
        self._under_way.append(name)
        self.phases.setdefault(name, Spent()).calls += 1

    def leave(self) -> None:
        """End the present phase."""
        self._charge()
        self._under_way.pop()

    def _charge(self) -> None:
        # The time since the last change belongs to the phase that was under way.
        now = _clocks()
        if self._under_way:
            spent = self.phases[self._under_way[-1]]
            spent.cpu += now[0] - self._since[0]
            spent.wall += now[1] - self._since[1]
        self._since = now

    def so_far(self) -> dict[str, Spent]:
        """Return what each phase has taken until now."""
        self._charge()
        return {name: Spent(spent.calls, spent.cpu, spent.wall) for name, spent in self.phases.items()}


def _clocks() -> tuple[float, float]:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)  # the C compiler, and who draws
    return time.process_time() + children.ru_utime + children.ru_stime, time.perf_counter()


_measuring: list[Timings] = []
"""the measurements under way in this process; the innermost counts"""


@contextmanager
def measure() -> Iterator[Timings]:
    """Measure phases until the end of the block; what belongs to none is the rest."""
    timings = Timings()
    timings.enter(REST)
    _measuring.append(timings)
    try:
        yield timings
    finally:
        _measuring.remove(timings)
        timings.leave()


@contextmanager
def phase(name: str) -> Iterator[None]:
    """Charge the time of the block to a phase, where somebody measures."""
    if not _measuring:
        yield
        return
    timings = _measuring[-1]
    timings.enter(name)
    try:
        yield
    finally:
        timings.leave()


def timed[**P, R](name: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Charge every call of a function to a phase, where somebody measures."""

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @wraps(function)
        def call(*arguments: P.args, **named: P.kwargs) -> R:
            with phase(name):
                return function(*arguments, **named)

        return call

    return decorate


def peak_memory() -> float:
    """Return the largest memory that this process has had so far [MB]."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0


def over_ranks(each: Sequence[Mapping[str, Spent]]) -> dict[str, dict[str, float]]:
    """Put the phases of all ranks together: calls of one rank, CPU summed, wall time in the mean and of the slowest."""
    names = dict.fromkeys(name for phases in each for name in phases)
    table: dict[str, dict[str, float]] = {}
    for name in names:
        spent = [phases.get(name, Spent()) for phases in each]
        table[name] = {
            "calls": max(one.calls for one in spent),
            "cpu_s": round(sum(one.cpu for one in spent), 6),
            "wall_s": round(sum(one.wall for one in spent) / len(each), 6),
            "slowest_rank_wall_s": round(max(one.wall for one in spent), 6),
        }
    return table
