"""Curves one can point at: the traces and layouts of plotly, as plain values; `embedding` puts them into a page.

Every text that may come from a case is escaped, for plotly reads a part of HTML in its labels.
"""

import html
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import matplotlib
import numpy as np
from matplotlib.colors import to_hex
from numpy.typing import NDArray

from chemomech.render.curves import CURRENT_COLOUR, VOLTAGE_COLOUR, charge_passed, recorded
from chemomech.render.spectra import (
    SHARE_COLOURS,
    UNIT,
    decades,
    frequency_text,
    labelled_decades,
    seen_shares,
    spectrum_name,
    view,
)
from chemomech.render.style import axis_label, time_unit, unit_text
from chemomech.results.format import CURRENT_DENSITY, CYCLE, STEP, TIME, VOLTAGE
from chemomech.results.relaxation import RecordedRelaxation
from chemomech.results.spectra import RecordedSpectrum
from chemomech.results.voltammetry import Sweep

type Array = NDArray[np.float64]
type History = Mapping[str, Array]
type Values = dict[str, Any]

FONT: Final = {"family": "system-ui, sans-serif", "size": 14, "color": "#1b1b1b"}
DIGITS: Final = 8
"""of the numbers in the page"""
AXIS: Final[Values] = {
    "showline": True,
    "linecolor": "#444444",
    "ticks": "outside",
    "zeroline": False,
    "gridcolor": "#eeeeee",
    "exponentformat": "power",
    "automargin": True,
}
LOGARITHMIC: Final[Values] = AXIS | {"type": "log", "dtick": 1}
UPPER, LOWER = (0.56, 1.0), (0.0, 0.44)
"""panels one above the other, as parts of the height"""
MOST_NAMES: Final = 8
"""of curves in a legend"""
GREY: Final = "#999999"


@dataclass(frozen=True)
class Chart:
    """A figure of plotly under the name of the picture it stands in for."""

    name: str
    data: list[Values]
    layout: Values


def run_charts(history: History) -> list[Chart]:
    """Return the curves of a history: voltage and current over time, voltage over charge."""
    times = history.get(TIME, np.empty(0))
    if times.size < 2 or times[0] == times[-1] or not recorded(history, VOLTAGE):
        return []
    return [chart for chart in (_voltage_current(history), _voltage_capacity(history)) if chart is not None]


def _voltage_current(history: History) -> Chart:
    divisor, unit = time_unit(float(history[TIME][-1]))
    x = _numbers(history[TIME] / divisor)
    place = _places(history)
    axis = AXIS | {"title": {"text": f"Time ({unit})"}}
    data = [
        _line("Voltage", x, history[VOLTAGE], VOLTAGE_COLOUR, f"%{{y:.5g}} V at %{{x:.5g}} {unit}", place)
    ]
    axes = {"xaxis": axis, "yaxis": _axis(VOLTAGE)}
    if recorded(history, CURRENT_DENSITY):
        hover = f"%{{y:.5g}} mA cm<sup>−2</sup> at %{{x:.5g}} {unit}"
        below = _line("Current", x, history[CURRENT_DENSITY], CURRENT_COLOUR, hover, place)
        data.append(below | {"yaxis": "y2"})
        axes = {
            "xaxis": axis | {"anchor": "y2"},
            "yaxis": _axis(VOLTAGE, UPPER),
            "yaxis2": _axis(CURRENT_DENSITY, LOWER),
        }
    return Chart("voltage_current", data, _layout(**axes) | {"showlegend": False})


