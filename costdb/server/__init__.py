"""`costdb serve`: the JSON API, the pages, and what keeps them up.

The server never parses a model and never fetches a URL: clients analyse where the file is and push
what they found. Everything here needs the extra `server`.
"""
