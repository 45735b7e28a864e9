"""The published form of the schema: docs/case.schema.json and the tables of docs/case.md.

Run `python -m chemomech.case.document docs` after a change of the schema.
"""

import json
import sys
from pathlib import Path
from types import NoneType
from typing import Any, Final, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from chemomech.case.schema import CaseFile, Quantity
from chemomech.case.wording import literals, meanings

MARK: Final = "<!-- The tables below are made by `python -m chemomech.case.document docs`. -->\n"


def schema_text() -> str:
    """Return the JSON schema of case.toml."""
    schema: dict[str, Any] = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    schema |= CaseFile.model_json_schema()
    _describe(schema, _models(CaseFile))
    schema["title"] = "chemomech case"
    return json.dumps(schema, indent=2) + "\n"


def _describe(schema: dict[str, Any], models: dict[str, type[BaseModel]]) -> None:
    # What keys mean goes to where pydantic would have put it.
    for name, model in models.items():
        properties = (schema if model is CaseFile else schema["$defs"][name])["properties"]
        for key, text in meanings(model).items():
            properties[key] = dict(sorted((properties[key] | {"description": text}).items()))


def _models(annotation: Any) -> dict[str, type[BaseModel]]:
    """Return all tables that an annotation leads to, by name."""
    if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        return {name: model for each in get_args(annotation) for name, model in _models(each).items()}
    inner = [_models(field.annotation) for field in annotation.model_fields.values()]
    return {annotation.__name__: annotation} | {name: model for each in inner for name, model in each.items()}


def tables_text() -> str:
    """Return one Markdown table per table of case.toml."""
    parts: list[str] = []
    _tables(CaseFile, "", parts)
    return "\n".join(parts)


def _tables(model: type[BaseModel], name: str, parts: list[str]) -> None:
    title = f"`[{name}]`" if name else "Top level"
    parts.append(f"## {title}\n\n{_line(model.__doc__)}\n")
    parts.append("| key | value | without it | meaning |\n|---|---|---|---|")
    inner: list[tuple[str, type[BaseModel]]] = []
    for key, field in model.model_fields.items():
        table = _table_of(field.annotation)
        if table is not None:
            path = f"{name}.{key}" if name else key
            inner.append((f"{path}.{table[1]}" if table[1] else path, table[0]))
        default = "required" if field.is_required() else _shown(field)
        parts.append(f"| `{key}` | {_value(field)} | {default} | {_line(meanings(model).get(key))} |")
    parts.append("")
    for path, below in inner:
        _tables(below, path, parts)


def _table_of(annotation: Any) -> tuple[type[BaseModel], str] | None:
    """Return the model of a table and how its own name is written ("" where the key is the name)."""
    arguments = [each for each in get_args(annotation) if each is not NoneType]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, ""
    if arguments and isinstance(arguments[-1], type) and issubclass(arguments[-1], BaseModel):
        return arguments[-1], "" if len(arguments) == 1 else '"a|b"' if "Interface" in str(
            arguments[-1]
        ) else "<name>"
    return None


def _value(field: FieldInfo) -> str:
    table = _table_of(field.annotation)
    if table is not None:
        extra = table[0].model_config.get("json_schema_extra")
        return "text or table" if isinstance(extra, dict) and "string" in str(extra.get("type")) else "table"
    if "Mapping" in str(field.annotation):
        return "table of quantities or numbers"
    quantity = _quantity(field.annotation, field.metadata)
    words = "list of " if "tuple[" in str(field.annotation) else ""
    if quantity is not None:
        return f'{words}`"{quantity.example}"`'
    choices = literals(field.annotation)
    if choices:
        return words + " \\| ".join(
            f"`{choice}`" if isinstance(choice, int) else f'`"{choice}"`' for choice in choices
        )
    names = {"bool": "true or false", "int": "whole number", "str": "text", "float": "number"}
    return words + next((name for part, name in names.items() if part in str(field.annotation)))


def _quantity(annotation: Any, metadata: list[Any]) -> Quantity | None:
    found = [part for part in metadata if isinstance(part, Quantity)]
    for each in get_args(annotation):
        inner = _quantity(each, list(getattr(each, "__metadata__", ())))
        found += [inner] if inner is not None else []
    return found[0] if found else None


def _shown(field: FieldInfo) -> str:
    default = field.get_default(call_default_factory=True)
    if default is None or default == {} or default == () or isinstance(default, BaseModel):
        return "none" if default is None else "empty" if default in ({}, ()) else "its defaults"
    quantity = _quantity(field.annotation, field.metadata)
    if quantity is not None and quantity.dimension == "time":
        return f'`"{default:g} s"`'
    return f"`{json.dumps(default)}`"


def _line(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|")


def write(directory: Path) -> None:
    """Write the schema, and the tables below the mark in case.md."""
    (directory / "case.schema.json").write_text(schema_text(), encoding="utf-8")
    page = directory / "case.md"
    head = page.read_text(encoding="utf-8").partition(MARK)[0]
    page.write_text(f"{head}{MARK}\n{tables_text()}", encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
