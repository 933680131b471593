"""costdb: what does a model cost, version after version, and did it get worse?

`from costdb import api` offers what the command line does: `api.analyze`, `api.ingest`,
`api.history`, `api.check`.
"""

__version__ = "0.1.0"
