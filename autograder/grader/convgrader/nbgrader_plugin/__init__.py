"""Where this package plugs into nbgrader: its preprocessors, its gradebook, its feedback pages, its exports."""
