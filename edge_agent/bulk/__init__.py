"""Millions of frames at once, on a workstation or server: the only part of this package that uses numpy and polars."""
