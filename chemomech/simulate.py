"""The loop: schedule x step x solve x record."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final, Literal

import chemomech.runtime  # noqa: F401

import numpy as np
import ufl
from mpi4py import MPI

from chemomech.errors import InputError, Problem, RunError
from chemomech.model import Model
from chemomech.protocol import PressureProgram, ScheduledStep, Step, Stop, Unit
from chemomech.record import MOL_PER_M3, Meter, Reading
from chemomech.solver.newton import Attempt, NewtonOptions, NewtonSolver
from chemomech.solver.rosenbrock import Quadrature, Rosenbrock, storage_is_linear
from chemomech.solver.timestep import Bdf2, TimeScheme

HOUR: Final = 3600.0
NANO_PER_UNIT: Final = 1e9
MA_PER_CM2: Final = 1e-2
"""1 mA/cm^2 in nA/um^2"""
SETTLING: Final = 1e-6
"""length of the step that follows a change of control: potentials jump, lithium hardly moves [s]"""
FOR_GOOD: Final = 1e9
"""length of the step after which every salt profile is steady [s]"""
SMALL_CURRENT: Final = 1e-3
"""current from whose steady profile the limiting one is extrapolated [mA/cm2]"""
EVENT_TOLERANCE: Final = 1e-6
"""how closely a cut-off is met: in V, or relative to the 1C current"""
DIRECT_LIMIT: Final = {2: 600_000, 3: 60_000}
"""unknowns up to which a direct solver is the better choice, by dimension"""
ROSENBROCK_SHARE: Final = 0.1
"""of `time_tolerance` that Rosenbrock's estimate may reach: so it errs no more than BDF2, whose estimate is cautious"""
SMALLEST_CUT: Final = 0.25
STEADY: Final = 1e-11
"""rate of every field, in its scales per second, below which nothing happens any more [1/s]"""
STEADY_STEPS: Final = 3
"""how many such steps in a row tell a steady state"""
NEARLY: Final = 1e-3
"""stoichiometry this close to 0 or 1, or this share of the salt, counts as the reason why a run cannot go on [-]"""


@dataclass(frozen=True)
class Moment:
    """One accepted time step, as an observer sees it; internal units."""

    time: float
    dt: float
    scheduled: ScheduledStep | None
    reading: Reading
    charge: float
    """passed through the terminal since the start [nC], positive = charging"""
    metal_charge: float
    """of lithium ions that lithium metal gave to the electrolyte since the start [nC]"""
    iterations: int
    last: bool
    """whether a protocol step ends here"""


@dataclass
class Position:
    """Where a run is: enough, with the time levels, to continue it."""

    time: float = 0.0
    index: int = 0
    """of the protocol step under way"""
    begun: float = 0.0
    """when it began [s]"""
    settled: bool = False
    """whether the potentials have followed its control"""
    dt: float = 0.0
    """next step size [s]"""


@dataclass
class Counts:
    """What the run took."""

    accepted: int = 0
    rejected: int = 0
    newton: int = 0
    linear: int = 0
    failures: dict[str, int] = field(default_factory=dict)
    """solves that did not converge, by reason"""

    def add(self, attempt: Attempt) -> None:
        """Count the iterations of a solve."""
        self.newton += attempt.iterations
        self.linear += attempt.linear_iterations
        if not attempt.converged:
            self.failures[attempt.reason] = self.failures.get(attempt.reason, 0) + 1


