"""Impedance spectra of a run: the model linearised at a moment of the protocol, written to impedance.csv."""

from pathlib import Path

import chemomech.runtime  # noqa: F401

from chemomech.analysis.impedance import OHM, OHM_CM2, Impedance, Spectrum, frequencies
from chemomech.model import Model
from chemomech.protocol import ScheduledStep
from chemomech.record import GPA_IN_MPA, Reading
from chemomech.results import format as names
from chemomech.results.write import History


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
        if resume is None and model.domain.comm.rank == 0:
            self.path.unlink(missing_ok=True)

    def measure(self, scheduled: ScheduledStep, time: float, reading: Reading) -> Spectrum:
        """Record the impedance of the present state (collective)."""
        asked = scheduled.step.frequencies
        assert asked is not None
        linear = Impedance(self.model, iterative=self.iterative)
        try:
            spectrum = linear.spectrum(frequencies(asked.highest, asked.lowest, asked.per_decade))
        finally:
            linear.destroy()
        self.count += 1
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
