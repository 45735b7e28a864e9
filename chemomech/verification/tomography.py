"""Conduction through a voxel image: finite elements on its meshes against finite volumes on the image itself."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Literal

import chemomech.runtime  # noqa: F401

import numpy as np

from chemomech.analysis.box import box_of
from chemomech.analysis.effective import effective_conductivity
from chemomech.analysis.sampling import cell_volumes
from chemomech.geometry.image_recipe import Image
from chemomech.geometry.voxels import voxels_of
from chemomech.verification import voxel_flow
from chemomech.verification.effective import meshed

PORES: Final = Path(__file__).parent / "data" / "pores.npy"
"""16^3 voxels of an electrode: 0 where ions move, 1 elsewhere (data/README.md)"""
SPLITS: Final = (1, 2, 3)
"""into how many along each side a voxel is split"""
CORNER: Final = 4 / 3
"""order of the error of the conductivity at edges of 270 degrees, where potentials go with r^(2/3)"""


def voxel_image() -> dict[str, float]:
    """Conductivity of the pores in a piece of an electrode image, and of laminates."""
    elements, volumes = [], []
    for split in SPLITS:
        recipe = pores(split, "voxel")
        elements.append(along_stack(recipe))
        volumes.append(voxel_flow.effective_conductivity(voxels_of(recipe).phase, {0: 1.0}).conductivity)
    smooth = along_stack(pores(SPLITS[-1], "smooth"))
    limit = extrapolated(volumes)
    layers = np.repeat([[[0]], [[1]], [[0]]], (3, 2, 4), axis=0)
    laminate = {0: 2.0, 1: 0.5}
    return {
        "finite_volumes": limit,
        "finite_elements": extrapolated(elements),
        "laminate_across": voxel_flow.effective_conductivity(layers, laminate, 0).conductivity,
        "laminate_along": voxel_flow.effective_conductivity(layers, laminate, 1).conductivity,
        "elements_fall": min(-np.diff(elements)) / limit,
        "volumes_rise": min(np.diff(volumes)) / limit,
        "elements_above": elements[-1] / limit - 1.0,
        "volumes_below": 1.0 - volumes[-1] / limit,
        "elements_off": elements[-1] / limit - 1.0,
        "smooth_off": smooth / limit - 1.0,
    }


def pores(split: int, method: Literal["voxel", "smooth"]) -> Image:
    """Return the recipe of the pores' mesh, every voxel split."""
    values: dict[str, Any] = {
        "kind": "image",
        "coordinates": "3D",
        "directory": PORES.parent,
        "file": PORES.name,
        "axes": "xyz",
        "voxel_size": "1 um",
        "phases": {"pores": 0},
        "left_out": 1,
        "resample": {"factor": 1.0 / split},
        "method": method,
    }
    return Image.model_validate(values if method == "voxel" else values | {"smoothing": 20})


def extrapolated(values: Sequence[float]) -> float:
    """Return k of k + a h^(4/3) + b h^2 through the values with h = 1, 1/2, 1/3."""
    h = 1.0 / np.array(SPLITS)
    return float(np.linalg.solve(np.stack([np.ones(3), h**CORNER, h**2], axis=1), np.array(values))[0])


def along_stack(recipe: Image) -> float:
    """Return the conductivity of the pores along x by finite elements, in units of their own."""
    domain = meshed(recipe)
    found = effective_conductivity(
        domain, box_of(domain), "walls", {"pores": 1.0}, axes=[0], cell_volumes=cell_volumes(domain)
    )
    return float(found.tensor[0, 0])
