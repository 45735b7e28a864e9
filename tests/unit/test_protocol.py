"""Sentences of the protocol and of the pressure programme: what they mean, what is said of wrong ones."""

import pytest

from chemomech.errors import InputError
from chemomech.protocol import (
    MAXIMUM_STEPS,
    FrequencyRange,
    Step,
    Stop,
    parse_pressure,
    parse_protocol,
)


def one(text: str) -> Step:
    """Return the only step of a protocol."""
    return parse_protocol([text], 1)[0].step


@pytest.mark.parametrize(
    ("text", "mode", "value", "unit", "duration", "stops"),
    [
        ("Charge at C/5 until 4.2 V", "current", 0.2, "C", None, (Stop("voltage", 4.2, "V"),)),
        ("charge at 1C until 4200 mV", "current", 1.0, "C", None, (Stop("voltage", 4.2, "V"),)),
        ("CHARGE AT C UNTIL 4.2V", "current", 1.0, "C", None, (Stop("voltage", 4.2, "V"),)),
        ("Charge at 0.1 C for 60 s.", "current", 0.1, "C", 60.0, ()),
        ("Charge at 2C/3 for 1 h", "current", 2 / 3, "C", 3600.0, ()),
        (
            "Discharge at 1C for 30 minutes or until 2.8 V",
            "current",
            -1.0,
            "C",
            1800.0,
            (Stop("voltage", 2.8, "V"),),
        ),
        (
            "Discharge at 1C until 2.8 V or for 30 min",
            "current",
            -1.0,
            "C",
            1800.0,
            (Stop("voltage", 2.8, "V"),),
        ),
        (
            "Discharge at 1C for 0.5 hours, until 2.8 V",
            "current",
            -1.0,
            "C",
            1800.0,
            (Stop("voltage", 2.8, "V"),),
        ),
        (
            "Discharge at 1C for 0.5 hours until 2.8 V",
            "current",
            -1.0,
            "C",
            1800.0,
            (Stop("voltage", 2.8, "V"),),
        ),
        ("Charge at 2 mA/cm2 until 4.2V", "current", 2.0, "mA/cm2", None, (Stop("voltage", 4.2, "V"),)),
        ("Charge at 2 mA/cm^2 until 4.2V", "current", 2.0, "mA/cm2", None, (Stop("voltage", 4.2, "V"),)),
        ("Charge at 2 mA cm-2 until 4.2V", "current", 2.0, "mA/cm2", None, (Stop("voltage", 4.2, "V"),)),
        ("Charge at 20 A/m2 until 4.2V", "current", 2.0, "mA/cm2", None, (Stop("voltage", 4.2, "V"),)),
        ("Charge at 1e-6 A for 10 s", "current", 1e-6, "A", 10.0, ()),
        ("Discharge at 3 mA for 10 seconds", "current", -3e-3, "A", 10.0, ()),
        ("Hold at 4.2 V until C/50", "voltage", 4.2, "V", None, (Stop("current", 0.02, "C"),)),
        ("Hold at 4.2 V until 50 uA", "voltage", 4.2, "V", None, (Stop("current", 5e-5, "A"),)),
        (
            "Hold at 4.2 V for 1 hour or until 0.1 mA/cm2",
            "voltage",
            4.2,
            "V",
            3600.0,
            (Stop("current", 0.1, "mA/cm2"),),
        ),
        ("Hold at 4.2 V for 2 days", "voltage", 4.2, "V", 172800.0, ()),
        ("Rest for 30 minutes", "rest", 0.0, "", 1800.0, ()),
    ],
)
def test_sentences(
    text: str, mode: str, value: float, unit: str, duration: float | None, stops: tuple[Stop, ...]
) -> None:
    step = one(text)
    assert (step.text, step.mode, step.unit, step.duration) == (text, mode, unit, duration)
    assert step.value == pytest.approx(value)
    assert [(stop.quantity, stop.unit) for stop in step.stops] == [
        (stop.quantity, stop.unit) for stop in stops
    ]
    assert [stop.value for stop in step.stops] == pytest.approx([stop.value for stop in stops])


@pytest.mark.parametrize(
    ("text", "what", "remedy"),
    [
        ("", "not a step", "Charge at C/5"),
        ("Charge", "what is applied is missing", "Charge at C/5"),
        ("Charge at C/5", "never ends", "until 4.2 V"),
        ("Charge at 5 until 4.2 V", "'5' has no unit", "5 mA/cm2"),
        ("Charge at 5 W until 4.2 V", "'W' is not a unit", "mA/cm2"),
        ("Charge at C/0 until 4.2 V", "divides by zero", "C/5"),
        ("Charge at -1C until 4.2 V", "not above zero", "direction"),
        ("Charge at 0 A until 4.2 V", "not above zero", "direction"),
        ("Charge at 1e999 A until 4.2 V", "too large", ""),
        ("Charge at 4.2 V until C/50", "is a voltage", "Hold"),
        ("Charge at C/5 until C/50", "cannot end its own step", "voltage or a time"),
        ("Charge at C/5 until 10 min", "is a time", "for 10 min"),
        ("Charge at C/5 until 4.2 V or until 4.3 V", "two limits", "one"),
        ("Charge at C/5 for 1 h or for 2 h", "two durations", "one"),
        ("Charge at C/5 for 0 h", "not above zero", "30 minutes"),
        ("Charge at C/5 for -1 h", "not above zero", "30 minutes"),
        ("Charge at C/5 for 5 parsecs", "not a time", "30 minutes"),
        ("Charge at C/5 until", "nothing follows", ""),
        ("Charge at fast until 4.2 V", "not a number with a unit", "C/5"),
        ("Hold at C/5 until 4.2 V", "is a current", "Charge"),
        ("Hold at 4.2 V until 4.3 V", "cannot end its own step", "current"),
        ("Hold at 4.2 V", "never ends", "C/50"),
        ("Hold at 4.2 V until 0 A", "not above zero", "size"),
        ("Hold at 4.2 V until -1 mA", "not above zero", "size"),
        ("Rest", "how long", "30 minutes"),
        ("Rest at 4.2 V for 1 h", "only a duration", "30 minutes"),
        ("Rest until 4.2 V", "only a duration", "30 minutes"),
        ("Sleep for 1 h", "'Sleep' is not a kind of step", "Charge"),
        ("Charge at C/5 quickly until 4.2 V", "not a number with a unit", ""),
        ("__import__('os')", "not a step", ""),
    ],
)
def test_wrong_sentences(text: str, what: str, remedy: str) -> None:
    with pytest.raises(InputError) as caught:
        one(text)
    (problem,) = caught.value.problems
    assert problem.place == "[protocol] steps, step 1"
    assert problem.what.startswith(f"'{text}'") and what in problem.what
    assert remedy in problem.remedy


