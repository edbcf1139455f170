"""Sagesse: the AWS machine-learning stack on your own machines."""

__version__ = "0.1.0"
