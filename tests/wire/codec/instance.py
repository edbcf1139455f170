"""Random values of a shape, valid by the model's own constraints."""

import random
import re
import string
import warnings
from functools import cache
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser as sre_parser  # type: ignore[attr-defined]
from typing import Any

from sagesse.wire.codec.pattern import PatternTimeout, java_to_python, matches
from sagesse.wire.codec.shape import Shape

DEEPEST = 6
_TEXT = string.ascii_letters + string.digits + " -_/.é&<>\"'€"
_PLAIN = string.ascii_letters + string.digits
_TRIES = 60
_MOST_TEXTS = 4
_MOST_EXTRA = 4


class Unmatched(Exception):
    """No text was found that keeps a shape's constraints."""


class Generator:
    """Makes values of shapes; `unmatched` collects the patterns no text was found for.

    Args:
        seed: same seed, same values.
        fill: chance that an optional member is there.
    """

    def __init__(self, seed: int | str, *, fill: float = 0.6) -> None:
        self.random = random.Random(seed)
        self.fill = fill
        self.unmatched: set[str] = set()

    def structure(self, shape: Shape, depth: int = 0) -> dict[str, Any]:
        """A value of a structure; exactly one member of a union."""
        names = list(shape.members)
        required = set(shape.traits.get("required", ()))
        if shape.traits.get("union") and names:
            names = [
                self.random.choice(names)
                if depth <= DEEPEST
                else min(names, key=lambda name: height(shape.members[name]))
            ]
            required = set(names)
        fill = self.fill if depth <= 2 else self.fill * 0.4 if depth <= DEEPEST else 0.0
        result: dict[str, Any] = {}
        for name in names:
            member = shape.members[name]
            if (name in required or self.random.random() < fill) and not member.is_event_stream:
                result[name] = self.value(member, depth + 1)
        return result

    def value(self, shape: Shape, depth: int = 0) -> Any:
        """A value of any shape."""
        least, most = shape.traits.get("min", 0), shape.traits.get("max", 1 << 30)
        match shape.kind:
            case "structure" if shape.is_document:
                return {"any": ["thing", 1, None, {"goes": True}]}
            case "structure":
                return self.structure(shape, depth)
            case "list":
                count = self._count(least, most, depth)
                return [self.value(shape.item, depth + 1) for _ in range(count)]
            case "map" if shape.location is not None:
                return {self._plain(): self._plain() for _ in range(self._count(least, most, depth))}
            case "map":
                entries: dict[str, Any] = {}
                for _ in range(self._count(least, most, depth)):
                    entries[self.text(shape.key)] = self.value(shape.value, depth + 1)
                return entries
            case "string":
                return {"k": ["v", 1]} if _is_json_header(shape) else self.text(shape)
            case "blob":
                return bytes(self.random.randrange(256) for _ in range(max(least, min(most, 9))))
            case "boolean":
                return self.random.random() < 0.5
            case "timestamp":
                whole = self.random.randrange(0, 4_000_000_000)
                return float(whole) if _is_whole(shape) else whole + self.random.randrange(1000) / 1000
            case "integer" | "long":
                least = max(shape.traits.get("min", -1000), -(1 << 31))
                return self.random.randint(int(least), int(min(max(least, least + 2000), most)))
            case _:
                low = float(shape.traits.get("min", -8))
                return min(low + self.random.randrange(64) / 8, float(shape.traits.get("max", low + 8)))

    def _plain(self) -> str:
        return "".join(self.random.choice(_PLAIN) for _ in range(8))

    def _count(self, least: int, most: int, depth: int) -> int:
        if depth > DEEPEST:
            return least
        return min(max(least, self.random.randrange(4)), most)

    def text(self, shape: Shape) -> str:
        """A text that keeps the shape's enum, length and pattern."""
        traits = shape.traits
        if traits.get("enum"):
            fitting = [
                word
                for word in traits["enum"]
                if not traits.get("pattern") or matches(traits["pattern"], word)
            ]
            return self.random.choice(fitting or traits["enum"])
        least, most = traits.get("min", 0), traits.get("max", 1 << 30)
        least = max(least, 1) if traits.get("location") else least
        if traits.get("pattern"):
            found = _matching(traits["pattern"], least, most)
            if found:
                return self.random.choice(found)
            self.unmatched.add(f"{shape.service.name} {shape.name} {traits['pattern']}")
        alphabet = (
            _PLAIN if traits.get("location") or traits.get("hostLabel") or traits.get("pattern") else _TEXT
        )
        length = min(max(least, self.random.randrange(1, 12)), most)
        return (
            "".join(self.random.choice(alphabet) for _ in range(length)).strip().ljust(min(length, most), "x")
        )


