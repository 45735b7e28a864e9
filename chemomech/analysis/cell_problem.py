"""Linear cell problems: the response of a box to uniform gradients, and its energy.

u_k = g_k + P w_k with g_k affine (a unit gradient) and P from `periodic`; P^T A P w_k = -P^T A g_k, and the effective
tensor is the energy C_kl = u_k^T A u_l / V, which is symmetric and second-order exact in the solve.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import chemomech.runtime  # noqa: F401

import numpy as np
import ufl
from dolfinx.fem import petsc as fempetsc
from mpi4py import MPI
from petsc4py import PETSc
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from chemomech.analysis.box import Box, FloatArray, IntArray, gathered
from chemomech.analysis.periodic import BoolArray, Layout, Tie, inhabited, on_faces, prolongation, ties
from chemomech.errors import RunError
from chemomech.fields import State
from chemomech.solver.multigrid import rigid_body_modes
from chemomech.solver.newton import BlockProblem

MULTIGRID: Final = {
    "ksp_type": "cg",
    "ksp_rtol": 1e-10,
    "ksp_max_it": 5000,
    "pc_type": "gamg",
    "pc_gamg_agg_nsmooths": 1,
    "mg_levels_ksp_type": "chebyshev",
    "mg_levels_ksp_max_it": 2,
    "mg_levels_pc_type": "jacobi",
}
DIRECT: Final = {"ksp_type": "preonly", "pc_type": "cholesky", "pc_factor_mat_solver_type": "mumps"}

Solver = Literal["direct", "iterative"]
type Load = Callable[[FloatArray], FloatArray]
"""from points (n, 3), relative to the low corner of the box, to the values there, (n,) or (n, d)"""


@dataclass(frozen=True)
class Response:
    """The solved cell problems: energies per volume, and the fields behind them."""

    tensor: FloatArray
    """(loads, loads)"""
    values: list[list[FloatArray]]
    """for each load, for each field: local values, ghosts included"""
    unknowns: int
    iterations: int


def respond(
    state: State,
    residual: ufl.Form,
    box: Box,
    loads: Sequence[Load],
    *,
    held: Sequence[int],
    tied: Sequence[int],
    live: BoolArray,
    solver: Solver,
    jit_options: dict[str, Any] | None = None,
) -> Response:
    """Solve a linear, symmetric problem under each load (collective); RunError where that fails.

    ``held``: axes whose faces have the values of the load; ``tied``: axes whose faces are periodic; ``live``: local
    cells that take part, which must hold together with what is held or tied.
    """
    domain, comm = state.domain, state.domain.comm
    problem = BlockProblem(residual, state.functions, [], [], domain.entity_maps, jit_options or {})
    forms = problem.compile(problem.jacobian())
    matrix = fempetsc.create_matrix(forms)
    # interface forms and cells without conductivity put zeros that would join what is apart
    matrix.setOption(PETSc.Mat.Option.IGNORE_ZERO_ENTRIES, True)
    fempetsc.assemble_matrix(matrix, forms)
    matrix.assemble()
    layout = Layout(tuple(state.unknowns.values()))
    rows = layout.rows(comm)
    free = [inhabited(domain, u, live) & ~on_faces(u, box, held) for u in layout.unknowns]
    constraints: list[Tie | None] = [
        ties(domain, u, box, tied, numbers, live) if tied else None
        for u, numbers in zip(layout.unknowns, rows, strict=True)
    ]
    prolong, masters = prolongation(domain, layout, rows, free, constraints)
    blocks = {u.space.dofmap.index_map_bs for u in layout.unknowns}
    block = blocks.pop() if len(blocks) == 1 else 1
    reduced = matrix.ptap(prolong)
    if not held:
        pins = _first_of_components(reduced, block)
        reduced.zeroRowsColumns(pins.astype(PETSc.IntType))
    else:
        pins = np.zeros(0, dtype=np.int64)
    ksp = _solver(reduced, solver, state, masters, block)
    right, answer = reduced.createVecRight(), reduced.createVecRight()
    whole, load_vector = matrix.createVecRight(), matrix.createVecRight()
    solved, iterations = [], 0
    for load in loads:
        load_vector.array[:] = np.concatenate(
            [load(u.space.tabulate_dof_coordinates()[: len(mask)] - _corner(box)).reshape(-1)
             for u, mask in zip(layout.unknowns, free, strict=True)]
        )  # fmt: skip
        matrix.mult(load_vector, whole)
        prolong.multTranspose(whole, right)
        right.scale(-1.0)
        start = right.getOwnershipRange()[0]
        mine = pins[(pins >= start) & (pins < start + right.getLocalSize())] - start
        right.array[mine] = 0.0
        ksp.solve(right, answer)
        if ksp.getConvergedReason() <= 0 or not np.all(np.isfinite(answer.array_r)):
            raise RunError(f"a cell problem was not solved: KSP reason {ksp.getConvergedReason()}")
        iterations += ksp.getIterationNumber()
        prolong.mult(answer, whole)
        solved.append(np.array(whole.array_r) + load_vector.array_r)
    tensor = np.empty((len(loads), len(loads)))
    for k, one in enumerate(solved):
        load_vector.array[:] = one
        matrix.mult(load_vector, whole)
        mine = np.array([float(np.dot(other, whole.array_r)) for other in solved])
        comm.Allreduce(mine, tensor[k], op=MPI.SUM)
    size = reduced.getSize()[0]
    for item in (ksp, reduced, prolong, right, answer, whole, load_vector, matrix):
        item.destroy()
    values = [_fields(state, layout, one) for one in solved]
    return Response((tensor + tensor.T) / 2 / box.volume, values, size, iterations)


def _corner(box: Box) -> FloatArray:
    return np.asarray(np.concatenate([box.low, np.zeros(3 - len(box.low))]))


def _fields(state: State, layout: Layout, values: FloatArray) -> list[FloatArray]:
    parts, start = [], 0
    for unknown, size in zip(layout.unknowns, layout.sizes(), strict=True):
        unknown.function.x.array[:size] = values[start : start + size]
        unknown.function.x.scatter_forward()
        parts.append(unknown.function.x.array.copy())
        start += size
    return parts


def _solver(reduced: PETSc.Mat, solver: Solver, state: State, masters: IntArray, block: int) -> PETSc.KSP:
    ksp = PETSc.KSP().create(reduced.comm)
    prefix = f"cell_problem_{id(ksp)}_"
    ksp.setOptionsPrefix(prefix)
    database = PETSc.Options()
    options = DIRECT if solver == "direct" else MULTIGRID
    reduced.setOption(PETSc.Mat.Option.SPD, True)
    if solver == "iterative" and block > 1:
        (unknown,) = state.unknowns.values()
        reduced.setBlockSize(block)
        reduced.setNearNullSpace(rigid_body_modes(unknown.space, masters))
    ksp.setOperators(reduced)
    for name, value in options.items():
        database[prefix + name] = value
    ksp.setFromOptions()
    for name in options:
        database.delValue(prefix + name)
    return ksp


def _first_of_components(matrix: PETSc.Mat, block: int) -> IntArray:
    """Return the first row (all of its block) of each component of a matrix's graph: where it may be held."""
    comm = matrix.comm.tompi4py()
    pointer, index, value = matrix.getValuesCSR()
    first, last = matrix.getOwnershipRange()
    row = np.repeat(np.arange(first, last, dtype=np.int64), np.diff(pointer)) // block
    column = index.astype(np.int64) // block
    linked = value != 0.0
    own = np.arange(first // block, last // block, dtype=np.int64)
    names, ends = np.unique(np.concatenate([own, row[linked], column[linked]]), return_inverse=True)
    ends = ends[len(own) :].reshape(2, -1)
    graph = coo_matrix((np.ones(ends.shape[1], dtype=np.int8), (ends[0], ends[1])), shape=(len(names),) * 2)
    count, local = connected_components(graph, directed=False)
    (shared,) = gathered(comm, names[(names < first // block) | (names >= last // block)])
    shared = np.unique(shared)
    mine = np.isin(shared, names)
    spot = np.searchsorted(names, shared[mine])
    label = names.copy()
    while True:  # the smallest number of each local part, handed across ranks until nothing changes
        least = np.full(count, np.iinfo(np.int64).max)
        np.minimum.at(least, local, label)
        label = least[local]
        offered = np.full(len(shared), np.iinfo(np.int64).max)
        offered[mine] = label[spot]
        agreed = np.empty_like(offered)
        comm.Allreduce(offered, agreed, op=MPI.MIN)
        changed = bool(np.any(label[spot] != agreed[mine]))
        label[spot] = agreed[mine]
        if not comm.allreduce(changed, op=MPI.LOR):
            break
    (heads,) = gathered(comm, np.unique(label))
    return np.asarray((np.unique(heads)[:, None] * block + np.arange(block)).reshape(-1))
