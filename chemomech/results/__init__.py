"""The record of a run: names, writing that survives a kill, and reading."""

from chemomech.results.fields import FieldWriter
from chemomech.results.read import Results, open_results
from chemomech.results.write import History, RunRecord, write_json

__all__ = ["FieldWriter", "History", "Results", "RunRecord", "open_results", "write_json"]
