"""Training: the model under ZeRO-3: DeepSpeed, attention over packed rows, the loss."""
