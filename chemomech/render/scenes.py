"""Scenes: one field, or the regions, of chosen frames, with colour bar, time, voltage and scale."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from chemomech.render.planar import PlanarPainter
from chemomech.render.style import (
    NOWHERE,
    REGION_COLOURS,
    RISKS,
    STYLE,
    Colours,
    colours_of,
    round_down,
    time_text,
)
from chemomech.results import Results
from chemomech.results.format import CRACK_RISK_ARRAY, DISPLACEMENT_ARRAY, STACK_PRESSURE, TIME, VOLTAGE

if TYPE_CHECKING:
    from chemomech.render.solid import SolidPainter

Array = NDArray[np.float64]


type Painter = "PlanarPainter | SolidPainter"
"""What draws frames into axes, in two and in three dimensions: `views`, `size()`, `paint()`."""


def painter_of(
    results: Results, scale: float | None = None, pixels: int = 1100
) -> "PlanarPainter | SolidPainter":
    """Return the painter for a result; `scale` magnifies displacements (None: chosen to be visible)."""
    magnification = deformation_scale(results) if scale is None else scale
    if int(results.run["dimension"]) == 3:
        from chemomech.render.solid import SolidPainter

        return SolidPainter(results, magnification, pixels)
    return PlanarPainter(results, magnification)


def worst_frame(results: Results, field: str = CRACK_RISK_ARRAY) -> int:
    """Return the frame where the largest value of a risk occurs; the last frame if there is no such array."""
    if field not in results.cell_arrays + results.point_arrays:
        return results.frames - 1
    highest = [_largest(results.array(field, frame)) for frame in range(results.frames)]
    return int(np.argmax(highest))


def deformation_scale(results: Results) -> float:
    """Return the magnification of displacements: the case's, or a round one that moves points by 4 %."""
    asked = (results.run.get("case", {}).get("output") or {}).get("deformation_scale")
    if asked is not None:
        return float(asked)
    if DISPLACEMENT_ARRAY not in results.point_arrays:
        return 1.0
    frames = np.unique(np.linspace(0, results.frames - 1, min(results.frames, 20)).astype(int))
    largest = max(_largest(np.abs(results.array(DISPLACEMENT_ARRAY, frame))) for frame in frames)
    extent = float(np.ptp(results.grid.points, axis=0).max())
    return max(1.0, min(round_down(0.04 * extent / largest), 1e4)) if largest > 1e-9 * extent else 1.0


def shown_values(results: Results, field: str, frame: int) -> Array:
    """Return what is drawn of a field, per point: a vector's magnitude, a cell array's means."""
    values = results.array(field, frame)
    if field in results.cell_arrays:
        return at_points(results, values)
    return np.sqrt(np.sum(values**2, axis=1)) if values.ndim == 2 else values


def at_points(results: Results, values: Array) -> Array:
    """Return at each point the mean over its cells, without those where the value is undefined.

    Points are separate per region, so nothing is averaged across an interface.
    """
    cells, there = results.grid.cells, np.isfinite(values)
    corners = cells[there].ravel()
    total = np.bincount(corners, np.repeat(values[there], cells.shape[1]), minlength=len(results.grid.points))
    count = np.bincount(corners, minlength=len(results.grid.points))
    means = np.full(len(count), np.nan)
    means[count > 0] = total[count > 0] / count[count > 0]
    return means


def stamp(results: Results, frame: int) -> str:
    """Return time, cell voltage and stack pressure of a frame, as far as they are recorded."""
    if results.run.get("kind") == "effective":
        return str(results.run.get("case", {}).get("effective", {}).get("boundaries", ""))
    time = float(results.times[frame])
    longest = float(max(results.times[-1], results.history.get(TIME, results.times)[-1:].max(initial=0.0)))
    words = [f"t = {time_text(time, longest)}"]
    recorded = results.history.get(TIME)
    if recorded is not None and recorded.size:
        row = max(int(np.searchsorted(recorded, time * (1 + 1e-9) + 1e-12, side="right")) - 1, 0)
        for name, symbol, unit, digits in ((VOLTAGE, "V", "V", 3), (STACK_PRESSURE, "p", "MPa", 1)):
            value = results.history.get(name, np.full(recorded.size, np.nan))[row]
            if np.isfinite(value):
                words.append(f"${symbol}$ = {value:.{digits}f} {unit}")
    return "    ".join(words)


def scale_text(results: Results, scale: float) -> str:
    """Return the statement about the shape that every scene carries."""
    if DISPLACEMENT_ARRAY not in results.point_arrays:
        return "undeformed shape"
    return "true deformation" if scale == 1 else f"deformation × {scale:g}"


