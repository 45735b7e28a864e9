"""Sweeps over keys of a case: what study.toml asks for, its points, and what is collected from them."""
