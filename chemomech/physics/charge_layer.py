"""A space-charge layer at an active | electrolyte interface, thinner than any cell of the mesh: charge and drop.

psi = phi_s - phi_e - E_0 is the voltage over the layer, E_0 that without charge; q the charge of the electrode:

    q = sqrt(eps RT c_max) S(u),   u = F (psi - q/C)/(RT)   (C the core layer, in series),
    R = (lambda/kappa) (emptied(u) + filled(u)),
    drop = (RT/F) ln(1 + F i R_emptied/RT) - (RT/F) ln(1 - F i R_filled/RT),   R_k as it is, i R_k, where R_k < 0.

Where ions are missing the current cannot take more of them than diffusion brings: exp(F phi_e/RT) is linear in i while
the potential stays that of rest, hence a diode with the limiting current RT/(F R).  S and the integrals: see
`materials/charge_layer.py`.  q is an unknown on the interface, so that what its rate stores is what it holds.
"""

from dataclasses import dataclass
from typing import Any, Final

import ufl

from chemomech.constants import FARADAY, GAS
from chemomech.fields import ELECTRONIC_POTENTIAL, Field, State
from chemomech.materials.charge_layer import NEAR, LayerLaw, curvature_series
from chemomech.materials.laws import ufl_maths

LIMIT: Final = 1e-8
"""share of the limiting current that is left where the logarithm goes on as a straight line"""


@dataclass(frozen=True)
class ChargeLayer:
    """Charge and resistance of a layer that depends on the voltage over it ("+" is the active side)."""

    active: str
    electrolyte: str
    charge: Field
    """q on the interface [nC/um^2]"""
    ionic_potential: Field
    law: LayerLaw
    occupancy: Any
    sites: Any
    """c_max [pmol/um^3]"""
    permittivity: Any
    """[nC/(V um)]"""
    conductivity: Any
    """of the bulk [nA/(V um)]"""
    zero_charge: Any
    """E_0 [V]"""
    core_capacitance: Any
    """C [nC/(V um^2)]; None where there is no core layer"""
    temperature: Any
    """[K]"""

    @property
    def word(self) -> str:
        """What it is called in results."""
        return "space-charge layer"

    @property
    def fields(self) -> tuple[Field, ...]:
        """The charge, and the potentials on both sides."""
        return (self.charge, ELECTRONIC_POTENTIAL, self.ionic_potential)

    def residual(self, state: State) -> ufl.Form:
        """int (q - sigma(psi - q/C)) t over the interface."""
        scale = ufl.sqrt(self.permittivity * GAS * self.temperature * self.sites)
        deviation = state.value[self.charge]("+") - scale * self._dimensionless(self._reduced(state))
        return state.domain.on_interface(deviation * state.test[self.charge]("+"), *self._sides)

    def observables(self, state: State) -> dict[str, ufl.Form]:
        """Voltage over the layer, its resistance at rest and its differential capacitance dq/dpsi, times area."""
        name = f"{self.active}|{self.electrolyte}"
        emptied, filled = self._resistances(state)
        return {
            f"layer potential {name}": state.domain.on_interface(self._voltage(state), *self._sides),
            f"layer resistance {name}": state.domain.on_interface(emptied + filled, *self._sides),
            f"layer capacitance {name}": state.domain.on_interface(self._capacitance(state), *self._sides),
        }

    def drop(self, state: State, current: Any) -> Any:
        """Voltage that a current from the active side loses in the layer [V]."""
        thermal = GAS * self.temperature / FARADAY
        emptied, filled = self._resistances(state)
        return _diode(current, emptied, thermal) - _diode(-current, filled, thermal)

    @property
    def _sides(self) -> tuple[frozenset[str], frozenset[str]]:
        return frozenset([self.active]), frozenset([self.electrolyte])

    def _voltage(self, state: State) -> Any:
        electrons, ions = state.value[ELECTRONIC_POTENTIAL]("+"), state.value[self.ionic_potential]("-")
        return electrons - ions - self.zero_charge

    def _reduced(self, state: State) -> Any:
        diffuse = self._voltage(state)
        if self.core_capacitance is not None:
            diffuse = diffuse - state.value[self.charge]("+") / self.core_capacitance
        return FARADAY * diffuse / (GAS * self.temperature)

    def _capacitance(self, state: State) -> Any:
        # dq/dpsi: sqrt(eps RT c_max) S'(u) F/(RT) of the diffuse layer, in series with the core layer
        u = ufl.variable(self._reduced(state))
        slope = ufl.diff(self._dimensionless(u), u)
        diffuse = FARADAY * ufl.sqrt(self.permittivity * self.sites / (GAS * self.temperature)) * slope
        return diffuse if self.core_capacitance is None else 1 / (1 / self.core_capacitance + 1 / diffuse)

    def _dimensionless(self, u: Any) -> Any:
        theta = self.occupancy
        near = ufl.lt(abs(u), NEAR)
        safe = ufl.conditional(near, NEAR, u)
        stored = ufl.ln(1 - theta + theta * ufl.exp(-safe)) + theta * safe
        return u * ufl.sqrt(ufl.conditional(near, curvature_series(u, theta), 2 * stored / safe**2))

    def _resistances(self, state: State) -> tuple[Any, Any]:
        length = ufl.sqrt(self.permittivity * GAS * self.temperature / self.sites) / FARADAY
        u, maths = self._reduced(state), ufl_maths()
        scale = length / self.conductivity
        return scale * ufl.sinh(self.law.emptied(u, maths)), scale * ufl.sinh(self.law.filled(u, maths))


def _diode(current: Any, resistance: Any, thermal: Any) -> Any:
    # (RT/F) ln(1 + F i R/RT); beyond the limiting current the logarithm's tangent, steep but finite
    left = 1 + current * resistance / thermal
    safe = ufl.conditional(ufl.gt(left, LIMIT), left, LIMIT)
    logarithm = thermal * (ufl.ln(safe) + (left - safe) / LIMIT)
    return ufl.conditional(ufl.gt(resistance, 0.0), logarithm, current * resistance)
