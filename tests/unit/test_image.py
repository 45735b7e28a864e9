"""Meshes of segmented images: reading, parts, other voxels, pieces, both ways of meshing, and what is refused."""

from pathlib import Path
from typing import Any

import meshio
import numpy as np
import pytest
import tifffile
import tomlkit

from chemomech.errors import InputError
from chemomech.geometry.build import MeshRecord, build, fingerprint, open_mesh
from chemomech.geometry.cells import HEXAHEDRON, QUADRILATERAL, TETRAHEDRON, facets_of, measure
from chemomech.geometry.external import read_mesh
from chemomech.geometry.image_recipe import EXPOSED, Image
from chemomech.geometry.picture import draw
from chemomech.geometry.recipe import read_recipe
from chemomech.geometry.voxels import resampled, restore_contacts, voxels_of, without_small_pieces

PLAIN: dict[str, Any] = {
    "kind": "image",
    "coordinates": "3D",
    "file": "image.npy",
    "axes": "xyz",
    "voxel_size": "1 um",
    "phases": {"particle": 1, "electrolyte": 0},
    "method": "voxel",
}
SMOOTH = {"method": "smooth", "smoothing": 20}


def recipe(folder: Path, image: np.ndarray, **changes: Any) -> Image:
    np.save(folder / "image.npy", image)
    return Image.model_validate({**PLAIN, "directory": folder, "name": "image", **changes})


def mesh(folder: Path, image: np.ndarray, **changes: Any) -> MeshRecord:
    return build(recipe(folder, image, **changes), folder)


def ball(n: int, radius: float, *middles: tuple[float, ...]) -> np.ndarray:
    at = np.indices((n,) * 3) + 0.5
    inside = [
        np.sqrt(sum((x - m) ** 2 for x, m in zip(at, middle, strict=True))) < radius for middle in middles
    ]
    return np.any(inside, axis=0).astype(np.uint8)


def bridged() -> np.ndarray:
    """Return two balls with one voxel between them, off the grid of larger voxels."""
    image = ball(20, 4.2, (5.5, 10.0, 10.0), (15.5, 10.0, 10.0))
    assert not image[10, 9, 9] and image[9, 9, 9] and image[11, 9, 9]
    image[10, 9, 9] = 1
    return image


# ---- reading ---------------------------------------------------------------------------------------------


def test_a_stack_of_pages_is_what_the_array_is(tmp_path: Path) -> None:
    image = np.random.default_rng(1).integers(0, 3, (4, 5, 6)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "image.tif", image, compression="deflate", photometric="minisblack")
    names = {"phases": {"a": 0, "b": [1, 2]}}
    array = voxels_of(recipe(tmp_path, image, axes="zyx", **names))
    pages = voxels_of(recipe(tmp_path, image, axes="zyx", file="image.tif", **names))
    np.testing.assert_array_equal(array.phase, pages.phase)
    np.testing.assert_array_equal(array.phase, np.minimum(image, 1).transpose(2, 1, 0))


@pytest.mark.parametrize("axes", ["xyz", "xzy", "yxz", "yzx", "zxy", "zyx"])
def test_axes_part_and_slice(tmp_path: Path, axes: str) -> None:
    image = np.arange(60).reshape(3, 4, 5)
    wanted = image.transpose([axes.index(axis) for axis in "xyz"])
    every = {f"p{grey}": grey for grey in range(60)}
    part = wanted[1:3, 0:2, 1:3]
    phases = {name: grey for name, grey in every.items() if grey in part}
    found = voxels_of(recipe(tmp_path, image, axes=axes, phases=phases,
                             crop={"x": [1, 3], "y": [0, 2], "z": [1, 3]}))  # fmt: skip
    greys = np.array(list(phases.values()))
    np.testing.assert_array_equal(greys[found.phase], part)
    flat = wanted[:, 1:3, 2]
    phases = {name: grey for name, grey in every.items() if grey in flat}
    found = voxels_of(recipe(tmp_path, image, axes=axes, phases=phases, coordinates="plane strain",
                             crop={"y": [1, 3]}, slice=2))  # fmt: skip
    np.testing.assert_array_equal(np.array(list(phases.values()))[found.phase], flat)


