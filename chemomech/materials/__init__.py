"""What things are made of: a library of materials in which every number carries its source."""

from chemomech.materials.laws import NUMPY, Law, Maths, ufl_maths
from chemomech.materials.material import (
    Material,
    list_materials,
    load_material,
    read_material,
    summarise_materials,
)
from chemomech.materials.properties import KINDS, ROLES, Property

__all__ = ["KINDS", "NUMPY", "ROLES", "Law", "Material", "Maths", "Property"]
__all__ += ["list_materials", "load_material", "read_material", "summarise_materials", "ufl_maths"]
