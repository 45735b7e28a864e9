"""Diffusivity from titration pulses as a figure."""

from collections.abc import Mapping

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from chemomech.render.style import STYLE

Array = NDArray[np.float64]
MARKS = ("o", "s")


@matplotlib.rc_context(STYLE)
def titration_figure(label: str, along: Array, series: Mapping[str, Array]) -> Figure:
    """Draw diffusivities [m2/s], one series per way of evaluation, against stoichiometry or rested voltage."""
    figure = Figure(figsize=(6.4, 4.4), layout="constrained")
    axes = figure.subplots()
    for (name, values), mark in zip(series.items(), MARKS, strict=False):
        axes.semilogy(along, values, marker=mark, markersize=5, linewidth=1.0, label=name)
    known = np.concatenate([values[np.isfinite(values) & (values > 0.0)] for values in series.values()])
    if len(known):  # a constant diffusivity is to look constant
        axes.set_ylim(
            min(float(known.min()) / 1.5, float(np.median(known)) / 3),
            max(float(known.max()) * 1.5, float(np.median(known)) * 3),
        )
    axes.set_xlabel(label)
    axes.set_ylabel("Diffusivity (m$^2$ s$^{-1}$)")
    axes.legend()
    return figure