def test_a_flat_image(tmp_path: Path) -> None:
    image = np.zeros((4, 6), np.uint8)
    image[:, 3:] = 9
    made = mesh(tmp_path, image, axes="yx", coordinates="plane strain", voxel_size=["2 um", "0.5 um"],
                phases={"electrolyte": 0, "particle": 9})  # fmt: skip
    assert made.boundaries == ("left", "right", "bottom", "top")
    about = made.report
    assert about["cells"] == 24 and about["volume"] == pytest.approx(24.0)
    assert about["boundaries"]["left"] == pytest.approx(2.0)
    assert about["interfaces"] == {"electrolyte|particle": pytest.approx(2.0)}
    assert about["paths"]["without_electronic_path"] == []
    draw(made, tmp_path / "flat.png")
    assert (tmp_path / "flat.png").stat().st_size > 1000


# ---- other voxels ------------------------------------------------------------------------------------------


def test_a_majority_decides_and_equals_take_turns() -> None:
    image = np.array([[0, 0, 1, 1], [0, 1, 1, 1]], np.int16)
    np.testing.assert_array_equal(resampled(image, [1, 2], 2), [[0, 1]])
    halves = np.tile(np.array([0, 1], np.int16), (8, 4))
    assert resampled(halves, [8, 4], 2).mean() == 0.5
    odd = np.array([0, 0, 1, 1, 1, 0, 0], np.int16)
    np.testing.assert_array_equal(resampled(odd, [3], 2), [0, 1, 0])


def test_voxels_are_split_without_changing_the_image() -> None:
    image = np.random.default_rng(2).integers(0, 3, (3, 4, 5)).astype(np.int16)
    fine = resampled(image, [6, 8, 10], 3)
    np.testing.assert_array_equal(fine, image.repeat(2, 0).repeat(2, 1).repeat(2, 2))


def test_the_box_keeps_its_size(tmp_path: Path) -> None:
    image = ball(10, 4.0, (5.0, 5.0, 5.0))
    for change in ({"factor": 3.0}, {"voxel_size": "1.4 um"}, {"factor": 0.5}):
        found = voxels_of(recipe(tmp_path, image, resample=change))
        np.testing.assert_allclose(np.multiply(found.phase.shape, found.sides), 10.0)
    assert found.phase.shape == (20, 20, 20)
    history = found.history
    assert history["image"]["phases"] == history["resampled"]["phases"]


def test_a_bridge_survives_larger_voxels_where_asked(tmp_path: Path) -> None:
    image = bridged()
    kept = {"factor": 2, "keep_contacts": ["particle"]}
    without = mesh(tmp_path, image, resample={"factor": 2}).report
    with_it = mesh(tmp_path, image, resample=kept).report
    assert without["image"]["image"]["phases"]["particle"]["pieces"] == 1
    assert without["regions"]["particle"]["pieces"] == 2
    assert with_it["regions"]["particle"]["pieces"] == 1
    assert with_it["image"]["contacts restored"] == {"particle": 1}
    assert with_it["regions"]["particle"]["cells"] == without["regions"]["particle"]["cells"] + 1


def test_only_what_was_one_piece_is_joined() -> None:
    # two pieces with crumbs in the middle voxel that a majority gives to the other phase, but apart from each other
    image = np.ones((2, 6), np.int16)
    image[:, :2] = image[:, 4:] = 0
    image[0, 2] = image[1, 3] = 0
    coarse = resampled(image, [1, 3], 2)
    coarse[0, 1] = 1
    assert restore_contacts(image, coarse, [0]) == {0: 0}
    image[0, 3] = 0
    assert restore_contacts(image, coarse, [0]) == {0: 1}
    np.testing.assert_array_equal(coarse, [[0, 0, 0]])


def test_small_pieces_go_to_what_surrounds_them() -> None:
    image = np.zeros((9, 9), np.int16)
    image[4:8, 4:8] = 1
    image[5, 5] = 2  # one voxel in phase 1
    image[1, 1:3] = 2  # two voxels in phase 0
    cleaned, removed = without_small_pieces(image, 3, 3)
    assert removed == {0: (0, 0), 1: (0, 0), 2: (2, 3)}
    assert cleaned[5, 5] == 1 and not cleaned[1].any() and (cleaned == 1).sum() == 16
    same, removed = without_small_pieces(image, 2, 3)
    assert removed[2] == (1, 1) and same[1, 1] == 2


# ---- meshes ------------------------------------------------------------------------------------------------


