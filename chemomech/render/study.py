"""Figures of a study from its folder: lines with error bars, and maps over two axes."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import (
    FixedFormatter,
    FixedLocator,
    FuncFormatter,
    LogLocator,
    MaxNLocator,
    NullFormatter,
    NullLocator,
)

from chemomech.render.style import REGION_COLOURS, STYLE, axis_label, in_words, time_unit
from chemomech.results.format import FIGURES_FOLDER, TIME, split_unit
from chemomech.results.read import open_results
from chemomech.results.study import POINTS_FOLDER, Axis, Series, Table, missing_columns, open_study

MARKERS: Final = "osD^vP*X"
DATA_MARKERS: Final = "s^oDv"
"""Markers of numbers from elsewhere, open and black."""
MOST_LABELS: Final = 10
"""Most values of an axis that are written beside a map."""
FINE: Final = 400
"""Columns of a map whose rows are curves."""
Spec = Mapping[str, Any]
Array = np.ndarray[Any, np.dtype[np.float64]]


def render_study(folder: Path) -> list[Path]:
    """Draw the figures of a study's folder into its figures/; return the files made.

    A figure whose columns no point has is left out. InputError when the folder cannot be read.
    """
    record, table = open_study(folder)
    target = folder / FIGURES_FOLDER
    target.mkdir(exist_ok=True)
    made = []
    with matplotlib.rc_context(STYLE):
        for spec in record["figures"]:
            path = target / f"{spec['name']}.png"
            if spec["table"] != "summary":
                draw = _map_of_runs if spec["colour"] else _of_runs
                lines = draw(folder, record, table, spec)
                if lines is not None:
                    lines.savefig(path)
                    made.append(path)
                continue
            asked = [spec["x"], *spec["y"], *([spec["colour"]] if spec["colour"] else [])]
            if any(missing_columns(table, asked)):
                continue
            figure = _map(table, spec) if spec["colour"] else _lines(table, spec)
            figure.savefig(path)
            made.append(path)
    return made


def _of_runs(folder: Path, record: Spec, table: Table, spec: Spec) -> Figure | None:
    """Draw a column against another of each run's own table, one line per run; None where no run has them."""
    figure = Figure(figsize=(6.0, 4.2), layout="constrained")
    axes = figure.subplots()
    drawn = _columns_of_runs(folder, record, table, spec, spec["y"][0])
    name = spec["y"][0]
    if not drawn:
        return None
    divisor, label = 1.0, axis_label(spec["x"])
    if spec["x"] == TIME:
        divisor, unit = time_unit(max(float(x[-1]) for _, x, _ in drawn))
        label = f"Time ({unit})"
    # which value an axis is held at is for the text, not for every line
    varied = [k for k, axis in enumerate(table.axes) if axis.name not in spec["where"]]
    colours = _colours(table, table.axes[varied[0]].name if len(varied) == 1 else None, 1, len(drawn))
    few = spec["table"] == "cycles"
    for number, (row, x, y) in enumerate(drawn):
        words = ", ".join(table.axes[k].labels[table.at[row][k]] for k in varied)
        mark = MARKERS[number % len(MARKERS)] if few else None
        axes.plot(x / divisor, y, color=colours[number], marker=mark, markersize=4.5, label=words)
    axes.set_xlabel(label)
    axes.set_ylabel(axis_label(f"{spec['label']} [{split_unit(name)[1] or '-'}]" if spec["label"] else name))
    _scales(axes, spec["scale"])
    _marks(axes, spec, "black")
    if few:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if len(drawn) > 1:
        axes.legend(title=axis_label(table.axes[varied[0]].name) if len(varied) == 1 else None, loc="best")
    return figure


def _columns_of_runs(
    folder: Path, record: Spec, table: Table, spec: Spec, name: str
) -> list[tuple[int, Array, Array]]:
    """Return, for each run that has both, its number and its columns of x and of a name."""
    found = []
    for row in table.rows(_fixed(table, spec["where"])):
        point = record["points"][row]
        if point["state"] not in ("done", "kept"):
            continue
        run = open_results(folder / POINTS_FOLDER / point["name"])
        columns = run.cycles if spec["table"] == "cycles" else run.history
        if spec["x"] in columns and name in columns:
            found.append((int(row), columns[spec["x"]], columns[name]))
    return found


