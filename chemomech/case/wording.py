"""What pydantic found, in plain words."""

import ast
import difflib
import inspect
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from itertools import pairwise
from types import NoneType
from typing import Annotated, Any, Final, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

Location = tuple[str | int, ...]

_TYPES: Final = {
    "string_type": "is not text: write it in quotes",
    "bool_type": "is neither true nor false: write true or false",
    "int_type": "is not a whole number: write it without quotes or decimals",
    "int_from_float": "is not a whole number: write it without quotes or decimals",
    "float_type": "is not a number: write it without quotes",
    "finite_number": "is not a finite number: write a finite one",
    "tuple_type": "is not a list: write it in [ ]",
    "list_type": "is not a list: write it in [ ]",
    "dict_type": "is not a table: write it in { }, or below a [header]",
    "mapping_type": "is not a table: write it in { }, or below a [header]",
    "model_type": "is not a table: write it in { }, or below a [header]",
    "model_attributes_type": "is not a table: write it in { }, or below a [header]",
}


def nearest(word: str, known: Iterable[str]) -> str:
    """Return "did you mean 'x'?" or the list of what is known."""
    names = list(known)
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    if close:
        return f"did you mean '{close[0]}'?"
    return f"known are {', '.join(names)}" if names else "there are none"


def reworded(detail: ErrorDetails, location: Location, root: type[BaseModel]) -> tuple[str, str]:
    """Return what is wrong and the remedy for one error of pydantic at a place below the model `root`."""
    kind, key, value = detail["type"], location[-1] if location else "", detail.get("input")
    context: Mapping[str, Any] = detail.get("ctx", {})
    if kind == "extra_forbidden":
        parent = _model_at(root, location[:-1])
        return f"'{key}' is not a key here", nearest(str(key), parent.model_fields if parent else ())
    if kind == "missing":
        return f"'{key}' is missing", _example(root, location)
    if kind == "chemomech":
        return str(context["what"]), str(context["remedy"])
    if kind == "literal_error":
        parent = _model_at(root, location[:-1])
        field = parent.model_fields.get(str(key)) if parent else None
        words = literals(field.annotation) if field is not None else literals(_element(root, location))
        choices = ", ".join(str(word) for word in words)
        close = difflib.get_close_matches(str(value), [str(word) for word in words], n=1)
        did = f"did you mean '{close[0]}'? " if close else ""
        return f"'{value}' is not a choice", f"{did}choices are {choices}"
    if kind in _TYPES:
        what, _, remedy = _TYPES[kind].partition(": ")
        return f"{_shown(value)} {what}", remedy
    if kind in ("greater_than", "greater_than_equal", "less_than", "less_than_equal"):
        words_of = {"greater_than": "above", "greater_than_equal": "at least", "less_than": "below"}
        limit = next(iter(context.values()))
        return (
            f"{_shown(value)} is outside its range",
            f"it must be {words_of.get(kind, 'at most')} {limit:g}",
        )
    if kind in ("too_short", "string_too_short"):
        return "is empty", "write at least one entry" if kind == "too_short" else "write something"
    return str(detail["msg"]), ""


def meaning(model: type[BaseModel], key: str) -> str:
    """Return the first sentence of what a key of a table means."""
    return " ".join(meanings(model).get(key, "").split()).split(". ")[0].rstrip(".")


@cache
def meanings(model: type[BaseModel]) -> dict[str, str]:
    """Return what the keys of a table mean: the strings below them in the source.

    Read when somebody asks: pydantic would read them at every start, which takes a quarter of a second.
    """
    found: dict[str, str] = {}
    for part in reversed(model.__mro__):
        if part is BaseModel or not issubclass(part, BaseModel):
            continue
        for node in _parsed(part.__module__).body:
            if isinstance(node, ast.ClassDef) and node.name == part.__name__:
                found |= dict(_commented(node.body))
    return {key: found[key] for key in model.model_fields if key in found}


@cache
def _parsed(module: str) -> ast.Module:
    return ast.parse(inspect.getsource(sys.modules[module]))


def _commented(body: Iterable[ast.stmt]) -> Iterable[tuple[str, str]]:
    for key, text in pairwise(body):
        if (
            isinstance(key, ast.AnnAssign)
            and isinstance(key.target, ast.Name)
            and isinstance(text, ast.Expr)
            and isinstance(text.value, ast.Constant)
            and isinstance(text.value.value, str)
        ):
            yield key.target.id, inspect.cleandoc(text.value.value)


def literals(annotation: Any) -> tuple[Any, ...]:
    """Return the choices of a Literal, wherever it sits in an annotation."""
    arguments = get_args(annotation)
    if arguments and all(isinstance(each, str | int) for each in arguments):
        return arguments
    for each in arguments:
        if found := literals(each):
            return found
    return ()


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _example(root: type[BaseModel], location: Location) -> str:
    parent = _model_at(root, location[:-1])
    field = parent.model_fields.get(str(location[-1])) if parent else None
    if field is None:
        return ""
    example = next((part.example for part in field.metadata if hasattr(part, "example")), None)
    choices = literals(field.annotation)
    shown = f'"{example}"' if example else f'"{choices[0]}"' if choices else None
    assert parent is not None
    said = f"it is: {meaning(parent, str(location[-1]))}"
    return f"write for example {location[-1]} = {shown}; {said}" if shown else said


def _element(root: type[BaseModel], location: Location) -> Any:
    """Return the annotation of the list an entry is in."""
    for length in range(len(location) - 1, 0, -1):
        parent = _model_at(root, location[: length - 1])
        if parent is not None and location[length - 1] in parent.model_fields:
            return parent.model_fields[str(location[length - 1])].annotation
    return None


def _model_at(root: type[BaseModel], location: Location) -> type[BaseModel] | None:
    """Return the model whose table is at a location, None where there is none."""
    current: Any = root
    for part in location:
        if get_origin(current) is Annotated:
            current = get_args(current)[0]
        if isinstance(current, type) and issubclass(current, BaseModel):
            field = current.model_fields.get(str(part))
            current = field.annotation if field is not None else None
            inner = [each for each in get_args(current) if each is not NoneType]
            if len(inner) == 1:  # X | None
                current = inner[0]
        elif len(get_args(current)) == 2:  # Mapping[str, X] or tuple[X, ...]
            first, second = get_args(current)
            current = first if second is ... else second
        else:
            return None
    return current if isinstance(current, type) and issubclass(current, BaseModel) else None
