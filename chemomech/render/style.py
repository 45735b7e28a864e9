"""How figures look: type, colours, colour ranges, and numbers with their units in words people read."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, LinearSegmentedColormap, Normalize
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from chemomech.results.format import CRACK_RISK_ARRAY, DISPLACEMENT_ARRAY, ENERGETIC_RISK_ARRAY, split_unit

STYLE: Final[Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 10.5,
    "axes.titlesize": 10.5,
    "axes.labelsize": 11,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.formatter.use_mathtext": True,
    "axes.formatter.limits": (-3, 4),
    "legend.frameon": False,
    "legend.fontsize": 9.5,
    "lines.linewidth": 1.8,
    "xtick.direction": "out",
    "figure.facecolor": "white",
    "savefig.dpi": 200,
    "savefig.bbox": "tight",
    "savefig.pad_inches": 0.08,
}
"""matplotlib settings of every figure."""

REGION_COLOURS: Final = (
    "#4477aa",
    "#ccbb44",
    "#228833",
    "#aa3377",
    "#66ccee",
    "#ee6677",
    "#777777",
    "#bbbbbb",
)
"""Colours of regions and of their curves: Paul Tol's bright scheme, safe for colour-blind readers."""

NOWHERE: Final = "#d6d6d6"
"""Colour of the places where a field does not exist."""

RISKS: Final = (CRACK_RISK_ARRAY, ENERGETIC_RISK_ARRAY)
LOWEST_CEILING: Final = 2.0
"""Least top of the colour bar when the risk exceeds 1."""

_BELOW_ONE = ["#ffffff", "#fff3c9", "#fed976", "#fd8d3c", "#e31a1c"]
_ABOVE_ONE = ["#b10026", "#7a0031", "#3b0030"]
_MAPS = {
    "Concentration": "viridis",
    "Stoichiometry": "viridis",
    "Electronic potential": "cividis",
    "Ionic potential": "cividis",
    "Chemical potential": "cividis",
    "Displacement": "viridis",
    "Von Mises stress": "plasma",
}
_SIGNED = ("Hydrostatic stress", "Max principal stress")
_UNITS = {"um": "µm", "cm2": "cm²", "Ohm": "Ω", "ohm": "Ω", "degC": "°C", "deg": "°"}


@dataclass(frozen=True)
class Colours:
    """The colours of one field: a linear range, and whether values lie beyond it."""

    colour_map: Colormap
    low: float
    high: float
    extend: str
    label: str
    mark: float | None = None
    """A value marked on the colour bar: crack risk 1."""

    def colour_bar(self, panels: Sequence[Axes], below: bool, most: int = 5) -> None:
        """Draw the colour bar below the panels, or at the right of the last one and as high as it is.

        `most`: intervals between its ticks.
        """
        figure = panels[-1].figure
        mappable = ScalarMappable(Normalize(self.low, self.high), self.colour_map)
        ticks = MaxNLocator(most, steps=[1, 2, 2.5, 5, 10])
        if below:
            bar = figure.colorbar(
                mappable,
                ax=list(panels),
                location="bottom",
                shrink=0.6,
                aspect=36,
                extend=self.extend,
                label=self.label,
                ticks=ticks,
            )
        else:
            width = 0.045 * max(1.0, panels[-1].get_data_ratio())
            place = panels[-1].inset_axes((1.04, 0.0, width, 1.0))
            bar = figure.colorbar(mappable, cax=place, extend=self.extend, label=self.label, ticks=ticks)
        if self.mark is not None and self.low < self.mark <= self.high:
            (bar.ax.axvline if below else bar.ax.axhline)(self.mark, color="black", linewidth=1.8)


def colours_of(name: str, values: Sequence[NDArray[np.float64]]) -> Colours:
    """Choose map and range for an array, given its values in every frame that will be compared."""
    finite = [array[np.isfinite(array)] for array in values]
    joined = np.concatenate(finite) if finite else np.empty(0)
    if not joined.size:
        joined = np.zeros(1)
    low, high = float(joined.min()), float(joined.max())
    label = axis_label(name) if name != DISPLACEMENT_ARRAY else "Displacement magnitude (µm)"
    if name in RISKS:
        return _risk_colours(label, high, float(np.percentile(joined, 99)))
    # A few cells at corners and edges must not set the range for all others.
    inner_low, inner_high = (float(q) for q in np.percentile(joined, (0.3, 99.7)))
    width = max(inner_high - inner_low, 0.0)
    cut_low = low < inner_low - 0.6 * width
    cut_high = high > inner_high + 0.6 * width
    low, high = (inner_low if cut_low else low), (inner_high if cut_high else high)
    quantity = split_unit(name)[0]
    if quantity in _SIGNED and low < 0 < high:
        largest = max(-low, high)
        cut_low, cut_high = cut_low and -low == largest, cut_high and high == largest
        low, high, colour_map = -largest, largest, colormaps["RdBu_r"]
    else:
        colour_map = colormaps[_MAPS.get(quantity, "viridis")]
    if high - low <= 1e-6 * max(abs(low), abs(high)):  # uniform but for round-off
        middle = 0.5 * (low + high)
        margin = 1e-3 * abs(middle) or 1.0
        low, high = middle - margin, middle + margin
        label += ", uniform"
    extend = {(False, False): "neither", (True, False): "min", (False, True): "max", (True, True): "both"}
    return Colours(colour_map, low, high, extend[cut_low, cut_high], label)


