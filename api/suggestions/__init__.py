"""Advice from diagnostics, and what became of it."""
