"""The loop: cut-offs are met, durations kept, controls jump, failures are cut back or said in words."""

from typing import Any

import numpy as np
import pytest
import small

from chemomech.constants import FARADAY, GAS
from chemomech.errors import RunError
from chemomech.protocol import parse_protocol
from chemomech.simulate import EVENT_TOLERANCE, Moment, nominal_capacity
from chemomech.solver.newton import Attempt

WEAK = 1e-6
"""exchange current density [nA/um^2]"""


class Film:
    """One model for many protocols: reset, given another protocol, and run while it is watched."""

    def __init__(self, folder: Any, **sections: Any) -> None:
        self.folder, self.sections = folder, sections
        self.model = small.model(small.case(folder, **sections))
        self.initial = self.model.state.copy()

    def simulation(self, steps: list[str], **sections: Any) -> tuple[Any, list[Moment]]:
        changed = {**self.sections, **sections, "protocol": {"steps": steps}}
        self.model.case = small.case(self.folder, **changed)
        self.model.state.restore(self.initial)
        seen: list[Moment] = []
        return small.simulation(self.model.case, seen.append, model=self.model), seen

    def run(self, steps: list[str], **sections: Any) -> tuple[Any, list[Moment]]:
        made, seen = self.simulation(steps, **sections)
        made.run()
        return made, seen


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Film:
    return Film(tmp_path_factory.mktemp("film"))


def of_step(seen: list[Moment], index: int) -> list[Moment]:
    return [m for m in seen if m.scheduled is not None and m.scheduled.index == index]


def test_rest_at_the_start_is_an_equilibrium(film: Film) -> None:
    made, seen = film.simulation(["Rest for 1 minute"])
    start = made.start
    theta = 0.85
    lithium = 49137e-6 * theta * 2.0 * 2.0
    assert start.lithium == pytest.approx(lithium, rel=1e-9)
    assert abs(start.current) < 1e-9 * made.current_scale
    assert abs(start.current + start.counter_current) < 1e-9 * made.current_scale
    assert start.pressure == pytest.approx(0.010)
    assert start.voltage == pytest.approx(film.model.open_circuit_voltage, abs=5e-3)
    made.run()
    assert seen[-1].reading.voltage == pytest.approx(start.voltage, abs=1e-7)
    assert seen[-1].time == pytest.approx(60.0, rel=1e-12)


def test_charge_hold_rest_discharge_end_where_they_should(film: Film) -> None:
    steps = [
        "Charge at 2C until 4.0 V",
        "Hold at 4.0 V until C/10",
        "Rest for 10 minutes",
        "Discharge at 1C until 3.7 V",
    ]
    made, seen = film.run(steps)
    charge, hold, rest, discharge = (of_step(seen, k) for k in (1, 2, 3, 4))
    unit = made.current_scale
    assert abs(charge[-1].reading.voltage - 4.0) <= EVENT_TOLERANCE
    assert all(m.reading.voltage < 4.0 for m in charge[:-1])
    assert all(m.reading.current == pytest.approx(2 * unit, rel=1e-8) for m in charge)
    assert all(m.reading.voltage == pytest.approx(4.0, abs=1e-9) for m in hold)
    assert hold[0].reading.current == pytest.approx(charge[-1].reading.current, rel=1e-3)
    assert abs(abs(hold[-1].reading.current) / unit - 0.1) <= EVENT_TOLERANCE
    assert all(abs(m.reading.current) / unit > 0.1 for m in hold[:-1])
    assert all(abs(m.reading.current) < 1e-8 * unit for m in rest)
    assert rest[-1].time - hold[-1].time == pytest.approx(600.0, rel=1e-12)
    assert abs(discharge[-1].reading.voltage - 3.7) <= EVENT_TOLERANCE
    assert all(m.reading.current == pytest.approx(-unit, rel=1e-8) for m in discharge)
    assert [m.last for m in seen].count(True) == 4 and all(
        part[-1].last for part in (charge, hold, rest, discharge)
    )
    assert made.position.index == 4
    times = np.array([m.time for m in seen])
    assert np.all(np.diff(times) > 0) and np.allclose(np.diff(times), [m.dt for m in seen[1:]], rtol=1e-6)