class Simulation:
    """A model in time: imposes protocol steps, chooses step sizes, meets cut-offs, tells an observer."""

    def __init__(
        self,
        model: Model,
        schedule: Sequence[ScheduledStep],
        program: PressureProgram | None = None,
        observer: Callable[[Moment], None] = lambda moment: None,
    ) -> None:
        self.model = model
        self.schedule = tuple(schedule)
        self.program = program
        self.observer = observer
        self.numerics = model.case.numerics
        # Between the two controls no entry of the matrix vanishes: its pattern is found when the solver is made.
        model.control.mode.value = 0.5
        self.solver = NewtonSolver(model.problem, newton_options(model), model.domain.comm)
        self.meter = Meter(model)
        self.position = Position()
        self.counts = Counts()
        self.charge = np.zeros(2)
        """through the terminal, and from lithium metal [nC]"""
        self.capacity = nominal_capacity(model, self.schedule)
        """charge of 1C in one hour [nC]; None where nothing gives one"""
        self.integrator = choose_integrator(model)
        self.scheme = self._scheme()
        self.limiting_current: float | None = None
        """current that a salt can carry for good between lithium electrodes [nA]; None where nothing limits it"""
        self.start: Reading | None = None
        self._last: Reading | None = None

    @property
    def current_scale(self) -> float:
        """The 1C current [nA]; without a capacity the largest of the protocol, 1 mA/cm2 where it names none."""
        if self.capacity is not None:
            return self.capacity / HOUR
        currents = [abs(self.current(value, unit)) for value, unit in _currents(self.schedule)]
        return max(currents, default=self.current(1.0, "mA/cm2"))

    def _scheme(self) -> TimeScheme:
        model, comm, tolerance = self.model, self.model.domain.comm, self.numerics.time_tolerance
        if self.integrator == "bdf2":
            return Bdf2(model.state, comm, tolerance)
        forms = model.observables()
        metal = sum((forms[name] for name in model.lithium_metal), ufl.Form([]))
        quadrature = Quadrature(
            [forms["cell current"], metal],
            [forms["counter current"]],
            self.current_scale,
            model.state.functions,
            model.problem.compile,
            comm,
        )
        return Rosenbrock(model.state, comm, ROSENBROCK_SHARE * tolerance, quadrature)

    # ---- the schedule -----------------------------------------------------------------------------

    def equilibrate(self) -> None:
        """Find the state at open circuit under the pressure at time zero, lithium as given."""
        control = self.model.control
        control.mode.value, control.current.value = 1.0, 0.0
        self._set_pressure(0.0)
        self._charge_layers()
        self.scheme.restart(0.0, self.charge)
        self.scheme.begin(SETTLING)
        attempt = self.solver.solve()
        self.counts.add(attempt)
        if not attempt.converged:
            raise RunError(f"no equilibrium was found at the start: {attempt.reason}")
        self.scheme.restart(0.0, self.charge)
        self.start = self.meter.read()
        self.limiting_current = self._limit()
        self.model.memories.advance()
        self.observer(Moment(0.0, 0.0, None, self.start, 0.0, 0.0, attempt.iterations, False))

    def _limit(self) -> float | None:
        """Return the current at which a salt would be used up somewhere in the steady state [nA].

        The steady profile of a small current, extrapolated to zero at its lowest point: exact where properties do not
        depend on concentration, else at those of the start.  Only for cells that reach a steady state.
        """
        working = self.model.case.cell.working_electrode
        still = self.model.case.mechanics.lattice_velocity is None
        if (
            not self.model.salts
            or self.model.active
            or working is None
            or working.kind != "lithium"
            or not still
        ):
            return None
        control, small = self.model.control, self.current(SMALL_CURRENT, "mA/cm2")
        control.current.value = small
        self.scheme.begin(FOR_GOOD)
        attempt = self.solver.solve()
        lost = [1 - self.meter.salt_range(salt)[0] / salt.initial_concentration for salt in self.model.salts]
        control.current.value = 0.0
        self.scheme.reject()
        return small / max(lost) if attempt.converged and max(lost) > 0.0 else None

    def _charge_layers(self) -> None:
        # Resolved space charge starts in equilibrium: two unlike lattices in sudden contact are no state of a cell.
        problem = self.model.charged
        if problem is None:
            return
        self.model.state.time_factor.value = 0.0
        options = replace(newton_options(self.model), linear_solver="direct", maximum_iterations=50)
        solver = NewtonSolver(problem, options, self.model.domain.comm)
        attempt = solver.solve()
        solver.destroy()
        self.counts.add(attempt)
        if not attempt.converged:
            raise RunError(f"no equilibrium of the space charge was found: {attempt.reason}")

    def run(self) -> None:
        """Go through the rest of the schedule; RunError where it cannot go on."""
        while self.position.index < len(self.schedule):
            scheduled = self.schedule[self.position.index]
            if scheduled.step.mode == "impedance":
                self._stand(scheduled)
                continue
            self._impose(scheduled.step)
            if self.position.settled or not self._settle(scheduled):
                self._march(scheduled)

    def _finish(self) -> None:
        self.position.index += 1
        self.position.begun = self.position.time
        self.position.settled = False

    def _impose(self, step: Step) -> None:
        control = self.model.control
        if step.mode in ("voltage", "sweep"):
            elapsed = self.position.time - self.position.begun
            control.mode.value, control.voltage.value = 0.0, step.voltage_at(elapsed)
        else:
            control.mode.value, control.current.value = 1.0, self.current(step.value, step.unit)

    def current(self, value: float, unit: str) -> float:
        """Return a current of a protocol in nA (per um of depth in plane strain)."""
        if unit == "C":
            if self.capacity is None:  # the case reader says this first
                what = "no region is active, so that C has no meaning"
                raise InputError(Problem("[protocol] steps", what, "give [cell] nominal_capacity"))
            return value * self.capacity / HOUR
        if unit == "mA/cm2":
            return value * MA_PER_CM2 * self.model.cell_area
        return value * NANO_PER_UNIT / self.model.depth

    # ---- continuing -------------------------------------------------------------------------------

    def saved(self) -> dict[str, Any]:
        """Return what a checkpoint needs besides the time levels, in JSON types."""
        assert self.start is not None
        return {
            "position": asdict(self.position),
            "counts": asdict(self.counts),
            "start": asdict(self.start),
            "last": None if self._last is None else asdict(self._last),
            "limiting current": self.limiting_current,
        }

    def restore(self, content: Mapping[str, Any]) -> None:
        """Continue from what `saved` returned; the scheme's levels have been put in place before."""
        self.position = Position(**content["position"])
        self.counts = Counts(**content["counts"])
        self.start = Reading(**content["start"])
        self._last = Reading(**content["last"]) if content["last"] else None
        self.limiting_current = content["limiting current"]
        self.charge = self.scheme.levels[-1].integrals.copy()
        self.scheme.reject()
        self._set_pressure(self.position.time)

    # ---- one protocol step ------------------------------------------------------------------------

    def _stand(self, scheduled: ScheduledStep) -> None:
        # A measurement about the present state: time stands still, the observer is told of the moment.
        reading = self.meter.read()
        self._last = reading
        self._finish()
        passed, given = (float(charge) for charge in self.charge)
        self.observer(Moment(self.position.time, 0.0, scheduled, reading, passed, given, 0, True))

    def _settle(self, scheduled: ScheduledStep) -> bool:
        # Potentials jump with the control while lithium stands still: one step of (nearly) no length, the jump
        # cut into parts where Newton cannot take it whole.  True when a cut-off is already met.
        control = self.model.control
        target = float(control.current.value), float(control.voltage.value)
        before = self.meter.read()
        self.scheme.restart(self.position.time, self.charge)
        reached, part = 0.0, 1.0
        self.scheme.begin(SETTLING)
        base = self.model.state.copy()
        while reached < 1.0:
            share = min(1.0, reached + part)
            control.current.value = before.current + share * (target[0] - before.current)
            control.voltage.value = before.voltage + share * (target[1] - before.voltage)
            attempt = self._judged(self.solver.solve())
            if attempt.converged:
                reached, base, part = share, self.model.state.copy(), 2 * part
            else:
                self.model.state.restore(base)
                part *= 0.5
                self.counts.rejected += 1
                if part < 1e-3:
                    raise self._stuck(scheduled, attempt)
        reading = self.meter.read()
        met = any(self._excess(scheduled.step, stop, reading) >= 0.0 for stop in scheduled.step.stops)
        self.position.settled = True
        self.position.dt = self.numerics.initial_step
        self._accept(scheduled, SETTLING, reading, attempt.iterations, last=met, restart=True)
        return met

    def _march(self, scheduled: ScheduledStep) -> None:
        step, numerics = scheduled.step, self.numerics
        position = self.position
        end = None if step.duration is None else position.begun + step.duration
        still = 0
        while True:
            dt = self._limited(end)
            attempt = self._attempt(dt)
            if not attempt.converged:
                position.dt = dt * SMALLEST_CUT
                if position.dt < numerics.minimum_step:
                    raise self._stuck(scheduled, attempt)
                continue
            error = self.scheme.error(dt)
            if error > 1.0 and dt > 2 * numerics.minimum_step:
                self._reject()
                position.dt = dt * min(0.9, self.scheme.factor(error))
                continue
            reading = self.meter.read()
            met = [stop for stop in step.stops if self._excess(step, stop, reading) >= 0.0]
            if met:
                dt, reading = self._locate(scheduled, met, dt, reading)
            proposed = dt * self.scheme.factor(error)
            last = bool(met) or (end is not None and position.time + dt >= end * (1 - 1e-14))
            position.dt = max(proposed, numerics.minimum_step)
            still = still + 1 if end is None and self._rate(dt) < STEADY else 0
            self._accept(scheduled, dt, reading, attempt.iterations, last=last)
            if last:
                return
            if still >= STEADY_STEPS:
                raise RunError(
                    f"step {scheduled.index} of cycle {scheduled.cycle}, '{step.text}', has come to a steady state of "
                    f"{reading.voltage:.4f} V at {position.time:.6g} s: its end is never reached. Give it a duration, "
                    "or another cut-off"
                )

    def _rate(self, dt: float) -> float:
        # Largest rate of any field over the step just solved, in its scales per second (collective).
        before = self.scheme.levels[-1].values
        pairs = zip(self.model.state.unknowns.values(), before, strict=True)
        changes = [np.max(np.abs(u.function.x.array - x), initial=0.0) / u.field.scale for u, x in pairs]
        return float(self.model.domain.comm.allreduce(float(max(changes)), op=MPI.MAX)) / dt

    def _limited(self, end: float | None) -> float:
        # Never across the end of the step or a kink of the pressure, and no sliver left before either.
        dt, time = self.position.dt, self.position.time
        if self.numerics.maximum_step is not None:
            dt = min(dt, self.numerics.maximum_step)
        kinks = (
            []
            if self.program is None
            else [t for t in self.program.breakpoints if t > time * (1 + 1e-12) + 1e-9]
        )
        goals = [goal for goal in ([] if end is None else [end]) + kinks[:1]]
        for goal in goals:
            left = goal - time
            if left <= dt * 1.001:
                dt = left
            elif left < 2 * dt:
                dt = left / 2
        return dt

    def _attempt(self, dt: float) -> Attempt:
        for attempt in self.scheme.attempts(dt, self.solver, self._follow):
            judged = self._judged(attempt)
            if judged.converged:
                return judged
        self._reject()
        return judged

    def _follow(self, time: float) -> None:
        # what is imposed and moves within a step
        self._set_pressure(time)
        self._set_voltage(time)

    def _judged(self, attempt: Attempt) -> Attempt:
        reason = self._exhausted(0.0) if attempt.converged else ""
        if reason:
            attempt = Attempt(False, reason, attempt.iterations, attempt.linear_iterations)
        self.counts.add(attempt)
        return attempt

    def _exhausted(self, margin: float) -> str:
        # Why no current can pass any more: a stoichiometry within the margin of 0 or 1, or no more than this share
        # of the salt; empty where it can.
        for region in self.model.active:
            low, high = self.meter.stoichiometry_range(region.name)
            if low <= margin or high >= 1.0 - margin:
                end = "empty of" if low <= margin else "full of"
                return f"the surface of '{region.name}' is {end} lithium"
        for salt in self.model.salts:
            if self.meter.salt_range(salt)[0] <= margin * salt.initial_concentration:
                place = ", ".join(f"{x:.4g}" for x in self.meter.poorest_place(salt))
                return f"the salt of '{salt.name}' is used up at ({place}) um"
        return ""

    def _locate(
        self, scheduled: ScheduledStep, stops: list[Stop], dt: float, reading: Reading
    ) -> tuple[float, Reading]:
        # Regula falsi (Illinois) on the step size, solving the step anew each time: the cut-off is met, not passed.
        def excess(now: Reading) -> float:
            return max(self._excess(scheduled.step, stop, now) for stop in stops)

        assert self._last is not None
        accepted = self._last
        before = max(self._excess(scheduled.step, stop, accepted) for stop in stops)
        low, high = (0.0, before), (dt, excess(reading))
        if high[1] <= EVENT_TOLERANCE:
            return dt, reading
        for _ in range(40):
            trial = low[0] + (high[0] - low[0]) * low[1] / (low[1] - high[1])
            trial = min(max(trial, low[0] + 1e-3 * (high[0] - low[0])), high[0] - 1e-6 * (high[0] - low[0]))
            attempt = self._attempt(trial)
            if not attempt.converged:
                raise self._stuck(scheduled, attempt)
            reading = self.meter.read()
            value = excess(reading)
            if abs(value) <= EVENT_TOLERANCE:
                return trial, reading
            if value > 0.0:
                low, high = (low[0], low[1] / 2), (trial, value)
            else:
                low, high = (trial, value), (high[0], high[1] / 2)
        raise RunError(
            f"step {scheduled.index}, '{scheduled.step.text}': its cut-off was passed near "
            f"{self.position.time:.6g} s but could not be met; tighten [numerics] newton_tolerance"
        )

    def _excess(self, step: Step, stop: Stop, reading: Reading) -> float:
        # How far a cut-off is passed; negative before it.  Voltage in V, current relative to 1C.
        if stop.quantity == "current":
            return (self.current(stop.value, stop.unit) - abs(reading.current)) / self.current_scale
        rising = step.value > 0.0 if step.mode == "current" else reading.voltage < stop.value
        return reading.voltage - stop.value if rising else stop.value - reading.voltage

    def _accept(
        self,
        scheduled: ScheduledStep,
        dt: float,
        reading: Reading,
        iterations: int,
        *,
        last: bool,
        restart: bool = False,
    ) -> None:
        # All that a checkpoint holds is brought up to date before the observer, which may write one, is told.
        metal = sum(reading.scalars[name] for name in self.model.lithium_metal)
        self.charge = self.scheme.advance(dt, np.array([reading.current, metal]))
        self.position.time += dt
        if restart:  # nothing is to be extrapolated from before a jump, nor from so short a step
            self.scheme.restart(self.position.time, self.charge)
        else:
            self.scheme.accept(self.position.time, self.charge)
        self.model.memories.advance()
        self.counts.accepted += 1
        self._last = reading
        if last:
            self._finish()
        passed, given = (float(charge) for charge in self.charge)
        self.observer(Moment(self.position.time, dt, scheduled, reading, passed, given, iterations, last))

    def _reject(self) -> None:
        self.scheme.reject()
        self.counts.rejected += 1

    def _set_pressure(self, time: float) -> None:
        if self.model.pressure is not None and self.program is not None:
            self.model.pressure.value = self.program.at(time)

    def _set_voltage(self, time: float) -> None:
        # A sweep's voltage moves with time; its ends are ends of steps, which no time step crosses.
        step = self.schedule[self.position.index].step
        if step.mode == "sweep":
            self.model.control.voltage.value = step.voltage_at(time - self.position.begun)

    def _stuck(self, scheduled: ScheduledStep, attempt: Attempt) -> RunError:
        self.scheme.reject()
        reading = self.meter.read()
        reason = self._exhausted(NEARLY) or attempt.reason
        lithium = ", ".join(
            "{} {:.3f} to {:.3f}".format(r.name, *self.meter.stoichiometry_range(r.name))
            for r in self.model.active
        )
        state = f"Stoichiometry: {lithium}. " if lithium else ""
        if self.model.salts:
            salts = (f"{s.name} {self.meter.salt_range(s)[0] * MOL_PER_M3:.3g}" for s in self.model.salts)
            state += f"Smallest salt concentration: {', '.join(salts)} mol/m3. "
        return RunError(
            f"step {scheduled.index} of cycle {scheduled.cycle}, '{scheduled.step.text}', stops at "
            f"{self.position.time:.6g} s and {reading.voltage:.4f} V: {reason} even with the smallest time "
            f"step ({self.numerics.minimum_step:g} s). {state}Its end cannot be reached from here: "
            "choose a lower rate or another cut-off, or look at [numerics] minimum_step and newton_tolerance"
        )


