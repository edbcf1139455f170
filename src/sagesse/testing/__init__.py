"""What tests of Sagesse, and of things built on it, may use.

- `store.check_store`: the conformance suite of a `Store`.
- `clock.HandClock`: time turned by hand.
- `server.Server`: a server in a process of its own, to talk to with unmodified clients, to kill and to start again.
- `kind.KindSuite`: what every declared resource must do.
"""
