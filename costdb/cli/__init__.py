"""The command line: it parses, calls `costdb.api` and renders; no logic stands here."""

import gc

# A command keeps nearly all that it makes until it ends: looking for garbage as often as Python
# does by default takes a third of the time of a large diff, and a tenth of that of loading modules.
gc.set_threshold(100_000, 50, 100)
