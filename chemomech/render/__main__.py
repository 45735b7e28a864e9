"""`python -m chemomech.render RESULTS [--no-animation]`: make the figures of a results folder."""

import argparse
import sys
from pathlib import Path

from chemomech.errors import InputError
from chemomech.render.report import render_results


def main() -> int:
    """Render one results folder; 0 when done, 2 when it cannot be read."""
    parser = argparse.ArgumentParser(
        prog="python -m chemomech.render", description="Make the figures of a run."
    )
    parser.add_argument("results", type=Path, help="the results folder")
    parser.add_argument("--no-animation", action="store_true", help="leave the animation out")
    arguments = parser.parse_args()
    try:
        made = render_results(arguments.results, animation=not arguments.no_animation)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    for path in made:
        print(path)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
