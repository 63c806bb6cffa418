"""Training: examples to packed micro-batches: tokens, rows, order."""
