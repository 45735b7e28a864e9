"""Diffuse layers solved by the project's finite elements, against closed forms: walls, contacts, closed cells."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import ufl
from dolfinx import fem, mesh

from chemomech.constants import FARADAY, GAS, VACUUM
from chemomech.domain import Domain, Support
from chemomech.errors import RunError
from chemomech.fields import (
    ANION_POTENTIAL,
    DISPLACEMENT,
    ELECTRIC_POTENTIAL,
    IONIC_POTENTIAL,
    Field,
    State,
    ion_concentration,
)
from chemomech.materials.free_energy import Solid
from chemomech.model import region_dofs
from chemomech.physics.balance import Physics
from chemomech.physics.mechanics import StressEquilibrium, rollers
from chemomech.physics.space_charge import ElectrodeCore, Ion, Medium, SpaceCharge
from chemomech.solver.newton import NewtonSolver
from chemomech.verification import meshes
from chemomech.verification.bench import Bench, fields_of, make_state, number, probe
from chemomech.verification.layer_forms import debye_length

MOLAR: Final = 1e-6
"""1 mol/m^3 [pmol/um^3]"""
ROOM: Final = 298.15
NM: Final = 1e-3
"""[um]"""
SALT: Final = "electrolyte"
REACH: Final = 30.0
"""thickness of a half space [Debye lengths]"""
ZERO_CHARGE: Final = 0.2
"""potential at which a metal behind a core layer holds no charge [V]"""
STEP: Final = 2e-5
"""difference of potential for a capacitance [V]"""


@dataclass(frozen=True)
class Substance:
    """What a resolved region is made of."""

    relative_permittivity: float = 10.0
    concentration: float = 1e3
    """of the cation in the bulk [mol/m^3]"""
    share: float = 0.0
    """of the sites that the cation takes in the bulk; 0 is dilute"""
    binary: bool = False
    """an anion balances the cation, in place of a fixed background"""
    conductivity: float = 0.1
    """[nA/(V um)], of each ion"""
    chemical_potential: float = 0.0
    """[V]"""

    @property
    def permittivity(self) -> float:
        """[nC/(V um)]."""
        return VACUUM * self.relative_permittivity

    @property
    def debye_length(self) -> float:
        """Decay of small potentials [um]."""
        mobile = MOLAR * self.concentration * (1.0 if self.binary else 1 - self.share)
        return debye_length(self.permittivity, mobile, ROOM, 2 if self.binary else 1)

    def medium(self, domain: Domain, region: str, electric: Field, solid: Solid | None = None) -> Medium:
        """Return the region as the physics wants it."""
        c0 = MOLAR * self.concentration
        scale = c0 / self.share if self.share else 100 * c0

        def ion(potential: Field, charge: int, name: str) -> Ion:
            return Ion(
                potential,
                ion_concentration(region, scale, name),
                charge,
                number(domain, c0),
                number(domain, self.share),
                number(domain, self.conductivity),
                number(domain, self.chemical_potential if charge == 1 else 0.0),
                solid if charge == 1 else None,
            )

        ions = [ion(IONIC_POTENTIAL, 1, "cation")]
        if self.binary:
            ions.append(ion(ANION_POTENTIAL, -1, "anion"))
        return Medium(electric, number(domain, self.permittivity), tuple(ions), vacancies=not self.binary)


class Layers:
    """Regions side by side whose charge is resolved; potentials are held where asked."""

    def __init__(
        self,
        domain: Domain,
        substances: Mapping[str, Substance],
        held: Sequence[tuple[Field, str, float]],
        *,
        electric: Mapping[str, Field] | None = None,
        more: Sequence[Physics] = (),
        solid: Solid | None = None,
        time_tolerance: float = 1e-4,
    ) -> None:
        """`held`: field, boundary and value of each constraint; `electric`: where phi is more than one field."""
        whole = ELECTRIC_POTENTIAL.on(substances)
        self.domain = domain
        self.electric = dict.fromkeys(substances, whole) if electric is None else dict(electric)
        self.physics = SpaceCharge(
            {name: one.medium(domain, name, self.electric[name], solid) for name, one in substances.items()},
            number(domain, ROOM),
        )
        everything: list[Physics] = [self.physics, *more]
        if solid is not None:
            swelling = {name: medium.ions[0].concentration for name, medium in self.physics.media.items()}
            everything.append(StressEquilibrium(dict.fromkeys(substances, solid), swelling_ions=swelling))
        self.state = make_state(
            domain, dict.fromkeys(substances, "electrolyte"), fields_of(everything), {DISPLACEMENT: 2}
        )
        self.values = [number(domain, value) for _, _, value in held]
        conditions = [
            held_at(self.state, item, boundary, value)
            for (item, boundary, _), value in zip(held, self.values, strict=True)
        ]
        if solid is not None:
            conditions += rollers(self.state, ("left", "bottom", "top"))
        self.neutral()
        self.bench = Bench(self.state, everything, conditions=conditions, time_tolerance=time_tolerance)
        self.state.time_factor.value = 0.0

    def neutral(self) -> None:
        """Set every region to its bulk, its electrochemical potentials to 0."""
        for unknown in self.state.unknowns.values():
            unknown.function.x.array[:] = 0.0
        for name, medium in self.physics.media.items():
            potential = self.state.unknowns[self.electric[name]].function
            for ion in medium.ions:
                c = self.state.unknowns[ion.concentration].function
                c.x.array[:] = float(ion.bulk_concentration.value)
                if ion.charge == 1:
                    mu = float(ion.chemical_potential.value)
                    potential.x.array[region_dofs(self.state, self.electric[name], name)] = -mu

    def equilibrate(self) -> None:
        """Solve for electric potentials and concentrations with the electrochemical potentials as they stand."""
        moving = {ion.potential for medium in self.physics.media.values() for ion in medium.ions}
        chosen = [i for i, item in enumerate(self.state.fields) if item not in moving]
        solver = NewtonSolver(self.bench.problem.part(chosen), self.bench.solver.options, self.domain.comm)
        attempt = solver.solve()
        solver.destroy()
        if not attempt.converged:
            raise RunError(f"the equilibrium was not solved: {attempt.reason}")

    def total(self, name: str) -> float:
        """Return one of the physics' observables."""
        return self.bench.read(name, lambda: self.physics.observables(self.state)[name])

    def charge(self, *regions: str) -> float:
        """Charge in these regions, in all without a name [nC]."""
        return sum(self.total(f"space charge in {name}") for name in regions or self.physics.media)

    def span(self, item: Field) -> tuple[float, float]:
        """Return the smallest and the largest value of a field."""
        owned = self.state.unknowns[item].space.dofmap.index_map.size_local
        values = self.state.unknowns[item].array()[:owned]
        parts = self.domain.comm.allgather((values.min(initial=np.inf), values.max(initial=-np.inf)))
        return float(min(low for low, _ in parts)), float(max(high for _, high in parts))

    def destroy(self) -> None:
        """Free the solver."""
        self.bench.destroy()


