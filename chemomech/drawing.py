"""Figures are drawn in a process of their own, because VTK and dolfinx bring different HDF5 libraries."""

import subprocess
import sys
from pathlib import Path

from chemomech.errors import RunError
from chemomech.ranks import environment


def draw(results: Path, *, animation: bool) -> None:
    """Draw the figures of a results folder; RunError where that fails."""
    command = [sys.executable, "-m", "chemomech.render", str(results)] + (
        [] if animation else ["--no-animation"]
    )
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise RunError(f"the run is complete, but its figures could not be drawn: {lines[-1]}")
