"""From study.toml and its case to the points of a study, or to every mistake of both at once."""

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from chemomech.case.positions import split_key
from chemomech.case.read import STUDY_FILE, Source, case_file, read_case
from chemomech.case.units import UnitError, in_unit
from chemomech.case.wording import Location, nearest, reworded
from chemomech.errors import InputError, Problem
from chemomech.results import study as results
from chemomech.results.format import split_unit
from chemomech.study import schema
from chemomech.study.identity import identity
from chemomech.study.written import UnwritableError, filled, written

MAXIMUM_POINTS: Final = 10_000
"""Most points that a study may have: more are a slip of a key."""


@dataclass(frozen=True)
class Point:
    """One run: where it is on the axes, what it changes in the case, and what its results belong to."""

    at: tuple[int, ...]
    name: str
    """Folder of its results."""
    said: str
    """Where it is, in words."""
    overrides: tuple[str, ...]
    identity: str


@dataclass(frozen=True)
class Study:
    """A study that was read and checked with its case."""

    file: Path
    directory: Path
    """Folder of the case."""
    asked: schema.StudyFile
    axes: tuple[results.Axis, ...]
    points: tuple[Point, ...]
    lines: Mapping[tuple[str | int, ...], str]
    """Where each figure and each derived number is written."""


@dataclass
class _Axis:
    """One axis on its way: per value its override texts, and the place in study.toml of each override."""

    record: results.Axis
    overrides: list[list[str]] = field(default_factory=list)
    places: dict[str, str] = field(default_factory=dict)


def read_study(case: Path, overrides: Sequence[str] = ()) -> Study:
    """Return the checked study beside a case; `overrides` change the case of every point.

    InputError with every mistake: of study.toml, and of the case at any point, named by the line that causes it.
    """
    read_case(case, overrides)  # mistakes of the case alone come first and once
    file = case_file(case).parent / STUDY_FILE
    if not file.is_file():
        raise InputError(
            Problem(str(file), "there is no such file", "see docs/studies.md, or use `chemomech run`")
        )
    source = Source(file)
    asked = _validated(source)
    axes = [_axis(number, axis, source) for number, axis in enumerate(asked.axis)]
    _names_once(axes, source)
    _check_figures(asked, [axis.record for axis in axes], source)
    if source.problems:
        raise InputError(_sorted(source.problems))
    count = 1
    for axis in axes:
        count *= len(axis.overrides)
    if count > MAXIMUM_POINTS:
        raise InputError(
            Problem(source.place(("axis",)), f"{count} points", f"at most {MAXIMUM_POINTS} are run")
        )
    records = tuple(axis.record for axis in axes)
    points = tuple(_points(case, overrides, axes, source))
    if source.problems:
        raise InputError(_sorted(source.problems))
    lines: dict[Location, str] = {
        ("figure", number): source.place(("figure", number), table=True)
        for number in range(len(asked.figure))
    }
    lines |= {("derived", name): source.place(("derived", name)) for name in asked.derived}
    return Study(file, file.parent, asked, records, points, lines)


def _sorted(problems: Sequence[Problem]) -> list[Problem]:
    """Return problems once each, in the order of their lines."""

    def line(problem: Problem) -> int:
        found = re.search(r"\.toml:(\d+)", problem.place)
        return int(found[1]) if found else 0

    return sorted(dict.fromkeys(problems), key=line)


def _validated(source: Source) -> schema.StudyFile:
    try:
        return TypeAdapter(schema.StudyFile).validate_python(source.data)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            where = detail["loc"]
            what, remedy = reworded(detail, where, schema.StudyFile)
            of_table = detail["type"] in ("extra_forbidden", "missing")
            source.problems.append(Problem(source.place(where, table=of_table), what, remedy))
        raise InputError(_sorted(source.problems)) from None


# ---- axes ---------------------------------------------------------------------------------------------------


