"""Diffusivities from the titration pulses of a results folder or of a measured table."""

import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from chemomech.analysis.gitt import SHORT, Pulse, Shape, pulses
from chemomech.errors import InputError, Problem
from chemomech.render.titration import titration_figure
from chemomech.results import format as names
from chemomech.results.read import open_results
from chemomech.results.write import write_text

type Array = npt.NDArray[np.float64]

SECONDS: Final = {"s": 1.0, "sec": 1.0, "min": 60.0, "h": 3600.0, "hr": 3600.0}
COLUMNS: Final = {
    "time": re.compile(r"\W*(test.?)?time", re.IGNORECASE),
    "voltage": re.compile(r"\W*(voltage|potential|ewe|ecell|e\b|u\b)", re.IGNORECASE),
    "current": re.compile(r"\W*(current(?!.*density)|i\b)", re.IGNORECASE),
}
"""how the columns of a measured table may begin"""
UM2_IN_M2: Final = 1e-12


@dataclass(frozen=True)
class Titration:
    """What is evaluated: curves over time, where they are from, and V/S where a run knows it."""

    time: Array
    """[s]"""
    voltage: Array
    current: Array
    stoichiometry: Array | None = None
    length: float | None = None
    """volume of the active region over the surface through which lithium enters [um]"""


def evaluate(path: Path, output: Path, shape: Shape | None, size: float | None, region: str | None) -> str:
    """Write gitt.csv and gitt.png into a folder; return what to say.

    `size` [um] is the thickness of a plane or the radius of a sphere; without it V/S is that of the run.
    """
    data = _of_run(path, region) if path.is_dir() else _measured(path)
    if size is not None and shape is None:
        raise InputError(Problem("--size", "whose size is not said", "give --shape plane or --shape sphere"))
    length = data.length if size is None else size / (3.0 if shape == "sphere" else 1.0)
    if length is None:
        what = "the size of the particles is not known"
        raise InputError(Problem(str(path), what, 'give --shape sphere --size "5 um", or --shape plane'))
    found = pulses(data.time, data.voltage, data.current)
    if not found:
        remedy = (
            'write a protocol such as "Repeat 20 times: Discharge at C/10 for 10 minutes; Rest for 1 hour"'
        )
        raise InputError(Problem(str(path), "has no pulse of current between two rests", remedy))
    short = np.array([one.weppner_huggins(length) for one in found])
    exact = np.array([np.nan if shape is None else one.diffusivity(length, shape) for one in found])
    middle = None
    if data.stoichiometry is not None:
        theta = data.stoichiometry
        middle = np.array([0.5 * (theta[one.first] + theta[one.end]) for one in found])
    rested = np.array([one.rested + 0.5 * one.steady for one in found])
    output.mkdir(parents=True, exist_ok=True)
    write_text(output / "gitt.csv", _table(found, length, short, exact, middle))
    series = {"short-time formula": short * UM2_IN_M2}
    if shape is not None:
        series[f"exact profile, {shape}"] = exact * UM2_IN_M2
    along = ("Stoichiometry (-)", middle) if middle is not None else ("Rested voltage (V)", rested)
    titration_figure(*along, series).savefig(output / "gitt.png", dpi=200)
    return _said(found, length, short, exact, shape)


def _table(found: tuple[Pulse, ...], length: float, short: Array, exact: Array, middle: Array | None) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    columns = ["Pulse [-]", "Begin [s]", "Duration [s]", "Rested voltage [V]", "Jump [V]"]
    columns += ["Transient change [V]", "Steady change [V]", "Mean stoichiometry [-]"]
    columns += ["Diffusivity by the short-time formula [m2.s-1]", "Diffusivity by the exact profile [m2.s-1]"]
    writer.writerow([*columns, "Duration over diffusion time [-]"])
    for at, one in enumerate(found):
        best = exact[at] if np.isfinite(exact[at]) else short[at]
        values = [one.begin, one.duration, one.rested, one.jump, one.transient, one.steady]
        values += [np.nan if middle is None else middle[at], short[at] * UM2_IN_M2, exact[at] * UM2_IN_M2]
        writer.writerow(
            [
                at + 1,
                *(f"{v:.9g}" if np.isfinite(v) else "" for v in values),
                f"{best * one.duration / length**2:.4g}",
            ]
        )
    return buffer.getvalue()


