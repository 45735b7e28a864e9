"""Names with a star: one table of a case for all regions, or for all pairs of regions, whose names match.

`[regions."electrolyte_*"]` stands for every region of the mesh that matches and is not named by itself;
`[interfaces."electrolyte_*|electrolyte_*"]` for every pair of different regions that match and is not named by itself.
A pair that a pattern gives need not touch in the mesh.
"""

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import product
from typing import Any, Final, NamedTuple

STAR: Final = "*"


class Spread(NamedTuple):
    """A table of a case without patterns."""

    entries: dict[str, Any]
    patterns: dict[str, str]
    """key that a pattern stood for -> the pattern"""
    idle: tuple[str, ...]
    """patterns that stand for nothing"""
    twice: tuple[tuple[str, str, str], ...]
    """key, and two patterns that both stand for it"""


def matching(pattern: str, names: Iterable[str]) -> tuple[str, ...]:
    """Return the names that a pattern (or a name) stands for."""
    return tuple(name for name in names if fnmatchcase(name, pattern))


def spread_regions(table: Mapping[str, Any], names: Sequence[str]) -> Spread:
    """Return the regions of a case, with those of the mesh (`names`) in place of patterns."""
    found = {key: [key] if STAR not in key else list(matching(key, names)) for key in table}
    return _spread(table, found)


def spread_interfaces(table: Mapping[str, Any], names: Sequence[str]) -> Spread:
    """Return the interfaces of a case, with all pairs of its regions (`names`) in place of patterns."""
    found: dict[str, list[str]] = {}
    for key in table:
        sides = [side.strip() for side in key.split("|")]
        if STAR not in key or len(sides) != 2:
            found[key] = [key]
            continue
        ones, others = (matching(side, names) for side in sides)
        pairs: dict[frozenset[str], str] = {}
        for one, other in product(ones, others):
            if one != other:
                pairs.setdefault(frozenset((one, other)), f"{one}|{other}")
        found[key] = list(pairs.values())
    return _spread(table, found)


def _spread(table: Mapping[str, Any], found: Mapping[str, list[str]]) -> Spread:
    explicit = {_sides(key) for key in table if STAR not in key}
    entries: dict[str, Any] = {}
    patterns: dict[str, str] = {}
    owners: dict[frozenset[str], str] = {}
    twice = []
    for key, names in found.items():
        for name in names:
            sides = _sides(name)
            if STAR not in key:
                entries[name] = table[key]
            elif sides in owners:
                twice.append((name, owners[sides], key))
            elif sides not in explicit:
                owners[sides] = patterns[name] = key
                entries[name] = table[key]
    idle = tuple(key for key, names in found.items() if not names)
    return Spread(entries, patterns, idle, tuple(twice))


def _sides(key: str) -> frozenset[str]:
    return frozenset(side.strip() for side in key.split("|"))
