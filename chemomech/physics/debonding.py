"""Interfaces that can open: cohesion that is lost for good, unilateral contact, sliding without friction.

The displacements of the two sides are two fields.  With the jump [u] = u(+) - u(-) and the normal n out of "+",
    opening g = g_0 - [u] . n,      slip s = [u] - ([u] . n) n,      delta = sqrt(<g>^2 + beta^2 s^2);
    tension and shear:  t_n = k(D) <g>,   t_s = k(D) beta^2 s;      compression:  t_n = K g,  g < 0.

The bond follows the bilinear law of effective opening (strength sigma_c, fracture energy G_c): it is elastic up to
delta_0 = sigma_c/K and softens linearly to nothing at delta_f = 2 G_c/sigma_c.  Its damage D is the share of strength
that is lost,
    D_s(delta) = (delta - delta_0)/(delta_f - delta_0),   k(D) = sigma_c (1 - D)/(delta_0 + D (delta_f - delta_0)),
so that opening and sliding both cost G_c, the shear strength is beta sigma_c, and unloading goes to the origin.  Damage
never heals.  With a relaxation time tau it lags behind, D' = (D_s - D)/tau, so that an unstable jump takes time:
    D = D_old + w max(D_s - D_old, 0),   w = dt/(dt + tau).

K is a penalty: two faces in contact overlap by p/K.  Sources: G. T. Camacho and M. Ortiz, Int. J. Solids Struct. 33,
2899 (1996); M. Ortiz and A. Pandolfi, Int. J. Numer. Meth. Eng. 44, 1267 (1999); A. Hillerborg et al., Cem. Concr.
Res. 6, 773 (1976).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import ufl

from chemomech.fields import DAMAGE, DISPLACEMENT, Field, Memory, State

RESIDUAL: Final = 1e-7
"""share of the stiffness that is left of a broken bond, so that a loose body still has a place"""
TOUCH: Final = 1e-6
"""pressure of faces that just touch [GPa]: contact sets in smoothly over 2 TOUCH/K"""
TINY: Final = 1e-24
"""[um^2]; keeps the root differentiable where nothing has moved"""


@dataclass(frozen=True)
class Bond:
    """What holds two faces together."""

    strength: Any
    """sigma_c [GPa]"""
    fracture_energy: Any
    """G_c [nJ/um^2]"""
    shear_ratio: Any
    """beta: shear strength over tensile strength [-]"""
    relaxation_time: Any = None
    """tau [s]; None: damage follows at once"""

    def final_opening(self) -> Any:
        """delta_f = 2 G_c/sigma_c: nothing is transmitted beyond it [um]."""
        return 2 * self.fracture_energy / self.strength

    def damage(self, opening: Any, stiffness: Any) -> Any:
        """Damage that an effective opening would do on its own, D_s(delta) [-]."""
        first, last = self.strength / stiffness, self.final_opening()
        return (ufl.min_value(ufl.max_value(opening, first), last) - first) / (last - first)

    def secant(self, damage: Any, stiffness: Any) -> Any:
        """Stiffness that is left of the bond, k(D) [GPa/um]."""
        first, last = self.strength / stiffness, self.final_opening()
        return self.strength * (1.0 - damage) / (first + damage * (last - first))


@dataclass(frozen=True)
class Joint:
    """An interface that can open; with a bond, or in mere contact without one."""

    plus: str
    minus: str
    stiffness: Any
    """K [GPa/um]"""
    bond: Bond | None = None
    residual_stiffness: float = RESIDUAL
    """of a broken bond, relative to K [-]"""
    gap: Any = 0.0
    """g_0, distance of the two faces in the mesh's own shape [um]; an expression"""

    @property
    def name(self) -> str:
        """The two sides."""
        return f"{self.plus}|{self.minus}"

    @property
    def memory(self) -> Memory:
        """The damage done so far [-]."""
        return Memory(DAMAGE, self.name, "-")

    @property
    def fields(self) -> tuple[Field, ...]:
        """The displacement: in two fields, as the state has it."""
        return (DISPLACEMENT,)

    def residual(self, state: State) -> ufl.Form:
        """Virtual work of the tractions, int t . [v]."""
        jump = self._jump(state, state.test)
        work = ufl.inner(self.traction(state), jump)
        return state.domain.on_interface(work, [self.plus], [self.minus])

    def observables(self, state: State) -> dict[str, ufl.Form]:
        """Integrals of the opening [um^3], of the contact pressure [mN] and of the damage [um^2]."""
        found = {"opening": self.opening(state), "contact force": self.pressure(state)}
        if self.bond is not None:
            found["damaged area"] = self.damage(state)
        return {
            f"{word} {self.name}": state.domain.on_interface(what, [self.plus], [self.minus])
            for word, what in found.items()
        }

    def remembered(self, state: State) -> Mapping[Memory, Any]:
        """Damage, which only grows."""
        return {} if self.bond is None else {self.memory: self.damage(state)}

    # ---- at the interface -------------------------------------------------------------------------

    def opening(self, state: State) -> Any:
        """Distance of the two faces, g [um]; negative where the penalty lets them overlap."""
        normal = ufl.FacetNormal(state.domain.mesh)("+")
        return self.gap - ufl.inner(self._jump(state, state.value), normal)

    def slip(self, state: State) -> Any:
        """Tangential part of the jump, s [um]; a vector."""
        normal = ufl.FacetNormal(state.domain.mesh)("+")
        jump = self._jump(state, state.value)
        return jump - ufl.inner(jump, normal) * normal

    def pressure(self, state: State) -> Any:
        """Pressure of the faces on each other [GPa], 0 where they are apart."""
        opening = self.opening(state)
        return self.stiffness * (self._opened(state) - opening)

    def normal_traction(self, state: State) -> Any:
        """Pull on the two faces [GPa], negative in contact."""
        held = self._cohesion(state) * self._opened(state) - self.pressure(state)
        return held + self._residue * (self.opening(state) - self.gap)

    def damage(self, state: State) -> Any:
        """Damage at the end of the step, D [-]; 1 without a bond."""
        if self.bond is None:
            return ufl.as_ufl(1.0)
        before = state.remembered(self.memory)
        more = ufl.max_value(self.bond.damage(self._effective(state), self.stiffness) - before, 0.0)
        tau = self.bond.relaxation_time
        return before + (more if tau is None else state.step / (state.step + tau) * more)

    def traction(self, state: State) -> Any:
        """Traction that works on the jump [GPa]; a vector."""
        normal = ufl.FacetNormal(state.domain.mesh)("+")
        ratio = 1.0 if self.bond is None else self.bond.shear_ratio
        sheared = (self._cohesion(state) * ratio**2 + self._residue) * self.slip(state)
        return sheared - self.normal_traction(state) * normal

    def _cohesion(self, state: State) -> Any:
        return 0.0 if self.bond is None else self.bond.secant(self.damage(state), self.stiffness)

    @property
    def _residue(self) -> Any:
        return self.residual_stiffness * self.stiffness

    def _opened(self, state: State) -> Any:
        opening = self.opening(state)
        return 0.5 * (opening + ufl.sqrt(opening**2 + (2 * TOUCH / self.stiffness) ** 2))

    def _effective(self, state: State) -> Any:
        assert self.bond is not None  # without a bond nothing can be damaged
        slip = self.slip(state)
        sheared = self.bond.shear_ratio**2 * ufl.inner(slip, slip)
        return ufl.sqrt(self._opened(state) ** 2 + sheared + TINY)

    def _jump(self, state: State, vectors: Mapping[Field, Any]) -> Any:
        one, other = (state.field_in(DISPLACEMENT, region) for region in (self.plus, self.minus))
        return vectors[one]("+") - vectors[other]("-")