def _axis(number: int, axis: schema.Axis, source: Source) -> _Axis:
    """Return an axis with what each of its values writes into the case."""
    here: Location = ("axis", number)
    if axis.variant is not None:
        given = [one.number for one in axis.variant if one.number is not None]
        made = _Axis(_record(axis, [one.name for one in axis.variant], given or None))
        for position, one in enumerate(axis.variant):
            spot = (*here, "variant", position, "set")
            made.overrides.append(_overrides(one.set, spot, spot, source, made.places))
        return made
    assert axis.values is not None  # the schema saw to it
    numbers = _numbers(axis, here, source)
    labels = [f"{value:.6g}" for value in numbers]
    made = _Axis(_record(axis, labels, numbers))
    templates = {axis.key: "{}"} if axis.key is not None else axis.set or {}
    spot = (*here, "key") if axis.key is not None else (*here, "set")
    for position, value in enumerate(axis.values):
        changes = {key: filled(template, value) for key, template in templates.items()}
        made.overrides.append(_overrides(changes, spot, (*here, "values", position), source, made.places))
        if axis.set is not None and position == 0 and changes == dict(axis.set):
            source.problems.append(
                Problem(source.place(spot), "the value goes nowhere", "write {} where it goes")
            )
    return made


def _record(axis: schema.Axis, labels: Sequence[str], numbers: Sequence[float] | None) -> results.Axis:
    positions = tuple(range(len(labels))) if numbers is None else tuple(numbers)
    return results.Axis(
        axis.name, tuple(map(float, positions)), tuple(labels), numbers is None, axis.statistic
    )


def _numbers(axis: schema.Axis, here: Location, source: Source) -> list[float]:
    """Return the position of each value: as given, the value itself, or the quantity in the unit of the name."""
    assert axis.values is not None
    if axis.numbers is not None:
        return list(axis.numbers)
    unit = split_unit(axis.name)[1]
    found = []
    for position, value in enumerate(axis.values):
        plain = isinstance(value, int | float) and not isinstance(value, bool)
        try:
            found.append(float(value) if plain else in_unit(value if isinstance(value, str) else "", unit))
        except UnitError as error:
            what = f"'{value}' has no position on the axis '{axis.name}' ({str(error).partition(';')[0]})"
            remedy = "give numbers = [...], one for each value"
            source.problems.append(Problem(source.place((*here, "values", position)), what, remedy))
            found.append(float(position))
    return found


def _overrides(
    changes: Mapping[str, Any], keys: Location, value: Location, source: Source, places: dict[str, str]
) -> list[str]:
    """Return changes as texts for --set; notes where each is written, and keys and values that cannot be."""
    found = []
    for key, content in changes.items():
        try:
            split_key(key)
            text = f"{key}={written(content)}"
        except UnwritableError as error:
            source.problems.append(
                Problem(source.place(value), str(error), "write text, numbers, lists or tables")
            )
        except ValueError:
            what, remedy = f"'{key}' is not a key", 'write it as for --set, e.g. "protocol.steps.0"'
            source.problems.append(Problem(source.place(keys), what, remedy))
        else:
            found.append(text)
            places[f"--set {text}"] = source.place(value)
    return found


def _names_once(axes: Sequence[_Axis], source: Source) -> None:
    """Names of axes, values on an axis, and keys of the case must not occur twice."""
    names = [axis.record.name for axis in axes]
    owner: dict[tuple[str, ...], int] = {}
    for number, axis in enumerate(axes):
        if names.index(axis.record.name) != number:
            where = source.place(("axis", number, "name"))
            source.problems.append(Problem(where, f"two axes are named '{axis.record.name}'", "rename one"))
        for label in dict.fromkeys(axis.record.labels):
            if axis.record.labels.count(label) > 1:
                where = source.place(("axis", number), table=True)
                source.problems.append(Problem(where, f"'{label}' is there twice", "keep one of them"))
        for key in dict.fromkeys(key for texts in axis.overrides for key in _keys(texts)):
            where = source.place(("axis", number), table=True)
            if owner.setdefault(key, number) != number:
                what = f"'{'.'.join(key)}' is also changed by the axis '{names[owner[key]]}'"
                source.problems.append(Problem(where, what, "change a key along one axis only"))
            for other, first in owner.items():
                if first < number and len(other) > len(key) and other[: len(key)] == key:
                    what = f"'{'.'.join(key)}' replaces what the axis '{names[first]}' wrote into it"
                    source.problems.append(Problem(where, what, "put this axis first"))


