"""Texts as arrays of numbers: words, shingles, signatures."""
