"""All figures of a results folder, and a page that shows them. Needs nothing but the folder."""

import base64
import html
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from chemomech.errors import InputError, Problem
from chemomech.render import embedding, interactive
from chemomech.render.amplitudes import amplitude_figures
from chemomech.render.animation import animate
from chemomech.render.curves import all_curves
from chemomech.render.interactive import Chart
from chemomech.render.interfaces import interface_scene
from chemomech.render.layer_profiles import space_charge
from chemomech.render.profiles import PROFILED, profiles, widest_frame
from chemomech.render.relaxation import relaxation_figure
from chemomech.render.scenes import field_scene, film_strip, regions_scene, worst_frame
from chemomech.render.spectra import spectrum_figures
from chemomech.render.style import RISKS, STYLE
from chemomech.render.voltammogram import voltammogram
from chemomech.results import Results, open_results
from chemomech.results.format import (
    AMPLITUDES_TABLE,
    CRACK_RISK_ARRAY,
    FACE_FIELDS,
    FIGURES_FOLDER,
    split_unit,
)
from chemomech.results.read import open_amplitudes, read_table
from chemomech.results.relaxation import read_relaxation
from chemomech.results.spectra import read_spectra
from chemomech.results.voltammetry import sweep_steps, sweeps_of
from chemomech.results.write import write_text

INDEX = "index.html"

CAPTIONS = {
    "crack_risk": "Crack risk at the moment it is largest; red is 1, where a crack is expected.",
    "energetic_crack_risk": "Energetic crack risk at the moment it is largest; red is 1.",
    "crack_risk_strip": "Crack risk over the run.",
    "regions": "Geometry and materials.",
    "space_charge": "Electric potential, field and occupancy along the stack at the end, where there is a field.",
    "voltage_current": "Cell voltage and current.",
    "voltage_capacity": "Voltage against the charge passed; up is charging.",
    "crack_risk_time": "Largest crack risk in each region; a crack is expected above the line.",
    "stress_time": "Largest stresses in each region.",
    "stack_pressure": "Stack pressure.",
    "stoichiometry_time": "Lithium content of the active material.",
    "salt_concentration_profile": "Salt through the thickness of the cell, step by step.",
    "salt_time": "Salt concentration: mean, in a band from its least to its largest value.",
    "cycles": "Capacity and efficiency against the cycle number.",
    "interphase_thickness": "Thickness of what grows at interfaces, against the square root of time.",
    "interphase_thickness_on_interface": "Thickness of the interphase at the end, on the interface and along it.",
    "interdiffusion_thickness_on_interface": "Thickness of the interdiffused layer at the end.",
    "opening_on_interface": "How far the interface is open when it is widest open, on the interface and along it.",
    "damage_on_interface": "Share of the bond that is lost when it is largest, on the interface and along it.",
    "conducting_fraction_on_interface": "Share that conducts at the end, on the interface and along it.",
    "contact_pressure_on_interface": "Pressure on the interface at the end, on the interface and along it.",
    "animation": "The run in time.",
    "voltammogram": "Current over voltage while the voltage is swept; dots are peaks.",
    "nyquist": "Impedance; dots are whole decades of frequency.",
    "bode": "Size and phase of the impedance.",
    "drt": "Distribution of relaxation times of one spectrum, and the arcs that were fitted to it.",
    "amplitude_concentration": "How lithium oscillates with the cell voltage: magnitude above, phase below.",
    "amplitude_salt_concentration": "How salt oscillates with the cell voltage: magnitude above, phase below.",
    "amplitude_ionic_potential": "How the ionic potential oscillates with the cell voltage: magnitude and phase.",
    "amplitude_electronic_potential": "How the electronic potential oscillates: magnitude and phase.",
    "amplitude_interface_current": "Current through interfaces, in the cells beside them: magnitude and phase.",
    "impedance_shares": "What each process adds to the impedance of the last spectrum.",
    "balance_errors": "How well lithium and charge are conserved by the calculation.",
}
"""Captions by file name; fields that are not listed get their own name."""


def render_results(results: Path, *, animation: bool = True) -> list[Path]:
    """Make all figures in `<results>/figures` and the page `index.html` there; return the files made.

    Raises InputError when the folder cannot be read or written. Curves come first and the page is written
    twice, so that a graphics driver that crashes in three dimensions costs the pictures, not the report.
    """
    record = open_results(results)
    folder = Path(results) / FIGURES_FOLDER
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise InputError(Problem(str(folder), f"cannot be made ({error})")) from error
    page = folder / INDEX
    with matplotlib.rc_context(STYLE):
        figures = all_curves(record.history, record.regions, record.cycles)
        spectra, relaxed = read_spectra(results), read_relaxation(results)
        figures |= spectrum_figures(spectra)
        charts = [*interactive.run_charts(record.history), *interactive.spectrum_charts(spectra)]
        sweeps = sweeps_of(record.history, sweep_steps(record.run.get("case", {})))
        if sweeps:
            figures = {"voltammogram": voltammogram(sweeps), **figures}
            charts.append(interactive.voltammogram(sweeps))
        if relaxed is not None:
            figures["drt"] = relaxation_figure(relaxed)
            charts.append(interactive.relaxation(relaxed))
        curves = [_save(figure, folder / f"{name}.png") for name, figure in figures.items()]
        write_text(page, _page(record, curves, charts))
        if not record.frames:
            return [*curves, page]
        made = _pictures(record, folder)
        if animation and _fields(record):
            shown = CRACK_RISK_ARRAY if CRACK_RISK_ARRAY in record.cell_arrays else _fields(record)[0]
            moving = animate(record, shown, folder)
            made += [moving] if moving else []
        made += curves
        write_text(page, _page(record, made, charts))
    return [*made, page]


