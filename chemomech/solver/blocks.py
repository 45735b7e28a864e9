"""A block preconditioner for coupled systems, told by traits what each block is, not which physics it has.

One application is one sweep over the blocks, each with one multigrid V-cycle:

  projected p  (a field that is defined by another one, M p = g(c, ...)): inverse of its mass matrix;
  local        (what changes where it is, without moving): inverse of its mass matrix;
  parabolic c  on the complement S = A_cc - A_cp diag(d), d = rowsum(A_pc)/rowsum(A_pp), which eliminates p;
  elliptic     fields together, fluxes that are unknowns on an interface condensed into them first;
  elastic u    with rigid-body modes, set up once: its block does not change;
  global       numbers by bordering: the complement of each in the block it acts on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import chemomech.runtime  # noqa: F401

import numpy as np
from dolfinx import fem
from petsc4py import PETSc

from chemomech.fields import Treatment
from chemomech.timing import PRECONDITIONER, timed

MULTIGRID: Final = {
    "ksp_type": "preonly",
    "pc_type": "gamg",
    "pc_gamg_agg_nsmooths": 1,
    "pc_gamg_reuse_interpolation": True,
    "mg_levels_ksp_type": "richardson",
    "mg_levels_ksp_max_it": 1,
    "mg_levels_pc_type": "sor",
}
MASS: Final = {
    "ksp_type": "cg",
    "ksp_max_it": 5,
    "ksp_convergence_test": "skip",
    "ksp_norm_type": "none",
    "pc_type": "jacobi",
}
BORDER: Final = {"ksp_type": "cg", "ksp_rtol": 1e-6, "ksp_max_it": 100, "ksp_initial_guess_nonzero": True}
THRESHOLDS: Final = {"parabolic": 0.01, "elliptic": 0.05, "elastic": 0.0}
"""edges weaker than this are dropped when aggregates are formed; at 0 the aggregates of potentials would cross the
weak coupling through charge transfer"""


@dataclass(frozen=True)
class BlockTraits:
    """What the solver may know of one block."""

    name: str
    treatment: Treatment
    scale: float
    """size of a change that counts as one"""


class BlockPreconditioner:
    """A PETSc Python preconditioner for MATNEST operators, one nest block per field."""

    def __init__(self, traits: Sequence[BlockTraits], functions: Sequence[fem.Function]) -> None:
        self.traits = list(traits)
        self.functions = list(functions)
        self.parabolic = self._with("parabolic")
        self.elliptic = self._with("elliptic")
        self.elastic = self._with("elastic")
        self.globals = self._with("global")
        bulk = [i for i in self._with("projected") if self._partner(i) is not None]
        self.partner: dict[int, int] = {p: i for i in bulk if (p := self._partner(i)) is not None}
        """projected block of each parabolic one"""
        self.fluxes = [i for i in self._with("projected") if self._partner(i) is None]
        self.local = self._with("local")
        self._solvers: dict[Any, PETSc.KSP] = {}
        self.elliptic_matrix = PETSc.Mat()
        self._borders: dict[int, PETSc.Vec] = {}
        self._complements: dict[int, float] = {}
        self._rows: dict[int, list[Any]] = {}
        """equation of each number by the elliptic fields"""

    def _with(self, treatment: Treatment) -> list[int]:
        return [i for i, trait in enumerate(self.traits) if trait.treatment == treatment]

    def _partner(self, projected: int) -> int | None:
        mesh = self.functions[projected].function_space.mesh
        same = [i for i in self._with("parabolic") if self.functions[i].function_space.mesh == mesh]
        return same[0] if same else None

    # ---- set-up -----------------------------------------------------------------------------------

    @timed(PRECONDITIONER)
    def setUp(self, pc: PETSc.PC) -> None:
        """Prepare the solvers of the blocks for the present operator."""
        _, nest = pc.getOperators()
        rows, columns = nest.getNestSize()
        self.blocks: list[list[Any]] = [
            [nest.getNestSubMatrix(i, j) or None for j in range(columns)] for i in range(rows)
        ]
        for i in [*self.partner.values(), *self.fluxes, *self.local]:
            self._solver(("mass", i), self.blocks[i][i], MASS)
        self._set_up_parabolic()
        self._set_up_elliptic()
        for i in self.elastic:
            self._set_up_elastic(i)
        for i in self.globals:
            self._set_up_global(i)

    def _solver(self, key: Any, matrix: PETSc.Mat, options: dict[str, Any], **more: Any) -> PETSc.KSP:
        if key not in self._solvers:
            ksp = PETSc.KSP().create(matrix.comm)
            prefix = f"block{len(self._solvers)}_{id(self)}_"
            ksp.setOptionsPrefix(prefix)
            database = PETSc.Options()
            chosen = {**options, **more}
            for name, value in chosen.items():
                database[prefix + name] = value
            ksp.setFromOptions()
            for name in chosen:
                database.delValue(prefix + name)
            self._solvers[key] = ksp
        self._solvers[key].setOperators(matrix)
        return self._solvers[key]

    def _set_up_parabolic(self) -> None:
        self.ratio: dict[int, PETSc.Vec] = {}
        self.complement: dict[int, PETSc.Mat] = {}
        for c in self.parabolic:
            matrix = self.blocks[c][c].copy()
            p = self.partner.get(c)
            if p is not None:
                ones = matrix.createVecRight()
                ones.set(1.0)
                ratio, mass = ones.duplicate(), ones.duplicate()
                self.blocks[p][c].mult(ones, ratio)
                self.blocks[p][p].mult(ones, mass)
                ratio.pointwiseDivide(ratio, mass)
                coupling = self.blocks[c][p].copy()
                coupling.diagonalScale(R=ratio)
                matrix.axpy(-1.0, coupling, PETSc.Mat.Structure.DIFFERENT_NONZERO_PATTERN)
                coupling.destroy()
                self.ratio[c] = ratio
            self.complement[c] = matrix
            ksp = self._solver(("parabolic", c), matrix, MULTIGRID, pc_gamg_threshold=THRESHOLDS["parabolic"])
            ksp.setUp()

    def _set_up_elliptic(self) -> None:
        if not self.elliptic:
            return
        nest = PETSc.Mat().createNest([[self._condensed(i, j) for j in self.elliptic] for i in self.elliptic])
        self.elliptic_sets = nest.getNestISs()[0]
        self.elliptic_matrix = nest.convert("aij", self.elliptic_matrix)
        options = {"pc_gamg_threshold": THRESHOLDS["elliptic"]}
        self._solver("elliptic", self.elliptic_matrix, MULTIGRID, **options).setUp()
        self.elliptic_vectors = [self.elliptic_matrix.createVecRight() for _ in range(2)]
        nest.destroy()

    def _condensed(self, i: int, j: int) -> PETSc.Mat | None:
        # A_ij - sum_f A_if diag(A_ff)^-1 A_fj: charge that crosses an interface as an unknown flux f still
        # couples the potentials on its two sides.
        matrix = self.blocks[i][j]
        for f in self.fluxes:
            left, right = self.blocks[i][f], self.blocks[f][j]
            if left is None or right is None:
                continue
            mass = self.blocks[f][f].createVecRight()
            ones = mass.duplicate()
            ones.set(1.0)
            self.blocks[f][f].mult(ones, mass)
            mass.reciprocal()
            scaled = right.copy()
            scaled.diagonalScale(L=mass)
            product = left.matMult(scaled)
            product.scale(-1.0)
            if matrix is not None:
                product.axpy(1.0, matrix, PETSc.Mat.Structure.DIFFERENT_NONZERO_PATTERN)
            matrix = product
        return matrix

    def _set_up_elastic(self, i: int) -> None:
        if ("elastic", i) in self._solvers:
            return  # small strain, constant moduli: the block is the same in every step
        matrix = self.blocks[i][i]
        matrix.setNearNullSpace(rigid_body_modes(self.functions[i].function_space))
        matrix.setOption(PETSc.Mat.Option.SPD, True)
        ksp = self._solver(("elastic", i), matrix, MULTIGRID, pc_gamg_threshold=THRESHOLDS["elastic"])
        ksp.setUp()
        ksp.getPC().setReusePreconditioner(True)

    def _set_up_global(self, g: int) -> None:
        # Bordering: y = A_hh^-1 A_hg for the host h it acts on, complement s = A_gg - A_gh y.
        # Fluxes on an interface are condensed first, as they are between the potentials.
        host = self._host(g)
        self._rows[g] = [self._condensed(g, i) for i in self.elliptic]
        one = self.blocks[g][g].createVecRight()
        one.set(1.0)
        column = self._host_column(g, host, one)
        border = self._borders.setdefault(g, column.duplicate())
        matrix, preconditioner = self._host_solver(host)
        ksp = self._solver(("border", g), matrix, BORDER)
        ksp.setPC(preconditioner)
        ksp.solve(column, border)
        own = one.duplicate()
        alone = self._condensed(g, g)
        assert alone is not None  # every number has an equation of its own
        alone.mult(one, own)
        back = self._host_row(g, host, border)
        self._complements[g] = own.sum() - back

    def _host(self, g: int) -> str | int:
        for i in self.elastic:
            if self.blocks[i][g] is not None:
                return i
        return "elliptic"

    def _host_solver(self, host: str | int) -> tuple[PETSc.Mat, PETSc.PC]:
        if host == "elliptic":
            return self.elliptic_matrix, self._solvers["elliptic"].getPC()
        assert isinstance(host, int)
        return self.blocks[host][host], self._solvers["elastic", host].getPC()

    def _host_column(self, g: int, host: str | int, one: PETSc.Vec) -> PETSc.Vec:
        if host == "elliptic":
            column = self.elliptic_matrix.createVecRight()
            column.set(0.0)
            for k, i in enumerate(self.elliptic):
                block = self._condensed(i, g)
                if block is not None:
                    part = column.getSubVector(self.elliptic_sets[k])
                    block.mult(one, part)
                    column.restoreSubVector(self.elliptic_sets[k], part)
            return column
        assert isinstance(host, int)
        column = self.blocks[host][host].createVecRight()
        self.blocks[host][g].mult(one, column)
        return column

    def _host_row(self, g: int, host: str | int, vector: PETSc.Vec) -> float:
        total = 0.0
        result = self.blocks[g][g].createVecLeft()
        if host == "elliptic":
            for k, block in enumerate(self._rows[g]):
                if block is not None:
                    part = vector.getSubVector(self.elliptic_sets[k])
                    block.mult(part, result)
                    vector.restoreSubVector(self.elliptic_sets[k], part)
                    total += result.sum()
            return float(total)
        assert isinstance(host, int)
        if self.blocks[g][host] is None:
            return 0.0
        self.blocks[g][host].mult(vector, result)
        return float(result.sum())

    # ---- application ------------------------------------------------------------------------------

    def apply(self, pc: PETSc.PC, x: PETSc.Vec, y: PETSc.Vec) -> None:
        """One sweep: y = P^-1 x."""
        right = x.getNestSubVecs()
        result = y.getNestSubVecs()
        y.set(0.0)
        done: list[int] = []
        for c in self.parabolic:
            self._apply_parabolic(c, right, result)
            done += [c] + ([self.partner[c]] if c in self.partner else [])
        for i in self.local:
            self._solvers["mass", i].solve(self._remaining(i, right, result, done), result[i])
        done += self.local
        for f in self.fluxes:  # a first guess, which the potentials then see
            self._solvers["mass", f].solve(self._remaining(f, right, result, done), result[f])
        self._apply_elliptic(right, result, done)
        done += self.elliptic + [g for g in self.globals if self._host(g) == "elliptic"]
        for f in self.fluxes:
            self._solvers["mass", f].solve(self._remaining(f, right, result, done), result[f])
        for i in self.elastic:
            self._apply_elastic(i, right, result, done)
        done += self.elastic
        for c, p in self.partner.items():
            self._solvers["mass", p].solve(self._remaining(p, right, result, [c, *self.elastic]), result[p])

    def _remaining(
        self, i: int, right: Sequence[PETSc.Vec], result: Sequence[PETSc.Vec], known: Sequence[int]
    ) -> PETSc.Vec:
        # Right-hand side of block i less what the blocks already known contribute.
        left = right[i].copy()
        product = left.duplicate()
        for j in known:
            if j != i and self.blocks[i][j] is not None:
                self.blocks[i][j].mult(result[j], product)
                left.axpy(-1.0, product)
        return left

    def _apply_parabolic(self, c: int, right: Sequence[PETSc.Vec], result: Sequence[PETSc.Vec]) -> None:
        p = self.partner.get(c)
        if p is None:
            self._solvers["parabolic", c].solve(right[c], result[c])
            return
        self._solvers["mass", p].solve(right[p], result[p])
        self._solvers["parabolic", c].solve(self._remaining(c, right, result, [p]), result[c])
        change = result[c].copy()
        change.pointwiseMult(change, self.ratio[c])
        result[p].axpy(-1.0, change)

    def _apply_elliptic(
        self, right: Sequence[PETSc.Vec], result: Sequence[PETSc.Vec], known: Sequence[int]
    ) -> None:
        if not self.elliptic:
            return
        load, answer = self.elliptic_vectors
        for k, i in enumerate(self.elliptic):
            part = load.getSubVector(self.elliptic_sets[k])
            self._remaining(i, right, result, known).copy(part)
            load.restoreSubVector(self.elliptic_sets[k], part)
        self._solvers["elliptic"].solve(load, answer)
        for g in self.globals:
            if self._host(g) == "elliptic":
                self._apply_global(g, "elliptic", right, result, answer)
        for k, i in enumerate(self.elliptic):
            part = answer.getSubVector(self.elliptic_sets[k])
            part.copy(result[i])
            answer.restoreSubVector(self.elliptic_sets[k], part)

    def _apply_global(
        self,
        g: int,
        host: str | int,
        right: Sequence[PETSc.Vec],
        result: Sequence[PETSc.Vec],
        answer: PETSc.Vec,
    ) -> None:
        # With the border y = A_hh^-1 A_hg the host's own answer b gives the number, g = (r_g - A_gh b)/s.
        own = self._remaining(g, right, result, self.fluxes).sum()
        number = (own - self._host_row(g, host, answer)) / self._complements[g]
        answer.axpy(-number, self._borders[g])
        result[g].set(number)

    def _apply_elastic(
        self, i: int, right: Sequence[PETSc.Vec], result: Sequence[PETSc.Vec], known: Sequence[int]
    ) -> None:
        self._solvers["elastic", i].solve(self._remaining(i, right, result, known), result[i])
        for g in self.globals:
            if self._host(g) == i:
                self._apply_global(g, i, right, result, result[i])


def rigid_body_modes(
    space: fem.FunctionSpace, rows: np.ndarray[Any, np.dtype[np.int64]] | None = None
) -> PETSc.NullSpace:
    """Translations and rotations of a vector space, orthonormal, as the near null space of its stiffness.

    ``rows``: those rows of the owned degrees of freedom, globally numbered, that the matrix keeps; without it all.
    """
    dimension = space.mesh.geometry.dim
    owned = space.dofmap.index_map.size_local
    x = space.tabulate_dof_coordinates()[:owned]
    x = x - x.mean(axis=0) if owned else x
    modes = [np.eye(dimension)[k] * np.ones((owned, 1)) for k in range(dimension)]
    for a, b in [(0, 1)] if dimension == 2 else [(0, 1), (1, 2), (2, 0)]:
        turn = np.zeros((owned, dimension))
        turn[:, a], turn[:, b] = -x[:, b], x[:, a]
        modes.append(turn)
    first = space.dofmap.index_map.local_range[0] * dimension
    kept = slice(None) if rows is None else rows - first
    size = owned * dimension if rows is None else len(rows)
    comm = space.mesh.comm
    vectors: list[PETSc.Vec] = []
    for mode in modes:
        vector = PETSc.Vec().createMPI((size, PETSc.DETERMINE), bsize=dimension, comm=comm)
        vector.array[:] = mode.reshape(-1)[kept]
        for earlier in vectors:
            vector.axpy(-vector.dot(earlier), earlier)
        vector.normalize()
        vectors.append(vector)
    return PETSc.NullSpace().create(vectors=vectors, comm=comm)