def _said(found: tuple[Pulse, ...], length: float, short: Array, exact: Array, shape: Shape | None) -> str:
    best = short if shape is None else exact
    lines = [f"{len(found)} pulses, V/S = {length:.4g} um"]
    series = [("short-time formula", short)]
    series += [] if shape is None else [(f"exact profile of a {shape}", exact)]
    for word, values in series:
        known = values[np.isfinite(values)]
        if len(known):
            low, mean, high = (
                v * UM2_IN_M2 for v in (known.min(), np.exp(np.mean(np.log(known))), known.max())
            )
            lines.append(f"D by the {word}: {low:.3g} to {high:.3g} m2/s, geometric mean {mean:.3g} m2/s")
    reach = max(
        (d * one.duration / length**2 for d, one in zip(best, found, strict=True) if d > 0.0), default=0.0
    )
    if reach > SHORT and shape != "plane":
        lines.append(
            f"D tau/(V/S)^2 is up to {reach:.2g}: the short-time formula wants it far below 1"
            + ("" if shape else "; --shape sphere or plane takes the exact profile")
        )
    lost = int(np.sum(~np.isfinite(exact))) if shape else 0
    if lost:
        lines.append(
            f"{lost} pulses fit no diffusivity of a {shape}: is the rest complete, the jump only resistance?"
        )
    return "\n".join(lines)


def _of_run(path: Path, region: str | None) -> Titration:
    results = open_results(path)
    surfaces = results.run.get("surfaces", {})
    if region is not None and region not in surfaces:
        remedy = f"active are {', '.join(surfaces) or 'none'}"
        raise InputError(Problem("--region", f"there is no active region '{region}'", remedy))
    if region is None and len(surfaces) > 1:
        raise InputError(
            Problem(str(path), "has several active regions", f"choose by --region {next(iter(surfaces))}")
        )
    chosen = region or next(iter(surfaces), None)
    history = results.history
    length, theta = None, None
    if chosen is not None:
        place = surfaces[chosen]
        length = place["volume"] / place["surface"] if place["surface"] > 0.0 else None
        theta = history.get(names.region_column("Mean stoichiometry", chosen))
    return Titration(history[names.TIME], history[names.VOLTAGE], history[names.CURRENT], theta, length)


def _measured(path: Path) -> Titration:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise InputError(
            Problem(str(path), f"cannot be read ({error.strerror})", "give a results folder or a table")
        ) from None
    lines = [line for line in text.splitlines() if line.strip()]
    mark = max("\t;,", key=lambda one: lines[0].count(one)) if lines else ","
    rows = list(csv.reader(lines, delimiter=mark))
    places: dict[str, int] = {}
    for name, pattern in COLUMNS.items():
        at = (
            next((k for k, title in enumerate(rows[0]) if pattern.match(title.strip())), None)
            if rows
            else None
        )
        if at is None:
            what = f"has no column of {name}"
            raise InputError(
                Problem(
                    str(path), what, 'its first line must name them, e.g. "Time [s],Voltage [V],Current [A]"'
                )
            )
        places[name] = at
    values: dict[str, list[float]] = {name: [] for name in places}
    for number, row in enumerate(rows[1:], start=2):
        try:
            numbers = {name: float(row[at]) for name, at in places.items()}
        except (ValueError, IndexError):
            raise InputError(
                Problem(f"{path}:{number}", "is not a row of numbers", "remove it, or mend it")
            ) from None
        for name, value in numbers.items():
            values[name].append(value)
    title = rows[0][places["time"]]
    unit = re.search(r"[\[(/]\s*(s|sec|min|h|hr)\b", title, re.IGNORECASE)
    factor = SECONDS[unit[1].lower()] if unit else 1.0
    time, voltage, current = (np.array(values[name]) for name in ("time", "voltage", "current"))
    return Titration(factor * time, voltage, current)
