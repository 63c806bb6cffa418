"""trajectories -> dataset: untag, verify, dedupe, decontaminate, select."""
