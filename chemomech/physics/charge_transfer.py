"""Charge transfer at an active | electrolyte interface: Butler-Volmer kinetics, layers in series, double layer.

i = a i0(theta) [exp(alpha_a F eta/RT) - exp(-alpha_c F eta/RT)],   positive current leaves the active material,
eta = phi_s - phi_e - w + kappa_eps tr(eps) - sum of drops(i/a),   w = U(theta) + Omega sigma_h/F   (or U alone).

i is per nominal area, a the conducting fraction of it (1 where no contact law says otherwise), so i/a passes where
the two solids touch.  The thermodynamic stress term (in w) and the phenomenological strain term are separate
switches.  With layers the current density is itself an unknown on the interface, because eta depends on it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import ufl

from chemomech.constants import FARADAY
from chemomech.fields import (
    CHEMICAL_POTENTIAL,
    CONCENTRATION,
    DISPLACEMENT,
    ELECTRONIC_POTENTIAL,
    IONIC_POTENTIAL,
    Field,
    State,
)
from chemomech.materials.kinetics import Kinetics
from chemomech.physics.balance import Layer, Loss, exchange


@dataclass(frozen=True)
class ChargeTransfer:
    """Faradaic and capacitive current across one oriented interface ("+" is the active side)."""

    name: str
    active: str
    electrolyte: str
    kinetics: Kinetics
    maximum_concentration: Any
    """[pmol/um^3]"""
    open_circuit_potential: Callable[[Any], Any] | None = None
    """given when the thermodynamic stress term is off: eta then uses U(theta) in place of w"""
    strain_coefficient: Any = None
    """kappa_eps [V]"""
    layers: tuple[Layer, ...] = ()
    """what the current passes in series with the reaction"""
    film_current: Field | None = None
    """the current density on the interface as an unknown, needed with layers"""
    conducting_fraction: Callable[[State], Any] | None = None
    """share a of the nominal area that conducts, in (0, 1]; None means all of it"""
    double_layer: Any = None
    """[nC/(V um^2)]"""
    layer_charge: Field | None = None
    """charge of a layer as an unknown, which then takes the place of the double layer [nC/um^2]"""
    ionic_potential: Field = IONIC_POTENTIAL
    """that of the electrolyte region, where there are several"""

    @property
    def fields(self) -> tuple[Field, ...]:
        """The traces that meet at the interface."""
        fields: tuple[Field, ...] = (
            CONCENTRATION,
            CHEMICAL_POTENTIAL,
            ELECTRONIC_POTENTIAL,
            self.ionic_potential,
        )
        if self.strain_coefficient is not None:
            fields += (DISPLACEMENT,)
        for layer in self.layers:
            fields += layer.fields
        return fields if self.film_current is None else (*fields, self.film_current)

    def residual(self, state: State) -> ufl.Form:
        """Lithium and charge leave the active side and enter the electrolyte."""
        plus, minus = frozenset([self.active]), frozenset([self.electrolyte])
        current = self.faradaic(state)
        lithium = state.domain.on_interface(current / FARADAY * state.test[CONCENTRATION]("+"), plus, minus)
        total = current + self.capacitive(state)
        charge = exchange(state, total, ELECTRONIC_POTENTIAL, self.ionic_potential, plus, minus)
        form = lithium + charge
        if self.film_current is not None:
            fraction = self._fraction(state)
            lost = sum(layer.drop(state, current / fraction) for layer in self.layers)
            reaction = fraction * self.kinetics.current(self.overpotential(state) - lost, self._theta(state))
            test = state.test[self.film_current]("+")
            form += state.domain.on_interface((current - reaction) * test, plus, minus)
        return form

    def losses(self, state: State) -> tuple[Loss, ...]:
        """What each layer takes of the overpotential."""
        if self.film_current is None:
            return ()
        plus, minus = frozenset([self.active]), frozenset([self.electrolyte])
        fraction, test = self._fraction(state), state.test[self.film_current]("+")
        drops = [layer.drop(state, self.faradaic(state) / fraction) for layer in self.layers]
        driving = self.overpotential(state) - sum(drops)
        slope = fraction * self.kinetics.slope(driving, self._theta(state))
        return tuple(
            Loss(layer.word, self.film_current, state.domain.on_interface(drop * test, plus, minus), slope)
            for layer, drop in zip(self.layers, drops, strict=True)
        )

    def observables(self, state: State) -> dict[str, ufl.Form]:
        """Faradaic and capacitive current [nA], charge of the double layer [nC], mean overpotential x area; where only
        part of the area conducts, the conductance near equilibrium [nA/V]."""
        plus, minus = frozenset([self.active]), frozenset([self.electrolyte])
        integrate = state.domain.on_interface
        found = {
            f"faradaic current {self.name}": integrate(self.faradaic(state), plus, minus),
            f"overpotential {self.name}": integrate(self.overpotential(state), plus, minus),
        }
        if self.conducting_fraction is not None:
            conductance = self.conducting_fraction(state) / self._resistance(state)
            found[f"interface conductance {self.name}"] = integrate(conductance, plus, minus)
        stored = None if self.double_layer is None else self.double_layer * self._drop(state)
        if self.layer_charge is not None:
            stored = state.value[self.layer_charge]("+")
        if stored is not None:
            found[f"capacitive current {self.name}"] = integrate(self.capacitive(state), plus, minus)
            found[f"double-layer charge {self.name}"] = integrate(stored, plus, minus)
        return found

    def overpotential(self, state: State) -> Any:
        """Driving force before the drops over layers [V]."""
        eta = self._drop(state)
        if self.open_circuit_potential is None:
            eta = eta - state.value[CHEMICAL_POTENTIAL]("+")
        else:
            eta = eta - self.open_circuit_potential(self._theta(state))
        if self.strain_coefficient is not None:
            eta = eta + self.strain_coefficient * ufl.tr(state.strain(self.active))("+")
        return eta

    def faradaic(self, state: State) -> Any:
        """Faradaic current density [nA/um^2]."""
        if self.film_current is not None:
            return state.value[self.film_current]("+")
        reaction = self.kinetics.current(self.overpotential(state), self._theta(state))
        return self._fraction(state) * reaction

    def capacitive(self, state: State) -> Any:
        """Current density that charges the double layer, C_dl d(phi_s - phi_e)/dt [nA/um^2]."""
        if self.layer_charge is not None:
            return state.rate(self.layer_charge)("+")
        if self.double_layer is None:
            return 0.0
        rates = state.rate(ELECTRONIC_POTENTIAL)("+") - state.rate(self.ionic_potential)("-")
        return self.double_layer * rates

    def _resistance(self, state: State) -> Any:
        # of a unit of area that conducts, near equilibrium; layers are taken at one unit of current density
        layers = sum(layer.drop(state, 1.0) for layer in self.layers)
        return layers + 1.0 / self.kinetics.conductance(self._theta(state))

    def _fraction(self, state: State) -> Any:
        return 1.0 if self.conducting_fraction is None else self.conducting_fraction(state)

    def _drop(self, state: State) -> Any:
        return state.value[ELECTRONIC_POTENTIAL]("+") - state.value[self.ionic_potential]("-")

    def _theta(self, state: State) -> Any:
        return state.value[CONCENTRATION]("+") / self.maximum_concentration
