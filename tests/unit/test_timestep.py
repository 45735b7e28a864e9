"""The time scheme on a scalar equation, whose every step is solved by hand: y' = -y + g(t)."""

import chemomech.runtime  # noqa: F401

import numpy as np
import pytest
from mpi4py import MPI

from chemomech.fields import CELL_VOLTAGE, CONCENTRATION, State
from chemomech.solver.timestep import Bdf2
from chemomech.verification import meshes


def exact(t):
    return np.cos(2 * t) + 0.5 * t


def forcing(t):
    return -2 * np.sin(2 * t) + 0.5 + exact(t)


class Equation:
    """One field with one value everywhere, in the hands of the scheme."""

    def __init__(self, tolerance=1e-3):
        domain = meshes.layers("plane strain", {"a": 1.0}, (1,), across=1)
        self.state = State(
            domain, {CONCENTRATION: domain.support(["a"]), CELL_VOLTAGE: domain.support(["a"])}
        )
        self.state.rate(CONCENTRATION)
        self.y, self.voltage = self.state.functions
        self.unknown = self.state.unknowns[CONCENTRATION]
        self.scheme = Bdf2(self.state, MPI.COMM_WORLD, tolerance)
        self.y.x.array[:] = exact(0.0)
        self.time = 0.0
        self.scheme.restart(0.0, np.array([7.0]))

    @property
    def value(self):
        assert np.ptp(self.y.x.array) < 1e-14
        return float(self.y.x.array[0])

    def solve(self, dt):
        """Solve a0 y + history = -y + g at the end of the step."""
        self.scheme.begin(dt)
        a0 = float(self.state.time_factor.value)
        g = forcing(self.time + dt)
        self.y.x.array[:] = (g - self.unknown.history.x.array) / (a0 + 1.0)
        self.voltage.x.array[:] = 3.0
        return g - self.value

    def step(self, dt):
        slope = self.solve(dt)
        integrals = self.scheme.advance(dt, np.array([slope]))
        self.time += dt
        self.scheme.accept(self.time, integrals)


def uneven(count, seed=0):
    """Steps of unlike size that make up one second."""
    steps = np.random.default_rng(seed).uniform(0.5, 1.0, count)
    steps[::3] *= 2
    return steps / steps.sum()


def final_error(count, order):
    equation = Equation()
    fine = 20  # the first step is of first order: kept small, it does not show
    first = uneven(count)[0]
    steps = [*np.full(fine, first / fine), *uneven(count)[1:]] if order == 2 else uneven(count)
    for dt in steps:
        equation.step(dt)
        if order == 1:
            equation.scheme.restart(equation.time, equation.scheme.levels[-1].integrals)
    assert equation.time == pytest.approx(1.0)
    return abs(equation.value - exact(1.0))


@pytest.mark.parametrize("order", [1, 2])
def test_order_of_convergence_with_uneven_steps(order):
    counts = np.array([48, 96, 192, 384])
    errors = [final_error(int(count), order) for count in counts]
    slope = -np.polyfit(np.log(counts), np.log(errors), 1)[0]
    assert slope == pytest.approx(order, abs=0.15), errors


def test_rates_of_polynomials_are_exact():
    # first order differentiates lines exactly, second order parabolas, whatever the steps
    equation = Equation()
    scheme = equation.scheme
    times = [0.0, 0.3, 0.45, 1.2]
    for polynomial, levels in ((np.poly1d([2.0, 1.0]), 1), (np.poly1d([3.0, -1.0, 2.0]), 2)):
        equation.y.x.array[:] = polynomial(times[0])
        scheme.restart(times[0], np.zeros(1))
        for t in times[1:levels]:
            equation.y.x.array[:] = polynomial(t)
            scheme.accept(t, np.zeros(1))
        now = times[levels]
        scheme.begin(now - times[levels - 1])
        rate = float(equation.state.time_factor.value) * polynomial(now) + equation.unknown.history.x.array[0]
        assert rate == pytest.approx(polynomial.deriv()(now), rel=1e-12)


