"""Forms of several rows, or of several rows and columns, assembled together.

Every integral is one compiled kernel for all blocks that it enters: what they share, such as material functions at the
integration points, is evaluated once, and a loop in C adds the element matrices where they belong.  To this end the
test (and trial) functions of all fields on cells become components of one element; fields on facets and single numbers
keep their own.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import chemomech.runtime  # noqa: F401

import basix.ufl
import dolfinx.jit
import numpy as np
import numpy.typing as npt
import ufl
from dolfinx import default_scalar_type, fem, mesh
from dolfinx.fem import forms as dolfinx_forms

from chemomech.solver.element_loop import compiled_loop

type FloatArray = npt.NDArray[np.float64]
type Int32Array = npt.NDArray[np.int32]
type Key = tuple[int, ...]
"""(row,) or (row, column)"""

TYPES: Final = ("cell", "exterior_facet", "interior_facet")
SIDES: Final = {"cell": 1, "exterior_facet": 1, "interior_facet": 2}


@dataclass
class Part:
    """One block of one integral."""

    key: Key
    nodes: list[Int32Array]
    """degrees of freedom without components, by argument: entity x node, -1 where the field is not"""
    starts: list[Int32Array]
    """first index of every node in the element matrix, by argument"""
    components: list[int]
    table: Int32Array | None = None


@dataclass
class Place:
    """One integral: its kernel, its entities and its blocks."""

    form: fem.Form
    number: tuple[Any, int]
    kernel: int
    sides: int
    width: int
    height: int
    geometry: Int32Array
    facets: Int32Array
    turned: npt.NDArray[np.uint8]
    kinds: Int32Array
    parts: list[Part]


class JointForms:
    """Forms by row, or by row and column, evaluated integral by integral for all of them."""

    def __init__(
        self,
        functions: Sequence[fem.Function],
        parts: Mapping[Any, ufl.Form],
        entity_maps: Sequence[mesh.EntityMap],
        jit_options: dict[str, Any],
    ) -> None:
        """``parts``: by row or by row and column, a `Key` (collective)."""
        self._functions, self._maps = list(functions), list(entity_maps)
        self.keys = list(parts)
        self._places: list[Place] = []
        if not parts:
            return
        self._domain = next(iter(parts.values())).integrals()[0].ufl_domain()
        self._mesh = self._domain.ufl_cargo()  # dolfinx's own object of C++
        self._loop = compiled_loop(self._mesh.comm, dolfinx.jit.get_options(jit_options))
        groups = self._groups()
        for chosen in _combinations(groups, len(self.keys[0])):
            some = {
                key: form
                for key, form in parts.items()
                if all(i in g for i, g in zip(key, chosen, strict=True))
            }
            if some:
                self._places += self._compile(some, chosen, jit_options)

    # ---- compiling --------------------------------------------------------------------------------

    def _groups(self) -> list[list[int]]:
        # Fields whose test functions are put together: those on cells; any other stays alone.
        used = {i for key in self.keys for i in key}
        found: dict[Any, list[int]] = {}
        for i in sorted(used):
            space = self._functions[i].function_space
            alone = space.mesh.topology.dim < self._mesh.topology.dim or _single(space)
            found.setdefault(i if alone else "cells", []).append(i)
        return list(found.values())

    def _compile(
        self, parts: Mapping[Key, ufl.Form], groups: Sequence[Sequence[int]], jit_options: dict[str, Any]
    ) -> list[Place]:
        arguments: list[dict[int, Any]] = []
        for number, group in enumerate(groups):
            elements = [self._functions[i].function_space.ufl_element() for i in group]
            if len(group) == 1:
                arguments.append({})
                continue
            space = ufl.FunctionSpace(self._domain, basix.ufl.mixed_element(elements))
            pieces = ufl.split(ufl.Argument(space, number))
            arguments.append(dict(zip(group, pieces, strict=True)))
        joint, given = ufl.Form([]), {}
        for key, form in parts.items():
            old = {a.number(): a for a in form.arguments()}
            new = {old[n]: arguments[n][i] for n, i in enumerate(key) if i in arguments[n]}
            for function in form.coefficients():
                twin = self._twin(function)
                given[twin] = function
                if twin is not function:
                    new[function] = twin
            joint += ufl.replace(form, new)
        form = self._create(joint, given, groups, jit_options)
        code, offsets = form.ufcx_form, form.ufcx_form.form_integral_offsets
        places = []
        for kind, name in enumerate(TYPES):
            for index in range(offsets[kind], offsets[kind + 1]):
                identity = code.form_integral_ids[index]
                present = [key for key, one in parts.items() if _enters(one, name, identity)]
                places.append(self._place(form, name, index - offsets[kind], index, groups, present))
        return places

    def _twin(self, function: fem.Function) -> Any:
        # The same coefficient as if its cells were the mesh's own: all geometry is then evaluated once.
        space = function.ufl_function_space()
        body = space.mesh
        if body.ufl_domain() == self._domain or body.topology.dim < self._mesh.topology.dim:
            return function
        return ufl.Coefficient(ufl.FunctionSpace(self._domain, space.ufl_element()), count=function.count())

    def _create(
        self,
        joint: ufl.Form,
        given: Mapping[Any, fem.Function],
        groups: Sequence[Sequence[int]],
        jit_options: dict[str, Any],
    ) -> fem.Form:
        # As dolfinx.fem.form does, but the joint argument has no function space: only kernels, entities and
        # coefficients are taken from the form, and any space stands in for it.
        body = self._mesh
        code, module, text = dolfinx.jit.ffcx_jit(
            body.comm,
            joint,
            form_compiler_options={"scalar_type": default_scalar_type},
            jit_options=jit_options,
        )
        ((_, data),) = joint.subdomain_data().items()
        offsets = code.form_integral_offsets
        subdomains = {}
        for kind, name in enumerate(TYPES):
            if name in data:
                identities = [code.form_integral_ids[k] for k in range(offsets[kind], offsets[kind + 1])]
                sort = fem.IntegralType(kind)
                subdomains[sort] = dolfinx_forms.get_integration_domains(sort, data[name][0], identities)
        written = joint.coefficients()
        positions = [code.original_coefficient_positions[k] for k in range(code.num_coefficients)]
        functions = [given[written[position]] for position in positions]
        spaces = [self._functions[group[0]].function_space._cpp_object for group in groups]
        made = dolfinx_forms.form_cpp_class(default_scalar_type)(
            [module.ffi.cast("uintptr_t", module.ffi.addressof(code))],
            spaces,
            [function._cpp_object for function in functions],
            [constant._cpp_object for constant in joint.constants()],
            subdomains,
            [entity_map._cpp_object for entity_map in self._maps],
            body,
        )
        return fem.Form(made, code, text, module)

    def _place(
        self,
        form: fem.Form,
        name: str,
        number: int,
        index: int,
        groups: Sequence[Sequence[int]],
        keys: Sequence[Key],
    ) -> Place:
        sort, sides = fem.IntegralType(TYPES.index(name)), SIDES[name]
        domains = np.array(form._cpp_object.domains(sort, number), dtype=np.int32)
        topology = self._mesh.topology
        if name == "cell":
            cells, facets = domains.reshape(-1, 1), np.zeros((len(domains), 1), dtype=np.int32)
        else:
            pairs = domains.reshape(-1, sides, 2)
            cells, facets = pairs[:, :, 0], pairs[:, :, 1]
        turned = np.zeros(facets.shape, dtype=np.uint8)
        each = int(np.max(facets, initial=0)) + 1
        if name != "cell" and form._cpp_object.needs_facet_permutations:
            topology.create_entity_permutations()
            index_map = topology.index_map(topology.dim)
            permutations = topology.get_facet_permutations()
            permutations = permutations.reshape(index_map.size_local + index_map.num_ghosts, -1)
            turned = np.ascontiguousarray(permutations[cells, facets])
        kinds = facets[:, 0] if sides == 1 else facets[:, 0] * each + facets[:, 1]
        nodes = self._mesh.geometry.dofmaps[0][cells]
        sizes = [self._layout(group) for group in groups]
        parts = []
        for key in keys:
            found = [self._nodes(i, cells, facets if name != "cell" else None) for i in key]
            starts = [self._starts(i, *size, sides) for i, size in zip(key, sizes, strict=True)]
            components = [self._functions[i].function_space.dofmap.bs for i in key]
            if all(np.any(one >= 0) for one in found) or not len(cells):
                parts.append(Part(key, found, starts, components))
        extents = [sides * size[1] for size in sizes]
        kernel = form.ufcx_form.form_integrals[index].tabulate_tensor_float64
        return Place(
            form=form,
            number=(sort, number),
            kernel=int(form.module.ffi.cast("uintptr_t", kernel)),
            sides=sides,
            width=extents[1] if len(extents) > 1 else 1,
            height=extents[0],
            geometry=np.ascontiguousarray(nodes.reshape(len(cells), sides * nodes.shape[-1]), dtype=np.int32),
            facets=np.ascontiguousarray(facets, dtype=np.int32),
            turned=turned,
            kinds=np.ascontiguousarray(kinds, dtype=np.int32),
            parts=parts,
        )

    def _layout(self, group: Sequence[int]) -> tuple[dict[int, int], int]:
        # Where each field of a group begins in the joint element, and the size of that.
        begins, total = {}, 0
        for i in group:
            begins[i] = total
            total += self._functions[i].function_space.ufl_element().dim
        return begins, total

    def _starts(self, i: int, begins: Mapping[int, int], total: int, sides: int) -> Int32Array:
        space = self._functions[i].function_space
        size, block = space.ufl_element().dim, space.dofmap.bs
        one = begins[i] + np.arange(0, size, block, dtype=np.int32)
        return np.concatenate([side * total + one for side in range(sides)]).astype(np.int32)

    def _nodes(self, i: int, cells: Int32Array, facets: Int32Array | None) -> Int32Array:
        # Degrees of freedom of a field on each side of each entity; -1 where it is not.
        space, parent = self._functions[i].function_space, self._mesh.topology
        body = space.mesh.topology._cpp_object
        entities = cells
        if body != parent:
            tdim, dim = parent.dim, body.dim
            if dim < tdim:
                assert facets is not None  # a field on facets has no integrals over cells
                links = parent.connectivity(tdim, dim)
                entities = links.array[links.offsets[cells] + facets]
            one = next(m for m in self._maps if m._cpp_object.sub_topology == body)
            index_map, above = body.index_map(dim), parent.index_map(dim)
            local = np.arange(index_map.size_local + index_map.num_ghosts, dtype=np.int32)
            inverse = np.full(above.size_local + above.num_ghosts, -1, dtype=np.int32)
            inverse[one.sub_topology_to_topology(local, False)] = local
            entities = inverse[entities]
        dofs = space.dofmap.list
        if not len(dofs):  # none of it on this rank
            dofs = np.zeros((1, dofs.shape[1]), dtype=np.int32)
        known = np.where(entities[:, :, None] >= 0, dofs[np.maximum(entities, 0)], -1)
        return np.ascontiguousarray(known.reshape(len(cells), cells.shape[1] * dofs.shape[1]), np.int32)

    # ---- assembling -------------------------------------------------------------------------------

    def pairs(self, everything: Iterable[Key]) -> dict[Key, tuple[Int32Array, Int32Array]]:
        """Find the pairs of nodes that each block couples at the functions' present values; fixed from now on.

        ``everything``: blocks that keep also what vanishes now.  Returns local rows and columns without components,
        in the order of the values that `add` fills.
        """
        full = set(everything)
        self._look()
        found: dict[Key, tuple[Int32Array, Int32Array]] = {}
        for key in self.keys:
            parts = [(place, part) for place in self._places for part in place.parts if part.key == key]
            columns = self._functions[key[1]].function_space.dofmap
            width = columns.index_map.size_local + columns.index_map.num_ghosts
            numbers = [_pair_numbers(place, part, width, key in full) for place, part in parts]
            unique = np.unique(np.concatenate([np.empty(0, np.int64), *(np.unique(n) for n in numbers)]))
            unique = unique[unique >= 0]
            for (_, part), number in zip(parts, numbers, strict=True):
                table = np.searchsorted(unique, number.reshape(-1)).astype(np.int32).reshape(number.shape)
                table[number < 0] = -1
                live = [np.any(table >= 0, axis=axes) for axes in ((0, 2), (0, 1))]
                part.table = np.ascontiguousarray(table[:, live[0]][:, :, live[1]])
                part.starts = [start[one] for start, one in zip(part.starts, live, strict=True)]
            found[key] = (unique // width).astype(np.int32), (unique % width).astype(np.int32)
        self._share_tables()
        return found

    def _share_tables(self) -> None:
        # Fields that live alike have the same places.
        for place in self._places:
            known: list[Int32Array] = []
            for part in place.parts:
                assert part.table is not None
                same = [one for one in known if np.array_equal(one, part.table)]
                part.table = same[0] if same else part.table
                known += [] if same else [part.table]
                part.nodes = []

    def _look(self) -> None:
        packed = self._packed()
        for place in self._places:
            kinds = int(np.max(place.kinds, initial=0)) + 1
            seen = [np.zeros((kinds, len(p.starts[0]), len(p.starts[1])), dtype=np.int8) for p in place.parts]
            self._run("look", place, packed[id(place.form)], {}, seen)
            for part, one in zip(place.parts, seen, strict=True):
                part.table = one.astype(np.int32)

    def add(self, values: Mapping[Key, FloatArray]) -> None:
        """Add the present values to those of each block: by node pair and components, or a row's local vector."""
        packed = self._packed()
        for place in self._places:
            self._run("add", place, packed[id(place.form)], values, None)

    def _packed(self) -> dict[int, Any]:
        forms = {id(place.form): place.form for place in self._places}
        return {k: (fem.pack_coefficients(form), fem.pack_constants(form)) for k, form in forms.items()}

    def _run(
        self,
        what: str,
        place: Place,
        packed: tuple[Any, Any],
        values: Mapping[Key, FloatArray],
        seen: Sequence[Any] | None,
    ) -> None:
        ffi, library = self._loop.ffi, self._loop.lib
        if not len(place.geometry):
            return
        coefficients, constants = packed[0].get(place.number), np.ascontiguousarray(packed[1])
        element = np.zeros(place.height * place.width)
        coordinates = np.zeros(3 * place.geometry.shape[1])
        parts = ffi.new("block_part[]", max(1, len(place.parts)))

        def pointer(kind: str, array: Any) -> Any:
            return ffi.cast(f"{kind}*", array.ctypes.data)

        one = np.zeros(1, dtype=np.int32)
        for k, part in enumerate(place.parts):
            item, matrix = parts[k], len(part.key) > 1
            table = part.table if matrix else part.nodes[0]
            item.table = pointer("int32_t", table) if table is not None else ffi.NULL
            item.values = pointer("double", values[part.key]) if seen is None else ffi.NULL
            item.seen = pointer("int8_t", seen[k]) if seen is not None else ffi.NULL
            item.rows = pointer("int32_t", part.starts[0])
            item.columns = pointer("int32_t", part.starts[1] if matrix else one)
            item.row_nodes, item.column_nodes = len(part.starts[0]), len(part.starts[1]) if matrix else 1
            item.row_components, item.column_components = (
                part.components[0],
                part.components[1] if matrix else 1,
            )
        loop = ffi.new("entity_loop*")
        loop.kernel, loop.count, loop.sides = place.kernel, len(place.geometry), place.sides
        loop.nodes, loop.width = place.geometry.shape[1] // place.sides, place.width
        loop.geometry, loop.x = pointer("int32_t", place.geometry), pointer("double", self._mesh.geometry.x)
        loop.facets, loop.turned = pointer("int32_t", place.facets), pointer("uint8_t", place.turned)
        loop.kinds = pointer("int32_t", place.kinds)
        loop.element, loop.coordinates = pointer("double", element), pointer("double", coordinates)
        loop.size, loop.parts, loop.part = len(element), len(place.parts), parts
        stride, given = 0, ffi.NULL
        if coefficients is not None:
            stride, given = coefficients.shape[1] * place.sides, pointer("double", coefficients)
        getattr(library, what)(loop, given, stride, pointer("double", constants))


