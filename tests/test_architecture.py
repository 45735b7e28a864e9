"""The shape of the code, held by reading it: which part may know which, and what every part owes its reader.

Only ``ast`` is used, so this runs where no finite-element library is installed.
"""

import ast
import graphlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "chemomech"

# Known to all: the numbers, the errors, and how a mistake in any input file is found, converted and worded.
GROUND = {"constants", "errors", "runtime", "case.units", "case.positions", "case.wording"}
MAY_KNOW: dict[str, set[str]] = {
    # the part      what it may import besides itself and the ground; a new part is entered here first
    "constants": set(),
    "errors": set(),
    "runtime": set(),
    "ranks": set(),
    "together": set(),
    "timing": set(),
    "protocol": set(),
    "materials": set(),
    "geometry": set(),
    "results": {"protocol"},
    "case": {"geometry.recipe", "materials", "protocol"},
    "domain": {"geometry"},
    "connectivity": {"domain"},
    "refinement": {"domain"},
    "fields": {"domain"},
    "physics": {"domain", "fields", "materials"},
    "memory": {"domain", "fields"},
    "contacts": {"case", "domain", "fields", "materials", "physics", "roughness"},
    "roughness": {"case", "fields", "materials"},
    "solver": {"domain", "fields", "memory", "timing"},
    "interphases": {"case", "fields", "materials", "physics"},
    "model": {
        "case",
        "connectivity",
        "contacts",
        "domain",
        "fields",
        "interphases",
        "materials",
        "memory",
        "physics",
        "solver",
    },
    "analysis": {
        "case",
        "connectivity",
        "domain",
        "fields",
        "materials",
        "memory",
        "model",
        "physics",
        "results",
        "solver",
    },
    "effective": {
        "analysis",
        "case",
        "domain",
        "drawing",
        "fields",
        "geometry",
        "materials",
        "physics",
        "progress",
        "refinement",
        "results",
        "solver",
        "together",
    },
    "record": {"analysis", "domain", "fields", "materials", "model", "results"},
    "spectra": {"analysis", "fields", "model", "protocol", "record", "results"},
    "drt": {"analysis", "render", "results"},
    "gitt": {"analysis", "render", "results"},
    "measured": {"analysis", "case", "drt", "render", "results"},
    "simulate": {"model", "protocol", "record", "results", "solver"},
    "summary": {"protocol", "results", "simulate"},
    "progress": {"results", "simulate"},
    "catalogue": {"case", "geometry.recipe", "materials"},
    "explain": {"case", "materials", "protocol"},
    "render": {"results"},
    "drawing": {"ranks"},
    "study": {"case", "drawing", "geometry.recipe", "ranks", "results"},
}
MAY_KNOW["run"] = set(MAY_KNOW) - {
    "measured",
    "render",
    "study",
}  # pictures are made by another process, from the results folder
MAY_KNOW["verification"] = set(MAY_KNOW)
MAY_KNOW["cli"] = set(MAY_KNOW)
MAY_KNOW["__main__"] = {"cli"}

FINITE_ELEMENTS = {"dolfinx", "dolfinx_solver", "petsc4py", "slepc4py", "mpi4py", "basix", "ffcx"}
STRANGERS: dict[str, set[str]] = {  # libraries a part may not import, not even inside a function
    "cli": FINITE_ELEMENTS | {"gmsh", "ufl", "pyvista", "matplotlib"},  # --help answers at once
    "case": FINITE_ELEMENTS | {"gmsh", "ufl"},
    "protocol": FINITE_ELEMENTS | {"gmsh", "ufl"},
    "render": FINITE_ELEMENTS | {"gmsh", "ufl"},
    "study": FINITE_ELEMENTS
    | {"gmsh", "ufl", "pyvista", "matplotlib"},  # points run in processes of their own
    "materials": FINITE_ELEMENTS | {"gmsh"},
    "geometry": FINITE_ELEMENTS | {"ufl"},
    "physics": {"petsc4py", "gmsh", "pyvista", "matplotlib"},
    "solver": {"gmsh", "pyvista", "matplotlib"},
}
NO_NAMES = {"utils", "util", "helpers", "helper", "manager", "managers", "base", "common", "misc"}
NO_CALLS = {"eval", "exec", "compile", "__import__"}
NO_LIBRARIES = {"pickle", "cPickle", "marshal", "shelve", "dill", "yaml"}
ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow, ast.MatMult)

Definition = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """One file: its dotted name inside the package ("" for the package itself) and what it says."""

    name: str
    tree: ast.Module

    @property
    def part(self) -> str:
        """The first word of the name: a folder or a file directly in the package."""
        return self.name.split(".")[0]


def read(package: Path) -> list[Module]:
    """Return every module of a package."""
    modules = []
    for path in sorted(package.rglob("*.py")):
        words = path.relative_to(package).with_suffix("").parts
        name = ".".join(words[:-1] if words[-1] == "__init__" else words)
        modules.append(Module(name, ast.parse(path.read_text(encoding="utf-8"), str(path))))
    return modules


