"""Serving: one request's window: its fields, what is refused, and the token counts of its response."""
