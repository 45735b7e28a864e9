"""Pictures of a run, made from its results folder alone: scenes, curves, an animation and a page."""
