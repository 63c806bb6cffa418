"""What the graded answers of a sweep show, with the uncertainty that comes from a limited number of problems."""
