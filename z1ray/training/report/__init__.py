"""Training: what a running training tells: metrics, gauges, events."""
