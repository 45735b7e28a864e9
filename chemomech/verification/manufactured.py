"""Manufactured solutions: what they share, and the one of conduction.

Exact fields are chosen; what they leave in the strong form of each balance, in the bulk and at the interface, is
added as a source. The strong form is written here from the equations, not taken from the physics under test.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import ufl
from dolfinx import fem, mesh

from chemomech.domain import Domain
from chemomech.fields import CELL_VOLTAGE, ELECTRONIC_POTENTIAL, Field, State
from chemomech.physics.balance import source
from chemomech.physics.conduction import Conduction
from chemomech.verification import meshes
from chemomech.verification.bench import Bench, idle, make_state, number

type Exact = Callable[[Any, Any], Any]
"""f(x, maths) with maths numpy or ufl"""


def order(sizes: Sequence[int], errors: Sequence[float]) -> float:
    """Return the slope of log error against log of the mesh size."""
    return -float(np.polyfit(np.log(sizes), np.log(errors), 1)[0])


def square(count: int, names: Sequence[str]) -> Domain:
    """Return the unit square, halved at x = 1/2, with `count` cells along each side."""
    halves = dict.fromkeys(names, 0.5)
    return meshes.layers("plane strain", halves, [count // 2] * 2, across=count, quadrature_degree=8)


def at_rest(state: State, item: Field, exact: Sequence[Exact]) -> fem.Function:
    """Return a field's interpolant of exact components."""
    function = fem.Function(state.unknowns[item].space)
    scalar = item.shape == "scalar"
    function.interpolate(
        lambda x: exact[0](x, np) + 0 * x[0] if scalar else np.stack([f(x, np) + 0 * x[0] for f in exact])
    )
    return function


def walls(state: State, item: Field, exact: Sequence[Exact], ends: Sequence[float]) -> fem.DirichletBC:
    """Return the constraint that holds a field at its exact values on the outer boundary of the square."""
    space, body = state.unknowns[item].space, state.unknowns[item].support.mesh

    def outer(x: Any) -> Any:
        sides = [np.abs(x[1]) < 1e-9, np.abs(x[1] - 1) < 1e-9, *(np.abs(x[0] - end) < 1e-9 for end in ends)]
        return np.logical_or.reduce(sides)

    body.topology.create_connectivity(1, 2)
    facets = mesh.locate_entities_boundary(body, 1, outer)
    if len(ends) == 1:  # the interface is a boundary of the submesh: the facets on it are none of ours
        middles = mesh.compute_midpoints(body, 1, facets)
        facets = facets[np.abs(middles[:, 0] - 0.5) > 1e-9]
    return fem.dirichletbc(at_rest(state, item, exact), fem.locate_dofs_topological(space, 1, facets))


def distance(bench: Bench, item: Field, exact: Any, regions: Sequence[str]) -> float:
    """Return the L2 norm of a field's error."""
    difference = bench.state.value[item] - exact
    form = bench.domain.over(ufl.inner(difference, difference), regions)
    return float(np.sqrt(bench.domain.integral(bench.problem.compile(form), lambda f: f)))


def poisson() -> dict[str, float]:
    """Orders of a potential, degree 1 and 2, with one conductivity and with a jump of it."""
    found: dict[str, float] = {}
    for name, conductivities in (("", (1.0, 1.0)), ("_jump", (1.0, 25.0))):
        for degree in (1, 2):
            sizes = (8, 16, 32)
            errors = [_potential_error(n, degree, conductivities) for n in sizes]
            found[f"order_degree_{degree}{name}"] = order(sizes, errors)
    return found


def _potential_error(count: int, degree: int, conductivities: tuple[float, float]) -> float:
    domain = square(count, ("one", "two"))
    kappas = {name: number(domain, k) for name, k in zip(("one", "two"), conductivities, strict=True)}

    def potential(kappa: float) -> Exact:
        # continuous at x = 1/2, and so is kappa d/dx of it
        return lambda x, m: m.sin(np.pi * x[1]) * ((x[0] - 0.5) / kappa + (x[0] - 0.5) ** 2) + m.cos(2 * x[1])

    x = ufl.SpatialCoordinate(domain.mesh)
    conduction = Conduction(ELECTRONIC_POTENTIAL, kappas)
    roles = dict.fromkeys(kappas, "conductor")
    state = make_state(domain, roles, [ELECTRONIC_POTENTIAL, CELL_VOLTAGE], {ELECTRONIC_POTENTIAL: degree})
    exact = {name: potential(k)(x, ufl) for name, k in zip(kappas, conductivities, strict=True)}
    extra = [
        source(state, ELECTRONIC_POTENTIAL, ufl.div(-kappas[name] * ufl.grad(exact[name])), [name])
        for name in kappas
    ]
    first, second = (potential(k) for k in conductivities)
    whole: Exact = lambda x, m: m.where(x[0] < 0.5, first(x, m), second(x, m))  # noqa: E731
    conditions = [walls(state, ELECTRONIC_POTENTIAL, [whole], (0.0, 1.0))]
    bench = Bench(state, [conduction], extra=[*extra, idle(state)], conditions=conditions)
    bench.solve()
    parts = [distance(bench, ELECTRONIC_POTENTIAL, exact[name], [name]) for name in kappas]
    bench.destroy()
    return float(np.linalg.norm(parts))
