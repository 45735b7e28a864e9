"""The benchmarks' harness, with programs that only pretend: alternation, medians, ratios, disagreement."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.harness import Disagreement, Side, agree, compare, line, measure
from benchmarks.table import BEGIN, END, replaced

PRETEND = """
import json, sys
with open(sys.argv[1], "a") as notes:
    notes.write(sys.argv[2] + " ")
print("something else")
print(json.dumps({"quantities": {"x": float(sys.argv[3])}, "spent": {"march": float(sys.argv[4])}, "versions": {}}))
"""


def pretender(notes: Path, name: str, value: float, march: float) -> Side:
    return Side((sys.executable, "-c", PRETEND, str(notes), name, repr(value), repr(march)))


def test_sides_alternate_and_medians_are_compared(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    found = compare("f", pretender(notes, "a", 1.0, 2.0), pretender(notes, "b", 1.0 + 1e-8, 8.0), 2, 1e-6)
    assert notes.read_text().split() == ["a", "b"] * 3  # once to warm up
    march = next(one for one in found if one["figure"] == "f_march_cpu")
    assert (march["project"], march["peer"], march["ratio"], march["repeats"]) == (2.0, 8.0, 0.25, 2)
    assert {one["unit"] for one in found} == {"s", "MB"} and all(one["project"] > 0 for one in found)


def test_medians_and_spread() -> None:
    one = line("f", [1.0, 2.0, 9.0], "s", {}, [4.0, 4.0, 5.0])
    assert (one["project"], one["peer"], one["ratio"]) == (2.0, 4.0, 0.5)
    assert (one["spread"], one["peer_spread"]) == (4.0, 0.25)


@pytest.mark.parametrize("other", [{"x": 1.1}, {"y": 1.0}, {"x": float("nan")}, {}])
def test_another_problem_is_refused(other: dict[str, float]) -> None:
    with pytest.raises(Disagreement):
        agree({"x": 1.0}, other, 1e-6)


def test_a_side_that_fails_is_no_figure() -> None:
    with pytest.raises(RuntimeError, match="exit code 3"):
        measure(Side((sys.executable, "-c", "raise SystemExit(3)")))


def test_the_table_is_renewed_between_its_marks() -> None:
    page = replaced(f"above\n{BEGIN}old\n{END}below\n", [json.dumps(line("f", [2.0], "s", {}, [4.0]))])
    assert "| f | 2 | 4 | 0.5 | s |  | 1 |" in page and "old" not in page
    assert page.startswith("above\n") and page.endswith("below\n")
    with pytest.raises(ValueError):
        replaced("no marks", [])