@matplotlib.rc_context(STYLE)
def field_scene(
    results: Results, field: str, frame: int | None = None, *, scale: float | None = None
) -> Figure:
    """Draw one field of one frame (None: the frame of the largest crack risk), all views side by side."""
    at = worst_frame(results) if frame is None else frame % results.frames
    painter = painter_of(results, scale)
    values = shown_values(results, field, at)
    colours = colours_of(field, [results.array(field, at) if field in results.cell_arrays else values])
    figure, panels = _canvas(painter.size(), len(painter.views))
    for axes, view in zip(panels, painter.views, strict=True):
        painter.paint(axes, values, at, colours, view, labels=axes is panels[0])
        if len(panels) > 1:
            axes.set_title(view, pad=2)
    colours.colour_bar(panels, flat(painter.size()))
    if field in RISKS and field in results.cell_arrays:
        _mark_largest(results, results.array(field, at), at, painter, panels[0])
    _note_missing(results, values, panels[0])
    words = f"{stamp(results, at)}    {scale_text(results, painter.scale)}"
    figure.suptitle(words, x=0.01, ha="left", fontsize=11)
    return figure


@matplotlib.rc_context(STYLE)
def regions_scene(results: Results) -> Figure:
    """Draw the undeformed geometry with one colour per region."""
    painter = painter_of(results, 0.0)
    names = results.regions
    palette = [REGION_COLOURS[number % len(REGION_COLOURS)] for number in range(len(names))]
    colours = Colours(ListedColormap(palette), -0.5, len(names) - 0.5, "neither", "")
    values = at_points(results, results.grid.region.astype(np.float64))
    views = painter.views[:2]
    figure, panels = _canvas(painter.size(), len(views))
    for axes, view in zip(panels, views, strict=True):
        painter.paint(axes, values, 0, colours, view, labels=axes is panels[0])
    materials = results.run.get("case", {}).get("regions", {})
    handles = []
    for name, colour in zip(names, palette, strict=True):
        material = materials.get(name, {}).get("material")
        handles.append(
            Patch(facecolor=colour, edgecolor="black", label=f"{name} ({material})" if material else name)
        )
    figure.legend(handles=handles, loc="outside upper left", ncols=min(len(handles), 3))
    return figure


@matplotlib.rc_context(STYLE)
def film_strip(results: Results, field: str, frames: Sequence[int]) -> Figure:
    """Draw the same field at several frames with one colour range."""
    painter = painter_of(results, pixels=700)
    values = [shown_values(results, field, frame) for frame in frames]
    colours = colours_of(field, values)
    figure, panels = _canvas(painter.size(), len(frames))
    view = painter.views[min(1, len(painter.views) - 1)]
    for axes, frame, array in zip(panels, frames, values, strict=True):
        painter.paint(axes, array, frame, colours, view, labels=axes is panels[0])
        axes.set_title(stamp(results, frame).replace("    ", "\n", 1).split("    ")[0], pad=4, fontsize=10)
    colours.colour_bar(panels, flat(painter.size()))
    figure.suptitle(scale_text(results, painter.scale), x=0.01, ha="left", fontsize=10)
    return figure


def flat(size: tuple[float, float]) -> bool:
    """Say whether a picture is so flat that its colour bar goes below it."""
    return size[0] > 2.0 * size[1]


def _canvas(size: tuple[float, float], count: int) -> tuple[Figure, list[Axes]]:
    """Return a figure with panels of the drawing's shape, with room for a colour bar at the right."""
    ratio = float(np.clip(size[0] / size[1], 0.4, 4.0))
    widths = {1: 7.0, 2: 5.0, 3: 4.2} if flat(size) else {1: 5.2, 2: 4.2, 3: 3.6}
    width = widths.get(count, 3.0) * min(1.0, max(ratio, 0.6)) ** 0.5
    height = min(width / ratio, 5.6)
    if flat(size):
        extent = (count * width + 0.7, height + 2.1)
    else:
        extent = (max(count * height * ratio + 2.1, 6.2), height + 1.15)
    figure = Figure(figsize=extent, layout="constrained")
    panels = figure.subplots(1, count, squeeze=False)
    return figure, list(panels[0])


def _mark_largest(results: Results, values: Array, frame: int, painter: Painter, axes: Axes) -> None:
    """Say how large the largest cell value is, in which region, and in two dimensions where."""
    if not np.any(np.isfinite(values)):
        return
    cell = int(np.nanargmax(values))
    label = f"largest: {values[cell]:.3g} in {results.regions[int(results.grid.region[cell])]}"
    if isinstance(painter, PlanarPainter):
        axes.plot(*painter.locate(cell, frame), "o", mfc="none", mec="black", ms=9, mew=1.4, label=label)
    else:
        axes.plot([], [], " ", label=label)


def _note_missing(results: Results, values: Array, axes: Axes) -> None:
    """Explain the ring and the grey places below the picture."""
    handles, _ = axes.get_legend_handles_labels()
    if np.any(~np.isfinite(values)):
        bare = np.unique(results.grid.region[~np.isfinite(values[results.grid.cells].sum(axis=1))])
        names = ", ".join(results.regions[number] for number in bare)
        handles = [*handles, Patch(facecolor=NOWHERE, edgecolor="black", label=f"not defined in {names}")]
    if handles:
        axes.figure.legend(handles=handles, loc="outside lower left", ncols=2, handletextpad=0.6)


def _largest(values: Array) -> float:
    """Return the largest finite number, minus infinity when there is none."""
    finite = values[np.isfinite(values)]
    return float(finite.max()) if finite.size else -np.inf