def _pair_numbers(place: Place, part: Part, width: int, full: bool) -> npt.NDArray[np.int64]:
    # One number for each pair of nodes that a block couples; -1 where a field is not, or nothing was seen.
    row, column = part.nodes[0][:, :, None], part.nodes[1][:, None, :]
    numbers = row.astype(np.int64) * width + column
    if not full:
        assert part.table is not None  # what was seen
        numbers[part.table[place.kinds] == 0] = -1
    numbers[np.broadcast_to((row < 0) | (column < 0), numbers.shape)] = -1
    return numbers


def _single(space: fem.FunctionSpace) -> bool:
    # Whether the space holds one number for a whole body.
    return bool(space.dofmap.index_map.size_global * space.dofmap.index_map_bs == 1)


def _combinations(groups: Sequence[Sequence[int]], rank: int) -> list[tuple[Sequence[int], ...]]:
    return [(a,) for a in groups] if rank == 1 else [(a, b) for a in groups for b in groups]


def _enters(form: ufl.Form, name: str, identity: int) -> bool:
    # Whether a form has an integral of a kind over these entities.
    for integral in form.integrals():
        numbers = integral.subdomain_id()
        numbers = numbers if isinstance(numbers, tuple) else (numbers,)
        if integral.integral_type() == name and identity in numbers:
            return True
    return False
