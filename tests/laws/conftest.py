"""How the laws are tried: without a time limit for one example, since machines of a build are shared."""

from hypothesis import settings

settings.register_profile("laws", deadline=None, print_blob=True)
settings.load_profile("laws")