def test_no_lithium_and_no_charge_is_lost(film: Film) -> None:
    made, seen = film.run(
        ["Charge at 2C until 4.0 V", "Hold at 4.0 V until C/10", "Discharge at 1C for 5 minutes"]
    )
    for moment in seen:
        gone = made.start.lithium - moment.reading.lithium
        assert gone == pytest.approx(moment.charge / FARADAY, abs=1e-9 * made.start.lithium)
        assert abs(moment.reading.current + moment.reading.counter_current) < 1e-7 * made.current_scale


def test_a_cut_off_already_passed_ends_the_step_at_once(film: Film) -> None:
    # passed at rest; then passed only by the jump of the overpotential
    made, seen = film.run(["Charge at C/2 until 3.55 V", "Charge at 20C until 3.7 V", "Rest for 10 s"])
    assert made.position.index == 3
    assert len(of_step(seen, 1)) == 1 and of_step(seen, 1)[0].last
    assert len(of_step(seen, 2)) == 1 and of_step(seen, 2)[0].reading.voltage > 3.7
    assert seen[-1].time == pytest.approx(10.0, abs=1e-5)


def test_durations_are_exact_and_no_sliver_is_left(film: Film) -> None:
    _, seen = film.run(["Charge at C/2 for 100 s", "Rest for 30 s", "Charge at 1C for 10 s or until 4.1 V"])
    ends = [m.time for m in seen if m.last]
    assert ends == pytest.approx([100.0, 130.0, 140.0], rel=1e-13)
    for k in (1, 2, 3):
        assert min(m.dt for m in of_step(seen, k)[1:]) > 0.1


def test_the_kinks_of_a_pressure_programme_are_steps(film: Film) -> None:
    program = ["ramp to 10 MPa in 60 s", "hold for 30 s", "ramp to 2 MPa in 61.5 s", "hold"]
    _, seen = film.run(["Charge at C/2 for 400 s"], pressure={"program": program})
    times = np.array([m.time for m in seen])
    for kink in (60.0, 90.0, 151.5):
        assert np.min(np.abs(times - kink)) < 1e-9
    expected = np.interp(times, [0, 60, 90, 151.5], [0, 0.010, 0.010, 0.002])
    np.testing.assert_allclose([m.reading.pressure for m in seen], expected, atol=1e-9)
    assert times[-1] == pytest.approx(400.0, rel=1e-13)
    assert max(np.diff(times)) > 30.0  # the steps grow again afterwards


def test_step_sizes_follow_the_tolerance_and_the_limits(film: Film) -> None:
    steps = ["Charge at 1C for 20 minutes"]
    voltage, count = {}, {}
    for tolerance in (1e-2, 1e-3, 1e-4, 1e-6):
        _, seen = film.run(steps, numerics={"time_tolerance": tolerance})
        dt = np.array([m.dt for m in seen[2:]])
        assert dt[0] <= 1.0
        assert np.all(dt[1:] <= 2.0 * dt[:-1] * (1 + 1e-9))
        voltage[tolerance], count[tolerance] = seen[-1].reading.voltage, len(seen)
    assert count[1e-2] < count[1e-3] < count[1e-4] < count[1e-6]
    error = {t: abs(v - voltage[1e-6]) for t, v in voltage.items()}
    assert error[1e-4] < error[1e-2] and error[1e-4] < 2e-5
    _, seen = film.run(steps, numerics={"maximum_step": "25 s", "initial_step": "0.5 s"})
    assert max(m.dt for m in seen) == pytest.approx(25.0)
    assert seen[2].dt <= 0.5


