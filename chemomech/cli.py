"""The command line: one call per verb; what a verb needs is imported in it, so that the others stay quick."""

import json
import os
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter, validators

from chemomech.errors import InputError, Problem, RunError
from chemomech.ranks import complain, crash, launched, leave_together, rank, say

if TYPE_CHECKING:
    from chemomech.case.schema import Case

EffectiveQuantity = Literal["ionic_conductivity", "electronic_conductivity", "stiffness", "percolation"]

app = App(
    name="chemomech",
    help="How solid-state batteries live and die at their solid-solid interfaces.",
    help_format="plaintext",
    result_action="return_value",
    suppress_keyboard_interrupt=False,
    default_parameter=Parameter(negative=(), show_default=False),
)
Overrides = Annotated[
    tuple[str, ...], Parameter(name="--set", help="Replace one key, e.g. protocol.cycles=3.")
]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one verb and exit: 0 done, 1 figures off or a bug, 2 mistakes in the input, 3 a run had to stop."""
    sys.exit(outcome(arguments))


def outcome(arguments: Sequence[str] | None = None) -> int:
    """Run one verb and return its exit code; every error becomes words, or one traceback."""
    try:
        code = app(sys.argv[1:] if arguments is None else list(arguments), print_error=rank() == 0)
    except InputError as error:
        return leave_together(2, "\n".join(map(str, error.problems)))
    except RunError as error:
        return leave_together(3, str(error))
    except KeyboardInterrupt:
        complain("interrupted")
        return 130
    except BrokenPipeError:  # the reader, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception:
        return crash(traceback.format_exc())
    return code if isinstance(code, int) else 0


@app.command
def run(
    case: Path,
    *,
    overrides: Overrides = (),
    check: bool = False,
    resume: bool = False,
    results: Path | None = None,
    no_figures: bool = False,
    quiet: bool = False,
    timings: bool = False,
) -> int:
    """Solve a case, or analyse the spectrum of a folder with measured.toml, and write its results folder.

    Example: chemomech run cases/nmc811_particle --set protocol.cycles=3
    In parallel: mpirun -n 4 chemomech run cases/nmc811_particle

    Parameters
    ----------
    case
        Case folder, or its case.toml.
    check
        Compare the summary with the case's expected.toml; exit code 1 where a figure is off.
    resume
        Continue from the last checkpoint in the results folder.
    results
        Results folder; without it results/ in the case folder.
    no_figures
        Draw neither figures nor animation.
    quiet
        No progress on the terminal.
    timings
        Say at the end where the time went.
    """
    from chemomech.case.measured import measured_file

    measured = measured_file(case)
    if measured is not None:
        return _measured(measured, overrides, check, results, no_figures)
    asked = _read(case, overrides)
    folder = results if results is not None else asked.directory / "results"
    expected = asked.directory / "expected.toml"
    if check:
        _comparable(expected, overrides)
    _writable(folder)
    if no_figures:
        plain = asked.output.model_copy(update={"figures": False, "animation": False})
        asked = asked.model_copy(update={"output": plain})
    from chemomech.run import run_case

    summary = run_case(asked, folder, resume=resume, quiet=quiet)
    if rank() > 0:
        return 0
    from chemomech.results.headlines import headlines

    say(f"{headlines(summary)}\nresults: {folder}")
    if timings:
        from chemomech.results.timings import say_where

        say(say_where(folder))
    return _compared(summary, expected) if check else 0


def _compared(summary: dict[str, float], expected: Path) -> int:
    from chemomech.results.compare import compare, report

    comparisons = compare(summary, expected)
    say(report(comparisons))
    return 0 if all(one.passed for one in comparisons) else 1


def _measured(
    file: Path, overrides: tuple[str, ...], check: bool, results: Path | None, no_figures: bool
) -> int:
    """Analyse the spectrum of a measured.toml, as `run` does with a case."""
    from chemomech.case.measured import read_measured_case

    asked = read_measured_case(file)
    if overrides:
        raise InputError(Problem("--set", "a measurement has nothing to set", "leave out --set"))
    folder = results if results is not None else file.parent / "results"
    expected = file.parent / "expected.toml"
    if check:
        _comparable(expected, overrides)
    _writable(folder)
    if rank() > 0:
        return 0
    from chemomech.measured import run_measured

    summary, said = run_measured(asked, file, folder, figures=not no_figures)
    say(f"{said}\nresults: {folder}")
    return _compared(summary, expected) if check else 0


@app.command
def impedance(
    case: Path,
    *,
    frequencies: str = "1 MHz to 1 mHz",
    points: float = 10.0,
    overrides: Overrides = (),
    results: Path | None = None,
    no_figures: bool = False,
    quiet: bool = False,
) -> int:
    """Compute the impedance spectrum of a case at its initial state, in place of its protocol.

    Example: chemomech impedance cases/nmc811_particle --frequencies "1 MHz to 10 mHz"

    Parameters
    ----------
    case
        Case folder, or its case.toml.
    frequencies
        Highest and lowest frequency, e.g. "1 MHz to 1 mHz".
    points
        Points per decade.
    results
        Results folder; without it results/impedance in the case folder.
    no_figures
        Draw no figures.
    quiet
        No progress on the terminal.
    """
    folder = results if results is not None else _read(case, overrides).directory / "results" / "impedance"
    step = f"Impedance from {frequencies}, {points:g} points per decade"
    spectrum = ("protocol.cycles=1", f"protocol.steps={json.dumps([step])}")
    return run(case, overrides=(*overrides, *spectrum), results=folder, no_figures=no_figures, quiet=quiet)


@app.command
def drt(
    spectrum: Path,
    *,
    number: int | None = None,
    method: str = "own",
    signed: bool = False,
    output: Path | None = None,
) -> int:
    """Find the relaxation times of a spectrum, simulated or measured, and who owns them.

    Example: chemomech drt cases/nmc811_particle/results/impedance

    Parameters
    ----------
    spectrum
        Results folder with impedance.csv, or an instrument's file.
    number
        Which spectrum, counted from 1; without it the last.
    method
        own, or in addition one of pyimpspec's: tr-nnls, tr-rbf, bht.
    signed
        Let the distribution be negative, for spectra with an inductive loop at low frequency.
    output
        Folder for drt.json, drt.csv and drt.png; without it the results folder, or that of the file.
    """
    if rank() > 0:
        return 0
    folder = output if output is not None else (spectrum if spectrum.is_dir() else spectrum.parent)
    from chemomech.drt import relax

    say(relax(spectrum, folder, number, method, signed=signed))
    return 0


@app.command
def fit(spectrum: Path, *, number: int | None = None, circuit: str | None = None) -> int:
    """Fit equivalent circuits to a spectrum, simulated or measured, and say whether they may be used.

    Example: chemomech fit cases/nmc811_particle/results/impedance

    Parameters
    ----------
    spectrum
        Results folder with impedance.csv, or an instrument's file.
    number
        Which spectrum, counted from 1; without it the last.
    circuit
        A circuit of your own in pyimpspec's code, e.g. "R(RQ)W"; without it the series formula and Randles' circuit.
    """
    if rank() > 0:
        return 0
    from chemomech.drt import fit_circuits

    say(fit_circuits(spectrum, number, circuit))
    return 0


@app.command
def gitt(
    titration: Path,
    *,
    shape: Literal["plane", "sphere"] | None = None,
    size: str | None = None,
    region: str | None = None,
    output: Path | None = None,
) -> int:
    """Find the diffusivity from titration pulses, simulated or measured: pulses of current with rests after them.

    Example: chemomech gitt measured.csv --shape sphere --size "5 um"

    Parameters
    ----------
    titration
        Results folder, or a table (.csv) with columns of time, voltage and current.
    shape
        Shape of the particles, for the exact profile; without it the short-time formula alone.
    size
        Thickness of the plane or radius of the sphere; without it volume over surface as the mesh of the run has them.
    region
        Active region of the run, where there are several.
    output
        Folder for gitt.csv and gitt.png; without it the results folder, or that of the file.
    """
    if rank() > 0:
        return 0
    from chemomech.case.units import UnitError, to_internal
    from chemomech.gitt import evaluate

    try:
        length = None if size is None else to_internal(size, "length")
    except UnitError as error:
        what, _, remedy = str(error).partition("; ")
        raise InputError(Problem("--size", what, remedy)) from None
    folder = output if output is not None else (titration if titration.is_dir() else titration.parent)
    say(evaluate(titration, folder, shape, length, region))
    return 0


def _comparable(expected: Path, overrides: Overrides) -> None:
    problems = []
    if not expected.is_file():
        problems.append(Problem(str(expected), "there is no such file to compare with", "leave out --check"))
    if overrides:
        problems.append(
            Problem("--set", "makes another case than the expected one", "leave out --check or --set")
        )
    if problems:
        raise InputError(problems)


@app.command
def check(case: Path, *, overrides: Overrides = ()) -> int:
    """Read a case with its materials, protocol, mesh recipe and study, and say every mistake at once.

    Example: chemomech check cases/nmc811_particle

    Parameters
    ----------
    case
        Case folder, or its case.toml.
    """
    from chemomech.case.measured import measured_file, read_measured_case
    from chemomech.case.read import has_study

    measured = measured_file(case)
    if measured is not None:
        read_measured_case(measured)
        say(f"{case}: no mistakes found")
        return 0
    _read(case, overrides)
    points = ""
    if has_study(case):
        from chemomech.study.read import read_study

        points = f", {len(read_study(case, overrides).points)} points of its study"
    say(f"{case}: no mistakes found{points}")
    return 0


@app.command
def study(
    case: Path,
    *,
    overrides: Overrides = (),
    jobs: Annotated[int, Parameter(validator=validators.Number(gte=1))] = 1,
    check: bool = False,
    list_: Annotated[bool, Parameter(name="--list")] = False,
    fresh: bool = False,
    results: Path | None = None,
    no_figures: bool = False,
    quiet: bool = False,
) -> int:
    """Run a case at every point of the study.toml beside it, and collect its figures.

    Example: chemomech study cases/nmc811_particle --jobs 2

    Parameters
    ----------
    case
        Case folder, or its case.toml.
    jobs
        Points that run side by side.
    check
        Compare with [study] of the case's expected.toml; exit code 1 where a figure is off.
    list_
        Say which points there are and which have to be run, and stop.
    fresh
        Run every point, also those that are there already.
    results
        Folder of the study; without it results/study in the case folder.
    no_figures
        Draw no figures.
    quiet
        No progress on the terminal.
    """
    if launched():
        raise InputError(Problem("mpirun", "a study starts its own processes", "leave it out and use --jobs"))
    from chemomech.study import run as running
    from chemomech.study.read import read_study

    asked = read_study(case, overrides)
    folder = results if results is not None else asked.directory / "results" / "study"
    expected = asked.directory / "expected.toml"
    if check:
        _comparable(expected, overrides)
    running.refuse_run(folder)
    under_way = running.StudyRun(asked, folder, overrides, (lambda text: None) if quiet else complain)
    if fresh:
        under_way.forget()
    if list_:
        say(running.outline(under_way))
        return 0
    _writable(folder)
    under_way.go(jobs)
    if not no_figures:
        running.draw_figures(under_way)
    say(f"{running.headlines(under_way)}\nresults: {folder}")
    for note in under_way.notes():
        complain(note)
    if under_way.complaints():
        raise InputError(under_way.complaints())
    if not check:
        return 3 if under_way.failed else 0
    from chemomech.results.compare import report

    comparisons = running.comparisons(under_way, expected)
    say(report(comparisons))
    return 0 if all(one.passed for one in comparisons) else 1


@app.command
def effective(
    case: Path,
    *,
    overrides: Overrides = (),
    boundaries: Literal["periodic", "walls"] | None = None,
    quantities: Annotated[tuple[EffectiveQuantity, ...], Parameter(consume_multiple=True)] = (),
    results: Path | None = None,
    no_figures: bool = False,
    quiet: bool = False,
) -> int:
    """Compute effective conductivity, stiffness and percolation of a case's microstructure.

    Example: chemomech effective cases/composite_cathode_2d --boundaries walls --quantities ionic_conductivity
    In parallel: mpirun -n 4 chemomech effective cases/composite_cathode_3d

    Parameters
    ----------
    case
        Case folder, or its case.toml; with [effective], or of any other kind.
    boundaries
        periodic: the mesh is a period of an endless body; walls: a drop between opposite faces. Without it what
        [effective] says, else walls.
    quantities
        ionic_conductivity, electronic_conductivity, stiffness, percolation; without it what [effective] says, else all
        for which there is a region.
    results
        Results folder; without it results/effective in the case folder.
    no_figures
        Draw no figures.
    quiet
        No progress on the terminal.
    """
    asked = _read(case, overrides)
    folder = results if results is not None else asked.directory / "results" / "effective"
    _writable(folder)
    if no_figures:
        plain = asked.output.model_copy(update={"figures": False})
        asked = asked.model_copy(update={"output": plain})
    from chemomech.effective.run import as_effective
    from chemomech.results.headlines import headlines
    from chemomech.run import run_case

    summary = run_case(as_effective(asked, boundaries, quantities), folder, quiet=quiet)
    if rank() == 0:
        say(f"{headlines(summary)}\nresults: {folder}")
    return 0


@app.command
def explain(case: Path, *, overrides: Overrides = ()) -> int:
    """Say what a case will solve: equations, numbers with units, and where each comes from.

    Example: chemomech explain cases/nmc811_particle

    Parameters
    ----------
    case
        Case folder, or its case.toml.
    """
    from chemomech.explain import explain as explanation

    say(explanation(_read(case, overrides)))
    return 0


@app.command
def mesh(recipe: Path, *, output: Path | None = None, picture: bool = False) -> int:
    """Make the mesh of a recipe, or convert a mesh file, and report its quality.

    Example: chemomech mesh meshes/particle_2d.toml --picture

    Parameters
    ----------
    recipe
        Mesh recipe (.toml) or mesh file.
    output
        Folder for the mesh and its picture; without it the project's cache, where runs look too.
    picture
        Draw the mesh.
    """
    if rank() > 0:
        return 0
    if output is not None:
        _writable(output)
    from chemomech.explain import outline
    from chemomech.geometry.build import open_mesh

    record = open_mesh(recipe, output)
    say(f"{record.msh}: {record.dimension}D, {record.coordinates}")
    say(f"  regions: {', '.join(record.regions)}\n  boundaries: {', '.join(record.boundaries)}")
    say(outline(record.report))
    if record.refine:
        say(f"  refine = {record.refine}: a run cuts each of these cells into {record.cut_into}")
    if picture:
        from chemomech.geometry.picture import draw

        drawing = record.msh.parent / f"{recipe.stem}.png"
        draw(record, drawing)
        say(f"  picture: {drawing}")
    return 0


@app.command
def render(results: Path, *, no_animation: bool = False) -> int:
    """Draw the figures of a results folder.

    Example: chemomech render cases/nmc811_particle/results

    Parameters
    ----------
    results
        Results folder of a run, finished or not, or of a study.
    no_animation
        Leave the animation out, which takes longest.
    """
    if rank() > 0:
        return 0
    if not results.is_dir():
        raise InputError(Problem(str(results), "no such folder", "give the results folder of a run"))
    from chemomech.results.study import is_study

    if is_study(results):
        from chemomech.render.study import render_study

        made = render_study(results)
    else:
        from chemomech.render.report import render_results

        made = render_results(results, animation=not no_animation)
    for picture in made:
        say(str(picture))
    return 0


@app.command
def verify(
    *,
    only: str = "",
    json: bool = False,
    list_: Annotated[bool, Parameter(name="--list")] = False,
) -> int:
    """Solve the verification problems and compare with their exact or published answers.

    Example: chemomech verify --only butler_volmer,diff_sphere_galv

    Parameters
    ----------
    only
        Names of problems, separated by commas; without it all.
    json
        Print the outcome as JSON.
    list_
        Name the problems and stop.
    """
    from chemomech.verification import run as verification

    if list_:
        for line in verification.list_verifications():
            say(line)
        return 0
    wanted = tuple(name.strip() for name in only.split(",") if name.strip())
    return int(verification.run_verification(wanted, json))


@app.command(name="list")
def list_what(what: Literal["materials", "cases", "meshes", "fields"]) -> int:
    """List what a case can be made of.

    Example: chemomech list materials

    Parameters
    ----------
    what
        What to list.
    """
    from chemomech.catalogue import catalogue

    say(catalogue(what))
    return 0


def _read(case: Path, overrides: Sequence[str]) -> "Case":
    from chemomech.case.read import read_case

    return read_case(case, overrides)


def _writable(folder: Path) -> None:
    """Make the folder; InputError unless files can be written in it: found before hours of computing."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        what = f"cannot be written ({error.strerror})"
        raise InputError(
            Problem(str(folder), what, "choose another folder with --results or --output")
        ) from None