def test_schedule_counts_cycles_and_steps_from_one() -> None:
    schedule = parse_protocol(["Charge at 1C for 1 s", "Rest for 2 s"], 2)
    assert [(entry.cycle, entry.index, entry.step.mode) for entry in schedule] == [
        (1, 1, "current"),
        (1, 2, "rest"),
        (2, 1, "current"),
        (2, 2, "rest"),
    ]


def test_all_wrong_sentences_at_once() -> None:
    with pytest.raises(InputError) as caught:
        parse_protocol(["Rest", "Rest for 1 s", "Jump"], 1, "here")
    assert [problem.place for problem in caught.value.problems] == ["here, step 1", "here, step 3"]


@pytest.mark.parametrize(
    ("steps", "cycles"), [([], 1), (["Rest for 1 s"], 0), (["Rest for 1 s"], MAXIMUM_STEPS + 1)]
)
def test_schedules_that_cannot_be(steps: list[str], cycles: int) -> None:
    with pytest.raises(InputError):
        parse_protocol(steps, cycles)


def test_pressure_programme() -> None:
    program = parse_pressure(["5 MPa", "hold for 10 s", "Ramp to 10 MPa in 1 min", "hold"])
    assert [program.at(time) for time in (-1.0, 0.0, 10.0, 40.0, 70.0, 1e9)] == pytest.approx(
        [0.005, 0.005, 0.005, 0.0075, 0.01, 0.01]
    )
    assert program.breakpoints == (10.0, 70.0)


def test_pressure_starts_from_zero_unless_said() -> None:
    program = parse_pressure(["ramp to 10 MPa in 60 s"])
    assert [program.at(0.0), program.at(30.0), program.at(61.0)] == pytest.approx([0.0, 0.005, 0.01])
    assert parse_pressure(["10 MPa"]).breakpoints == ()


@pytest.mark.parametrize(
    ("program", "what"),
    [
        ([], "there is no entry"),
        (["10"], "no unit"),
        (["-10 MPa"], "not a pressure of zero or more"),
        (["10 K"], "a pressure is needed"),
        (["ramp to 10 MPa"], "not an entry"),
        (["ramp to 10 MPa in 0 s"], "not above zero"),
        (["5 MPa", "10 MPa"], "jumps"),
        (["hold", "ramp to 10 MPa in 1 s"], "comes after a hold without end"),
        (["press hard"], "not an entry"),
    ],
)
def test_wrong_pressure_programmes(program: list[str], what: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_pressure(program)
    assert what in str(caught.value)


def test_a_sweep_says_its_ends_and_its_speed() -> None:
    step = one("Sweep from 2.5 V to 4.3 V at 0.1 mV/s")
    assert (step.mode, step.value, step.target, step.unit, step.stops) == ("sweep", 2.5, 4.3, "V", ())
    assert step.duration == pytest.approx(18000.0)
    assert step.voltage_at(9000.0) == pytest.approx(3.4) and step.voltage_at(1e9) == 4.3
    back = one("sweep from 4.3 V to 2500 mV at 6 mV per min")
    assert back.duration == pytest.approx(18000.0) and back.voltage_at(0.0) == 4.3


def test_an_impedance_says_its_frequencies() -> None:
    step = one("Impedance from 1 MHz to 1 mHz, 10 points per decade")
    assert (step.mode, step.duration, step.stops) == ("impedance", 0.0, ())
    assert step.frequencies == FrequencyRange(1e6, 1e-3, 10.0)
    assert one("impedance from 5 Hz to 2 kHz with 3.9 points a decade").frequencies == FrequencyRange(
        2000.0, 5.0, 3.9
    )
    assert one("Impedance from 1 kHz to 1 Hz").frequencies == FrequencyRange(1000.0, 1.0, 10.0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Sweep to 4 V", "a sweep needs its two voltages and its speed"),
        ("Sweep from 1C to 4 V at 1 mV/s", "'1C' is a current"),
        ("Sweep from 3 V to 4 V at 1 mA/s", "'1 mA/s' is not a speed of a voltage"),
        ("Sweep from 3 V to 4 V at -1 mV/s", "is not above zero"),
        ("Sweep from 3 V to 3 V at 1 mV/s", "ends where it begins"),
        ("Impedance", "an impedance needs two frequencies"),
        ("Impedance from 1 kHz to 1 s", "'1 s' is not a frequency"),
        ("Impedance from 1 kHz to 0 Hz", "'0 Hz' is not above zero"),
        ("Impedance from 1 kHz to 1 kHz", "the two frequencies are the same"),
        ("Impedance from 1 kHz to 1 Hz, 0.1 points per decade", "0.1 points per decade"),
    ],
)
def test_wrong_sweeps_and_spectra(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        one(text)
