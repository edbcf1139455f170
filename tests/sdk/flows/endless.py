"""A user's script that does not end by itself."""

import signal

signal.pause()
