"""Effective conductivity and stiffness of a microstructure, from cell problems on its box.

Conductivity sigma_kl V = int kappa grad u_k . grad u_l dV + sum int [u_k][u_l]/R dA, u_k = x_k + fluctuation;
stiffness    C_kl V = int eps(u_k) : C : eps(u_l) dV, u_k = e_k x + fluctuation, e_k the unit strains in Voigt's order.
The fluctuation is periodic, or (walls) vanishes: potentials on the two faces along the direction, and no flux through
the side walls; displacements on all faces (kinematic uniform conditions, which bound the stiffness from above).
V is the volume of the box.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import chemomech.runtime  # noqa: F401

import numpy as np
import ufl
from dolfinx import fem

from chemomech.analysis.box import Boundaries, Box, FloatArray, face_facets, refuse_faceless
from chemomech.analysis.cell_problem import Load, Response, Solver, respond
from chemomech.analysis.percolation import Percolation, live_cells, percolation
from chemomech.domain import Domain
from chemomech.errors import InputError, Problem
from chemomech.fields import DISPLACEMENT, Field, State
from chemomech.materials.free_energy import Solid
from chemomech.physics.balance import exchange
from chemomech.physics.conduction import Conduction
from chemomech.physics.mechanics import StressEquilibrium

type Pair = frozenset[str]

VOIGT: Final[dict[int, tuple[tuple[int, int], ...]]] = {
    2: ((0, 0), (1, 1), (0, 1)),
    3: ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)),
}
COMMON_CONTACT: Final = 0.01
"""part of a face above which a contact of two regions across it is one of the structure"""


@dataclass(frozen=True)
class Conductivity:
    """The effective conductivity of one phase, and what was solved for it."""

    tensor: FloatArray
    """(d, d) [nA/(V um)]; with walls only the diagonal is known, the rest is nan"""
    mean: float
    """of the conducting phase, averaged over its volume [nA/(V um)]"""
    fraction: float
    """its part of the box [-]"""
    axes: tuple[int, ...]
    """directions that were solved"""
    percolation: Percolation
    state: State
    potentials: dict[int, list[FloatArray]]
    """for each direction with a path, for each field: potential under a gradient of 1 V/um, local values"""
    live: dict[int, Any]
    """for each direction: the local cells that take part"""
    unknowns: int
    iterations: int

    def tortuosity_factor(self, axis: int) -> float:
        """fraction * mean / effective [-]; infinite where nothing percolates."""
        value = self.tensor[axis, axis]
        return float(self.fraction * self.mean / value) if value > 0.0 else float("inf")

    def macmullin(self, axis: int) -> float:
        """mean / effective [-]."""
        value = self.tensor[axis, axis]
        return float(self.mean / value) if value > 0.0 else float("inf")


@dataclass(frozen=True)
class Stiffness:
    """The effective stiffness in Voigt's notation with engineering shear strains."""

    tensor: FloatArray
    """(6, 6), or (3, 3) in plane strain [GPa]"""
    state: State
    displacements: list[FloatArray]
    """for each unit strain: local values [um]"""
    live: Any
    """the local cells that take part"""
    unknowns: int
    iterations: int


def joined(
    touching: set[tuple[str, str]], regions: Sequence[str], resistances: Mapping[Pair, float]
) -> list[tuple[str, ...]]:
    """Return the groups of regions that touch without resistance: each has one continuous potential.

    InputError where a resistance stands between regions of one group: current would go round it.
    """
    group = {name: {name} for name in regions}
    for one, other in sorted(touching):
        if one in group and other in group and not resistances.get(frozenset((one, other))):
            merged = group[one] | group[other]
            for name in merged:
                group[name] = merged
    for pair, value in resistances.items():
        one, other = sorted(pair)
        if value and one in group and other in group[one]:
            through = sorted(group[one] - pair)
            raise InputError(
                Problem(
                    f'[interfaces."{one}|{other}"] resistance',
                    f"both regions touch {', '.join(through)} without resistance, so current goes round it",
                    f"give a resistance to one of their interfaces with {', '.join(through)} too",
                )
            )
    return [tuple(names) for names in dict.fromkeys(tuple(sorted(group[name])) for name in regions)]