def test_every_voxel_is_a_cell(tmp_path: Path) -> None:
    image = np.random.default_rng(3).integers(0, 2, (4, 3, 5))
    made = mesh(tmp_path, image, voxel_size=["0.5 um", "1 um", "2 um"])
    about = made.report
    assert about["cells"] == 60 and about["quality"]["minimum"] > 0
    assert about["regions"]["particle"]["volume"] == pytest.approx(image.sum())
    area = {"right": 30.0, "top": 20.0, "back": 6.0, "left": 30.0, "bottom": 20.0, "front": 6.0}
    assert about["boundaries"] == pytest.approx(area)
    faces = [float((np.diff(image, axis=axis) != 0).sum()) for axis in range(3)]
    assert about["interfaces"]["particle|electrolyte"] == pytest.approx(np.dot(faces, [2.0, 1.0, 0.5]))
    written = read_mesh(made.msh)
    assert len(written.cells_dict["hexahedron"]) == 60 and made.dimension == 3
    assert measure(written.points, written.cells_dict["hexahedron"], HEXAHEDRON, False) == pytest.approx(1.0)


@pytest.mark.parametrize("method", [{}, SMOOTH])
def test_what_is_left_out_is_not_meshed(tmp_path: Path, method: dict[str, Any]) -> None:
    image = np.where(ball(8, 2.6, (4.0, 4.0, 4.0)), 2, 1).astype(np.uint8)
    made = mesh(tmp_path, image, phases={"electrolyte": 1}, left_out=2, **method)
    assert made.regions == ("electrolyte",) and made.boundaries[-1] == EXPOSED
    about = made.report
    assert about["volume"] == pytest.approx((image == 1).sum(), rel=1e-3)
    faces = sum(int((np.diff(image.astype(int), axis=axis) != 0).sum()) for axis in range(3))
    equal = 4 * np.pi * (3 * (image == 2).sum() / (4 * np.pi)) ** (2 / 3)
    assert about["boundaries"][EXPOSED] == pytest.approx(
        equal if method else faces, rel=0.06 if method else 1e-9
    )
    assert about["image"]["image"]["phases"]["left out"]["volume_fraction"] == pytest.approx(
        (image == 2).mean()
    )


@pytest.mark.parametrize(("n", "volume", "area"), [(12, 0.03, 0.05), (20, 0.03, 0.03), (28, 0.02, 0.025)])
def test_a_smooth_ball_converges(tmp_path: Path, n: int, volume: float, area: float) -> None:
    radius = 0.35 * n
    image = ball(n, radius, (n / 2, n / 2, n / 2))
    about = mesh(tmp_path, image, **SMOOTH).report
    found = about["regions"]["particle"]["volume"]
    assert found == pytest.approx(image.sum(), rel=1e-3)
    assert found == pytest.approx(4 / 3 * np.pi * radius**3, rel=volume)
    equal = 4 * np.pi * (3 * image.sum() / (4 * np.pi)) ** (2 / 3)
    assert about["interfaces"]["particle|electrolyte"] == pytest.approx(equal, rel=area)
    assert about["quality"]["minimum"] > 0.02


def test_three_phases_fit_together_and_sides_are_plane(tmp_path: Path) -> None:
    at = np.indices((14, 12, 10)) + 0.5
    image = (np.sin(at[0] / 2.1) + np.cos(at[1] / 1.7) * np.sin(at[2] / 1.9) > 0.3).astype(np.uint8)
    image[np.sin(at[0] / 1.3 + at[1] / 2) + np.cos(at[2] / 1.5) > 1.1] = 2
    phases = {"particle": 0, "electrolyte": 1, "binder": 2}
    made = mesh(tmp_path, image, phases=phases, voxel_size=["1 um", "2 um", "0.5 um"], **SMOOTH)
    about = made.report
    for number, name in enumerate(phases):
        assert about["regions"][name]["volume_fraction"] == pytest.approx((image == number).mean(), rel=0.02)
        assert about["regions"][name]["pieces"] == about["image"]["image"]["phases"][name]["pieces"]
    assert about["volume"] == pytest.approx(image.size)
    whole = {"left": 120.0, "right": 120.0, "bottom": 70.0, "top": 70.0, "front": 336.0, "back": 336.0}
    assert about["boundaries"] == pytest.approx(whole)
    written = read_mesh(made.msh)
    cells = written.cells_dict["tetra"]
    assert len(cells) == 6 * image.size and about["quality"]["minimum"] > 0.005
    facets = facets_of(cells, TETRAHEDRON)
    outer = written.points[facets.corners[facets.cells[:, 1] < 0]]
    on = [
        np.all(outer[:, :, axis] == plane, axis=1)
        for axis, end in enumerate((14, 24, 5))
        for plane in (0, end)
    ]
    assert np.all(np.any(on, axis=0)), "an outer facet lies in no side, to the last bit"


