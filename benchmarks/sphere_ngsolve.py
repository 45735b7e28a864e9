"""B1 in NGSolve.  usage: MESH lu|lu_once|iterative STEPS [how u is solved: cholesky|h1amg|pyamg]

lu, lu_once: the monolithic system, factored (UMFPACK) in every Newton step, or once and then used in GMRES.
iterative: constant blocks are assembled once; (c, w) is assembled and factored in every Newton step, u preconditioned
once; block triangular GMRES to a tolerance of 1e-3, Newton being inexact.  How u is preconditioned:
  cholesky  a sparse factor of its stiffness
  h1amg     NGSolve's multigrid.  It takes the strength of a pair of unknowns from element matrices, by eliminating all
            others, which for elasticity, with its six rigid motions, stops with "CalcLU: matrix singular" (the same as
            the coarse solver of bddc, which at order 1 is all of bddc).  So it is made for a scalar problem with the
            stiffness 2 mu + lambda and used for each component, which Korn's inequality allows.
  pyamg     smoothed aggregation with rigid-body modes, as in linear_skfem
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
    import sys
    from pathlib import Path

    import ngsolve as ng
    import numpy as np
    from netgen.meshing import FaceDescriptor
    from netgen.meshing import Mesh as NetgenMesh
    from ngsolve.krylovspace import GMResSolver

ng.SetNumThreads(1)
path, strategy, steps = arguments()
OMEGA = SWELLING / MAXIMUM
IDENTITY = ng.Id(3)


def read_mesh(arrays):
    """Return the mesh of the project's arrays; the interface are the facets between sphere and cube."""
    mesh = NetgenMesh(dim=3)
    points = arrays["points"]
    mesh.AddPoints(np.ascontiguousarray(points))
    cells = {name: arrays[f"cells {name}"] for name in (SPHERE, CUBE)}
    faces = {
        name: np.unique(
            np.sort(np.vstack([part[:, k] for k in ([0, 1, 2], [0, 1, 3], [0, 2, 3], [1, 2, 3])])), axis=0
        )
        for name, part in cells.items()
    }
    both, times = np.unique(np.vstack(list(faces.values())), axis=0, return_counts=True)
    facets = {"interface": both[times == 2]} | {name: arrays[f"facets {name}"] for name in ("bottom", "top")}
    for number, (name, part) in enumerate(facets.items(), 1):
        inner, outer = (1, 2) if name == "interface" else (2, 0)
        mesh.Add(FaceDescriptor(surfnr=number, domin=inner, domout=outer, bc=number))
        mesh.SetBCName(number - 1, name)
        mesh.AddElements(dim=2, index=number, data=part.astype(np.int32), base=0)
    for number, (name, part) in enumerate(cells.items(), 1):
        mesh.SetMaterial(number, name)
        corner = points[part]
        sides = [corner[:, k] - corner[:, 0] for k in (1, 2, 3)]
        turned = np.einsum("ij,ij->i", np.cross(sides[0], sides[1]), sides[2]) > 0
        part = part.copy()
        part[turned] = part[turned][:, [1, 0, 2, 3]]
        mesh.AddElements(dim=3, index=number, data=part.astype(np.int32), base=0)
    return ng.Mesh(mesh)


def strain(u):
    return 0.5 * (ng.Grad(u) + ng.Grad(u).trans)


def hooke(e, region):
    first, shear = lame(region)
    return first * ng.Trace(e) * IDENTITY + 2 * shear * e


def swelling(c):
    return SWELLING * (c - START) / MAXIMUM / 3 * IDENTITY


def chemistry(c, w, v, q, before):
    """Balance of lithium and definition of w, without what depends on u."""
    balance = (c - before) / STEP * v - mobility() * c * ng.grad(w) * ng.grad(v)
    pressed = OMEGA / (3 * FARADAY) * ng.Trace(hooke(-swelling(c), SPHERE))
    return (balance + (w - potential(c / MAXIMUM) - pressed) * q).Compile() * ng.dx(SPHERE, bonus_intorder=1)


with report.part("set-up"):
    mesh = read_mesh(np.load(Path(path).with_suffix(".npz")))
    Vc = ng.Compress(ng.H1(mesh, order=1, definedon=mesh.Materials(SPHERE)))
    Vu = ng.VectorH1(mesh, order=1, dirichlet="bottom")
    E = Vc * Vc
    old = ng.GridFunction(Vc)
    start = ng.CF(START), ng.CF(potential(START / MAXIMUM))


