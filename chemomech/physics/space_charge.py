"""Space charge: ions whose concentration departs from the bulk's where the electric potential bends.

Poisson and ion balance, in each region whose charge is resolved (z = 1 for the cation, -1 for an anion):

    -div(eps grad phi) = F sum z (c - c0),      z F dc/dt + div i = 0,   i = -kappa grad phi_i,
    c = c0 exp(y) / (1 + sum_k theta_k (exp(y_k) - 1)),   y = z F/(RT) (phi_i - phi - mu) - mu_elastic/(RT).

phi is the electric (Galvani) potential, phi_i the electrochemical potential of an ion in volts (the ionic potential
of the cell for the cation), theta_k = c0/c_max the bulk's share of the sites: site exclusion keeps 0 < c < c_max.
Without an anion the neutralising charge is a fixed background: a lattice with vacancies.  theta_k = 0 is dilute.
Charge, storage and the definition of c are summed over vertices, so that all three use the same concentration.

Sources: J. J. Bikerman, Philos. Mag. 33, 384 (1942); M. S. Kilic, M. Z. Bazant and A. Ajdari, PRE 75, 021502 (2007);
S. Braun, C. Yada and A. Latz, J. Phys. Chem. C 119, 22281 (2015), for one mobile ion on a fixed background.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import ufl

from chemomech.constants import FARADAY, GAS
from chemomech.fields import DISPLACEMENT, ELECTRONIC_POTENTIAL, Field, State
from chemomech.materials.free_energy import Solid
from chemomech.physics.balance import Loss, Own, exchange, flux, outflow


@dataclass(frozen=True)
class Ion:
    """A mobile ion in one region."""

    potential: Field
    """its electrochemical potential [V]"""
    concentration: Field
    charge: int
    """1 or -1"""
    bulk_concentration: Any
    """c0, where the region is neutral [pmol/um^3]"""
    share: Any
    """c0/c_max, the share of sites it takes in the bulk; 0 for a dilute solution"""
    conductivity: Any
    """of the bulk [nA/(V um)]"""
    chemical_potential: Any = 0.0
    """mu = phi_i - phi in the bulk [V]"""
    solid: Solid | None = None
    """elastic solid that this ion swells; None switches stress off"""


@dataclass(frozen=True)
class Medium:
    """A region whose charge is resolved."""

    electric: Field
    permittivity: Any
    """[nC/(V um)]"""
    ions: tuple[Ion, ...]
    vacancies: bool = True
    """an ion moves into an empty site: kappa ~ c (1 - theta); else kappa ~ c"""


@dataclass(frozen=True)
class SpaceCharge:
    """Poisson's equation, balance and concentration of every mobile ion."""

    media: Mapping[str, Medium]
    temperature: Any
    """[K]"""

    @property
    def fields(self) -> tuple[Field, ...]:
        """Electric potentials, electrochemical potentials and concentrations; displacement where ions swell."""
        fields: list[Field] = []
        for medium in self.media.values():
            fields.append(medium.electric)
            for ion in medium.ions:
                fields += [ion.potential, ion.concentration]
                if ion.solid is not None:
                    fields.append(DISPLACEMENT)
        return tuple(dict.fromkeys(fields))

    def residual(self, state: State) -> ufl.Form:
        """Sum over regions of Poisson's equation and, per ion, balance and definition of the concentration."""
        return sum((self._region(state, name) for name in self.media), ufl.Form([]))

    def observables(self, state: State) -> dict[str, ufl.Form]:
        """Ions [pmol] and charge [nC] of each region."""
        found = {}
        for name, medium in self.media.items():
            for ion in medium.ions:
                content = state.domain.at_vertices(state.value[ion.concentration], [name])
                found[f"ions in {name}, charge {ion.charge:+d}"] = content
            found[f"space charge in {name}"] = state.domain.at_vertices(self.charge(state, name), [name])
        return found

    def charge(self, state: State, region: str) -> Any:
        """Charge density [nC/um^3]."""
        return FARADAY * sum(
            ion.charge * (state.value[ion.concentration] - ion.bulk_concentration)
            for ion in self.media[region].ions
        )

    def drive(self, state: State, medium: Medium, ion: Ion) -> Any:
        """y = ln of the ion's activity against the bulk, from its electrochemical potential."""
        electrical = state.value[ion.potential] - state.value[medium.electric] - ion.chemical_potential
        energy = ion.charge * FARADAY * electrical
        if ion.solid is not None:
            (region,) = state.unknowns[ion.concentration].support.regions
            energy -= ion.solid.chemical_potential(state.strain(region), state.value[ion.concentration])
        return energy / (GAS * self.temperature)

    def crowding(self, state: State, medium: Medium) -> Any:
        """(1 - share of occupied sites in the bulk) over the same here; 1 in a dilute solution, never 0."""
        return 1.0 + sum(ion.share * (ufl.exp(self.drive(state, medium, ion)) - 1.0) for ion in medium.ions)

    def equilibrium(self, state: State, medium: Medium, ion: Ion) -> Any:
        """Concentration that belongs to the potentials [pmol/um^3]; between 0 and c_max for any of them."""
        activity = ufl.exp(self.drive(state, medium, ion))
        return ion.bulk_concentration * activity / self.crowding(state, medium)

    def conductivity(self, state: State, medium: Medium, ion: Ion) -> Any:
        """kappa of an ion [nA/(V um)]; as theta (1 - theta) with vacancies, without the cancellation in 1 - theta."""
        free = self.crowding(state, medium) ** (2 if medium.vacancies else 1)
        return ion.conductivity * ufl.exp(self.drive(state, medium, ion)) / free

    def _region(self, state: State, name: str) -> ufl.Form:
        medium, domain, here = self.media[name], state.domain, [name]
        displacement = -medium.permittivity * ufl.grad(state.value[medium.electric])
        form = flux(state, medium.electric, displacement, here)
        form += domain.at_vertices(-self.charge(state, name) * state.test[medium.electric], here)
        for ion in medium.ions:
            current = -self.conductivity(state, medium, ion) * ufl.grad(state.value[ion.potential])
            stored = ion.charge * FARADAY * state.rate(ion.concentration)
            form += flux(state, ion.potential, current, here)
            form += domain.at_vertices(stored * state.test[ion.potential], here)
            deviation = state.value[ion.concentration] - self.equilibrium(state, medium, ion)
            form += domain.at_vertices(deviation * state.test[ion.concentration], here, weighted=False)
        return form