def _voltage_capacity(history: History) -> Chart | None:
    passed = charge_passed(history)
    if passed is None:
        return None
    charge, label = passed
    cycles = history.get(CYCLE, np.ones(len(charge)))
    numbers = np.unique(cycles[np.isfinite(cycles)])
    data = []
    shown = _in_legend(len(numbers))
    for place, (number, colour) in enumerate(zip(numbers, _shades(len(numbers)), strict=True)):
        rows = np.flatnonzero(cycles == number)
        rows = np.r_[rows[:1] - 1, rows] if rows[0] > 0 else rows  # no gap between cycles
        hover = f"cycle {number:g}: %{{y:.5g}} V"
        line = _line(f"cycle {number:g}", _numbers(charge[rows]), history[VOLTAGE][rows], colour, hover)
        data.append(line | {"showlegend": place in shown})
    axis = AXIS | {"title": {"text": markup(label)}}
    layout = _layout(xaxis=axis, yaxis=_axis(VOLTAGE)) | {"showlegend": len(numbers) > 1}
    return Chart("voltage_capacity", data, layout)


def spectrum_charts(spectra: Sequence[RecordedSpectrum]) -> list[Chart]:
    """Return Nyquist and Bode plots of a run's spectra, and what each process adds to the last."""
    if not spectra:
        return []
    named = [
        Curve(spectrum_name(s, spectra), s.frequencies, s.impedance, colour)
        for s, colour in zip(spectra, _shades(len(spectra)), strict=True)
    ]
    charts = [nyquist(named, UNIT), bode(named, UNIT)]
    return [*charts, _shares(spectra[-1])] if spectra[-1].shares else charts


@dataclass(frozen=True)
class Curve:
    """A spectrum to be drawn, as a line or, where it was measured, as points."""

    name: str
    frequencies: Array
    impedance: NDArray[np.complex128]
    colour: str
    points: bool = False


def nyquist(curves: Sequence[Curve], unit: str) -> Chart:
    """Draw -Im Z over Re Z on equal axes; whole decades are dots, those of the last curve with their frequency."""
    data, named = [], _in_legend(len(curves))
    furthest = max(float(np.nanmax(curve.impedance.real)) for curve in curves)
    for number, curve in enumerate(curves):
        z = curve.impedance
        hover = f"%{{customdata}}<br>Re Z = %{{x:.5g}} {markup(unit)}<br>−Im Z = %{{y:.5g}} {markup(unit)}"
        line = _line(curve.name, _numbers(z.real), -z.imag, curve.colour, hover)
        line |= {"mode": "markers" if curve.points else "lines", "showlegend": number in named}
        data.append(line | {"customdata": [frequency_text(float(f)) for f in curve.frequencies]})
        at = decades(curve.frequencies)
        shown = labelled_decades(curve.frequencies, z) if curve is curves[-1] else []
        words = [frequency_text(float(f)) for f in curve.frequencies[at]]
        data.append(
            {
                "type": "scatter",
                "mode": "markers+text",
                "x": _numbers(z.real[at]),
                "y": _numbers(-z.imag[at]),
                "text": [word if place in shown else "" for place, word in zip(at, words, strict=True)],
                # inside the picture at its right end
                "textposition": [f"top {'left' if x > 0.85 * furthest else 'right'}" for x in z.real[at]],
                "textfont": {"size": 11, "color": "#444444"},
                "customdata": words,
                "hovertemplate": f"<b>{hover}</b><extra></extra>",
                "marker": {"color": curve.colour, "size": 8},
                "showlegend": False,
                "cliponaxis": True,
            }
        )
    limits = view(np.concatenate([curve.impedance for curve in curves]))
    x = AXIS | {"title": {"text": f"Re Z ({markup(unit)})"}, "constrain": "domain"}
    y = AXIS | {"title": {"text": f"−Im Z ({markup(unit)})"}, "scaleanchor": "x", "scaleratio": 1}
    y |= {"zeroline": True, "zerolinecolor": GREY, "constrain": "domain"}
    if limits is not None:
        x, y = x | {"range": list(limits[0])}, y | {"range": list(limits[1])}
    return Chart("nyquist", data, _layout(xaxis=x, yaxis=y) | {"showlegend": len(curves) > 1})


