"""What authors and instructors run in a clone, ``python -m tools.weave`` and its neighbours. It is never installed."""
