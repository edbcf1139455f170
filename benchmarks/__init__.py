"""Benchmarks: what Sagesse costs beside the limit and beside others, in the same run.

`make bench`, or `python -m benchmarks control s3` for some. See docs/benchmarks.md.
"""