def test_integrals_use_the_same_scheme_and_so_close_exactly():
    equation = Equation()
    for dt in uneven(40):
        equation.step(dt)
        gained = equation.scheme.levels[-1].integrals[0] - 7.0
        assert gained == pytest.approx(equation.value - exact(0.0), abs=1e-13)


def test_the_start_value_is_extrapolated_through_the_levels():
    equation = Equation()
    parabola = np.poly1d([1.0, -2.0, 0.5])
    times = [0.0, 0.2, 0.5]
    equation.y.x.array[:] = parabola(0.0)
    equation.scheme.restart(0.0, np.zeros(1))
    equation.scheme.begin(0.2)
    assert equation.value == pytest.approx(parabola(0.0))
    for t in times[1:]:
        equation.y.x.array[:] = parabola(t)
        equation.scheme.accept(t, np.zeros(1))
    equation.scheme.begin(0.4)
    assert equation.value == pytest.approx(parabola(0.9), abs=1e-14)
    equation.scheme.reject()
    assert equation.value == pytest.approx(parabola(0.5))


def test_the_error_estimate_is_of_the_size_of_the_error():
    tolerance = 1e-3
    equation = Equation(tolerance)
    dt = 0.02
    for _ in range(25):
        equation.step(dt)
    equation.solve(dt)
    estimate = equation.scheme.error(dt) * tolerance * abs(equation.value)
    third = 8 * np.sin(2 * (equation.time + dt))
    local = 2 / 9 * dt**3 * third  # of BDF2 with equal steps
    assert 1.0 < estimate / local < 3.0
    # after a restart: implicit Euler, dt^2/2 y''
    equation.scheme.reject()
    equation.scheme.restart(equation.time, np.zeros(1))
    equation.solve(dt)
    slope = -2 * np.sin(2 * equation.time) + 0.5
    estimate = equation.scheme.error(dt) * tolerance * abs(equation.value)
    assert estimate == pytest.approx(0.5 * dt * abs(slope), rel=0.1)


def test_a_jump_of_a_global_number_counts_only_when_it_can_be_foreseen():
    equation = Equation(1e-3)
    equation.y.x.array[:] = 1.0
    equation.voltage.x.array[:] = 3.0
    equation.scheme.restart(0.0, np.zeros(1))
    equation.voltage.x.array[:] = 3.5
    assert equation.scheme.error(1.0) == 0.0  # first step: the potential jumps with the control
    equation.voltage.x.array[:] = 3.0
    equation.scheme.accept(1.0, np.zeros(1))
    equation.scheme.accept(2.0, np.zeros(1))
    equation.voltage.x.array[:] = 3.006
    assert equation.scheme.error(1.0) == pytest.approx(6.0 / 3.0)  # 6 tolerances, a third of it error


def test_step_factors():
    equation = Equation()
    scheme = equation.scheme
    assert scheme.order == 1
    assert scheme.factor(0.0) == 2.0 and scheme.factor(1e9) == 0.2
    assert scheme.factor(1.0) == pytest.approx(0.9)
    assert scheme.factor(2.0) == pytest.approx(0.9 / 2**0.5)
    equation.step(0.1)
    assert scheme.order == 2 and scheme.factor(2.0) == pytest.approx(0.9 / 2 ** (1 / 3))


def test_three_levels_are_kept_and_belong_to_nobody_else():
    equation = Equation()
    for dt in (0.1, 0.1, 0.1, 0.1):
        equation.step(dt)
    levels = equation.scheme.levels
    assert [level.time for level in levels] == pytest.approx([0.2, 0.3, 0.4])
    kept = levels[-1].values[0].copy()
    equation.y.x.array[:] = -1.0
    np.testing.assert_array_equal(levels[-1].values[0], kept)
    equation.scheme.reject()
    np.testing.assert_array_equal(equation.y.x.array, kept)
    equation.scheme.restart(0.4, np.zeros(1))
    assert len(equation.scheme.levels) == 1 and equation.scheme.order == 1


def test_only_fields_with_a_rate_are_dynamic():
    equation = Equation()
    assert [u.field for u in equation.state.dynamic] == [CONCENTRATION]
