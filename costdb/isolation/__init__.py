"""Artifacts come from strangers: each is read in a child process, under limits.

`content` reads an artifact, in whichever process it is called; `process` has that done in a child,
which `interpreter` starts and whose side is `child`; `messages` is what the two write to each
other: JSON, never a pickle. For a command, `early` has the child begin before the command line is
understood, with a request that `guess` makes of it.
"""
