"""From case.toml and --set overrides to a Case, or to every mistake at once with its line."""

import difflib
import os
import re
import tomllib
from collections.abc import Iterator, Sequence
from operator import getitem
from pathlib import Path
from typing import Annotated, Any, Final, get_args

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from chemomech.case.consistency import inconsistencies
from chemomech.case.mesh import mesh_names
from chemomech.case.patterns import STAR, Spread, spread_interfaces, spread_regions
from chemomech.case.positions import key_lines, split_key
from chemomech.case.schema import Case, CaseFile
from chemomech.case.sections import Sections
from chemomech.case.wording import Location, meaning, nearest, reworded
from chemomech.errors import InputError, Problem

STUDY_FILE: Final = "study.toml"
"""Name of the file beside case.toml that asks for a study."""
MAXIMUM_BYTES: Final = 1_000_000
"""Largest case file that is read."""
WITHOUT_EFFECTIVE: Final = ("cell", "protocol")
"""Sections that a case without [effective] must have."""


def read_case(path: Path, overrides: Sequence[str] = ()) -> Case:
    """Return the checked case of a folder or its case.toml, with "key=value" overrides applied.

    InputError with every mistake of the file, of its materials, its protocol and its mesh's names.
    """
    file = case_file(Path(path))
    source = Source(file)
    for override in overrides:
        source.override(override)
    sections = Sections(file.parent, source.data, source.place)
    for name, field in CaseFile.model_fields.items():
        if name == "regions":  # the mesh, whose names patterns stand for, was read before
            source.spread_patterns(_mesh_regions(sections))
        if name in source.data:
            sections.valid[name] = _section(name, field, source)
        elif field.is_required():
            what, remedy = f"'{name}' is missing", f"it is: {meaning(CaseFile, name)}"
            source.problems.append(Problem(str(file), what, remedy))
        else:
            sections.valid[name] = field.get_default(call_default_factory=True)
            if name in WITHOUT_EFFECTIVE and "effective" not in source.data:
                what, remedy = f"'{name}' is missing", f"it is: {meaning(CaseFile, name)}"
                source.problems.append(Problem(str(file), what, remedy))
    for name in source.data:
        if name not in CaseFile.model_fields:
            what, remedy = f"'{name}' is not a key here", nearest(name, CaseFile.model_fields)
            source.problems.append(Problem(source.place((name,), table=True), what, remedy))
    problems = [*source.problems, *inconsistencies(sections)]
    if problems:
        raise InputError(sorted(dict.fromkeys(problems), key=_order))
    origins = {path: source.origin(path) for path in _paths(source.data)}
    return Case.model_construct(
        **sections.valid,
        directory=file.parent,
        written=source.data,
        origins=origins,
        patterns=source.patterns["interfaces"],
    )


def _mesh_regions(sections: Sections) -> tuple[str, ...]:
    """Return the regions of the mesh where they can be known already; what is wrong with it is said later."""
    mesh = sections.valid.get("mesh")
    path = None if mesh is None else sections.directory / mesh.recipe
    if mesh is None or path is None or not os.path.isfile(path):
        return ()  # unlike Path.is_file, false also for a name no file can have
    try:
        return mesh_names(path, mesh.replaced, lambda keys: sections.place(("mesh", *keys)))[0]
    except InputError:
        return ()


def has_study(case: Path) -> bool:
    """Return whether there is a study beside a case."""
    return case_file(case).with_name(STUDY_FILE).is_file()


def case_file(path: Path) -> Path:
    """Return the case.toml a folder or file name means."""
    file = path / "case.toml" if path.is_dir() else path
    if file.is_file():
        return file
    if path.is_dir():
        raise InputError(
            Problem(str(path), "there is no case.toml in this folder", "give the folder of a case")
        )
    parent = path.parent
    near = (
        difflib.get_close_matches(path.name, [each.name for each in parent.iterdir()])
        if parent.is_dir()
        else []
    )
    remedy = f"did you mean '{parent / near[0]}'?" if near else "see `chemomech list cases`"
    raise InputError(Problem(str(path), "no such file or folder", remedy))


