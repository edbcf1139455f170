"""A module that comes with the script; it is used inside Spark too."""


def clean(word: str) -> str:
    """The word without what surrounds it."""
    return word.strip(" ,.").lower()
