"""Effective properties of a case's microstructure: what is solved, written and quoted."""
