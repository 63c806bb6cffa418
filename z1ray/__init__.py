"""z1ray: efficient test-time scaling with code (arXiv 2504.00810) on Ray.

Data flows one way, one artifact per arrow::

    problems -> trajectories -> dataset -> checkpoint -> endpoint -> curve

Importing this package imports nothing heavy; each stage lives in its own
subpackage and is started by the launcher of the same name in ``jobs/``.
"""