def held_at(state: State, item: Field, boundary: str, value: Any) -> fem.DirichletBC:
    """Return the constraint that holds a field at a constant on a boundary."""
    domain, unknown = state.domain, state.unknowns[item]
    facets = domain.facet_boundary[boundary]
    if unknown.support.entity_map is not None:  # the constraint wants the facets of the field's own mesh
        facets = _facets_of(unknown.support, domain, facets)
    dofs = fem.locate_dofs_topological(unknown.space, domain.dimension - 1, facets)
    return fem.dirichletbc(value, dofs, unknown.space)


def _facets_of(support: Support, domain: Domain, facets: Any) -> Any:
    tdim = domain.dimension
    middles = mesh.compute_midpoints(domain.mesh, tdim - 1, facets)
    x = domain.mesh.geometry.x
    near = 1e-9 * float(np.max(np.ptp(x, axis=0), initial=0.0))
    support.mesh.topology.create_connectivity(tdim - 1, tdim)
    outer = mesh.exterior_facet_indices(support.mesh.topology)
    places = mesh.compute_midpoints(support.mesh, tdim - 1, outer)
    hit = [bool(len(middles)) and np.min(np.linalg.norm(middles - place, axis=1)) < near for place in places]
    return outer[np.array(hit, dtype=bool)]


