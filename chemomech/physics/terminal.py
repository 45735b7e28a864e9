"""The terminals of the cell: current collector or working electrode, cell voltage, counter electrode.

The cell passes a current density i through its terminal [positive = into the electrolyte or the active material's
electrons = charging]; V is one global unknown, and one Constant chooses whether the current or the voltage is given:
    mode (i - I/A) + (1 - mode) g (V - V_set) = 0, integrated over the terminal, g a conductance.

* A collector on active material: i = a (V - phi_s)/(R_c + R_s), a the share that touches, R_s a constriction.
* Lithium metal on the electrolyte: i = a i_BV(E - phi_e - drops(i/a)) + i_side, E = V (working) or E = 0 (counter);
  i_side is what an interphase that grows on the metal takes.
* A blocking electrode on the electrolyte: i = C dE/dt + sum of i_side(E), E = V - phi_e - i R, R of a coating on it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import chemomech.runtime  # noqa: F401

import ufl
from dolfinx import fem

from chemomech.fields import CELL_VOLTAGE, ELECTRONIC_POTENTIAL, Field, State
from chemomech.materials.kinetics import Kinetics
from chemomech.physics.balance import Divided, Layer, Loss, Narrowed, Own, outflow


@dataclass(frozen=True)
class Control:
    """What is imposed on the cell; constants, so that no change of control recompiles a form."""

    current: fem.Constant
    """[nA], positive = charging"""
    voltage: fem.Constant
    """[V]"""
    mode: fem.Constant
    """1 = current is imposed, 0 = voltage is imposed"""

    def equation(self, density: Any, voltage: Any, conductance: Any, area: float) -> Any:
        """The equation of the cell voltage per area of the terminal, zero at the solution [nA/um^2]."""
        deviation = conductance * (voltage - self.voltage)
        return self.mode * (density - self.current / area) + (1 - self.mode) * deviation


@dataclass(frozen=True)
class CurrentCollector:
    """Electronic contact of resistance R_c between the cell's terminal and the active material."""

    region: str
    boundary: str | None
    """named boundary, or None when a conductive network touches the whole surface towards ``neighbours``"""
    neighbours: tuple[str, ...]
    contact_resistance: Any
    """[V um^2/nA]"""
    control: Control
    area: float
    """[um^2]"""
    conducting_fraction: Callable[[State], Any] | None = None
    """share of the nominal area that conducts, in (0, 1]; None means all of it"""
    constriction: Narrowed | None = None
    """in series where the area touches"""

    @property
    def fields(self) -> tuple[Field, ...]:
        """Electronic potential and the global cell voltage."""
        return (ELECTRONIC_POTENTIAL, CELL_VOLTAGE)

    def residual(self, state: State) -> ufl.Form:
        """Current into the active material, and the equation of the cell voltage."""
        density = self.density(state)
        voltage = self._trace(state.value[CELL_VOLTAGE])
        prescribed = self.control.equation(density, voltage, 1 / self.contact_resistance, self.area)
        entering = self._integrate(state, -density * self._trace(state.test[ELECTRONIC_POTENTIAL]))
        return entering + self._integrate(state, prescribed * self._trace(state.test[CELL_VOLTAGE]))

    def observables(self, state: State) -> dict[str, ufl.Form]:
        """Cell current [nA], positive = charging."""
        return {"cell current": self._integrate(state, self.density(state))}

    def density(self, state: State) -> Any:
        """Current density from the terminal into the active material [nA/um^2]."""
        # The references are subtracted apart: added to both first, they would cost the small drop its digits.
        terminal, electrons = state.unknowns[CELL_VOLTAGE], state.unknowns[ELECTRONIC_POTENTIAL]
        drop = self._trace(terminal.function) - self._trace(electrons.function)
        density = (drop + (terminal.reference - electrons.reference)) / self._total(state)
        return density if self.conducting_fraction is None else self.conducting_fraction(state) * density

    def narrowed(self, state: State) -> tuple[Divided, ...]:
        """The terms of both rows, and the constriction's share of their drop."""
        if self.constriction is None:
            return ()
        share, density = self.constriction.resistance(state) / self._total(state), self.density(state)
        terms = {
            ELECTRONIC_POTENTIAL: -density * self._trace(state.test[ELECTRONIC_POTENTIAL]),
            CELL_VOLTAGE: self.control.mode * density * self._trace(state.test[CELL_VOLTAGE]),
        }
        return tuple(
            Divided("constriction", row, self._integrate(state, term), share) for row, term in terms.items()
        )

    def _total(self, state: State) -> Any:
        # per area that touches
        narrow = 0.0 if self.constriction is None else self.constriction.resistance(state)
        return self.contact_resistance + narrow

    def _trace(self, value: Any) -> Any:
        return value if self.boundary is not None else value("+")

    def _integrate(self, state: State, integrand: Any) -> ufl.Form:
        if self.boundary is not None:
            return state.domain.on_boundary(integrand, self.boundary, [self.region])
        return state.domain.on_interface(integrand, [self.region], self.neighbours)


