"""endpoint or checkpoint -> curve: benchmarks, the budget sweep, the report."""
