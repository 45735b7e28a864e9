"""measured.toml: a case that was measured, not computed; the spectrum beside it is analysed as one that was."""

from pathlib import Path
from typing import Annotated, Final

from pydantic import Field, TypeAdapter, ValidationError

from chemomech.case.read import Source
from chemomech.case.values import Block
from chemomech.case.wording import nearest
from chemomech.errors import InputError, Problem

MEASURED_FILE: Final = "measured.toml"


class Measured(Block):
    """All keys of measured.toml."""

    title: Annotated[str, Field(min_length=1)]
    """One line that says what was measured."""
    spectrum: Annotated[str, Field(min_length=1)]
    """File of the instrument, or a table, relative to measured.toml."""
    source: Annotated[str, Field(min_length=1)]
    """Where the data come from."""
    license: Annotated[str, Field(min_length=1)]
    """What allows to pass them on."""
    number: Annotated[int, Field(ge=1)] | None = None
    """Which spectrum of the file, counted from 1; without it the last."""


def measured_file(path: Path) -> Path | None:
    """Return the measured.toml that a folder or file name means; None where it means something else."""
    file = path / MEASURED_FILE if path.is_dir() else path
    other = path.is_dir() and (path / "case.toml").is_file()
    return file if file.name == MEASURED_FILE and file.is_file() and not other else None


def read_measured_case(file: Path) -> Measured:
    """Return a checked measured.toml; InputError with every mistake and its line."""
    source = Source(file)
    problems = list(source.problems)
    unknown = [name for name in source.data if name not in Measured.model_fields]
    for name in unknown:
        what, remedy = f"'{name}' is not a key here", nearest(name, Measured.model_fields)
        problems.append(Problem(source.place((name,)), what, remedy))
    given = {name: value for name, value in source.data.items() if name not in unknown}
    try:
        found = TypeAdapter(Measured).validate_python(given)
    except ValidationError as error:
        for mistake in error.errors():
            name = str(mistake["loc"][0])
            missing = mistake["type"] == "missing"
            what = f"'{name}' is missing" if missing else str(mistake["msg"])
            problems.append(Problem(str(file) if missing else source.place((name,)), what))
        raise InputError(problems) from None
    if not (file.parent / found.spectrum).is_file():
        problems.append(
            Problem(source.place(("spectrum",)), f"there is no file '{found.spectrum}' beside it")
        )
    if problems:
        raise InputError(problems)
    return found