class Electrode(Protocol):
    """Metal on a boundary of the electrolyte: what current it passes, and into which ionic potentials."""

    @property
    def boundary(self) -> str:
        """Where it is."""

    @property
    def touching(self) -> Mapping[Field, tuple[str, ...]]:
        """Regions that it touches, by their ionic potential."""

    @property
    def fields(self) -> tuple[Field, ...]:
        """The fields it needs."""

    def density(self, state: State, potential: Field) -> Any:
        """Current density into the electrolyte whose ionic potential this is [nA/um^2]."""

    def residual(self, state: State) -> ufl.Form:
        """Its current enters the electrolyte."""

    def losses(self, state: State) -> tuple[Loss, ...]:
        """What each layer on it takes of the overpotential."""

    def own(self, state: State, mode: Any) -> tuple[Own, ...]:
        """What side reactions put into its rows, where their shares are known; mode: 1 where the current is given."""

    def observables(self, state: State) -> dict[str, ufl.Form]:
        """What it stores."""


def passed(electrode: Electrode, state: State) -> ufl.Form:
    """Current from an electrode into the electrolyte [nA]."""
    return sum(
        (
            state.domain.on_boundary(electrode.density(state, potential), electrode.boundary, regions)
            for potential, regions in electrode.touching.items()
        ),
        ufl.Form([]),
    )


def entering(electrode: Electrode, state: State) -> ufl.Form:
    """The current of an electrode as a gain of the ionic potentials that it touches."""
    return sum(
        (
            outflow(state, potential, -electrode.density(state, potential), electrode.boundary, regions)
            for potential, regions in electrode.touching.items()
        ),
        ufl.Form([]),
    )


class Contact(Protocol):
    """How much of an electrode touches."""

    @property
    def face(self) -> str:
        """Where: a region and a boundary, "a@b"."""

    def fraction(self, state: State) -> Any:
        """Share of the nominal area that conducts, in (0, 1]."""


class SideReaction(Protocol):
    """What takes current from an electrode beside its charge transfer or its double layer."""

    def density(self, state: State, potential: Field) -> Any:
        """Current density into the electrolyte whose ionic potential this is [nA/um^2]."""


class NamedReaction(SideReaction, Protocol):
    """One that has a share of its own in the impedance."""

    @property
    def name(self) -> str:
        """What it is called, and its place: "sulfur at right"."""

    @property
    def unreacted(self) -> Field:
        """What of it is left."""

    def residual(self, state: State) -> ufl.Form:
        """The equation of what is left, and no other."""