def test_weak_kinetics_take_the_jump_in_parts(tmp_path: Any) -> None:
    weak = {"particle|electrolyte": {"charge_transfer": {"exchange_current": f"{WEAK * 1e3} A/m^2"}}}
    film = Film(tmp_path, interfaces=weak)
    made, seen = film.run(["Charge at 5C for 1 s"])
    first = of_step(seen, 1)[0]
    assert made.counts.rejected > 0, "the whole jump at once succeeded: the test shows nothing"
    # all drops in series: electrolyte, electrode, contact, and the two reactions
    density = first.reading.current / film.model.cell_area
    thermal = 2 * GAS * 298.15 / FARADAY
    expected = made.start.voltage + density * (4.0 / 154.0 + 2.0 / 180.0 + 1e-2)
    expected += thermal * (np.arcsinh(density / (2 * WEAK)) + np.arcsinh(density / (2 * 1e-2)))
    assert first.reading.voltage == pytest.approx(expected, abs=1e-4)
    assert first.reading.voltage - made.start.voltage > 0.5
    assert first.time == pytest.approx(1e-6)


@pytest.mark.parametrize(
    ("step", "state"), [("Charge at 20C for 1 hour", "empty"), ("Discharge at 20C for 1 hour", "full")]
)
def test_where_it_cannot_go_on_a_run_says_why(film: Film, step: str, state: str) -> None:
    made, seen = film.simulation([step])
    with pytest.raises(RunError) as caught:
        made.run()
    said = str(caught.value)
    assert f"the surface of 'particle' is {state} of lithium" in said
    assert step in said and "smallest time step" in said and "Stoichiometry: particle" in said
    assert "choose a lower rate" in said
    # the state is the last accepted one
    assert made.meter.read().voltage == pytest.approx(seen[-1].reading.voltage, abs=1e-12)
    assert made.position.time == seen[-1].time