def _keys(overrides: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the keys of texts for --set."""
    return [split_key(text.partition("=")[0]) for text in overrides]


# ---- figures and derived numbers ------------------------------------------------------------------------------


def _check_figures(asked: schema.StudyFile, axes: Sequence[results.Axis], source: Source) -> None:
    """Axes that figures and derived numbers name must exist and suffice; columns are known once points have run."""
    known = {axis.name: axis for axis in axes}
    seen: list[str] = []
    for number, figure in enumerate(asked.figure):
        here: Location = ("figure", number)
        if figure.name in seen:
            where = source.place((*here, "name"))
            source.problems.append(Problem(where, f"two figures are named '{figure.name}'", "rename one"))
        seen.append(figure.name)
        if figure.table != "summary":  # of each run: columns are known once points have run
            rows = [("y", figure.y[0])] if figure.colour is not None else []
            _check_axes(here, rows, figure.where, known, source)
            continue
        named = [("x", figure.x)] if figure.x in known else []
        named += [("by", figure.by)] if figure.by is not None else []
        named += [("y", figure.y[0])] if figure.colour is not None else []
        named += [("x", figure.x)] if figure.colour is not None and figure.x not in known else []
        _check_axes(here, named, figure.where, known, source)
        used = {name for _, name in named} | figure.where.keys()
        if figure.x in known or figure.colour is not None:
            for axis in axes:
                if not axis.statistic and axis.name not in used:
                    how = (
                        "'where'" if figure.colour is not None or figure.by is not None else "'by' or 'where'"
                    )
                    what = f"says nothing of the axis '{axis.name}'"
                    source.problems.append(Problem(source.place(here, table=True), what, f"name it in {how}"))
    for name, derived in asked.derived.items():
        named = [("x", derived.x)] if derived.x is not None else []
        _check_axes(("derived", name), named, derived.where, known, source)


def _check_axes(
    here: Location,
    named: Sequence[tuple[str, str]],
    where: Mapping[str, str | float],
    known: Mapping[str, results.Axis],
    source: Source,
) -> None:
    """Note axes that do not exist, those named twice, those that repeat, and values that no axis has."""
    seen: set[str] = set()
    for key, name in [*named, *(("where", name) for name in where)]:
        place = source.place((*here, key))
        if name not in known:
            source.problems.append(Problem(place, f"there is no axis '{name}'", nearest(name, known)))
        elif name in seen:
            source.problems.append(Problem(place, f"the axis '{name}' is used twice", "use it once"))
        elif known[name].statistic:
            what = f"the axis '{name}' is taken together (statistic = true)"
            source.problems.append(Problem(place, what, "use another"))
        elif key == "where" and known[name].find(where[name]) is None:
            what = f"the axis '{name}' has no value '{where[name]}'"
            source.problems.append(Problem(place, what, nearest(str(where[name]), known[name].labels)))
        seen.add(name)


# ---- points -----------------------------------------------------------------------------------------------------


def _points(case: Path, common: Sequence[str], axes: Sequence[_Axis], source: Source) -> Iterator[Point]:
    """Yield every point whose case is free of mistakes; the mistakes of the others go to the source."""
    places = {place: text for axis in axes for place, text in axis.places.items()}
    names: set[str] = set()
    said_before: set[Problem] = set()
    for at in itertools.product(*(range(len(axis.overrides)) for axis in axes)):
        pairs = [(axis, index) for axis, index in zip(axes, at, strict=True)]
        overrides = tuple(text for axis, index in pairs for text in axis.overrides[index])
        said = ", ".join(axis.record.said(index) for axis, index in pairs)
        name = _folder([axis.record for axis in axes], at, names)
        try:
            found = identity(read_case(case, (*common, *overrides)))
        except InputError as error:
            for problem in set(error.problems) - said_before:
                said_before.add(problem)
                known = places.get(problem.place)
                place = known if known is not None else f"{source.file}, {said}: {problem.place}"
                source.problems.append(Problem(place, problem.what, problem.remedy))
            continue
        yield Point(at, name, said, overrides, found)


def _folder(axes: Sequence[results.Axis], at: Sequence[int], taken: set[str]) -> str:
    """Return a name for the folder of a point that no other point has, the same whatever other values there are."""
    parts = [
        f"{_slug(split_unit(axis.name)[0])}={_slug(axis.labels[i])}" for axis, i in zip(axes, at, strict=True)
    ]
    name = unique = "__".join(parts)[:200]
    for number in itertools.count(2):
        if unique not in taken:
            break
        unique = f"{name}-{number}"
    taken.add(unique)
    return unique


def _slug(text: str) -> str:
    """Return text that can be part of a file's name anywhere."""
    return re.sub(r"[^A-Za-z0-9.+-]+", "_", text).strip("_.") or "x"
