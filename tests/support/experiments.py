"""Experiments as files: two variants, each for half of the users."""


def halves(settings: str, names: tuple[str, str] = ("a", "b"), name: str = "halves") -> str:
    """The file's text. settings: what the second variant changes, as TOML; the first is as usual."""
    return f"""
name = "{name}"
[[variant]]
name = "{names[0]}"
share = 0.5
[[variant]]
name = "{names[1]}"
share = 0.5
settings = {{ {settings} }}
"""