@cache
def _matching(pattern: str, least: int, most: int) -> list[str]:
    """Up to four texts that keep the pattern and the length; found once, they are dear."""
    rng, tree = random.Random(pattern), _parsed(pattern)
    found: list[str] = []
    for attempt in range(_TRIES if tree else 0):
        text = _render(tree, rng, min(least, 64) if attempt % 2 else attempt // 8)
        if _fits(text, pattern, least, most):
            found.append(text)
            if len(found) == _MOST_TEXTS:
                break
    return found or _remedies(pattern, least, most)


def height(shape: Shape, above: frozenset[str] = frozenset()) -> float:
    """Levels the smallest value of a shape has; infinite inside itself."""
    if shape.name in above:
        return float("inf")
    above |= {shape.name}
    match shape.kind:
        case "structure" if shape.traits.get("union") and shape.members:
            return 1 + min((height(member, above) for member in shape.members.values()), default=0)
        case "structure":
            required = shape.traits.get("required", ())
            return 1 + max((height(shape.members[name], above) for name in required), default=0)
        case "list" | "map" if shape.traits.get("min"):
            return 1 + max(height(child, above) for child in shape.children())
        case _:
            return 0


def _fits(text: str, pattern: str, least: int, most: int) -> bool:
    if not least <= len(text) <= most or text != text.strip() or not text.isprintable():
        return False
    try:
        return matches(pattern, text)
    except PatternTimeout:
        return False


def _remedies(pattern: str, least: int, most: int) -> list[str]:
    """Those of a few texts that the pattern takes: names, ARNs, URIs."""
    arns = [
        f"arn:aws:{s}:us-east-1:123456789012:{r}/name-1"
        for s, r in (("iam", "role"), ("kms", "key"), ("s3", "x"))
    ]
    words = [
        "a",
        "A",
        "0",
        "a1",
        "name",
        "Name1",
        "s3://bucket/key",
        "https://host.com/x",
        "123456789012",
        "a/b",
        "1.0",
    ]
    uuid = "12345678-1234-1234-1234-123456789abc"
    candidates = [*arns, *words, uuid, "arn:aws:iam::123456789012:role/abc"]
    texts = [t for w in candidates for t in (w, w.ljust(least, "a"), (w * (least + 1))[: max(least, 1)])]
    return [text for text in texts if _fits(text, pattern, least, most)]


def _is_json_header(shape: Shape) -> bool:
    return bool(shape.traits.get("jsonvalue")) and shape.traits.get("location") == "header"


def _is_whole(shape: Shape) -> bool:
    default = "rfc822" if shape.traits.get("location") == "header" else "iso8601"
    return shape.traits.get("timestampFormat", default).lower() == "rfc822" or bool(
        shape.traits.get("location")
    )


@cache
def _parsed(pattern: str) -> Any:
    """The pattern as the standard library parses it, or None when it does not take it."""
    source = java_to_python(pattern).removeprefix("(?V1)")
    inside = re.sub(r"\\p\{[^}]*\}", "a-z", source)
    for candidate in (inside, re.sub(r"\\p\{[^}]*\}", "[a-z]", source)):
        try:
            with warnings.catch_warnings(action="ignore", category=FutureWarning):
                return sre_parser.parse(candidate)
        except (re.error, OverflowError):
            continue
    return None


def _render(tree: Any, rng: random.Random, extra: int) -> str:
    """A text that the parsed pattern matches, look-arounds aside."""
    return "".join(_node(op, argument, rng, extra) for op, argument in tree)


def _node(op: Any, argument: Any, rng: random.Random, extra: int) -> str:
    match op:
        case sre.LITERAL:
            return chr(argument)
        case sre.NOT_LITERAL:
            return rng.choice([c for c in _PLAIN if ord(c) != argument])
        case sre.ANY:
            return rng.choice(_PLAIN)
        case sre.IN:
            return _member(argument, rng)
        case sre.BRANCH:
            return _render(rng.choice(argument[1]), rng, extra)
        case sre.SUBPATTERN:
            return _render(argument[-1], rng, extra)
        case sre.ATOMIC_GROUP:
            return _render(argument, rng, extra)
        case sre.MAX_REPEAT | sre.MIN_REPEAT | sre.POSSESSIVE_REPEAT:
            least, most, inner = argument
            most = min(most, max(least, least + rng.randrange(_MOST_EXTRA)) if extra == 0 else least + extra)
            return "".join(
                _render(inner, rng, 0) for _ in range(rng.randint(least, most) if extra == 0 else most)
            )
        case _:
            return ""


def _member(items: Any, rng: random.Random) -> str:
    """A printable character of a class."""
    negated = items[0][0] is sre.NEGATE
    if negated:
        allowed = [c for c in _PLAIN + "-_/ .:" if not _in_class(c, items[1:])]
        return rng.choice(allowed or ["\0"])
    op, argument = rng.choice(items)
    match op:
        case sre.LITERAL:
            return chr(argument)
        case sre.RANGE:
            low, high = argument
            if low <= 0x61 and high >= 0x7A:
                return rng.choice(string.ascii_lowercase)
            return chr(rng.randint(low, min(high, low + 60)))
        case sre.CATEGORY:
            name = str(argument)
            return (
                " "
                if name.endswith("CATEGORY_SPACE")
                else rng.choice(string.digits if "DIGIT" in name else _PLAIN)
            )
        case _:
            return rng.choice(_PLAIN)


def _in_class(character: str, items: Any) -> bool:
    for op, argument in items:
        if op is sre.LITERAL and argument == ord(character):
            return True
        if op is sre.RANGE and argument[0] <= ord(character) <= argument[1]:
            return True
        if op is sre.CATEGORY:
            name = str(argument)
            if (
                ("SPACE" in name and character == " ")
                or ("DIGIT" in name and character.isdigit())
                or "WORD" in name
            ):
                return True
    return False