def _fields(record: Results) -> list[str]:
    """Return the fields to draw: risks first, then cell and point arrays."""
    names = [*record.cell_arrays, *record.point_arrays]
    return sorted(names, key=lambda name: (name not in RISKS, names.index(name)))


def _pictures(record: Results, folder: Path) -> list[Path]:
    """Draw each risk when it is largest, the other fields when the crack risk is, and the regions."""
    made = []
    worst = worst_frame(record)
    profile = space_charge(record)
    if profile is not None:
        made.append(_save(profile, folder / "space_charge.png"))
    faces = [name for name in _fields(record) if name in FACE_FIELDS.values()]
    made += [
        _save(interface_scene(record, name), folder / f"{_slug(name)}_on_interface.png") for name in faces
    ]
    for name in (one for one in _fields(record) if one not in faces):
        frame = worst_frame(record, name) if name in RISKS else worst
        frame = widest_frame(record, name) if name in PROFILED else frame
        made.append(_save(field_scene(record, name, frame), folder / f"{_slug(name)}.png"))
    if CRACK_RISK_ARRAY in record.cell_arrays and record.frames >= 4:
        first, peak, last = record.times[0], record.times[worst], record.times[-1]
        times = (first, 0.5 * (first + peak), peak, 0.5 * (peak + last), last)
        frames = sorted({int(np.argmin(np.abs(record.times - time))) for time in times})
        strip = film_strip(record, CRACK_RISK_ARRAY, frames)
        made.insert(1, _save(strip, folder / "crack_risk_strip.png"))
    made += [_save(figure, folder / f"{name}.png") for name, figure in profiles(record).items()]
    oscillating = open_amplitudes(record)
    if oscillating is not None:
        drawn = amplitude_figures(oscillating, read_table(record.folder / AMPLITUDES_TABLE))
        made += [_save(figure, folder / f"{name}.png") for name, figure in drawn.items()]
    made.append(_save(regions_scene(record), folder / "regions.png"))
    return made


def _slug(name: str) -> str:
    """Return the file name of a field's picture: "Crack risk [-]" -> "crack_risk"."""
    return re.sub(r"[^a-z0-9]+", "_", split_unit(name)[0].lower()).strip("_")


def _save(figure: Figure, path: Path) -> Path:
    """Save a figure as PNG."""
    figure.savefig(path)
    return path


def _page(record: Results, files: Sequence[Path], charts: Sequence[Chart]) -> str:
    """Return one self-contained HTML page; everything that comes from the run is escaped."""
    title = html.escape(str(record.run["title"]))
    state = "finished" if record.run["finished"] else "not finished"
    facts = {
        "State": f"{state}: {record.run.get('reason', '')}",
        "Geometry": str(record.run["coordinates"]),
        "Regions": ", ".join(record.regions),
        "Frames of fields": str(record.frames),
        "Wall time": f"{float(record.run.get('wall_time_s', math.nan)):.1f} s",
        "Case": str(record.run.get("case_hash", "")),
    }
    numbers = {name: f"{value:.6g}" for name, value in record.summary.items() if math.isfinite(value)}
    by_name = {chart.name: chart for chart in charts}
    figures = "\n".join(_figure(path, by_name.get(path.stem)) for path in files)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{embedding.policy(charts)}">
<title>{title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; color: #1b1b1b; }}
body {{ max-width: 76rem; margin: 2rem auto; padding: 0 1rem; }}
main {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(min(30rem, 100%), 1fr)); gap: 2rem; }}
figure {{ margin: 0; }}
figure.wide {{ grid-column: 1 / -1; }}
img, video {{ max-width: 100%; height: auto; }}
figcaption {{ color: #555; font-size: .9rem; }}
table {{ border-collapse: collapse; margin: 1rem 2rem 1rem 0; }}
td {{ padding: .15rem 1.2rem .15rem 0; border-bottom: 1px solid #ddd; vertical-align: top; }}
.tables {{ display: flex; flex-wrap: wrap; align-items: flex-start; }}
{embedding.STYLE}
</style>
</head>
<body>
<h1>{title}</h1>
<div class="tables">
{_table(facts)}
{_table(numbers)}
</div>
<main>
{figures}
</main>
{embedding.scripts(charts)}
</body>
</html>
"""


def _table(rows: Mapping[str, str]) -> str:
    """Return a two-column table, escaped."""
    cells = "".join(f"<tr><td>{html.escape(k)}</td><td>{html.escape(v)}</td></tr>\n" for k, v in rows.items())
    return f"<table>\n{cells}</table>" if rows else ""


def _figure(path: Path, chart: Chart | None) -> str:
    """Return a picture, chart or film with its caption, the file's content included."""
    words = CAPTIONS.get(path.stem, path.stem.replace("_", " ").capitalize() + ".")
    caption = html.escape(words)
    kind = {".png": "image/png", ".gif": "image/gif", ".mp4": "video/mp4"}[path.suffix]
    data = f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode('ascii')}"
    wide = ' class="wide"' if path.stem.endswith("_strip") else ""
    if path.suffix == ".mp4":
        shown = f'<video controls loop muted src="{data}"></video>'
    else:
        shown = f'<img alt="{caption}" src="{data}">'
    if chart is not None:
        shown = embedding.place(chart, shown)
    caption += f" <code>{html.escape(path.name)}</code>"
    return f"<figure{wide}>{shown}<figcaption>{caption}</figcaption></figure>"
