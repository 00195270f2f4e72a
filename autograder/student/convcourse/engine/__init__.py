"""How an answer is judged: the data that a check is made of, the trial of a function, the verdict and its display.

The engine knows no topic: the checks of the course are in `convcourse.checks`.
"""
