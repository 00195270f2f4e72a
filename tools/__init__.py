"""What only authors and instructors run, from a clone: ``python -m tools.weave`` and its neighbours. Never installed."""
