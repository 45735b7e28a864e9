"""The terms that balances are made of: storage, flux, source, exchange.

Every balance reads d(stored)/dt + div(flux) = source.  Tested and integrated by parts, its left-hand side is
storage + flux + what leaves through interfaces and boundaries.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import ufl

from chemomech.fields import Field, State


class Physics(Protocol):
    """What every physics offers: its fields, its part of the residual, and what it can report."""

    @property
    def fields(self) -> tuple[Field, ...]:
        """The fields this physics needs."""

    def residual(self, state: State) -> ufl.Form:
        """The weak form, summed over its fields' test functions; zero at the solution."""

    def observables(self, state: State) -> dict[str, ufl.Form]:
        """Scalar forms worth recording, by name."""


class Layer(Protocol):
    """What lies in series with a reaction at an interface, too thin to have a volume: a film, an interphase."""

    @property
    def word(self) -> str:
        """What it is called in results."""

    @property
    def fields(self) -> tuple[Field, ...]:
        """Unknowns of its own that it needs, such as a thickness on the interface."""

    def drop(self, state: State, current: Any) -> Any:
        """Voltage lost [V] where the current density [nA/um^2] passes; an expression inside dS or ds."""


@dataclass(frozen=True)
class Loss:
    """What one layer takes of the voltage of a reaction, in the equation i - i_BV(eta - drops(i)) = 0."""

    word: str
    """of the layer"""
    row: Field
    """the current i"""
    drop: ufl.Form
    """int drop t over the face"""
    conductance: Any
    """slope di_BV/d eta at the state [nA/(V um^2)]"""


@dataclass(frozen=True)
class Own:
    """Terms of a row that are a process of their own and grow with its conductance."""

    word: str
    """of the process"""
    row: Field
    form: ufl.Form
    through: Field | None = None
    """given: the process is the resistance that this current meets, and what the current takes off the terms is its"""


class Narrowed(Protocol):
    """What current loses on its way into the places that touch."""

    def resistance(self, state: State) -> Any:
        """Resistance per area that touches [V um^2/nA]; an expression inside dS or ds."""


@dataclass(frozen=True)
class Divided:
    """Terms of a balance of a current through resistances in series, and what one of these has of the drop."""

    word: str
    """of that one"""
    row: Field
    form: ufl.Form
    """the current into the row"""
    share: Any
    """its resistance over that of all [-]"""


def storage(state: State, field: Field, regions: Iterable[str]) -> ufl.Form:
    """Storage term: int (dc/dt) t dV."""
    return state.domain.over(state.rate(field) * state.test[field], regions)


def flux(state: State, field: Field, vector: Any, regions: Iterable[str]) -> ufl.Form:
    """Divergence of a flux, by parts: -int J . grad t dV; no flux leaves where nothing else is said."""
    return state.domain.over(-ufl.inner(vector, ufl.grad(state.test[field])), regions)


def source(state: State, field: Field, density: Any, regions: Iterable[str]) -> ufl.Form:
    """Source term on the left-hand side: -int s t dV."""
    return state.domain.over(-density * state.test[field], regions)


def outflow(
    state: State, field: Field, density: Any, boundary: str, regions: Iterable[str] | None = None
) -> ufl.Form:
    """What leaves through a boundary: int j t dA (j positive outward)."""
    return state.domain.on_boundary(density * state.test[field], boundary, regions)


def exchange(
    state: State,
    density: Any,
    leaving: Field,
    entering: Field,
    plus: frozenset[str],
    minus: frozenset[str],
) -> ufl.Form:
    """A flux that leaves one field on the "+" side and enters another on the "-" side, both signs at once.

    int j (t_leaving(+) - t_entering(-)) dA, so that nothing can be lost at an interface.
    """
    jump = state.test[leaving]("+") - state.test[entering]("-")
    return state.domain.on_interface(density * jump, plus, minus)
