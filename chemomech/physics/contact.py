"""How much of an interface conducts: rough contact under pressure, the bond that holds it, contact found again.

a = f + (1 - f) A(p, p_m),   A the law of rough contact (`materials.contact_laws`), p the local normal pressure, p_m the
largest that it has ever been there (fabrication included).  Where the interface may debond, with damage D,
    a = f + (1 - f) [(1 - D) A(p, p_m) + D h A_loose(p, p_m)],
h the share that a broken place regains when it is pressed together again, A_loose without adhesion.  The floor f keeps
potentials determined where nothing touches.

On its way into the places that touch the current narrows: per area that touches this costs (rho1 + rho2) l(a).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import ufl

from chemomech.fields import COVERED_SHARE, LARGEST_PRESSURE, Field, Memory, State
from chemomech.materials.contact_laws import Narrowing, RoughContact
from chemomech.materials.maths import ufl_maths

FLOOR: Final = 1e-6
"""conducting fraction of what does not touch [-]"""

type OnFace = Callable[[State], Any]


@dataclass(frozen=True)
class FaceContact:
    """The conducting fraction of a face."""

    face: str
    """an interface, a|b, or the end of a region at a boundary, a@b"""
    law: RoughContact | None
    """None: all of what holds together conducts"""
    pressure: OnFace | None = None
    """normal pressure [GPa], negative in tension; needed with a law"""
    damage: OnFace | None = None
    """None: the interface cannot debond"""
    healing: Any = 0.0
    """h [-]"""
    adhering: float = 1.0
    """share of the undamaged area that adhesion holds: 0 where two bodies merely touch"""
    covered: bool = False
    """something grows where it touches: how much has ever touched is remembered"""

    @property
    def memory(self) -> Memory:
        """The largest pressure so far [GPa]."""
        return Memory(LARGEST_PRESSURE, self.face, "GPa")

    @property
    def covering(self) -> Memory:
        """The largest share that has conducted so far [-]."""
        return Memory(COVERED_SHARE, self.face, "-")

    @property
    def memories(self) -> tuple[Memory, ...]:
        """What the face remembers."""
        pressed = () if self.pressure is None else (self.memory,)
        return (*pressed, self.covering) if self.covered else pressed

    @property
    def fields(self) -> tuple[Field, ...]:
        """None of its own."""
        return ()

    def residual(self, state: State) -> ufl.Form:
        """Nothing: it acts through charge transfer."""
        return ufl.Form([])

    def observables(self, state: State) -> dict[str, ufl.Form]:
        """Conducting area [um^2]."""
        return {f"conducting area {self.face}": state.domain.on_face(self.fraction(state), self.face)}

    def remembered(self, state: State) -> Mapping[Memory, Any]:
        """The largest pressure, and the largest share that has conducted."""
        found = {} if self.pressure is None else {self.memory: self.pressure(state)}
        return found | {self.covering: self.fraction(state)} if self.covered else found

    def fraction(self, state: State) -> Any:
        """Share of the nominal area that conducts, in [FLOOR, 1]."""
        damage = None if self.damage is None else self.damage(state)
        held, loose = self._touching(state, self.adhering), self._touching(state, 0.0)
        share = held if damage is None else (1.0 - damage) * held + damage * self.healing * loose
        return FLOOR + (1.0 - FLOOR) * share

    def cover(self, state: State) -> Any:
        """Share of the nominal area that has conducted at one time or another, now included [-]."""
        return ufl.max_value(state.remembered(self.covering), self.fraction(state))

    def _touching(self, state: State, adhering: float) -> Any:
        if self.law is None or self.pressure is None:
            return adhering
        largest = state.remembered(self.memory)
        return self.law.fraction(self.pressure(state), largest, adhering=adhering, maths=ufl_maths())


@dataclass(frozen=True)
class Constriction:
    """A layer in series with what crosses a face: the current narrows into the places that touch."""

    face: str
    narrowing: Narrowing
    resistivities: tuple[OnFace, ...]
    """of the bodies through which the current comes [V um/nA]; a metal adds nothing"""
    fraction: OnFace
    """a [-]"""
    word: str = "constriction"

    @property
    def fields(self) -> tuple[Field, ...]:
        """None of its own."""
        return ()

    def residual(self, state: State) -> ufl.Form:
        """Nothing: it is part of what crosses the face."""
        return ufl.Form([])

    def observables(self, state: State) -> dict[str, ufl.Form]:
        """Resistance per area that touches x area [V um^4/nA]."""
        return {f"constriction {self.face}": state.domain.on_face(self.resistance(state), self.face)}

    def resistance(self, state: State) -> Any:
        """Resistance per area that touches, (rho1 + rho2) l(a) [V um^2/nA]."""
        length = self.narrowing.length(self.fraction(state), ufl_maths())
        return sum(resistivity(state) for resistivity in self.resistivities) * length

    def drop(self, state: State, current: Any) -> Any:
        """Ohm's law, `current` being that through the area that touches [V]."""
        return current * self.resistance(state)
