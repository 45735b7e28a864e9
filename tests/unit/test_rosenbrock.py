"""Rosenbrock's method: its coefficients, its order on closed forms, what it conserves, where it is chosen."""

from typing import Any

import chemomech.runtime  # noqa: F401

import numpy as np
import pytest
import small
import ufl
from dolfinx import fem
from mpi4py import MPI
from scipy.special import airy

from chemomech.constants import FARADAY
from chemomech.errors import InputError
from chemomech.fields import CELL_VOLTAGE, CHEMICAL_POTENTIAL, CONCENTRATION, State
from chemomech.protocol import parse_protocol
from chemomech.record import balance_errors
from chemomech.simulate import EVENT_TOLERANCE, Simulation, choose_integrator
from chemomech.solver import rosenbrock
from chemomech.solver.blocks import BlockTraits
from chemomech.solver.newton import BlockProblem, NewtonOptions, NewtonSolver
from chemomech.solver.rosenbrock import Quadrature, Rosenbrock, storage_is_linear
from chemomech.verification import meshes


def test_the_coefficients_are_of_order_three_with_order_two_embedded() -> None:
    # Hairer and Wanner, Solving Ordinary Differential Equations II, tables IV.7.1 (exact J) and IV.7.4 (any J)
    a, g, b = rosenbrock.ALPHAS, rosenbrock.GAMMAS, rosenbrock.WEIGHTS
    both, at = a + g, a.sum(axis=1)
    order = {1: b.sum(), 1 / 2: b @ both.sum(axis=1), 1 / 3: b @ at**2, 1 / 6: b @ both @ both.sum(axis=1)}
    for expected, found in order.items():
        assert found == pytest.approx(expected, abs=1e-14)
    inexact = [b @ g.sum(axis=1), b @ g @ at, b @ a @ g.sum(axis=1), b @ g @ g.sum(axis=1)]
    np.testing.assert_allclose(inexact, 0.0, atol=1e-14)
    lower = rosenbrock.EMBEDDED
    assert [lower.sum(), lower @ both.sum(axis=1)] == pytest.approx([1.0, 0.5], abs=1e-14)
    assert abs(lower @ at**2 - 1 / 3) > 1e-2
    # stiffly accurate, with the last stage at the end of the step
    assert at[-1] == pytest.approx(1.0) and rosenbrock.TIMES[-1] == pytest.approx(1.0)
    assert rosenbrock.ENDS[-1] == pytest.approx(1.0)
    np.testing.assert_allclose(rosenbrock.ENDS[:-1], rosenbrock.PLACES[-1, :-1], atol=1e-14)


class March:
    """Equal steps of a small problem; ``residual`` of a state, ``integrand`` of what is added up."""

    def __init__(
        self, state: State, residual: ufl.Form, integrand: ufl.Form, impose: Any, watched: Any = ()
    ) -> None:
        comm = MPI.COMM_WORLD
        traits = [BlockTraits(f.name, f.treatment, f.scale) for f in state.fields]
        problem = BlockProblem(residual, state.functions, traits, [], state.domain.entity_maps)
        self.state, self.impose = state, impose
        self.solver = NewtonSolver(problem, NewtonOptions(), comm)
        quadrature = Quadrature([integrand], watched, 1.0, state.functions, problem.compile, comm)
        self.scheme = Rosenbrock(state, comm, 1e-6, quadrature)
        assert storage_is_linear(problem.rows(), state)

    def to(self, end: float, count: int) -> float:
        """March from the state as it stands, return what was added up."""
        self.scheme.restart(0.0, np.zeros(1))
        for n in range(count):
            (attempt,) = self.scheme.attempts(end / count, self.solver, self.impose)
            assert attempt.converged, attempt.reason
            self.scheme.accept((n + 1) * end / count, self.scheme.advance(end / count, np.zeros(1)))
        return float(self.scheme.levels[-1].integrals[0])


@pytest.fixture(scope="module")
def riccati() -> March:
    """y' = t - y^2 and 0 = w^3 + w - y: y = d/dt ln u of the Airy function u = Bi."""
    domain = meshes.layers("plane strain", {"a": 1.0}, (1,), across=1)
    state = State(domain, {CONCENTRATION: domain.support(["a"]), CHEMICAL_POTENTIAL: domain.support(["a"])})
    y, w = (state.value[f] for f in (CONCENTRATION, CHEMICAL_POTENTIAL))
    time = fem.Constant(domain.mesh, 0.0)
    residual = domain.over((state.rate(CONCENTRATION) - time + y**2) * state.test[CONCENTRATION], ["a"])
    residual += domain.over((w**3 + w - y) * state.test[CHEMICAL_POTENTIAL], ["a"])

    def impose(now: float) -> None:
        time.value = now

    constraint = domain.over(w**3 + w - y, ["a"])
    return March(state, residual, domain.over(y / domain.volume(["a"]), ["a"]), impose, [constraint])


