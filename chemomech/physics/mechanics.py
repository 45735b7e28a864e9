"""Stress equilibrium and the pressure that holds the cell together.

-div sigma = 0, sigma = d psi / d eps of each region's free energy; a stack pressure P pushes on a plane boundary:
sigma n = -P n, with P imposed, or built up by a fixture of stiffness k: P = P_0 + k mean(u . n).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import chemomech.runtime  # noqa: F401

import ufl
from dolfinx import fem

from chemomech.fields import CONCENTRATION, DISPLACEMENT, OUT_OF_PLANE_STRAIN, STACK_PRESSURE, Field, State
from chemomech.materials.free_energy import Solid


@dataclass(frozen=True)
class StressEquilibrium:
    """Balance of momentum in all regions: int sigma : eps(v) dV = 0."""

    solids: Mapping[str, Solid]
    out_of_plane_free: bool = False
    """generalised plane strain: e_zz is uniform and such that no net force acts out of the plane"""
    swelling_ions: Mapping[str, Field] = field(default_factory=dict)
    """concentration that swells a region, where that is not the lithium of active material"""

    @property
    def fields(self) -> tuple[Field, ...]:
        """The displacement, the concentrations where a region swells, e_zz where it is free."""
        swelling = [self._swelling(name) for name, solid in self.solids.items() if solid.swelling is not None]
        fields = (DISPLACEMENT, *dict.fromkeys(swelling))
        return (*fields, OUT_OF_PLANE_STRAIN) if self.out_of_plane_free else fields

    def residual(self, state: State) -> ufl.Form:
        """Sum over regions of int sigma : eps(v)."""
        test = state.virtual_strain
        return sum(
            (state.domain.over(ufl.inner(self.stress(state, name), test), [name]) for name in self.solids),
            ufl.Form([]),
        )

    def observables(self, state: State) -> dict[str, ufl.Form]:
        """Elastic energy of each region [nJ]."""
        return {
            f"elastic energy {name}": state.domain.over(
                solid.energy(state.strain, self._content(state, name)), [name]
            )
            for name, solid in self.solids.items()
        }

    def stress(self, state: State, region: str) -> Any:
        """Cauchy stress of a region [GPa], 3 x 3."""
        return self.solids[region].stress(state.strain, self._content(state, region))

    def _content(self, state: State, region: str) -> Any:
        return None if self.solids[region].swelling is None else state.value[self._swelling(region)]

    def _swelling(self, region: str) -> Field:
        return self.swelling_ions.get(region, CONCENTRATION)


@dataclass(frozen=True)
class StackPressure:
    """Pressure on a plane boundary, imposed or through a fixture of finite stiffness."""

    boundary: str
    pressure: fem.Constant
    """programme value P_0(t) [GPa]"""
    stiffness: Any = None
    """fixture stiffness k [GPa/um]; None = the pressure is imposed"""

    @property
    def fields(self) -> tuple[Field, ...]:
        """The displacement, and the pressure itself when a fixture makes it an unknown."""
        return (DISPLACEMENT,) if self.stiffness is None else (DISPLACEMENT, STACK_PRESSURE)

    def residual(self, state: State) -> ufl.Form:
        """int P n . v dA, and P - P_0 - k mean(u . n) = 0 with a fixture."""
        normal = ufl.FacetNormal(state.domain.mesh)
        value = self.pressure if self.stiffness is None else state.value[STACK_PRESSURE]
        push = value * ufl.inner(normal, state.test[DISPLACEMENT])
        form = state.domain.on_boundary(push, self.boundary)
        if self.stiffness is not None:
            opening = ufl.inner(normal, state.value[DISPLACEMENT])
            law = (value - self.pressure - self.stiffness * opening) * state.test[STACK_PRESSURE]
            form += state.domain.on_boundary(law, self.boundary)
        return form

    def observables(self, state: State) -> dict[str, ufl.Form]:
        """Outward displacement of the pressed boundary, integrated [um^3]."""
        normal = ufl.FacetNormal(state.domain.mesh)
        return {
            "platen displacement": state.domain.on_boundary(
                ufl.inner(normal, state.value[DISPLACEMENT]), self.boundary
            )
        }
