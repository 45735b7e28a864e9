"""B2 in scikit-fem, solved with pyamg.  usage: MESH elastic|potential [one of CYCLES, or ruge_stuben]"""

import sys

from benchmarks.linear import CONDUCTIVITY, CURRENT, TOLERANCE, motions
from benchmarks.sphere import CUBE, MODULI, PRESSURE, SPHERE, Report, lame

report = Report()
with report.part("import"):
    from pathlib import Path

    import numpy as np
    import pyamg
    import skfem
    from scipy.sparse.linalg import cg
    from skfem.helpers import ddot, div, dot, grad, sym_grad

path, kind = sys.argv[1:3]
elastic = kind == "elastic"
CHOSEN = {"elastic": "dropping_half", "potential": "half"}
"""the fastest of CYCLES and ruge_stuben at 60 thousand tetrahedra"""
cycle = sys.argv[3] if len(sys.argv) > 3 else CHOSEN[kind]

with report.part("mesh"):
    arrays = np.load(Path(path).with_suffix(".npz"))
    parts = {name: arrays[f"cells {name}"] for name in (SPHERE, CUBE)}
    cells = np.vstack([parts[SPHERE], parts[CUBE]])
    count = len(parts[SPHERE])
    mesh = skfem.MeshTet(arrays["points"].T.copy(), cells.T.copy())
    top = mesh.p[1].max()
    above = mesh.facets_satisfying(lambda x: np.isclose(x[1], top), boundaries_only=True)
    below = mesh.nodes_satisfying(lambda x: np.isclose(x[1], mesh.p[1].min()))
with report.part("forms"):
    element = skfem.ElementVector(skfem.ElementTetP1()) if elastic else skfem.ElementTetP1()
    basis = skfem.Basis(mesh, element, intorder=1)
    loaded = skfem.FacetBasis(mesh, element, facets=above, intorder=2)

    def by_region(values):
        return np.repeat([[values[SPHERE]], [values[CUBE]]], [count, len(cells) - count], axis=0)

    if elastic:
        first, shear = (by_region({name: lame(name)[k] for name in MODULI}) for k in (0, 1))
    else:
        kappa = by_region(CONDUCTIVITY)

    @skfem.BilinearForm
    def stiffness(u, v, w):
        if elastic:
            return 2 * shear * ddot(sym_grad(u), sym_grad(v)) + first * div(u) * div(v)
        return kappa * dot(grad(u), grad(v))

    @skfem.LinearForm
    def push(v, w):
        return -PRESSURE * v[1] if elastic else CURRENT * v


with report.part("assembly"):
    matrix, load = stiffness.assemble(basis), push.assemble(loaded)
    held = basis.nodal_dofs[:, below].flatten()
    free = np.setdiff1d(np.arange(basis.N), held)
    system = matrix[free][:, free].tocsr()
STRENGTH = ("symmetric", {"theta": 0.02 if elastic else 0.05})
FORWARD, BACKWARD = (("gauss_seidel", {"sweep": way}) for way in ("forward", "backward"))
HALF = {"presmoother": FORWARD, "postsmoother": BACKWARD}
CYCLES = {
    "as_is": {},
    "plain": {"improve_candidates": None},
    "dropping": {"improve_candidates": None, "strength": STRENGTH},
    "half": {"improve_candidates": None, **HALF},
    "dropping_half": {"improve_candidates": None, "strength": STRENGTH, **HALF},
}
"""smoothed aggregation: as pyamg sets it up by itself, and with less work; half: one sweep a level and way"""

with report.part("solve"):
    if elastic:
        system = system.tobsr((3, 3))  # held points lack all three components
    if cycle == "ruge_stuben":
        levels = pyamg.ruge_stuben_solver(system.tocsr())
    else:
        modes = motions(mesh.p.T)[free] if elastic else None
        levels = pyamg.smoothed_aggregation_solver(system, B=modes, **CYCLES[cycle])
    krylov = [0]

    def counted(_):
        krylov[0] += 1

    with report.part("iterations"):
        answer, failed = cg(
            system, load[free], rtol=TOLERANCE, M=levels.aspreconditioner(), maxiter=500, callback=counted
        )
    assert not failed
solution = np.zeros(basis.N)
solution[free] = answer

quantities = {}
for region, place in ((SPHERE, np.arange(count)), (CUBE, np.arange(count, len(cells)))):
    name = "sphere" if region == SPHERE else "cube"
    part = skfem.Basis(mesh, element, intorder=1, elements=place)
    u = part.interpolate(solution)

    @skfem.Functional
    def density(w, region=region):
        if elastic:
            first, shear = lame(region)
            return shear * ddot(sym_grad(w["u"]), sym_grad(w["u"])) + 0.5 * first * div(w["u"]) ** 2
        return CONDUCTIVITY[region] * dot(grad(w["u"]), grad(w["u"]))

    quantities[f"{'energy' if elastic else 'heat'} in the {name}"] = float(density.assemble(part, u=u))
mean = skfem.Functional(lambda w: -w["u"][1] if elastic else w["u"])
quantities["lowering of the top" if elastic else "potential of the top"] = float(
    mean.assemble(loaded, u=loaded.interpolate(solution))
)
size = np.linalg.norm(solution.reshape(-1, 3), axis=1) if elastic else np.abs(solution)
quantities["largest value"] = float(size.max())
report.say(
    quantities,
    krylov=krylov[0],
    unknowns=int(basis.N),
    versions={"scikit-fem": skfem.__version__, "pyamg": pyamg.__version__},
)
