"""The charts one can point at: valid for plotly, with the numbers of the run, in a page that loads nothing."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from synthetic_results import make_results

from chemomech.cli import outcome
from chemomech.render import embedding, interactive
from chemomech.render.report import render_results
from chemomech.results import open_results, write_json
from chemomech.results.relaxation import RecordedArc, RecordedRelaxation
from chemomech.results.spectra import RecordedSpectrum
from chemomech.results.voltammetry import Sweep, SweepPeak

FREQUENCIES = np.logspace(5, -1, 31)
TAU, NAME = 0.01, 'charge transfer at <script>alert("1")</script>|b'
LOADING = {"src", "href", "srcset", "data", "poster", "action", "background", "formaction", "manifest"}


def spectrum(number: int = 1) -> RecordedSpectrum:
    arc = 20.0 * number / (1 + 2j * np.pi * FREQUENCIES * TAU)
    shares = {NAME: arc, "rest": np.full(len(arc), 5.0 + 0j)}
    return RecordedSpectrum(number, 60.0 * number, 1, 2, 3.7, 10.0, FREQUENCIES, 5.0 + arc, shares)


class Page(HTMLParser):
    """What a browser would make of a page: elements, scripts, values, and addresses that would be loaded."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.scripts: list[str] = []
        self.values: dict[str, dict] = {}
        self.charts: list[str] = []
        self.loaded: list[str] = []
        self.policy = ""
        self.open: list[str] = []
        self._element: tuple[str, dict[str, str | None]] = ("", {})
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self._element = (tag, given)
        self.loaded += [str(given[name]) for name in LOADING & given.keys()]
        if tag == "meta" and given.get("http-equiv") == "Content-Security-Policy":
            self.policy = str(given["content"])
        if tag == "div" and given.get("class") == "chart":
            self.charts.append(str(given["data-values"]))
        if tag not in ("meta", "img", "link", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        tag, given = self._element
        if tag == "script" and self.open[-1:] == ["script"]:
            if given.get("type") == "application/json":
                self.values[str(given["id"])] = json.loads(data)
            else:
                self.scripts.append(data)
        if tag == "style":
            assert "url(" not in data and "@import" not in data


def checked(text: str) -> Page:
    """Parse a page and hold what every page must keep: closed elements, nothing from outside, scripts by hash."""
    page = Page(text)
    assert page.open == []
    assert all(address.startswith("data:") for address in page.loaded)
    assert "default-src 'none'" in page.policy and "http" not in page.policy
    allowed = re.findall(r"'sha256-([^']+)'", page.policy)
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in page.scripts]
    assert hashes == allowed
    assert sorted(page.charts) == sorted(page.values)
    return page


def test_charts_are_valid_and_hold_the_numbers_of_the_spectra() -> None:
    graph = pytest.importorskip("plotly.graph_objects")
    charts = {chart.name: chart for chart in interactive.spectrum_charts([spectrum(1), spectrum(2)])}
    assert list(charts) == ["nyquist", "bode", "impedance_shares"]
    for chart in charts.values():
        graph.Figure(chart.data, chart.layout)  # refuses a key or a value that plotly does not know
    line, dots = charts["nyquist"].data[:2]
    np.testing.assert_allclose(line["x"], spectrum().impedance.real, rtol=1e-7)
    np.testing.assert_allclose(line["y"], -spectrum().impedance.imag, rtol=1e-7)
    assert line["customdata"][0] == "100 kHz" and line["customdata"][-1] == "100 mHz"
    assert dots["customdata"] == ["100 kHz", "10 kHz", "1 kHz", "100 Hz", "10 Hz", "1 Hz", "100 mHz"]
    axis = charts["nyquist"].layout["yaxis"]
    assert axis["scaleanchor"] == "x" and axis["scaleratio"] == 1 and "−Im Z" in axis["title"]["text"]
    last = charts["nyquist"].data[-1]
    assert "10 Hz" in last["text"] and "" in last["text"]  # where there is room
    size, phase = charts["bode"].data[:2]
    np.testing.assert_allclose(size["y"], np.abs(spectrum().impedance), rtol=1e-7)
    np.testing.assert_allclose(phase["y"], -np.degrees(np.angle(spectrum().impedance)), rtol=1e-6)
    assert charts["bode"].layout["xaxis"]["type"] == "log"
    assert "&lt;script&gt;" in charts["impedance_shares"].data[0]["name"]


def test_the_legend_of_many_spectra_leaves_them_room() -> None:
    for chart in interactive.spectrum_charts([spectrum(n) for n in range(1, 21)])[:2]:
        named = [line["name"] for line in chart.data if line.get("showlegend", True)]
        every = list(dict.fromkeys(line["name"] for line in chart.data if "name" in line))
        assert len(every) == 20 and len(named) == 5 and named[0] == every[0] and named[-1] == every[-1]


def test_no_text_of_a_chart_is_written_for_another_program() -> None:
    for chart in interactive.spectrum_charts([spectrum(1), spectrum(2)]):
        said = json.dumps([chart.data, chart.layout], ensure_ascii=False)
        assert "$" not in said and "<sup>2</sup>" in said, chart.name


def test_a_tall_capacitive_tail_leaves_the_picture_at_the_top() -> None:
    tail = spectrum().impedance + 1e3 / (2j * np.pi * FREQUENCIES)
    chart = interactive.nyquist([interactive.Curve("a", FREQUENCIES, tail, "#000000")], "ohm")
    low, high = chart.layout["yaxis"]["range"]
    assert low < 0.0 < high < 0.1 * float(np.max(-tail.imag))


