"""Current over voltage of the sweeps of a run."""

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from chemomech.render.style import STYLE, axis_label
from chemomech.results.format import CURRENT_DENSITY, VOLTAGE
from chemomech.results.voltammetry import Sweep


@matplotlib.rc_context(STYLE)
def voltammogram(sweeps: Sequence[Sweep]) -> Figure:
    """Draw each sweep in the colour of its cycle, peaks marked, the largest of the last cycle with its voltage."""
    figure = Figure(figsize=(6.4, 4.6), layout="constrained")
    axes = figure.subplots()
    cycles = sorted({sweep.cycle for sweep in sweeps})
    colours = dict(
        zip(cycles, matplotlib.colormaps["viridis"](np.linspace(0.0, 0.85, len(cycles))), strict=True)
    )
    named: set[int] = set()
    for sweep in sweeps:
        label = None if sweep.cycle in named else f"{sweep.cycle}"
        named.add(sweep.cycle)
        axes.plot(sweep.voltage, sweep.density, color=colours[sweep.cycle], linewidth=1.5, label=label)
        for peak in sweep.peaks:
            axes.plot(peak.voltage, peak.density, "o", color=colours[sweep.cycle], markersize=4.5)
        if sweep.cycle == cycles[-1] and sweep.peaks:
            peak = max(sweep.peaks, key=lambda one: abs(one.density))
            below = peak.density < 0.0
            axes.annotate(
                f"{peak.voltage:.3f} V",
                (peak.voltage, peak.density),
                textcoords="offset points",
                xytext=(0, -14 if below else 7),
                ha="center",
                fontsize=9,
            )
    axes.axhline(0.0, color="#999999", linewidth=0.8, zorder=0)
    axes.margins(y=0.12)
    axes.set_xlabel(axis_label(VOLTAGE))
    axes.set_ylabel(axis_label(CURRENT_DENSITY))
    if len(cycles) > 1:
        axes.legend(title="Cycle")
    return figure