def _map_of_runs(folder: Path, record: Spec, table: Table, spec: Spec) -> Figure | None:
    """Draw a column of each run's own table in colours, one row per run at its place on an axis."""
    up = table.axis(spec["y"][0])
    number = table.axes.index(up)
    drawn = _columns_of_runs(folder, record, table, spec, spec["colour"])
    if not drawn:
        return None
    ends = np.array([(along.min(), along.max()) for _, along, _ in drawn])
    x = np.linspace(ends[:, 0].min(), ends[:, 1].max(), FINE)
    values = np.full((len(up.positions), len(x)), np.nan)
    for row, along, colour in drawn:
        order = np.argsort(along, kind="stable")
        values[table.at[row][number]] = np.interp(x, along[order], colour[order], left=np.nan, right=np.nan)
    rows = np.argsort(up.positions)
    figure, axes = _coloured(x, np.array(up.positions)[rows], values[rows], spec)
    axes.set_xlim(x[0], x[-1])
    _values_on(axes.yaxis, up)
    return figure


def _fixed(table: Table, where: Mapping[str, str | float]) -> dict[str, int]:
    """Return axis -> index for axis -> value."""
    found = {name: table.axis(name).find(value) for name, value in where.items()}
    return {name: index for name, index in found.items() if index is not None}


def _axis(table: Table, name: str) -> Axis | None:
    return next((axis for axis in table.axes if axis.name == name), None)


def _lines(table: Table, spec: Spec) -> Figure:
    """Draw each figure over x, one line for each value of `by`, error bars where an axis repeats."""
    figure = Figure(figsize=(6.0, 4.2), layout="constrained")
    axes = figure.subplots()
    by = [spec["by"]] if spec["by"] else []
    where = _fixed(table, spec["where"])
    drawn: list[tuple[str, str, Series]] = []
    for column in spec["y"]:
        for series in table.series(spec["x"], column, by, where):
            value = [table.axis(name).labels[index] for name, index in series.fixed.items()]
            name = [in_words(split_unit(column)[0])] if len(spec["y"]) > 1 else []
            drawn.append((column, ", ".join([*name, *value]), series))
    colours = _colours(table, spec["by"], len(spec["y"]), len(drawn))
    named = _axis(table, spec["x"])
    joined = named is None or not named.named
    for number, (_, label, series) in enumerate(drawn):
        spread = bool(np.any(np.isfinite(series.deviation)))
        axes.errorbar(
            series.x,
            series.mean,
            yerr=np.nan_to_num(series.deviation) if spread else None,
            color=colours[number],
            marker=MARKERS[number % len(MARKERS)],
            markersize=5.5,
            capsize=3.0,
            linestyle="-" if joined else "none",
            label=label or axis_label(spec["y"][0]).partition(" (")[0],
        )
    for number, data in enumerate(spec["data"]):
        axes.plot(
            data["x"], data["y"], DATA_MARKERS[number % len(DATA_MARKERS)],
            color="black", markerfacecolor="none", markersize=6.5, label=data["name"],
        )  # fmt: skip
    axes.set_xlabel(axis_label(spec["x"]))
    unit = split_unit(spec["y"][0])[1]
    axes.set_ylabel(axis_label(f"{spec['label']} [{unit or '-'}]" if spec["label"] else spec["y"][0]))
    _scales(axes, spec["scale"])
    _marks(axes, spec, "black")
    _names_on(axes.xaxis, named)
    if len(drawn) + len(spec["data"]) > 1:
        title = axis_label(spec["by"]) if spec["by"] and len(spec["y"]) == 1 else None
        axes.legend(title=title, loc="best")
    return figure


def _colours(table: Table, by: str | None, columns: int, count: int) -> Sequence[Any]:
    """Return a colour for each line: a ramp along a numeric axis, else colours that differ."""
    axis = _axis(table, by) if by else None
    if axis is not None and not axis.named and columns == 1 and count > 2:
        return list(matplotlib.colormaps["viridis"](np.linspace(0.0, 0.88, count)))
    return [REGION_COLOURS[number % len(REGION_COLOURS)] for number in range(count)]