def _risk_colours(label: str, highest: float, common: float) -> Colours:
    """White to red up to 1, dark beyond, up to what 99 % of the cells reach. Risks far below 1 never become red."""
    if highest > 1:
        ceiling = max(LOWEST_CEILING, round_up(common))
        share = 1 / ceiling
        stops = [*zip(np.linspace(0, share, len(_BELOW_ONE)), _BELOW_ONE, strict=True)]
        stops += [*zip(np.linspace(share, 1, len(_ABOVE_ONE) + 1)[1:], _ABOVE_ONE, strict=True)]
        colour_map = LinearSegmentedColormap.from_list("risk", stops, N=512)
        return Colours(colour_map, 0.0, ceiling, "max" if highest > ceiling else "neither", label, mark=1.0)
    full = LinearSegmentedColormap.from_list("risk", _BELOW_ONE, N=512)
    if highest > 0.3:
        return Colours(full, 0.0, 1.0, "neither", label, mark=1.0)
    pale = LinearSegmentedColormap.from_list("low risk", full(np.linspace(0, 0.62, 256)), N=256)
    return Colours(pale, 0.0, round_up(highest), "neither", f"{label}\n(far below 1)")


def round_up(value: float) -> float:
    """Return the next number of 1, 1.5, 2, 3, 5, 7.5 x 10^n at or above a positive value; 1 for others."""
    if not value > 0 or not math.isfinite(value):
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(power * step for step in (1, 1.5, 2, 3, 5, 7.5, 10) if power * step >= value * (1 - 1e-12))


def round_down(value: float) -> float:
    """Return the number of 1, 2, 5 x 10^n at or below a positive value; 1 for others."""
    if not value > 0 or not math.isfinite(value):
        return 1.0
    power = 10.0 ** math.floor(math.log10(value) + 1e-12)
    return next(power * step for step in (5, 2, 1) if power * step <= value * (1 + 1e-12))


def unit_text(unit: str) -> str:
    """Return "mol.m-3" as it is printed: "mol m⁻³"."""
    parts = []
    for part in re.split(r"\.(?!\d)", unit):  # m0.5 is a power
        match = re.fullmatch(r"([^\d-]+)(-?\d+(?:\.\d+)?)?", part)
        symbol, exponent = (match[1], match[2]) if match else (part, None)
        power = f"$^{{{exponent.replace('-', '−')}}}$" if exponent else ""
        parts.append(_UNITS.get(symbol, symbol) + power)
    return " ".join(parts)


def axis_label(name: str) -> str:
    """Return the label of an axis for a named quantity: "Voltage (V)"."""
    label, unit = split_unit(name)
    label = in_words(label)
    return f"{label} ({unit_text(unit)})" if unit else label


def in_words(label: str) -> str:
    """Say the places of a star: "at a_*|a_*" is "between pieces of a", "at a|b_*" "between a and pieces of b"."""
    starred = r"([\w-]+?)_\*"
    label = re.sub(rf"\bat {starred}\|\1_\*", r"between pieces of \1", label)
    if "_*" in label:
        label = re.sub(r"\bat ([\w*-]+)\|([\w*-]+)", r"between \1 and \2", label)
    return re.sub(starred, r"pieces of \1", label)


def time_unit(longest: float) -> tuple[float, str]:
    """Return the divisor and name of the unit in which a duration [s] reads best."""
    if longest >= 2 * 3600:
        return 3600.0, "h"
    return (60.0, "min") if longest >= 240 else (1.0, "s")


def time_text(seconds: float, longest: float) -> str:
    """Return a time in the unit that suits the longest time of the run."""
    divisor, unit = time_unit(longest)
    return f"{seconds / divisor:.2f} {unit}"


def prefixed(largest: float, unit: str) -> tuple[float, str]:
    """Return the factor and the unit with an SI prefix in which a value reads between 1 and 1000."""
    if not largest > 0 or not math.isfinite(largest):
        return 1.0, unit
    prefixes = {0: "", -3: "m", -6: "µ", -9: "n", -12: "p", -15: "f", -18: "a"}
    power = min(0, max(-18, 3 * math.floor(math.log10(largest) / 3)))
    return 10.0**-power, prefixes[power] + unit
