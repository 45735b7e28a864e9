"""One coupled Newton solve of a block system, by PETSc SNES.

The solver knows forms, functions and what kind of equation each block is; it knows no physics.  It returns an
`Attempt`; it never prints, and never raises for a solve that did not converge.
"""

import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

import chemomech.runtime  # noqa: F401

import dolfinx.la.petsc
import numpy as np
import ufl
from dolfinx import fem
from dolfinx.fem import petsc as fempetsc
from mpi4py import MPI
from petsc4py import PETSc

from chemomech.solver.assembly import Assembler, FloatArray
from chemomech.solver.blocks import BlockPreconditioner, BlockTraits
from chemomech.solver.elements import JointForms
from chemomech.solver.split import SplitRow, split
from chemomech.timing import FIRST_ASSEMBLY, FORMS, JACOBIAN, LINEAR_SOLVE, RESIDUAL, phase, timed

REASONS = {
    PETSc.SNES.ConvergedReason.DIVERGED_FUNCTION_NANORINF: "the residual is not a number",
    PETSc.SNES.ConvergedReason.DIVERGED_FUNCTION_DOMAIN: "the iterate left the domain of the equations",
    PETSc.SNES.ConvergedReason.DIVERGED_LINEAR_SOLVE: "the linear solver failed",
    PETSc.SNES.ConvergedReason.DIVERGED_MAX_IT: "too many Newton iterations",
    PETSc.SNES.ConvergedReason.DIVERGED_DTOL: "the Newton iteration diverged",
    PETSc.SNES.ConvergedReason.DIVERGED_LINE_SEARCH: "the residual is not a number",
}
CAUTION = 1e6
"""factor on the error that two updates foretell: it is an estimate, and balances are to close better than any field"""
PYTHON_ERROR = 101
"""PETSc's code for an exception in a Python callback"""
FIRST: Final = 1e-3
"""residual that the first linear solve leaves, relative; those after it leave less the better Newton converges"""
LOOSEST: Final = 1e-2
FINEST: Final = 1e-8
POWER: Final = 1.618
SHARE: Final = 0.01
"""of the tolerance that a linear solve may leave of an update"""
SLOWER: Final = 1.5
"""growth of the Krylov iterations per digit at which the preconditioner is set up anew"""
NEAR: Final = 1e-4
"""update of all fields, in scales, after which the next linear solve keeps the Jacobian"""
FEW: Final = 6
"""Krylov iterations that are no reason to do so"""


@dataclass(frozen=True)
class Attempt:
    """What a solve came to."""

    converged: bool
    reason: str
    iterations: int
    linear_iterations: int


@dataclass(frozen=True)
class NewtonOptions:
    """How to solve: tolerance on what is still wrong with every field, relative to the field's scale.

    Of a direct solver the last update's successor counts, which two updates foretell; of an iterative one the update.
    """

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

    @cached_property
    def split(self) -> list[SplitRow]:
        """The rows, each cut into what is linear and what is not; made once."""
        return [split(row, self.functions) for row in self.rows()]

    def jacobian(self) -> list[list[ufl.Form | None]]:
        """Return the derivative of every row by every unknown; None where it vanishes identically."""
        return [row.whole for row in self.split]

    @cached_property
    def jacobian_forms(self) -> Any:
        """The compiled derivative as a whole, made once."""
        return self.compile(self.jacobian())

    def compile(self, forms: Any) -> Any:
        """Compile UFL forms with this problem's entity maps and JIT options."""
        with phase(FORMS):
            return fem.form(forms, entity_maps=self.entity_maps, jit_options=self.jit_options)

    def join(self, parts: Mapping[Any, ufl.Form]) -> JointForms:
        """Compile forms of several rows, or of rows and columns, to be assembled together."""
        with phase(FORMS):
            return JointForms(self.functions, parts, self.entity_maps, self.jit_options)


