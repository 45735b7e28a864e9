"""What lies in series with the reaction at an interface and takes part of the voltage: films, layers, constrictions."""

from dataclasses import dataclass
from typing import Any, Protocol

from chemomech.fields import Field, State


class Layer(Protocol):
    """A layer between the two sides of an interface, thin enough to have no volume."""

    @property
    def fields(self) -> tuple[Field, ...]:
        """Unknowns of its own that it needs, such as a thickness on the interface."""

    def drop(self, state: State, current: Any) -> Any:
        """Voltage lost [V] where the current density [nA/um^2] passes; an expression inside dS or ds."""


@dataclass(frozen=True)
class Film:
    """A film of constant area resistance: drop = i R."""

    resistance: Any
    """[V um^2/nA]"""

    @property
    def fields(self) -> tuple[Field, ...]:
        """None of its own."""
        return ()

    def drop(self, state: State, current: Any) -> Any:
        """Ohm's law, i R [V]."""
        return current * self.resistance
