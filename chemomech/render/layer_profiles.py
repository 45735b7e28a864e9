"""Profiles through the contacts of regions whose charge is resolved."""

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from chemomech.render.style import REGION_COLOURS, STYLE, axis_label
from chemomech.results import Results
from chemomech.results.format import ELECTRIC_ARRAY, FIELD_ARRAY, OCCUPANCY_ARRAY

Array = NDArray[np.float64]

NM_PER_UM = 1e3
SHOWN = 0.01
"""share of the largest field beyond which a profile ends"""
LINE_WIDTH = 1.6


@matplotlib.rc_context(STYLE)
def space_charge(record: Results) -> Figure | None:
    """Draw electric potential, field and occupancy along the stack in the last frame, where there is a field."""
    names = [ELECTRIC_ARRAY, FIELD_ARRAY, OCCUPANCY_ARRAY]
    present = [name for name in names if name in record.point_arrays or name in record.cell_arrays]
    if FIELD_ARRAY not in present or not record.frames:
        return None
    grid = record.grid
    axis = 1 if record.run["coordinates"] == "axisymmetric" else 0
    places = grid.points[:, axis] * NM_PER_UM
    middles = places[grid.cells].mean(axis=1)
    strength = record.array(FIELD_ARRAY, record.frames - 1)
    if not np.nanmax(strength, initial=0.0) > 0:
        return None
    strong = places[grid.cells][strength > SHOWN * np.nanmax(strength)]
    low, high = float(strong.min()), float(strong.max())
    margin = 0.15 * (high - low)
    figure = Figure(figsize=(6.4, 1.4 + 1.7 * len(present)), layout="constrained")
    panels = figure.subplots(len(present), 1, sharex=True, squeeze=False)[:, 0]
    for axes, name in zip(panels, present, strict=True):
        values = record.array(name, record.frames - 1)
        for number, region in enumerate(record.regions):
            mine = grid.region == number
            if name == FIELD_ARRAY:
                x, y = middles[mine], values[mine]
            else:
                rows = np.unique(grid.cells[mine])
                x, y = places[rows], values[rows]
            order = np.argsort(x, kind="stable")
            colour = REGION_COLOURS[number % len(REGION_COLOURS)]
            axes.plot(x[order], y[order], color=colour, linewidth=LINE_WIDTH, label=region)
            edges = places[grid.cells[mine]]
            axes.axvspan(float(edges.min()), float(edges.max()), color=colour, alpha=0.08, linewidth=0)
        axes.set_ylabel(axis_label(name))
    panels[-1].set_xlim(low - margin, high + margin)
    panels[-1].set_xlabel("Place along the stack (nm)")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=4)
    figure.align_ylabels()
    return figure
