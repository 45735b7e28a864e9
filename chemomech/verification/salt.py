"""A binary salt: a manufactured solution, and polymer cells between lithium and lithium from the case file on."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import ufl

from chemomech.constants import FARADAY, GAS
from chemomech.domain import Domain
from chemomech.errors import RunError
from chemomech.fields import IONIC_POTENTIAL, SALT_CONCENTRATION, State
from chemomech.physics.balance import Physics, source
from chemomech.physics.conduction import Conduction
from chemomech.physics.salt_transport import SaltTransport, Solution
from chemomech.record import MOL_PER_M3, Meter, salt_balance_error
from chemomech.verification import salt_forms
from chemomech.verification.bench import NOTHING, Bench, fields_of, make_state, number
from chemomech.verification.manufactured import Exact, at_rest, distance, order, square, walls
from chemomech.verification.written_case import simulate

# --- a manufactured solution: a salt solution and a single-ion conductor that share the ionic potential ---

A: Final = "polymer"
B: Final = "filler"
SALT: Final = SALT_CONCENTRATION.on([A])
STEP: Final = 0.1
"""the one time step; all exact fields are linear in time, so that it adds no error"""
FILLER: Final = 30.0
TEMPERATURE: Final = 300.0
VELOCITY: Final = (0.4, -0.3)
SOLUTION: Final = Solution(
    conductivity=lambda c: 40.0 * c * (2.0 - 0.5 * c),
    transference_number=lambda c: 0.3 - 0.1 * c,
    thermodynamic_factor=lambda c: 1.0 + 0.4 * c**2,
    diffusivity=lambda c: 0.7 + 0.3 * c,
)


def concentration(t: float) -> Exact:
    """Salt [pmol/um^3]."""
    return lambda x, m: 1.0 + 0.3 * m.sin(2 * x[0] + x[1]) + t * 0.4 * m.cos(x[0] - x[1])


def potential(t: float) -> Exact:
    """Potential of lithium ions [V]."""
    return lambda x, m: 0.05 * m.sin(2 * x[0]) * m.cos(x[1]) - t * 0.03 * x[0] * x[1]


class Strong:
    """Exact fields and their fluxes at a time, written from the equations."""

    def __init__(self, domain: Domain, t: float) -> None:
        x = ufl.SpatialCoordinate(domain.mesh)
        self.c, self.phi = concentration(t)(x, ufl), potential(t)(x, ufl)
        self.rate = concentration(1.0)(x, ufl) - concentration(0.0)(x, ufl)
        c, anions = self.c, 0.7 + 0.1 * self.c
        conductivity = 80.0 * c - 20.0 * c**2
        thermal = GAS * TEMPERATURE / FARADAY
        self.salt_current = -conductivity * ufl.grad(self.phi) + 2 * conductivity * thermal * anions * (
            1 + 0.4 * c**2
        ) * ufl.grad(ufl.ln(c))
        self.filler_current = -FILLER * ufl.grad(self.phi)
        self.flux = (
            -(0.7 + 0.3 * c) * ufl.grad(c)
            - anions * self.salt_current / FARADAY
            + c * ufl.as_vector(VELOCITY)
        )


def manufactured() -> dict[str, float]:
    """Orders of concentration and potential, properties varying with concentration, a single-ion neighbour."""
    sizes = (8, 16, 32)
    errors = [_errors(n) for n in sizes]
    return {f"order_{name}": order(sizes, [e[name] for e in errors]) for name in errors[0]}


def _errors(count: int) -> dict[str, float]:
    domain = square(count, [A, B])
    moving = ufl.as_vector([number(domain, v) for v in VELOCITY])
    physics: list[Physics] = [
        SaltTransport({A: SOLUTION}, SALT, IONIC_POTENTIAL, number(domain, TEMPERATURE), moving),
        Conduction(IONIC_POTENTIAL, {B: number(domain, FILLER)}),
    ]
    state = make_state(domain, {A: "electrolyte", B: "electrolyte"}, fields_of(physics))
    exact = Strong(domain, STEP)
    for item, form in ((SALT, concentration), (IONIC_POTENTIAL, potential)):
        state.unknowns[item].function.x.array[:] = at_rest(state, item, [form(0.0)]).x.array
    conditions = [
        walls(state, SALT, [concentration(STEP)], (0.0,)),
        walls(state, IONIC_POTENTIAL, [potential(STEP)], (0.0, 1.0)),
    ]
    bench = Bench(state, physics, extra=_sources(state, exact), conditions=conditions)
    bench.scheme.restart(0.0, NOTHING)
    bench.scheme.begin(STEP)
    bench.solve()
    found = {
        "concentration": distance(bench, SALT, exact.c, [A]),
        "potential": distance(bench, IONIC_POTENTIAL, exact.phi, [A, B]),
    }
    bench.destroy()
    return found


def _sources(state: State, exact: Strong) -> list[ufl.Form]:
    """What the exact fields leave in the balances, with its sign turned."""
    domain, test = state.domain, state.test
    normal = ufl.FacetNormal(domain.mesh)("+")
    leaving = ufl.inner(exact.flux("+"), normal)
    jump = ufl.inner(exact.salt_current("+") - exact.filler_current("+"), normal)
    return [
        source(state, SALT, exact.rate + ufl.div(exact.flux), [A]),
        source(state, IONIC_POTENTIAL, ufl.div(exact.salt_current), [A]),
        source(state, IONIC_POTENTIAL, ufl.div(exact.filler_current), [B]),
        domain.on_interface(leaving * test[SALT]("+") + jump * test[IONIC_POTENTIAL]("+"), [A], [B]),
    ]


# --- whole cells ---

MATERIAL: Final = """
name = "gel"
formula = "X"
youngs_modulus = { value = 1, unit = "MPa", source = "verification", confirmed = true }
poissons_ratio = { value = 0.4, unit = "1", source = "verification", confirmed = true }
"""
LAYERS: Final = """
title = "Polymer"
kind = "layered"
coordinates = "plane strain"
width = "0.7 um"
structured = true
cells_across = 1
"""
CELL: Final = """
title = "Verification"
mesh = "mesh.toml"

