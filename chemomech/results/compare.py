"""A run against the figures its case expects (expected.toml)."""

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from chemomech.errors import InputError, Problem

MAXIMUM_BYTES: Final = 1_000_000
EXAMPLE: Final = '[figures."Discharge capacity [A.h]"] value = 1.2e-9, rtol = 0.01'
TABLES: Final = ("figures", "study")
_KEYS: Final = ("value", "rtol", "atol", "source", "note")


@dataclass(frozen=True)
class Comparison:
    """One figure: expected and got, and the largest |got - expected| allowed, all in the unit of its name."""

    name: str
    expected: float
    got: float | None
    tolerance: float

    @property
    def error(self) -> float:
        """Return |got - expected|; infinite where the run has no such number."""
        if self.got is None or not math.isfinite(self.got):
            return math.inf
        return abs(self.got - self.expected)

    @property
    def passed(self) -> bool:
        """Return whether the figure is within its tolerance."""
        return self.error <= self.tolerance

    def __str__(self) -> str:
        """Return one line for the user."""
        got = "missing" if self.got is None else f"{self.got:.6g}"
        verdict = "ok  " if self.passed else "FAIL"
        numbers = (
            f"expected {self.expected:.6g}, got {got}, error {self.error:.2g}, allowed {self.tolerance:.2g}"
        )
        return f"{verdict} {self.name}: {numbers}"


def compare(summary: Mapping[str, float], expected: Path, table: str = "figures") -> list[Comparison]:
    """Return each expected figure beside the run's; InputError with every mistake of the expected.toml.

    `table`: "figures" of a run, or "study" for those of a study.
    """
    figures = _read(expected, table)
    problems: list[Problem] = []
    comparisons: list[Comparison] = []
    for name, entry in figures.items():
        mistake = _mistake(entry)
        if mistake:
            problems.append(
                Problem(f'{expected} [{table}."{name}"]', mistake, f"write for example {EXAMPLE}")
            )
            continue
        value = float(entry["value"])
        tolerance = float(entry["atol"]) if "atol" in entry else float(entry["rtol"]) * abs(value)
        got = summary.get(name)
        comparisons.append(Comparison(name, value, None if got is None else float(got), tolerance))
    if problems:
        raise InputError(problems)
    return comparisons


def report(comparisons: Sequence[Comparison]) -> str:
    """Return all comparisons as text, the verdict last."""
    failed = sum(not one.passed for one in comparisons)
    verdict = (
        f"{failed} of {len(comparisons)} figures are off"
        if failed
        else f"all {len(comparisons)} figures agree"
    )
    return "\n".join([*map(str, comparisons), verdict])


def _read(path: Path, table: str) -> dict[str, Any]:
    try:
        if path.stat().st_size > MAXIMUM_BYTES:
            raise InputError(
                Problem(str(path), f"larger than {MAXIMUM_BYTES} bytes", "this is no expected.toml")
            )
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(Problem(str(path), f"cannot be read ({type(error).__name__})")) from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError(Problem(str(path), f"not TOML: {error}", "mend this line")) from None
    figures = content.get(table)
    if not isinstance(figures, dict) or not figures or not set(content) <= {*TABLES, table}:
        what = f"must hold [{table}], and nothing but {' and '.join(f'[{one}]' for one in TABLES)}"
        raise InputError(Problem(str(path), what, f"write for example {EXAMPLE.replace('figures', table)}"))
    return figures


def _mistake(entry: object) -> str:
    """Return what is wrong with one figure, or an empty text."""
    if not isinstance(entry, dict):
        return "is not a table"
    unknown = [key for key in entry if key not in _KEYS]
    if unknown:
        return f"'{unknown[0]}' is not a key here"
    if "value" not in entry or ("rtol" in entry) == ("atol" in entry):
        return "needs 'value' and either 'rtol' or 'atol'"
    for key in ("value", "rtol", "atol"):
        number = entry.get(key, 0.0)
        if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
            return f"'{key}' is not a finite number"
        if key != "value" and number < 0.0:
            return f"'{key}' is negative"
    return ""
