"""Trajectories: what a run has done so far, and how fast."""
