"""B3 through chemomech's own physics and solver.  usage: [CELLS TOLERANCE DEGREE GRADING FIRST_STEP NEWTON]"""

import sys

from benchmarks.particle import FLUX, LARGEST_ERROR, REPEATS, START, TIMES, error, write_cone
from benchmarks.sphere import Report

report = Report()
with report.part("import"):
    import time
    from importlib.metadata import version
    from pathlib import Path
    from tempfile import TemporaryDirectory

    import chemomech.runtime  # noqa: F401

    import dolfinx
    import numpy as np
    from mpi4py import MPI

    from chemomech.domain import read_domain
    from chemomech.fields import CONCENTRATION
    from chemomech.physics.balance import outflow
    from chemomech.physics.lithium_transport import LithiumTransport
    from chemomech.solver.jit import prepare
    from chemomech.verification.bench import Bench, fields_of, make_state, number
    from chemomech.verification.diffusion import TEMPERATURE, fill_ideal, ideal_host

words = sys.argv[1:] or ["12", "8e-5", "1", "1.5", "3e-4", "1e-2"]
cells, degree = int(words[0]), int(words[2])
tolerance, grading, first, newton = (float(words[k]) for k in (1, 3, 4, 5))
with report.part("set-up"):
    prepare(MPI.COMM_WORLD)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "cone.msh"
        write_cone(path, [float(r) for r in 1 - (1 - np.linspace(0, 1, cells + 1)[1:]) ** grading])
        domain = read_domain(path, "axisymmetric", MPI.COMM_WORLD, 2 * degree)
    physics = [LithiumTransport({"particle": ideal_host(domain)}, number(domain, TEMPERATURE), "dilute")]
    fields = fields_of(physics)
    state = make_state(domain, {"particle": "active"}, fields, dict.fromkeys(fields, degree))
    fill_ideal(state, START)
    entering = outflow(state, CONCENTRATION, -number(domain, FLUX), "outer")
    bench = Bench(state, physics, extra=[entering], time_tolerance=tolerance, newton_tolerance=newton)
    tip = int(np.argmax(state.unknowns[CONCENTRATION].space.tabulate_dof_coordinates()[:, 1]))

spent = []
for _ in range(REPEATS):
    fill_ideal(state, START)
    bench.steps = 0
    began = time.process_time()
    found = [float(state.unknowns[CONCENTRATION].array()[tip]) for _ in bench.march(TIMES, first)]
    spent.append(time.process_time() - began)
report.spent["march"] = min(spent[1:])
missed = error(found)
if missed > LARGEST_ERROR:
    raise SystemExit(
        f"the error {missed:.2e} is above {LARGEST_ERROR:g}: take more cells or a smaller tolerance"
    )
report.say(
    {"surface": found[-1]},
    error=missed,
    steps=bench.steps,
    unknowns=state.size(),
    versions={"chemomech": version("chemomech"), "dolfinx": dolfinx.__version__},
)
