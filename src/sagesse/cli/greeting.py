"""What to know about a server that has just been started, for people."""

from sagesse.cli.instance import Facts, env_command
from sagesse.cli.screen import plain

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def greeting(facts: Facts, what: str, *, host: str = _LOOPBACK[0], log: str = "") -> list[str]:
    """Where the server is, how clients find it, and who else can; `host` is what it listens on."""
    kept = ", nothing is kept" if facts.ephemeral else ""
    said = [
        f"[bold green]{what}[/] at [bold]{plain(facts.url)}[/] (process {facts.pid}, region {facts.region}, "
        f"data in {plain(facts.data_dir)}{kept}{log})",
        f"  Clients find it after  {plain(env_command(facts.data_dir))}",
    ]
    if host not in _LOOPBACK:
        danger = "and may do everything: it takes any access key" if facts.ephemeral else "if they have a key"
        said.append(f"  [yellow]It listens on {plain(host)}: other machines can reach it, {danger}.[/]")
    return said
