"""Artifacts come from strangers: each is read in a child process, under limits.

`content` reads an artifact, in whichever process it is called; `process` has that done in a child,
whose side is `child`; `messages` is what the two write to each other: JSON, never a pickle.
"""
