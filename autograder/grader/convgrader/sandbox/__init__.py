"""A student's code, locked away: who does what, from the request to fork a sandbox to a value that comes back.

==========  ====================================================================================
zygote      a warm process that forks one sandbox per submission, and its handle
isolation   namespaces, limits and a filter of system calls around that fork
server      the sandbox's side: runs cells, keeps outputs, answers calls
protocol    the plain values that cross between the two sides, bounded, never pickle
client      the grader's side: asks for cells and calls, and replaces a sandbox that ended
bounds      what a student's code may ask of our functions
validate    believing nothing of what a sandbox reports
==========  ====================================================================================
"""
