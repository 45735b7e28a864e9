"""Checkpoints that continue on any number of ranks.

Volume fields are stored as the values in each cell, in the order of the cells in the mesh file; fields on facets as
values at the nodes of the mesh file; memories with the places of their integration points; global numbers as they
are.  Rank 0 writes a new file and renames it, so that a kill leaves the old or the new checkpoint, never a part.
"""

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, cast

import chemomech.runtime  # noqa: F401

import h5py
import numpy as np
import numpy.typing as npt
import ufl
from dolfinx import fem
from mpi4py import MPI

from chemomech.fields import Memory, State, Unknown
from chemomech.memory import PointValues

FloatArray = npt.NDArray[np.float64]
FORMAT = 2


def write_checkpoint(
    path: Path,
    state: State,
    levels: list[list[FloatArray]],
    numbers: Mapping[str, Any],
    identity: str,
) -> None:
    """Write field values of several time levels and named numbers (collective).

    ``levels[k][i]`` holds the local values of unknown i; ``identity`` names the mesh and case they belong to.
    """
    comm = state.domain.comm
    temporary = path.with_name(path.name + f".{os.getpid()}.tmp")
    error, file = "", cast(h5py.File | None, None)

    def keep(name: str, data: Any) -> None:
        # The other ranks go on gathering whatever becomes of the file.
        nonlocal error
        if file is not None and not error:
            try:
                file[name] = data
            except OSError as problem:
                error = str(problem)

    if comm.rank == 0:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = h5py.File(temporary, "w")
        except OSError as problem:
            error = str(problem)
    # one array after the other: together they are larger than all else that a rank holds of the fields
    for k, values in enumerate(levels):
        for unknown, array in zip(state.unknowns.values(), values, strict=True):
            keep(f"level{k}/{unknown.field.name}", _gather(state, unknown, array))
    for item, function in state.memory.items():
        keep(f"memory/{item.name}", _gather_points(state, item, function))
    for name, value in numbers.items():
        keep(f"numbers/{name}", value)
    if file is not None:
        about = {"format": FORMAT, "identity": identity, "levels": len(levels)}
        error = _finish(file, about, path, error)
        temporary.unlink(missing_ok=True)
    error = comm.bcast(error, root=0)
    if error:
        raise OSError(f"the checkpoint cannot be written: {error}")


def _finish(file: h5py.File, about: Mapping[str, Any], path: Path, error: str) -> str:
    """Close a file and put it in its place unless there was an error; return what went wrong, if anything."""
    temporary = Path(file.filename)
    try:
        file.attrs.update(about)
        file.close()
        if error:
            return error
        with temporary.open("rb") as handle:
            os.fsync(handle.fileno())
        os.replace(temporary, path)
    except OSError as problem:
        return error or str(problem)
    return ""


def read_checkpoint(path: Path, state: State, identity: str) -> tuple[list[list[FloatArray]], dict[str, Any]]:
    """Read what `write_checkpoint` wrote, on this run's ranks (collective); ValueError when it does not belong.

    The levels and numbers are returned, the memories of the state are put in place.
    """
    comm = state.domain.comm
    content: dict[str, Any] | None = None
    problem = ""
    if comm.rank == 0:
        try:
            with h5py.File(path, "r") as file:
                if file.attrs.get("format") != FORMAT or file.attrs.get("identity") != identity:
                    problem = "it belongs to another case, mesh or version"
                else:
                    content = {
                        "levels": [
                            {
                                u.field.name: file[f"level{k}/{u.field.name}"][()]
                                for u in state.unknowns.values()
                            }
                            for k in range(int(file.attrs["levels"]))
                        ],
                        "memories": {item.name: file[f"memory/{item.name}"][()] for item in state.memory},
                        "numbers": {name: data[()] for name, data in file["numbers"].items()},
                    }
        except (OSError, KeyError) as error:
            problem = f"it cannot be read ({error})"
    problem = comm.bcast(problem, root=0)
    if problem:
        raise ValueError(problem)
    content = comm.bcast(content, root=0)
    assert content is not None
    for item, function in state.memory.items():
        _scatter_points(state, item, function, content["memories"][item.name])
    levels = [
        [_scatter(state, unknown, stored[unknown.field.name]) for unknown in state.unknowns.values()]
        for stored in content["levels"]
    ]
    return levels, content["numbers"]