def test_two_balls_with_a_bridge_stay_one(tmp_path: Path) -> None:
    image = bridged()
    about = mesh(tmp_path, image, **SMOOTH).report
    assert about["regions"]["particle"]["pieces"] == 1
    assert about["regions"]["particle"]["volume"] == pytest.approx(image.sum(), rel=1e-3)
    image[10, 9, 9] = 0
    assert mesh(tmp_path, image, **SMOOTH).report["regions"]["particle"]["pieces"] == 2


def test_a_smooth_slice(tmp_path: Path) -> None:
    image = ball(24, 8.0, (12.0, 12.0, 12.0))
    about = mesh(tmp_path, image, coordinates="plane strain", slice=12, **SMOOTH).report
    disc = int(image[:, :, 12].sum())
    assert about["regions"]["particle"]["volume"] == pytest.approx(disc, rel=1e-3)
    assert about["interfaces"]["particle|electrolyte"] == pytest.approx(2 * np.sqrt(np.pi * disc), rel=0.03)
    assert about["cells"] == 2 * 24**2


def test_edges_where_voxels_only_just_touch_are_counted(tmp_path: Path) -> None:
    image = np.zeros((2, 2, 2), np.uint8)
    image[0, 0] = image[1, 1] = 1
    history = voxels_of(recipe(tmp_path, image)).history
    assert history["edge contacts"] == {"particle": 2, "electrolyte": 2}
    assert history["image"]["phases"]["particle"]["percolating"] == {"x": 0.0, "y": 0.0, "z": 1.0}


def test_the_quadrilateral_of_a_hexahedron() -> None:
    cells = np.arange(8)[None]
    points = np.array(
        [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 2], [1, 0, 2], [1, 1, 2], [0, 1, 2.0]]
    )
    facets = facets_of(cells, HEXAHEDRON)
    assert sorted(measure(points, facets.corners, QUADRILATERAL, False)) == pytest.approx([1, 1, 2, 2, 2, 2])
    assert measure(points, cells, HEXAHEDRON, False) == pytest.approx([2.0])


def test_the_cache_knows_the_image(tmp_path: Path) -> None:
    image = ball(6, 2.0, (3.0, 3.0, 3.0))
    before = fingerprint(recipe(tmp_path, image))
    image[0, 0, 0] = 1
    assert fingerprint(recipe(tmp_path, image)) != before


# ---- the same cells from elsewhere ---------------------------------------------------------------------------


def flattened(part: Any) -> list[float]:
    """Return the numbers of a part of a report in the order of their names."""
    return [part] if not isinstance(part, dict) else [n for key in sorted(part) for n in flattened(part[key])]


@pytest.mark.parametrize("coordinates", ["plane strain", "3D"])
def test_voxels_may_come_from_a_mesh_file(tmp_path: Path, coordinates: str) -> None:
    image = np.random.default_rng(6).integers(0, 2, (4, 3, 5))
    there = {"coordinates": coordinates} | ({"slice": 2} if coordinates != "3D" else {})
    source = mesh(tmp_path, image, **there)
    again = open_mesh(source.msh, tmp_path / "again")
    assert (again.regions, again.boundaries, again.coordinates) == (
        source.regions,
        source.boundaries,
        coordinates,
    )
    for key in ("cells", "points", "volume", "regions", "interfaces", "boundaries"):
        assert flattened(again.report[key]) == pytest.approx(flattened(source.report[key]))
    # turned over, without names
    written = read_mesh(source.msh)
    kind = "hexahedron" if coordinates == "3D" else "quad"
    cells = written.cells_dict[kind].copy()
    cells[::2] = cells[::2][:, [4, 5, 6, 7, 0, 1, 2, 3] if coordinates == "3D" else [3, 2, 1, 0]]
    tags = written.cell_data_dict["gmsh:physical"][kind]
    meshio.Mesh(written.points, [(kind, cells)], cell_data={"phase": [tags]}).write(tmp_path / "turned.vtu")
    recipe_text = f"""kind = "external"
coordinates = "{coordinates}"
file = "turned.vtu"
unit = "1 um"
cell_data = "phase"
groups = {{ particle = 1, electrolyte = 2 }}
"""
    (tmp_path / "turned.toml").write_text(recipe_text)
    turned = open_mesh(tmp_path / "turned.toml", tmp_path / "turned")
    assert turned.report["quality"]["minimum"] == pytest.approx(1.0)
    for key in ("volume", "interfaces", "boundaries"):
        assert turned.report[key] == pytest.approx(source.report[key])


