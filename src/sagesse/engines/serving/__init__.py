"""Serving: model servers as processes, and the gateway in front of them."""
