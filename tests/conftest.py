"""What every test needs."""

from hypothesis import settings

# No deadline: the first example of a property may load a framework.
settings.register_profile("costdb", deadline=None)
settings.load_profile("costdb")
