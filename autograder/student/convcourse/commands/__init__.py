"""The commands of ``autograder`` that students use: a module each, with HELP and ``add_parser(commands)``.

``notebook``, ``kit``, ``merge`` and ``portability`` serve them.
"""
