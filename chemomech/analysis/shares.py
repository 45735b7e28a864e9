"""Which process contributes what to the impedance: y . A x, taken apart term by term (see `impedance`).

Only rows of balances are needed: a row that defines an unknown (chemical potential, displacement, film current) has
no load, so its terms cancel.  What is left is named after the process and the place of its integral:

    electronic conduction in a, ionic conduction in e, diffusion in a (storage included: the response of the
    composition, with all that stress adds to it), salt diffusion and space charge in e, charge transfer at a|e,
    double layer at a|e, each layer in series with it (film, coating, interphase, interdiffusion, space-charge layer),
    side reaction at a|e, contact resistance at the collector, working and counter electrode at their boundaries with
    the layers on them, ionic contact and core layer at e|f.

Where an interface conducts in part, its processes are those of the part that does.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import chemomech.runtime  # noqa: F401

import numpy as np
import ufl
from dolfinx.fem import petsc as fempetsc
from mpi4py import MPI
from petsc4py import PETSc

from chemomech.analysis.pairs import pairs
from chemomech.analysis.processes import at_surface, in_region, parts
from chemomech.fields import CELL_VOLTAGE, Field, State
from chemomech.physics.balance import Physics
from chemomech.solver.frequency import ComplexArray
from chemomech.solver.linearised import Linearised

BALANCES: Final = ("parabolic", "elliptic")
"""treatments of fields whose rows are balances"""


@dataclass(frozen=True)
class _Term:
    """One block of one process, about the state: K and, where rates enter, M."""

    process: str
    layer: str | None
    """where its M is to be counted: a process of its own on surfaces"""
    row: Field
    column: Field
    still: PETSc.Mat
    moving: PETSc.Mat | None
    sign: float = 1.0


class Shares:
    """The terms of a model's residual, assembled about its present state."""

    def __init__(self, state: State, physics: Sequence[Physics], linearised: Linearised) -> None:
        self.state = state
        self._linearised = linearised
        self._terms = [term for item in physics for term in (*self._terms_of(item), *self._parted(item))]
        self._pairs = [pairs(term.still) for term in self._terms]

    def at(
        self, omega: float, x: Mapping[Field, ComplexArray], y: Mapping[Field, ComplexArray]
    ) -> dict[str, complex]:
        """Return y . A x of every process, the solutions given as what this rank owns (collective)."""
        found: dict[str, complex] = {}
        for term, flow in zip(self._terms, self._pairs, strict=True):
            right, left = x[term.column], y[term.row]
            value = left @ _times(term.still, right) if flow is None else flow.product(left, right)
            value = term.sign * value
            found[term.process] = found.get(term.process, 0.0) + complex(value)
            if term.moving is not None:
                value = term.sign * 1j * omega * (y[term.row] @ _times(term.moving, x[term.column]))
                name = term.layer or term.process
                found[name] = found.get(name, 0.0) + complex(value)
        values = np.array(list(found.values()))
        total = np.empty_like(values)
        self.state.domain.comm.Allreduce(values, total, op=MPI.SUM)
        return dict(zip(found, (complex(value) for value in total), strict=True))

    def destroy(self) -> None:
        """Free the matrices."""
        for flow in self._pairs:
            if flow is not None:
                flow.destroy()
        for term in self._terms:
            term.still.destroy()
            if term.moving is not None:
                term.moving.destroy()

    # ---- terms ------------------------------------------------------------------------------------

    def _terms_of(self, physics: Physics) -> Iterator[_Term]:
        for row, form in _rows(self.state, physics.residual(self.state)):
            if row.treatment not in BALANCES and row != CELL_VOLTAGE:
                continue
            for place, part in self._places(form).items():
                if _on_surface(part):
                    process, layer = at_surface(physics, place), f"double layer at {place}"
                else:
                    process = layer = in_region(row, place)
                for column in self.state.unknowns:
                    block = self._derivative(part, column)
                    if block is not None:
                        yield _Term(process, layer, row, column, *self._evaluated(block))

    def _places(self, form: ufl.Form) -> dict[str, ufl.Form]:
        found: dict[str, list[Any]] = {}
        for integral in form.integrals():
            found.setdefault(self.state.domain.place(integral), []).append(integral)
        return {place: ufl.Form(integrals) for place, integrals in found.items()}

    def _derivative(self, form: ufl.Form, column: Field) -> ufl.Form | None:
        function = self.state.unknowns[column].function
        trial = ufl.TrialFunction(function.function_space)
        block = ufl.algorithms.expand_derivatives(ufl.derivative(form, function, trial))
        return None if isinstance(block, ufl.ZeroBaseForm) or block.empty() else block

    def _parted(self, physics: Physics) -> Iterator[_Term]:
        # What is given to one process is taken from the one that the row is counted as.
        for part in parts(physics, self.state):
            space = self.state.unknowns[part.row].space
            form = ufl.replace(part.form, {self.state.test[part.row]: ufl.TestFunction(space)})
            for place, here in self._places(form).items():
                surface = _on_surface(here)
                rest = at_surface(physics, place) if surface else in_region(part.row, place)
                name = f"{part.word} {'at' if surface else 'in'} {place}"
                for column in self.state.unknowns if part.through is None else [part.through]:
                    block = self._derivative(here, column)
                    if block is not None:
                        still, moving = self._evaluated(_scaled(block, part.factor))
                        yield _Term(name, None, part.row, column, still, moving, part.sign)
                        copies = still.copy(), None if moving is None else moving.copy()
                        yield _Term(rest, None, part.row, column, *copies, -part.sign)

    def _evaluated(self, block: ufl.Form) -> tuple[PETSc.Mat, PETSc.Mat | None]:
        # K and, where rates enter, M of a block.
        form = self._linearised.problem.compile(block)
        if self.state.time_factor in block.constants():
            return self._linearised.pair(lambda: _matrix(form))
        return self._linearised.evaluate(0.0, lambda: _matrix(form)), None


def _on_surface(form: ufl.Form) -> bool:
    return bool(form.integrals()[0].integral_type() != "cell")


def _scaled(form: ufl.Form, factor: Any) -> ufl.Form:
    return ufl.Form(
        [integral.reconstruct(integrand=factor * integral.integrand()) for integral in form.integrals()]
    )


def _times(matrix: PETSc.Mat, values: ComplexArray) -> ComplexArray:
    given, product = matrix.createVecs()
    parts = []
    for part in (values.real, values.imag):
        given.setArray(np.ascontiguousarray(part))
        matrix.mult(given, product)
        parts.append(product.array.copy())
    given.destroy()
    product.destroy()
    return np.asarray(parts[0] + 1j * parts[1])


def _rows(state: State, form: ufl.Form) -> Iterator[tuple[Field, ufl.Form]]:
    # The row of a field is what its test function is in.
    for item, test in state.test.items():
        others = {t: ufl.zero(t.ufl_shape) for other, t in state.test.items() if other != item}
        part = ufl.algorithms.expand_derivatives(ufl.replace(form, others))
        if test in part.arguments():
            space = state.unknowns[item].space
            yield item, ufl.replace(part, {test: ufl.TestFunction(space)})


def _matrix(form: Any) -> PETSc.Mat:
    matrix = fempetsc.create_matrix(form)
    fempetsc.assemble_matrix(matrix, form)
    matrix.assemble()
    return matrix
