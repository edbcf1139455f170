"""`sagesse env`: the variables that bring unmodified AWS clients here."""

import argparse
import os
import shlex
from collections.abc import Callable, Mapping

from sagesse.cli.command import Invocation
from sagesse.cli.failure import CommandFailed, Exit
from sagesse.cli.instance import Facts, running

_SESSION_S = 12 * 3600
_OURS = ("127.0.0.1", "localhost", "::1")
_TOKEN = "AWS_SESSION_TOKEN"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """See `Command.add_arguments`."""
    parser.add_argument("--shell", choices=sorted(SHELLS), help="whose syntax (default: that of $SHELL)")
    parser.add_argument(
        "--role",
        metavar="NAME",
        help="act as a session of this IAM role, as `sagemaker`, instead of root; lasts 12 hours at most",
    )


def run(invocation: Invocation) -> int:
    """See `Command.run`."""
    options, settings, screen = invocation
    facts = running(settings.folder)
    keys = _assume(facts, options.role) if options.role else _root(facts)
    variables = environment(facts, keys, os.environ)
    shell = SHELLS[options.shell or _shell_of(os.environ)]
    lines = [shell(name, value) for name, value in variables.items()]
    lines += [shell(name, None) for name in (_TOKEN, "AWS_PROFILE") if name not in variables]
    if screen.as_json:
        screen.result(variables)
    else:
        os.write(1, ("\n".join(lines) + "\n").encode())
    return Exit.DONE


def environment(facts: Facts, keys: Mapping[str, str], present: Mapping[str, str]) -> dict[str, str]:
    """The variables to set, given those that are `present`.

    The proxy is the server itself: both SageMaker SDKs and some AWS tools know host names that no variable changes.
    """
    proxy = {"HTTPS_PROXY": facts.url, "NO_PROXY": _no_proxy(present)}
    return {
        "AWS_ENDPOINT_URL": facts.url,
        **keys,
        "AWS_REGION": facts.region,
        "AWS_DEFAULT_REGION": facts.region,
        **proxy,
        **{
            name.lower(): value for name, value in proxy.items()
        },  # where both are set, the lower-case one counts
        "AWS_CA_BUNDLE": facts.certificate,
        "REQUESTS_CA_BUNDLE": facts.bundle,
    }


def sh(name: str, value: str | None) -> str:
    """A line for POSIX shells; None unsets."""
    return f"unset {name};" if value is None else f"export {name}={shlex.quote(value)};"


def fish(name: str, value: str | None) -> str:
    """A line for fish; None unsets."""
    if value is None:
        return f"set -e {name};"
    quoted = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"set -gx {name} '{quoted}';"


SHELLS: Mapping[str, Callable[[str, str | None], str]] = {"sh": sh, "fish": fish}


def _shell_of(present: Mapping[str, str]) -> str:
    return "fish" if os.path.basename(present.get("SHELL", "")) == "fish" else "sh"


def _no_proxy(present: Mapping[str, str]) -> str:
    """Our own addresses, then what the user had, but for AWS: those hosts must come to us."""
    given = (present.get("no_proxy") or present.get("NO_PROXY") or "").split(",")
    kept = (
        host.strip() for host in given if host.strip() and "amazonaws" not in host and host.strip() != "*"
    )
    return ",".join(dict.fromkeys([*_OURS, *kept]))


def _root(facts: Facts) -> dict[str, str]:
    return {"AWS_ACCESS_KEY_ID": facts.access_key_id, "AWS_SECRET_ACCESS_KEY": facts.secret_access_key}


def _assume(facts: Facts, role: str) -> dict[str, str]:
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 # pyright: ignore[reportMissingTypeStubs]

    from sagesse.cli.client import client  # noqa: PLC0415 - most runs need no boto3, which is slow to import

    arn = role if role.startswith("arn:") else f"arn:aws:iam::{facts.account}:role/{role}"
    seconds = _SESSION_S
    iam, sts = client(facts, "iam"), client(facts, "sts")
    try:
        seconds = min(seconds, iam.get_role(RoleName=arn.rsplit("/", 1)[-1])["Role"]["MaxSessionDuration"])
        answer = sts.assume_role(RoleArn=arn, RoleSessionName="SageMaker", DurationSeconds=seconds)
    except (ClientError, BotoCoreError) as error:
        raise CommandFailed(f"the role {role!r} cannot be assumed: {error}") from error
    keys = answer["Credentials"]
    return {
        "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
        _TOKEN: keys["SessionToken"],
    }
