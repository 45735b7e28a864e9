"""Impedance spectra as figures: Nyquist, Bode, and what each process adds."""

import math
from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter, LogLocator
from numpy.typing import NDArray

from chemomech.render.style import STYLE, time_text, unit_text
from chemomech.results.spectra import RecordedSpectrum, with_layers

UNIT = unit_text("ohm.cm2")
SHARE_COLOURS = (
    "#4477aa",
    "#ee6677",
    "#228833",
    "#ccbb44",
    "#aa3377",
    "#66ccee",
    "#994f00",
    "#777777",
    "#000000",
    "#88ccaa",
)
"""of processes, in the order in which they are recorded"""
NEARBY = 3e-3
"""an instrument's frequency this close to a whole decade, in decades, is one"""
TALLEST = 1.0
"""height of a Nyquist figure over the width of its arcs"""
VARIES = 0.01
"""difference of stack pressures that a legend tells [MPa]"""
SEEN = 0.01
"""a share that never reaches this part of the largest one has no line"""


def spectrum_figures(spectra: Sequence[RecordedSpectrum]) -> dict[str, Figure]:
    """Return the figures of a run's spectra, by file name without ending."""
    if not spectra:
        return {}
    figures = {"nyquist": nyquist(spectra), "bode": bode(spectra)}
    if spectra[-1].shares:
        figures["impedance_shares"] = shares(spectra[-1])
    return figures


@matplotlib.rc_context(STYLE)
def nyquist(spectra: Sequence[RecordedSpectrum]) -> Figure:
    """Draw -Im Z over Re Z on equal axes, whole decades marked with their frequency."""
    figure = Figure(figsize=(6.8, 5.0), layout="constrained")
    axes = figure.subplots()
    for spectrum, colour in zip(spectra, _colours(len(spectra)), strict=True):
        z = spectrum.impedance
        axes.plot(z.real, -z.imag, color=colour, label=spectrum_name(spectrum, spectra), linewidth=1.4)
        at = decades(spectrum.frequencies)
        axes.plot(z.real[at], -z.imag[at], "o", color=colour, markersize=4.5)
    fit_axes(axes, np.concatenate([spectrum.impedance for spectrum in spectra]))
    label_decades(axes, spectra[-1].frequencies, spectra[-1].impedance)
    axes.axhline(0.0, color="#999999", linewidth=0.8, zorder=0)
    axes.set_xlabel(f"Re Z ({UNIT})")
    axes.set_ylabel(f"−Im Z ({UNIT})")
    if len(spectra) > 1:
        figure.legend(loc="outside upper left", ncols=2)
    return figure


def fit_axes(axes: Axes, z: NDArray[np.complex128]) -> None:
    """Give a Nyquist plot equal axes, cut at the top where a capacitive tail would leave nothing else to see."""
    limits = view(z)
    if limits is None:
        axes.set_aspect("equal", adjustable="datalim")
    else:
        axes.set_xlim(*limits[0])
        axes.set_ylim(*limits[1])
        axes.set_aspect("equal", adjustable="box")


def view(z: NDArray[np.complex128]) -> tuple[tuple[float, float], tuple[float, float]] | None:
    """Return the limits of a Nyquist plot where a capacitive tail is much higher than the arcs are wide, else None.

    The tail leaves the picture at the top.
    """
    left, right = float(z.real.min()), float(z.real.max())
    width = right - left
    if not np.max(-z.imag) > TALLEST * width > 0.0:
        return None
    bottom = min(0.0, float(np.min(-z.imag))) - 0.05 * width
    return (left - 0.1 * width, right + 0.25 * width), (bottom, TALLEST * width)


