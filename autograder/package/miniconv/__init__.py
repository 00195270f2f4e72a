"""Convolutional networks in NumPy, to be filled by a student with functions of their own.

The book and its chapters import this name. Where the course is developed it stands for the reference package, in
``solutions/miniconv``; this distribution is what can be handed out under it, and holds nothing of that.
"""
