"""Trajectories: a run's trajectories and figures, to read."""
