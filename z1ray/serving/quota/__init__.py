"""Exact quotas of tokens per key, and budgets of conversations: a book, its store, its process, and its clients."""