def choose_integrator(model: Model) -> Literal["rosenbrock", "bdf2"]:
    """Return the integrator of the case; "auto" takes Rosenbrock's method wherever it holds what BDF2 does.

    InputError where the case asks for it and the model does not allow it.
    """
    asked = model.case.numerics.integrator
    if asked == "bdf2":
        return "bdf2"
    faces = model.contacts
    against = ""
    if faces.joints or faces.contacts or model.state.memory:
        against = "faces that part, or that conduct in part, change within a step"
    elif newton_options(model).linear_solver != "direct":
        against = "it needs the factors of a direct solver"
    elif not storage_is_linear(model.problem.rows(), model.state):
        against = "what is stored does not depend linearly on the unknowns"
    elif model.space_charge is not None:
        against = "charge that is resolved follows a jump of voltage by Newton's iteration only"
    if against and asked == "rosenbrock":
        raise InputError(
            Problem("[numerics] integrator", f"'rosenbrock' does not serve here: {against}", "take 'auto'")
        )
    # without active material no capacity tells to which share of the currents charge is to close
    active = any(region.role == "active" for region in model.case.regions.values())
    return "rosenbrock" if not against and (active or asked == "rosenbrock") else "bdf2"


def newton_options(model: Model) -> NewtonOptions:
    """Solver settings of the case; "auto" is decided by the number of unknowns."""
    numerics = model.case.numerics
    kind = numerics.solver
    if kind == "auto":
        limit = numerics.direct_limit or DIRECT_LIMIT[model.domain.dimension]
        kind = "direct" if model.state.size() <= limit else "fieldsplit"
    return NewtonOptions(numerics.newton_tolerance, numerics.maximum_newton_iterations, kind)


