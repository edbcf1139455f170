"""Jobs on a Ray cluster: docs/jobs.md, and decision 8 for why it is made like this.

`engine.RayJobs` is the server's side and does not import Ray. It talks to one `driver` process, which does and may
be killed at any time. The runs themselves are `host.RunHost` actors, one each, on the nodes; they outlive both.
"""
