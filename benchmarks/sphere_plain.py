"""B1 as a user of dolfinx would write it: one mixed space, NonlinearProblem, MUMPS in every Newton step.

usage: MESH lu STEPS
"""

from benchmarks.sphere import (
    CUBE,
    FARADAY,
    FLUX,
    MAXIMUM,
    PRESSURE,
    SPHERE,
    START,
    STEP,
    SWELLING,
    Report,
    arguments,
    lame,
    mobility,
    potential,
)

report = Report()
with report.part("import"):
    import dolfinx_solver  # noqa: F401  (MPI ahead of dolfinx)

    import basix.ufl
    import dolfinx
    import gmsh
    import numpy as np
    import ufl
    from dolfinx import fem
    from dolfinx.fem.petsc import NonlinearProblem
    from dolfinx.io import gmsh as gmshio
    from mpi4py import MPI

path, _, steps = arguments()
comm = MPI.COMM_WORLD
with report.part("set-up"):
    gmsh.initialize([], readConfigFiles=False)
    gmsh.option.setNumber("General.Terminal", 0)
    gmsh.merge(path)
    data = gmshio.model_to_mesh(gmsh.model, comm, 0, gdim=3)
    gmsh.finalize()
    mesh = data.mesh
    tag = {name: group.tag for name, group in data.physical_groups.items()}
    cell = mesh.basix_cell()
    linear = basix.ufl.element("P", cell, 1)
    mixed = basix.ufl.mixed_element([linear, linear, basix.ufl.element("P", cell, 1, shape=(3,))])
    W = fem.functionspace(mesh, mixed)
    solution, before = fem.Function(W), fem.Function(W)
    c, w, u = ufl.split(solution)
    c_before = ufl.split(before)[0]
    v, q, z = ufl.TestFunctions(W)
    dx = ufl.Measure("dx", mesh, subdomain_data=data.cell_tags)
    ds = ufl.Measure("ds", mesh, subdomain_data=data.facet_tags)
    dS = ufl.Measure("dS", mesh)

    identity = ufl.Identity(3)

    def hooke(strain, region):
        first, shear = lame(region)
        return first * ufl.tr(strain) * identity + 2 * shear * strain

    sphere, cube = dx(tag[SPHERE]), dx(tag[CUBE])
    strain = ufl.sym(ufl.grad(u))
    elastic = strain - SWELLING * (c - START) / MAXIMUM / 3 * identity
    inner, outer = hooke(elastic, SPHERE), hooke(strain, CUBE)
    omega = SWELLING / MAXIMUM

    # The surface of the sphere: facets between cells of unlike tags; v is pinned outside, so "avg" is not meant:
    # the side of the sphere is chosen by an indicator.
    inside = fem.Function(fem.functionspace(mesh, ("DG", 0)))
    inside.x.array[data.cell_tags.find(tag[SPHERE])] = 1.0
    on_surface = (inside("+") - inside("-")) ** 2
    v_sphere = v("+") * inside("+") + v("-") * inside("-")

    dt, j = fem.Constant(mesh, STEP), fem.Constant(mesh, FLUX)
    F = (c - c_before) / dt * v * sphere - mobility() * c * ufl.inner(ufl.grad(w), ufl.grad(v)) * sphere
    F -= j * on_surface * v_sphere * dS
    F += (w - potential(c / MAXIMUM) - omega * ufl.tr(inner) / (3 * FARADAY)) * q * sphere
    F += ufl.inner(inner, ufl.grad(z)) * sphere + ufl.inner(outer, ufl.grad(z)) * cube
    F += fem.Constant(mesh, PRESSURE) * ufl.inner(ufl.FacetNormal(mesh), z) * ds(tag["top"])

    def held(index, space_facets=None):
        # c and w do not exist outside the sphere: pin them there
        sub = W.sub(index)
        collapsed, _ = sub.collapse()
        within = fem.locate_dofs_topological((sub, collapsed), 3, data.cell_tags.find(tag[SPHERE]))[0]
        beyond = fem.locate_dofs_topological((sub, collapsed), 3, data.cell_tags.find(tag[CUBE]))
        keep = ~np.isin(beyond[0], within)
        zero = fem.Function(collapsed)
        return fem.dirichletbc(zero, [beyond[0][keep], beyond[1][keep]], sub)

    mesh.topology.create_connectivity(2, 3)
    displacements, _ = W.sub(2).collapse()
    below = fem.locate_dofs_topological((W.sub(2), displacements), 2, data.facet_tags.find(tag["bottom"]))
    conditions = [held(0), held(1), fem.dirichletbc(fem.Function(displacements), below, W.sub(2))]
    for index, value in ((0, START), (1, potential(START / MAXIMUM))):
        dofs = fem.locate_dofs_topological(W.sub(index), 3, data.cell_tags.find(tag[SPHERE]))
        solution.x.array[dofs] = value
    before.x.array[:] = solution.x.array
    problem = NonlinearProblem(
        F,
        solution,
        bcs=conditions,
        petsc_options_prefix="plain_",
        petsc_options={
            "snes_type": "newtonls",
            "snes_linesearch_type": "none",
            "snes_rtol": 1e-9,
            "snes_atol": 1e-12,
            "snes_max_it": 20,
            "ksp_type": "preonly",
            "pc_type": "lu",
            "pc_factor_mat_solver_type": "mumps",
        },
    )

newton = 0
with report.part("march"):
    for _ in range(steps):
        problem.solve()
        assert problem.solver.getConvergedReason() > 0, problem.solver.getConvergedReason()
        newton += problem.solver.getIterationNumber()
        before.x.array[:] = solution.x.array


def total(form):
    return comm.allreduce(fem.assemble_scalar(fem.form(form)), MPI.SUM)


found = {
    "volume": total(fem.Constant(mesh, 1.0) * sphere),
    "lithium": total(c * sphere),
    "square of lithium": total(c * c * sphere),
    "potential": total(w * sphere),
    "energy in the sphere": total(0.5 * ufl.inner(inner, elastic) * sphere),
    "energy in the cube": total(0.5 * ufl.inner(outer, strain) * cube),
    "trace of stress": total(ufl.tr(inner) * sphere),
}
values = solution.sub(2).collapse().x.array.reshape(-1, 3)
found["largest displacement"] = comm.allreduce(float(np.linalg.norm(values, axis=1).max()), MPI.MAX)
size = W.dofmap.index_map.size_global * W.dofmap.index_map_bs
report.say(found, newton=newton, krylov=newton, unknowns=size, versions={"dolfinx": dolfinx.__version__})