class Wall(Layers):
    """A half space at a wall on the left, whose surface potential is held against the bulk on the right."""

    def __init__(
        self,
        substance: Substance,
        domain: Domain | None = None,
        *,
        count: int = 300,
        ratio: float = 300.0,
        core: float | None = None,
        solid: Solid | None = None,
    ) -> None:
        """`core`: capacitance of a core layer at the wall [nC/(V um^2)]; the wall then is a metal behind it."""
        length = substance.debye_length
        if domain is None:
            grid = meshes.graded(0.0, REACH * length, count, ratio)
            domain = meshes.stack("plane strain", {SALT: grid}, breadth=length, across=1)
        electric = ELECTRIC_POTENTIAL.on([SALT])
        held = [(electric, "right", 0.0), (IONIC_POTENTIAL, "right", 0.0)]
        if substance.binary:
            held.append((ANION_POTENTIAL, "right", 0.0))
        self.metal = number(domain, 0.0)
        more: list[Physics] = []
        if core is None:
            held.insert(0, (electric, "left", 0.0))
        else:
            more.append(
                ElectrodeCore(
                    "left", (SALT,), electric, number(domain, core), self.metal, number(domain, ZERO_CHARGE)
                )
            )
        super().__init__(domain, {SALT: substance}, held, more=more, solid=solid)
        if core is None:
            self.metal = self.values[0]
        self.area = domain.boundary_area("left")

    def at(self, phi: float) -> float:
        """Solve with the wall at a potential and return its charge [nC/um^2]."""
        self.metal.value = phi
        self.bench.solve()
        return -self.charge() / self.area

    def slope(self, phi: float) -> float:
        """Differential capacitance [nC/(V um^2)], by two solutions beside this potential."""
        return (self.at(phi + STEP) - self.at(phi - STEP)) / (2 * STEP)

    def field(self) -> float:
        """Size of the field in the first cells at the wall [V/um]."""
        phi = self.state.unknowns[self.electric[SALT]].function
        middle = 0.5 * self.area if self.domain.dimension == 2 else 0.0
        return float(
            np.linalg.norm(probe(self.domain, ufl.grad(phi), [0.0, 0.0] if middle else [0.0, 0.0, 0.0]))
        )


def debye_lengths() -> dict[str, float]:
    """Decay lengths eps/C of small potentials [nm], and the thermal voltage."""
    found = {"VT": GAS * ROOM / FARADAY}
    cases = {
        "LPSCl_full_Li": (11.0, 37600.0),
        "ref_1M_eps10_single": (10.0, 1000.0),
        "LLZO_like": (60.0, 41600.0),
        "ref_1mM_water_1to1": (78.5, 1.0),
    }
    for name, (permittivity, concentration) in cases.items():
        for kind in ("single_ion", "binary"):
            substance = Substance(permittivity, concentration, binary=kind == "binary")
            wall = Wall(substance)
            found[f"{name}_{kind}_nm"] = substance.permittivity / wall.slope(0.0) / NM
            wall.destroy()
    return found


def gouy_chapman() -> dict[str, float]:
    """Charge [C/m2], field [V/nm] and capacitance [F/m2] of a wall in a dilute solution; the profile at 0.1 V."""
    substance = Substance(binary=True)
    wall = Wall(substance, count=400, ratio=2e4)
    found = _curve(wall, (0.01, 0.05, 0.1, 0.2))
    found |= {"lambda_nm": substance.permittivity / wall.slope(0.0) / NM, "C0": 1e3 * wall.slope(0.0)}
    wall.at(0.1)
    x = wall.state.unknowns[wall.electric[SALT]].space.tabulate_dof_coordinates()[:, 0]
    phi = wall.state.unknowns[wall.electric[SALT]].array()
    order = np.argsort(x)
    found["phi_at_1lambda_for_0p1V"] = float(np.interp(substance.debye_length, x[order], phi[order]))
    wall.destroy()
    return found


def bikerman() -> dict[str, float]:
    """The same with ions of finite size, nu = 0.2."""
    substance = Substance(binary=True, share=0.1)
    wall = Wall(substance)
    found = _curve(wall, (0.01, 0.05, 0.1, 0.2, 0.5))
    found["lambda_nm"] = substance.permittivity / wall.slope(0.0) / NM
    wall.destroy()
    return found


def _curve(wall: Wall, potentials: Sequence[float]) -> dict[str, float]:
    found = {}
    for phi in (signed for size in potentials for signed in (size, -size)):
        wall.neutral()
        found[f"sigma_{phi}V"] = 1e3 * wall.at(phi)
        found[f"E_V_per_nm_{phi}V"] = NM * wall.field()
        found[f"C_{phi}V"] = 1e3 * wall.slope(phi)
    return found


def lattice_test() -> dict[str, float]:
    """Charge, field and capacitance at a wall, half of the sites taken."""
    return _lattice(Substance(10.0, 1e4 * 0.5, 0.5))


def lattice_full() -> dict[str, float]:
    """The same with all lithium of a sulfide mobile; and on distorted cells in 2D and in 3D."""
    return _lattice(Substance(11.0, 45100 * 0.833, 0.833))


def _lattice(substance: Substance) -> dict[str, float]:
    wall = Wall(substance, count=400)
    found = {"lambda_D_nm": substance.permittivity / wall.slope(0.0) / NM, "C0_F_m2": 1e3 * wall.slope(0.0)}
    for phi in (-1.0, -0.5, -0.1, 0.1, 0.5, 1.0):
        wall.neutral()
        found[f"sigma_{phi}"] = 1e3 * wall.at(phi)
        found[f"E_V_per_nm_{phi}"] = NM * wall.field()
        found[f"C_{phi}"] = 1e3 * wall.slope(phi)
    wall.destroy()
    return found
