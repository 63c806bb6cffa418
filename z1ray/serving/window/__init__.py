"""Serving: a request's window: asked, refused, divided and accounted."""