def imports(tree: ast.AST) -> Iterator[str]:
    """Yield the full name of everything imported below a node, a name taken from a module included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"line {node.lineno}: imports are written in full"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def at_once(tree: ast.Module) -> ast.Module:
    """Return what is executed when a module is imported: without functions and TYPE_CHECKING blocks."""

    class Strip(ast.NodeTransformer):
        def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
            return None

        def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
            return None

        def visit_If(self, node: ast.If) -> ast.AST | None:
            if "TYPE_CHECKING" in ast.unparse(node.test):
                return None
            return self.generic_visit(node)

    stripped = Strip().visit(ast.parse(ast.unparse(tree)))
    assert isinstance(stripped, ast.Module)
    return stripped


def inside(name: str, known: set[str]) -> str | None:
    """Return the module of this package that an imported name means, or None."""
    words = name.split(".")
    if words[0] != "chemomech":
        return None
    words = words[1:]
    while words and ".".join(words) not in known:
        words = words[:-1]
    return ".".join(words)


def within(name: str, names: set[str]) -> bool:
    """Whether a dotted name is one of these, or lies below one of them."""
    return any(name == other or name.startswith(f"{other}.") for other in names)


def arrows(modules: list[Module]) -> Iterator[str]:
    """Yield imports that point the wrong way."""
    known = {module.name for module in modules}
    for module in modules:
        wrong = set()
        if module.part and module.part not in MAY_KNOW:
            yield f"{module.name}: a new part; say in MAY_KNOW what it may know"
            continue
        for name in imports(module.tree):
            target = inside(name, known)
            if not target or not module.part or target.split(".")[0] == module.part:
                continue
            if not within(target, MAY_KNOW[module.part] | GROUND):
                wrong.add(target)
        yield from (f"{module.name} must not import {target}" for target in sorted(wrong))


def strangers(modules: list[Module]) -> Iterator[str]:
    """Yield libraries imported where they do not belong, also through other modules as these are imported."""
    known = {module.name for module in modules}
    first = {module.name: list(imports(at_once(module.tree))) for module in modules}

    def reached(name: str, seen: set[str]) -> Iterator[tuple[str, str]]:
        seen.add(name)
        for imported in first[name]:
            target = inside(imported, known)
            if target is None:
                yield name, imported.split(".")[0]
                continue
            words = target.split(".")
            for package in {".".join(words[:count]) for count in range(len(words) + 1)} & known - seen:
                yield from reached(package, seen)

    for module in modules:
        banned = STRANGERS.get(module.part, set())
        here = {(module.name, name.split(".")[0]) for name in imports(module.tree)}
        for through, library in sorted(here | set(reached(module.name, set()))):
            if library in banned:
                way = f" (it comes with {through})" if through != module.name else ""
                yield f"{module.name} must not import {library}{way}"


def cycles(modules: list[Module]) -> Iterator[str]:
    """Yield a ring of modules that import one another."""
    known = {module.name for module in modules}
    graph = {
        module.name: {
            target
            for name in imports(at_once(module.tree))
            if (target := inside(name, known)) and target != module.name
        }
        for module in modules
    }
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        yield "a ring of imports: " + " -> ".join(error.args[1])


def names(modules: list[Module]) -> Iterator[str]:
    """Yield modules whose name says nothing."""
    for module in modules:
        for word in module.name.split("."):
            if NO_NAMES & set(word.split("_")):
                yield f"{module.name}: '{word}' says nothing; name it after what it holds"


def calls(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield line and name of every plain call."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.lineno, node.func.id


def joins_path(node: ast.BinOp) -> bool:
    """Whether this is a path and a name below it, and no number: folder / "figures"."""
    text = isinstance(node.right, ast.JoinedStr) or (
        isinstance(node.right, ast.Constant) and isinstance(node.right.value, str)
    )
    return isinstance(node.op, ast.Div) and text


def manners(modules: list[Module]) -> Iterator[str]:
    """Yield code that runs what it reads, physics that see each other, arithmetic in the command line."""
    for module in modules:
        for line, call in calls(module.tree):
            if call in NO_CALLS:
                yield f"{module.name}:{line} calls {call}"
            if module.part in ("physics", "model") and call in ("isinstance", "hasattr"):
                yield f"{module.name}:{line} calls {call}: ask a physics for its fields, not for its type"
        for name in imports(module.tree):
            if name.split(".")[0] in NO_LIBRARIES:
                yield f"{module.name} imports {name.split('.')[0]}, which executes what it reads"
            if module.part == "physics" and module.name not in ("physics", "physics.balance"):
                words = name.split(".")
                if words[:2] == ["chemomech", "physics"] and words[2:3] != ["balance"]:
                    yield f"{module.name} imports {name}: physics meet in fields and free energies only"
        if module.part == "cli":
            for node in ast.walk(module.tree):
                if isinstance(node, ast.BinOp) and isinstance(node.op, ARITHMETIC) and not joins_path(node):
                    yield f"{module.name}:{node.lineno} computes '{ast.unparse(node)}'"


def public(tree: ast.Module) -> Iterator[tuple[str, Definition, bool]]:
    """Yield name, definition and whether it is a method, of every public function and method."""
    for node in tree.body:
        if isinstance(node, Definition) and not node.name.startswith("_"):
            yield node.name, node, False
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            declares_only = "Protocol" in {ast.unparse(parent).split("[")[0] for parent in node.bases}
            for item in node.body:
                if isinstance(item, Definition) and not item.name.startswith("_") and not declares_only:
                    yield f"{node.name}.{item.name}", item, True


def debts(modules: list[Module]) -> Iterator[str]:
    """Yield public functions without docstring or annotations, and modules and classes without docstring."""
    for module in modules:
        if not ast.get_docstring(module.tree) and module.tree.body:
            yield f"{module.name}: no docstring"
        for node in module.tree.body:
            if isinstance(node, ast.ClassDef) and node.name[0] != "_" and not ast.get_docstring(node):
                yield f"{module.name}.{node.name}: no docstring"
        for name, function, method in public(module.tree):
            decorators = {ast.unparse(decorator) for decorator in function.decorator_list}
            if not ast.get_docstring(function) and not {"overload", "override"} & decorators:
                yield f"{module.name}.{name}: no docstring"
            given = function.args
            arguments = [*given.posonlyargs, *given.args, *given.kwonlyargs]
            if method and "staticmethod" not in decorators:
                arguments = arguments[1:]
            arguments += [argument for argument in (given.vararg, given.kwarg) if argument]
            missing = [argument.arg for argument in arguments if argument.annotation is None]
            if function.returns is None:
                missing.append("return")
            if missing:
                yield f"{module.name}.{name}: no annotation for {', '.join(missing)}"


Rule = Callable[[list[Module]], Iterator[str]]
RULES: list[Rule] = [arrows, strangers, cycles, names, manners, debts]


@pytest.mark.parametrize("rule", RULES)
def test_the_package_keeps_its_shape(rule: Rule) -> None:
    modules = read(PACKAGE)
    assert len(modules) > 10
    found = list(rule(modules))
    assert not found, "\n".join(found)


# rule: {file: (its text below a docstring, how the complaint begins)}
WRONG: dict[Rule, dict[str, tuple[str, str]]] = {
    arrows: {
        "solver/newton.py": ("from chemomech.physics import heat", "solver.newton must not import physics"),
        "fields.py": ("def f() -> None:\n    import chemomech.cli", "fields must not import cli"),
        "mystery.py": ("", "mystery: a new part"),
        "physics/heat.py": ("", ""),
        "cli.py": ("", ""),
    },
    strangers: {
        "render/scenes.py": ("from chemomech.results.read import a", "render.scenes must not import petsc"),
        "results/__init__.py": ("import petsc4py.PETSc", ""),
        "results/read.py": ("", ""),
        "geometry/build.py": ("def f():\n    import dolfinx.fem", "geometry.build must not import dolfinx"),
    },
    cycles: {
        "case/one.py": ("from chemomech.case.two import a", "a ring of imports"),
        "case/two.py": ("import chemomech.case.one", ""),
    },
    names: {"case/string_utils.py": ("", "case.string_utils: 'string_utils' says nothing")},
    manners: {
        "physics/heat.py": ("from chemomech.physics.flow import q", "physics.heat imports chemomech.physics"),
        "physics/flow.py": ("q = isinstance(1, int)", "physics.flow:2 calls isinstance"),
        "cli.py": ("a = folder / 'x'\nhours = 3 / 2", "cli:3 computes '3 / 2'"),
        "case/read.py": ("import pickle\nx = eval('1')", "case.read:3 calls eval"),
        "case/units.py": ("from pickle import load", "case.units imports pickle"),
    },
    debts: {
        "case/read.py": ('def f(a, *b: int): "x"', "case.read.f: no annotation for a, return"),
        "case/units.py": ("def f() -> None: ...", "case.units.f: no docstring"),
        "case/schema.py": ("class A:\n    def f(self) -> None: ...", "case.schema.A.f: no docstring"),
        "case/words.py": ("class A: ...", "case.words.A: no docstring"),
    },
}


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_sees_what_it_forbids(rule: Rule, tmp_path: Path) -> None:
    for path, (text, _) in WRONG[rule].items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(f'"""Documented."""\n{text}\n', encoding="utf-8")
    found = list(rule(read(tmp_path)))
    for _, expected in WRONG[rule].values():
        assert not expected or any(line.startswith(expected) for line in found), (expected, found)
