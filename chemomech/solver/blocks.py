"""A block preconditioner for coupled systems, told by traits what each block is, not which physics it has.

One application is one sweep over the blocks, each with one multigrid V-cycle:

  projected p  (a field that is defined by another one, M p = g(c, ...)): inverse of its mass matrix;
  local        (what changes where it is, without moving): inverse of its mass matrix;
  parabolic c  on the complement S = A_cc - A_cp diag(d), d = rowsum(A_pc)/rowsum(A_pp), which eliminates p;
  elliptic     fields together, fluxes that are unknowns on an interface condensed into them first;
  elastic      displacements together, with rigid-body modes: bodies that may part are joined by stiff springs;
  global       numbers by bordering: the complement of each in the block it acts on.

What is constant is set up once.  Multigrid of the rest is set up again only when `refresh` was called: the caller sees
how fast the iteration converges.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import chemomech.runtime  # noqa: F401

from dolfinx import fem
from petsc4py import PETSc

from chemomech.fields import Treatment
from chemomech.solver.multigrid import BORDER, FACTORS, MASS, MULTIGRID, joined_rigid_body_modes, make_solver
from chemomech.timing import PRECONDITIONER, timed

THRESHOLDS: Final = {"parabolic": 0.01, "elliptic": 0.05, "elastic": 0.0, "parting": 0.01}
"""edges weaker than this are dropped when aggregates are formed; at 0 the aggregates of potentials would cross the
weak coupling through charge transfer, those of displacements an interface that has opened"""
CHANGED: Final = 0.02
"""relative change of a parabolic block beyond which its multigrid is set up again"""

type Blocks = list[list[PETSc.Mat | None]]


@dataclass(frozen=True)
class BlockTraits:
    """What the solver may know of one block."""

    name: str
    treatment: Treatment
    scale: float
    """size of a change that counts as one"""


def _multigrid(kind: str) -> dict[str, Any]:
    return {**MULTIGRID, "pc_gamg_threshold": THRESHOLDS[kind]}


class Stage:
    """Fields that one multigrid cycle solves together."""

    def __init__(self, fields: Sequence[int]) -> None:
        self.fields = list(fields)
        self.matrix = PETSc.Mat()
        self.ksp: PETSc.KSP | None = None
        self._sets: Any = None
        self._own = False
        """whether the matrix is this stage's own, not a block of the operator"""

    def take(self, blocks: Blocks) -> None:
        """Take the stage's present matrix: the one block as it is, or several put together."""
        if len(self.fields) == 1 and not self._own and blocks[0][0] is not None:
            self.matrix = blocks[0][0]
        if len(self.fields) > 1:
            nest = PETSc.Mat().createNest(blocks)
            self._sets = nest.getNestISs()[0]
            self.matrix = nest.convert("aij", self.matrix)
            self._own = True
            nest.destroy()
        if self.ksp is None:
            self.load, self.answer = self.matrix.createVecs()

    def set_up(self, options: Mapping[str, Any]) -> None:
        """Set the solver up for the present matrix and keep it until the next call."""
        if self.ksp is None:
            self.ksp = make_solver(self.matrix, options)
        self.ksp.getPC().setReusePreconditioner(False)
        self.ksp.setOperators(self.matrix)
        self.ksp.setUp()
        self.ksp.getPC().setReusePreconditioner(True)

    def solve(self) -> None:
        """One cycle: from `load` to `answer`."""
        assert self.ksp is not None  # set up before
        self.ksp.solve(self.load, self.answer)

    def get(self, k: int, vector: PETSc.Vec, target: PETSc.Vec) -> None:
        """Copy the k-th field of a vector of this stage."""
        if self._sets is None:
            vector.copy(target)
            return
        part = vector.getSubVector(self._sets[k])
        part.copy(target)
        vector.restoreSubVector(self._sets[k], part)

    def put(self, k: int, vector: PETSc.Vec, values: PETSc.Vec) -> None:
        """Set the k-th field of a vector of this stage."""
        if self._sets is None:
            values.copy(vector)
            return
        part = vector.getSubVector(self._sets[k])
        values.copy(part)
        vector.restoreSubVector(self._sets[k], part)


