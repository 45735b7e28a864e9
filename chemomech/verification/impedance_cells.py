"""The impedance of whole cells: three solvers, the sum of the shares, the slow limit, time, electrolytes alone."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import chemomech.runtime  # noqa: F401

import numpy as np
import numpy.typing as npt
from mpi4py import MPI

from chemomech.analysis.impedance import OHM_CM2, Impedance, frequencies
from chemomech.constants import FARADAY, GAS
from chemomech.errors import RunError
from chemomech.fields import CELL_VOLTAGE, CONCENTRATION
from chemomech.protocol import parse_pressure, parse_protocol
from chemomech.simulate import Simulation
from chemomech.solver.frequency import frequency_solver
from chemomech.solver.linearised import Linearised
from chemomech.verification.electrolytes import BLOCKING, ElectrolyteCase
from chemomech.verification.salt import DIFFUSIVITY, LENGTH, MEAN, TRANSFERENCE, PolymerCase
from chemomech.verification.salt_forms import salt_impedance
from chemomech.verification.written_case import (
    EVERYTHING,
    LAWS,
    LAYERS,
    LITHIUM_LAYER,
    CellCase,
    Written,
    model_of,
    written,
)

type Array = npt.NDArray[np.float64]

# --- a whole cell, everything on ---

WHOLE: Final = CellCase(
    transfer=EVERYTHING,
    layers=LAYERS + 'contact = { law = "persson", slope = 5e-4, unloading_exponent = 0.5 }\n',
    film=', film_resistance = "1e-3 ohm m^2"' + LITHIUM_LAYER,
    pressure='[pressure]\nat = "right"\nfixture = "5 GPa/mm"\ninitial = "5 MPa"',
    numerics='time_tolerance = 1e-3\nmaximum_step = "60 s"',
    laws=LAWS | {"conductivity": "0.02"},
)
PLAIN: Final = CellCase(steps=("Rest for 1 s",))


def brought(case: Written, steps: Sequence[str]) -> Simulation:
    """Return a simulation at the end of some steps, its solver alive."""
    with written(case, MPI.COMM_WORLD) as (folder, record):
        model = model_of(folder, record, MPI.COMM_WORLD)
    pressure = model.case.pressure
    program = None if pressure is None or pressure.program is None else parse_pressure(pressure.program)
    simulation = Simulation(model, parse_protocol(steps, 1), program)
    simulation.equilibrate()
    simulation.run()
    return simulation


def whole_cell() -> dict[str, float]:
    """A charged, unrelaxed cell with growing layers, rough contact, double layer, stress: three solvers, the sum."""
    simulation = brought(WHOLE, ("Charge at 1C for 10 minutes", "Rest for 10 s"))
    model, sweep = simulation.model, frequencies(1e6, 1e-2, 1)
    spectra = {}
    reference = "complex" if model.domain.comm.size == 1 else "direct"
    for method in (reference, "direct", "iterative"):
        linear = Impedance(model, method=method)
        spectra[method] = linear.spectrum(sweep)
        linear.destroy()
    held = _potentiostatic(simulation, float(sweep[4]))
    exact = spectra[reference].impedance
    total, total_iterative = (
        sum(spectra[way].shares.values(), np.zeros(len(sweep))) for way in (reference, "iterative")
    )
    simulation.solver.destroy()
    return {
        "direct_difference": float(np.max(np.abs(spectra["direct"].impedance / exact - 1))),
        "iterative_difference": float(np.max(np.abs(spectra["iterative"].impedance / exact - 1))),
        "potentiostatic_difference": float(abs(held / exact[4] - 1)),
        "sum_of_shares_error": float(np.max(np.abs(total / exact - 1))),
        "sum_of_iterative_shares_error": float(
            np.max(np.abs(total_iterative / spectra["iterative"].impedance - 1))
        ),
        "processes": float(len(spectra[reference].shares)),
        "smallest_real_part": float(np.min(exact.real)),
    }


def _potentiostatic(simulation: Simulation, frequency: float) -> complex:
    # One volt is imposed and the current read: row V of the matrix is then that of the voltage.
    model = simulation.model
    mode = model.control.mode
    mode.value = 0.0
    linearised = Linearised(model.problem, model.state)
    solver = frequency_solver(linearised, model.domain.comm)
    items = list(model.state.unknowns)
    sizes = [
        u.space.dofmap.index_map.size_local * u.space.dofmap.index_map_bs
        for u in model.state.unknowns.values()
    ]
    start = int(np.sum(sizes[: items.index(CELL_VOLTAGE)]))
    load = np.zeros(int(np.sum(sizes)))
    resistance = model.case.cell.contact_resistance
    assert resistance is not None
    here = slice(
        start, start + sizes[items.index(CELL_VOLTAGE)]
    )  # empty but on the rank that owns the voltage
    load[here] = model.terminal_area / resistance
    omega = 2 * np.pi * frequency
    x = solver.solve(omega, load)
    mode.value = 1.0
    row = Linearised(model.problem, model.state).at(0.0)
    current = (_product(row, x.real) + 1j * _product(row, x.imag))[here].sum()
    row.destroy()
    solver.destroy()
    comm = model.domain.comm
    voltage = comm.allreduce(complex(x[here].sum()), op=MPI.SUM)
    return complex(voltage / comm.allreduce(complex(current), op=MPI.SUM))


def _product(matrix: Any, values: Array) -> Array:
    given, product = matrix.createVecs()
    given.setArray(np.ascontiguousarray(values))
    matrix.mult(given, product)
    found = np.array(product.array)
    given.destroy()
    product.destroy()
    return found


def slow_limit() -> dict[str, float]:
    """w Im Z at low frequency against the slope of the equilibrium voltage over the charge, stress included."""
    # Without a double layer, which would hold the potentials while the composition is moved.
    simulation = brought(replace(PLAIN, transfer=""), ("Rest for 1 s",))
    model = simulation.model
    linear = Impedance(model)
    omega = 1e-6
    slope = -omega * linear.at(omega / (2 * np.pi))[0].imag
    linear.destroy()
    region, voltages = model.active[0], []
    step = 1e-4
    base = model.state.copy()
    for sign in (-1.0, 1.0):
        model.state.restore(base)
        lithium = model.state.unknowns[CONCENTRATION].function.x.array
        lithium += sign * step * region.maximum_concentration
        simulation.equilibrate()
        assert simulation.start is not None
        voltages.append(simulation.start.voltage)
    simulation.solver.destroy()
    charge = region.capacity * 2 * step
    return {"slope_over_equilibrium": slope / ((voltages[0] - voltages[1]) / charge)}


PERIODS: Final = 3
PER_PERIOD: Final = 100


def transient() -> dict[str, float]:
    """Impedance against the Fourier component of the voltage under a small sinusoidal current, in time."""
    found: dict[str, float] = {}
    simulation = brought(PLAIN, ("Rest for 1 s",))
    base = simulation.model.state.copy()
    for frequency in (1e3, 1e2, 1e1, 1e-1, 1e-3):
        simulation.model.state.restore(base)
        linear = Impedance(simulation.model)
        expected = linear.at(frequency)[0]
        linear.destroy()
        found[f"error_{frequency:g}_Hz"] = abs(_in_time(simulation, frequency) / expected - 1)
    simulation.solver.destroy()
    return found


def _in_time(simulation: Simulation, frequency: float) -> complex:
    # BDF2 with a fixed step; an oscillation is fitted to the last two of the periods.
    model, scheme = simulation.model, simulation.scheme
    # small for the kinetics, large beside the drift of a state that one second of rest has not settled
    amplitude = 1e-3 * simulation.current_scale
    dt = 1 / (PER_PERIOD * frequency)
    scheme.restart(0.0, np.zeros(2))
    start = simulation.meter.number(CELL_VOLTAGE)
    voltages = []
    for n in range(1, PERIODS * PER_PERIOD + 1):
        scheme.begin(dt)
        model.control.current.value = amplitude * np.cos(2 * np.pi * n / PER_PERIOD)
        attempt = simulation.solver.solve()
        if not attempt.converged:
            raise RunError(f"the transient was not solved: {attempt.reason}")
        scheme.accept(n * dt, np.zeros(2))
        voltages.append(simulation.meter.number(CELL_VOLTAGE) - start)
    # What is left of the start drifts slowly: a straight line beside the oscillation.
    count = 2 * PER_PERIOD
    angle = 2 * np.pi * np.arange(1, count + 1) / PER_PERIOD
    columns = np.stack([np.ones(count), angle, np.sin(angle), np.cos(angle)], axis=1)
    fitted = np.linalg.lstsq(columns, np.array(voltages[-count:]), rcond=None)[0]
    return complex((fitted[3] - 1j * fitted[2]) / amplitude)


# --- electrolytes between electrodes ---


def electrolyte_cells() -> dict[str, float]:
    """Symmetric and blocking cells of two electrolytes: every share is its own resistance [ohm cm2]."""
    found: dict[str, float] = {}
    frequency = 10.0
    rest = ("Rest for 1 s",)
    for name, case, steps in (
        ("lithium", ElectrolyteCase(), rest),
        ("charging", ElectrolyteCase(), ("Charge at 3 mA/cm2 for 1 s",)),
        ("blocking", ElectrolyteCase(electrode=BLOCKING), rest),
    ):
        simulation = brought(case, steps)
        linear = Impedance(simulation.model)
        impedance, shares = linear.at(frequency)
        area = simulation.model.cell_area * OHM_CM2
        found[f"{name}_re_Z"] = impedance.real * area
        found[f"{name}_sum_error"] = abs(sum(shares.values()) / impedance - 1)
        for process, share in shares.items():
            key = process.replace(" ", "_").replace("|", "_")
            found[f"{name}_{key}"] = share.real * area
        if name == "blocking":
            found["blocking_capacitance_F_m2"] = -1e4 / (2 * np.pi * frequency * impedance.imag * area)
        linear.destroy()
        simulation.solver.destroy()
    return found


# --- a salt between two lithium electrodes ---


def salt() -> dict[str, float]:
    """A polymer at rest: largest distance from ohmic drop, kinetics and diffusion of salt, from 1 kHz to 0.1 mHz."""
    case = PolymerCase(cells=100, growth=1.08)
    simulation = brought(case, ("Rest for 1 s",))
    linear, sweep = Impedance(simulation.model), frequencies(1e3, 1e-4, 2)
    spectrum = linear.spectrum(sweep)
    found = spectrum.impedance * simulation.model.cell_area
    thermal = GAS * case.temperature / FARADAY
    polarised = salt_impedance(
        2 * np.pi * sweep, DIFFUSIVITY, MEAN, TRANSFERENCE, 1.5, LENGTH, case.temperature
    )
    exact = LENGTH / 100.0 + thermal / 20e-3 + thermal / 5e-3 + polarised
    total = sum(spectrum.shares.values(), np.zeros(len(sweep)))
    migration, diffusion = (
        spectrum.shares[f"{process} in polymer"] * simulation.model.cell_area
        for process in ("ionic conduction", "salt diffusion")
    )
    linear.destroy()
    simulation.solver.destroy()
    return {
        "largest_difference": float(np.max(np.abs(found / exact - 1))),
        "migration_difference": float(np.max(np.abs(migration / (LENGTH / 100.0) - 1))),
        "diffusion_difference": float(np.max(np.abs(diffusion - polarised) / np.abs(exact))),
        "sum_of_shares_error": float(np.max(np.abs(total / spectrum.impedance - 1))),
        "slow_resistance_ohm_cm2": float(found[-1].real) * OHM_CM2,
    }
