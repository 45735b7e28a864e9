"""Figures are made from the results folder alone, show what is in it, and the page is safe to open."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.collections import TriMesh
from matplotlib.figure import Figure
from PIL import Image
from synthetic_results import DURATION, make_results

from chemomech.errors import InputError
from chemomech.render import animation, curves, embedding, scenes, style
from chemomech.render.planar import PlanarPainter
from chemomech.render.report import render_results
from chemomech.results import Results, open_results, write_json
from chemomech.results.format import CELL_COLUMNS, CRACK_RISK_ARRAY, TIME

REGIONS = ("electrolyte", "particle")


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return open_results(make_results(tmp_path_factory.mktemp("plane") / "r", "plane strain"))


@pytest.fixture(scope="module")
def round_body(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return open_results(make_results(tmp_path_factory.mktemp("round") / "r", "axisymmetric", risk=0.8))


@pytest.fixture(scope="module")
def solid(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return open_results(make_results(tmp_path_factory.mktemp("solid") / "r", "3D", frames=3, fine=0.7))


def words(figure: Figure) -> str:
    """Return all text on a figure."""
    return "\n".join(text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text")))


def test_risk_is_drawn_where_it_is_largest(plane: Results) -> None:
    assert scenes.worst_frame(plane) == 2
    text = words(scenes.field_scene(plane, CRACK_RISK_ARRAY))
    largest = np.nanmax(plane.array(CRACK_RISK_ARRAY, 2))
    assert f"largest: {largest:.3g} in electrolyte" in text
    assert "t = 1.00 h" in text and "= 4.260 V" in text and "= 8.0 MPa" in text
    assert "deformation × 20" in text and "x (µm)" in text and "Crack risk" in text


def test_drawn_values_and_shape_are_those_of_the_frame(plane: Results) -> None:
    figure = scenes.field_scene(plane, "Stoichiometry [-]", 2, scale=100.0)
    (mesh,) = [c for c in figure.axes[0].collections if isinstance(c, TriMesh)]
    theta = plane.array("Stoichiometry [-]", 2)
    drawn = np.isfinite(theta)
    np.testing.assert_allclose(np.asarray(mesh.get_array())[drawn], theta[drawn])
    points = plane.grid.points[:, :2] + 100 * plane.array("Displacement [um]", 2)[:, :2]
    np.testing.assert_allclose(mesh._triangulation.x, points[:, 0])
    assert np.all(np.isfinite(theta[mesh._triangulation.triangles]))
    assert "not defined in electrolyte" in words(figure)
    assert "deformation × 100" in words(figure)


def test_axisymmetric_half_plane_is_mirrored(round_body: Results) -> None:
    figure = scenes.field_scene(round_body, CRACK_RISK_ARRAY)
    axes = figure.axes[0]
    left, right = axes.get_xlim()
    assert left == pytest.approx(-right) and right > 4.9
    assert axes.get_xlabel() == "r (µm)" and axes.get_ylabel() == "z (µm)"
    assert axes.xaxis.get_major_formatter()(-4.0, 0) == "4"
    painter = PlanarPainter(round_body, 1.0)
    at_axis = np.all(round_body.grid.points[painter._outline][:, :, 0] < 1e-9, axis=1)
    assert not np.any(at_axis)


def test_cell_means_do_not_cross_interfaces(plane: Results) -> None:
    region = plane.grid.region.astype(float)
    means = scenes.at_points(plane, region)
    assert set(means) == {0.0, 1.0}
    np.testing.assert_array_equal(means[plane.grid.cells], np.repeat(region[:, None], 3, axis=1))
    assert np.isnan(scenes.at_points(plane, np.full(len(region), np.nan))).all()


def test_three_dimensional_views_differ_and_show_colour(solid: Results) -> None:
    painter = scenes.painter_of(solid, pixels=300)
    assert painter.views == ("outside", "cut open", "particles")
    values = scenes.shown_values(solid, "Stoichiometry [-]", 1)
    colours = style.colours_of("Stoichiometry [-]", [values])
    images = [painter.image(values, 1, colours, view)[0].astype(int) for view in painter.views]
    for image in images:
        assert np.all(image[0, 0] == 255)
        assert 0.02 < np.mean(np.any(image < 250, axis=2)) < 0.9
    # The stoichiometry exists in the particles only: colour comes into view when the body is cut open.
    coloured = [np.mean(np.ptp(image, axis=2) > 60) for image in images]
    assert coloured[0] == 0 and coloured[1] > 0.01 and coloured[2] > 0.02
    per_pixel = painter.image(values, 1, colours, "outside")[1]
    assert per_pixel == pytest.approx(painter.size()[0] / 300, rel=0.01)


@pytest.mark.parametrize("kind", ["plane", "round_body", pytest.param("solid", marks=pytest.mark.slow)])
def test_everything_is_rendered(kind: str, request: pytest.FixtureRequest) -> None:
    results: Results = request.getfixturevalue(kind)
    made = render_results(results.folder, animation=kind != "solid")
    names = {path.name for path in made}
    expected = {"crack_risk", "hydrostatic_stress", "von_mises_stress", "stoichiometry", "concentration",
                "displacement", "regions", "voltage_current", "voltage_capacity", "crack_risk_time",
                "stress_time", "stack_pressure", "stoichiometry_time", "balance_errors"}  # fmt: skip
    assert {f"{name}.png" for name in expected} | {"index.html"} <= names
    assert all(path.parent == results.folder / "figures" for path in made)
    for path in made:
        if path.suffix == ".png":
            pixels = np.asarray(Image.open(path).convert("RGB"), dtype=int)
            assert pixels.shape[1] > 700 and pixels.std() > 5, path.name
    if kind != "solid":
        (film,) = [path for path in made if path.stem == "animation"]
        assert 5_000 < film.stat().st_size < animation.LARGEST_FILE
    page = (results.folder / "figures" / "index.html").read_text()
    assert page.count("<figure") == len(made) - 1
    assert f"&lt;{results.run['coordinates']}&gt;" in page and f"<{results.run['coordinates']}>" not in page
    plain = page.replace(
        embedding.library(), ""
    )  # what it loads, and that nothing else runs: test_interactive
    assert len(plain) < len(page) and "http://" not in plain and "https://" not in plain
    assert not [path for path in (results.folder / "figures").iterdir() if path.name.startswith(".")]


def test_gif_when_no_encoder(plane: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", "/nonexistent/ffmpeg")
    path = animation.animate(plane, CRACK_RISK_ARRAY, tmp_path)
    assert path == tmp_path / "animation.gif"
    with Image.open(path) as film:
        assert film.n_frames == plane.frames
    assert os.listdir(tmp_path) == ["animation.gif"]


def test_command_line(plane: Results, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "chemomech.render"]
    done = subprocess.run([*command, str(tmp_path / "none")], capture_output=True, text=True)
    assert done.returncode == 2
    assert "no such results folder" in done.stderr and "Traceback" not in done.stderr
    script = "import sys, chemomech.render.report, chemomech.render.solid; print('dolfinx' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", script], text=True) == "False\n"


def test_a_run_without_fields_still_gets_its_curves(tmp_path: Path) -> None:
    folder = make_results(tmp_path / "r", "plane strain", frames=2)
    (folder / "fields.vtkhdf").unlink()
    names = [path.name for path in render_results(folder)]
    assert "voltage_current.png" in names and "crack_risk.png" not in names


def test_curves_leave_out_what_is_not_recorded() -> None:
    nothing = {name: np.full(5, np.nan) for name in CELL_COLUMNS} | {TIME: np.arange(5.0)}
    assert curves.all_curves(nothing, REGIONS, {}) == {}
    assert curves.all_curves({name: np.empty(0) for name in CELL_COLUMNS}, REGIONS, {}) == {}


def test_capacity_per_area_and_risk_line(plane: Results) -> None:
    axes = curves.voltage_and_capacity(plane.history).axes[0]
    assert axes.get_xlabel() == "Charge passed (mAh cm$^{-2}$)"
    drawn = axes.lines[0].get_xdata()
    np.testing.assert_allclose(drawn, 1e3 * plane.history["Capacity [A.h]"] / 1e-6)
    risk = curves.crack_risks(plane.history, REGIONS).axes[0]
    assert any(np.allclose(line.get_ydata(), 1.0) for line in risk.lines)
    assert risk.get_ylim()[1] > 1.4
    np.testing.assert_allclose(risk.lines[1].get_xdata()[-1], DURATION / 3600)


def test_risk_colours_do_not_cry_wolf() -> None:
    def red(colours: style.Colours, value: float) -> bool:
        r, g, b, _ = colours.colour_map((value - colours.low) / (colours.high - colours.low))
        return bool(r > 0.6 and g < 0.2 and b < 0.2)

    high = style.colours_of(CRACK_RISK_ARRAY, [np.array([0.1, 3.0])])
    middle = style.colours_of(CRACK_RISK_ARRAY, [np.array([0.1, 0.9])])
    low = style.colours_of(CRACK_RISK_ARRAY, [np.array([0.01, 0.04])])
    assert (high.low, high.high, high.extend, high.mark) == (0, 3, "neither", 1)
    rare = style.colours_of(CRACK_RISK_ARRAY, [np.append(np.full(999, 1.4), 40.0)])
    assert (rare.high, rare.extend) == (2, "max")
    assert (middle.high, middle.extend) == (1, "neither")
    assert low.high == 0.05 and "below 1" in low.label
    assert red(high, 1.0) and red(middle, 1.0) and not red(high, 0.7) and not red(low, 0.05)


def test_colour_ranges() -> None:
    signed = style.colours_of("Hydrostatic stress [MPa]", [np.array([-10.0, 40.0, np.nan])])
    assert (signed.low, signed.high) == (-40, 40)
    spike = style.colours_of("Von Mises stress [MPa]", [np.r_[np.linspace(0, 1, 1000), 100.0]])
    assert spike.high < 1.1 and spike.extend == "max"
    flat = style.colours_of("Electronic potential [V]", [np.array([3.9, 3.9 + 1e-10])])
    assert flat.low < 3.9 < flat.high and "uniform" in flat.label
    empty = style.colours_of("Ionic potential [V]", [np.array([np.nan])])
    assert empty.low < empty.high


def test_words_for_units_times_and_scales(plane: Results, tmp_path: Path) -> None:
    assert style.axis_label("Concentration [mol.m-3]") == "Concentration (mol m$^{−3}$)"
    assert style.axis_label("Current density [mA.cm-2]") == "Current density (mA cm$^{−2}$)"
    assert style.axis_label("Displacement [um]") == "Displacement (µm)"
    assert style.axis_label("Crack risk [-]") == "Crack risk"
    broken = style.axis_label("Broken share at electrolyte_*|electrolyte_* [-]")
    assert broken == "Broken share between pieces of electrolyte"
    opening = style.axis_label("Max opening at particle|electrolyte_* [nm]")
    assert opening == "Max opening between particle and pieces of electrolyte (nm)"
    assert (
        style.axis_label("Max opening at particle|electrolyte [nm]")
        == "Max opening at particle|electrolyte (nm)"
    )
    assert [style.time_text(90, longest) for longest in (100, 1000, 1e5)] == ["90.00 s", "1.50 min", "0.03 h"]
    assert style.prefixed(2.5e-10, "Ah") == (1e12, "pAh")
    assert [style.round_down(x) for x in (0.07, 1.0, 3.0, 999.0)] == [0.05, 1, 2, 500]
    assert [style.round_up(x) for x in (0.04, 1.0, 1.2, 8.0)] == [0.05, 1, 1.5, 10]
    assert scenes.deformation_scale(plane) == 20
    folder = make_results(tmp_path / "r", "plane strain", frames=2)
    results = open_results(folder)
    write_json(folder / "run.json", dict(results.run) | {"case": {"output": {"deformation_scale": 3.0}}})
    assert scenes.deformation_scale(open_results(folder)) == 3.0


def test_unknown_field_is_named(plane: Results) -> None:
    with pytest.raises(InputError, match="no 'Temperature"):
        scenes.field_scene(plane, "Temperature [K]")
