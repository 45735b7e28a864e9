"""`python -m chemomech.render RESULTS [--no-animation]`: make the figures of a results folder."""

import argparse
import sys
from pathlib import Path

from chemomech.errors import InputError
from chemomech.render.report import render_results
from chemomech.render.study import render_study
from chemomech.results.study import is_study


def main() -> int:
    """Render one results folder, of a run or of a study; 0 when done, 2 when it cannot be read."""
    parser = argparse.ArgumentParser(
        prog="python -m chemomech.render", description="Make the figures of a run."
    )
    parser.add_argument("results", type=Path, help="the results folder")
    parser.add_argument("--no-animation", action="store_true", help="leave the animation out")
    arguments = parser.parse_args()
    try:
        if is_study(arguments.results):
            made = render_study(arguments.results)
        else:
            made = render_results(arguments.results, animation=not arguments.no_animation)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    for path in made:
        print(path)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
