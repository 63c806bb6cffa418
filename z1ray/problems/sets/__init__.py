"""Problem sets to train on, in the layouts they are published in."""