class Monolithic:
    """Newton on all unknowns at once."""

    def __init__(self):
        W = Vc * Vc * Vu
        (c, w, u), (v, q, z) = W.TnT()
        self.solution, self.form = ng.GridFunction(W), ng.BilinearForm(W)
        form = self.form
        form += chemistry(c, w, v, q, old)
        form += -FLUX * v * ng.ds("interface")
        form += -OMEGA / (3 * FARADAY) * ng.Trace(hooke(strain(u), SPHERE)) * q * ng.dx(SPHERE)
        form += ng.InnerProduct(hooke(strain(u) - swelling(c), SPHERE), strain(z)) * ng.dx(SPHERE)
        form += ng.InnerProduct(hooke(strain(u), CUBE), strain(z)) * ng.dx(CUBE)
        form += PRESSURE * z[1] * ng.ds("top")
        self.free = W.FreeDofs()
        self.projector = ng.Projector(self.free, True)
        self.residual_vector, self.change = (self.solution.vec.CreateVector() for _ in range(2))
        self.inverse, self.krylov = None, 0
        self.parts = self.solution.components
        for part, value in zip(self.parts, start, strict=False):
            part.Set(value)

    def residual(self):
        self.form.Apply(self.solution.vec, self.residual_vector)
        self.residual_vector.data = self.projector * self.residual_vector
        return self.residual_vector.Norm()

    def correct(self):
        self.form.AssembleLinearization(self.solution.vec)
        if strategy == "lu" or self.inverse is None:
            self.inverse = self.form.mat.Inverse(self.free, inverse="umfpack")
        if strategy == "lu":
            self.change.data = self.inverse * self.residual_vector
            self.krylov += 1
        else:
            solver = GMResSolver(mat=self.form.mat, pre=self.inverse, tol=1e-6, maxiter=100, printrates=False)
            self.change.data = solver * self.residual_vector
            self.krylov += solver.iterations
        self.solution.vec.data -= self.change


class Triangular(ng.BaseMatrix):
    """Chemistry first, then u: y_e = K_ee^-1 x_e, y_u = M_u (x_u - K_ue y_e)."""

    def __init__(self, chemical, elastic, coupling, like):
        super().__init__()
        self.chemical, self.elastic, self.coupling, self.like = chemical, elastic, coupling, like

    def Mult(self, x, y):
        y[0].data = self.chemical * x[0]
        rest = x[1].CreateVector()
        rest.data = x[1] - self.coupling * y[0]
        y[1].data = self.elastic * rest

    def CreateRowVector(self):
        return self.like.CreateVector()

    def CreateColVector(self):
        return self.like.CreateVector()


class Blocks:
    """Newton with constant blocks kept: only that of the chemistry is assembled and factored again."""

    def __init__(self, kind):
        (c, w), (v, q) = E.TnT()
        u, z = Vu.TnT()
        self.chemical, self.elastic = ng.GridFunction(E), ng.GridFunction(Vu)
        for part, value in zip(self.chemical.components, start, strict=True):
            part.Set(value)
        self.form = ng.BilinearForm(E)
        self.form += chemistry(c, w, v, q, old)
        self.form += -FLUX * v * ng.ds("interface")
        stiffness = ng.BilinearForm(Vu, symmetric=True)
        for region in (SPHERE, CUBE):
            stiffness += ng.InnerProduct(hooke(strain(u), region), strain(z)) * ng.dx(region)
        stiffness.Assemble()
        up = ng.BilinearForm(trialspace=Vu, testspace=E)
        up += -OMEGA / (3 * FARADAY) * ng.Trace(hooke(strain(u), SPHERE)) * q * ng.dx(SPHERE)
        down = ng.BilinearForm(trialspace=E, testspace=Vu)
        rise = -SWELLING * c / MAXIMUM / 3 * IDENTITY
        down += ng.InnerProduct(hooke(rise, SPHERE), strain(z)) * ng.dx(SPHERE)
        load = ng.LinearForm(Vu)
        load += PRESSURE * z[1] * ng.ds("top")
        load += ng.InnerProduct(hooke(-swelling(ng.CF(0.0)), SPHERE), strain(z)) * ng.dx(SPHERE)
        for form in (up, down, load):
            form.Assemble()
        self.up, self.down, self.load, self.stiffness = up.mat, down.mat, load.vec, stiffness.mat
        self.free = ng.Projector(Vu.FreeDofs(), True)
        self.elastic_inverse = INVERSES[kind](stiffness.mat)
        self.vectors = ng.BlockVector([self.chemical.vec.CreateVector(), self.elastic.vec.CreateVector()])
        self.change = self.vectors.CreateVector()
        self.krylov = 0
        self.parts = (*self.chemical.components, self.elastic)

    def residual(self):
        chemical, elastic = self.vectors[0], self.vectors[1]
        self.form.Apply(self.chemical.vec, chemical)
        chemical.data += self.up * self.elastic.vec
        elastic.data = self.stiffness * self.elastic.vec + self.down * self.chemical.vec + self.load
        elastic.data = self.free * elastic
        return float(np.hypot(chemical.Norm(), elastic.Norm()))

    def correct(self):
        self.form.AssembleLinearization(self.chemical.vec)
        inverse = self.form.mat.Inverse(E.FreeDofs(), inverse="umfpack")
        matrix = ng.BlockMatrix(
            [[self.form.mat, self.up], [self.free @ self.down, self.free @ self.stiffness]]
        )
        pre = Triangular(inverse, self.elastic_inverse, self.down, self.vectors)
        solver = GMResSolver(mat=matrix, pre=pre, tol=1e-3, maxiter=200, printrates=False)
        self.change.data = solver * self.vectors
        self.krylov += solver.iterations
        self.chemical.vec.data -= self.change[0]
        self.elastic.vec.data -= self.change[1]


