"""Answers that are alike after renaming and reformatting: winnowing on normalised syntax trees.

Who does what, from the text of an answer to a pair of students:

==============  ============================================================================================
parser_process  parses what students wrote in a process of its own, whose time and memory are bounded
simplify        makes different spellings of one program the same tree
tokens          writes a tree as a row of words without the student's names, and texts that no parser reads
winnowing       takes fingerprints of such a row
likeness        an index of all fingerprints of a class, their rarity, pairs and groups
==============  ============================================================================================

Moss and copydetect compare rows of words of whole files. Neither knows what was handed out, how rare in a class a
passage is, or that a loop and a comprehension say the same, so only the winnowing is theirs (Schleimer, Wilkerson and
Aiken, 2003).
"""
