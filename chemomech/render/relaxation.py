"""The distribution of relaxation times as a figure."""

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator
from numpy.typing import NDArray

from chemomech.render.spectra import fit_axes, label_decades
from chemomech.render.style import STYLE, unit_text
from chemomech.results.relaxation import RecordedRelaxation

Array = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]


@matplotlib.rc_context(STYLE)
def relaxation_figure(
    found: RecordedRelaxation, other: tuple[Array, Array] | None = None, method: str = ""
) -> Figure:
    """Draw the distribution, that of the fitted arcs, a library's, and who owns each arc.

    What lies beyond the relaxation times that the frequencies reach is extrapolated and not shown.
    """
    figure = Figure(figsize=(7.2, 4.6), layout="constrained")
    axes = figure.subplots()
    axes.fill_between(found.times, found.density, color="#4477aa", alpha=0.25, linewidth=0)
    axes.semilogx(found.times, found.density, color="#4477aa", label="regularised")
    axes.semilogx(found.times, found.arcs, color="#ee6677", linestyle=(0, (5, 2)), label="fitted arcs")
    if other is not None:
        axes.semilogx(*other, color="#228833", linewidth=1.0, label=method)
    axes.set_ylim(found.floor, found.ceiling)
    axes.set_xlim(*found.window)
    for at, (arc, top) in enumerate(found.inside(), start=1):
        axes.annotate(f"{at}", (arc.time, top), textcoords="offset points", xytext=(0, 3), ha="center")
        axes.plot([], [], " ", label=f"{at}: {arc.time:.2g} s" + (f", {arc.owner}" if arc.owner else ""))
    axes.set_xlabel("Relaxation time (s)")
    axes.set_ylabel(f"Distribution ({unit_text(found.unit)})")
    axes.xaxis.set_major_locator(LogLocator(numticks=14))
    figure.legend(loc="outside upper left", ncols=2)
    return figure


@matplotlib.rc_context(STYLE)
def fitted_nyquist(unit: str, frequencies: Array, measured: ComplexArray, fitted: ComplexArray) -> Figure:
    """Draw a measured spectrum as points over the arcs fitted to it, whole decades with their frequency."""
    figure = Figure(figsize=(6.8, 4.2), layout="constrained")
    axes = figure.subplots()
    axes.plot(fitted.real, -fitted.imag, color="#ee6677", linewidth=1.4, label="fitted arcs")
    axes.plot(measured.real, -measured.imag, "o", color="#4477aa", markersize=4, label="measured")
    fit_axes(axes, measured)
    label_decades(axes, frequencies, measured)
    axes.axhline(0.0, color="#999999", linewidth=0.8, zorder=0)
    axes.set_xlabel(f"Re Z ({unit_text(unit)})")
    axes.set_ylabel(f"−Im Z ({unit_text(unit)})")
    figure.legend(loc="outside upper left", ncols=2)
    return figure