def _scales(axes: Axes, scale: str) -> None:
    """Make axes logarithmic, or x by its square root.

    Where less than two decades of a logarithmic axis are shown, more than the powers of ten get a number.
    """
    if scale == "root-x":
        axes.set_xlim(left=0.0)
        axes.set_xscale("function", functions=(lambda x: np.sqrt(np.maximum(x, 0.0)), np.square))
        axes.xaxis.set_major_locator(MaxNLocator(8))
    for name, along in (("x", axes.xaxis), ("y", axes.yaxis)):
        if scale not in ("log-log", f"log-{name}"):
            continue
        (axes.set_xscale if name == "x" else axes.set_yscale)("log")
        low, high = axes.get_xlim() if name == "x" else axes.get_ylim()
        if high < 100.0 * low:
            along.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            along.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            along.set_minor_formatter(NullFormatter())


def _marks(axes: Axes, spec: Spec, colour: str) -> None:
    """Mark places on the axes by dashed lines."""
    for name, draw in (("x", axes.axvline), ("y", axes.axhline)):
        for place in spec["marks"].get(name, ()):
            draw(place, color=colour, linestyle="--", linewidth=1.4)


def _names_on(along: Any, axis: Axis | None) -> None:
    """Write names in place of numbers on an axis of variants, with room at its ends."""
    if axis is not None and axis.named:
        along.set_ticks(list(axis.positions), list(axis.labels))
        (along.axes.set_xlim if along.axis_name == "x" else along.axes.set_ylim)(-0.5, len(axis.labels) - 0.5)


def _values_on(along: Any, axis: Axis) -> None:
    """Write the values of an axis at the middle of their cells, where they have room."""
    if len(axis.labels) <= MOST_LABELS:
        along.set_major_locator(FixedLocator(list(axis.positions)))
        along.set_major_formatter(FixedFormatter(list(axis.labels)))
        along.set_minor_locator(NullLocator())


def _map(table: Table, spec: Spec) -> Figure:
    """Draw a figure in colours over two axes, with lines where it has the given values."""
    across, up = table.axis(spec["x"]), table.axis(spec["y"][0])
    values = np.full((len(up.positions), len(across.positions)), np.nan)
    for series in table.series(spec["x"], spec["colour"], [up.name], _fixed(table, spec["where"])):
        for x, value in zip(series.x, series.mean, strict=True):
            column = int(np.argmin(np.abs(np.array(across.positions) - x)))
            values[series.fixed[up.name], column] = value
    columns, rows = np.argsort(across.positions), np.argsort(up.positions)
    x, y = np.array(across.positions)[columns], np.array(up.positions)[rows]
    values = values[np.ix_(rows, columns)]
    figure, axes = _coloured(x, y, values, spec)
    _values_on(axes.xaxis, across)
    _values_on(axes.yaxis, up)
    return figure


def _coloured(x: Array, y: Array, values: Array, spec: Spec) -> tuple[Figure, Axes]:
    """Draw values (y, x) in colours, with lines where they are those of the levels."""
    figure = Figure(figsize=(6.0, 4.4), layout="constrained")
    axes = figure.subplots()
    edges = [
        _edges(x, spec["scale"] in ("log-x", "log-log")),
        _edges(y, spec["scale"] in ("log-y", "log-log")),
    ]
    drawn = axes.pcolormesh(*edges, np.ma.masked_invalid(values), cmap="viridis")
    figure.colorbar(drawn, ax=axes, label=axis_label(spec["colour"]))
    if spec["levels"] and min(values.shape) > 1:
        lines = axes.contour(
            x, y, np.ma.masked_invalid(values), levels=sorted(spec["levels"]), colors="white"
        )
        axes.clabel(lines, fontsize=9)
    axes.set_xlabel(axis_label(spec["x"]))
    axes.set_ylabel(axis_label(spec["y"][0]))
    _scales(axes, spec["scale"])
    _marks(axes, spec, "red")
    return figure, axes


def _edges(centres: Array, logarithmic: bool) -> Any:
    """Return the edges of the cells around sorted centres, half-way between neighbours (in the logarithm)."""
    places = np.log(centres) if logarithmic else centres
    half = 0.5 * np.diff(places) if len(places) > 1 else np.array([0.5])
    edges = np.concatenate(
        [[places[0] - half[0]], places[:-1] + half[: len(places) - 1], [places[-1] + half[-1]]]
    )
    return np.exp(edges) if logarithmic else edges
