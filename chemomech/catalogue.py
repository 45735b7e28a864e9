"""What there is to choose from: cases, meshes and fields."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from chemomech.case.schema import FIELD_NAMES

PROJECT: Final = Path(__file__).resolve().parent.parent
KINDS: Final = ("materials", "cases", "meshes", "fields")


def catalogue(kind: str) -> str:
    """Return one line for each material, case, mesh or field."""
    if kind == "materials":
        from chemomech.materials.material import summarise_materials

        return summarise_materials()
    if kind == "fields":
        return "\n".join(FIELD_NAMES)
    pattern = "*/case.toml" if kind == "cases" else "*.toml"
    lines = [
        f"{path.parent if kind == 'cases' else path}: {_title(path)}{_study(path)}"
        for path in _found(kind, pattern)
    ]
    return "\n".join(lines) or f"there is no folder '{kind}' with any here; go to the project's folder"


def _found(kind: str, pattern: str) -> Iterator[Path]:
    """Yield the files below ./cases or ./meshes, else those of the project the package was installed from."""
    folder = Path(kind) if Path(kind).is_dir() else PROJECT / kind
    also = folder.glob("*/measured.toml") if kind == "cases" else ()
    yield from sorted([*folder.glob(pattern), *also])


def _study(path: Path) -> str:
    """Return a mark for a case with a study."""
    from chemomech.case.read import has_study

    return " [study]" if path.name == "case.toml" and has_study(path) else ""


def _title(path: Path) -> str:
    try:
        title = tomllib.loads(path.read_text(encoding="utf-8")).get("title", "")
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError):
        return "cannot be read"
    return str(title)
