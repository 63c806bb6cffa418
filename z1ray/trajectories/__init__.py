"""problems -> trajectories: request rows, the Ray Data pipeline, the manifest."""
