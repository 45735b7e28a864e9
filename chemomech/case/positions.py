"""Where each key of a TOML text stands, so that a message can name its line.

tomllib has accepted the text before it comes here: this scan only follows its shape and judges nothing.
"""

import tomllib
from typing import Final

Path = tuple[str | int, ...]

_BLANK: Final = " \t"
_SPACE: Final = " \t\r\n"
_KEY_ENDS: Final = " \t\r\n.=]}#"


def key_lines(text: str) -> dict[Path, int]:
    """Return the line (from 1) of every table, key and list entry of a valid TOML text."""
    return _Scan(text).lines


def split_key(text: str) -> tuple[str, ...]:
    """Return the parts of a dotted key such as `interfaces."a|b".stress`; ValueError if it is none."""
    scan = _Scan("")
    scan.text = text
    parts = scan.key()
    if scan.at != len(text) or not all(parts):
        raise ValueError(text)
    return parts


class _Scan:
    """One pass over the text; `at` is the place reached."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text.replace("\r\n", "\n"), 0
        self.lines: dict[Path, int] = {}
        self._counts: dict[Path, int] = {}
        self._counted_at, self._line = 0, 1
        self._document()

    def _line_here(self) -> int:
        self._line += self.text.count("\n", self._counted_at, self.at)
        self._counted_at = self.at
        return self._line

    def _skip(self, characters: str) -> None:
        while self.at < len(self.text):
            if self.text[self.at] == "#" and "\n" in characters:
                end = self.text.find("\n", self.at)
                self.at = len(self.text) if end < 0 else end
            elif self.text[self.at] in characters:
                self.at += 1
            else:
                return

    def _document(self) -> None:
        table: Path = ()
        self._skip(_SPACE)
        while self.at < len(self.text):
            line = self._line_here()
            if self.text.startswith("[[", self.at):
                self.at += 2
                path = self._table(self.key())
                count = self._counts.get(path, 0)
                self._counts[path] = count + 1
                self.lines.setdefault(path, line)
                table = (*path, count)
                self.lines[table] = line
                self.at += 2
            elif self.text[self.at] == "[":
                self.at += 1
                table = self._table(self.key())
                for length in range(1, len(table) + 1):
                    self.lines.setdefault(table[:length], line)
                self.at += 1
            else:
                self._pair(table)
            self._skip(_SPACE)

    def _table(self, key: tuple[str, ...]) -> Path:
        """Return the path of a header: a name that is a list of tables means its last entry."""
        path: Path = ()
        for position, part in enumerate(key):
            path = (*path, part)
            if path in self._counts and position < len(key) - 1:
                path = (*path, self._counts[path] - 1)
        return path

    def _pair(self, table: Path) -> None:
        line = self._line_here()
        path = table
        for part in self.key():
            path = (*path, part)
            self.lines.setdefault(path, line)
        self.at += 1  # the equals sign
        self._skip(_BLANK)
        self._value(path)

    def key(self) -> tuple[str, ...]:
        """Read a dotted key and the blanks behind it."""
        parts: list[str] = []
        while True:
            self._skip(_BLANK)
            start = self.at
            if self.at < len(self.text) and self.text[self.at] in "\"'":
                self._string()
                parts.append(_unquoted(self.text[start : self.at]))
            else:
                while self.at < len(self.text) and self.text[self.at] not in _KEY_ENDS:
                    self.at += 1
                parts.append(self.text[start : self.at])
            self._skip(_BLANK)
            if self.at >= len(self.text) or self.text[self.at] != ".":
                return tuple(parts)
            self.at += 1

    def _string(self) -> None:
        quote = self.text[self.at]
        mark = quote * 3 if self.text.startswith(quote * 3, self.at) else quote
        self.at += len(mark)
        while self.at < len(self.text) and not self.text.startswith(mark, self.at):
            self.at += 2 if quote == '"' and self.text[self.at] == "\\" else 1
        self.at += len(mark)
        while len(mark) == 3 and self.text.startswith(quote, self.at):  # up to two quotes may end the content
            self.at += 1

    def _value(self, path: Path) -> None:
        opening = self.text[self.at : self.at + 1]
        if opening and opening in "\"'":
            self._string()
        elif opening == "[":
            self._items(path, "]")
        elif opening == "{":
            self._items(path, "}")
        else:
            while self.at < len(self.text) and self.text[self.at] not in ",]}#\n":
                self.at += 1

    def _items(self, path: Path, closing: str) -> None:
        self.at += 1
        count = 0
        while True:
            self._skip(_SPACE + ",")
            if self.at >= len(self.text) or self.text[self.at] == closing:
                self.at += 1
                return
            if closing == "}":
                self._pair(path)
            else:
                self.lines[(*path, count)] = self._line_here()
                self._value((*path, count))
                count += 1


def _unquoted(text: str) -> str:
    """Return what a quoted key means, escapes included."""
    try:
        return next(iter(tomllib.loads(f"{text} = 0")))
    except tomllib.TOMLDecodeError:
        raise ValueError(text) from None
