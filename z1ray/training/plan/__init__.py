"""Training: estimates of memory, arithmetic and scaling, made before a run."""
