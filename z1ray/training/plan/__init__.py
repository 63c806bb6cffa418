"""Training: a run on paper: memory, arithmetic and scaling."""
