"""Interphases: layers that grow where an electrode meets its electrolyte, take charge and lithium, and resist current.

d delta/dt = r,   1/r = 1/r_reaction + delta/k,   r_reaction = k_r exp(+-alpha F (E - E_dec)/RT),
E = phi_s - phi_e the potential of the electrode against lithium, "+" where the electrolyte is oxidised, "-" where it
is reduced; k is Wagner's parabolic constant.  Without one of the two terms the other alone limits: delta^2 grows as
2 k t, or delta as k_r t.  Growth passes the side current i = +-(F/V_m) d delta/dt from the electrode into the
electrolyte (V_m the volume formed per mole of electrons), so that the interphase holds -+delta/V_m of lithium per area
more than before.

Where only a share a of the area touches it grows only there: delta, the mean over the nominal area, follows
d delta/dt = a r(h), with h = delta_0 + (delta - delta_0)/A the thickness where the bodies touch and A the largest share
that has touched since the start.  What was there at the start, delta_0, is everywhere.
Source: C. Wagner, Z. phys. Chem. B 21, 25 (1933) for k; series of rates: B. E. Deal and A. S. Grove,
J. Appl. Phys. 36, 3770 (1965).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import ufl

from chemomech.constants import FARADAY, GAS
from chemomech.fields import ELECTRONIC_POTENTIAL, IONIC_POTENTIAL, Field, State
from chemomech.physics.balance import exchange, outflow


@dataclass(frozen=True)
class Reaction:
    """The decomposition reaction as the limit of growth: r = k_r exp(sign alpha F (E - E_dec)/RT)."""

    rate: Any
    """k_r, growth speed at the decomposition potential [um/s]"""
    potential: Any
    """E_dec against lithium [V]"""
    coefficient: Any
    """alpha [-]"""
    temperature: Any
    """[K]"""
    sign: float
    """OXIDATION or REDUCTION"""

    def speed(self, potential: Any) -> Any:
        """Growth speed [um/s] at an electrode potential against lithium [V]."""
        f = FARADAY / (GAS * self.temperature)
        return self.rate * ufl.exp(self.sign * self.coefficient * f * (potential - self.potential))


@dataclass(frozen=True)
class Growth:
    """The law by which a layer grows: reaction, diffusion through it, or both in series."""

    reaction: Reaction | None = None
    constant: Any = None
    """k of parabolic growth [um^2/s]; None where diffusion does not limit"""
    factor: Any = 1.0
    """by which a coating and an additive change k_r and k [-]"""

    def speed(self, thickness: Any, potential: Any) -> Any:
        """Growth speed [um/s] at a thickness [um] and an electrode potential [V]."""
        if self.reaction is None:
            return self.factor * self.constant / thickness
        speed = self.reaction.speed(potential)
        if self.constant is not None:
            speed = speed / (1 + speed * thickness / self.constant)
        return self.factor * speed


@dataclass(frozen=True)
class Charge:
    """What growth takes: one electron, and with it one lithium ion, per volume V_m formed."""

    molar_volume: Any
    """V_m [um^3/pmol]"""
    sign: float
    """OXIDATION: electrons go to the electrode, lithium ions to the electrolyte; REDUCTION: both are consumed"""

    def density(self, speed: Any) -> Any:
        """Side current density from the electrode into the electrolyte [nA/um^2]."""
        return self.sign * FARADAY / self.molar_volume * speed

    def lithium(self, thickness: Any) -> Any:
        """Lithium that the interphase holds more than what it was made of [pmol/um^2]; negative for oxidation."""
        return -self.sign / self.molar_volume * thickness


class Touching(Protocol):
    """How much of a face touches."""

    def fraction(self, state: State) -> Any:
        """Share a of the nominal area [-]."""

    def cover(self, state: State) -> Any:
        """Largest share so far, A [-]."""


@dataclass(frozen=True)
class GrownLayer:
    """The resistance of a layer of variable thickness: drop = i h/kappa, i the current density where it passes."""

    thickness: Field
    """mean over the nominal area, delta"""
    conductivity: Any
    """[nA/(V um)]"""
    word: str
    """what the layer is called in results"""
    place: Literal["interface", "boundary"] = "interface"
    touching: Touching | None = None
    """None: all of the area touches"""
    start: Any = 0.0
    """delta_0, needed where the bodies touch in part [um]"""

    @property
    def fields(self) -> tuple[Field, ...]:
        """The thickness."""
        return (self.thickness,)

    def drop(self, state: State, current: Any) -> Any:
        """Ohm's law, i h/kappa [V]."""
        return current * self.height(state) / self.conductivity

    def height(self, state: State) -> Any:
        """Thickness where the bodies touch, h [um]; an expression inside dS or ds."""
        mean = state.value[self.thickness]
        mean = mean("+") if self.place == "interface" else mean
        return (
            mean if self.touching is None else self.start + (mean - self.start) / self.touching.cover(state)
        )

    def share(self, state: State) -> Any:
        """Share of the nominal area on which it grows, a [-]."""
        return 1.0 if self.touching is None else self.touching.fraction(state)


