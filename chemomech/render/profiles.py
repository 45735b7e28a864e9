"""Profiles through the thickness of the cell: one field against the coordinate along the stack, at several times."""

from collections.abc import Iterator, Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from chemomech.render.style import STYLE, axis_label, time_unit
from chemomech.results import Results
from chemomech.results.format import CYCLE, SALT_ARRAY, STEP, TIME, split_unit
from chemomech.results.voltammetry import protocol_steps

Array = NDArray[np.float64]

PROFILED = (SALT_ARRAY,)
"""Point arrays that are drawn as profiles."""
SHARES = (0.0, 0.01, 0.05, 0.15, 0.4, 1.0)
"""When in a step its profiles are drawn, in parts of its duration: what diffuses is fast at first."""
MOST_PANELS = 4
BINS = 40
"""Where points do not stand in rows across the stack, they are sorted into so many parts of its length."""
VISIBLE = 0.01
"""Share of the whole range above which the spread over a cross-section is drawn."""


def profiles(results: Results) -> dict[str, Figure]:
    """Return a figure for every profiled array, by file name without ending."""
    return {
        f"{split_unit(name)[0].lower().replace(' ', '_')}_profile": profile(results, name)
        for name in PROFILED
        if name in results.point_arrays and results.frames >= 2
    }


@matplotlib.rc_context(STYLE)
def profile(results: Results, name: str) -> Figure:
    """Draw a point array along the stack, one panel for each of the first protocol steps, times from its start."""
    steps = _frames_of_steps(results)[:MOST_PANELS]
    columns = len(steps) if len(steps) <= 3 else 2
    rows = -(-len(steps) // columns)
    figure = Figure(figsize=(3.9 * columns + 0.7, 3.4 * rows + 0.3), layout="constrained")
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for axes, (title, frames) in zip(panels, steps, strict=False):
        _panel(results, name, axes, frames)
        axes.set_title(title, fontsize=10)
    for number, axes in enumerate(panels):
        if number >= len(steps):
            axes.set_visible(False)
        if number % columns == 0:
            axes.set_ylabel(axis_label(name))
        if number + columns >= len(steps):
            axes.set_xlabel(f"Position along the stack, {'xy'[_along(results)]} (µm)")
            axes.tick_params(labelbottom=True)
    return figure


def widest_frame(results: Results, name: str) -> int:
    """Return the frame in which a point array varies most over the cell."""
    spans = [float(np.ptp(values[np.isfinite(values)])) for values in _frames(results, name)]
    return int(np.argmax(spans))


def _frames(results: Results, name: str) -> Iterator[Array]:
    for frame in range(results.frames):
        yield results.array(name, frame)


def _panel(results: Results, name: str, axes: Axes, frames: Sequence[int]) -> None:
    start = float(results.times[frames[0]])
    colours = matplotlib.colormaps["viridis"](np.linspace(0.0, 0.88, len(frames)))
    for frame, colour in zip(frames, colours, strict=True):
        place, low, mean, high = _along_stack(results, results.array(name, frame))
        time = float(results.times[frame]) - start
        divisor, unit = time_unit(time)
        axes.plot(place, mean, color=colour, label=f"{time / divisor:.3g} {unit}")
        if np.nanmax(high - low) > VISIBLE * max(float(np.nanmax(high)), 1e-300):
            axes.fill_between(place, low, high, color=colour, alpha=0.15, linewidth=0)
    axes.legend(fontsize=8.5, title="time in this step", title_fontsize=8.5)


def _along(results: Results) -> int:
    """Return the coordinate along the stack: y where the mesh is axisymmetric, else x."""
    return 1 if results.run["coordinates"] == "axisymmetric" else 0


def _along_stack(results: Results, values: Array) -> tuple[Array, Array, Array, Array]:
    """Return the places along the stack where the array exists, and its least, mean and largest value at each."""
    there = np.isfinite(values)
    x, values = results.grid.points[there, _along(results)], values[there]
    places, group = np.unique(np.round(x, 6), return_inverse=True)
    if np.bincount(group).min() < 2:
        edges = np.linspace(float(x.min()), float(x.max()), BINS + 1)
        kept, group = np.unique(np.searchsorted(edges[1:-1], x, side="right"), return_inverse=True)
        places = np.bincount(group, x) / np.bincount(group)
    low, high = np.full(len(places), np.inf), np.full(len(places), -np.inf)
    np.minimum.at(low, group, values)
    np.maximum.at(high, group, values)
    mean = np.bincount(group, values, len(places)) / np.bincount(group, minlength=len(places))
    return places, low, mean, high


def _frames_of_steps(results: Results) -> list[tuple[str, list[int]]]:
    """Return the frames of each protocol step of the first cycle, a few of them, with the step as it was written."""
    history = results.history
    written = protocol_steps(results.run.get("case", {}))
    if not {TIME, STEP, CYCLE} <= history.keys() or not len(history[TIME]):
        return [("", _few(results, np.arange(results.frames)))]
    rows = np.searchsorted(history[TIME], results.times * (1 + 1e-12) + 1e-12, side="right") - 1
    rows = np.clip(rows, 0, len(history[TIME]) - 1)
    steps, cycles = history[STEP][rows], history[CYCLE][rows]
    found = []
    for step in np.unique(steps[(steps > 0) & (cycles == 1)]):
        frames = np.flatnonzero((steps == step) & (cycles == 1))
        if frames[0] > 0:
            frames = np.r_[frames[0] - 1, frames]  # the state with which the step begins
        number = int(step)
        text = str(written[number - 1]) if number <= len(written) else f"step {number}"
        found.append((text, _few(results, frames)))
    return found or [("", _few(results, np.arange(results.frames)))]


def _few(results: Results, frames: NDArray[np.int64]) -> list[int]:
    """Return those of the frames that come nearest to the chosen parts of their duration."""
    times = results.times[frames]
    wanted = times[0] + np.array(SHARES) * (times[-1] - times[0])
    nearest = {int(frames[np.argmin(np.abs(times - time))]) for time in wanted}
    return sorted(nearest)
