"""Impedance spectra of a run: the model linearised at a moment of the protocol, written to impedance.csv."""

from pathlib import Path

import chemomech.runtime  # noqa: F401

import numpy as np
import numpy.typing as npt

from chemomech.analysis.amplitudes import Amplitude, Amplitudes
from chemomech.analysis.impedance import OHM, OHM_CM2, Impedance, Spectrum, frequencies
from chemomech.analysis.sampling import RegionGrid
from chemomech.fields import Field
from chemomech.model import Model
from chemomech.protocol import ScheduledStep
from chemomech.record import GPA_IN_MPA, IN_FILE, MA_PER_CM2, NODAL, Reading
from chemomech.results import format as names
from chemomech.results.fields import FieldWriter
from chemomech.results.write import History

type Array = npt.NDArray[np.float64]
type ComplexArray = npt.NDArray[np.complex128]


class Spectra:
    """Measures and writes; keeps count of rows and spectra, which a checkpoint holds."""

    def __init__(
        self, model: Model, folder: Path, *, iterative: bool, resume: tuple[int, int] | None
    ) -> None:
        """`iterative`: the mesh is too large to factorise; `resume`: rows and spectra there are already."""
        self.model, self.iterative = model, iterative
        self.path = folder / names.IMPEDANCE_FILE
        self.rows, self.count = resume or (0, 0)
        self._table: History | None = None
        asked = model.case.output.amplitudes_at
        self.fields = (
            None if asked is None else LocalAmplitudes(model, folder, asked, self.count if resume else None)
        )
        if resume is None and model.domain.comm.rank == 0:
            self.path.unlink(missing_ok=True)

    def measure(self, scheduled: ScheduledStep, time: float, reading: Reading) -> Spectrum:
        """Record the impedance of the present state (collective)."""
        asked = scheduled.step.frequencies
        assert asked is not None
        linear = Impedance(self.model, iterative=self.iterative)
        self.count += 1
        try:
            spectrum = linear.spectrum(frequencies(asked.highest, asked.lowest, asked.per_decade))
            if self.fields is not None:
                self.fields.take(
                    linear,
                    {names.SPECTRUM: float(self.count), names.TIME: time, names.VOLTAGE: reading.voltage},
                )
        finally:
            linear.destroy()
        place = {
            names.SPECTRUM: float(self.count),
            names.TIME: time,
            names.CYCLE: float(scheduled.cycle),
            names.STEP: float(scheduled.index),
            names.VOLTAGE: reading.voltage,
            names.STACK_PRESSURE: reading.pressure * GPA_IN_MPA,
        }
        if self.model.domain.comm.rank == 0:
            self._write(place, spectrum)
        self.rows += len(spectrum.frequencies)
        return spectrum

    def _write(self, place: dict[str, float], spectrum: Spectrum) -> None:
        area, depth = self.model.cell_area * OHM_CM2, self.model.depth
        table = {names.FREQUENCY: spectrum.frequencies}
        parts = {"": spectrum.impedance * area, **{n: v * area for n, v in spectrum.shares.items()}}
        whole = spectrum.impedance * OHM / depth
        for process, values in parts.items():
            table[names.impedance_column("Re", process)] = values.real
            table[names.impedance_column("Im", process)] = values.imag
            if not process:
                table[names.impedance_column("Re", unit="ohm")] = whole.real
                table[names.impedance_column("Im", unit="ohm")] = whole.imag
        if self._table is None:
            columns = (*place, *table)
            fresh = self.rows == 0
            self._table = (
                History(self.path, columns) if fresh else History.resume(self.path, columns, rows=self.rows)
            )
        for n in range(len(spectrum.frequencies)):
            self._table.append(place | {name: float(values[n]) for name, values in table.items()})
        self._table.sync()

    def close(self) -> None:
        """Close the file."""
        if self._table is not None:
            self._table.close()
        if self.fields is not None:
            self.fields.close()


class LocalAmplitudes:
    """Amplitudes and phases in space, at chosen frequencies of every spectrum: amplitudes.vtkhdf and its table."""

    def __init__(self, model: Model, folder: Path, asked: tuple[float, ...], resume: int | None) -> None:
        """`resume`: spectra that are there already, None for a fresh start."""
        self.model, self.asked = model, asked
        self.grid = RegionGrid.of(model.domain)
        self.frames = (resume or 0) * len(asked)
        cell = names.VTK_CELL[model.domain.mesh.topology.cell_name()]
        piece = (model.domain.comm, self.grid.points, self.grid.cells, cell, self.grid.region)
        path, table = folder / names.AMPLITUDES_FILE, folder / names.AMPLITUDES_TABLE
        if resume is None:
            if model.domain.comm.rank == 0:
                path.unlink(missing_ok=True)
            self.writer = FieldWriter(path, *piece)
        else:
            self.writer = FieldWriter.reopen(path, self.frames, *piece)
        self._table: History | None = None
        if model.domain.comm.rank == 0:
            columns = names.AMPLITUDE_COLUMNS
            fresh = self.frames == 0
            self._table = (
                History(table, columns) if fresh else History.resume(table, columns, rows=self.frames)
            )

    def take(self, linear: Impedance, place: dict[str, float]) -> None:
        """Write a frame for each frequency, of the state that was linearised (collective)."""
        amplitudes = Amplitudes(self.model)
        for frequency in self.asked:
            points, cells = self.arrays(amplitudes.at(linear, frequency))
            self.writer.append(float(self.frames), points, cells)
            if self._table is not None:
                self._table.append(place | {names.FRAME: float(self.frames), names.FREQUENCY: frequency})
            self.frames += 1

    def arrays(self, found: Amplitude) -> tuple[dict[str, Array], dict[str, Array]]:
        """Return magnitude and phase of each quantity, at points and in cells."""
        points: dict[str, Array] = {}
        for name, quantity in names.AMPLITUDES.items():
            held = self.model.state.having(NODAL[name])
            if held:
                points |= _polar(quantity, self._nodal(found, held) * IN_FILE.get(name, 1.0))
        return points, _polar(names.CURRENT_AMPLITUDE, found.current[self.grid.parent] * MA_PER_CM2)

    def _nodal(self, found: Amplitude, held: list[Field]) -> ComplexArray:
        # A quantity with a field per group of regions is one array: the groups have no point in common.
        whole = np.full(len(self.grid.points), np.nan + 0j)
        for item in held:
            parts = [
                self.grid.placed(self.model.state, item, np.asarray(part(found.values[item])))
                for part in (np.real, np.imag)
            ]
            whole = np.where(np.isnan(parts[0]), whole, parts[0] + 1j * parts[1])
        return whole

    def close(self) -> None:
        """Close the files (collective)."""
        self.writer.close()
        if self._table is not None:
            self._table.close()


def _polar(quantity: tuple[str, str], values: ComplexArray) -> dict[str, Array]:
    magnitude, phase = names.amplitude_arrays(quantity)
    return {magnitude: np.abs(values), phase: np.degrees(np.angle(values))}