def test_voltage_current_and_sweeps(tmp_path: Path) -> None:
    graph = pytest.importorskip("plotly.graph_objects")
    history = open_results(make_results(tmp_path / "r", "plane strain", frames=2)).history
    time, charge = interactive.run_charts(history)
    assert (time.name, charge.name) == ("voltage_current", "voltage_capacity")
    voltage, current = time.data
    np.testing.assert_allclose(voltage["y"], history["Voltage [V]"], rtol=1e-7)
    np.testing.assert_allclose(current["y"], history["Current density [mA.cm-2]"])
    assert voltage["x"][-1] == 2.0 and "Time (h)" in time.layout["xaxis"]["title"]["text"]
    assert voltage["customdata"][0] == "cycle 1, step 1" and current["yaxis"] == "y2"
    assert "mA cm<sup>−2</sup>" in time.layout["yaxis2"]["title"]["text"]
    np.testing.assert_allclose(charge.data[0]["x"], 1e3 * history["Capacity [A.h]"] / 1e-6, rtol=1e-6)
    volts = np.linspace(3.0, 4.0, 5)
    swept = interactive.voltammogram([Sweep(1, 1, volts, np.sin(volts), (SweepPeak(3.5, 0.4),))])
    assert (
        swept.data[0]["x"] == volts.tolist() and swept.data[1]["x"] == [3.5] and swept.data[1]["y"] == [0.4]
    )
    for chart in (time, charge, swept):
        graph.Figure(chart.data, chart.layout)
    still = {name: values[:1] for name, values in history.items()}
    assert interactive.run_charts(still) == []


def test_what_is_no_number_becomes_null() -> None:
    curve = interactive.Curve("a", FREQUENCIES, np.where(FREQUENCIES < 1.0, np.nan, 1.0 + 1j), "#000000")
    text = embedding.place(interactive.bode([curve], "ohm"))
    assert "NaN" not in text and "null" in text


def test_the_report_is_one_page_that_loads_nothing(tmp_path: Path) -> None:
    folder = make_results(tmp_path / "r", "plane strain", frames=2)
    (folder / "fields.vtkhdf").unlink()
    write_spectra(folder, spectrum())
    assert outcome(["drt", str(folder)]) == 0
    run = json.loads((folder / "run.json").read_text())
    write_json(folder / "run.json", run | {"title": "</script><script>alert(1)</script>"})
    made = {path.name for path in render_results(folder)}
    assert {"nyquist.png", "bode.png", "drt.png", "voltage_current.png", "index.html"} <= made
    text = (folder / "figures" / "index.html").read_text()
    page = checked(text)
    names = {"voltage_current", "voltage_capacity", "nyquist", "bode", "impedance_shares", "drt"}
    assert set(page.charts) == {f"values-{name}" for name in names}
    assert len(page.scripts) == 2 and "Plotly.newPlot" in page.scripts[1]
    assert text.count("plotly.js v") == 1
    drawn = page.values["values-nyquist"]["data"][0]
    np.testing.assert_allclose(drawn["x"], spectrum().impedance.real, rtol=1e-7)
    drt = page.values["values-drt"]["data"]
    assert drt[2]["name"].startswith("1: 0.01 s, 20 Ω cm<sup>2</sup>") and "&lt;script&gt;" in drt[2]["name"]
    assert 'alert("1")' not in text and "<script>alert" not in text
    assert (
        text.count('<div class="chart"') == 6 and text.count('<img alt="Impedance;') == 1
    )  # without scripts
    alone = checked((folder / "drt.html").read_text())
    assert alone.charts == ["values-drt", "values-nyquist", "values-bode"]


def test_a_page_without_charts_runs_no_script(tmp_path: Path) -> None:
    assert embedding.scripts([]) == "" and "script-src" not in embedding.policy([])
    assert "script-src 'sha256-" in embedding.policy([interactive.bode([], "ohm")])


def write_spectra(folder: Path, one: RecordedSpectrum) -> None:
    columns = ["Spectrum [-]", "Time [s]", "Cycle [-]", "Step [-]", "Voltage [V]", "Stack pressure [MPa]"]
    parts = {"": one.impedance} | {f" of {name}": share for name, share in one.shares.items()}
    columns += ["Frequency [Hz]", *(f"{p} Z{name} [ohm.cm2]" for name in parts for p in ("Re", "Im"))]
    lines = [",".join('"' + column.replace('"', '""') + '"' for column in columns)]
    for at, frequency in enumerate(one.frequencies):
        values = [1, one.time, 1, 2, one.voltage, one.pressure, frequency]
        values += [number for z in parts.values() for number in (z[at].real, z[at].imag)]
        lines.append(",".join(repr(float(value)) for value in values))
    (folder / "impedance.csv").write_text("\n".join(lines) + "\n")


def test_a_signed_distribution_is_drawn_below_zero() -> None:
    times = np.logspace(-4, 0, 9)
    density = np.where(times > 0.05, -2.0, 3.0)
    arc = RecordedArc(0.3, -4.0, -np.inf, "")
    chart = interactive.relaxation(RecordedRelaxation("ohm", times, density, density, (1e-4, 1.0), (arc,)))
    low, high = chart.layout["yaxis"]["range"]
    assert low == -2.5 and high == 3.75 and chart.data[2]["y"] == [-2.0]
