"""Microstructures: recipes of meshes, particle packing, and the meshes themselves."""