def test_cells_of_two_kinds_are_refused(tmp_path: Path) -> None:
    points = [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [2, 0, 0]]
    blocks = [("quad", [[0, 1, 2, 3]]), ("triangle", [[1, 4, 2]])]
    data = {"phase": [np.array([1]), np.array([1])]}
    meshio.Mesh(np.array(points, float), blocks, cell_data=data).write(tmp_path / "both.vtu")
    (tmp_path / "both.toml").write_text(
        'kind = "external"\ncoordinates = "plane strain"\nfile = "both.vtu"\nunit = "1 um"\n'
        'cell_data = "phase"\ngroups = { particle = 1 }\n'
    )
    with pytest.raises(
        InputError, match="needs cells of one kind, triangle or quad; the file has: quad, triangle"
    ):
        open_mesh(tmp_path / "both.toml", tmp_path)


# ---- mistakes ----------------------------------------------------------------------------------------------


def refusal(folder: Path, content: dict[str, Any]) -> str:
    (folder / "recipe.toml").write_text(tomlkit.dumps(content))
    with pytest.raises(InputError) as caught:
        open_mesh(folder / "recipe.toml", folder / "cache")
    message = str(caught.value)
    assert "Traceback" not in message and "recipe" in message
    return message


@pytest.mark.parametrize(
    ("change", "place", "what"),
    [
        ({"phases": {"particle": 1}}, "phases", "the grey value 0 of 'image.npy' (94 % of the voxels) has no phase"),
        ({"phases": {"particle": 1, "electrolyte": 5}}, "phases.electrolyte", "has the grey value 5"),
        ({"phases": {"particle": 1, "electrolyte": [0, 1]}}, "phases.electrolyte", "1 is given twice"),
        ({"left_out": 1}, "left_out", "1 is given twice"),
        ({"phases": {}}, "phases", "names no phase"),
        ({"phases": {"particle": "one", "electrolyte": 0}}, "phases.particle", "'one' is not a grey value"),
        ({"phases": {"particle": 1.5, "electrolyte": 0}}, "phases.particle", "1.5"),
        ({"phases": {"1|2": 1, "electrolyte": 0}}, "phases.1|2", "cannot name a region"),
        ({"crop": {"x": [0, 7]}}, "crop.x", "voxel 6 is outside: 'image.npy' has 6 along x"),
        ({"crop": {"y": [3, 3]}}, "crop.y", "is no range of voxels"),
        ({"crop": {"y": 3}}, "crop.y", "is no range of voxels"),
        ({"crop": {"w": [0, 1]}}, "crop.w", "not a key here"),
        ({"axes": "yx", "coordinates": "plane strain"}, "axes", "has 3 axes (6 x 6 x 6 voxels), here are 2"),
        ({"axes": "yx"}, "axes", "two axes make no 3D mesh"),
        ({"axes": "xxz"}, "axes", "is not a choice"),
        ({"coordinates": "plane strain"}, "slice", "a stack needs a slice"),
        ({"coordinates": "plane strain", "slice": 6}, "slice", "voxel 6 is outside"),
        ({"coordinates": "plane strain", "slice": 0, "crop": {"z": [0, 2]}}, "crop.z", "a plane mesh has no z"),
        ({"slice": 1}, "slice", "a 3D mesh is not a slice"),
        ({"coordinates": "axisymmetric"}, "coordinates", "is not a choice"),
        ({"voxel_size": 0.4}, "voxel_size", "0.4"),
        ({"voxel_size": ["1 um", "1 um"]}, "voxel_size", "3D needs 1 or 3"),
        ({"resample": {}}, "resample", "needs either factor or voxel_size"),
        ({"resample": {"factor": 2, "voxel_size": "1 um"}}, "resample", "needs either"),
        ({"resample": {"factor": 0}}, "resample.factor", "outside its range"),
        ({"resample": {"factor": 2, "keep_contacts": ["x"]}}, "resample.keep_contacts", "there is no phase 'x'"),
        ({"resample": {"factor": 1e-3}}, "resample", "voxels"),
        ({"resample": {"factor": 6}}, "phases.particle", "no voxel of this phase is left"),
        ({"method": "smooth"}, "smoothing", "is missing"),
        ({"smoothing": 3}, "smoothing", "voxels are not smoothed"),
        ({"method": "tetra"}, "method", "is not a choice"),
        ({"smallest_piece": 1}, "smallest_piece", "outside its range"),
        ({"file": "nothing.npy"}, "file", "there is no file 'nothing.npy'"),
        ({"phases": {"particle": 1}, "left_out": 0}, "left_out", "nothing that is meshed lies at the boundary"),
        ({"names": {"particle": "grain"}}, "names.particle", "there is no region 'grain'"),
    ],
)  # fmt: skip
def test_mistakes_name_the_key(tmp_path: Path, change: dict[str, Any], place: str, what: str) -> None:
    np.save(tmp_path / "image.npy", ball(6, 1.5, (3.0, 3.0, 2.5)))
    message = refusal(tmp_path, {**PLAIN, **change})
    assert place in message and what in message


