"""Grading that cannot be fooled, stopped or slow: an examiner that is trusted, and a sandbox that is not.

Who does what, from a command to a score:

============  ============================================================================================
batch         ``autograder grade``: finds what was handed in, shows how far it is, sums up
pool          worker processes, forked from one that has everything imported; replaced when they die
worker        grades one student's submission and writes its files
notebook      reads what was handed in, however malformed, into the instructor's frame
examiner      runs the instructor's checks; a student's function is a stand-in that calls the sandbox
wire          the plain values that cross between the two, bounded, never pickle
template      a warm process that forks one sandbox per submission
confine       namespaces, limits and a filter of system calls around that fork
shell         the sandbox's side: runs cells, keeps outputs, answers calls
gradebook     the one writer of nbgrader's database; `records` are our two tables beside nbgrader's
preprocessor  the same for ``nbgrader autograde`` and formgrader; `feedback` makes pages that run nothing
============  ============================================================================================
"""
