"""What lies in series with the reaction at an interface and takes part of the voltage."""

from dataclasses import dataclass
from typing import Any

from chemomech.fields import Field, State


@dataclass(frozen=True)
class Film:
    """A film of constant area resistance: drop = i R."""

    resistance: Any
    """[V um^2/nA]"""
    word: str = "film"

    @property
    def fields(self) -> tuple[Field, ...]:
        """None of its own."""
        return ()

    def drop(self, state: State, current: Any) -> Any:
        """Ohm's law, i R [V]."""
        return current * self.resistance