def by_components(_):
    """One cycle of the scalar multigrid for each component of u."""
    scalar = ng.H1(mesh, order=1, dirichlet="bottom")
    p, q = scalar.TnT()
    form = ng.BilinearForm(scalar, symmetric=True)
    for region in (SPHERE, CUBE):
        first, shear = lame(region)
        form += (2 * shear + first) * ng.grad(p) * ng.grad(q) * ng.dx(region)
    cycle = ng.Preconditioner(form, "h1amg")
    form.Assemble()
    kept.append((form, cycle))
    return sum(
        (e @ cycle.mat @ e.T for e in Vu.embeddings[1:]), Vu.embeddings[0] @ cycle.mat @ Vu.embeddings[0].T
    )


class Aggregation(ng.BaseMatrix):
    """One cycle of pyamg."""

    def __init__(self, matrix):
        super().__init__()
        import pyamg
        from scipy.sparse import csr_matrix

        from benchmarks.linear import motions

        self.size = Vu.ndof
        order = np.arange(self.size).reshape(3, -1).T.reshape(-1)  # components of a point side by side
        is_free = np.array(list(Vu.FreeDofs()), dtype=bool)
        self.free = order[is_free[order]]
        rows, columns, values = matrix.COO()
        places = np.asarray(rows), np.asarray(columns)
        whole = csr_matrix((np.asarray(values), places), shape=(self.size, self.size))
        part = whole[self.free][:, self.free].tobsr((3, 3))
        points = np.array([v.point for v in mesh.vertices])
        modes = motions(points)[is_free[order]]
        before, after = (("gauss_seidel", {"sweep": way}) for way in ("forward", "backward"))
        self.cycle = pyamg.smoothed_aggregation_solver(
            part,
            B=modes,
            strength=("symmetric", {"theta": 0.02}),
            improve_candidates=None,
            presmoother=before,
            postsmoother=after,
        ).aspreconditioner()

    def Mult(self, x, y):
        y[:] = 0.0
        y.FV().NumPy()[self.free] = self.cycle @ x.FV().NumPy()[self.free]

    def Height(self):
        return self.size

    def Width(self):
        return self.size

    def CreateVector(self, column):
        return ng.CreateVVector(self.size)


kept = []
INVERSES = {
    "cholesky": lambda matrix: matrix.Inverse(Vu.FreeDofs(), inverse="sparsecholesky"),
    "h1amg": by_components,
    "pyamg": Aggregation,
}
with report.part("set-up"):
    newton_solver = (
        Monolithic() if strategy != "iterative" else Blocks(sys.argv[4] if len(sys.argv) > 4 else "cholesky")
    )
    old.vec.data = newton_solver.parts[0].vec

newton = 0
with report.part("march"):
    for _ in range(steps):
        first = None
        for _ in range(30):
            norm = newton_solver.residual()
            first = norm if first is None else first
            if norm < 1e-9 * first or norm < 1e-12:
                break
            newton_solver.correct()
            newton += 1
        else:
            raise RuntimeError(f"Newton did not converge: {norm} of {first}")
        old.vec.data = newton_solver.parts[0].vec

c, w, u = newton_solver.parts[:3]
elastic = strain(u) - swelling(c)


def total(value, region):
    return ng.Integrate(value, mesh, definedon=mesh.Materials(region), order=3)


found = {
    "volume": total(ng.CF(1.0), SPHERE),
    "lithium": total(c, SPHERE),
    "square of lithium": total(c * c, SPHERE),
    "potential": total(w, SPHERE),
    "energy in the sphere": total(0.5 * ng.InnerProduct(hooke(elastic, SPHERE), elastic), SPHERE),
    "energy in the cube": total(0.5 * ng.InnerProduct(hooke(strain(u), CUBE), strain(u)), CUBE),
    "trace of stress": total(ng.Trace(hooke(elastic, SPHERE)), SPHERE),
    "largest displacement": float(
        np.sqrt(sum(part.vec.FV().NumPy()[: mesh.nv] ** 2 for part in u.components)).max()
    ),
}
report.say(
    found,
    newton=newton,
    krylov=newton_solver.krylov,
    unknowns=2 * Vc.ndof + Vu.ndof,
    versions={"ngsolve": ng.__version__},
)
