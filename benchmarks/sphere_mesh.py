"""Makes the mesh of B1 with the project's mesher, and its arrays for codes that read no .msh file."""

from pathlib import Path

import gmsh
import numpy as np

from benchmarks.sphere import CUBE, SIZES, SPHERE
from chemomech.geometry.build import open_mesh, session

RECIPE = Path(__file__).parent / "sphere.toml"


def sphere_mesh(name: str) -> Path:
    """Return the .msh file of a size; beside it, with the ending .npz, are its arrays."""
    size = f"{SIZES[name]} um"
    replaced = {"mesh_size": {"interface": size, "bulk": size, "transition": "1 um"}}
    path = open_mesh(RECIPE, replaced=replaced).msh
    if not path.with_suffix(".npz").is_file():
        _export(path)
    return path


def _export(path: Path) -> None:
    with session():
        gmsh.merge(str(path))
        tags, points, _ = gmsh.model.mesh.getNodes()
        place = np.zeros(int(tags.max()) + 1, dtype=np.int64)
        place[tags.astype(np.int64)] = np.arange(len(tags))
        cells = {name: place[_nodes(3, name, 4, 4)] for name in (SPHERE, CUBE)}
        sides = {name: place[_nodes(2, name, 2, 3)] for name in ("bottom", "top")}
    arrays = {f"cells {name}": part for name, part in cells.items()}
    arrays |= {f"facets {name}": part for name, part in sides.items()}
    np.savez(path.with_suffix(".npz"), points=points.reshape(-1, 3), **arrays)


def _nodes(dimension: int, name: str, kind: int, corners: int) -> np.ndarray:
    group = next(
        tag
        for dim, tag in gmsh.model.getPhysicalGroups(dimension)
        if gmsh.model.getPhysicalName(dim, tag) == name
    )
    parts = [
        gmsh.model.mesh.getElementsByType(kind, entity)[1].astype(np.int64)
        for entity in gmsh.model.getEntitiesForPhysicalGroup(dimension, group)
    ]
    return np.concatenate(parts).reshape(-1, corners)
