"""Benchmarks: the project against what else could be used, both sides alternately in one go (docs/performance.md)."""
