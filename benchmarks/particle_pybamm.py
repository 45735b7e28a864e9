"""B3 in PyBaMM: finite volumes in the radius, IDAKLU.  usage: [CELLS TOLERANCE]"""

import sys

from benchmarks.particle import FLUX, LARGEST_ERROR, REPEATS, START, TIMES, error
from benchmarks.sphere import Report

report = Report()
with report.part("import"):
    import time

    import numpy as np
    import pybamm

words = sys.argv[1:] or ["85", "3e-5"]
cells, tolerance = int(words[0]), float(words[1])
with report.part("set-up"):
    pybamm.set_logging_level("ERROR")
    model = pybamm.BaseModel()
    c = pybamm.Variable("c", domain="particle")
    model.rhs = {c: pybamm.div(pybamm.grad(c))}
    model.initial_conditions = {c: pybamm.Scalar(START)}
    ends = {"left": (pybamm.Scalar(0), "Neumann"), "right": (pybamm.Scalar(FLUX), "Neumann")}
    model.boundary_conditions = {c: ends}
    model.variables = {"surface": pybamm.surf(c)}
    r = pybamm.SpatialVariable("r", domain="particle", coord_sys="spherical polar")
    geometry = pybamm.Geometry({"particle": {r: {"min": 0, "max": 1}}})
    mesh = pybamm.Mesh(geometry, {"particle": pybamm.Uniform1DSubMesh}, {r: cells})
    pybamm.Discretisation(mesh, {"particle": pybamm.FiniteVolume()}).process_model(model)
    solver = pybamm.IDAKLUSolver(rtol=tolerance, atol=tolerance, output_variables=["surface"])

spent = []
times = np.array([0.0, *TIMES])
for _ in range(REPEATS):
    began = time.process_time()
    solution = solver.solve(model, times)
    spent.append(time.process_time() - began)
report.spent["march"] = min(spent[1:])
found = [float(value) for value in np.ravel(solution["surface"](np.array(TIMES)))]
missed = error(found)
if missed > LARGEST_ERROR:
    raise SystemExit(
        f"the error {missed:.2e} is above {LARGEST_ERROR:g}: take more cells or a smaller tolerance"
    )
report.say({"surface": found[-1]}, error=missed, unknowns=cells, versions={"pybamm": pybamm.__version__})
