"""Models by folder or hub name, and the small one that comes with the CPU profile."""
