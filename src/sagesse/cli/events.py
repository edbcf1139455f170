"""`sagesse events`: what happened, a line per event."""

import argparse
import json
import signal
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from sagesse.cli.command import Invocation
from sagesse.cli.failure import Exit
from sagesse.cli.instance import Facts, running
from sagesse.cli.own import ask

_PAGE = 1000
_PAUSE_S = 0.5  # how often a follower asks for more


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """See `Command.add_arguments`."""
    parser.add_argument("--follow", action="store_true", help="go on with what happens, until Ctrl-C")
    parser.add_argument("--source", metavar="SOURCE", help="only of this source, e.g. aws.s3")
    parser.add_argument(
        "--after", type=int, metavar="N", help="from behind that sequence on (default: the newest)"
    )
    parser.add_argument(
        "--limit", type=int, default=50, metavar="N", help="how many at first, 1 to 1000 (default: 50)"
    )


def run(invocation: Invocation) -> int:
    """See `Command.run`."""
    options, screen = invocation.options, invocation.screen
    facts = running(invocation.settings.folder)
    goes_on = _until_interrupted() if options.follow else lambda: False
    page = _page(facts, limit=options.limit, after=options.after, source=options.source)
    if screen.as_json and not options.follow:
        screen.result(page)
        return Exit.DONE
    while True:
        for entry in page["events"]:
            sys.stdout.write((json.dumps(entry) if screen.as_json else line(entry)) + "\n")
        sys.stdout.flush()
        if not goes_on():
            return Exit.DONE
        if len(page["events"]) < _PAGE:
            time.sleep(_PAUSE_S)
        page = _page(facts, limit=_PAGE, after=page["last"], source=options.source)


def _until_interrupted() -> Callable[[], bool]:
    """Whether to go on, for a loop that Ctrl-C ends: Python drops an exception that meets a destructor."""
    interrupted = False

    def interrupt(_number: int, _frame: object) -> None:
        nonlocal interrupted
        interrupted = True
        raise KeyboardInterrupt

    def goes_on() -> bool:
        if interrupted:
            raise KeyboardInterrupt
        return True

    signal.signal(signal.SIGINT, interrupt)
    return goes_on


def line(entry: Mapping[str, Any]) -> str:
    """One entry for people: when, where from, what, of which resource, and how it is now."""
    if delivery := entry.get("delivery"):
        names = ", ".join(
            f"{record['eventName']} {record['s3']['object']['key']}" for record in _records(delivery)
        )
        return _printable(f"{delivery['time']}  {delivery['source']}  for {delivery['destination']}  {names}")
    event: Mapping[str, Any] = entry["event"]
    about = ", ".join(arn.rsplit(":", 1)[-1] for arn in event["resources"])
    what = f"{event['detail-type']}  {about}{_state(event['detail'])}"
    return _printable(f"{event['time']}  {event['source']}  {what}")


def _records(delivery: Mapping[str, Any]) -> list[dict[str, Any]]:
    return delivery["body"].get("Records", [])


def _state(detail: Mapping[str, Any]) -> str:
    """The object an event is about, or the states in it."""
    if "object" in detail:
        return f"/{detail['object']['key']}"
    states = [str(value) for name, value in detail.items() if name.endswith("Status") and value]
    reason = detail.get("FailureReason")
    return f"  {'/'.join(dict.fromkeys(states))}{f': {reason}' if reason else ''}" if states else ""


def _printable(text: str) -> str:
    """Text that cannot steer a terminal: keys may hold any character."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def _page(facts: Facts, *, limit: int, after: int | None, source: str | None) -> dict[str, Any]:
    asked = {"limit": limit, "after": after, "source": source}
    return ask(
        facts, "events?" + urlencode({name: value for name, value in asked.items() if value is not None})
    )
