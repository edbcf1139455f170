"""The name that example scripts import and never use: their own ``__main__`` is what runs."""
