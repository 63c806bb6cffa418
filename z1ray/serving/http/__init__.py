"""Serving: the OpenAI API over HTTP: paths, keys, bodies, errors, dispatch to replicas."""
