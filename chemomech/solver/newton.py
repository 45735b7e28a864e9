"""One coupled Newton solve of a block system, by PETSc SNES.

The solver knows forms, functions and what kind of equation each block is; it knows no physics.  It returns an
`Attempt`; it never prints, and never raises for a solve that did not converge.
"""

import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import chemomech.runtime  # noqa: F401

import dolfinx.la.petsc
import numpy as np
import ufl
from dolfinx import fem
from dolfinx.fem import petsc as fempetsc
from mpi4py import MPI
from petsc4py import PETSc

from chemomech.solver.blocks import BlockPreconditioner, BlockTraits
from chemomech.timing import FIRST_ASSEMBLY, FORMS, JACOBIAN, LINEAR_SOLVE, RESIDUAL, phase, timed

REASONS = {
    PETSc.SNES.ConvergedReason.DIVERGED_FUNCTION_NANORINF: "the residual is not a number",
    PETSc.SNES.ConvergedReason.DIVERGED_FUNCTION_DOMAIN: "the iterate left the domain of the equations",
    PETSc.SNES.ConvergedReason.DIVERGED_LINEAR_SOLVE: "the linear solver failed",
    PETSc.SNES.ConvergedReason.DIVERGED_MAX_IT: "too many Newton iterations",
    PETSc.SNES.ConvergedReason.DIVERGED_DTOL: "the Newton iteration diverged",
    PETSc.SNES.ConvergedReason.DIVERGED_LINE_SEARCH: "the residual is not a number",
}
PYTHON_ERROR = 101
"""PETSc's code for an exception in a Python callback"""


@dataclass(frozen=True)
class Attempt:
    """What a solve came to."""

    converged: bool
    reason: str
    iterations: int
    linear_iterations: int


@dataclass(frozen=True)
class NewtonOptions:
    """How to solve: tolerance on the update of every field, relative to the field's scale."""

    tolerance: float = 1e-8
    maximum_iterations: int = 15
    linear_solver: str = "direct"
    """"direct" (MUMPS) or "fieldsplit" (GMRES with one multigrid cycle per block)"""
    divergence: float = 1e3
    """an update of this many scales stops the iteration"""


@dataclass
class BlockProblem:
    """A coupled residual, cut into rows, with its unknowns and constraints."""

    residual: ufl.Form
    functions: list[fem.Function]
    traits: list[BlockTraits]
    bcs: list[fem.DirichletBC]
    entity_maps: list[Any]
    jit_options: dict[str, Any] = field(default_factory=dict)
    chosen: tuple[int, ...] | None = None
    """which rows of the residual belong to the functions, where those are not all"""

    def rows(self) -> list[ufl.Form]:
        """Return the residual row by row."""
        rows = list(ufl.extract_blocks(self.residual))
        return rows if self.chosen is None else [rows[i] for i in self.chosen]

    def part(self, chosen: Sequence[int]) -> "BlockProblem":
        """Return the problem of some unknowns alone, with the others as they stand."""
        functions = [self.functions[i] for i in chosen]
        spaces = [function.function_space for function in functions]
        return replace(
            self,
            functions=functions,
            traits=[self.traits[i] for i in chosen],
            bcs=[condition for condition in self.bcs if condition.function_space in spaces],
            chosen=tuple(chosen),
        )

    def jacobian(self) -> list[list[ufl.Form | None]]:
        """Return the derivative of every row by every unknown; None where it vanishes identically."""
        blocks: list[list[ufl.Form | None]] = []
        for row in self.rows():
            line: list[ufl.Form | None] = []
            for function in self.functions:
                trial = ufl.TrialFunction(function.function_space)
                block = ufl.algorithms.expand_derivatives(ufl.derivative(row, function, trial))
                empty = isinstance(block, ufl.ZeroBaseForm) or block.empty()
                line.append(None if empty else block)
            blocks.append(line)
        return blocks

    @cached_property
    def jacobian_blocks(self) -> list[list[ufl.Form | None]]:
        """What `jacobian` returns, made once."""
        return self.jacobian()

    @cached_property
    def jacobian_forms(self) -> Any:
        """The compiled derivative, made once: what Newton's method and a linearisation assemble."""
        return self.compile(self.jacobian_blocks)

    def compile(self, forms: Any) -> Any:
        """Compile UFL forms with this problem's entity maps and JIT options."""
        with phase(FORMS):
            return fem.form(forms, entity_maps=self.entity_maps, jit_options=self.jit_options)


