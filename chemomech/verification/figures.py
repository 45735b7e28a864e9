"""What a verification case demands and whether it got it: the table of cases and the verdict on each figure."""

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One number of a case against what it should be.

    An expected value is met to a relative tolerance (an absolute one where the case says so); a lower bound by not
    falling short; an upper bound is the tolerance on a number that should be 0.
    """

    id: str
    figure: str
    expected: float
    got: float
    error: float
    tolerance: float

    @property
    def passed(self) -> bool:
        """Whether the number is good; one that is not finite never is."""
        return bool(math.isfinite(self.got) and self.error <= self.tolerance)

    def record(self) -> dict[str, str | float | bool | None]:
        """Return the figure in JSON types."""
        numbers = {
            name: value if math.isfinite(value) else None
            for name, value in (("expected", self.expected), ("got", self.got), ("error", self.error))
        }
        return {
            "id": self.id,
            "figure": self.figure,
            **numbers,
            "tolerance": self.tolerance,
            "passed": self.passed,
        }


@cache
def tables() -> Mapping[str, Mapping[str, Any]]:
    """Return the table of every case by its name."""
    return tomllib.loads(files("chemomech.verification").joinpath("cases.toml").read_text(encoding="utf-8"))


def judge(case: str, got: Mapping[str, float]) -> list[Figure]:
    """Return every figure that a case demands; a number that is missing counts as not a number."""
    table = tables()[case]
    figures = []
    for name, expected in table.get("expected", {}).items():
        value = got.get(name, math.nan)
        if name in table.get("atol", {}):
            error, tolerance = abs(value - expected), table["atol"][name]
        else:
            error, tolerance = abs(value - expected) / abs(expected), table["rtol"]
        figures.append(Figure(case, name, expected, value, error, tolerance))
    for name, bound in table.get("at_least", {}).items():
        value = got.get(name, math.nan)
        figures.append(Figure(case, name, bound, value, max(0.0, bound - value), 0.0))
    for name, bound in table.get("at_most", {}).items():
        value = got.get(name, math.nan)
        figures.append(Figure(case, name, 0.0, value, abs(value), bound))
    return figures