def _start(march: March) -> None:
    y = airy(0.0)[3] / airy(0.0)[2]
    for function, value in zip(march.state.functions, (y, _cubic(y)), strict=True):
        function.x.array[:] = value


def _cubic(y: float) -> float:
    roots = np.roots([1.0, 0.0, 1.0, -y])
    return float(roots[np.argmin(np.abs(roots.imag))].real)


def test_order_three_with_a_constraint_imposed_data_and_an_integral(riccati: March) -> None:
    march = riccati
    value, slope = airy(2.0)[2:]
    exact = np.array([slope / value, _cubic(slope / value), np.log(value / airy(0.0)[2])])
    errors = []
    for count in (8, 16, 32):
        _start(march)
        integral = march.to(2.0, count)
        found = [float(function.x.array[0]) for function in march.state.functions]
        errors.append(np.abs(np.array([*found, integral]) - exact))
        assert found[1] ** 3 + found[1] == pytest.approx(found[0], abs=1e-10)  # the end obeys the constraint
    slopes = np.log2(np.array(errors[:-1]) / errors[1:])
    assert np.all(slopes > 2.7) and np.all(errors[-1] < 1e-4), (errors, slopes)


def test_the_estimate_is_of_second_order_and_its_step_is_found(riccati: March) -> None:
    march = riccati
    estimates = []
    for dt in (0.1, 0.05, 0.025):
        _start(march)
        march.to(dt, 1)
        estimates.append(march.scheme.error(dt))
    assert np.log2(np.array(estimates[:-1]) / estimates[1:]) == pytest.approx([3.0, 3.0], abs=0.4)
    assert [march.scheme.factor(error) for error in (0.125, 8.0, 1e-9, 1e9)] == pytest.approx(
        [1.8, 0.45, 4.0, 0.2]
    )


def test_diffusion_in_a_sphere_against_its_decaying_mode() -> None:
    # c = 1 + sin(k r)/r exp(-D k^2 t), k R = tan(k R): nothing passes the surface
    k, radius = 4.493409457909064, 1.0
    domain = meshes.layers("plane strain", {"a": radius}, (24,), across=1)
    state = State(domain, {CONCENTRATION: domain.support(["a"])}, degrees={CONCENTRATION: 2})
    r = ufl.SpatialCoordinate(domain.mesh)[0]
    c, test = state.value[CONCENTRATION], state.test[CONCENTRATION]
    density = state.rate(CONCENTRATION) * test + ufl.dot(ufl.grad(c), ufl.grad(test))
    march = March(state, domain.over(r**2 * density, ["a"]), domain.over(r**2 * c, ["a"]), lambda time: None)
    space = state.unknowns[CONCENTRATION].space
    places = np.maximum(space.tabulate_dof_coordinates()[:, 0], 1e-12)
    mode, end = np.sin(k * places) / places, 0.1
    held = fem.form(domain.over(r**2 * c, ["a"]), entity_maps=domain.entity_maps)
    errors = []
    for count in (4, 8, 16):
        state.functions[0].x.array[:] = 1.0 + mode
        before = fem.assemble_scalar(held)
        integral = march.to(end, count)
        exact = 1.0 + mode * np.exp(-(k**2) * end)
        errors.append(np.max(np.abs(state.functions[0].x.array - exact)))
        assert fem.assemble_scalar(held) == pytest.approx(before, rel=1e-13)
        assert integral == pytest.approx(before * end, rel=1e-12)  # of what is conserved, step by step
    slopes = np.log2(np.array(errors[:-1]) / errors[1:])
    assert np.all(slopes > 2.7) and errors[-1] < 2e-4, (errors, slopes)


def test_storage_that_depends_on_an_unknown_is_seen() -> None:
    domain = meshes.layers("plane strain", {"a": 1.0}, (1,), across=1)
    state = State(domain, {CONCENTRATION: domain.support(["a"]), CELL_VOLTAGE: domain.support(["a"])})
    rate, test = state.rate(CONCENTRATION), state.test[CONCENTRATION]
    c = state.value[CONCENTRATION]
    for density, linear in (
        (2.0 * rate + c**3, True),
        ((1.0 + c) * rate, False),
        (rate**2, False),
        (state.value[CELL_VOLTAGE] * rate, False),
    ):
        assert storage_is_linear([domain.over(density * test, ["a"])], state) is linear


