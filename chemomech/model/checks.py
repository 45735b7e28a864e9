"""What a case and a mesh must agree on before anything is solved."""

from collections.abc import Iterable, Mapping

import chemomech.runtime  # noqa: F401

import numpy as np

from chemomech.case.schema import Case
from chemomech.connectivity import floating
from chemomech.domain import Domain
from chemomech.errors import InputError, Problem
from chemomech.fields import CONCENTRATION, ROLES, Field, State
from chemomech.model.numbers import Numbers
from chemomech.model.regions import region_dofs


def check_dimension(case: Case, domain: Domain) -> None:
    """Refuse what means nothing in a mesh of this dimension.

    The case reader says this first where the coordinates can be known without reading the mesh.
    """
    velocity, problems = case.mechanics.lattice_velocity, []
    if velocity is not None and len(velocity) != domain.dimension:
        what = f"{len(velocity)} speeds in a mesh of {domain.dimension} dimensions"
        problems.append(Problem("[mechanics] lattice_velocity", what, f"give {domain.dimension}"))
    if case.cell.depth is not None and domain.coordinates != "plane strain":
        what = f"a mesh in {domain.coordinates} has no depth to choose"
        problems.append(Problem("[cell] depth", what, "remove it"))
    if case.mechanics.out_of_plane == "free" and domain.coordinates != "plane strain":
        what = f"'free' means nothing in a mesh that is {domain.coordinates}"
        problems.append(Problem("[mechanics] out_of_plane", what, "remove it"))
    if problems:
        raise InputError(problems)


def boundaries_used(case: Case) -> list[str]:
    """Return the names of the boundaries that a case speaks of."""
    names = [case.cell.counter_electrode.at, *case.mechanics.free]
    if case.cell.collector is not None and case.cell.collector.boundary is not None:
        names.append(case.cell.collector.boundary)
    if case.cell.working_electrode is not None:
        names.append(case.cell.working_electrode.at)
    if case.pressure is not None:
        names.append(case.pressure.at)
    return names


def refuse_floating(
    numbers: Numbers, ionic: Mapping[str, Field], resisting: Iterable[tuple[str, str]]
) -> None:
    """Refuse a potential without a way to the counter electrode: it is undetermined, the matrix would be singular.

    `ionic` are the ionic potentials of the electrolytes, `resisting` the interfaces between them that resist.
    """
    electrolytes = numbers.with_role("electrolyte")
    pairs = [
        (active, electrolyte)
        for active in numbers.with_role("active")
        for electrolyte in electrolytes
        if numbers.case.interface(active, electrolyte).charge_transfer is not None
    ]
    pairs += list(resisting)
    groups: dict[Field, tuple[str, ...]] = {}
    for name, potential in ionic.items():
        groups[potential] = (*groups.get(potential, ()), name)
    conductors = (tuple(numbers.with_role(*ROLES["electron-conducting"])), *groups.values())
    counter = numbers.case.cell.counter_electrode.at
    lonely = floating(numbers.domain, conductors, pairs, (counter, tuple(electrolytes)))
    if lonely:
        raise InputError(
            Problem(
                f"[regions] {piece.region}",
                f"a piece of {piece.cells} cells about ({', '.join(f'{x:.3g}' for x in piece.centre)}) um has no "
                "way for current to the counter electrode",
                "connect it, give its interface charge_transfer, or make it a region of role inert",
            )
            for piece in lonely[:10]
        )


def refuse_mixed_lithium(numbers: Numbers, state: State) -> None:
    """Refuse two active materials that touch.

    The concentration is continuous: right inside one material, wrong where two kinds of lattice meet.
    """
    active = numbers.with_role("active")
    dofs = {name: region_dofs(state, CONCENTRATION, name) for name in active}
    for position, one in enumerate(active):
        for other in active[position + 1 :]:
            shared = len(np.intersect1d(dofs[one], dofs[other]))
            if numbers.domain.comm.allreduce(shared) and not _same_lattice(numbers, one, other):
                raise InputError(
                    Problem(
                        f"[regions] {other}",
                        f"touches '{one}', which is another active material: lithium that crosses between the two "
                        "is not modelled",
                        "put a layer of role conductor or electrolyte between them",
                    )
                )


def _same_lattice(numbers: Numbers, one: str, other: str) -> bool:
    first, second = numbers.materials[one], numbers.materials[other]
    keys = ("maximum_concentration", "open_circuit_potential")
    return all(first.properties[key] == second.properties[key] for key in keys)


def they_touch(case: Case, domain: Domain, one: str, other: str) -> bool:
    """Return whether two regions touch, of whose interface a case says something; refuse it where they do not.

    A name with a star means those pairs that touch, so nothing is refused there.
    """
    adjacent = domain.adjacent()
    if tuple(sorted((one, other))) in adjacent:
        return True
    if case.pattern(one, other) is not None:
        return False
    raise InputError(
        Problem(
            f"[interfaces.'{one}|{other}']",
            "the two regions do not touch in this mesh",
            f"regions that touch: {sorted('|'.join(p) for p in adjacent)}",
        )
    )
