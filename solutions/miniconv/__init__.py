"""Convolutional networks in NumPy: one module per topic of the course.

Names, argument order and defaults follow ``torch.nn.functional``; arrays are NCHW.
"""
