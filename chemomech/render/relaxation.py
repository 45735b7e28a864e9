"""The distribution of relaxation times as a figure."""

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator
from numpy.typing import NDArray

from chemomech.render.style import STYLE, unit_text

Array = NDArray[np.float64]


@matplotlib.rc_context(STYLE)
def relaxation_figure(
    unit: str,
    window: tuple[float, float],
    regularised: tuple[Array, Array],
    arcs: tuple[Array, Array],
    other: tuple[Array, Array] | None,
    method: str,
    marks: Sequence[tuple[float, float, str]],
) -> Figure:
    """Draw the distribution, that of the fitted arcs, a library's, and who owns each arc (time, height, name).

    `window`: the relaxation times [s] that the frequencies reach; what lies beyond is extrapolated and not shown.
    """
    figure = Figure(figsize=(7.2, 4.6), layout="constrained")
    axes = figure.subplots()
    times, density = regularised
    seen = (times >= window[0]) & (times <= window[1])
    ceiling = 1.25 * float(np.max(density[seen]))
    axes.fill_between(times, density, color="#4477aa", alpha=0.25, linewidth=0)
    axes.semilogx(times, density, color="#4477aa", label="regularised")
    axes.semilogx(*arcs, color="#ee6677", linestyle=(0, (5, 2)), label="fitted arcs")
    if other is not None:
        axes.semilogx(*other, color="#228833", linewidth=1.0, label=method)
    axes.set_ylim(0.0, ceiling)
    axes.set_xlim(*window)
    inside = [mark for mark in marks if window[0] <= mark[0] <= window[1]]
    for at, (time, height, name) in enumerate(inside, start=1):
        beside = float(np.interp(np.log(time), np.log(times), density))
        top = min(max(height if np.isfinite(height) else 0.0, beside), 0.93 * ceiling)
        axes.annotate(f"{at}", (time, top), textcoords="offset points", xytext=(0, 3), ha="center")
        axes.plot([], [], " ", label=f"{at}: {time:.2g} s" + (f", {name}" if name else ""))
    axes.set_xlabel("Relaxation time (s)")
    axes.set_ylabel(f"Distribution ({unit_text(unit)})")
    axes.xaxis.set_major_locator(LogLocator(numticks=14))
    figure.legend(loc="outside upper left", ncols=2)
    return figure
