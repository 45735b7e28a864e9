"""An animation of one field over time, above the voltage curve with a moving mark."""

from collections.abc import Callable
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.animation import AbstractMovieWriter, FFMpegWriter, PillowWriter
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from chemomech.render.planar import PlanarPainter
from chemomech.render.scenes import flat, painter_of, scale_text, shown_values, stamp
from chemomech.render.style import STYLE, axis_label, colours_of, time_unit
from chemomech.results import Results
from chemomech.results.format import TIME, VOLTAGE

LARGEST_FILE = 3_000_000
"""An animation is kept below this many bytes, so that it can be mailed and put on a page."""
SECONDS = 8.0
MOST_FRAMES = 64
MOST_SOLID_FRAMES = 32
"""In three dimensions each frame takes longer to draw."""


def animate(results: Results, field: str, folder: Path) -> Path | None:
    """Write `<folder>/animation.mp4`, or .gif where no encoder works; None with fewer than three frames."""
    if results.frames < 3:
        return None
    solid = int(results.run["dimension"]) == 3
    most = MOST_SOLID_FRAMES if solid else MOST_FRAMES
    frames = np.unique(np.linspace(0, results.frames - 1, min(results.frames, most)).round().astype(int))
    for dots, chosen in ((130, frames), (90, frames), (75, frames[:: max(1, len(frames) // 16)])):
        path = _write(results, field, [int(frame) for frame in chosen], folder, dots)
        if path.stat().st_size <= LARGEST_FILE:
            return path
    path.unlink()
    return None


def _writer(path: Path, rate: float) -> AbstractMovieWriter:
    """Return the writer for the ending of a path."""
    if path.suffix == ".gif":
        return PillowWriter(fps=max(1, round(rate)))
    # Even sizes and 4:2:0 colours: what every browser and slide program plays.
    arguments = ["-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2:color=white", "-pix_fmt", "yuv420p", "-crf", "23"]
    return FFMpegWriter(fps=max(1, round(rate)), codec="libx264", extra_args=arguments)


def _write(results: Results, field: str, frames: list[int], folder: Path, dots: int) -> Path:
    """Write the frames as mp4, else as gif; the finished file replaces an older one."""
    try:
        import imageio_ffmpeg

        encoder = imageio_ffmpeg.get_ffmpeg_exe()
    except (ImportError, RuntimeError):
        return _encode(results, field, frames, folder / "animation.gif", dots)
    try:
        with matplotlib.rc_context({"animation.ffmpeg_path": encoder}):
            return _encode(results, field, frames, folder / "animation.mp4", dots)
    except (OSError, RuntimeError):
        return _encode(results, field, frames, folder / "animation.gif", dots)


@matplotlib.rc_context(STYLE)
def _encode(results: Results, field: str, frames: list[int], path: Path, dots: int) -> Path:
    """Draw and encode the frames."""
    painter = painter_of(results, pixels=700)
    view = painter.views[min(1, len(painter.views) - 1)]
    whole = field in results.cell_arrays
    colours = colours_of(
        field, [results.array(field, f) if whole else shown_values(results, field, f) for f in frames]
    )
    width, height = painter.size()
    tall, below = float(np.clip(5.0 * height / width, 1.6, 6.0)), flat((width, height))
    figure = Figure(figsize=(6.8, tall + (3.2 if below else 2.3)), layout="constrained")
    picture, curve = figure.subplots(2, 1, height_ratios=[tall, 1.15])
    mark = _voltage_strip(results, curve)
    partial = path.with_name(f".partial{path.suffix}")
    writer = _writer(partial, min(12.0, max(4.0, len(frames) / SECONDS)))
    try:
        with writer.saving(figure, str(partial), dots):
            for number, frame in enumerate(frames):
                picture.clear()
                picture.set_axis_on()
                painter.paint(picture, shown_values(results, field, frame), frame, colours, view)
                if isinstance(painter, PlanarPainter):
                    painter.hold(picture, frames)
                if number == 0 or not below:  # a bar at the side belongs to the cleared axes
                    colours.colour_bar([picture], below)
                words = f"{stamp(results, frame)}    {scale_text(results, painter.scale)}"
                figure.suptitle(words, x=0.02, ha="left", fontsize=10.5)
                mark(float(results.times[frame]))
                writer.grab_frame()
                if number == 0:
                    figure.set_layout_engine("none")  # nothing may move from frame to frame
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return path


def _voltage_strip(results: Results, axes: Axes) -> Callable[[float], None]:
    """Draw the voltage curve (a bare time axis when none is recorded); return what marks a time on it."""
    times = results.history.get(TIME, results.times)
    voltage = results.history.get(VOLTAGE, np.full(len(times), np.nan))
    divisor, unit = time_unit(float(max(times[-1], results.times[-1])))
    axes.plot(times / divisor, voltage, color="#332288")
    axes.set_xlim(
        float(min(times[0], results.times[0])) / divisor, float(max(times[-1], results.times[-1])) / divisor
    )
    axes.set_xlabel(f"Time ({unit})")
    axes.set_ylabel(axis_label(VOLTAGE))
    line = axes.axvline(0.0, color="#e31a1c", linewidth=1.0)
    (dot,) = axes.plot([], [], "o", color="#e31a1c", markersize=7, clip_on=False)

    def mark(time: float) -> None:
        line.set_xdata([time / divisor] * 2)
        dot.set_data([time / divisor], [np.interp(time, times, voltage)])

    return mark
