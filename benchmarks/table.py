"""Puts the JSON lines of a run into the tables of docs/performance.md.  usage: LINES PAGE"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

AT_LEAST = ("throughput", "speed_up")
"""words in the names of figures that are better when larger"""
MARKS = {kind: (f"<!-- {kind}: begin -->\n", f"<!-- {kind}: end -->\n") for kind in ("goals", "figures")}

type Figure = dict[str, Any]


def goal(one: Figure) -> tuple[str, bool] | None:
    """Return a figure's goal in words and whether it is met; None where it has none.

    ``goal_ratio`` bounds the ratio of both sides, ``goal`` the project's own value.
    """
    if one.get("goal_ratio") is not None:
        return f"ratio <= {one['goal_ratio']:g}", one["ratio"] <= one["goal_ratio"]
    bound = one.get("goal")
    if bound is None:
        return None
    if any(word in one["figure"] for word in AT_LEAST):
        return f">= {bound:g}", one["project"] >= bound
    return f"<= {bound:g}", one["project"] <= bound


def goals(figures: Sequence[Figure]) -> str:
    """Return a Markdown table of those figures that have a goal: what was measured and whether it is met."""
    rows = ["| figure | measured | unit | goal | met |", "|---|---|---|---|---|"]
    for one in figures:
        found = goal(one)
        if found is not None:
            words, met = found
            of_both = one.get("goal_ratio") is not None
            measured, unit = (one["ratio"], "-") if of_both else (one["project"], one["unit"])
            rows.append(
                f"| {one['figure']} | {_short(measured)} | {unit} | {words} | {'yes' if met else 'no'} |"
            )
    return "\n".join(rows) + "\n"


def table(figures: Sequence[Figure]) -> str:
    """Return a Markdown table of all figures; spread: of the project's side, largest less smallest over median."""
    rows = ["| figure | project | peer | ratio | unit | repeats | spread |", "|---|---|---|---|---|---|---|"]
    for one in figures:
        cells = [one["figure"], *(_short(one.get(key)) for key in ("project", "peer", "ratio"))]
        cells += [one["unit"], str(one["repeats"]), _short(one.get("spread"))]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def _short(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


def read(lines: Sequence[str]) -> list[Figure]:
    """Return the figures of lines; of those with one name the last, in the place of the first."""
    found = [json.loads(text) for text in lines if text.startswith("{")]
    return list({one["figure"]: one for one in found}.values())


def replaced(page: str, lines: Sequence[str]) -> str:
    """Return the page with its tables between their marks replaced; ValueError where it has no marks."""
    figures = read(lines)
    for kind, text in (("goals", goals(figures)), ("figures", table(figures))):
        begin, end = MARKS[kind]
        before, _, rest = page.partition(begin)
        _, mark, after = rest.partition(end)
        if not mark:
            raise ValueError(f"the page has no place for {kind}")
        page = before + begin + text + end + after
    return page


def renew(lines: Path, page: Path) -> None:
    """Renew the tables of a page from a file of figures."""
    text = replaced(page.read_text(encoding="utf-8"), lines.read_text(encoding="utf-8").splitlines())
    page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    renew(Path(sys.argv[1]), Path(sys.argv[2]))