def failing(made: Any, calls: set[int], monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Let some solves of a simulation fail, after spoiling the state as a diverged iteration does."""
    solve, count = made.solver.solve, [0]

    def broken() -> Attempt:
        count[0] += 1
        if count[0] in calls:
            for function in made.model.state.functions:
                function.x.array[:] = np.nan
            return Attempt(False, "broken on purpose", 7, 9)
        return solve()

    monkeypatch.setattr(made.solver, "solve", broken)
    return count


def test_a_failed_newton_is_cut_back_and_counted(film: Film, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = ["Charge at 1C for 2 minutes"]
    undisturbed, expected = film.run(steps)
    made, seen = film.simulation(steps)
    failing(made, {5, 6}, monkeypatch)  # the extrapolated start and the humble one
    before = made.counts.newton
    made.run()
    assert made.counts.rejected == undisturbed.counts.rejected + 1
    assert made.counts.newton >= before + 14
    dt = [m.dt for m in seen]
    cut = next(k for k, m in enumerate(seen) if m.dt != pytest.approx(expected[k].dt, rel=1e-6))
    assert dt[cut] == pytest.approx(0.25 * expected[cut].dt, rel=1e-6)
    assert seen[-1].reading.voltage == pytest.approx(expected[-1].reading.voltage, abs=2e-4)
    assert seen[-1].reading.lithium == pytest.approx(expected[-1].reading.lithium, rel=1e-9)


def test_a_second_start_saves_the_step(film: Film, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = ["Charge at 1C for 2 minutes"]
    undisturbed, expected = film.run(steps)
    made, seen = film.simulation(steps)
    failing(made, {5}, monkeypatch)
    made.run()
    assert made.counts.rejected == undisturbed.counts.rejected
    assert [m.dt for m in seen] == pytest.approx([m.dt for m in expected], rel=1e-6)


def test_a_newton_that_never_converges_is_said(film: Film, monkeypatch: pytest.MonkeyPatch) -> None:
    made, _ = film.simulation(["Charge at 1C for 2 minutes"])
    count = failing(made, set(range(8, 1000)), monkeypatch)
    with pytest.raises(RunError, match=r"broken on purpose even with the smallest time step \(1e-06 s\)"):
        made.run()
    assert count[0] < 60
    assert np.all(np.isfinite(film.model.state.functions[0].x.array))


def test_no_equilibrium_is_an_error_in_words(film: Film, monkeypatch: pytest.MonkeyPatch) -> None:
    made, _ = film.simulation(["Rest for 1 minute"])
    failing(made, {1}, monkeypatch)
    with pytest.raises(RunError, match="no equilibrium was found at the start: broken on purpose"):
        made.equilibrate()


def test_a_cut_off_that_no_step_size_meets_is_said(film: Film, monkeypatch: pytest.MonkeyPatch) -> None:
    made, _ = film.simulation(["Charge at 1C until 3.7 V"])
    monkeypatch.setattr("chemomech.simulate.EVENT_TOLERANCE", -1.0)
    with pytest.raises(RunError, match="its cut-off was passed near .* but could not be met"):
        made.run()


def test_currents_of_a_protocol_in_hand_values(film: Film) -> None:
    made, _ = film.simulation(["Rest for 1 minute"])
    area, depth = 2.0, 10.0  # um of width, um
    assert made.current(0.5, "C") == pytest.approx(0.5 * made.capacity / 3600)
    assert made.current(2.0, "mA/cm2") == pytest.approx(2.0 * 1e-2 * area)  # 1 mA/cm2 = 1e-2 nA/um2
    assert made.current(-3e-9, "A") == pytest.approx(-3.0 / depth)  # nA per um of depth
    # the whole range of the material, 2 um x 2 um of it
    full = FARADAY * 49137e-6 * 4.0 * (0.998 - 0.15)
    assert made.capacity == pytest.approx(full, rel=1e-9)


def test_the_nominal_capacity_lies_between_the_voltages_of_the_protocol(film: Film) -> None:
    def capacity(*steps: str) -> float:
        return nominal_capacity(film.model, parse_protocol(steps, 1))

    film.simulation(["Rest for 1 minute"])
    material = film.model.materials["particle"]
    low, high = (material.equilibrium_stoichiometry(v, 298.15) for v in (3.6, 4.2))
    unit = FARADAY * 49137e-6 * 4.0
    assert capacity("Charge at 1C until 4.2 V", "Discharge at 1C until 3.6 V") == pytest.approx(
        unit * (low - high)
    )
    assert capacity("Hold at 4.2 V for 1 hour", "Discharge at 1C until 3.6 V") == pytest.approx(
        unit * (low - high)
    )
    # one voltage: up to it, or down to it, from the end of the range
    assert capacity("Charge at 1C until 4.2 V") == pytest.approx(unit * (0.998 - high))
    assert capacity("Discharge at 1C until 3.6 V") == pytest.approx(unit * (low - 0.15))
    given = film.model.case.cell.model_copy(update={"nominal_capacity": 7.0})
    film.model.case = film.model.case.model_copy(update={"cell": given})
    assert capacity("Charge at 1C until 4.2 V") == pytest.approx(0.7)  # per um of a depth of 10 um


def test_every_kind_of_unknown_at_once(tmp_path: Any) -> None:
    steps = ["Charge at 1C until 3.8 V", "Hold at 3.8 V for 5 minutes", "Discharge at 1C until 3.7 V"]
    chosen = small.case(tmp_path, small.SPHERE, small.SPHERE_MESH, protocol={"steps": steps})
    seen: list[Moment] = []
    made = small.simulation(chosen, seen.append)
    made.run()
    start = made.start
    layers = [m.reading.layer_charge for m in seen]
    assert max(layers) - min(layers) > 1e-3, "the double layer must take part"
    for moment in seen:
        faradaic = moment.charge - (moment.reading.layer_charge - start.layer_charge)
        gone = start.lithium - moment.reading.lithium
        assert gone == pytest.approx(faradaic / FARADAY, abs=1e-10 * start.lithium)
        assert abs(moment.reading.current + moment.reading.counter_current) < 1e-7 * made.current_scale
        # the fixture: P = P_0 + k mean(u . n), 20 GPa/mm = 0.02 GPa/um
        opening = moment.reading.scalars["platen displacement"] / (np.pi * 25)
        assert moment.reading.pressure == pytest.approx(0.005 + 0.02 * opening, abs=1e-12)
    pressures = [m.reading.pressure for m in seen]
    assert max(pressures) - min(pressures) > 1e-4
    ends = [m.reading.voltage for m in seen if m.last]
    assert ends == pytest.approx([3.8, 3.8, 3.7], abs=1e-6)