CYCLE = ["Charge at 2C until 4.0 V", "Hold at 4.0 V until C/10", "Discharge at 1C for 5 minutes"]


CHOSEN = {"integrator": "rosenbrock"}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return small.model(
        small.case(tmp_path_factory.mktemp("film"), protocol={"steps": CYCLE}, numerics=CHOSEN)
    )


def _simulation(model: Any, observer: Any) -> Simulation:
    return Simulation(model, parse_protocol(CYCLE, 1), None, observer)


def test_a_cycle_meets_its_cut_offs_closes_its_balances_and_continues_as_it_was(model: Any) -> None:
    initial, seen, kept = model.state.copy(), [], {}

    def observe(moment: Any) -> None:
        seen.append(moment)
        if moment.last and moment.scheduled.index == 1:
            level = made.scheme.levels[-1]
            kept.update(level=level, position=made.saved())

    made = _simulation(model, observe)
    assert made.integrator == "rosenbrock"
    made.equilibrate()
    made.run()
    steps = [[m for m in seen if m.scheduled is not None and m.scheduled.index == k] for k in (1, 2, 3)]
    unit = made.current_scale
    assert abs(steps[0][-1].reading.voltage - 4.0) <= EVENT_TOLERANCE
    assert abs(steps[1][-1].reading.current / unit - 0.1) <= EVENT_TOLERANCE
    assert all(m.reading.voltage < 4.0 for m in steps[0][:-1])
    assert all(m.reading.current == pytest.approx(2 * unit, rel=1e-10) for m in steps[0])
    assert all(m.reading.voltage == pytest.approx(4.0, abs=1e-10) for m in steps[1])
    for moment in seen:
        errors = balance_errors(made.start, moment.reading, moment.metal_charge, unit)
        assert max(errors) < 1e-10
        gone = made.start.lithium - moment.reading.lithium
        assert gone == pytest.approx(moment.charge / FARADAY, abs=1e-10 * made.start.lithium)
    # one factorisation a step, the settling steps and the trials at cut-offs apart
    settling = sum(part[0].iterations for part in steps) + seen[0].iterations
    tried = made.counts.newton - settling - made.counts.accepted - made.counts.rejected + 3
    assert 0 <= tried <= 30 and made.counts.linear < 7 * made.counts.newton

    again: list[Any] = []
    model.state.restore(initial)
    other = _simulation(model, again.append)
    other.scheme.levels = [kept["level"]]
    other.restore(kept["position"])
    other.run()
    tail = steps[1] + steps[2]
    assert [m.time for m in again] == [m.time for m in tail]
    assert [(m.reading.voltage, m.charge) for m in again] == [(m.reading.voltage, m.charge) for m in tail]
    model.state.restore(initial)


def test_it_is_chosen_where_it_serves_and_refused_where_not(tmp_path: Any, model: Any) -> None:
    chosen = model.case
    assert choose_integrator(model) == "rosenbrock"
    one, other = {"integrator": "auto"}, {"integrator": "auto", "solver": "fieldsplit"}
    for name, numerics, expected in (("a", {}, "bdf2"), ("b", one, "rosenbrock"), ("c", other, "bdf2")):
        model.case = small.case(tmp_path / name, numerics=numerics)
        assert choose_integrator(model) == expected
    model.case = small.case(tmp_path, numerics={"solver": "fieldsplit", "integrator": "rosenbrock"})
    with pytest.raises(InputError, match="factors of a direct solver"):
        choose_integrator(model)
    model.case = chosen


def test_a_stage_that_fails_shortens_the_step(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    initial, seen = model.state.copy(), []
    made = Simulation(model, parse_protocol(["Charge at 1C for 1 minute"], 1), None, seen.append)
    correction, count = made.solver.correction, [0]

    def broken() -> Any:
        count[0] += 1
        return None if count[0] == 3 else correction()

    monkeypatch.setattr(made.solver, "correction", broken)
    made.equilibrate()
    made.run()
    assert made.counts.failures == {"the residual is not a number": 1}
    assert seen[2].dt == pytest.approx(0.25 * made.numerics.initial_step)
    assert seen[-1].time == pytest.approx(60.0) and seen[-1].last
    model.state.restore(initial)
