"""What a long run tells the person who waits: a live line in a terminal, plain lines elsewhere."""

import sys
import time as clock
from collections.abc import Mapping
from typing import Final

from rich.console import Console
from rich.status import Status

from chemomech.results import format as names
from chemomech.simulate import Moment

PLAIN_SECONDS: Final = 10.0
"""how often a log without a terminal gets a line"""


class Progress:
    """Reports on stderr, so that stdout stays free for results; silent when quiet."""

    def __init__(self, *, quiet: bool) -> None:
        self.quiet = quiet
        self._console = Console(file=sys.stderr, highlight=False)
        self._status: Status | None = None
        self._last = 0.0
        self._place: tuple[int, int] | None = None

    def say(self, text: str) -> None:
        """Report what is being prepared."""
        if self.quiet:
            return
        if self._console.is_terminal:
            self._show(text)
        else:
            print(f"[chemomech] {text}", file=sys.stderr, flush=True)

    def step(self, moment: Moment, row: Mapping[str, float]) -> None:
        """Report an accepted step; a plain log gets every change of protocol step and a line now and then."""
        if self.quiet:
            return
        place = moment.scheduled
        head = "start" if place is None else f"cycle {place.cycle}, step {place.index}: {place.step.text}"
        text = (
            f"{head} | t = {moment.time:.6g} s, dt = {moment.dt:.3g} s, {row[names.VOLTAGE]:.4f} V, "
            f"{row[names.CURRENT_DENSITY]:.4g} mA/cm2"
        )
        if self._console.is_terminal:
            self._show(text)
            return
        now = clock.monotonic()
        here = None if place is None else (place.cycle, place.index)
        if here != self._place or moment.last or now - self._last > PLAIN_SECONDS:
            print(f"[chemomech] {text}", file=sys.stderr, flush=True)
            self._last, self._place = now, here

    def _show(self, text: str) -> None:
        if self._status is None:
            self._status = self._console.status(text)
            self._status.start()
        else:
            self._status.update(text)

    def close(self) -> None:
        """Take the live line away."""
        if self._status is not None:
            self._status.stop()
            self._status = None
