"""The block preconditioner's transpose: the same sweep backwards, for systems with the transposed matrix.

Each step of a sweep gives some blocks S the values r_S = B_S (b_S - sum over known j of A_Sj r_j), whatever they had
before.  Its transpose goes through the steps from the last to the first; with r' for what came in and b' for what goes
out: t = B_S^T r'_S; b'_S += t; r'_j -= A_Sj^T t for all known j; r'_S = 0.  Nothing is set up a second time, and the
eigenvalues of the preconditioned matrix are those of the forward one.  Multigrid cycles are taken as they are: they
smooth symmetrically, and are their own transposes where their block is symmetric.
"""

from collections.abc import Sequence

import chemomech.runtime  # noqa: F401

from petsc4py import PETSc

from chemomech.solver.blocks import BlockPreconditioner, Stage

type Vectors = Sequence[PETSc.Vec]


class TransposableBlockPreconditioner(BlockPreconditioner):
    """A block preconditioner that sweeps backwards too; for flexible Krylov methods."""

    def applyTranspose(self, pc: PETSc.PC, x: PETSc.Vec, y: PETSc.Vec) -> None:
        """One sweep backwards: y = P^-T x (called by PETSc)."""
        given = [part.copy() for part in x.getNestSubVecs()]
        result = y.getNestSubVecs()
        y.set(0.0)
        for what, known in reversed(self.steps()):
            if isinstance(what, Stage):
                self._return_stage(what, given, result, known)
            elif what in self._parabolic:
                self._return_parabolic(what, given, result)
            else:
                self._return_mass(what, given, result, known)
        for vector in given:
            vector.destroy()

    def _return_mass(self, i: int, given: Vectors, result: Vectors, known: Sequence[int]) -> None:
        answer = self._work[i]
        self._masses[i].solve(given[i], answer)
        given[i].set(0.0)
        self._pass_on(i, answer, given, result, known)

    def _return_parabolic(self, c: int, given: Vectors, result: Vectors) -> None:
        # forward: p_0 = B_p b_p, c = B_c (b_c - A_cp p_0), p = p_0 - d c
        p, stage = self.partner.get(c), self._parabolic[c]
        given[c].copy(stage.load)
        if p is not None:
            self._work[c].pointwiseMult(given[p], self.ratio[c])
            stage.load.axpy(-1.0, self._work[c])
        stage.solve()
        given[c].set(0.0)
        self._pass_on(c, stage.answer, given, result, [] if p is None else [p])
        if p is not None:
            self._return_mass(p, given, result, [])

    def _return_stage(self, stage: Stage, given: Vectors, result: Vectors, known: Sequence[int]) -> None:
        # forward: h = B b_h, then for each number g = (r_g - A_gh h)/s, h <- h - g A_hh^-1 A_hg
        for g in reversed(self._numbers(stage)):
            border, one = self._borders[g], self._work[g]
            self._load(stage, given)
            number = (given[g].sum() - border.vector.dot(stage.load)) / border.complement
            given[g].set(0.0)
            one.set(-number)
            for i, row in zip(stage.fields, border.rows, strict=True):
                if row is not None:
                    row.multTransposeAdd(one, given[i], given[i])
            one.set(number)
            self._pass_on(g, one, given, result, self.fluxes)
        self._load(stage, given)
        if (
            stage is self._elliptic and self._entangled
        ):  # factors serve both ways, and the block is not symmetric
            assert stage.ksp is not None  # set up before
            stage.ksp.solveTranspose(stage.load, stage.answer)
        else:
            stage.solve()
        for k, i in enumerate(stage.fields):
            given[i].set(0.0)
            stage.get(k, stage.answer, self._work[i])
            self._pass_on(i, self._work[i], given, result, known)

    def _load(self, stage: Stage, given: Vectors) -> None:
        for k, i in enumerate(stage.fields):
            stage.put(k, stage.load, given[i])

    def _pass_on(
        self, i: int, answer: PETSc.Vec, given: Vectors, result: Vectors, known: Sequence[int]
    ) -> None:
        # What block i was given goes out, and back to the blocks that it saw.
        result[i].axpy(1.0, answer)
        for j in known:
            block = self.blocks[i][j]
            if j == i or block is None:
                continue
            answer.scale(-1.0)
            block.multTransposeAdd(answer, given[j], given[j])
            answer.scale(-1.0)
