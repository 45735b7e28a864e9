"""The assembled Jacobian against finite differences, and whether the residual feels every number, all options on."""

from dataclasses import replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from dolfinx import fem
from dolfinx.fem import petsc as fempetsc
from mpi4py import MPI

from chemomech.fields import CONCENTRATION, DISPLACEMENT, Field
from chemomech.model import Model
from chemomech.verification.written_case import (
    EVERYTHING,
    LAWS,
    LAYERS,
    LITHIUM_LAYER,
    CellCase,
    model_of,
    written,
)

type Array = npt.NDArray[np.float64]

CASE: Final = CellCase(
    transfer=EVERYTHING,
    layers=LAYERS,
    film=', film_resistance = "1e-3 ohm m^2"' + LITHIUM_LAYER,
    mechanics='lattice_velocity = ["0.002 um/s", "0.001 um/s"]',
    pressure='[pressure]\nat = "right"\nfixture = "5 GPa/mm"\ninitial = "5 MPa"',
    laws=LAWS | {"diffusivity": "4e-15*(1 + theta)"},
)
ROUGH: Final = "unloading_exponent = 0.6, retained = 0.3, constriction = true"
SPOT: Final = 'spot_radius = "0.2 um"'
PARTING: Final = replace(
    CASE,
    layers=LAYERS + f'contact = {{ law = "persson", slope = 0.1, healing = 0.5, {ROUGH}, {SPOT} }}\n'
    'cohesive = { strength = "50 MPa", fracture_energy = "1 J/m^2", shear_ratio = 0.7, relaxation_time = "5 s" }\n',
    film=CASE.film + f', contact = {{ material = "lithium", law = "persson", slope = 0.1, {ROUGH}, {SPOT} }}',
    cell='collector_contact = { law = "greenwood_williamson", asperity_radius = "1 um", height_spread = "0.1 um",'
    f" {ROUGH} }}",
)
"""the same with rough contact at every face, constrictions, and a bond that breaks"""
APART: Final = {"pressed": -1e-4, "open": 0.02}
"""distance of the two bodies: pressed on each other, with the bond half broken [um]"""
SQUEEZED: Final = 0.01
"""strain of both bodies along the stack, so that all faces are firmly pressed"""
BEFORE: Final = {"largest pressure": 2.0, "damage": 0.1, "covered share": 0.0}
"""what the faces remember in the open state; nothing in the pressed one [GPa, -, -]"""
CHANGED: Final = {
    "potential": LAWS["potential"] + " - 0.01*theta",
    "diffusivity": "4e-15*(1 + 1.1*theta)",
    "swelling": "0.03*theta + 0.021*theta**2",
}


class Linearised:
    """Residual rows and Jacobian blocks of a model, at a state where nothing vanishes by accident.

    ``opening``: distance of two bodies that can part, which are then squeezed; None where displacements are any.
    """

    def __init__(self, model: Model, opening: float | None = None) -> None:
        self.model = model
        self.opening = opening
        problem = model.problem
        self.rows = problem.compile(problem.rows())
        self.disturb()

    def disturb(self) -> None:
        """Set every unknown, its history and the controls to something ordinary."""
        model, noise = self.model, np.random.default_rng(1)
        state = model.state
        model.control.mode.value, model.control.current.value, model.control.voltage.value = 0.5, 1e-3, 3.9
        state.time_factor.value = 0.3
        for unknown in state.unknowns.values():
            array = unknown.function.x.array
            array[:] = self.size(unknown.field) * noise.uniform(0.5, 1.0, len(array))
            if unknown.field is CONCENTRATION:
                array[:] = 0.063 * noise.uniform(0.4, 0.8, len(array))
            if unknown.history is not None:
                history = unknown.history.x.array
                history[:] = self.size(unknown.field) * noise.uniform(-0.1, 0.1, len(history))
        if self.opening is not None:
            self._part(self.opening)

    def _part(self, opening: float) -> None:
        state = self.model.state
        state.step.value = 3.0
        for item in state.having(DISPLACEMENT):
            unknown = state.unknowns[item]
            moved = opening if "particle" in unknown.support.regions else 0.0  # it lies on the right
            noise = unknown.function.x.array.copy()
            unknown.function.interpolate(
                lambda x, moved=moved: np.stack([moved - SQUEEZED * x[0], 0.3 * moved + 0.0 * x[0]])
            )
            unknown.function.x.array[:] += noise
        for memory, function in state.memory.items():
            function.x.array[:] = BEFORE[memory.quantity] if opening > 0.0 else 0.0

    def size(self, item: Field) -> float:
        """Return the size of an ordinary value of a field."""
        if self.opening is not None and item.quantity == DISPLACEMENT.quantity:
            return 0.05 * abs(self.opening)  # no point changes from open to closed
        return 0.02 * item.scale if item.unit == "V" else 0.5 * item.scale

    def residual(self) -> list[Array]:
        """Return the rows of the residual."""
        return [np.array(fem.assemble_vector(row).array) for row in self.rows]

    def along(self, direction: list[Array]) -> list[Array]:
        """Return the Jacobian times a direction, row by row."""
        matrix = fempetsc.assemble_matrix(self.model.problem.compile(self.model.problem.jacobian()))
        matrix.assemble()
        given, result = matrix.createVecs()
        given.setArray(np.concatenate(direction))
        matrix.mult(given, result)
        ends = np.cumsum([len(part) for part in direction])[:-1]
        product = np.split(result.array.copy(), ends)
        for item in (matrix, given, result):
            item.destroy()
        return product

    def shifted(self, base: list[Array], direction: list[Array], h: float) -> list[Array]:
        """Return the residual at base + h direction."""
        self.model.state.restore([x + h * d for x, d in zip(base, direction, strict=True)])
        found = self.residual()
        self.model.state.restore(base)
        return found