def effective_conductivity(
    domain: Domain,
    box: Box,
    boundaries: Boundaries,
    conductivities: Mapping[str, float],
    resistances: Mapping[Pair, float] | None = None,
    *,
    axes: Sequence[int],
    cell_volumes: FloatArray,
    degree: int = 1,
    solver: Solver = "direct",
    jit_options: dict[str, Any] | None = None,
    place: str = "effective conductivity",
) -> Conductivity:
    """Return the effective conductivity of the regions that conduct (collective).

    ``conductivities`` [nA/(V um)]; a region without one, or with 0, does not conduct. ``resistances`` [V um^2/nA] of
    pairs of regions; without one their potential is continuous. Pieces that carry nothing are left out.
    """
    conducting = {name: value for name, value in conductivities.items() if value > 0.0}
    if not conducting:
        raise InputError(Problem(place, "no region conducts", "give a region of the phase a conductivity"))
    periodic = boundaries == "periodic"
    refuse_faceless(box, range(domain.dimension) if periodic else axes, place)
    limits = resistances or {}
    across = meeting(domain, box, range(domain.dimension)) if periodic else set()
    groups = joined(domain.adjacent() | across, list(conducting), limits)
    _refuse_resistive_sides(across, groups, place)
    found = percolation(domain, box, conducting, cell_volumes)
    state = _state(domain, groups, degree)
    share = fem.Function(fem.functionspace(domain.mesh, ("DG", 0)))
    residual = _residual(state, groups, conducting, limits, share)
    d = domain.dimension
    tensor = np.zeros((d, d)) if periodic else np.full((d, d), np.nan)
    potentials: dict[int, list[FloatArray]] = {}
    live: dict[int, Any] = {}
    unknowns = iterations = 0
    every = list(range(d))
    for solved in [every] if periodic else [[axis] for axis in axes]:
        carrying = set().union(*(found.winding(a) if periodic else found.spanning(a) for a in solved))
        cells = live_cells(found, carrying)
        live |= dict.fromkeys(solved, cells)
        if not carrying:
            tensor[solved, solved] = 0.0
            continue
        share.x.array[:] = cells
        response = respond(
            state,
            residual,
            box,
            [_coordinate(axis) for axis in solved],
            held=[] if periodic else solved,
            tied=every if periodic else [],
            live=cells,
            solver=solver,
            jit_options=jit_options,
        )
        tensor[np.ix_(solved, solved)] = response.tensor
        potentials |= dict(zip(solved, response.values, strict=True))
        unknowns, iterations = max(unknowns, response.unknowns), iterations + response.iterations
    volumes = {name: domain.volume([name]) for name in conducting}
    volume = sum(volumes.values())
    mean = sum(volumes[name] * value for name, value in conducting.items()) / volume
    return Conductivity(
        tensor, mean, volume / box.volume, tuple(every if periodic else axes), found, state, potentials, live,
        unknowns, iterations,
    )  # fmt: skip


def _coordinate(axis: int) -> Load:
    return lambda x: x[:, axis]


def _state(domain: Domain, groups: Sequence[tuple[str, ...]], degree: int) -> State:
    fields = {
        Field(f"potential in {'+'.join(group)}", "solid", "V", 1.0, "elliptic"): group for group in groups
    }
    supports = {item: domain.support(group) for item, group in fields.items()}
    return State(domain, supports, degrees=dict.fromkeys(fields, degree))


def _residual(
    state: State,
    groups: Sequence[tuple[str, ...]],
    conductivities: Mapping[str, float],
    resistances: Mapping[Pair, float],
    share: fem.Function,
) -> ufl.Form:
    # ``share`` is 0 in the cells that are left out
    domain = state.domain
    field_of = {name: item for item, group in zip(state.fields, groups, strict=True) for name in group}
    form = ufl.Form([])
    for item, group in zip(state.fields, groups, strict=True):
        numbers = {name: fem.Constant(domain.mesh, float(conductivities[name])) * share for name in group}
        form += Conduction(item, numbers).residual(state)
    touching = domain.adjacent()
    for pair, value in resistances.items():
        one, other = sorted(pair)
        if not value or not pair <= field_of.keys() or (one, other) not in touching:
            continue
        first, second = field_of[one], field_of[other]
        drop = state.value[first]("+") - state.value[second]("-")
        density = drop / fem.Constant(domain.mesh, float(value))
        form += exchange(state, density, first, second, frozenset((one,)), frozenset((other,)))
    return form


