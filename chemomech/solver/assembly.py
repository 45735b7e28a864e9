"""Residual and Jacobian of a split problem: R_i = sum_j A_ij x_j + b_i + N_i(x), J_ij = A_ij + dN_i/dx_j.

A_ij are assembled when a constant or a given function has changed, which is looked at once a solve; the slopes of N_i
each time.  The rows are assembled as they were written at an anchor x_a, the iterate at first and again where Newton's
method has gone far from it; between anchors R_i(x) = R_i(x_a) + A_ij (x - x_a) + N_i(x) - N_i(x_a).  A product with x
itself would lose the digits of small currents in good conductors to the size of their potentials.

Constrained values x = g: the constrained columns of every A_ij are empty, so that A_ij (g - x_a) is added at the
anchor; while x is not yet g, dN_i/dx_j (g - x) is added to N_i, so that Newton's step leads to g.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import chemomech.runtime  # noqa: F401

import numpy as np
import numpy.typing as npt
import ufl
from dolfinx import fem, la
from mpi4py import MPI
from petsc4py import PETSc

from chemomech.solver.blockmatrix import BlockMatrix, Pair, VaryingBlock, create, layout
from chemomech.solver.elements import JointForms, Key
from chemomech.solver.split import SplitRow

type FloatArray = npt.NDArray[np.float64]

FAR: Final = 1e-4
"""distance from the anchor, in scales of any field, at which it is moved where blocks are solved one by one; with
factors, which are worth the last digit, every iterate is an anchor"""
NOISE: Final = 1e-3
"""distance from the present state, in scales, at which the pattern of the matrix is found"""


class Kept:
    """A form free of unknowns: to be assembled again only when what stands in it has changed."""

    def __init__(self, form: ufl.Form, compile_form: Callable[[ufl.Form], fem.Form]) -> None:
        self.compiled = compile_form(form)
        self.across = any(integral.integral_type() == "interior_facet" for integral in form.integrals())
        """whether a part of it lies on interfaces"""
        self._functions = [item for item in form.coefficients() if isinstance(item, fem.Function)]
        self._known: list[FloatArray] | None = None

    def changed(self) -> bool:
        """Whether a constant or a function has another value than when this was last asked (collective)."""
        now = [fem.pack_constants(self.compiled).copy(), *(f.x.array.copy() for f in self._functions)]
        before, self._known = self._known, now
        if before is None:
            return True
        # constants are the same on all ranks, functions are not
        same = all(np.array_equal(old, new) for old, new in zip(before, now, strict=True))
        if self._functions:
            same = self._functions[0].function_space.mesh.comm.allreduce(int(not same)) == 0
        return not same

    def forget(self) -> None:
        """Let the next question be answered with yes."""
        self._known = None


class Held:
    """Values that one unknown is held at."""

    def __init__(self, function: fem.Function, bcs: Sequence[fem.DirichletBC]) -> None:
        self.bcs = [bc for bc in bcs if function.function_space._cpp_object.contains(bc.function_space)]
        self._function = function
        dofs = [bc.dof_indices() for bc in self.bcs]
        self._local = np.unique(np.concatenate([indices for indices, _ in dofs])) if dofs else None
        self._owned = np.unique(np.concatenate([i[:owned] for i, owned in dofs])) if dofs else None
        self.values = np.zeros(0 if self._local is None else len(function.x.array))
        """g where it is held, else 0; ghosts included"""

    def refresh(self) -> None:
        """Take the present values of the constraints."""
        for bc in self.bcs:
            bc.set(self.values)

    def met(self) -> bool:
        """Whether the unknown is where it is held (collective)."""
        if self._local is None:
            return True
        same = np.array_equal(self._function.x.array[self._local], self.values[self._local])
        return bool(self._function.function_space.mesh.comm.allreduce(int(not same)) == 0)

    def impose(self, residual: FloatArray, x: FloatArray) -> None:
        """Put x - g into the rows of what is held."""
        if self._owned is not None:
            residual[self._owned] = x[self._owned] - self.values[self._owned]


class Assembler:
    """Assembles a problem into a matrix of its own; create once, `refresh` before each solve."""

    def __init__(
        self,
        functions: Sequence[fem.Function],
        scales: Sequence[float],
        forms: Sequence[ufl.Form],
        rows: Sequence[SplitRow],
        compile_form: Callable[[ufl.Form], fem.Form],
        join: Callable[[Mapping[Any, ufl.Form]], JointForms],
        bcs: Sequence[fem.DirichletBC],
        *,
        nest: bool,
        loose: Sequence[int] = (),
    ) -> None:
        """``nest``: the matrix keeps its blocks apart, else it is one of type aij; ``loose``: fields whose couplings no
        one state shows, so that their blocks keep entries that vanish at first."""
        self.functions = list(functions)
        self._held = [Held(function, bcs) for function in functions]
        cells = [(i, j) for i in range(len(rows)) for j in range(len(rows))]
        self.kept: dict[Pair, Kept] = {
            (i, j): Kept(form, compile_form) for i, j in cells if (form := rows[i].constant[j]) is not None
        }
        self.slopes: dict[Pair, ufl.Form] = {
            (i, j): form for i, j in cells if (form := rows[i].slopes[j]) is not None
        }
        self._compile, self._compiled_slopes = compile_form, dict[Pair, fem.Form]()
        self._scales = list(scales)
        self._continued = nest
        self._joint_rows = join({(i,): form for i, form in enumerate(forms)})
        curved = {(i,): row.curved for i, row in enumerate(rows) if row.curved is not None}
        self._joint_curved = join(curved if nest else {})
        self._joint_slopes = join(self.slopes)
        self._anchor: list[FloatArray] | None = None
        self._unmet: list[tuple[int, Held]] = []
        self._local = [la.vector(*layout(function.function_space)) for function in functions]
        self._anchored = [np.zeros_like(local.array) for local in self._local]
        """R_i - N_i at the anchor"""
        self._vectors = [[_vector(f.function_space) for f in functions] for _ in range(2)]
        self._create(set(loose))
        self._nested = self.jacobian.nest()
        self.matrix = self._nested if nest else self._nested.convert("aij", PETSc.Mat())
        """the Jacobian for PETSc"""

    def _create(self, loose: set[int]) -> None:
        # Interface forms couple degree of freedom 0 with every interface degree of freedom by explicit zeros, one
        # dense row and column; they are left out.  What is left out now is lost for good.  Two bodies are coupled
        # at the same points in every state, if only by what is left of a bond: all components of these are kept.
        # Other couplings of theirs keep all that the forms could fill.
        pairs = [*self.kept, *self.slopes]
        strict = [pair for pair in pairs if not set(pair) & loose or set(pair) <= loose]
        spaces, held = [f.function_space for f in self.functions], [held.bcs for held in self._held]
        self.linear = create(spaces, held, {pair: [kept.compiled] for pair, kept in self.kept.items()})
        """A_ij"""
        # Over cells zeros stay: one of round-off can become an entry when a constant has another value.
        self.linear.ignore_zeros([pair for pair in strict if pair in self.kept and self.kept[pair].across])
        for pair, kept in self.kept.items():
            self.linear.add(pair, kept.compiled)
        self.linear.close(self.kept)
        for pair, kept in self.kept.items():
            if set(pair) <= loose:
                self.linear.complete(pair)  # which empties it
            else:
                kept.changed()  # known now: `refresh` need not assemble it again
        found = self._find_pairs([pair for pair in self.slopes if pair not in strict])
        self._varying = {
            (i, j): VaryingBlock(
                (spaces[i], spaces[j]),
                (held[i], held[j]),
                found[i, j],
                self.linear.blocks.get((i, j)),
                diagonal=i == j,
            )
            for i, j in self.slopes
        }
        blocks = self.linear.blocks | {pair: block.matrix for pair, block in self._varying.items()}
        self.jacobian = BlockMatrix(spaces, held, blocks)

    def _find_pairs(self, everything: Sequence[Pair]) -> dict[Key, Any]:
        # At a state where no entry vanishes by accident (at rest dI/dc is zero, say).
        before = [f.x.array.copy() for f in self.functions]
        noise = np.random.default_rng(0)
        for function, scale in zip(self.functions, self._scales, strict=True):
            array = function.x.array
            array[:] += NOISE * scale * noise.uniform(0.5, 1.0, len(array))
        found = self._joint_slopes.pairs(everything)
        for function, array in zip(self.functions, before, strict=True):
            function.x.array[:] = array
        return found

    @property
    def varying(self) -> list[int]:
        """Fields whose own block changes with the state."""
        return [i for i in range(len(self.functions)) if (i, i) in self.slopes]

    # ---- before a solve ---------------------------------------------------------------------------

    def refresh(self) -> None:
        """Assemble what constants and given functions have changed (collective)."""
        stale = [pair for pair, kept in self.kept.items() if kept.changed()]
        for pair in stale:
            self.linear.blocks[pair].zeroEntries()
            self.linear.add(pair, self.kept[pair].compiled)
        self.linear.close(stale)
        for pair in stale:
            if pair in self._varying:
                self._varying[pair].renew()
        for held in self._held:
            held.refresh()
        self._anchor = None

    def forget(self) -> None:
        """Have everything assembled anew at the next `refresh`."""
        for kept in self.kept.values():
            kept.forget()

    # ---- at an iterate, which the functions hold ----------------------------------------------------

    def residual(self, x: PETSc.Vec, result: PETSc.Vec) -> None:
        """Assemble the residual at x (collective)."""
        values, parts = self.parts(x, False), self.parts(result, True)
        self._unmet = [(j, held) for j, held in enumerate(self._held) if not held.met()]
        if self._anchor is None or self._far(values, self._anchor):
            self._assemble_rows(values, parts)
        else:
            self._continue(values, parts, self._anchor)
        for held, part, value in zip(self._held, parts, values, strict=True):
            held.impose(part, value)

    def _assemble_rows(self, values: Sequence[FloatArray], parts: Sequence[FloatArray]) -> None:
        # The whole rows as they were written.
        self._sum(self._joint_rows)
        for i, (local, part) in enumerate(zip(self._local, parts, strict=True)):
            for j, held in self._unmet:
                if (i, j) in self.kept:
                    start = [self.functions[j].x.array]
                    fem.apply_lifting(
                        local.array, [self.kept[i, j].compiled], [held.bcs], x0=start, alpha=-1.0
                    )
            self._lift(i, local.array)
            local.scatter_reverse(la.InsertMode.add)
            part[:] = local.array[: len(part)]
        if self._continued:
            self._anchor = [value.copy() for value in values]
            for one, part, curved in zip(self._anchored, parts, self._curved_parts(), strict=True):
                with np.errstate(invalid="ignore"):  # an overflow, which the solver sees in the residual
                    one[: len(part)] = part - curved[: len(part)]

    def _sum(self, forms: JointForms) -> None:
        for local in self._local:
            local.array[:] = 0.0
        forms.add({(i,): local.array for i, local in enumerate(self._local)})

    def _continue(
        self, values: Sequence[FloatArray], parts: Sequence[FloatArray], anchor: Sequence[FloatArray]
    ) -> None:
        inside, outside = self._vectors
        for vector, value, start in zip(inside, values, anchor, strict=True):
            vector.array[:] = value - start
        self.linear.multiply(inside, outside)
        for i, (part, curved) in enumerate(zip(parts, self._curved_parts(), strict=True)):
            size = len(part)
            part[:] = outside[i].array_r + self._anchored[i][:size] + curved[:size]

    def _curved_parts(self) -> list[FloatArray]:
        # N_i and what its slopes do to what is not yet held; owned entries count.
        self._sum(self._joint_curved)
        for i, local in enumerate(self._local):
            self._lift(i, local.array)
            local.scatter_reverse(la.InsertMode.add)
        return [local.array for local in self._local]

    def _far(self, values: Sequence[FloatArray], anchor: Sequence[FloatArray]) -> bool:
        moved = [
            float(np.max(np.abs(value - start), initial=0.0)) / scale
            for value, start, scale in zip(values, anchor, self._scales, strict=True)
        ]
        comm = self.functions[0].function_space.mesh.comm
        return not float(comm.allreduce(max(moved), op=MPI.MAX)) <= FAR  # also where it is no number

    def _lift(self, i: int, array: FloatArray) -> None:
        for j, held in self._unmet:
            if (i, j) in self.slopes:
                start = [self.functions[j].x.array]
                fem.apply_lifting(array, [self._slope(i, j)], [held.bcs], x0=start, alpha=-1.0)

    def _slope(self, i: int, j: int) -> fem.Form:
        # Compiled by itself only where a value is imposed that the state does not have yet.
        if (i, j) not in self._compiled_slopes:
            self._compiled_slopes[i, j] = self._compile(self.slopes[i, j])
        return self._compiled_slopes[i, j]

    def assemble_jacobian(self) -> None:
        """Assemble the Jacobian at the functions' values into `matrix` (collective)."""
        for block in self._varying.values():
            block.values[:] = 0.0
        self._joint_slopes.add({pair: block.values for pair, block in self._varying.items()})
        for block in self._varying.values():
            block.fill()
        self._nested.assemble()
        if self.matrix is not self._nested:
            self._nested.convert("aij", self.matrix)

    def parts(self, vector: PETSc.Vec, writing: bool) -> list[FloatArray]:
        """Return the owned entries of a vector, field by field, as views."""
        if vector.getType() == "nest":
            return [v.array if writing else v.array_r for v in vector.getNestSubVecs()]
        array, found, start = vector.array if writing else vector.array_r, [], 0
        for function in self.functions:
            index_map, size = layout(function.function_space)
            end = start + index_map.size_local * size
            found.append(array[start:end])
            start = end
        return found

    def gather(self, vector: PETSc.Vec) -> None:
        """Put the functions' values into a vector."""
        for part, function in zip(self.parts(vector, True), self.functions, strict=True):
            part[:] = function.x.array[: len(part)]

    def spread(self, vector: PETSc.Vec) -> list[FloatArray]:
        """Return the entries of a vector, field by field, ghosts included (collective)."""
        found = []
        for part, local in zip(self.parts(vector, False), self._local, strict=True):
            local.array[: len(part)] = part
            local.scatter_forward()
            found.append(local.array.copy())
        return found

    def destroy(self) -> None:
        """Free the PETSc objects, on all ranks together."""
        blocks = [*self.jacobian.blocks.values(), *self.linear.blocks.values()]
        own = [self.matrix, self._nested, *blocks, *self._vectors[0], *self._vectors[1]]
        for item in {id(item): item for item in own}.values():
            item.destroy()


def _vector(space: fem.FunctionSpace) -> PETSc.Vec:
    index_map, size = layout(space)
    count = index_map.size_local * size
    return PETSc.Vec().createMPI((count, PETSc.DETERMINE), bsize=size, comm=space.mesh.comm)
