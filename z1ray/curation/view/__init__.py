"""Curation: the dataset card, the page, the upload."""
