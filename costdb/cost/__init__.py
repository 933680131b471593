"""The cost engine: pure functions from a graph to what it costs."""

# The revision of the counting rules. Raise it in the commit that changes a number; numbers of
# different revisions are never compared.
RULES = 2
