"""Serving: one replica of a model: the server around its engine, its load and its metrics."""
