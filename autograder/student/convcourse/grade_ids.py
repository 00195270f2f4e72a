"""How the cells of an assignment are called: a task by its function's name, the cells around it by these beginnings."""

CHECK = "check-"  # earns the points
PROVIDED = "provided-"  # imports functions of earlier topics
TRAIN = "train-"  # trains a network; does nothing where submissions are graded
