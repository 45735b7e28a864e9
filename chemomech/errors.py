"""What is said to a user whose input cannot be used: the place, the mistake, the remedy."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One mistake in the input: where it is, what it is, and how to mend it."""

    place: str
    what: str
    remedy: str = ""

    def __str__(self) -> str:
        """Return the mistake as one line."""
        line = f"{self.place}: {self.what}" if self.place else self.what
        return f"{line}; {self.remedy}" if self.remedy else line


class InputError(Exception):
    """Input that cannot be used; carries every mistake found, not only the first."""

    def __init__(self, problems: Problem | Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))

    def __reduce__(self) -> tuple[type["InputError"], tuple[tuple[Problem, ...]]]:
        """Survive the way from one rank to the others."""
        return InputError, (self.problems,)


class RunError(Exception):
    """A run that had to stop: a named reason and what the user can do about it."""
