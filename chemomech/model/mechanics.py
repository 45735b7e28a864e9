"""How the bodies of a cell deform, what presses them and what holds them."""

from collections.abc import Mapping

import chemomech.runtime  # noqa: F401

from dolfinx import fem

from chemomech.domain import FREE_SURFACE
from chemomech.errors import InputError, Problem
from chemomech.fields import Field, State
from chemomech.materials.free_energy import Solid
from chemomech.model.numbers import Numbers
from chemomech.physics.mechanics import StackPressure, StressEquilibrium, rollers


def solid(numbers: Numbers, name: str) -> Solid:
    """Return how a region deforms: elasticity, and the swelling of its lattice with lithium or with mobile ions."""
    elastic = (
        numbers.number(numbers.property(name, "youngs_modulus")),
        numbers.number(numbers.property(name, "poissons_ratio")),
    )
    charged = numbers.case.regions[name].space_charge
    if charged is not None and charged.ion_volume is not None:
        sites = numbers.number(charged.mobile_concentration)
        volume = numbers.number(charged.ion_volume)
        return Solid(
            *elastic,
            swelling=lambda theta: volume * sites * theta,
            maximum_concentration=sites,
            stress_free_stoichiometry=numbers.number(charged.share),
        )
    if name not in numbers.initial:
        return Solid(*elastic)
    reference = numbers.case.regions[name].stress_free_stoichiometry
    return Solid(
        *elastic,
        swelling=numbers.law(name, "swelling"),
        maximum_concentration=numbers.number(numbers.property(name, "maximum_concentration")),
        stress_free_stoichiometry=numbers.number(numbers.initial[name] if reference is None else reference),
    )


def stress_equilibrium(numbers: Numbers, ions: Mapping[str, Field]) -> StressEquilibrium | None:
    """Return the balance of forces; None where the case has no mechanics.

    `ions` are the ion concentrations of the regions whose charge is resolved.
    """
    if not numbers.stressed:
        return None
    free = numbers.case.mechanics.out_of_plane == "free"
    solids = {name: solid(numbers, name) for name in numbers.case.regions}
    return StressEquilibrium(solids, free, ions)


def stack_pressure(numbers: Numbers) -> StackPressure | None:
    """Return the stack pressure; None without one, or without mechanics."""
    given = numbers.case.pressure
    if given is None or not numbers.stressed:
        return None
    numbers.domain.normal_axis(given.at)
    return StackPressure(given.at, numbers.number(given.initial or 0.0), numbers.optional(given.fixture))


def walls_of(numbers: Numbers, state: State) -> list[fem.DirichletBC]:
    """Return the rollers: a plane that is neither pressed nor free slides on a wall, without displacement along its
    normal; empty without mechanics. InputError where nothing holds the cell along a direction."""
    if not numbers.stressed:
        return []
    pressed = numbers.case.pressure.at if numbers.case.pressure is not None else None
    walls = [
        name
        for name in numbers.domain.facet_boundary
        if name not in (pressed, FREE_SURFACE) and name not in numbers.case.mechanics.free
    ]
    held = {numbers.domain.normal_axis(name) for name in walls}
    needed = {1} if numbers.domain.coordinates == "axisymmetric" else set(range(numbers.domain.dimension))
    loose = sorted("xyz"[axis] for axis in needed - held)
    if loose:
        raise InputError(
            Problem(
                "[mechanics]",
                f"nothing holds the cell along {', '.join(loose)}",
                "leave at least one plane boundary per direction neither free nor pressed",
            )
        )
    return rollers(state, walls)
