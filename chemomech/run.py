"""One run of a case: mesh, model, simulation, and a results folder that is complete at any moment."""

import hashlib
import json
import time as clock
from collections.abc import Mapping
from dataclasses import replace
from math import isfinite
from pathlib import Path
from typing import Any, Final, cast

import chemomech.runtime  # noqa: F401

from mpi4py import MPI

from chemomech.analysis.kramers_kronig import kramers_kronig_residual
from chemomech.case.layers import layer_materials
from chemomech.case.schema import Case
from chemomech.domain import Coordinates, Domain, read_domain
from chemomech.drawing import draw
from chemomech.errors import InputError, Problem, RunError
from chemomech.geometry.build import MeshRecord, open_mesh
from chemomech.model import Model, build_model
from chemomech.progress import Progress
from chemomech.protocol import parse_pressure, parse_protocol
from chemomech.record import NC_IN_AH, FloatArray, Recorder, balance_errors
from chemomech.refinement import refined
from chemomech.results import format as names
from chemomech.results import voltammetry
from chemomech.results.read import open_results
from chemomech.results.spectra import figures, read_spectra
from chemomech.results.voltammetry import sweep_steps, sweeps_of
from chemomech.results.write import RunRecord, prepare_folder, versions, write_json, write_table
from chemomech.simulate import Moment, Simulation
from chemomech.solver.checkpoint import read_checkpoint, write_checkpoint
from chemomech.solver.jit import prepare
from chemomech.solver.timestep import Level
from chemomech.spectra import Spectra
from chemomech.summary import Tally
from chemomech.timing import (
    CHECKPOINTS,
    FIGURES,
    FRAMES,
    MESH,
    MODEL,
    NEWTON,
    ROWS,
    SPECTRA,
    TIME_STEPS,
    Timings,
    measure,
    over_ranks,
    peak_memory,
    phase,
    timed,
)
from chemomech.together import on_root

CHECKPOINT_SECONDS: Final = 30.0
CHECKPOINT_FILE: Final = "state.h5"


def run_case(case: Case, results: Path, *, resume: bool = False, quiet: bool = False) -> dict[str, float]:
    """Run a case into a results folder and return its summary (collective over MPI_COMM_WORLD).

    Raises InputError for what can be mended in the input, RunError when the simulation cannot go on.
    """
    if case.effective is not None:
        # slow to import, and a run of a cell needs none of it
        from chemomech.effective.run import run_effective

        return run_effective(case, case.effective, results, quiet=quiet)
    comm = MPI.COMM_WORLD
    on_root(comm, lambda: prepare_folder(results))
    with measure() as timings:
        run = _Run(case, results, Progress(quiet=quiet or comm.rank != 0), comm, resume, timings)
        summary = run.go()
        if case.output.figures:
            run.draw()
    return summary