def damaged(folder: Path, kind: str) -> str:
    """Write a file that is no segmented image, and return its name."""
    if kind == "pickle":
        np.save(folder / "a.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    elif kind == "float":
        np.save(folder / "a.npy", np.zeros((3, 3, 3)))
    elif kind == "bool":
        np.save(folder / "a.npy", np.zeros((3, 3, 3), bool))
    elif kind == "empty":
        np.save(folder / "a.npy", np.zeros((3, 0, 3), np.uint8))
    elif kind == "cut":
        np.save(folder / "a.npy", np.zeros((9, 9, 9), np.uint8))
        (folder / "a.npy").write_bytes((folder / "a.npy").read_bytes()[:300])
    elif kind == "grey":
        np.save(folder / "a.npy", np.arange(4096).reshape(16, 16, 16))
    elif kind == "flat":
        np.save(folder / "a.npy", np.zeros(7, np.uint8))
    elif kind == "text":
        (folder / "a.tif").write_text("no image")
    elif kind == "cut tiff":
        tifffile.imwrite(
            folder / "a.tif", np.arange(4000, dtype=np.uint16).reshape(10, 20, 20), photometric="minisblack"
        )
        (folder / "a.tif").write_bytes((folder / "a.tif").read_bytes()[:2000])
    elif kind == "large":
        head = f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({10**4}, {10**4}, {10**4}), }}"
        head = head.ljust(117) + "\n"
        (folder / "a.npy").write_bytes(b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head.encode())
        with (folder / "a.npy").open("ab") as file:
            file.truncate(10**12 + 128)  # takes no room on the disk
    else:
        (folder / "a.png").write_bytes(b"\x89PNG")
    return next(folder.glob("a.*")).name


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        ("pickle", "cannot be read as a NumPy array"),
        ("float", "its voxels are float64, not whole numbers"),
        ("bool", "its voxels are bool, not whole numbers"),
        ("empty", "the image is empty"),
        ("cut", "cannot be read as a NumPy array"),
        ("grey", "has 4096 grey values: it is not segmented"),
        ("flat", "has 1 axes"),
        ("text", "cannot be read as a TIFF image"),
        ("cut tiff", "cannot be read as a TIFF image"),
        ("large", "1,000,000,000,000 voxels"),
        ("other", "is no image that is read"),
    ],
)
def test_files_that_are_no_images(tmp_path: Path, kind: str, what: str) -> None:
    message = refusal(tmp_path, {**PLAIN, "file": damaged(tmp_path, kind)})
    assert what in message and len(message.splitlines()) == 1


def test_the_recipes_that_come_with_the_project() -> None:
    for path in (Path(__file__).parents[2] / "meshes").glob("tomography*.toml"):
        assert read_recipe(path).kind == "image"