def decades(frequencies: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return where whole decades of frequency are met."""
    exponents = np.log10(frequencies)
    return np.flatnonzero(np.abs(exponents - np.round(exponents)) < NEARBY)


def labelled_decades(frequencies: NDArray[np.float64], z: NDArray[np.complex128]) -> list[int]:
    """Return the decades with room for a label: they crowd at the ends of arcs."""
    extent = max(min(float(np.ptp(z.real)), float(np.ptp(z.imag)) + float(np.ptp(z.real))), 1e-300)
    shown: list[int] = []
    for at in decades(frequencies)[::-1]:
        if all(abs(z[at] - z[other]) > 0.07 * extent for other in shown):
            shown.append(int(at))
    return shown


def label_decades(axes: Axes, frequencies: NDArray[np.float64], z: NDArray[np.complex128]) -> None:
    """Write the frequency beside whole decades, where there is room."""
    for at in labelled_decades(frequencies, z):
        axes.annotate(
            frequency_text(float(frequencies[at])),
            (float(z[at].real), float(-z[at].imag)),
            textcoords="offset points",
            xytext=(6, 5),
            fontsize=8.5,
            color="#444444",
            annotation_clip=True,
            bbox={"facecolor": "white", "alpha": 0.7, "linewidth": 0, "pad": 0.5},
        )


def frequency_text(frequency: float) -> str:
    """Return "10 kHz" for 1e4, and for what an instrument makes of it."""
    decade = 10.0 ** round(math.log10(frequency))
    frequency = decade if abs(math.log10(frequency / decade)) < NEARBY else frequency
    for size, prefix in ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""), (1e-3, "m"), (1e-6, "µ")):
        if frequency >= size * (1 - 1e-9):
            return f"{frequency / size:.3g} {prefix}Hz"
    return f"{frequency:.3g} Hz"


@matplotlib.rc_context(STYLE)
def bode(spectra: Sequence[RecordedSpectrum]) -> Figure:
    """Draw |Z| and the phase over frequency."""
    figure = Figure(figsize=(6.4, 5.0), layout="constrained")
    size, phase = figure.subplots(2, 1, sharex=True)
    for spectrum, colour in zip(spectra, _colours(len(spectra)), strict=True):
        z = spectrum.impedance
        size.loglog(spectrum.frequencies, np.abs(z), color=colour, label=spectrum_name(spectrum, spectra))
        phase.semilogx(spectrum.frequencies, -np.degrees(np.angle(z)), color=colour)
    size.set_ylabel(f"|Z| ({UNIT})")
    for axis_formatter in (size.yaxis.set_major_formatter, size.yaxis.set_minor_formatter):
        axis_formatter(LogFormatter(labelOnlyBase=False, minor_thresholds=(2, 0.7)))
    phase.set_ylabel("−Phase (°)")
    phase.set_xlabel("Frequency (Hz)")
    phase.xaxis.set_major_locator(LogLocator(numticks=12))
    figure.align_ylabels()
    if len(spectra) > 1:
        figure.legend(loc="outside upper left", ncols=2)
    return figure


@matplotlib.rc_context(STYLE)
def shares(spectrum: RecordedSpectrum) -> Figure:
    """Draw what each process adds to the real and the imaginary part, and their sum."""
    figure = Figure(figsize=(7.2, 5.6), layout="constrained")
    panels = figure.subplots(2, 1, sharex=True)
    for number, (name, share) in enumerate(seen_shares(spectrum).items()):
        colour = SHARE_COLOURS[number % len(SHARE_COLOURS)]
        panels[0].semilogx(spectrum.frequencies, share.real, color=colour, label=name)
        panels[1].semilogx(spectrum.frequencies, -share.imag, color=colour)
    for axes, part in zip(panels, (spectrum.impedance.real, -spectrum.impedance.imag), strict=True):
        axes.semilogx(spectrum.frequencies, part, color="black", linewidth=1.0, linestyle=(0, (4, 3)))
    panels[0].plot([], [], color="black", linewidth=1.0, linestyle=(0, (4, 3)), label="all")
    panels[0].set_ylabel(f"Part of Re Z ({UNIT})")
    panels[1].set_ylabel(f"Part of −Im Z ({UNIT})")
    panels[1].set_xlabel("Frequency (Hz)")
    panels[1].xaxis.set_major_locator(LogLocator(numticks=12))
    figure.align_ylabels()
    figure.legend(loc="outside upper left", ncols=2)
    return figure


def seen_shares(spectrum: RecordedSpectrum) -> dict[str, NDArray[np.complex128]]:
    """Return the shares that are large enough to be drawn, each double layer with its charge transfer."""
    joined = with_layers(spectrum.shares)
    largest = max(float(np.max(np.abs(share))) for share in joined.values())
    return {name: share for name, share in joined.items() if np.max(np.abs(share)) > SEEN * largest}


def _colours(count: int) -> Sequence[object]:
    return list(matplotlib.colormaps["viridis"](np.linspace(0.0, 0.85, count)))


def spectrum_name(spectrum: RecordedSpectrum, spectra: Sequence[RecordedSpectrum]) -> str:
    """Return when and where in the run a spectrum was taken, and its pressure where pressures differ."""
    name = f"{time_text(spectrum.time, spectra[-1].time)}, {spectrum.voltage:.3f} V"
    if max(s.pressure for s in spectra) - min(s.pressure for s in spectra) > VARIES:
        name += f", {spectrum.pressure:.3g} MPa"
    return name