@dataclass(frozen=True)
class BlockingCore:
    """A blocking electrode at the terminal, behind a core layer: its current is dq/dt, no ion leaves."""

    boundary: str
    touching: Mapping[Field, tuple[str, ...]]
    """regions that it touches, by their electric potential"""
    capacitance: Any
    """[nC/(V um^2)]"""
    zero_charge: Mapping[str, Any]
    """E_0 against each region: metal less electric potential without charge [V]"""
    metal: Field
    """the potential of the metal"""

    @property
    def fields(self) -> tuple[Field, ...]:
        """The electric potentials and its own."""
        return (*self.touching, self.metal)

    def density(self, state: State, potential: Field) -> Any:
        """Current density that charges the metal, dq/dt [nA/um^2]."""
        return self.capacitance * (state.rate(self.metal) - state.rate(potential))

    def residual(self, state: State) -> ufl.Form:
        """eps dphi/dn = q."""
        return sum((core.residual(state) for core in self._cores(state)), ufl.Form([]))

    def losses(self, state: State) -> tuple[Loss, ...]:
        """None: there are no layers."""
        return ()

    def own(self, state: State, mode: Any) -> tuple[Own, ...]:
        """None: nothing reacts on it."""
        return ()

    def observables(self, state: State) -> dict[str, ufl.Form]:
        """Charge on the metal [nC]."""
        stored = sum(
            (
                state.domain.on_boundary(core.density(state), self.boundary, core.regions)
                for core in self._cores(state)
            ),
            ufl.Form([]),
        )
        return {f"double-layer charge at {self.boundary}": stored}

    def _cores(self, state: State) -> list["ElectrodeCore"]:
        metal = state.value[self.metal]
        return [
            ElectrodeCore(self.boundary, (name,), electric, self.capacitance, metal, self.zero_charge[name])
            for electric, regions in self.touching.items()
            for name in regions
        ]


@dataclass(frozen=True)
class ElectrodeCore:
    """Core (Stern) layer at a boundary: a metal that holds q = C (phi_metal - E_0 - phi) against the electrolyte."""

    boundary: str
    regions: tuple[str, ...]
    electric: Field
    capacitance: Any
    """[nC/(V um^2)]"""
    metal: Any
    """potential of the metal [V], a number or a UFL expression"""
    zero_charge: Any
    """E_0: phi_metal - phi where the metal holds no charge [V]"""

    @property
    def fields(self) -> tuple[Field, ...]:
        """The electric potential it bounds."""
        return (self.electric,)

    def residual(self, state: State) -> ufl.Form:
        """eps dphi/dn = q."""
        return outflow(state, self.electric, -self.density(state), self.boundary, self.regions)

    def observables(self, state: State) -> dict[str, ufl.Form]:
        """Charge on the metal [nC]."""
        total = state.domain.on_boundary(self.density(state), self.boundary, self.regions)
        return {f"surface charge {self.boundary}": total}

    def density(self, state: State) -> Any:
        """Charge density on the metal [nC/um^2]."""
        return self.capacitance * (self.metal - self.zero_charge - state.value[self.electric])


@dataclass(frozen=True)
class InterfaceCore:
    """Core layer between two regions: q = C (phi_plus - phi_minus - E_0) on the "+" side, -q on the other.

    Where the "+" side is active material its potential is that of its electrons, and q is charged by their current.
    """

    name: str
    plus: frozenset[str]
    minus: frozenset[str]
    leaving: Field
    """potential on the "+" side: electric, or electronic where that is active material"""
    entering: Field
    """electric potential on the "-" side"""
    capacitance: Any
    """[nC/(V um^2)]"""
    zero_charge: Any
    """E_0 [V]"""

    @property
    def fields(self) -> tuple[Field, ...]:
        """The potentials on both sides."""
        return (self.leaving, self.entering)

    def residual(self, state: State) -> ufl.Form:
        """Electric displacement q from "+" to "-"; from electrons, their current dq/dt."""
        charge = self.density(state)
        if self.leaving is not ELECTRONIC_POTENTIAL:
            return exchange(state, charge, self.leaving, self.entering, self.plus, self.minus)
        rate = state.rate(self.leaving)("+") - state.rate(self.entering)("-")
        charging = self.capacitance * rate * state.test[self.leaving]("+")
        bound = -charge * state.test[self.entering]("-")
        return state.domain.on_interface(charging + bound, self.plus, self.minus)

    def observables(self, state: State) -> dict[str, ufl.Form]:
        """Charge on the "+" side [nC]; of electrons it is the charge of a double layer."""
        kind = "double-layer charge" if self.leaving is ELECTRONIC_POTENTIAL else "surface charge"
        total = state.domain.on_interface(self.density(state), self.plus, self.minus)
        return {f"{kind} {self.name}": total}

    def density(self, state: State) -> Any:
        """Charge density on the "+" side [nC/um^2]."""
        drop = state.value[self.leaving]("+") - state.value[self.entering]("-")
        return self.capacitance * (drop - self.zero_charge)