def bode(curves: Sequence[Curve], unit: str) -> Chart:
    """Draw |Z| and the phase over frequency."""
    data, named = [], _in_legend(len(curves))
    for number, curve in enumerate(curves):
        x, mode = _numbers(curve.frequencies), {"mode": "markers" if curve.points else "lines"}
        said = [frequency_text(float(f)) for f in curve.frequencies]
        size = f"%{{customdata}}<br>|Z| = %{{y:.5g}} {markup(unit)}"
        top = _line(curve.name, x, np.abs(curve.impedance), curve.colour, size, said)
        phase = -np.degrees(np.angle(curve.impedance))
        low = _line(curve.name, x, phase, curve.colour, "%{customdata}<br>−phase = %{y:.4g}°", said)
        top |= {"showlegend": number in named}
        data += [top | mode, low | mode | {"yaxis": "y2", "showlegend": False}]
    layout = _layout(
        xaxis=_frequency_axis(),
        yaxis=AXIS | {"type": "log", "title": {"text": f"|Z| ({markup(unit)})"}, "domain": list(UPPER)},
        yaxis2=AXIS | {"title": {"text": "−Phase (°)"}, "domain": list(LOWER)},
    )
    return Chart("bode", data, layout | {"showlegend": len(curves) > 1})


def _shares(spectrum: RecordedSpectrum) -> Chart:
    x, said = _numbers(spectrum.frequencies), [frequency_text(float(f)) for f in spectrum.frequencies]
    data = []
    rows = [*seen_shares(spectrum).items(), ("all", spectrum.impedance)]
    for number, (name, share) in enumerate(rows):
        colour = SHARE_COLOURS[number % len(SHARE_COLOURS)] if name != "all" else "#000000"
        for part, values, axis in (("Re", share.real, "y"), ("−Im", -share.imag, "y2")):
            hover = f"%{{customdata}}<br>{part} = %{{y:.5g}} {markup(UNIT)}"
            line = _line(name, x, values, colour, hover, said)
            line |= {"yaxis": axis, "legendgroup": html.escape(name), "showlegend": axis == "y"}
            data.append(
                line | {"line": {"color": colour, "width": 2, "dash": "dash" if name == "all" else "solid"}}
            )
    layout = _layout(
        xaxis=_frequency_axis(),
        yaxis=AXIS | {"title": {"text": f"Part of<br>Re Z ({markup(UNIT)})"}, "domain": list(UPPER)},
        yaxis2=AXIS | {"title": {"text": f"Part of<br>−Im Z ({markup(UNIT)})"}, "domain": list(LOWER)},
    )
    return Chart("impedance_shares", data, layout)


def relaxation(found: RecordedRelaxation) -> Chart:
    """Draw the distribution of relaxation times and that of the fitted arcs, their owners named."""
    unit = markup(unit_text(found.unit))
    x = _numbers(found.times)
    hover = f"%{{x:.4g}} s<br>%{{y:.5g}} {unit}"
    fill = {"fill": "tozeroy", "fillcolor": "rgba(68,119,170,0.25)"}
    fitted = _line("fitted arcs", x, found.arcs, "#ee6677", hover)
    data = [
        _line("regularised", x, found.density, "#4477aa", hover) | fill,
        fitted | {"line": {"color": "#ee6677", "width": 2, "dash": "dash"}},
    ]
    for number, (arc, top) in enumerate(found.inside(), start=1):
        words = f"{number}: {arc.time:.3g} s, {arc.resistance:.4g} {unit}"
        words += f", {html.escape(arc.owner)}" if arc.owner else ""
        mark = _line(words, [arc.time], np.array([top]), "#444444", words)
        data.append(
            mark
            | {"mode": "markers+text", "text": [f"{number}"], "textposition": "top center", "name": words}
        )
    axis = LOGARITHMIC | {
        "title": {"text": "Relaxation time (s)"},
        "range": [float(np.log10(limit)) for limit in found.window],
    }
    height = AXIS | {"title": {"text": f"Distribution ({unit})"}, "range": [found.floor, found.ceiling]}
    return Chart("drt", data, _layout(xaxis=axis, yaxis=height))


