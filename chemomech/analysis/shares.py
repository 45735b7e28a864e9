"""Which process contributes what to the impedance: y . A x, taken apart term by term (see `impedance`).

Only rows of balances are needed: a row that defines an unknown (chemical potential, displacement, film current) has
no load, so its terms cancel.  What is left is named after the process and the place of its integral:

    electronic conduction in a, ionic conduction in e, diffusion in a (storage included: the response of the
    composition, with all that stress adds to it), charge transfer at a|e, double layer at a|e, film at a|e,
    contact resistance at the collector, working and counter electrode at their boundaries, ionic contact at e|f.
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

from chemomech.fields import (
    CELL_VOLTAGE,
    CONCENTRATION,
    ELECTRONIC_POTENTIAL,
    IONIC_POTENTIAL,
    SALT_CONCENTRATION,
    Field,
    State,
)
from chemomech.physics.balance import Physics
from chemomech.physics.charge_transfer import ChargeTransfer
from chemomech.physics.ionic_contact import IonicContact
from chemomech.physics.terminal import CounterElectrode, CurrentCollector, WorkingElectrode
from chemomech.solver.frequency import LARGE_FACTOR, ComplexArray, Linearised

AT_INTERFACES: Final[dict[type, str]] = {
    ChargeTransfer: "charge transfer",
    CurrentCollector: "contact resistance",
    WorkingElectrode: "working electrode",
    CounterElectrode: "counter electrode",
    IonicContact: "ionic contact",
}
"""what a physics is called where it acts on a surface; one that is not listed goes by its class"""
IN_REGIONS: Final = {
    CONCENTRATION.quantity: "diffusion",
    ELECTRONIC_POTENTIAL.quantity: "electronic conduction",
    IONIC_POTENTIAL.quantity: "ionic conduction",
    SALT_CONCENTRATION.quantity: "salt transport",
}
"""what the balance of a quantity is called in the volume; one that is not listed goes by its name"""
CURRENT_DENSITY: Final = "nA/um^2"
"""unit of an unknown that is the current through layers"""
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
        self._terms = [term for item in physics for term in (*self._terms_of(item), *self._film(item))]

    def at(
        self, omega: float, x: Mapping[Field, ComplexArray], y: Mapping[Field, ComplexArray]
    ) -> dict[str, complex]:
        """Return y . A x of every process, the solutions given as what this rank owns (collective)."""
        found: dict[str, complex] = {}
        for term in self._terms:
            value = term.sign * (y[term.row] @ _times(term.still, x[term.column]))
            found[term.process] = found.get(term.process, 0.0) + complex(value)
            if term.moving is not None:
                value = 1j * omega * (y[term.row] @ _times(term.moving, x[term.column]))
                name = term.layer or term.process
                found[name] = found.get(name, 0.0) + complex(value)
        values = np.array(list(found.values()))
        total = np.empty_like(values)
        self.state.domain.comm.Allreduce(values, total, op=MPI.SUM)
        return dict(zip(found, (complex(value) for value in total), strict=True))

    def destroy(self) -> None:
        """Free the matrices."""
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
                surface = part.integrals()[0].integral_type() != "cell"
                if surface:
                    name = AT_INTERFACES.get(type(physics), type(physics).__name__)
                    process, layer = f"{name} at {place}", f"double layer at {place}"
                else:
                    process = f"{IN_REGIONS.get(row.quantity, row.quantity.replace('_', ' '))} in {place}"
                    layer = process
                for column in self.state.unknowns:
                    block = self._derivative(part, column)
                    if block is not None:
                        yield self._assembled(process, layer, row, column, block)

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

    def _assembled(self, process: str, layer: str, row: Field, column: Field, block: ufl.Form) -> _Term:
        still = self._evaluated(block)
        moving = None
        if self.state.time_factor in block.constants():
            form = self._linearised.problem.compile(block)
            moving = self._linearised.evaluate(LARGE_FACTOR, lambda: _matrix(form))
            moving.axpy(-1.0, still, PETSc.Mat.Structure.DIFFERENT_NONZERO_PATTERN)
            moving.scale(1.0 / LARGE_FACTOR)
        return _Term(process, layer, row, column, still, moving)

    def _film(self, physics: Physics) -> Iterator[_Term]:
        # The row of a current density i on a surface is i - i_BV(eta - drop(i)) = 0, linearised i + g drop' i - ...:
        # what is in it besides i itself is the share of the layers, taken from that of the charge transfer.
        for row, form in _rows(self.state, physics.residual(self.state)):
            if row.unit != CURRENT_DENSITY:
                continue
            for place, part in self._places(form).items():
                block = self._derivative(part, row)
                assert block is not None
                film = self._evaluated(block)
                itself = self._evaluated(self._mass(part.integrals()[0], row))
                film.axpy(-1.0, itself, PETSc.Mat.Structure.SAME_NONZERO_PATTERN)
                itself.destroy()
                yield _Term(f"film at {place}", None, row, row, film, None, -1.0)
                name = AT_INTERFACES.get(type(physics), type(physics).__name__)
                yield _Term(f"{name} at {place}", None, row, row, film.copy(), None, 1.0)

    def _mass(self, integral: Any, item: Field) -> ufl.Form:
        space, weight = self.state.unknowns[item].space, self.state.domain.weight
        product = weight * ufl.TestFunction(space) * ufl.TrialFunction(space)
        sided = integral.integral_type() == "interior_facet"
        return ufl.Form([integral.reconstruct(integrand=product("+") if sided else product)])

    def _evaluated(self, block: ufl.Form) -> PETSc.Mat:
        form = self._linearised.problem.compile(block)
        return self._linearised.evaluate(0.0, lambda: _matrix(form))


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
