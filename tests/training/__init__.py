"""Tests of z1ray.training."""