@dataclass(frozen=True)
class LithiumElectrode:
    """Lithium metal at a potential E on a boundary of the electrolyte: i = a i_BV(E - phi_e - drops(i/a)) + i_side."""

    boundary: str
    touching: Mapping[Field, tuple[str, ...]]
    kinetics: Kinetics
    metal: Field | None = None
    """the potential E of the metal as an unknown; None where it is 0 V: the counter electrode"""
    layers: tuple[Layer, ...] = ()
    """what the current of charge transfer passes in series"""
    film_current: Field | None = None
    """that current density on the boundary as an unknown, needed with layers"""
    side: SideReaction | None = None
    """what grows on the metal and takes current"""
    contact: Contact | None = None
    """how much of the area touches; None means all of it"""

    @property
    def fields(self) -> tuple[Field, ...]:
        """The ionic potentials it sets, its own where that is an unknown, the current through a film."""
        own = () if self.metal is None else (self.metal,)
        film = () if self.film_current is None else (self.film_current,)
        return (*self.touching, *own, *film, *(field for layer in self.layers for field in layer.fields))

    def density(self, state: State, potential: Field) -> Any:
        """Current density into the electrolyte [nA/um^2]."""
        metal = self._charge_transfer(state, potential)
        return metal if self.side is None else metal + self.side.density(state, potential)

    def _charge_transfer(self, state: State, potential: Field) -> Any:
        if self.film_current is not None:
            return state.value[self.film_current]
        return self._fraction(state) * self.kinetics.current(self._drop(state, potential))

    def residual(self, state: State) -> ufl.Form:
        """Current from lithium enters the electrolyte; the law of charge transfer behind layers."""
        form = entering(self, state)
        if self.film_current is not None:
            density, fraction = state.value[self.film_current], self._fraction(state)
            for potential, regions in self.touching.items():
                lost = sum(layer.drop(state, density / fraction) for layer in self.layers)
                law = density - fraction * self.kinetics.current(self._drop(state, potential) - lost)
                form += outflow(state, self.film_current, law, self.boundary, regions)
        return form

    def losses(self, state: State) -> tuple[Loss, ...]:
        """What each layer takes of the overpotential."""
        if self.film_current is None:
            return ()
        found, fraction = [], self._fraction(state)
        for potential, regions in self.touching.items():
            density = state.value[self.film_current] / fraction
            drops = [layer.drop(state, density) for layer in self.layers]
            slope = fraction * self.kinetics.slope(self._drop(state, potential) - sum(drops))
            for layer, drop in zip(self.layers, drops, strict=True):
                form = outflow(state, self.film_current, drop, self.boundary, regions)
                found.append(Loss(layer.word, self.film_current, form, slope))
        return tuple(found)

    def own(self, state: State, mode: Any) -> tuple[Own, ...]:
        """None: what an interphase takes is part of the electrode's share."""
        return ()

    def observables(self, state: State) -> dict[str, ufl.Form]:
        """Current of lithium ions that leave the metal [nA]: without what the interphase takes; where only part of the
        area conducts, the conductance near equilibrium [nA/V]."""
        given = (
            state.domain.on_boundary(self._charge_transfer(state, potential), self.boundary, regions)
            for potential, regions in self.touching.items()
        )
        found = {f"metal current at {self.boundary}": sum(given, ufl.Form([]))}
        if self.contact is not None:
            layers = sum(layer.drop(state, 1.0) for layer in self.layers)
            conductance = self._fraction(state) / (layers + 1.0 / self.kinetics.conductance(0.5))
            form = state.domain.on_face(conductance, self.contact.face)
            found[f"interface conductance {self.contact.face}"] = form
        return found

    def _fraction(self, state: State) -> Any:
        return 1.0 if self.contact is None else self.contact.fraction(state)

    def _drop(self, state: State, potential: Field) -> Any:
        metal = 0.0 if self.metal is None else state.value[self.metal]
        return metal - state.value[potential]


