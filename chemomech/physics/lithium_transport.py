"""Lithium in active material, driven by the gradient of its stress-dependent chemical potential.

dc/dt + div J = 0,  J = -M grad mu + c v,   mu = -F w,   w = U(theta) - (1/F) d psi_elastic / d c.

w is an unknown [V]: the stress gradient then needs no second derivatives of the displacement, and w enters the
overpotential directly.  The mobility is M = D / (d mu / d c at zero stress) ("thermodynamic": D is the measured,
chemical diffusivity) or M = D c / (R T) ("dilute": D is the self-diffusivity and the thermodynamic factor follows
from U).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import ufl

from chemomech.constants import FARADAY, GAS
from chemomech.fields import CHEMICAL_POTENTIAL, CONCENTRATION, DISPLACEMENT, Field, State
from chemomech.materials.free_energy import Solid
from chemomech.physics.balance import flux, storage


@dataclass(frozen=True)
class Host:
    """A lithium host: what its transport depends on, per region."""

    maximum_concentration: Any
    """[pmol/um^3]"""
    open_circuit_potential: Callable[[Any], Any]
    """U(theta) [V] against lithium"""
    diffusivity: Callable[[Any], Any]
    """D(theta) [um^2/s]"""
    solid: Solid | None
    """elastic solid whose energy shifts the chemical potential; None switches stress off"""


@dataclass(frozen=True)
class LithiumTransport:
    """Mass balance and chemical potential of lithium in the active regions."""

    hosts: Mapping[str, Host]
    temperature: Any
    """[K]"""
    mobility: Literal["thermodynamic", "dilute"] = "thermodynamic"
    lattice_velocity: Any = None
    """velocity of the lattice relative to the frame [um/s], a UFL vector; None in the material frame"""

    @property
    def fields(self) -> tuple[Field, ...]:
        """Concentration and chemical potential, and the displacement where stress acts."""
        stressed = any(host.solid is not None for host in self.hosts.values())
        return (CONCENTRATION, CHEMICAL_POTENTIAL) + ((DISPLACEMENT,) if stressed else ())

    def residual(self, state: State) -> ufl.Form:
        """Sum over regions of storage + flux, and the definition of w."""
        return sum((self._region(state, name, host) for name, host in self.hosts.items()), ufl.Form([]))

    def observables(self, state: State) -> dict[str, ufl.Form]:
        """Lithium held by each region [pmol]."""
        c = state.value[CONCENTRATION]
        return {f"lithium in {name}": state.domain.over(c, [name]) for name in self.hosts}

    def _region(self, state: State, name: str, host: Host) -> ufl.Form:
        c, w = state.value[CONCENTRATION], state.value[CHEMICAL_POTENTIAL]
        theta = ufl.variable(c / host.maximum_concentration)
        potential = host.open_circuit_potential(theta)
        lithium_flux = self._conductivity(host, theta, potential) / FARADAY * ufl.grad(w)
        if self.lattice_velocity is not None:
            lithium_flux = lithium_flux + c * self.lattice_velocity
        if host.solid is not None:
            strain = state.strain(name)
            potential = potential - host.solid.chemical_potential(strain, c) / FARADAY
        definition = state.domain.over((w - potential) * state.test[CHEMICAL_POTENTIAL], [name])
        balance = storage(state, CONCENTRATION, [name]) + flux(state, CONCENTRATION, lithium_flux, [name])
        return balance + definition

    def _conductivity(self, host: Host, theta: Any, potential: Any) -> Any:
        # M F^2: the current per gradient of w, so that J = (M F^2) grad(w) / F.
        diffusivity = host.diffusivity(theta)
        capacity = FARADAY * host.maximum_concentration
        if self.mobility == "dilute":
            return diffusivity * capacity * theta * FARADAY / (GAS * self.temperature)
        return diffusivity * capacity / (-ufl.diff(potential, theta))
