"""Local amplitudes and phases of an impedance spectrum: magnitude above, phase below, one column a frequency."""

from typing import Final

import matplotlib
import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from numpy.typing import NDArray

from chemomech.render.scenes import at_points, painter_of, shown_values
from chemomech.render.spectra import frequency_text
from chemomech.render.style import STYLE, Colours, axis_label, colours_of
from chemomech.results import Results
from chemomech.results.format import AMPLITUDES, CURRENT_AMPLITUDE, FREQUENCY, SPECTRUM, amplitude_arrays

type Array = NDArray[np.float64]

MOST: Final = 4
"""frequencies in one picture"""
NOTHING: Final = 1e-2
"""part of the largest magnitude below which a phase is not shown"""


def amplitude_figures(results: Results, table: dict[str, Array]) -> dict[str, Figure]:
    """Return a figure for each quantity of the last spectrum, by file name; `table` is amplitudes.csv."""
    last = np.flatnonzero(table[SPECTRUM] == table[SPECTRUM][-1])[:MOST]
    frames = [(int(at), frequency_text(float(table[FREQUENCY][at]))) for at in last]
    found = {}
    for name, quantity in (*AMPLITUDES.items(), ("interface_current", CURRENT_AMPLITUDE)):
        if amplitude_arrays(quantity)[0] in results.point_arrays + results.cell_arrays:
            found[f"amplitude_{name}"] = _figure(results, quantity, frames)
    return found


@matplotlib.rc_context(STYLE)
def _figure(results: Results, quantity: tuple[str, str], frames: list[tuple[int, str]]) -> Figure:
    magnitude, phase = amplitude_arrays(quantity)
    painter = painter_of(results, 0.0, pixels=700)
    ratio = float(np.clip(painter.size()[0] / painter.size()[1], 0.25, 6.0))
    width = min(4.6, 3.4 * ratio) + 1.5
    height = min(3.4, (width - 1.5) / ratio) + 0.55
    figure = Figure(figsize=(max(6.0, len(frames) * width + 0.5), 2 * height + 0.5), layout="constrained")
    panels = figure.subplots(2, len(frames), squeeze=False)
    view = painter.views[min(1, len(painter.views) - 1)]
    for (frame, words), above, below in zip(frames, panels[0], panels[1], strict=True):
        size = shown_values(results, magnitude, frame)
        angle = _angles(results, magnitude, phase, frame)
        colours = colours_of(magnitude, [size])
        cyclic = Colours(
            colormaps["twilight_shifted"], -180.0, 180.0, "neither", "Phase ahead of the voltage (°)"
        )
        for axes, values, shades in ((above, size, colours), (below, angle, cyclic)):
            painter.paint(axes, values, frame, shades, view, labels=above is panels[0][0])
            shades.colour_bar([axes], False)
        above.set_title(words, pad=4)
    figure.suptitle(
        axis_label(magnitude).partition(" (")[0] + " per volt of the cell voltage",
        x=0.01,
        ha="left",
        fontsize=11,
    )
    return figure


def _angles(results: Results, magnitude: str, phase: str, frame: int) -> Array:
    # A mean of angles is the angle of the mean of what turns; where nothing oscillates there is no angle.
    size, turned = results.array(magnitude, frame), np.radians(results.array(phase, frame))
    if magnitude in results.cell_arrays:
        real, imaginary = (at_points(results, size * part(turned)) for part in (np.cos, np.sin))
    else:
        real, imaginary = size * np.cos(turned), size * np.sin(turned)
    whole = np.hypot(real, imaginary)
    angle = np.degrees(np.arctan2(imaginary, real))
    return np.where(whole > NOTHING * np.nanmax(whole), angle, np.nan)