@dataclass(frozen=True)
class BlockingElectrode:
    """An electrode that takes up no lithium: i = C dE/dt + sum of i_side(E), E = V - phi_e - i R."""

    boundary: str
    touching: Mapping[Field, tuple[str, ...]]
    double_layer: Any
    """C [nC/(V um^2)]"""
    metal: Field = CELL_VOLTAGE
    """the potential V of the metal"""
    sides: tuple[NamedReaction, ...] = ()
    """what decomposes on it"""
    film_current: Field | None = None
    """i through a coating, as an unknown on the boundary; None without coating"""
    film_resistance: Any = 0.0
    """R [V um^2/nA]"""

    @property
    def fields(self) -> tuple[Field, ...]:
        """The ionic potentials and its own, the current through a coating."""
        film = () if self.film_current is None else (self.film_current,)
        return (*self.touching, self.metal, *film)

    def density(self, state: State, potential: Field) -> Any:
        """Current density into the electrolyte [nA/um^2]."""
        return self._passed(state, potential) if self.film_current is None else state.value[self.film_current]

    def residual(self, state: State) -> ufl.Form:
        """The charge of the metal repels ions into the electrolyte; what leaves the metal passes the coating."""
        form = entering(self, state)
        if self.film_current is not None:
            for potential, regions in self.touching.items():
                law = state.value[self.film_current] - self._passed(state, potential)
                form += outflow(state, self.film_current, law, self.boundary, regions)
        return form

    def losses(self, state: State) -> tuple[Loss, ...]:
        """None: what passes a coating is not a reaction alone; see `own`."""
        return ()

    def own(self, state: State, mode: Any) -> tuple[Own, ...]:
        """The currents of side reactions in the balances, or in the law of the current through a coating, and that."""
        found = []
        for potential, regions in self.touching.items():
            if self.film_current is not None:
                form = outflow(
                    state, self.film_current, -self._passed(state, potential), self.boundary, regions
                )
                found.append(Own("coating", self.film_current, form, self.film_current))
            for side in self.sides:
                density = side.density(state, potential)
                rows = {potential: -density, self.metal: mode * density}
                if self.film_current is not None:
                    rows = {self.film_current: -density}
                for row, term in rows.items():
                    form = outflow(state, row, term, self.boundary, regions)
                    found.append(Own(f"side reaction {side.name.partition(' at ')[0]}", row, form))
        if self.film_current is not None:  # a coating slows down what uses a reaction up, too
            sides = self.sides
            found += [Own("coating", one.unreacted, one.residual(state), self.film_current) for one in sides]
        return tuple(found)

    def observables(self, state: State) -> dict[str, ufl.Form]:
        """Charge of the metal's surface [nC]."""
        stored = sum(
            (
                state.domain.on_boundary(
                    self.double_layer * self._drop(state.value, potential), self.boundary, regions
                )
                for potential, regions in self.touching.items()
            ),
            ufl.Form([]),
        )
        return {f"double-layer charge at {self.boundary}": stored}

    def _passed(self, state: State, potential: Field) -> Any:
        moving = (
            (self.metal, potential)
            if self.film_current is None
            else (self.metal, potential, self.film_current)
        )
        charging = self.double_layer * self._drop({item: state.rate(item) for item in moving}, potential)
        return sum((side.density(state, potential) for side in self.sides), charging)

    def _drop(self, values: Mapping[Field, Any], potential: Field) -> Any:
        drop = values[self.metal] - values[potential]
        return drop if self.film_current is None else drop - self.film_resistance * values[self.film_current]


@dataclass(frozen=True)
class CounterElectrode:
    """The electrode at 0 V that closes the circuit."""

    electrode: Electrode

    @property
    def fields(self) -> tuple[Field, ...]:
        """Those of the electrode."""
        return self.electrode.fields

    def residual(self, state: State) -> ufl.Form:
        """Its current enters the electrolyte."""
        return self.electrode.residual(state)

    def losses(self, state: State) -> tuple[Loss, ...]:
        """Those of the electrode."""
        return self.electrode.losses(state)

    def observables(self, state: State) -> dict[str, ufl.Form]:
        """Current into the electrolyte [nA]; negative while charging."""
        return {"counter current": passed(self.electrode, state), **self.electrode.observables(state)}


@dataclass(frozen=True)
class WorkingElectrode:
    """The terminal of a cell without active material: an electrode on the electrolyte, at the cell voltage."""

    electrode: Electrode
    control: Control
    area: float
    """[um^2]"""
    conductance: Any
    """g, the size of i/(V - phi_e) [nA/(V um^2)]"""

    @property
    def fields(self) -> tuple[Field, ...]:
        """Those of the electrode, and the cell voltage."""
        return tuple(dict.fromkeys((*self.electrode.fields, CELL_VOLTAGE)))

    def residual(self, state: State) -> ufl.Form:
        """Current into the electrolyte, and the equation of the cell voltage."""
        form, voltage = self.electrode.residual(state), state.value[CELL_VOLTAGE]
        for potential, regions in self.electrode.touching.items():
            density = self.electrode.density(state, potential)
            prescribed = self.control.equation(density, voltage, self.conductance, self.area)
            form += outflow(state, CELL_VOLTAGE, prescribed, self.electrode.boundary, regions)
        return form

    def losses(self, state: State) -> tuple[Loss, ...]:
        """Those of the electrode."""
        return self.electrode.losses(state)

    def own(self, state: State) -> tuple[Own, ...]:
        """What side reactions on it put into its rows and into the equation of the cell voltage."""
        return self.electrode.own(state, self.control.mode)

    def observables(self, state: State) -> dict[str, ufl.Form]:
        """Cell current [nA], positive = charging; what the electrode stores."""
        return {"cell current": passed(self.electrode, state), **self.electrode.observables(state)}