class NewtonSolver:
    """Newton's method on a `BlockProblem`; create once, solve many times, then `destroy`."""

    def __init__(self, problem: BlockProblem, options: NewtonOptions, comm: MPI.Intracomm) -> None:
        self.problem = problem
        self.options = options
        self.comm = comm
        elastic = [i for i, trait in enumerate(problem.traits) if trait.treatment == "elastic"]
        with phase(FORMS):
            split_rows = problem.split
        with phase(FIRST_ASSEMBLY):
            self.assembler = Assembler(
                problem.functions,
                [trait.scale for trait in problem.traits],
                problem.rows(),
                split_rows,
                problem.compile,
                problem.join,
                problem.bcs,
                nest=options.linear_solver == "fieldsplit",
                # bodies that may part: no one state shows every entry (pressed together, bonded, or apart)
                loose=elastic if len(elastic) > 1 else (),
            )
        self.matrix = self.assembler.matrix
        self.update_norms = np.zeros(len(problem.functions))
        self._worst = np.inf
        self._prepare()

    def _prepare(self) -> None:
        nest = self.options.linear_solver == "fieldsplit"
        spaces, kind = [f.function_space for f in self.problem.functions], "nest" if nest else None
        self.vector = fempetsc.create_vector(spaces, kind=kind)
        self.solution = fempetsc.create_vector(spaces, kind=kind)
        self.snes = self._create_snes(nest)

    def _create_snes(self, nest: bool) -> PETSc.SNES:
        snes = PETSc.SNES().create(self.comm)
        snes.setType("newtonls")
        snes.getLineSearch().setType("basic")
        snes.setFunction(_weak(self._residual), self.vector)
        snes.setJacobian(_weak(self._jacobian), self.matrix)
        # stol = 0: else a step into an overflow counts as converged, because its size is never taken.
        snes.setTolerances(stol=0.0, max_it=self.options.maximum_iterations)
        snes.setConvergenceTest(_weak(self._test))
        ksp = snes.getKSP()
        if nest:
            ksp.setType("fgmres")
            ksp.setGMRESRestart(60)
            ksp.setTolerances(rtol=1e-6, atol=1e-30, max_it=300)
            ksp.setConvergenceHistory()
            ksp.getPC().setType("python")
            self.preconditioner = BlockPreconditioner(
                self.problem.traits, self.problem.functions, self.assembler.varying
            )
            self._best, self._norm = np.inf, np.inf
            ksp.getPC().setPythonContext(self.preconditioner)
        else:
            ksp.setType("preonly")
            ksp.getPC().setType("lu")
            ksp.getPC().setFactorSolverType("mumps")
        return snes

    def _load(self, x: PETSc.Vec) -> None:
        dolfinx.la.petsc._ghost_update(x, PETSc.InsertMode.INSERT, PETSc.ScatterMode.FORWARD)
        fempetsc.assign(x, self.problem.functions)

    @timed(RESIDUAL)
    def _residual(self, snes: PETSc.SNES, x: PETSc.Vec, result: PETSc.Vec) -> None:
        self._load(x)
        self.assembler.residual(x, result)

    @timed(JACOBIAN)
    def _jacobian(self, snes: PETSc.SNES, x: PETSc.Vec, matrix: PETSc.Mat, _: PETSc.Mat) -> None:
        iterative = self.options.linear_solver == "fieldsplit"
        if iterative:
            self._force(snes)
        if iterative and snes.getIterationNumber() > 0 and float(np.max(self.update_norms)) < NEAR:
            return  # the last Jacobian serves as well: it errs less than the inexact linear solve does
        self._load(x)
        self.assembler.assemble_jacobian()
        if iterative:
            self._watch(snes.getKSP())

    def _force(self, snes: PETSc.SNES) -> None:
        # No linear solve is more exact than the Newton step deserves (S. C. Eisenstat and H. F. Walker, SIAM J. Sci.
        # Comput. 17, 16 (1996), choice 2), nor than the tolerance asks: where the last update was near it, a rough
        # solve tells as well that nothing more is to come.
        norm, before = snes.getFunctionNorm(), self._norm
        first = snes.getIterationNumber() == 0
        rtol = FIRST if first else min((norm / before) ** POWER, LOOSEST)
        if not first:
            enough = SHARE * self.options.tolerance / float(np.max(self.update_norms))
            rtol = max(rtol, min(enough, LOOSEST))
        snes.getKSP().setTolerances(rtol=max(rtol, FINEST))
        self._norm = norm

    def _watch(self, ksp: PETSc.KSP) -> None:
        # Multigrid that was set up for an earlier state serves until the iteration has become slower by a half.
        norms = ksp.getConvergenceHistory()
        if len(norms) < 2 or not 0.0 < norms[-1] < norms[0]:
            return
        pace = (len(norms) - 1) / np.log10(norms[0] / norms[-1])
        if pace > SLOWER * self._best and len(norms) > FEW:
            self.preconditioner.refresh()
            self._best = np.inf
        else:
            self._best = min(self._best, pace)

    def _test(self, snes: PETSc.SNES, iteration: int, norms: tuple[float, float, float]) -> int:
        reasons = PETSc.SNES.ConvergedReason
        if not np.isfinite(norms[2]):
            return int(reasons.DIVERGED_FUNCTION_NANORINF)
        if iteration == 0:
            return int(reasons.CONVERGED_ITERATING)
        self.update_norms = self._field_norms(self.assembler.parts(snes.getSolutionUpdate(), False))
        worst = float(np.max(self.update_norms))
        if not np.isfinite(worst):
            return int(reasons.DIVERGED_FUNCTION_NANORINF)
        if self._remaining(iteration, worst) < self.options.tolerance:
            return int(reasons.CONVERGED_SNORM_RELATIVE)
        if worst > self.options.divergence:
            return int(reasons.DIVERGED_DTOL)
        if iteration >= self.options.maximum_iterations:
            return int(reasons.DIVERGED_MAX_IT)
        return int(reasons.CONVERGED_ITERATING)

    def _remaining(self, iteration: int, worst: float) -> float:
        # What is still wrong after this update.  Exact Newton steps converge quadratically: an error e becomes C e^2,
        # and two updates tell C, so no further iteration is spent on seeing a tiny update.  Inexact ones do not.
        before, self._worst = self._worst, worst
        if iteration < 2 or self.options.linear_solver != "direct" or worst >= before:
            return worst
        return min(worst, CAUTION * worst**3 / before**2)

    def _field_norms(self, changes: Sequence[FloatArray]) -> FloatArray:
        # Largest change of each field, in units of the field's scale.
        pairs = zip(changes, self.problem.traits, strict=True)
        local = np.array([np.max(np.abs(part), initial=0.0) / trait.scale for part, trait in pairs])
        result = np.empty_like(local)
        self.comm.Allreduce(local, result, op=MPI.MAX)
        return result

    def solve(self) -> Attempt:
        """Solve from the functions' present values; on failure the functions hold the last iterate."""
        if self.options.linear_solver == "direct":
            return self._solve()
        start = [function.x.array.copy() for function in self.problem.functions]
        attempt = self._solve()
        if attempt.reason == REASONS[PETSc.SNES.ConvergedReason.DIVERGED_LINEAR_SOLVE]:
            # it may be the preconditioner of an earlier state that failed
            for function, values in zip(self.problem.functions, start, strict=True):
                function.x.array[:] = values
            self.preconditioner.refresh()
            attempt = self._solve()
        return attempt

    def _solve(self) -> Attempt:
        fempetsc.assign(self.problem.functions, self.solution)
        self.assembler.refresh()
        try:
            with phase(LINEAR_SOLVE):  # assembly inside is charged by itself
                self.snes.solve(None, self.solution)
        except PETSc.Error as error:  # a factorisation that PETSc reports as an error, not as a reason
            if error.ierr == PYTHON_ERROR:
                raise  # a fault of ours inside a callback, not of the numbers
            self._renew()
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

    def _renew(self) -> None:
        # PETSc leaves the vectors of a solve that it gave up locked: the next one needs others.
        for item in (self.snes, self.vector, self.solution):
            item.destroy()
        self.assembler.forget()
        self._prepare()

    # ---- one factorisation for several right-hand sides ------------------------------------------------

    def linearise(self) -> None:
        """Assemble the Jacobian at the functions' values, for the corrections to come; direct solver only."""
        self.assembler.refresh()
        with phase(JACOBIAN):
            self.assembler.assemble_jacobian()
        self.snes.getKSP().setOperators(self.matrix)

    def correction(self) -> list[FloatArray] | None:
        """Return -J^-1 R of the residual R at the functions' values, ghosts included, J from `linearise`.

        None where that is no number, or the factorisation fails.
        """
        self.assembler.gather(self.solution)
        with phase(RESIDUAL):
            self.assembler.residual(self.solution, self.vector)
        if not np.isfinite(self.vector.norm()):
            return None
        ksp = self.snes.getKSP()
        try:
            with phase(LINEAR_SOLVE):
                ksp.solve(self.vector, self.solution)
        except PETSc.Error:
            self._renew()
            return None
        if ksp.getConvergedReason() < 0:
            return None
        self.solution.scale(-1.0)
        return self.assembler.spread(self.solution)

    def size(self, changes: Sequence[FloatArray]) -> float:
        """Return the largest change of any field in units of its scale (collective)."""
        return float(np.max(self._field_norms(changes)))

    def destroy(self) -> None:
        """Free the PETSc objects, on all ranks together."""
        for item in (self.snes, self.vector, self.solution):
            item.destroy()
        self.assembler.destroy()


def _weak(method: Callable[..., Any]) -> Callable[..., Any]:
    # The garbage collector cannot see what PETSc refers to: a bound method would keep the solver, its meshes and their
    # communicators (of which there are 2048) for good.
    reference = weakref.WeakMethod(method)

    def call(*arguments: Any) -> Any:
        found = reference()
        assert found is not None  # PETSc calls back only while the solver solves
        return found(*arguments)

    return call
