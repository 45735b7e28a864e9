"""Stress equilibrium and the pressure that holds the cell together.

-div sigma = 0, sigma = d psi / d eps of each region's free energy; a stack pressure P pushes on a plane boundary:
sigma n = -P n, with P imposed, or built up by a fixture of stiffness k: P = P_0 + k mean(u . n).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import chemomech.runtime  # noqa: F401

import numpy as np
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
        return sum(
            (
                state.domain.over(ufl.inner(self.stress(state, name), state.virtual_strain(name)), [name])
                for name in self.solids
            ),
            ufl.Form([]),
        )

    def observables(self, state: State) -> dict[str, ufl.Form]:
        """Elastic energy of each region [nJ], and how much those that swell would grow by themselves [um^3]."""
        energies = {
            f"elastic energy {name}": state.domain.over(
                solid.energy(state.strain(name), self._content(state, name)), [name]
            )
            for name, solid in self.solids.items()
        }
        grown = {
            f"expansion {name}": state.domain.over(3 * solid.eigenstrain(self._content(state, name)), [name])
            for name, solid in self.solids.items()
            if solid.swelling is not None
        }
        return energies | grown

    def stress(self, state: State, region: str) -> Any:
        """Cauchy stress of a region [GPa], 3 x 3."""
        return self.solids[region].stress(state.strain(region), self._content(state, region))

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
        value = self.pressure if self.stiffness is None else state.value[STACK_PRESSURE]
        form = self._along_normal(state, state.test, value)
        if self.stiffness is not None:
            law = (value - self.pressure) * state.test[STACK_PRESSURE]
            form += state.domain.on_boundary(law, self.boundary)
            form -= self._along_normal(state, state.value, self.stiffness * state.test[STACK_PRESSURE])
        return form

    def observables(self, state: State) -> dict[str, ufl.Form]:
        """Outward displacement of the pressed boundary, integrated [um^3]."""
        return {"platen displacement": self._along_normal(state, state.value, 1.0)}

    def _along_normal(self, state: State, vectors: Mapping[Field, Any], factor: Any) -> ufl.Form:
        """Integrate the outward component of a displacement, times a factor."""
        # the displacement may be several fields, each with its own part of the boundary
        domain, form = state.domain, ufl.Form([])
        for item in state.having(DISPLACEMENT):
            outward = ufl.inner(ufl.FacetNormal(domain.mesh), vectors[item])
            regions = state.unknowns[item].support.regions
            form += domain.on_boundary(factor * outward, self.boundary, regions)
        return form


def rollers(state: State, boundaries: Iterable[str]) -> list[fem.DirichletBC]:
    """Return constraints that let plane boundaries slide but not lift off: u . n = 0."""
    domain, conditions = state.domain, []
    for name in boundaries:
        axis = domain.normal_axis(name)
        for item in state.having(DISPLACEMENT):
            unknown = state.unknowns[item]
            component = unknown.space.sub(axis)
            facets = domain.facets_in(unknown.support, domain.facet_boundary[name])
            dofs = fem.locate_dofs_topological(component, domain.dimension - 1, facets)
            conditions.append(fem.dirichletbc(np.float64(0.0), dofs, component))
    return conditions
