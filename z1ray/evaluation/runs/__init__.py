"""Finished runs compared with each other."""
