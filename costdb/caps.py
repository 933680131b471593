"""How large an artifact's structure may be, whatever the machine could take.

Real models stay far below; files that are made to exhaust their reader do not. What a reader may
take of the machine is the business of `limits`.
"""

# Messages in messages, functions in functions, graphs in graphs. Real models nest a dozen deep.
MAX_NESTING = 64

# Layers of one graph, functions inlined and bodies included.
MAX_LAYERS = 2_000_000

# The list of members of an archive with 100,000 weights is 10 MB long.
MAX_ARCHIVE_MEMBERS = 200_000
MAX_ARCHIVE_DIRECTORY_BYTES = 64 << 20

# Text deflates by a factor of 10 to 30; members made to exhaust memory by 1,000.
MAX_ARCHIVE_RATIO = 200
