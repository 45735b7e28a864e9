"""B2 through chemomech's own physics, assembly and multigrid.  usage: MESH elastic|potential"""

import sys

from benchmarks.linear import CONDUCTIVITY, CURRENT, TOLERANCE
from benchmarks.sphere import CUBE, MODULI, PRESSURE, SPHERE, Report

report = Report()
with report.part("import"):
    from importlib.metadata import version
    from pathlib import Path

    import chemomech.runtime  # noqa: F401

    import dolfinx
    import numpy as np
    import ufl
    from dolfinx import fem
    from mpi4py import MPI
    from petsc4py import PETSc

    from chemomech.domain import read_domain
    from chemomech.fields import DISPLACEMENT, IONIC_POTENTIAL
    from chemomech.materials.free_energy import Solid
    from chemomech.physics.balance import outflow
    from chemomech.physics.conduction import Conduction
    from chemomech.physics.mechanics import StackPressure, StressEquilibrium
    from chemomech.solver.assembly import Assembler
    from chemomech.solver.blocks import THRESHOLDS, BlockTraits, Stage
    from chemomech.solver.jit import prepare
    from chemomech.solver.multigrid import MULTIGRID, make_solver, rigid_body_modes
    from chemomech.solver.newton import BlockProblem
    from chemomech.verification.bench import fields_of, make_state, number

path, kind = sys.argv[1:3]
comm = MPI.COMM_WORLD
with report.part("mesh"):
    prepare(comm)
    domain = read_domain(Path(path), "3D", comm, 2)
with report.part("forms"):
    solids = {name: Solid(*(number(domain, value) for value in pair)) for name, pair in MODULI.items()}
    if kind == "elastic":
        field, zero = DISPLACEMENT, np.zeros(3)
        physics = [StressEquilibrium(solids), StackPressure("top", number(domain, PRESSURE))]
    else:
        field, zero = IONIC_POTENTIAL, np.float64(0.0)
        conductivities = {name: number(domain, kappa) for name, kappa in CONDUCTIVITY.items()}
        physics = [Conduction(IONIC_POTENTIAL, conductivities)]
    state = make_state(domain, {SPHERE: "electrolyte", CUBE: "electrolyte"}, fields_of(physics))
    residual = sum((one.residual(state) for one in physics), ufl.Form([]))
    if kind == "potential":
        residual += outflow(state, field, -number(domain, CURRENT), "top")
    space, function = state.unknowns[field].space, state.unknowns[field].function
    below = fem.locate_dofs_topological(space, 2, domain.facet_boundary["bottom"])
    traits = [BlockTraits(f.name, f.treatment, f.scale) for f in state.fields]
    conditions = [fem.dirichletbc(zero, below, space)]
    problem = BlockProblem(residual, [function], traits, conditions, domain.entity_maps)
    rows = problem.split
with report.part("assembly"):
    assembler = Assembler(
        [function], [field.scale], [residual], rows, problem.compile, problem.bcs, nest=True
    )
    assembler.refresh()
    matrix = assembler.linear.blocks[0, 0]
    load, answer = (PETSc.Vec().createNest([matrix.createVecLeft()], comm=comm) for _ in range(2))
    answer.set(0.0)
    assembler.residual(answer, load)
with report.part("solve"):
    stage = Stage([0])
    stage.take([[matrix]])
    if kind == "elastic":
        matrix.setNearNullSpace(rigid_body_modes(space))
    matrix.setOption(PETSc.Mat.Option.SPD, True)
    threshold = THRESHOLDS["elastic" if kind == "elastic" else "elliptic"]
    stage.set_up({**MULTIGRID, "pc_gamg_threshold": threshold})
    krylov = make_solver(matrix, {"ksp_type": "cg", "ksp_rtol": TOLERANCE, "ksp_max_it": 500})
    krylov.setPC(stage.ksp.getPC())
    right, found = load.getNestSubVecs()[0], stage.answer
    right.scale(-1.0)
    with report.part("iterations"):
        krylov.solve(right, found)
    assert krylov.getConvergedReason() > 0, krylov.getConvergedReason()
function.x.array[: len(found.array_r)] = found.array_r
function.x.scatter_forward()

names = {"sphere": [SPHERE], "cube": [CUBE]}
if kind == "elastic":
    forms = {
        f"energy in the {name}": domain.over(solids[part[0]].energy(state.strain(part[0])), part)
        for name, part in names.items()
    }
    forms["lowering of the top"] = domain.on_boundary(-state.value[field][1], "top")
    size = np.linalg.norm(function.x.array.reshape(-1, 3), axis=1)
else:
    slope = ufl.grad(function)
    forms = {
        f"heat in the {name}": domain.over(conductivities[part[0]] * ufl.inner(slope, slope), part)
        for name, part in names.items()
    }
    forms["potential of the top"] = domain.on_boundary(state.value[field], "top")
    size = np.abs(function.x.array)
quantities = {name: domain.integral(form, problem.compile) for name, form in forms.items()}
quantities["largest value"] = comm.allreduce(float(size.max()), MPI.MAX)
if comm.rank == 0:
    report.say(
        quantities,
        krylov=krylov.getIterationNumber(),
        unknowns=state.size(),
        versions={"chemomech": version("chemomech"), "dolfinx": dolfinx.__version__},
    )
