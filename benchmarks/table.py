"""Puts the JSON lines of a run into the table of docs/performance.md.  usage: LINES PAGE"""

import json
import sys
from pathlib import Path

BEGIN, END = "<!-- figures: begin -->\n", "<!-- figures: end -->\n"


def table(lines: list[str]) -> str:
    """Return a Markdown table, one figure a row."""
    rows = ["| figure | project | peer | ratio | unit | goal | repeats |", "|---|---|---|---|---|---|---|"]
    for text in lines:
        one = json.loads(text)
        cells = [one["figure"], *(_short(one.get(key)) for key in ("project", "peer", "ratio"))]
        rows.append(f"| {' | '.join([*cells, one['unit'], _short(one.get('goal')), str(one['repeats'])])} |")
    return "\n".join(rows) + "\n"


def _short(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


def replaced(page: str, lines: list[str]) -> str:
    """Return the page with the figures between its marks replaced; ValueError where it has no marks."""
    before, _, rest = page.partition(BEGIN)
    _, mark, after = rest.partition(END)
    if not mark:
        raise ValueError("the page has no place for figures")
    return before + BEGIN + table(lines) + END + after


if __name__ == "__main__":
    document = Path(sys.argv[2])
    figures = [
        text for text in Path(sys.argv[1]).read_text(encoding="utf-8").splitlines() if text.startswith("{")
    ]
    document.write_text(replaced(document.read_text(encoding="utf-8"), figures), encoding="utf-8")
