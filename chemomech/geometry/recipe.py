"""Reading the recipe of a mesh, `meshes/<name>.toml`, with every mistake found at once.

Nothing here needs gmsh, so that checking a case stays quick.
"""

import hashlib
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from chemomech.case.positions import key_lines
from chemomech.case.wording import Location, nearest, reworded
from chemomech.errors import InputError, Problem
from chemomech.geometry.image_recipe import Image
from chemomech.geometry.inclusions import Inclusions
from chemomech.geometry.kinds import Composite, External, Layered, Particle, Recipe
from chemomech.geometry.tables import Layer, Mistake

KINDS: dict[str, type[Recipe]] = {
    "particle": Particle,
    "composite": Composite,
    "inclusions": Inclusions,
    "layered": Layered,
    "external": External,
    "image": Image,
}
MAXIMUM_BYTES = 1_000_000
"""Largest recipe that is read."""
RESERVED = {"name", "directory"}
"""Fields that are not written in the file: it is named by its file and placed by its folder."""


def check(recipe: Recipe) -> None:
    """Raise InputError with all contradictions between the values of a recipe made in Python."""
    found = [
        Problem(f"{recipe.name}: {_dotted(keys)}", what, remedy) for keys, what, remedy in recipe.mistakes()
    ]
    if found:
        raise InputError(found)


def contents(recipe: Recipe) -> dict[str, Any]:
    """Return everything that the mesh of a recipe depends on, besides the mesher: values, and hashes of files."""
    found: dict[str, Any] = {"recipe": recipe.model_dump(mode="json")}
    if isinstance(recipe, External | Image):
        found["file"] = hashlib.sha256(recipe.path.read_bytes()).hexdigest()
    if recipe.refine:
        found["refine"] = recipe.refine
    return found


def read_recipe(
    path: Path,
    replaced: Mapping[str, Any] | None = None,
    place: Callable[[Location], str] = lambda keys: _dotted(keys),
) -> Recipe:
    """Return the recipe in a TOML file; InputError names every mistake with file and line.

    `replaced` are keys that are given elsewhere, as nested tables, in place of the file's; tables are merged, and a
    table of numbers from 0 changes entries of a list. `place` says where such a key was given.
    """
    try:
        if path.stat().st_size > MAXIMUM_BYTES:
            raise InputError(Problem(str(path), f"larger than {MAXIMUM_BYTES} bytes", "this is no recipe"))
        text = path.read_text(encoding="utf-8")
        table = tomllib.loads(text)
    except UnicodeDecodeError:
        raise InputError(
            Problem(str(path), "not text in UTF-8", "give a recipe, or save it as UTF-8")
        ) from None
    except OSError as error:
        raise InputError(
            Problem(str(path), f"cannot be read ({error.strerror})", "check its permissions")
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(Problem(str(path), f"not TOML: {error}", "mend this line")) from None
    except RecursionError:
        raise InputError(Problem(str(path), "lists within lists too deep", "flatten them")) from None
    lines, given_elsewhere = key_lines(text), dict(replaced or {})
    table = _merged(table, given_elsewhere, (), place)

    def where(keys: Location) -> str:
        found = _replacement(given_elsewhere, keys)
        return place(found) if found else _place(path, lines, keys)

    kind = table.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        what = "'kind' is missing" if kind is None else f"{kind!r} is not a kind of mesh"
        raise InputError(Problem(where(("kind",)), what, nearest(str(kind), KINDS)))
    model = KINDS[kind]
    reserved = RESERVED & table.keys()
    found: list[Mistake] = [((key,), f"'{key}' is not a key here", "remove it") for key in reserved]
    given = {key: value for key, value in table.items() if key not in RESERVED} | {"name": path.stem}
    if "directory" in model.model_fields:
        given["directory"] = path.parent
    recipe: Recipe | None = None
    try:
        recipe = model.model_validate(given)
        found += recipe.mistakes()
    except ValidationError as error:
        for detail in error.errors():
            keys = detail["loc"]
            in_layer = len(keys) > 2 and keys[0] == "layers"
            what, remedy = reworded(detail, keys[2:], Layer) if in_layer else reworded(detail, keys, model)
            found.append((keys, what.removeprefix("Value error, "), remedy))
    if found or recipe is None:
        found.sort(key=lambda mistake: _line(lines, mistake[0]))
        raise InputError(Problem(where(keys), what, remedy) for keys, what, remedy in found)
    return recipe


def _merged(old: Any, new: Any, keys: Location, place: Callable[[Location], str]) -> Any:
    """Return what a file says with what is given in its place; InputError for an entry that no list has."""
    if not isinstance(new, Mapping):
        return new
    if isinstance(old, list) and all(key.isdecimal() for key in new):
        entries = list(old)
        for key, value in new.items():
            if int(key) >= len(entries):
                what = f"'{keys[-1]}' has no entry {key}"
                remedy = f"there are {len(entries)}, counted from 0"
                raise InputError(Problem(place((*keys, key)), what, remedy))
            entries[int(key)] = _merged(entries[int(key)], value, (*keys, key), place)
        return entries
    table = dict(old) if isinstance(old, dict) else {}
    return table | {key: _merged(table.get(key), value, (*keys, key), place) for key, value in new.items()}


def _replacement(given: Mapping[str, Any], keys: Location) -> Location:
    """Return the key, as it was given elsewhere, that a mistake at `keys` comes from; empty if it is the file's.

    A contradiction inside a table comes from what was changed in it.
    """
    found: list[str | int] = []
    inside: Any = given
    for key in keys:
        if not isinstance(inside, Mapping):
            break
        if str(key) not in inside:
            return ()
        found.append(str(key))
        inside = inside[str(key)]
    return tuple(found)


def _dotted(keys: Location) -> str:
    return ".".join(str(key + 1) if isinstance(key, int) else key for key in keys)


def _line(lines: dict[Location, int], keys: Location) -> int:
    """Return the line of the value that `keys` lead to, or of the nearest table around it; 0 for the file."""
    return next((lines[keys[:length]] for length in range(len(keys), 0, -1) if keys[:length] in lines), 0)


def _place(path: Path, lines: dict[Location, int], keys: Location) -> str:
    line = _line(lines, keys)
    return f"{path}:{line}: {_dotted(keys)}" if line else f"{path}: {_dotted(keys)}"