def jacobian() -> dict[str, float]:
    """Order of the Taylor remainder, error against central differences, and numbers without effect."""
    comm = MPI.COMM_SELF
    with written(CASE, comm) as (folder, record):
        model = model_of(folder, record, comm)
    system = Linearised(model)
    constants, idle = _constants(system)
    found = _derivative(system) | {
        "constants": float(constants),
        "constants_without_effect": float(len(idle)),
    }
    reference = system.residual()
    without = 0
    for name, text in CHANGED.items():
        with written(replace(CASE, laws=CASE.laws | {name: text}), comm) as (folder, record):
            other = Linearised(model_of(folder, record, comm))
        for here, there in zip(
            model.state.unknowns.values(), other.model.state.unknowns.values(), strict=True
        ):
            if here.offset is not None and there.offset is not None:
                there.offset.value = here.offset.value
        without += _same(reference, other.residual())
    return found | {"laws_without_effect": float(without)}


def parting() -> dict[str, float]:
    """The same for faces that conduct in part and can come apart: pressed on each other, and half broken."""
    # A number may have no effect in one of the two states: the bond's energy where nothing of it is broken.
    comm = MPI.COMM_SELF
    with written(PARTING, comm) as (folder, record):
        model = model_of(folder, record, comm)
    found: dict[str, float] = {}
    idle: list[set[int]] = []
    for word, opening in APART.items():
        system = Linearised(model, opening)
        found |= {f"{name}_{word}": value for name, value in _derivative(system).items()}
        constants, without = _constants(system)
        found[f"constants_{word}"] = float(constants)
        idle.append(without)
    return found | {"constants_without_effect": float(len(set.intersection(*idle)))}


def _derivative(system: Linearised) -> dict[str, float]:
    noise = np.random.default_rng(2)
    base = system.model.state.copy()
    unknowns = system.model.state.unknowns
    direction = [
        system.size(item) * noise.uniform(-1, 1, len(x)) for item, x in zip(unknowns, base, strict=True)
    ]
    slope, at_base = system.along(direction), system.residual()
    sizes = [_norm(row) for row in slope]
    steps = (1e-1, 3e-2, 1e-2)
    remainder = []
    for h in steps:
        moved = system.shifted(base, direction, h)
        parts = [
            _norm(a - b - h * s) / size for a, b, s, size in zip(moved, at_base, slope, sizes, strict=True)
        ]
        remainder.append(max(parts))
    best = np.inf
    for h in (1e-2, 1e-3, 1e-4):
        ahead, behind = system.shifted(base, direction, h), system.shifted(base, direction, -h)
        parts = [
            _norm((a - b) / (2 * h) - s) / size
            for a, b, s, size in zip(ahead, behind, slope, sizes, strict=True)
        ]
        best = min(best, max(parts))
    return {
        "order": float(np.polyfit(np.log(steps), np.log(remainder), 1)[0]),
        "central_difference_error": float(best),
        "rows": float(len(sizes)),
    }


def _constants(system: Linearised) -> tuple[int, set[int]]:
    # how many there are, and which of them have no effect
    constants: dict[int, Any] = {}
    for row in system.model.problem.rows():
        constants |= {id(one): one for one in row.constants()}
    reference, without = system.residual(), set[int]()
    for name, constant in constants.items():
        value = constant.value.copy()
        constant.value = value * 1.01 + (1e-3 if not np.any(value) else 0.0)
        if _same(reference, system.residual()):
            without.add(name)
        constant.value = value
    return len(constants), without


def _same(one: list[Array], other: list[Array]) -> bool:
    return all(_norm(a - b) <= 1e-12 * max(_norm(a), 1e-300) for a, b in zip(one, other, strict=True))


def _norm(values: Array) -> float:
    return float(np.linalg.norm(values))
