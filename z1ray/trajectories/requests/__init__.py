"""Trajectories: the table of requests and what fills it."""
