"""Checking an answer against a problem's tests: the sandbox and the verdict."""
