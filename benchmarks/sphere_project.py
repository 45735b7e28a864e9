"""B1 through chemomech's own physics and solver.  usage: MESH iterative|lu|lu_once STEPS"""

from benchmarks.sphere import (
    CUBE,
    DIFFUSIVITY,
    FLUX,
    MAXIMUM,
    MODULI,
    PRESSURE,
    QUADRATURE,
    SPHERE,
    START,
    STEP,
    SWELLING,
    TEMPERATURE,
    Report,
    arguments,
    potential,
)

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
    from chemomech.fields import CHEMICAL_POTENTIAL, CONCENTRATION, DISPLACEMENT
    from chemomech.materials.free_energy import Solid
    from chemomech.physics.lithium_transport import Host, LithiumTransport
    from chemomech.physics.mechanics import StackPressure, StressEquilibrium
    from chemomech.solver.jit import prepare
    from chemomech.verification.bench import NOTHING, Bench, fields_of, make_state, number

path, strategy, steps = arguments()
comm = MPI.COMM_WORLD
with report.part("set-up"):
    prepare(comm)
    domain = read_domain(Path(path), "3D", comm, QUADRATURE)
    solids = {
        SPHERE: Solid(
            *(number(domain, value) for value in MODULI[SPHERE]),
            swelling=lambda theta: SWELLING * theta,
            maximum_concentration=number(domain, MAXIMUM),
            stress_free_stoichiometry=number(domain, START / MAXIMUM),
        ),
        CUBE: Solid(*(number(domain, value) for value in MODULI[CUBE])),
    }
    host = Host(number(domain, MAXIMUM), potential, lambda theta: number(domain, DIFFUSIVITY), solids[SPHERE])
    physics = [
        LithiumTransport({SPHERE: host}, number(domain, TEMPERATURE), "dilute"),
        StressEquilibrium(solids),
        StackPressure("top", number(domain, PRESSURE)),
    ]
    state = make_state(domain, {SPHERE: "active", CUBE: "electrolyte"}, fields_of(physics))
    state.unknowns[CONCENTRATION].function.x.array[:] = START
    state.unknowns[CHEMICAL_POTENTIAL].function.x.array[:] = potential(START / MAXIMUM)
    space = state.unknowns[DISPLACEMENT].space
    below = fem.locate_dofs_topological(space, 2, domain.facet_boundary["bottom"])
    entering = domain.on_interface(-number(domain, FLUX) * state.test[CONCENTRATION]("+"), [SPHERE], [CUBE])
    bench = Bench(
        state,
        physics,
        extra=[entering],
        conditions=[fem.dirichletbc(np.zeros(3), below, space)],
        newton_tolerance=1e-8,
        linear_solver="fieldsplit" if strategy == "iterative" else "direct",
    )
    if strategy == "lu_once":
        snes = bench.solver.snes
        ksp = snes.getKSP()
        ksp.setType("gmres")
        ksp.setTolerances(rtol=1e-6, max_it=100)
        PETSc.Options()["snes_lag_preconditioner"] = -2
        PETSc.Options()["snes_lag_preconditioner_persists"] = True
        snes.setFromOptions()

newton = krylov = 0
with report.part("march"):
    for k in range(steps):
        bench.scheme.restart(k * STEP, NOTHING)
        bench.scheme.begin(STEP)
        attempt = bench.solver.solve()
        assert attempt.converged, attempt.reason
        newton += attempt.iterations
        krylov += attempt.linear_iterations

c, w = state.value[CONCENTRATION], state.value[CHEMICAL_POTENTIAL]
one = number(domain, 1.0)
found = {
    name: bench.read(name, lambda form=form: form)
    for name, form in {
        "volume": domain.over(one, [SPHERE]),
        "lithium": domain.over(c, [SPHERE]),
        "square of lithium": domain.over(c * c, [SPHERE]),
        "potential": domain.over(w, [SPHERE]),
        "energy in the sphere": domain.over(solids[SPHERE].energy(state.strain(SPHERE), c), [SPHERE]),
        "energy in the cube": domain.over(solids[CUBE].energy(state.strain(CUBE)), [CUBE]),
        "trace of stress": domain.over(ufl.tr(physics[1].stress(state, SPHERE)), [SPHERE]),
    }.items()
}
sizes = [f.function_space.dofmap for f in state.functions]
owned = state.unknowns[DISPLACEMENT].function.x.array.reshape(-1, 3)
found["largest displacement"] = comm.allreduce(float(np.linalg.norm(owned, axis=1).max()), MPI.MAX)
if comm.rank == 0:
    report.say(
        found,
        newton=newton,
        krylov=krylov,
        unknowns=state.size(),
        versions={"chemomech": version("chemomech"), "dolfinx": dolfinx.__version__},
    )
