"""Values of a study as --set takes them: TOML on one line."""

import json
from typing import Any, Final

HOLE: Final = "{}"
"""Where the value of an axis goes in what is written into a key."""


class UnwritableError(ValueError):
    """A value that cannot be written into a key; its text is one sentence for the user."""


def filled(template: Any, value: Any) -> Any:
    """Return a template with the value in place of {}: as it is where {} stands alone, in words inside text."""
    if isinstance(template, str):
        return value if template == HOLE else template.replace(HOLE, str(value))
    if isinstance(template, list):
        return [filled(entry, value) for entry in template]
    if isinstance(template, dict):
        return {key: filled(entry, value) for key, entry in template.items()}
    return template


def written(value: Any) -> str:
    """Return a value as TOML on one line; UnwritableError where it is none of text, number, list and table."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, list | tuple):
        return f"[{', '.join(written(entry) for entry in value)}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {written(entry)}" for key, entry in value.items()) + "}"
    raise UnwritableError(f"a {type(value).__name__} cannot be written into a key")
