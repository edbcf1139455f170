"""Selections from objects (S3 Select): SQL over delimited text, JSON and Parquet, run by DuckDB.

An own grammar reads the expression, so what it does not know cannot reach the engine; records are read as a stream, in
blocks. `selection` needs the extra ``sql``, `base` does not.
"""
