"""Case + domain -> model: which physics act where, with which numbers, and how the cell is controlled."""

from chemomech.model.build import build_model
from chemomech.model.coupled import Model
from chemomech.model.regions import ActiveRegion, SaltRegion, fill, region_dofs

__all__ = ["ActiveRegion", "Model", "SaltRegion", "build_model", "fill", "region_dofs"]
