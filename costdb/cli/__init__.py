"""The command line: it parses, calls `costdb.api` and renders; no logic stands here."""