class Border:
    """A number that acts on the fields of a stage: with y = A_hh^-1 A_hg its complement is s = A_gg - A_gh y."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.column = stage.load.duplicate()
        self.vector = stage.load.duplicate()
        """y"""
        self.vector.set(0.0)
        self.ksp: PETSc.KSP | None = None
        self.rows: list[PETSc.Mat | None] = []
        self.complement = 1.0

    def solve(self) -> None:
        """Find y for the present column."""
        assert self.stage.ksp is not None
        if self.ksp is None:
            self.ksp = make_solver(self.stage.matrix, BORDER)
            self.ksp.setPC(self.stage.ksp.getPC())
        self.ksp.setOperators(self.stage.matrix)
        self.ksp.solve(self.column, self.vector)


class BlockPreconditioner:
    """A PETSc Python preconditioner for MATNEST operators, one nest block per field."""

    def __init__(
        self,
        traits: Sequence[BlockTraits],
        functions: Sequence[fem.Function],
        varying: Collection[int] = (),
    ) -> None:
        """``varying``: elastic fields whose own block changes with the state."""
        self.traits = list(traits)
        self.functions = list(functions)
        self.parabolic = self._with("parabolic")
        self.elliptic = self._with("elliptic")
        self.elastic = self._with("elastic")
        self.globals = self._with("global")
        self.partner: dict[int, int] = {
            p: i for i in self._with("projected") if (p := self._partner(i)) is not None
        }
        """projected block of each parabolic one"""
        self.fluxes = [i for i in self._with("projected") if self._partner(i) is None]
        self.local = self._with("local")
        # A volume's field that potentials define between them (the charge of ions) entangles these at every point:
        # their block has no multigrid here, it is factorised.
        self._entangled = any(self._fills(f) for f in self.fluxes)
        self._moving = bool(set(varying) & set(self.elastic))
        self._masses: dict[int, PETSc.KSP] = {}
        self._parabolic = {c: Stage([c]) for c in self.parabolic}
        self._norms: dict[int, float] = {}
        self.ratio: dict[int, PETSc.Vec] = {}
        self._elliptic = Stage(self.elliptic) if self.elliptic else None
        self._elastic = Stage(self.elastic) if self.elastic else None
        self._borders: dict[int, Border] = {}
        self._work: list[PETSc.Vec] = []
        self._due = True

    def _with(self, treatment: Treatment) -> list[int]:
        return [i for i, trait in enumerate(self.traits) if trait.treatment == treatment]

    def _partner(self, projected: int) -> int | None:
        mesh = self.functions[projected].function_space.mesh
        same = [i for i in self._with("parabolic") if self.functions[i].function_space.mesh == mesh]
        return same[0] if same else None

    def _fills(self, field: int) -> bool:
        body = self.functions[field].function_space.mesh
        return bool(body.topology.dim == body.geometry.dim)

    # ---- set-up -----------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Have multigrid set up anew at the next set-up."""
        self._due = True

    @timed(PRECONDITIONER)
    def setUp(self, pc: PETSc.PC) -> None:
        """Prepare the solvers of the blocks for the present operator."""
        _, nest = pc.getOperators()
        rows, columns = nest.getNestSize()
        self.blocks: Blocks = [
            [nest.getNestSubMatrix(i, j) or None for j in range(columns)] for i in range(rows)
        ]
        if not self._work:
            self._work = [self._block(i, i).createVecLeft() for i in range(rows)]
        for i in [*self.partner.values(), *self.fluxes, *self.local]:
            if i not in self._masses:
                self._masses[i] = make_solver(self._block(i, i), MASS)
            self._masses[i].setOperators(self._block(i, i))
        for c in self.parabolic:
            self._set_up_parabolic(c)
        if self._elliptic is not None and (self._due or self._elliptic.ksp is None):
            self._elliptic.take([[self._condensed(i, j) for j in self.elliptic] for i in self.elliptic])
            self._elliptic.set_up(FACTORS if self._entangled else _multigrid("elliptic"))
        if self._elastic is not None and (self._elastic.ksp is None or (self._due and self._moving)):
            self._set_up_elastic(self._elastic)
        for g in self.globals:
            self._set_up_global(g)
        self._due = False

    def _block(self, i: int, j: int) -> PETSc.Mat:
        block = self.blocks[i][j]
        assert block is not None
        return block

    def _set_up_parabolic(self, c: int) -> None:
        stage, p, matrix = self._parabolic[c], self.partner.get(c), self._block(c, c)
        if p is not None:
            matrix = self._complement(c, p)
        size = matrix.norm()
        changed = abs(size - self._norms.get(c, 0.0)) > CHANGED * size
        stage.take([[matrix]])
        if self._due or changed or stage.ksp is None:
            stage.set_up(_multigrid("parabolic"))
            self._norms[c] = size

    def _complement(self, c: int, p: int) -> PETSc.Mat:
        own, coupling = self._block(c, c), self._block(c, p)
        first = c not in self.ratio
        if first:
            self.ratio[c] = own.createVecRight()
            self._ones, self._sums = own.createVecRight(), own.createVecRight()
            self._ones.set(1.0)
        ratio = self.ratio[c]
        self._block(p, c).mult(self._ones, ratio)
        self._block(p, p).mult(self._ones, self._sums)
        ratio.pointwiseDivide(ratio, self._sums)
        scaled = coupling.copy()
        scaled.diagonalScale(R=ratio)
        if first:
            matrix = own.copy()
            matrix.axpy(-1.0, scaled, PETSc.Mat.Structure.DIFFERENT_NONZERO_PATTERN)
        else:
            matrix = self._parabolic[c].matrix
            matrix.zeroEntries()
            matrix.axpy(1.0, own, PETSc.Mat.Structure.SUBSET_NONZERO_PATTERN)
            matrix.axpy(-1.0, scaled, PETSc.Mat.Structure.SUBSET_NONZERO_PATTERN)
        scaled.destroy()
        return matrix

    def _condensed(self, i: int, j: int) -> PETSc.Mat | None:
        # A_ij - sum_f A_if diag(A_ff)^-1 A_fj: charge that crosses an interface as an unknown flux f still
        # couples the potentials on its two sides.
        matrix = self.blocks[i][j]
        for f in self.fluxes:
            left, right = self.blocks[i][f], self.blocks[f][j]
            if left is None or right is None:
                continue
            mass = self._block(f, f).createVecRight()
            ones = mass.duplicate()
            ones.set(1.0)
            self._block(f, f).mult(ones, mass)
            mass.reciprocal()
            scaled = right.copy()
            scaled.diagonalScale(L=mass)
            product = left.matMult(scaled)
            product.scale(-1.0)
            if matrix is not None:
                product.axpy(1.0, matrix, PETSc.Mat.Structure.DIFFERENT_NONZERO_PATTERN)
            matrix = product
        return matrix

    def _set_up_elastic(self, stage: Stage) -> None:
        stage.take([[self.blocks[i][j] for j in stage.fields] for i in stage.fields])
        spaces = [self.functions[i].function_space for i in stage.fields]
        if stage.ksp is None:
            if len(spaces) > 1:
                stage.matrix.setBlockSize(spaces[0].mesh.geometry.dim)
            stage.matrix.setNearNullSpace(joined_rigid_body_modes(spaces))
            if not self._moving:
                stage.matrix.setOption(PETSc.Mat.Option.SPD, True)
        stage.set_up(_multigrid("parting" if self._moving else "elastic"))

    def _set_up_global(self, g: int) -> None:
        # Fluxes on an interface are condensed first, as they are between the potentials.
        stage = self._host(g)
        new = g not in self._borders
        if new:
            self._borders[g] = Border(stage)
        border = self._borders[g]
        border.rows = [self._condensed(g, i) for i in stage.fields]
        one = self._work[g].duplicate()
        one.set(1.0)
        if new or self._due:
            border.column.set(0.0)
            for k, i in enumerate(stage.fields):
                column = self._condensed(i, g)
                if column is not None:
                    column.mult(one, self._work[i])
                    stage.put(k, border.column, self._work[i])
            border.solve()
        alone = self._condensed(g, g)
        assert alone is not None  # every number has an equation of its own
        alone.mult(one, self._work[g])
        border.complement = self._work[g].sum() - self._row_times(g, border.vector)

    def _host(self, g: int) -> Stage:
        stage = self._elastic
        if stage is None or all(self.blocks[i][g] is None for i in stage.fields):
            stage = self._elliptic
        assert stage is not None  # a number acts on something
        return stage

    def _row_times(self, g: int, vector: PETSc.Vec) -> float:
        # A_gh times a vector of the host.
        border, total = self._borders[g], 0.0
        for k, (i, row) in enumerate(zip(border.stage.fields, border.rows, strict=True)):
            if row is not None:
                border.stage.get(k, vector, self._work[i])
                row.mult(self._work[i], self._work[g])
                total += self._work[g].sum()
        return float(total)

    # ---- application ------------------------------------------------------------------------------

    def apply(self, pc: PETSc.PC, x: PETSc.Vec, y: PETSc.Vec) -> None:
        """One sweep: y = P^-1 x."""
        right = x.getNestSubVecs()
        result = y.getNestSubVecs()
        y.set(0.0)
        for what, known in self.steps():
            if isinstance(what, Stage):
                self._apply_stage(what, right, result, known)
            elif what in self._parabolic:
                self._apply_parabolic(what, right, result)
            else:
                self._masses[what].solve(self._remaining(what, right, result, known), result[what])

    def steps(self) -> list[tuple["int | Stage", list[int]]]:
        """Return what a sweep solves, one after the other, and the blocks that each counts as known."""
        volume = [*self.parabolic, *self.partner.values()]
        done = [*volume, *self.local]
        found: list[tuple[int | Stage, list[int]]] = [(c, []) for c in self.parabolic]
        found += [(i, volume) for i in self.local]
        found += [(f, done) for f in self.fluxes]  # a first guess, which the potentials then see
        if self._elliptic is not None:
            found.append((self._elliptic, done))
            done = [*done, *self.elliptic, *self._numbers(self._elliptic)]
        found += [(f, done) for f in self.fluxes]
        if self._elastic is not None:
            found.append((self._elastic, done))
        found += [(p, [c, *self.elastic]) for c, p in self.partner.items()]
        return found

    def _remaining(
        self, i: int, right: Sequence[PETSc.Vec], result: Sequence[PETSc.Vec], known: Sequence[int]
    ) -> PETSc.Vec:
        # Right-hand side of block i less what the blocks already known contribute; in a vector kept for it.
        left, filled = self._work[i], False
        for j in known:
            block = self.blocks[i][j]
            if j == i or block is None:
                continue
            if filled:
                block.multAdd(result[j], left, left)
            else:
                block.mult(result[j], left)
                filled = True
        if filled:
            left.aypx(-1.0, right[i])
        else:
            right[i].copy(left)
        return left

    def _apply_parabolic(self, c: int, right: Sequence[PETSc.Vec], result: Sequence[PETSc.Vec]) -> None:
        p, stage = self.partner.get(c), self._parabolic[c]
        known = []
        if p is not None:
            self._masses[p].solve(right[p], result[p])
            known = [p]
        self._remaining(c, right, result, known).copy(stage.load)
        stage.solve()
        stage.answer.copy(result[c])
        if p is not None:
            stage.answer.pointwiseMult(stage.answer, self.ratio[c])
            result[p].axpy(-1.0, stage.answer)

    def _apply_stage(
        self, stage: Stage, right: Sequence[PETSc.Vec], result: Sequence[PETSc.Vec], known: Sequence[int]
    ) -> None:
        for k, i in enumerate(stage.fields):
            stage.put(k, stage.load, self._remaining(i, right, result, known))
        stage.solve()
        for g in self._numbers(stage):
            # With the border y = A_hh^-1 A_hg the host's own answer b gives the number, g = (r_g - A_gh b)/s.
            border = self._borders[g]
            own = self._remaining(g, right, result, self.fluxes).sum()
            number = (own - self._row_times(g, stage.answer)) / border.complement
            stage.answer.axpy(-number, border.vector)
            result[g].set(number)
        for k, i in enumerate(stage.fields):
            stage.get(k, stage.answer, result[i])

    def _numbers(self, stage: Stage) -> list[int]:
        return [g for g in self.globals if self._borders[g].stage is stage]
