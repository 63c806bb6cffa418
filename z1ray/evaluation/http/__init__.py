"""Evaluation over HTTP: a budget sweep against an endpoint, one chat request for each answer."""
