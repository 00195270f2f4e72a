"""Notebooks on both sides: what an instructor wrote, and what a student handed in, however malformed."""