class NewtonSolver:
    """Newton's method on a `BlockProblem`; create once, solve many times, then `destroy`."""

    def __init__(self, problem: BlockProblem, options: NewtonOptions, comm: MPI.Intracomm) -> None:
        self.problem = problem
        self.options = options
        self.comm = comm
        nest = options.linear_solver == "fieldsplit"
        self.residual_forms = problem.compile(problem.rows())
        with phase(FORMS):
            jacobian = problem.jacobian_blocks
        self._varying = [
            [block is not None and _depends(block, problem.functions) for block in row] for row in jacobian
        ]
        self._constants: dict[tuple[int, int], np.ndarray[Any, np.dtype[np.float64]]] = {}
        self.jacobian_forms = problem.jacobian_forms
        with phase(FIRST_ASSEMBLY):
            self.matrix = fempetsc.create_matrix(self.jacobian_forms, kind="nest" if nest else None)
            self._find_pattern()
        self.update_norms = np.zeros(len(problem.functions))
        self._prepare()

    def _prepare(self) -> None:
        nest = self.options.linear_solver == "fieldsplit"
        spaces, kind = [f.function_space for f in self.problem.functions], "nest" if nest else None
        self.vector = fempetsc.create_vector(spaces, kind=kind)
        self.solution = fempetsc.create_vector(spaces, kind=kind)
        self.snes = self._create_snes(nest)

    def _find_pattern(self) -> None:
        # Interface forms couple degree of freedom 0 with every interface degree of freedom by explicit zeros, one
        # dense row and column; they are left out.  But what is left out at the first assembly is lost for good,
        # so that one is done at a state where no entry vanishes by accident (at rest dI/dc is zero, say).  Where
        # bodies may part no one state shows every entry (they are pressed together, bonded, or apart): all are kept.
        if sum(trait.treatment == "elastic" for trait in self.problem.traits) > 1:
            return
        for block in _blocks(self.matrix):
            block.setOption(PETSc.Mat.Option.IGNORE_ZERO_ENTRIES, True)
        kept = [f.x.array.copy() for f in self.problem.functions]
        noise = np.random.default_rng(0)
        for function, trait in zip(self.problem.functions, self.problem.traits, strict=True):
            array = function.x.array
            array[:] += 1e-3 * trait.scale * noise.uniform(0.5, 1.0, len(array))
        fempetsc.assemble_matrix(self.matrix, self.jacobian_forms, self.problem.bcs, diag=1.0)
        self.matrix.assemble()
        for function, array in zip(self.problem.functions, kept, strict=True):
            function.x.array[:] = array

    def _create_snes(self, nest: bool) -> PETSc.SNES:
        snes = PETSc.SNES().create(self.comm)
        snes.setType("newtonls")
        snes.getLineSearch().setType("basic")
        context = {
            "u": self.problem.functions,
            "residual": self.residual_forms,
            "jacobian": self.jacobian_forms,
            "bcs": self.problem.bcs,
        }
        self._layout = self.vector.getAttr("_blocks")
        if self._layout is not None:
            context["_blocks"] = self._layout
        snes.setFunction(timed(RESIDUAL)(fempetsc.assemble_residual), self.vector, kargs=context)
        snes.setJacobian(_weak(self._assemble_nest if nest else self._assemble_whole), self.matrix)
        # stol = 0: else a step into an overflow counts as converged, because its size is never taken.
        snes.setTolerances(stol=0.0, max_it=self.options.maximum_iterations)
        snes.setConvergenceTest(_weak(self._test))
        ksp = snes.getKSP()
        if nest:
            ksp.setType("fgmres")
            ksp.setGMRESRestart(60)
            ksp.setTolerances(rtol=1e-6, atol=1e-30, max_it=300)
            # Eisenstat-Walker: no linear solve is more exact than the Newton step deserves.
            snes.setUseEW(True, version=2, rtol_0=1e-3, rtol_max=1e-2)
            ksp.getPC().setType("python")
            self.preconditioner = BlockPreconditioner(self.problem.traits, self.problem.functions)
            ksp.getPC().setPythonContext(self.preconditioner)
        else:
            ksp.setType("preonly")
            ksp.getPC().setType("lu")
            ksp.getPC().setFactorSolverType("mumps")
        return snes

    def _load(self, x: PETSc.Vec) -> None:
        dolfinx.la.petsc._ghost_update(x, PETSc.InsertMode.INSERT, PETSc.ScatterMode.FORWARD)
        fempetsc.assign(x, self.problem.functions)

    @timed(JACOBIAN)
    def _assemble_whole(self, snes: PETSc.SNES, x: PETSc.Vec, matrix: PETSc.Mat, _: PETSc.Mat) -> None:
        self._load(x)
        matrix.zeroEntries()
        fempetsc.assemble_matrix(matrix, self.jacobian_forms, self.problem.bcs, diag=1.0)
        matrix.assemble()

    @timed(JACOBIAN)
    def _assemble_nest(self, snes: PETSc.SNES, x: PETSc.Vec, matrix: PETSc.Mat, _: PETSc.Mat) -> None:
        # A block that depends on no unknown is assembled again only when one of its constants has changed.
        self._load(x)
        for i, row in enumerate(self.jacobian_forms):
            for j, form in enumerate(row):
                if form is None or not self._stale(i, j, form):
                    continue
                block = matrix.getNestSubMatrix(i, j)
                block.zeroEntries()
                fempetsc.assemble_matrix(block, form, self.problem.bcs, diag=1.0)
                block.assemble()
        matrix.assemble()

    def _stale(self, i: int, j: int, form: fem.Form) -> bool:
        if self._varying[i][j]:
            return True
        constants = fem.pack_constants(form)
        known = self._constants.get((i, j))
        self._constants[i, j] = constants.copy()
        return known is None or not np.array_equal(known, constants)

    def _test(self, snes: PETSc.SNES, iteration: int, norms: tuple[float, float, float]) -> int:
        reasons = PETSc.SNES.ConvergedReason
        if not np.isfinite(norms[2]):
            return int(reasons.DIVERGED_FUNCTION_NANORINF)
        if iteration == 0:
            return int(reasons.CONVERGED_ITERATING)
        self.update_norms = self._field_norms(snes.getSolutionUpdate())
        worst = float(np.max(self.update_norms))
        if not np.isfinite(worst):
            return int(reasons.DIVERGED_FUNCTION_NANORINF)
        if worst < self.options.tolerance:
            return int(reasons.CONVERGED_SNORM_RELATIVE)
        if worst > self.options.divergence:
            return int(reasons.DIVERGED_DTOL)
        if iteration >= self.options.maximum_iterations:
            return int(reasons.DIVERGED_MAX_IT)
        return int(reasons.CONVERGED_ITERATING)

    def _field_norms(self, vector: PETSc.Vec) -> np.ndarray[Any, np.dtype[np.float64]]:
        # Largest change of each field, in units of the field's scale.
        local = np.zeros(len(self.problem.functions))
        for i, (part, trait) in enumerate(zip(self._parts(vector), self.problem.traits, strict=True)):
            local[i] = np.max(np.abs(part), initial=0.0) / trait.scale
        result = np.empty_like(local)
        self.comm.Allreduce(local, result, op=MPI.MAX)
        return result

    def _parts(self, vector: PETSc.Vec) -> Sequence[np.ndarray[Any, np.dtype[np.float64]]]:
        if vector.getType() == "nest":
            return [v.array_r for v in vector.getNestSubVecs()]
        array = vector.array_r
        parts, start = [], 0
        for function in self.problem.functions:
            dofmap = function.function_space.dofmap
            size = dofmap.index_map.size_local * dofmap.index_map_bs
            parts.append(array[start : start + size])
            start += size
        return parts

    def solve(self) -> Attempt:
        """Solve from the functions' present values; on failure the functions hold the last iterate."""
        fempetsc.assign(self.problem.functions, self.solution)
        try:
            with phase(LINEAR_SOLVE):  # assembly inside is charged by itself
                self.snes.solve(None, self.solution)
        except PETSc.Error as error:  # a factorisation that PETSc reports as an error, not as a reason
            if error.ierr == PYTHON_ERROR:
                raise  # a fault of ours inside a callback, not of the numbers
            # PETSc leaves the vectors of a solve that it gave up locked: the next one needs others
            for item in (self.snes, self.vector, self.solution):
                item.destroy()
            self._constants.clear()
            self._prepare()
            return Attempt(False, f"PETSc error {error.ierr}", 0, 0)
        dolfinx.la.petsc._ghost_update(self.solution, PETSc.InsertMode.INSERT, PETSc.ScatterMode.FORWARD)
        fempetsc.assign(self.solution, self.problem.functions)
        reason = self.snes.getConvergedReason()
        return Attempt(
            converged=reason > 0,
            reason=REASONS.get(reason, "converged" if reason > 0 else f"SNES reason {reason}"),
            iterations=self.snes.getIterationNumber(),
            linear_iterations=self.snes.getLinearSolveIterations(),
        )

    def destroy(self) -> None:
        """Free the PETSc objects, on all ranks together."""
        for item in (self.snes, self.matrix, self.vector, self.solution):
            item.destroy()


def _weak(method: Callable[..., Any]) -> Callable[..., Any]:
    # The garbage collector cannot see what PETSc refers to: a bound method would keep the solver, its meshes and their
    # communicators (of which there are 2048) for good.
    reference = weakref.WeakMethod(method)

    def call(*arguments: Any) -> Any:
        found = reference()
        assert found is not None  # PETSc calls back only while the solver solves
        return found(*arguments)

    return call


def _depends(form: ufl.Form, functions: Sequence[fem.Function]) -> bool:
    return any(coefficient in functions for coefficient in form.coefficients())


def _blocks(matrix: PETSc.Mat) -> list[PETSc.Mat]:
    if matrix.getType() != "nest":
        return [matrix]
    rows, columns = matrix.getNestSize()
    found = [matrix.getNestSubMatrix(i, j) for i in range(rows) for j in range(columns)]
    return [block for block in found if block]
