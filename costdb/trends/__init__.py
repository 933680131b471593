"""What changed between versions, which part of the model made it, and whether it is too much.

Pure functions over the costs of `costdb.cost.result`.
"""
