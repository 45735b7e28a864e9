"""The figures of a run, by hand, from moments that are made up."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from chemomech.protocol import parse_protocol
from chemomech.record import Reading, balance_errors
from chemomech.results import format as names
from chemomech.simulate import Counts, Moment
from chemomech.summary import Tally

STEPS = ("Charge at 1C until 4 V", "Rest for 1 minute", "Discharge at 1C until 3 V")
SCHEDULE = parse_protocol(STEPS, 2)
RISK = names.region_column("Crack risk", "particle")


def reading(voltage: float, pressure: float = 0.01) -> Reading:
    return Reading(voltage, 0.0, 0.0, pressure, 1.0, 0.0, {})


def moment(time: float, place: int | None, voltage: float, charge: float) -> Moment:
    scheduled = None if place is None else SCHEDULE[place]
    return Moment(time, 1.0, scheduled, reading(voltage), charge, -charge, 3, False)


def row(risk: float, lithium: float = 1e-12, charge: float = 1e-10) -> dict[str, float]:
    return {RISK: risk, names.LITHIUM_ERROR: lithium, names.CHARGE_ERROR: charge}


def simulation(capacity: float = 3600.0) -> Any:
    state, case = SimpleNamespace(size=lambda: 42), SimpleNamespace(pressure=None)
    model = SimpleNamespace(cell_area=10.0, state=state, case=case)
    counts = Counts(8, 2, 30, 40)
    return SimpleNamespace(capacity=capacity, model=model, counts=counts, limiting_current=None)


def two_cycles() -> Tally:
    tally = Tally(SCHEDULE)
    story = [
        # time, place in the schedule, voltage, charge passed [nC], risk
        (0.0, None, 3.0, 0.0, 0.1),
        (1.0, 0, 3.4, 0.0, 0.2),
        (2.0, 0, 3.8, 1000.0, 0.9),
        (3.0, 0, 4.0, 3000.0, 0.3),
        (4.0, 1, 3.9, 3000.0, 0.3),
        (5.0, 2, 3.5, 2000.0, 0.2),
        (6.0, 2, 3.0, 300.0, 0.1),
        (7.0, 3, 4.0, 2300.0, 0.4),
        (8.0, 5, 3.0, 500.0, 0.5),
    ]
    for time, place, voltage, charge, risk in story:
        tally.take(moment(time, place, voltage, charge), row(risk, lithium=risk * 1e-9), [RISK])
    return tally


def test_capacities_energies_and_efficiencies() -> None:
    found = two_cycles().summary(simulation(), depth=2.0)
    ah = 2.0 * 1e-9 / 3600  # depth x nC in A h
    assert found["Nominal capacity [A.h]"] == pytest.approx(3600 * ah)
    # 3600 nC over 10 um2 = 360 nC/um2; 1 nC/um2 = 0.1 C/cm2 = 1/36 mAh/cm2
    assert found["Nominal areal capacity [mA.h.cm-2]"] == pytest.approx(10.0)
    assert found["Charge capacity, first cycle [A.h]"] == pytest.approx(3000 * ah)
    assert found["Discharge capacity, first cycle [A.h]"] == pytest.approx(2700 * ah)
    assert found["Charged share of nominal, first cycle [-]"] == pytest.approx(3000 / 3600)
    energy_in = 1000 * 3.6 + 2000 * 3.9
    energy_out = 1000 * 3.7 + 1700 * 3.25
    assert found["Mean charge voltage, first cycle [V]"] == pytest.approx(energy_in / 3000)
    assert found["Mean discharge voltage, first cycle [V]"] == pytest.approx(energy_out / 2700)
    assert found["Coulombic efficiency, first cycle [-]"] == pytest.approx(0.9)
    assert found["Energy efficiency, first cycle [-]"] == pytest.approx(energy_out / energy_in)
    assert found["Charge capacity, last cycle [A.h]"] == pytest.approx(2000 * ah)
    assert found["Discharge capacity, last cycle [A.h]"] == pytest.approx(1800 * ah)


def test_extremes_ends_and_counts() -> None:
    found = two_cycles().summary(simulation(), depth=1.0)
    assert found[RISK] == 0.9
    assert found["Time of largest crack risk in particle [s]"] == 2.0
    assert found["End voltage [V]"] == 3.0 and found["Duration [s]"] == 8.0
    assert found["End stack pressure [MPa]"] == pytest.approx(10.0)
    assert found["Max lithium balance error [-]"] == pytest.approx(0.9e-9)
    assert found["Max charge balance error [-]"] == pytest.approx(1e-10)
    assert found["Unknowns [-]"] == 42 and found["Accepted steps [-]"] == 8
    assert found["Rejected steps [-]"] == 2 and found["Newton iterations [-]"] == 30


def test_what_is_no_number_is_left_out() -> None:
    tally = Tally(SCHEDULE)
    tally.take(moment(0.0, None, 3.0, 0.0), row(float("nan")), [RISK])
    tally.take(moment(1.0, 0, 3.1, 10.0), row(float("inf")), [RISK])
    found = tally.summary(simulation(), depth=1.0)
    assert RISK not in found and "Charge capacity, first cycle [A.h]" in found
    assert "Coulombic efficiency, first cycle [-]" not in found
    assert "Mean discharge voltage, first cycle [V]" not in found
    assert all(isinstance(value, float) for value in found.values())


def test_a_tally_survives_a_checkpoint_at_any_moment() -> None:
    whole = two_cycles()
    copy = Tally(SCHEDULE)
    copy.restore(json.loads(json.dumps(whole.saved())))
    assert copy == whole
    for tally in (whole, copy):
        tally.take(moment(9.0, 5, 2.9, 400.0), row(2.0), [RISK])
    assert copy.summary(simulation(), 1.0) == whole.summary(simulation(), 1.0)


def test_balance_errors_by_hand() -> None:
    # 96.485 nC left with 1 pmol; the double layer kept 5 nC of what passed
    start = Reading(3.6, 0.0, 0.0, 0.0, lithium=10.0, layer_charge=1.0, scalars={})
    faraday = 96.48533212
    now = Reading(3.7, 2.0, -2.0, 0.0, lithium=9.0, layer_charge=6.0, scalars={})
    lithium, charge = balance_errors(start, now, -(faraday + 5.0), 4.0)
    assert lithium < 1e-11 and charge == 0.0
    now = Reading(3.7, 2.0, -1.9, 0.0, lithium=9.1, layer_charge=6.0, scalars={})
    lithium, charge = balance_errors(start, now, -(faraday + 5.0), 4.0)
    assert lithium == pytest.approx(0.01) and charge == pytest.approx(0.025)
