"""Run benchmarks: all of them, or the named ones.

python -m benchmarks [control] [s3] [scale] [start] [job] [training] [serve] [demo] [transfer]
"""

import argparse
import importlib
import subprocess
import sys

NAMES = ("start", "control", "s3", "scale", "job", "training", "serve", "demo", "transfer")


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(NAMES)}; all unless given")
    names = parser.parse_args().names or NAMES
    if unknown := set(names) - set(NAMES):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(NAMES)}")
    for name in names:
        print(f"== {name}", flush=True)
        if name == "transfer":  # a program of its own, with options
            subprocess.run([sys.executable, "-m", "benchmarks.transfer"], check=True)
        else:
            importlib.import_module(f"benchmarks.{name}").run()


if __name__ == "__main__":
    main()