class Source:
    """The text of a TOML file as data, with the line or the override each key came from."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self.patterns: dict[str, dict[str, str]] = {"regions": {}, "interfaces": {}}
        """section -> key that a pattern stood for -> the pattern"""
        self._overridden: dict[Location, str] = {}
        text = read_text(file, MAXIMUM_BYTES)
        try:
            self.data: dict[str, Any] = tomllib.loads(text)
            self._lines = key_lines(text)
        except tomllib.TOMLDecodeError as error:
            line = re.search(r"\(at line (\d+)", str(error))
            place = f"{file}:{line[1]}" if line else str(file)
            what = re.sub(r" \(at (line|end).*\)", "", str(error))
            raise InputError(
                Problem(place, f"not TOML: {what[:1].lower()}{what[1:]}", "mend this line")
            ) from None
        except RecursionError:
            raise InputError(Problem(str(file), "lists within lists too deep", "flatten them")) from None

    def override(self, text: str) -> None:
        """Apply "key.path=value"; the value is TOML, and a string where it is not."""
        key, mark, value = text.partition("=")
        place = f"--set {text}"
        try:
            path = split_key(key.strip())
        except ValueError:
            path = ()
        if not mark or not path:
            self.problems.append(
                Problem(place, "not an override", "write for example --set protocol.cycles=3")
            )
            return
        if path[0] == "mesh" and len(path) > 1 and isinstance(self.data.get("mesh"), str):
            self.data["mesh"] = {
                "recipe": self.data["mesh"]
            }  # text names the recipe; now a key of it follows
        target: Any = self.data
        steps: list[str | int] = []
        for position, part in enumerate(path):
            step: str | int = part
            if isinstance(target, list) and part.isdecimal() and int(part) < len(target):
                step = int(part)
            elif not isinstance(target, dict):
                inside = ".".join(path[:position])
                self.problems.append(
                    Problem(place, f"'{inside}' holds nothing named '{part}'", "check the key")
                )
                return
            steps.append(step)
            if position == len(path) - 1:
                target[step] = _value(value.strip())
            elif isinstance(step, str):
                target = target.setdefault(step, {})
            else:
                target = target[step]
        self._overridden[tuple(steps)] = place

    def spread_patterns(self, mesh_regions: Sequence[str]) -> None:
        """Put what they stand for in place of names with a star, in [regions] and in [interfaces]."""
        regions = self.data.get("regions")
        if isinstance(regions, dict) and any(STAR in key for key in regions) and mesh_regions:
            self._spread("regions", spread_regions(regions, mesh_regions))
        regions, interfaces = self.data.get("regions"), self.data.get("interfaces")
        if isinstance(interfaces, dict) and any(STAR in key for key in interfaces):
            self._spread("interfaces", spread_interfaces(interfaces, tuple(regions or ())))

    def _spread(self, section: str, found: Spread) -> None:
        for key in found.idle:
            what = f"no {'region' if section == 'regions' else 'two regions'} of that name: '{key}'"
            self.problems.append(
                Problem(self.place((section, key), table=True), what, "write names that are there")
            )
        for name, first, second in found.twice:
            what = f"'{name}' is meant by '{first}' and by '{second}'"
            remedy = f"name it by itself, or narrow one of the two: {name}"
            self.problems.append(Problem(self.place((section, second), table=True), what, remedy))
        self.data[section] = found.entries
        self.patterns[section] = found.patterns

    def place(self, location: Location, *, table: bool = False) -> str:
        """Return where a key was written: "case.toml:12 [protocol] cycles" or "--set protocol.cycles=0".

        `table`: name only the table the key is in.
        """
        if len(location) > 1:
            pattern = self.patterns.get(str(location[0]), {}).get(str(location[1]))
            location = location if pattern is None else (location[0], pattern, *location[2:])
        keys = location
        while keys and isinstance(keys[-1], int):
            keys = keys[:-1]
        inside = f" [{_dotted(keys[:-1])}]" if len(keys) > 1 else ""
        name = inside if table or not keys else f"{inside} {keys[-1]}"
        above = [location[:length] for length in range(len(location), 0, -1)]
        for key in above:  # an override replaces all that the file says below its key
            if key in self._overridden:
                return self._overridden[key]
        if location not in self._lines:
            for path, place in self._overridden.items():
                if path[: len(location)] == location:
                    return place
        for key in above:
            if key in self._lines:
                return f"{self.file}:{self._lines[key]}{name}"
        return f"{self.file}{name}"

    def origin(self, location: Location) -> str:
        """Return where a key was written, in short: "case.toml:12" or "--set protocol.cycles=0"."""
        place = self.place(location, table=True)
        if place.startswith("--set "):
            return place
        return f"{self.file.name}{place.removeprefix(str(self.file)).partition(' ')[0]}"


def read_text(file: Path, limit: int) -> str:
    """Return the text of a file of at most `limit` bytes; InputError if it cannot be had."""
    try:
        with file.open("rb") as stream:
            content = stream.read(limit + 1)
        if len(content) > limit:
            raise InputError(Problem(str(file), f"larger than {limit} bytes", "this is no input file"))
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise InputError(Problem(str(file), "not text in UTF-8", "save it as UTF-8")) from None
    except OSError as error:
        raise InputError(
            Problem(str(file), f"cannot be read ({error.strerror})", "check its permissions")
        ) from None


def _value(text: str) -> object:
    """Return what a TOML value means, the text itself where it is none."""
    try:
        data = tomllib.loads(f"value = {text}")
    except (tomllib.TOMLDecodeError, RecursionError):
        return text
    return data["value"] if set(data) == {"value"} else text


def _section(name: str, field: FieldInfo, source: Source) -> Any:
    """Return what is valid of one section; its mistakes go to the source. None where nothing is."""
    raw = source.data[name]
    entry = _entry(field.annotation)
    if entry is not None and isinstance(raw, dict) and raw:
        results = {key: _validated(entry, value, (name, key), source) for key, value in raw.items()}
        return {key: result for key, result in results.items() if result is not None}
    annotation: Any = field.annotation
    if field.metadata:
        annotation = getitem(Annotated, (annotation, *field.metadata))
    return _validated(annotation, raw, (name,), source)


def _entry(annotation: Any) -> type[BaseModel] | None:
    """Return the model of the entries of a Mapping[str, Model], None for anything else."""
    arguments = get_args(annotation)
    if len(arguments) == 2 and isinstance(arguments[1], type) and issubclass(arguments[1], BaseModel):
        return arguments[1]
    return None


def _validated(annotation: Any, value: object, location: Location, source: Source) -> Any:
    """Return the validated value, None after its mistakes were noted."""
    try:
        return TypeAdapter(annotation).validate_python(value)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            where = (*location, *detail["loc"])
            what, remedy = reworded(detail, where, CaseFile)
            of_table = detail["type"] in ("extra_forbidden", "missing")
            source.problems.append(Problem(source.place(where, table=of_table), what, remedy))
        return None


def _paths(data: object, path: Location = ()) -> Iterator[Location]:
    """Yield the path of every key and list entry."""
    if path:
        yield path
    entries = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in entries:
        yield from _paths(value, (*path, key))


def _dotted(location: Location) -> str:
    """Return a key as TOML writes it."""
    parts = (str(part) for part in location)
    return ".".join(part if re.fullmatch(r"[A-Za-z0-9_-]+", part) else f'"{part}"' for part in parts)


def _order(problem: Problem) -> tuple[bool, int]:
    """Sort by line, overrides last."""
    line = re.search(r"\.toml:(\d+)", problem.place)
    return problem.place.startswith("--set"), int(line[1]) if line else 0
