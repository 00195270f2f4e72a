"""Where this package plugs into nbgrader: its grading, its gradebook, its feedback pages, its exports."""
