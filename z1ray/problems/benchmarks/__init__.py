"""Benchmarks in the layouts they are published in."""