def _currents(schedule: Sequence[ScheduledStep]) -> set[tuple[float, Unit]]:
    # All currents that a protocol imposes or waits for, with their units.
    imposed = {(s.step.value, s.step.unit) for s in schedule if s.step.mode == "current"}
    awaited = {(e.value, e.unit) for s in schedule for e in s.step.stops if e.quantity == "current"}
    return imposed | awaited


def nominal_capacity(model: Model, schedule: Sequence[ScheduledStep]) -> float | None:
    """Charge of 1C in one hour [nC]: the case's, or else what the model holds between the protocol's voltages.

    None where no region is active and the case gives none.
    """
    given = model.case.cell.nominal_capacity
    if given is not None:
        return given / model.depth
    if not model.active:
        return None
    voltages = [stop.value for s in schedule for stop in s.step.stops if stop.quantity == "voltage"]
    voltages += [s.step.value for s in schedule if s.step.mode in ("voltage", "sweep")]
    voltages += [s.step.target for s in schedule if s.step.target is not None]
    several = len(set(voltages)) > 1
    # A single voltage is the lower end where a discharge stops at it, else the upper one.
    falling = any(stop.quantity == "voltage" for s in schedule if s.step.value < 0.0 for stop in s.step.stops)
    low = min(voltages, default=None) if several or falling else None
    high = max(voltages, default=None) if several or not falling else None
    capacity = model.equilibrium_capacity(low, high)
    if capacity <= 0.0:
        raise RunError("the protocol's voltages enclose no capacity: give [cell] nominal_capacity")
    return capacity