def meeting(domain: Domain, box: Box, axes: Sequence[int]) -> set[tuple[str, str]]:
    """Return the pairs (sorted) of regions that meet across opposite faces of a periodic box (collective).

    Contacts on less than a hundredth of a face are those of facets that do not match, not of the structure.
    """
    names = {tag: name for name, tag in domain.regions.items()}
    areas: dict[tuple[str, str], float] = {}
    for axis in axes:
        tags = domain.cell_region.astype(np.int64)
        low, high = (face_facets(domain, name, axis, tags) for name in box.faces[axis])
        met = low.containing(high.corners.mean(axis=1))
        for facet in np.flatnonzero(met >= 0):
            one, other = sorted((names[int(high.labels[facet])], names[int(low.labels[met[facet]])]))
            areas[one, other] = areas.get((one, other), 0.0) + float(high.areas[facet] / high.areas.sum())
    return {pair for pair, share in areas.items() if pair[0] != pair[1] and share > COMMON_CONTACT}


def _refuse_resistive_sides(
    pairs: set[tuple[str, str]], groups: Sequence[tuple[str, ...]], place: str
) -> None:
    # A resistance that sits on the face of the box itself would be taken for a wall.
    group_of = {name: group for group in groups for name in group}
    for one, other in sorted(pairs):
        if one in group_of and other in group_of and group_of[one] != group_of[other]:
            what = f"'{one}' and '{other}', between which there is a resistance, meet across opposite faces of the box"
            remedy = "move the box so that the interface is inside, or take boundaries = 'walls'"
            raise InputError(Problem(place, what, remedy))


def effective_stiffness(
    domain: Domain,
    box: Box,
    boundaries: Boundaries,
    solids: Mapping[str, Solid],
    *,
    cell_volumes: FloatArray,
    degree: int = 2,
    solver: Solver = "direct",
    jit_options: dict[str, Any] | None = None,
    place: str = "effective stiffness",
) -> Stiffness:
    """Return the effective stiffness of the solids (collective); pieces that touch nothing are left out."""
    if domain.coordinates == "axisymmetric":
        raise InputError(
            Problem(place, "an axisymmetric mesh has no stiffness tensor", "take a plane or a 3D mesh")
        )
    every = list(range(domain.dimension))
    refuse_faceless(box, every, place)
    found = percolation(domain, box, solids, cell_volumes)
    periodic = boundaries == "periodic"
    if periodic:
        whole = {piece for piece in found.volumes if found.rank(piece) == domain.dimension}
        if not whole:
            remedy = "a periodic box of it has no stiffness; try boundaries = 'walls'"
            raise InputError(
                Problem(place, "the solid does not hold together across the faces of the box", remedy)
            )
    else:
        whole = set(found.volumes) - found.isolated()
    live = live_cells(found, whole)
    state = State(domain, {DISPLACEMENT: domain.support(solids)}, degrees={DISPLACEMENT: degree})
    residual = StressEquilibrium(_masked(domain, solids, live)).residual(state)
    response: Response = respond(
        state,
        residual,
        box,
        [_strained(pair, domain.dimension) for pair in VOIGT[domain.dimension]],
        held=[] if periodic else every,
        tied=every if periodic else [],
        live=live,
        solver=solver,
        jit_options=jit_options,
    )
    return Stiffness(
        response.tensor,
        state,
        [one[0] for one in response.values],
        live,
        response.unknowns,
        response.iterations,
    )


def _masked(domain: Domain, solids: Mapping[str, Solid], live: Any) -> dict[str, Solid]:
    if domain.comm.allreduce(int(live.sum())) == domain.comm.allreduce(len(live)):
        return {name: Solid(solid.youngs_modulus, solid.poissons_ratio) for name, solid in solids.items()}
    share = fem.Function(fem.functionspace(domain.mesh, ("DG", 0)))
    share.x.array[:] = live
    return {name: Solid(solid.youngs_modulus * share, solid.poissons_ratio) for name, solid in solids.items()}


def _strained(pair: tuple[int, int], dimension: int) -> Load:
    strain = np.zeros((dimension, dimension))
    strain[pair] += 0.5
    strain[pair[::-1]] += 0.5
    return lambda x: x[:, :dimension] @ strain
