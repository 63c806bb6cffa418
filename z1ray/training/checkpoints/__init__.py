"""Training: checkpoints of a run, and the model exported from one."""