[regions]
polymer = {{ material = "gel", role = "electrolyte", salt = {{ concentration = "{start} mol/m^3" }} }}
{filler}
[cell]
temperature = "{temperature} K"
working_electrode = {{ at = "{working}", kind = "lithium", exchange_current = "20 A/m^2" }}
counter_electrode = {{ at = "{counter}", kind = "lithium", exchange_current = "5 A/m^2" }}

[mechanics]
enabled = false
{velocity}
[protocol]
steps = {steps}

[numerics]
{numerics}
"""
CERAMIC: Final = """
[regions.ceramic]
material = "LLZO"
role = "electrolyte"
properties = { ionic_conductivity = "0.03 S/m" }

[interfaces."polymer|ceramic"]
"""
CONSTANT: Final = {
    "ionic_conductivity": ("value = 0.1", "S/m"),
    "transference_number": ("value = 0.2", "1"),
    "salt_diffusivity": ("value = 8e-12", "m^2/s"),
    "thermodynamic_factor": ("value = 1.5", "1"),
}
VARIABLE: Final = {
    "ionic_conductivity": ('expression = "0.12*c*exp(-0.4*c)"', "S/m"),
    "transference_number": ("polynomial = [0.3, -0.1]", "1"),
    "salt_diffusivity": ('expression = "1e-11/(1 + 0.3*c)"', "m^2/s"),
    "thermodynamic_factor": ("polynomial = [1.0, 0.2, 0.3]", "1"),
}
LENGTH: Final = 50.0
DIFFUSIVITY: Final = 8.0
TRANSFERENCE: Final = 0.2
VELOCITY_ALONG: Final = 0.08
"""of a moving polymer: v L/D = 1/2 [um/s]"""
MEAN: Final = 1e-3
"""1000 mol/m3 [pmol/um^3]"""


@dataclass(frozen=True)
class PolymerCase:
    """A polymer between two lithium electrodes, alone or with a ceramic layer."""

    length: float = LENGTH
    """of the polymer [um]"""
    cells: int = 60
    growth: float = 1.05
    working_right: bool = True
    ceramic: str | None = None
    """"left" or "right" of the polymer, 11 um thick"""
    resistance: bool = False
    """of 4e-3 ohm m2 between the two"""
    velocity: float | None = None
    """of the polymer along x [um/s]"""
    start: float = 1000.0
    temperature: float = 353.15
    steps: Sequence[str] = ("Rest for 1 hour",)
    numerics: str = ""
    laws: dict[str, tuple[str, str]] = field(default_factory=lambda: dict(CONSTANT))

    def write(self, folder: Path) -> None:
        """Write case.toml, mesh.toml and the material."""
        sides = ("right", "left") if self.working_right else ("left", "right")
        filler = "" if self.ceramic is None else CERAMIC
        filler += 'resistance = "4e-3 ohm m^2"\n' if self.resistance else ""
        text = CELL.format(
            start=self.start,
            filler=filler,
            temperature=self.temperature,
            working=sides[0],
            counter=sides[1],
            velocity=""
            if self.velocity is None
            else f'lattice_velocity = ["{self.velocity} um/s", "0 um/s"]\n',
            steps=json.dumps(list(self.steps)),
            numerics=self.numerics,
        )
        (folder / "case.toml").write_text(text, encoding="utf-8")
        layers = [
            f'[[layers]]\nname = "polymer"\nthickness = "{self.length:g} um"\ncells = {self.cells}\n'
            f'finer = "both"\ngrowth = {self.growth}\n'
        ]
        if self.ceramic is not None:
            at = 0 if self.ceramic == "left" else 1
            layers.insert(at, '[[layers]]\nname = "ceramic"\nthickness = "11 um"\ncells = 4\n')
        (folder / "mesh.toml").write_text(LAYERS + "\n".join(layers), encoding="utf-8")
        (folder / "materials").mkdir(exist_ok=True)
        laws = "".join(
            f'[{key}]\n{law}\nunit = "{unit}"\nsource = "verification"\nconfirmed = true\n'
            for key, (law, unit) in self.laws.items()
        )
        (folder / "materials" / "gel.toml").write_text(MATERIAL + laws, encoding="utf-8")


def least(meter: Meter) -> float:
    """Return the smallest salt concentration over the initial one."""
    region = meter.model.salts[0]
    return meter.salt_range(region)[0] / region.initial_concentration


def polarisation() -> dict[str, float]:
    """Half the limiting current, in both directions and orientations: the way to the steady profile, its voltage."""
    limit = salt_forms.limiting_current(DIFFUSIVITY, MEAN, TRANSFERENCE, LENGTH)
    current = limit / 2 * 1e2  # [mA/cm2]
    found: dict[str, float] = {}
    fine = 'time_tolerance = 3e-6\ninitial_step = "1e-3 s"'
    for name, side, word in (
        ("right", True, "Charge"),
        ("left", False, "Charge"),
        ("back", True, "Discharge"),
    ):
        case = PolymerCase(
            working_right=side, steps=(f"{word} at {current:.16g} mA/cm2 for 2 hours",), numerics=fine
        )
        _, trace = simulate(case, watch=least)
        found[f"voltage_V_{name}"] = float(trace.column("voltage")[-1])
        found[f"least_over_mean_{name}"] = trace.watched[-1]
        if name == "right":
            tau = DIFFUSIVITY * trace.time / LENGTH**2
            exact = 1 - 0.5 * salt_forms.polarised_salt(tau)
            later = tau > 1e-3
            found["largest_difference_from_series"] = float(
                np.max(np.abs(np.array(trace.watched) - exact)[later])
            )
    return found


def steady() -> dict[str, float]:
    """Steady states with properties that vary with concentration, and with a ceramic layer in series."""
    current = 2.0
    step = (f"Charge at {current} mA/cm2 for 3 hours",)
    case = PolymerCase(steps=step, laws=dict(VARIABLE), start=900.0)
    simulation, trace = simulate(case)
    low, high = simulation.meter.salt_range(simulation.model.salts[0])
    found = {
        "least_mol_m3": low * MOL_PER_M3,
        "most_mol_m3": high * MOL_PER_M3,
        "voltage_V": float(trace.column("voltage")[-1]),
    }
    for side in ("left", "right"):
        for resistance in (False, True):
            pair = PolymerCase(steps=step, ceramic=side, resistance=resistance, cells=20)
            _, trace = simulate(pair)
            name = "resistance" if resistance else "joined"
            found[f"voltage_V_ceramic_{side}_{name}"] = float(trace.column("voltage")[-1])
    return found


def convection() -> dict[str, float]:
    """Steady states in a polymer that moves, with the current and against it, the working electrode on either side."""
    limit = salt_forms.limiting_current(DIFFUSIVITY, MEAN, TRANSFERENCE, LENGTH)
    step = (f"Charge at {limit / 2 * 1e2:.16g} mA/cm2 for 2 hours",)
    found: dict[str, float] = {}
    worst = 0.0
    for way, right, velocity in (
        ("with_right", True, VELOCITY_ALONG),
        ("against_right", True, -VELOCITY_ALONG),
        ("against_left", False, -VELOCITY_ALONG),
    ):
        # positive current runs from the working to the counter electrode: to the left where the first is right
        case = PolymerCase(
            working_right=right,
            steps=step,
            velocity=-velocity if right else velocity,
            cells=240,
            growth=1.01,
        )
        simulation, trace = simulate(case)
        low, high = simulation.meter.salt_range(simulation.model.salts[0])
        found[f"voltage_V_{way}"] = float(trace.column("voltage")[-1])
        found[f"least_mol_m3_{way}"] = low * MOL_PER_M3
        found[f"most_mol_m3_{way}"] = high * MOL_PER_M3
        errors = [salt_balance_error(simulation.model, moment.reading) for moment in trace.moments]
        worst = max(worst, *errors)
    return found | {"salt_balance_error": worst}


def sand() -> dict[str, float]:
    """Time after which the salt at the electrode of a thick cell is used up, from its way down and its end."""
    case = PolymerCase(
        length=1000.0,
        cells=160,
        growth=1.08,
        steps=("Charge at 5 mA/cm2 until 1.2 V",),
        numerics='time_tolerance = 1e-6\ninitial_step = "1e-3 s"',
    )
    _, trace = simulate(case, watch=least)
    share = np.array(trace.watched)
    found = {}
    for level in (0.5, 0.1, 0.01):
        time = float(np.interp(-level, -share[1:], trace.time[1:]))
        found[f"sand_time_s_from_{level}"] = time / (1 - level) ** 2
    return found


def conservation() -> dict[str, float]:
    """Salt over a polarisation, its reversal and a rest, properties varying; and a cell that is left alone."""
    steps = ("Charge at 2 mA/cm2 for 1 hour", "Discharge at 2 mA/cm2 for 1 hour", "Rest for 20 hours")
    case = PolymerCase(steps=steps, laws=dict(VARIABLE), ceramic="left", resistance=True)
    simulation, trace = simulate(case, watch=least)
    worst = max(salt_balance_error(simulation.model, moment.reading) for moment in trace.moments)
    alone, rest = simulate(replace(case, steps=("Rest for 10 hours",)))
    start = alone.start
    if start is None:
        raise RunError("the simulation did not start")
    voltages: Any = [start.voltage, *rest.column("voltage")]
    currents: Any = [start.current, *rest.column("current")]
    return {
        "salt_balance_error": worst,
        "salt_moved": 1 - min(trace.watched),
        "voltage_after_rest_V": float(abs(trace.column("voltage")[-1])),
        "voltage_left_alone_V": float(np.max(np.abs(voltages))),
        "current_left_alone_mA_cm2": float(np.max(np.abs(currents))) / alone.model.cell_area * 1e2,
    }