def voltammogram(sweeps: Sequence[Sweep]) -> Chart:
    """Draw current over voltage, each cycle in its colour, with its peaks."""
    cycles = sorted({sweep.cycle for sweep in sweeps})
    colours = dict(zip(cycles, _shades(len(cycles)), strict=True))
    data: list[Values] = []
    named: set[int] = set()
    hover = "%{x:.5g} V<br>%{y:.5g} mA cm<sup>−2</sup>"
    for sweep in sweeps:
        name = f"cycle {sweep.cycle}"
        line = _line(name, _numbers(sweep.voltage), sweep.density, colours[sweep.cycle], f"{name}<br>{hover}")
        data.append(line | {"legendgroup": name, "showlegend": sweep.cycle not in named})
        named.add(sweep.cycle)
        peaks = sweep.peaks
        x, y = [peak.voltage for peak in peaks], np.array([peak.density for peak in peaks])
        dots = _line(name, x, y, colours[sweep.cycle], f"peak<br>{hover}")
        dots |= {"mode": "markers", "marker": {"color": colours[sweep.cycle], "size": 9}}
        data += [dots | {"legendgroup": name, "showlegend": False}] if peaks else []
    current = _axis(CURRENT_DENSITY) | {"zeroline": True, "zerolinecolor": GREY}
    layout = _layout(xaxis=_axis(VOLTAGE), yaxis=current)
    return Chart("voltammogram", data, layout | {"showlegend": len(cycles) > 1})


def markup(text: str) -> str:
    """Return a label of matplotlib's as plotly reads it: "cm$^{−2}$" becomes "cm<sup>−2</sup>", all else escaped."""
    return re.sub(r"\$\^\{([^}]*)\}\$", r"<sup>\1</sup>", html.escape(text))


def _line(
    name: str, x: Sequence[float | None], y: Array, colour: str, hover: str, said: Sequence[str] | None = None
) -> Values:
    line: Values = {
        "type": "scatter",
        "mode": "lines",
        "name": html.escape(name) if "<sup>" not in name else name,
        "x": list(x),
        "y": _numbers(y),
        "line": {"color": colour, "width": 2},
        "marker": {"color": colour, "size": 6},
        "hovertemplate": f"{hover}<extra></extra>",
    }
    return line if said is None else line | {"customdata": list(said)}


def _places(history: History) -> list[str]:
    if CYCLE not in history or STEP not in history:
        return [""] * len(history[TIME])
    pairs = zip(history[CYCLE], history[STEP], strict=True)
    return [f"cycle {cycle:g}, step {step:g}" for cycle, step in pairs]


def _frequency_axis() -> Values:
    return LOGARITHMIC | {"title": {"text": "Frequency (Hz)"}, "anchor": "y2"}


def _axis(name: str, domain: tuple[float, float] | None = None) -> Values:
    axis = AXIS | {"title": {"text": markup(axis_label(name))}}
    return axis if domain is None else axis | {"domain": list(domain)}


def _layout(**axes: Values) -> Values:
    # titles are of the size of all else
    said = {"font": {"size": FONT["size"]}, "standoff": 8}
    titled = {name: axis | {"title": axis.get("title", {}) | said} for name, axis in axes.items()}
    return {
        "font": FONT,
        "margin": {"l": 70, "r": 20, "t": 20, "b": 60},
        "hovermode": "closest",
        "plot_bgcolor": "white",
        "paper_bgcolor": "white",
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0.0},
        **titled,
    }


def _in_legend(count: int) -> list[int]:
    # Of many curves in a ramp of colours five are named, both ends among them: more leave the curves no room.
    return list(range(count)) if count <= MOST_NAMES else [round(n) for n in np.linspace(0, count - 1, 5)]


def _shades(count: int) -> list[str]:
    return [to_hex(colour) for colour in matplotlib.colormaps["viridis"](np.linspace(0.0, 0.85, count))]


def _numbers(values: Iterable[float]) -> list[float | None]:
    # JSON knows no nan; digits that nobody can see would double the size of the page.
    return [float(f"{v:.{DIGITS}g}") if math.isfinite(v) else None for v in values]
