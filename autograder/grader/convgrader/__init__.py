"""Grading that cannot be fooled, stopped or slow: a grader that is trusted, and a sandbox that is not.

Who does what, from a command to a score:

===============  ===========================================================================================
cli              ``autograder grade``, plugged into the command of convcourse
batch            finds what was handed in, leaves out what --resume need not grade; `report` sums up
pool             worker processes, forked from one that has everything imported; replaced when they die
worker           grades one student's submission and writes its files
notebooks        reads what was handed in, however malformed, into the instructor's frame
grade            runs the instructor's checks; a student's function is a stand-in that calls the sandbox
sandbox          a student's code, locked away
fingerprint      what decides a score: the record of a grade names it
nbgrader_plugin  the one writer of nbgrader's database; the same for ``nbgrader autograde`` and formgrader; feedback
===============  ===========================================================================================
"""
