"""Whether what is split and kept is what dolfinx assembles from the whole forms; for tests on any number of ranks."""

from typing import Any

import chemomech.runtime  # noqa: F401

import numpy as np
from dolfinx.fem import petsc as fempetsc
from mpi4py import MPI
from petsc4py import PETSc

from chemomech.solver.assembly import Assembler


def compare(problem: Any, *, nest: bool) -> tuple[float, float]:
    """Return the largest relative errors of residual and Jacobian at the functions' values (collective)."""
    functions, traits = problem.functions, problem.traits
    scales = [trait.scale for trait in traits]
    elastic = [i for i, trait in enumerate(traits) if trait.treatment == "elastic"]
    loose = elastic if len(elastic) > 1 else ()
    made = Assembler(
        functions,
        scales,
        problem.rows(),
        problem.split,
        problem.compile,
        problem.join,
        problem.bcs,
        nest=nest,
        loose=loose,
    )
    kind = "nest" if nest else None
    x, got, expected = (
        fempetsc.create_vector([f.function_space for f in functions], kind=kind) for _ in range(3)
    )
    fempetsc.assign(functions, x)
    made.refresh()
    # first somewhere near, so that the linear terms are continued by products
    here = [function.x.array.copy() for function in functions]
    disturb(problem, seed=2, size=5e-5)
    fempetsc.assign(functions, x)
    made.residual(x, got)
    for function, values in zip(functions, here, strict=True):
        function.x.array[:] = values
    fempetsc.assign(functions, x)
    made.residual(x, got)
    blocks = None if nest else x.getAttr("_blocks")
    forms, rows = problem.jacobian_forms, problem.compile(problem.rows())
    fempetsc.assemble_residual(None, x, expected, functions, rows, forms, problem.bcs, blocks)
    comm, worst = functions[0].function_space.mesh.comm, 0.0
    for one, other, sizes in zip(
        made.parts(got, False), made.parts(expected, False), terms(problem), strict=True
    ):
        size = comm.allreduce(float(np.max(sizes, initial=1e-300)), op=MPI.MAX)
        error = comm.allreduce(float(np.max(np.abs(one - other), initial=0.0)), op=MPI.MAX)
        worst = max(worst, error / size)
    made.assemble_jacobian()
    whole = fempetsc.create_matrix(forms, kind=kind)
    fempetsc.assemble_matrix(whole, forms, problem.bcs, diag=1.0)
    whole.assemble()
    wrong = 0.0
    count = range(len(functions))
    pairs = [(whole, made.matrix)]
    if nest:
        matrices = whole, made.matrix
        pairs = [tuple(m.getNestSubMatrix(i, j) for m in matrices) for i in count for j in count]
    for one, other in pairs:
        if one:
            size = one.norm()
            one.axpy(-1.0, other)
            wrong = max(wrong, one.norm() / max(size, 1e-300))
    whole.destroy()
    made.destroy()
    return worst, wrong


def terms(problem: Any) -> list[Any]:
    """Return the sizes that the terms of each row have: |J| |x|, at its largest on this rank."""
    found = []
    for row in problem.jacobian_forms:
        size = 0.0
        for form, function in zip(row, problem.functions, strict=True):
            if form is None:
                continue
            block = fempetsc.assemble_matrix(form)
            block.assemble()
            largest = function.function_space.mesh.comm.allreduce(
                float(np.max(np.abs(function.x.array), initial=0.0)), op=MPI.MAX
            )
            size += block.norm(PETSc.NormType.NORM_INFINITY) * largest
            block.destroy()
        found.append(np.array([size]))
    return found


def disturb(problem: Any, seed: int = 1, size: float = 0.05) -> None:
    """Move every unknown by a share of its scale, at random but alike on all ranks where it is one number."""
    for function, trait in zip(problem.functions, problem.traits, strict=True):
        points = function.function_space.tabulate_dof_coordinates()
        block = function.function_space.dofmap.index_map_bs
        wave = np.sin(7.1 * points @ np.array([1.0, 1.3, 0.7]) + seed)
        moved = np.repeat(wave, block)[: len(function.x.array)] if trait.treatment != "global" else 1.0
        function.x.array[:] += size * trait.scale * moved
