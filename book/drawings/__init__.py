"""What the chapters draw: arrays in, a figure out. A chapter has a module of its name; `style` is for all of them."""

from drawings import style as style  # what is set there holds for every figure
