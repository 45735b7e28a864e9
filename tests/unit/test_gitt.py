"""Titration pulses: found in tables, evaluated, refused where there are none; repetitions in a protocol."""

from pathlib import Path

import numpy as np
import pytest
from small import chemomech

from chemomech.analysis.gitt import pulses, ratio
from chemomech.errors import InputError
from chemomech.gitt import evaluate
from chemomech.protocol import expanded, parse_protocol
from chemomech.results.voltammetry import sweep_steps

D, SIZE, TAU, REST = 1e-2, 5.0, 120.0, 2e4  # um2/s, um, s, s


def titration(shape: str, count: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return time, voltage and current of pulses with the exact profile, 20 mV of resistance and 1 mV steps."""
    time, voltage, current, level, begin = [0.0], [3.5], [0.0], 3.5, 0.0
    for _ in range(count):
        for t in np.linspace(0.0, 1.0, 200)[1:] ** 2 * TAU:
            share = t / TAU
            time.append(begin + t)
            voltage.append(level + 0.02 + 1e-3 * share * ratio(D * t / SIZE**2, shape))
            current.append(2.0)
        level += 1e-3
        for t in np.linspace(0.0, REST, 50)[1:]:
            time.append(begin + TAU + t)
            voltage.append(level)
            current.append(0.0)
        begin += TAU + REST
    return np.array(time), np.array(voltage), np.array(current)


@pytest.mark.parametrize("shape", ["plane", "sphere"])
def test_pulses_give_the_diffusivity_they_were_made_with(shape: str) -> None:
    found = pulses(*titration(shape))
    assert len(found) == 3
    for one in found:
        assert one.duration == pytest.approx(TAU) and one.steady == pytest.approx(1e-3)
        assert one.jump == pytest.approx(0.02, abs=1e-4)
        length = SIZE if shape == "plane" else SIZE / 3
        assert one.diffusivity(length, shape) == pytest.approx(D, rel=0.02)
        short = one.weppner_huggins(length)
        if shape == "plane":
            assert short == pytest.approx(D, rel=0.02)
        else:  # a flat surface is assumed: too low, by as much as the profiles differ
            assert short < 0.75 * D


def test_ratios_begin_as_the_short_time_formula_and_end_flat() -> None:
    for shape, factor in (("plane", 1.0), ("sphere", 3.0)):
        assert ratio(1e-6, shape) == pytest.approx(2 / np.sqrt(np.pi * 1e-6) / factor, rel=2e-3)
        assert ratio(0.99999e-4, shape) == pytest.approx(ratio(1.00001e-4, shape), rel=1e-3)
        assert 1.0 < ratio(50.0, shape) < 1.01
    assert ratio(2.0, "plane") == pytest.approx(1 + 1 / 6, rel=1e-6)
    assert ratio(2.0, "sphere") == pytest.approx(1 + 1 / 30, rel=1e-6)


def table(path: Path, heading: str, scale: float, mark: str = ",") -> Path:
    rows = zip(*titration("sphere"), strict=True)
    lines = [heading, *(mark.join(f"{x:.9g}" for x in (t * scale, v, i)) for t, v, i in rows)]
    path.write_text("\n".join(lines))
    return path


@pytest.mark.parametrize(
    ("heading", "scale", "mark"),
    [
        ("Time [s],Voltage [V],Current [A]", 1.0, ","),
        ("time/h\tEwe/V\tI/mA", 1 / 3600, "\t"),
        ("Test time (min);Potential;Current (mA)", 1 / 60, ";"),
    ],
)
def test_a_measured_table_is_evaluated(tmp_path: Path, heading: str, scale: float, mark: str) -> None:
    said = evaluate(table(tmp_path / "m.csv", heading, scale, mark), tmp_path / "out", "sphere", SIZE, None)
    assert "3 pulses, V/S = 1.667 um" in said and "exact profile of a sphere" in said
    lines = (tmp_path / "out" / "gitt.csv").read_text().splitlines()
    columns = lines[0].split(",")
    found = [dict(zip(columns, line.split(","), strict=True)) for line in lines[1:]]
    assert len(found) == 3
    for row in found:
        assert float(row["Diffusivity by the exact profile [m2.s-1]"]) == pytest.approx(D * 1e-12, rel=0.02)
    assert (tmp_path / "out" / "gitt.png").stat().st_size > 5000


def test_what_cannot_be_evaluated_is_refused(tmp_path: Path) -> None:
    good = table(tmp_path / "m.csv", "Time [s],Voltage [V],Current [A]", 1.0)
    with pytest.raises(InputError, match="the size of the particles is not known"):
        evaluate(good, tmp_path, "sphere", None, None)
    with pytest.raises(InputError, match="whose size is not said"):
        evaluate(good, tmp_path, None, 1.0, None)
    odd = tmp_path / "odd.csv"
    odd.write_text("Time [s],Voltage [V]\n1,2\n")
    with pytest.raises(InputError, match="has no column of current"):
        evaluate(odd, tmp_path, "plane", 1.0, None)
    odd.write_text("Time [s],Voltage [V],Current [A]\n1,2,x\n")
    with pytest.raises(InputError, match="is not a row of numbers"):
        evaluate(odd, tmp_path, "plane", 1.0, None)
    odd.write_text("Time [s],Voltage [V],Current [A]\n0,3,1\n1,3.1,1\n")
    with pytest.raises(InputError, match="has no pulse of current between two rests"):
        evaluate(odd, tmp_path, "plane", 1.0, None)
    refused = chemomech("gitt", good, "--shape", "plane", "--size", "5 s")
    assert refused.returncode == 2 and "--size" in refused.stderr


def test_a_repetition_is_its_steps_written_out() -> None:
    steps = [
        "Charge at C/5 for 1 minute",
        "Repeat 3 times: Discharge at C/10 for 10 minutes; Rest for 1 hour.",
    ]
    schedule = parse_protocol(steps, 2)
    assert len(schedule) == 14 and [one.index for one in schedule[:7]] == [1, 2, 3, 4, 5, 6, 7]
    assert [one.step.mode for one in schedule[:4]] == ["current", "current", "rest", "current"]
    assert expanded(steps)[1:3] == ((1, "Discharge at C/10 for 10 minutes"), (1, "Rest for 1 hour"))
    assert sweep_steps(
        {"protocol": {"steps": ["Repeat 2 times: Rest for 1 s; Sweep from 1 V to 2 V at 1 V/s"]}}
    ) == (2, 4)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Repeat 0 times: Rest for 1 s", "not a repetition"),
        ("Repeat 3 times:", "not a repetition"),
        ("Repeat three times: Rest for 1 s", "not a repetition"),
        ("Repeat 99999999 times: Rest for 1 s", "not a repetition"),
        ("Repeat 2 times: Rest for 1 s; Rust for 1 s", "'Rust for 1 s': 'Rust' is not a kind of step"),
    ],
)
def test_a_repetition_that_cannot_be_read_is_refused(text: str, expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        parse_protocol([text], 1)