@dataclass(frozen=True)
class Interphase:
    """A growing layer on an oriented interface ("+" is the electrode's side)."""

    name: str
    """of the interface: "active|electrolyte", as in the case's results"""
    active: str
    electrolyte: str
    growth: Growth
    layer: GrownLayer
    charge: Charge | None = None
    """None where the layer grows without a reaction, as by interdiffusion"""
    ionic_potential: Field = IONIC_POTENTIAL

    @property
    def fields(self) -> tuple[Field, ...]:
        """The potentials that drive it and its thickness."""
        driven = self.charge is not None or self.growth.reaction is not None
        return (
            *((ELECTRONIC_POTENTIAL, self.ionic_potential) if driven else ()),
            self.layer.thickness,
        )

    def residual(self, state: State) -> ufl.Form:
        """Growth, and the side current in both charge balances."""
        plus, minus = frozenset([self.active]), frozenset([self.electrolyte])
        thickness, speed = self.layer.thickness, self._speed(state)
        grown = (state.rate(thickness)("+") - speed) * state.test[thickness]("+")
        form = state.domain.on_interface(grown, plus, minus)
        if self.charge is not None:
            density = self.charge.density(speed)
            form += exchange(state, density, ELECTRONIC_POTENTIAL, self.ionic_potential, plus, minus)
        return form

    def observables(self, state: State) -> dict[str, ufl.Form]:
        """Thickness x area, resistance x area, side current [nA], lithium in it [pmol] (part of the balance)."""
        plus, minus = frozenset([self.active]), frozenset([self.electrolyte])
        thickness = state.value[self.layer.thickness]("+")
        found = {
            f"{self.layer.word} thickness {self.name}": thickness,
            f"{self.layer.word} resistance {self.name}": self.layer.drop(state, 1.0),
        }
        if self.charge is not None:
            found[f"{self.layer.word} current {self.name}"] = self.charge.density(self._speed(state))
            found[f"lithium in {self.layer.word} {self.name}"] = self.charge.lithium(thickness)
        return {name: state.domain.on_interface(value, plus, minus) for name, value in found.items()}

    def _speed(self, state: State) -> Any:
        potential = 0.0
        if self.growth.reaction is not None:
            ions = state.value[self.ionic_potential]("-")
            potential = state.value[ELECTRONIC_POTENTIAL]("+") - ions
        return self.layer.share(state) * self.growth.speed(self.layer.height(state), potential)


@dataclass(frozen=True)
class LithiumInterphase:
    """A growing layer on lithium metal at a boundary; its side current is part of the electrode's."""

    boundary: str
    touching: Mapping[Field, tuple[str, ...]]
    """regions at the boundary, by their ionic potential"""
    growth: Growth
    layer: GrownLayer
    charge: Charge
    metal: Field | None = None
    """the potential of the metal as an unknown; None where it is 0 V"""

    @property
    def fields(self) -> tuple[Field, ...]:
        """The potentials that drive it and its thickness."""
        own = () if self.metal is None else (self.metal,)
        return (*self.touching, *own, self.layer.thickness)

    def density(self, state: State, potential: Field) -> Any:
        """Side current density from the metal into the electrolyte [nA/um^2]."""
        return self.charge.density(self._speed(state, potential))

    def residual(self, state: State) -> ufl.Form:
        """Growth."""
        thickness = self.layer.thickness
        rate = state.rate(thickness)
        parts = (
            outflow(state, thickness, rate - self._speed(state, potential), self.boundary, regions)
            for potential, regions in self.touching.items()
        )
        return sum(parts, ufl.Form([]))

    def observables(self, state: State) -> dict[str, ufl.Form]:
        """Thickness x area, resistance x area, side current [nA], lithium in it [pmol] (part of the balance)."""
        thickness = state.value[self.layer.thickness]
        found = {
            f"{self.layer.word} thickness {self.boundary}": thickness,
            f"{self.layer.word} resistance {self.boundary}": self.layer.drop(state, 1.0),
            f"lithium in {self.layer.word} {self.boundary}": self.charge.lithium(thickness),
        }
        regions = [name for names in self.touching.values() for name in names]
        forms = {
            name: state.domain.on_boundary(value, self.boundary, regions) for name, value in found.items()
        }
        current = (
            state.domain.on_boundary(self.density(state, potential), self.boundary, names)
            for potential, names in self.touching.items()
        )
        return {**forms, f"{self.layer.word} current {self.boundary}": sum(current, ufl.Form([]))}

    def _speed(self, state: State, potential: Field) -> Any:
        metal = 0.0 if self.metal is None else state.value[self.metal]
        speed = self.growth.speed(self.layer.height(state), metal - state.value[potential])
        return self.layer.share(state) * speed
