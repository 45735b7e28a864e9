"""What the results of a point belong to: when nothing of it has changed they need not be computed again."""

import hashlib
import importlib.metadata
import json

from chemomech.case.consistency import materials_of
from chemomech.case.layers import layer_materials
from chemomech.case.schema import Case
from chemomech.geometry.recipe import contents, read_recipe


def identity(case: Case) -> str:
    """Return a hash of the case but for its title, of its mesh's recipe, its materials, and of this version."""
    digest = hashlib.sha256(importlib.metadata.version("chemomech").encode())
    written = {key: value for key, value in case.written.items() if key != "title"}
    digest.update(json.dumps(written, sort_keys=True, default=str).encode())
    if case.mesh_path.suffix == ".toml":
        recipe = contents(read_recipe(case.mesh_path, case.mesh.replaced))
        digest.update(json.dumps(recipe, sort_keys=True).encode())
    else:
        digest.update(case.mesh_path.read_bytes())
    materials, _ = materials_of(case.regions, case.directory)
    for name in sorted(materials):
        digest.update(f"{name} {materials[name].describe()}".encode())
    for material in layer_materials(case):
        digest.update(material.describe().encode())
    for path in sorted(path for folder in case.material_directories for path in folder.glob("*.toml")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