def _is_facet_field(state: State, unknown: Unknown) -> bool:
    return bool(unknown.support.mesh.topology.dim < state.domain.dimension)


def _nodes(state: State, unknown: Unknown) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    # Degrees of freedom of a first-order facet field and the mesh-file nodes they sit at.
    geometry = unknown.support.mesh.geometry
    dofs = unknown.space.dofmap.list.reshape(-1)
    rows = geometry.dofmaps[0].reshape(-1)
    return dofs.astype(np.int64), np.asarray(geometry.input_global_indices[rows], dtype=np.int64)


def _gather(state: State, unknown: Unknown, array: FloatArray) -> FloatArray | None:
    comm = state.domain.comm
    if unknown.field.support == "cell":
        return np.asarray(_global_number(comm, unknown, array))
    if _is_facet_field(state, unknown):
        dofs, nodes = _nodes(state, unknown)
        count = comm.allreduce(int(nodes.max(initial=-1)), op=MPI.MAX) + 1
        pieces = comm.gather((nodes, array[dofs]), root=0)
        total = np.full(count, np.nan)
    else:
        topology = state.domain.mesh.topology
        owned = topology.index_map(state.domain.dimension).size_local
        parents = unknown.support.parent_entities
        mine = np.flatnonzero(parents < owned)
        original = topology.original_cell_index[parents[mine]]
        cells, block = unknown.space.dofmap.list, unknown.space.dofmap.index_map_bs
        width = cells.shape[1] * block
        # both sizes said, for a rank may have no cell of the field
        values = array.reshape(-1, block)[cells[mine]].reshape(len(mine), width)
        # a rank alone need not send itself the largest array there is
        pieces = [(original, values)] if comm.size == 1 else comm.gather((original, values), root=0)
        total = np.full((topology.index_map(state.domain.dimension).size_global, width), np.nan)
    if pieces is None:
        return None
    for where, values in pieces:
        total[where] = values
    return total


def _scatter(state: State, unknown: Unknown, stored: FloatArray) -> FloatArray:
    array = np.zeros_like(unknown.function.x.array)
    if unknown.field.support == "cell":
        array[:] = stored
    elif _is_facet_field(state, unknown):
        dofs, nodes = _nodes(state, unknown)
        array[dofs] = stored[nodes]
    else:
        original = state.domain.mesh.topology.original_cell_index[unknown.support.parent_entities]
        cells, block = unknown.space.dofmap.list, unknown.space.dofmap.index_map_bs
        array.reshape(-1, block)[cells] = stored[original].reshape(*cells.shape, block)
    return np.asarray(array)


def _points(state: State, item: Memory) -> FloatArray:
    # where the integration points of a memory are, ghosts included
    x = ufl.SpatialCoordinate(state.domain.mesh)
    x = x if "@" in item.face else x("+")
    compiled = [
        PointValues(state.domain, x[axis], item.face, partial(fem.form, entity_maps=state.domain.entity_maps))
        for axis in range(state.domain.dimension)
    ]
    return np.column_stack([each.evaluate() for each in compiled])


def _gather_points(state: State, item: Memory, function: fem.Function) -> FloatArray | None:
    owned = function.function_space.dofmap.index_map.size_local
    rows = np.column_stack([_points(state, item)[:owned], function.x.array[:owned]])
    pieces = state.domain.comm.gather(rows, root=0)
    return None if pieces is None else np.concatenate(pieces)


def _scatter_points(state: State, item: Memory, function: fem.Function, stored: FloatArray) -> None:
    # Another number of ranks numbers the points anew, and may turn a facet round: they are known by their places.
    places = _points(state, item)
    if len(places):
        from scipy.spatial import cKDTree  # seldom needed, and slow to import

        _, nearest = cKDTree(stored[:, :-1]).query(places)
        function.x.array[:] = stored[nearest, -1]


def _global_number(comm: MPI.Intracomm, unknown: Unknown, array: FloatArray) -> float:
    owned = unknown.space.dofmap.index_map.size_local
    return float(comm.allreduce(float(array[:owned].sum()), op=MPI.SUM))
