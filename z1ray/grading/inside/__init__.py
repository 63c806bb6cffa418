"""Programs that run inside the sandbox. Standard library only; nothing of z1ray is there."""