class _Run:
    """A run under way: what belongs together from the mesh to the last file."""

    def __init__(
        self,
        case: Case,
        results: Path,
        progress: Progress,
        comm: MPI.Intracomm,
        resume: bool,
        timings: Timings,
    ) -> None:
        self.case, self.results, self.progress, self.comm = case, results, progress, comm
        self.started = clock.time()
        self.timings = timings
        with phase(MESH):
            progress.say("mesh")
            self.mesh: MeshRecord = on_root(
                comm, lambda: open_mesh(case.mesh_path, replaced=case.mesh.replaced)
            )
            domain = self._read_domain()
        with phase(MODEL):
            progress.say("model and compiled forms")
            self.model: Model = build_model(case, domain, prepare(comm))
            schedule = parse_protocol(case.protocol.steps, case.protocol.cycles)
            program = None
            if case.pressure is not None and case.pressure.program is not None:
                program = parse_pressure(case.pressure.program)
            self.simulation = Simulation(self.model, schedule, program, self._observe)
        self.identity = _identity(case, self.mesh, self.model) if comm.rank == 0 else ""
        self.identity = comm.bcast(self.identity, root=0)
        self.surfaces = self.model.surfaces  # here, because all ranks integrate them
        self.tally = Tally(schedule)
        self.said: set[str] = set()
        self.last_checkpoint = clock.time()
        self.recorder = self._open(resume)
        self.iterations_before = self.simulation.counts.newton
        """of the run that is continued"""

    def _read_domain(self) -> Domain:
        # A function of its own: what was read is let go when it has been refined.
        coordinates = cast(Coordinates, self.mesh.coordinates)
        degree = self.case.numerics.quadrature_degree
        return refined(read_domain(self.mesh.msh, coordinates, self.comm, degree), self.mesh.refine)

    # ---- resume -----------------------------------------------------------------------------------

    @property
    def checkpoint(self) -> Path:
        """Where the state is kept."""
        return self.results / names.CHECKPOINT_FOLDER / CHECKPOINT_FILE

    def _open(self, resume: bool) -> Recorder:
        simulation = self.simulation
        if not resume:
            on_root(self.comm, self._forget_earlier_run)
            self.spectra = self._spectra(None)
            return Recorder(self.model, simulation.meter, self.results, None)
        try:
            levels, numbers = read_checkpoint(self.checkpoint, self.model.state, self.identity)
        except ValueError as error:
            raise InputError(
                Problem(str(self.checkpoint), f"cannot be continued from: {error}", "run without --resume")
            ) from error
        times, integrals = numbers["times"], numbers["integrals"]
        simulation.scheme.levels = [
            Level(float(t), v, i.copy()) for t, v, i in zip(times, levels, integrals, strict=True)
        ]
        simulation.restore(json.loads(numbers["position"]))
        self.tally.restore(json.loads(numbers["tally"]))
        self.spectra = self._spectra((int(numbers.get("spectrum_rows", 0)), int(numbers.get("spectra", 0))))
        return Recorder(
            self.model, simulation.meter, self.results, (int(numbers["rows"]), int(numbers["frames"]))
        )

    def _spectra(self, resume: tuple[int, int] | None) -> Spectra:
        iterative = self.simulation.solver.options.linear_solver == "fieldsplit"
        return Spectra(self.model, self.results, iterative=iterative, resume=resume)

    def _forget_earlier_run(self) -> None:
        # What an earlier run concluded must not stand beside what this one writes.
        for name in (names.SUMMARY_FILE, names.RUN_FILE, names.CYCLES_FILE):
            (self.results / name).unlink(missing_ok=True)
        self.checkpoint.unlink(missing_ok=True)

    @timed(CHECKPOINTS)
    def _save(self) -> None:
        levels = self.simulation.scheme.levels
        if self.comm.rank == 0 and self.recorder.history is not None:
            self.recorder.history.sync()
        numbers: Mapping[str, Any] = {
            "times": [level.time for level in levels],
            "integrals": [level.integrals for level in levels],
            "position": json.dumps(self.simulation.saved()),
            "tally": json.dumps(self.tally.saved()),
            "rows": self.recorder.rows,
            "frames": self.recorder.frames,
            "spectrum_rows": self.spectra.rows,
            "spectra": self.spectra.count,
        }
        write_checkpoint(
            self.checkpoint, self.model.state, [level.values for level in levels], numbers, self.identity
        )
        self.last_checkpoint = clock.time()

    # ---- the run ----------------------------------------------------------------------------------

    def go(self) -> dict[str, float]:
        """Run to the end of the protocol; the record says how it ended, whatever happens."""
        finished, reason, together = False, "stopped by an error", False
        if self.comm.rank == 0:
            self._run_record(finished, "still running, or killed").write(self.results)
        try:
            with phase(TIME_STEPS):
                if self.simulation.start is None:
                    self.simulation.equilibrate()
                self.simulation.run()
            self._save()  # so that a longer protocol can go on from here
            finished, reason, together = True, "the protocol came to its end", True
        except (RunError, InputError) as error:
            reason, together = str(error), True
            raise
        except KeyboardInterrupt:
            reason = "interrupted"
            raise
        finally:
            self._close(finished, reason, together or self.comm.size == 1)
        summary = self.tally.summary(self.simulation, self.recorder.depth)
        summary |= on_root(self.comm, self._measured)
        on_root(self.comm, lambda: write_json(self.results / names.SUMMARY_FILE, summary))
        return summary

    def _measured(self) -> dict[str, float]:
        # What spectra and sweeps say, from the files: they hold what was measured before a run was continued, too.
        spectra = read_spectra(self.results)
        found = figures(spectra)
        if spectra:
            left = [kramers_kronig_residual(one.frequencies, one.impedance) for one in spectra]
            tested = [value for value in left if isfinite(value)]
            found |= {"Kramers-Kronig residual [-]": max(tested)} if tested else {}
        sweeps = sweep_steps(self.case.written)
        if sweeps:
            history = open_results(self.results).history
            found |= voltammetry.figures(sweeps_of(history, sweeps))
        return found

    def _close(self, finished: bool, reason: str, together: bool) -> None:
        # An unforeseen error may be one rank's alone: then nothing is closed that needs the others.
        self.ended = finished, reason
        if together:
            self.recorder.close()
            self.spectra.close()
        self.progress.close()
        if self.comm.rank == 0:
            self._write_cycles()
        self._write_record(together)
        if together:  # PETSc's objects are freed here, not whenever each rank's collector comes by
            self.simulation.solver.destroy()

    def draw(self) -> None:
        """Draw the figures, and tell the record how long that took."""
        with phase(FIGURES):
            on_root(self.comm, lambda: draw(self.results, animation=self.case.output.animation))
        self._write_record(together=True)

    def _write_record(self, together: bool) -> None:
        mine = self.timings.so_far(), peak_memory()
        everyone = self.comm.gather(mine, root=0) if together else [mine]
        if self.comm.rank != 0 or everyone is None:
            return
        record = self._run_record(*self.ended)
        phases = over_ranks([spent for spent, _ in everyone])
        busy = sum(phases[name]["cpu_s"] for name in NEWTON if name in phases)
        solved = record.unknowns * (self.simulation.counts.newton - self.iterations_before)
        replace(
            record,
            timings=phases,
            throughput=solved / busy if busy > 0.0 else None,
            peak_memory_mb=tuple(round(memory, 1) for _, memory in everyone),
        ).write(self.results)

    def _write_cycles(self) -> None:
        rows = self.tally.cycles(self.simulation, self.recorder.depth)
        found = dict.fromkeys(
            name for row in rows for name in row if name.startswith(names.CYCLE_END_COLUMNS)
        )
        write_table(self.results / names.CYCLES_FILE, (*names.CYCLE_COLUMNS, *found), rows)

    def _run_record(self, finished: bool, reason: str) -> RunRecord:
        counts = self.simulation.counts
        return RunRecord(
            title=self.case.title,
            case=dict(self.case.written),
            case_hash=self.identity,
            versions=versions(),
            ranks=self.comm.size,
            wall_time_s=clock.time() - self.started,
            finished=finished,
            reason=reason,
            coordinates=self.mesh.coordinates,
            dimension=self.mesh.dimension,
            regions=self.recorder.regions,
            frames=self.recorder.frames,
            surfaces=self.surfaces,
            unknowns=self.model.state.size(),
            unknowns_by_field=self.model.state.sizes(),
            solver=self.simulation.solver.options.linear_solver,
            integrator=self.simulation.integrator,
            counts={
                "accepted steps": counts.accepted,
                "rejected steps": counts.rejected,
                "Newton iterations": counts.newton,
                "linear iterations": counts.linear,
            },
            failures=dict(counts.failures),
            notes=self.recorder.notes,
        )

    def _observe(self, moment: Moment) -> None:
        with phase(ROWS):
            row, stress = self._row(moment)
        for note in self.recorder.notes:
            if note.partition(" is ")[0] not in self.said:
                self.said.add(note.partition(" is ")[0])
                self.progress.say(f"note: {note}")
        place = moment.scheduled
        if place is not None and place.step.mode == "impedance":
            self.progress.say(f"impedance: {place.step.text}")
            with phase(SPECTRA):
                self.spectra.measure(place, moment.time, moment.reading)
        due = self.simulation.counts.accepted % self.case.output.every == 0
        if moment.last or moment.scheduled is None or due:
            with phase(FRAMES):
                self.recorder.frame(moment.time, stress)
        self.progress.step(moment, row)
        saving = self.comm.bcast(clock.time() - self.last_checkpoint > CHECKPOINT_SECONDS, root=0)
        if moment.scheduled is not None and saving:
            self._save()

    def _row(self, moment: Moment) -> tuple[dict[str, float], FloatArray | None]:
        start = self.simulation.start
        assert start is not None
        lithium, charge = balance_errors(
            start, moment.reading, moment.metal_charge, self.simulation.current_scale
        )
        place = moment.scheduled
        stress = self.recorder.stress()
        basics = {
            names.TIME: moment.time,
            names.CYCLE: 1 if place is None else place.cycle,
            names.STEP: 0 if place is None else place.index,
            names.STEP_SIZE: moment.dt,
            names.CAPACITY: moment.charge * self.recorder.depth * NC_IN_AH,
            names.NEWTON_ITERATIONS: moment.iterations,
            names.LITHIUM_ERROR: lithium,
            names.CHARGE_ERROR: charge,
        }
        row = self.recorder.row(basics, moment.reading, stress)
        self.recorder.append(row)
        self.tally.take(moment, row, self.recorder.extreme_columns, self.recorder.end_columns)
        return row, stress


def _identity(case: Case, mesh: MeshRecord, model: Model) -> str:
    # What a checkpoint belongs to: the case but for its output, the mesh, and the numbers of the materials.
    digest = hashlib.sha256(mesh.msh.read_bytes())
    if mesh.refine:
        # without the mesher the cells have a number on each rank alone, by which their values are kept
        digest.update(f"refined {mesh.refine} times on {model.domain.comm.size} ranks".encode())
    written = {
        key: value for key, value in case.written.items() if key not in ("output", "title", "protocol")
    }
    digest.update(json.dumps(written, sort_keys=True, default=str).encode())
    digest.update(json.dumps(list(case.protocol.steps)).encode())
    for name in sorted(model.materials):
        digest.update(model.materials[name].describe().encode())
    for material in layer_materials(case):
        digest.update(material.describe().encode())
    return digest.hexdigest()
