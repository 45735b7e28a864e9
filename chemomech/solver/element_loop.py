"""The loop over cells or facets that adds element matrices and vectors of several blocks where they belong.

dolfinx hands every element matrix to MatSetValues, which searches each column anew; here the places are known.  The
loop is C, compiled once into the cache of compiled forms.
"""

import hashlib
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import cffi

from chemomech.solver.module_cache import READY, fetch

if TYPE_CHECKING:
    from mpi4py import MPI

DECLARED: Final = """
typedef struct {
  const int32_t* table;    /* entity x row node x column node: node pair of the block, or -1 */
  double* values;          /* node pair x row component x column component */
  int8_t* seen;            /* kind of entity x row node x column node: whether an entry there ever was not 0 */
  const int32_t* rows;     /* first row of each row node in the element matrix */
  const int32_t* columns;
  int32_t row_nodes, column_nodes, row_components, column_components;
} block_part;
typedef struct {
  uintptr_t kernel;
  int64_t count, size;
  int32_t sides, nodes, width;
  const int32_t* geometry; /* entity x side x node */
  const double* x;
  const int32_t* facets;   /* entity x side: local facet */
  const uint8_t* turned;   /* entity x side: permutation of the facet */
  const int32_t* kinds;    /* entity */
  double* element;         /* the element matrix */
  double* coordinates;
  int32_t parts;
  block_part* part;
} entity_loop;
void add(const entity_loop* loop, const double* w, int64_t stride, const double* c);
void look(const entity_loop* loop, const double* w, int64_t stride, const double* c);
"""
SOURCE: Final = """
#include <stdint.h>
#include <string.h>
typedef void (*tabulate)(double*, const double*, const double*, const double*, const int*, const uint8_t*, void*);
TYPES
static void evaluate(const entity_loop* loop, int64_t e, const double* w, int64_t stride, const double* c) {
  const int corners = loop->sides * loop->nodes;
  for (int k = 0; k < corners; k++)
    memcpy(loop->coordinates + 3 * k, loop->x + 3 * (int64_t)loop->geometry[e * corners + k], 3 * sizeof(double));
  memset(loop->element, 0, loop->size * sizeof(double));
  ((tabulate)loop->kernel)(loop->element, w + e * stride, c, loop->coordinates, loop->facets + e * loop->sides,
                           loop->turned + e * loop->sides, 0);
}
void add(const entity_loop* loop, const double* w, int64_t stride, const double* c) {
  for (int64_t e = 0; e < loop->count; e++) {
    evaluate(loop, e, w, stride, c);
    for (int b = 0; b < loop->parts; b++) {
      const block_part* part = loop->part + b;
      const int m = part->row_nodes, n = part->column_nodes;
      const int rows = part->row_components, columns = part->column_components;
      const int32_t* place = part->table + e * m * n;
      double* values = part->values;
      for (int p = 0; p < m; p++) {
        const double* row = loop->element + (int64_t)part->rows[p] * loop->width;
        for (int q = 0; q < n; q++) {
          const int64_t t = place[p * n + q];
          if (t < 0) continue;
          const double* a = row + part->columns[q];
          if (rows * columns == 1) {
            values[t] += *a;
            continue;
          }
          double* v = values + t * rows * columns;
          for (int k = 0; k < rows; k++)
            for (int l = 0; l < columns; l++) v[k * columns + l] += a[k * loop->width + l];
        }
      }
    }
  }
}
void look(const entity_loop* loop, const double* w, int64_t stride, const double* c) {
  for (int64_t e = 0; e < loop->count; e++) {
    evaluate(loop, e, w, stride, c);
    for (int b = 0; b < loop->parts; b++) {
      const block_part* part = loop->part + b;
      int8_t* seen = part->seen + (int64_t)loop->kinds[e] * part->row_nodes * part->column_nodes;
      for (int p = 0; p < part->row_nodes; p++)
        for (int q = 0; q < part->column_nodes; q++) {
          const double* a = loop->element + (int64_t)part->rows[p] * loop->width + part->columns[q];
          for (int k = 0; k < part->row_components; k++)
            for (int l = 0; l < part->column_components; l++)
              if (a[k * loop->width + l] != 0.0) seen[p * part->column_nodes + q] = 1;
        }
    }
  }
}
""".replace("TYPES", DECLARED.split("void add")[0])


_loaded: dict[Path, Any] = {}


def compiled_loop(comm: "MPI.Comm", options: dict[str, Any]) -> Any:
    """Return the compiled loop, a module of cffi; ``options`` are those of the forms (collective).

    Raises RuntimeError, on every rank, where it cannot be compiled.
    """
    folder, arguments = Path(options["cache_dir"]), list(options["cffi_extra_compile_args"])
    name = "entity_loop_" + hashlib.sha256(repr((SOURCE, arguments)).encode()).hexdigest()[:16]
    problem = ""
    if comm.rank == 0 and folder / name not in _loaded:
        fetch(folder, name)
        if not (folder / f"{name}{READY}").exists():
            problem = _compile(name, folder, arguments)
    problem = comm.bcast(problem, root=0)  # also where it is loaded: another rank may not have it yet
    if problem:
        raise RuntimeError(f"the loop over elements was not compiled: {problem}")
    if folder / name not in _loaded:
        _loaded[folder / name] = _load(name, folder)
    return _loaded[folder / name]


def _compile(name: str, folder: Path, arguments: list[str]) -> str:
    # Returns what went wrong, if anything.
    try:
        maker = cffi.FFI()
        maker.cdef(DECLARED)
        maker.set_source(name, SOURCE, extra_compile_args=arguments)
        maker.compile(tmpdir=str(folder))
        (folder / f"{name}{READY}").touch()
    except (OSError, cffi.VerificationError) as error:
        return str(error)
    return ""


def _load(name: str, folder: Path) -> Any:
    library = next(path for path in folder.glob(f"{name}.*") if path.suffix == ".so")
    spec = importlib.util.spec_from_file_location(name, library)
    assert spec is not None and spec.loader is not None  # it is a module
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
