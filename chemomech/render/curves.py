"""Curves from history.csv. Each function returns a figure, or None when what it shows is not recorded."""

from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from chemomech.render.style import REGION_COLOURS, STYLE, axis_label, prefixed, time_unit
from chemomech.results.format import (
    CAPACITY,
    CHARGE_CAPACITY,
    CHARGE_ERROR,
    COULOMBIC_EFFICIENCY,
    CURRENT,
    CURRENT_DENSITY,
    CYCLE,
    DISCHARGE_CAPACITY,
    LITHIUM_ERROR,
    SALT_ARRAY,
    SALT_ERROR,
    STACK_PRESSURE,
    TIME,
    VOLTAGE,
    region_column,
    split_unit,
)

Array = NDArray[np.float64]
History = Mapping[str, Array]

VOLTAGE_COLOUR = "#332288"
CURRENT_COLOUR = "#117733"


def recorded(history: History, name: str) -> bool:
    """Say whether a column holds at least two numbers."""
    return name in history and int(np.isfinite(history[name]).sum()) >= 2


def _figure(rows: int = 1, height: float = 3.6, width: float = 6.4) -> tuple[Figure, list[Axes]]:
    """Return a figure of panels above one another with a common horizontal axis."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, list(figure.subplots(rows, 1, sharex=True, squeeze=False)[:, 0])


def _times(history: History, axes: Axes) -> Array:
    """Return the times in the unit that suits them and label the axis."""
    times = history[TIME]
    divisor, unit = time_unit(float(times[-1]))
    axes.set_xlabel(f"Time ({unit})")
    axes.set_xlim(float(times[0]) / divisor, max(float(times[-1]), float(times[0]) + 1e-12) / divisor)
    return times / divisor


def _per_region(axes: Axes, history: History, quantity: str, regions: Sequence[str], times: Array) -> bool:
    """Draw a quantity for each region that has it; say whether there was one."""
    drawn = False
    for number, region in enumerate(regions):
        name = region_column(quantity, region)
        if recorded(history, name):
            axes.plot(times, history[name], color=_colour(number), label=region)
            drawn = True
    return drawn


def _colour(number: int) -> str:
    """Return the colour of a region, the same in all figures."""
    return REGION_COLOURS[number % len(REGION_COLOURS)]


@matplotlib.rc_context(STYLE)
def voltage_and_current(history: History) -> Figure | None:
    """Draw cell voltage and current (per area where recorded) against time."""
    if not recorded(history, VOLTAGE):
        return None
    density = recorded(history, CURRENT_DENSITY)
    name = CURRENT_DENSITY if density else CURRENT
    figure, panels = _figure(2 if recorded(history, name) else 1, height=4.4)
    times = _times(history, panels[-1])
    panels[0].plot(times, history[VOLTAGE], color=VOLTAGE_COLOUR)
    panels[0].set_ylabel(axis_label(VOLTAGE))
    if len(panels) > 1:
        values = history[name]
        label = axis_label(name)
        if not density:
            factor, unit = prefixed(float(np.nanmax(np.abs(values))), "A")
            values, label = values * factor, f"Current ({unit})"
        panels[1].axhline(0, color="#999999", linewidth=0.8)
        panels[1].plot(times, values, color=CURRENT_COLOUR)
        panels[1].set_ylabel(label.replace("Current density", "Current"))
        panels[1].margins(y=0.12)
        figure.align_ylabels()
    return figure


@matplotlib.rc_context(STYLE)
def voltage_and_capacity(history: History) -> Figure | None:
    """Draw cell voltage against the charge passed, per area where the current density gives the area."""
    passed = charge_passed(history) if recorded(history, VOLTAGE) else None
    if passed is None:
        return None
    capacity, label = passed
    figure, (axes,) = _figure(height=3.9, width=5.4)
    cycles = history.get(CYCLE, np.ones(len(capacity)))
    numbers = np.unique(cycles[np.isfinite(cycles)])
    colours = matplotlib.colormaps["viridis"](np.linspace(0.0, 0.85, len(numbers)))
    for number, colour in zip(numbers, colours, strict=True):
        rows = np.flatnonzero(cycles == number)
        rows = np.r_[rows[:1] - 1, rows] if rows[0] > 0 else rows  # no gap between cycles
        axes.plot(capacity[rows], history[VOLTAGE][rows], color=colour, label=f"{number:g}")
    if len(numbers) > 1:
        few = np.unique(np.linspace(0, len(numbers) - 1, min(len(numbers), 6)).astype(int))
        handles, labels = axes.get_legend_handles_labels()
        axes.legend([handles[i] for i in few], [labels[i] for i in few], title="Cycle")
    axes.set_xlabel(label)
    axes.set_ylabel(axis_label(VOLTAGE))
    return figure


def charge_passed(history: History) -> tuple[Array, str] | None:
    """Return the charge passed and its label, per area when an area follows; None where no charge passed."""
    if not recorded(history, CAPACITY) or not np.nanmax(np.abs(history[CAPACITY])) > 0:
        return None
    capacity = history[CAPACITY]
    if recorded(history, CURRENT) and recorded(history, CURRENT_DENSITY):
        current, density = history[CURRENT], history[CURRENT_DENSITY]
        flowing = np.isfinite(current) & np.isfinite(density) & (np.abs(density) > 0) & (current != 0)
        if np.any(flowing):
            square_centimetres = float(np.median(1e3 * current[flowing] / density[flowing]))
            return 1e3 * capacity / square_centimetres, "Charge passed (mAh cm$^{-2}$)"
    factor, unit = prefixed(float(np.nanmax(np.abs(capacity))), "Ah")
    return capacity * factor, f"Charge passed ({unit})"


@matplotlib.rc_context(STYLE)
def stresses(history: History, regions: Sequence[str]) -> Figure | None:
    """Draw the largest von Mises and principal stress of each region against time."""
    quantities = [
        quantity
        for quantity in ("Max von Mises", "Max principal stress", "P99 principal stress")
        if any(recorded(history, region_column(quantity, region)) for region in regions)
    ]
    if not quantities:
        return None
    figure, panels = _figure(len(quantities), height=1.4 + 1.9 * len(quantities))
    times = _times(history, panels[-1])
    for axes, quantity in zip(panels, quantities, strict=True):
        _per_region(axes, history, quantity, regions, times)
        axes.set_ylabel(f"{quantity.removesuffix(' stress')} (MPa)")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=4)
    figure.align_ylabels()
    return figure


@matplotlib.rc_context(STYLE)
def stack_pressure(history: History) -> Figure | None:
    """Draw the stack pressure against time."""
    if not recorded(history, STACK_PRESSURE) or not np.nanmax(np.abs(history[STACK_PRESSURE])) > 0:
        return None
    figure, (axes,) = _figure(height=3.0)
    axes.plot(_times(history, axes), history[STACK_PRESSURE], color="#882255")
    axes.set_ylabel(axis_label(STACK_PRESSURE))
    middle, spread = float(np.nanmean(history[STACK_PRESSURE])), float(np.nanstd(history[STACK_PRESSURE]))
    if spread < 1e-6 * max(abs(middle), 1e-6):  # constant: no round-off on display
        axes.set_ylim(middle - max(0.5 * abs(middle), 0.5), middle + max(0.5 * abs(middle), 0.5))
    return figure


def stoichiometry(history: History, regions: Sequence[str]) -> Figure | None:
    """Draw the mean stoichiometry of each region against time, in a band from its least to its largest."""
    return _band(history, regions, "stoichiometry", "Stoichiometry")


def salt(history: History, regions: Sequence[str]) -> Figure | None:
    """Draw the mean salt concentration of each region against time, in a band from its least to its largest."""
    return _band(history, regions, "salt concentration", axis_label(SALT_ARRAY))


@matplotlib.rc_context(STYLE)
def _band(history: History, regions: Sequence[str], quantity: str, label: str) -> Figure | None:
    """Draw the mean of a quantity in each region against time, in a band from its least to its largest."""
    having = [n for n, r in enumerate(regions) if recorded(history, region_column(f"Mean {quantity}", r))]
    if not having:
        return None
    figure, (axes,) = _figure()
    times = _times(history, axes)
    for number in having:
        region = regions[number]
        low, high = (history.get(region_column(f"{end} {quantity}", region)) for end in ("Min", "Max"))
        if low is not None and high is not None:
            axes.fill_between(times, low, high, color=_colour(number), alpha=0.22, linewidth=0)
        mean = history[region_column(f"Mean {quantity}", region)]
        axes.plot(times, mean, color=_colour(number), label=f"{region}: mean, band from least to largest")
    axes.set_ylabel(label)
    figure.legend(loc="outside upper left")
    return figure


@matplotlib.rc_context(STYLE)
def crack_risks(history: History, regions: Sequence[str]) -> Figure | None:
    """Draw the largest crack risk of each region against time, with the line 1 where a crack is expected."""
    figure, (axes,) = _figure()
    times = _times(history, axes)
    drawn = _per_region(axes, history, "Crack risk", regions, times)
    for number, region in enumerate(regions):
        name = region_column("Energetic crack risk", region)
        if recorded(history, name):
            axes.plot(
                times, history[name], color=_colour(number), linestyle="--", label=f"{region}, energetic"
            )
            drawn = True
    if not drawn:
        return None
    highest = max(
        float(np.nanmax(np.asarray(line.get_ydata(), dtype=float), initial=0.0)) for line in axes.lines
    )
    axes.set_ylim(0, 1.08 * max(highest, 1.0))
    axes.axhspan(1, max(1.08 * highest, 1.08), color="#e31a1c", alpha=0.08, linewidth=0)
    axes.axhline(1, color="#e31a1c", linewidth=1.2, linestyle=(0, (5, 3)))
    axes.set_ylabel("Largest crack risk")
    figure.legend(loc="outside upper left", ncols=3)
    return figure


@matplotlib.rc_context(STYLE)
def balance_errors(history: History) -> Figure | None:
    """Draw the relative errors of the lithium, charge and salt balances against time, logarithmic."""
    names = [name for name in (LITHIUM_ERROR, CHARGE_ERROR, SALT_ERROR) if recorded(history, name)]
    sizes = {name: np.abs(history[name]) for name in names}
    sizes = {name: np.where(size > 0, size, np.nan) for name, size in sizes.items()}
    sizes = {name: size for name, size in sizes.items() if np.any(np.isfinite(size))}
    if not sizes:
        return None
    figure, (axes,) = _figure(height=3.2)
    times = _times(history, axes)
    for (name, size), colour in zip(sizes.items(), ("#4477aa", "#ee6677", "#228833"), strict=False):
        axes.semilogy(
            times, size, color=colour, marker=".", markersize=4, linewidth=1, label=name.split(" ")[0]
        )
    axes.set_ylabel("Relative balance error")
    figure.legend(loc="outside upper left", ncols=3)
    return figure


@matplotlib.rc_context(STYLE)
def cycles(table: History) -> Figure | None:
    """Draw charge and discharge capacity, and the coulombic efficiency, against the cycle number."""
    if not (recorded(table, CYCLE) and recorded(table, DISCHARGE_CAPACITY)):
        return None
    two = recorded(table, COULOMBIC_EFFICIENCY)
    figure, panels = _figure(2 if two else 1, height=4.6 if two else 3.4)
    number = table[CYCLE]
    factor, unit = prefixed(float(np.nanmax(table[DISCHARGE_CAPACITY])), "Ah")
    for name, colour, mark in (
        (CHARGE_CAPACITY, CURRENT_COLOUR, "^"),
        (DISCHARGE_CAPACITY, VOLTAGE_COLOUR, "v"),
    ):
        if recorded(table, name):
            label = name.partition(" ")[0].lower()
            panels[0].plot(number, table[name] * factor, color=colour, marker=mark, markersize=4, label=label)
    panels[0].set_ylabel(f"Capacity ({unit})")
    panels[0].legend()
    if two:
        panels[1].plot(
            number, 100 * table[COULOMBIC_EFFICIENCY], color="#882255", marker=".", markersize=6, linewidth=1
        )
        panels[1].set_ylabel("Coulombic efficiency (%)")
        figure.align_ylabels()
    panels[-1].set_xlabel("Cycle")
    panels[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


@matplotlib.rc_context(STYLE)
def interphase_thickness(history: History) -> Figure | None:
    """Draw the mean thickness of every layer that grows against the square root of time: diffusion is a line."""
    drawn = [
        name
        for name in history
        if name.startswith(("Mean interphase thickness", "Mean interdiffusion thickness"))
        and recorded(history, name)
    ]
    if not drawn:
        return None
    figure, (axes,) = _figure()
    root = np.sqrt(history[TIME] / 3600.0)
    for number, name in enumerate(drawn):
        label = split_unit(name)[0].removeprefix("Mean ").replace(" thickness", "")
        axes.plot(root, history[name], color=_colour(number), label=label)
    axes.set_xlabel("Square root of time (h$^{1/2}$)")
    axes.set_xlim(0.0, max(float(root[-1]), 1e-12))
    axes.set_ylabel("Mean thickness (nm)")
    axes.set_ylim(bottom=0.0)
    figure.legend(loc="outside upper left", ncols=2)
    return figure


def all_curves(history: History, regions: Sequence[str], table: History) -> dict[str, Figure]:
    """Return every figure that the history and the table of cycles allow, by file name without ending."""
    times = history.get(TIME, np.empty(0))
    if times.size < 2 or times[0] == times[-1]:
        return {}
    figures = {
        "voltage_current": voltage_and_current(history),
        "voltage_capacity": voltage_and_capacity(history),
        "crack_risk_time": crack_risks(history, regions),
        "stress_time": stresses(history, regions),
        "stack_pressure": stack_pressure(history),
        "stoichiometry_time": stoichiometry(history, regions),
        "salt_time": salt(history, regions),
        "cycles": cycles(table),
        "interphase_thickness": interphase_thickness(history),
        "balance_errors": balance_errors(history),
    }
    return {name: figure for name, figure in figures.items() if figure is not None}
