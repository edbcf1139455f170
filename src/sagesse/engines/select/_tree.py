"""The tree of an expression: only what S3 Select knows has a node, so nothing else can reach the engine."""

from typing import Literal as Choice
from typing import NamedTuple, TypeAlias

LiteralKind: TypeAlias = Choice["text", "number", "bool", "null", "missing", "timestamp"]
TypeName: TypeAlias = Choice["bool", "int", "float", "decimal", "text", "timestamp"]
AggregateName: TypeAlias = Choice["count", "sum", "avg", "min", "max"]
DatePart: TypeAlias = Choice[
    "year", "month", "day", "hour", "minute", "second", "timezone_hour", "timezone_minute"
]


class Key(NamedTuple):
    """A member by its name; a bare name is found in any case."""

    name: str
    is_exact: bool


class Index(NamedTuple):
    """An element of a list, from zero."""

    position: int


class Every(NamedTuple):
    """All elements of a list; only behind FROM."""


Step: TypeAlias = Key | Index


class Literal(NamedTuple):
    """A constant as it was written."""

    kind: LiteralKind
    text: str = ""


class Path(NamedTuple):
    """A column, or what lies within."""

    steps: tuple[Step, ...]


class Negative(NamedTuple):
    """Minus."""

    operand: "Node"


class Arithmetic(NamedTuple):
    """``+ - * / %`` and ``||``."""

    operator: str
    left: "Node"
    right: "Node"


class Comparison(NamedTuple):
    """``= <> < <= > >=``."""

    operator: str
    left: "Node"
    right: "Node"


class Logic(NamedTuple):
    """``and`` or ``or`` over two or more."""

    operator: Choice["and", "or"]
    operands: tuple["Node", ...]


class Not(NamedTuple):
    """Not."""

    operand: "Node"


class IsNull(NamedTuple):
    """IS NULL (which missing ones are, too), or IS MISSING."""

    operand: "Node"
    is_missing: bool


class Like(NamedTuple):
    """A text against a pattern."""

    operand: "Node"
    pattern: "Node"
    escape: "Node | None"


class In(NamedTuple):
    """One of several."""

    operand: "Node"
    options: tuple["Node", ...]


class Case(NamedTuple):
    """Conditions and their values; `default` may be None."""

    branches: tuple[tuple["Node", "Node"], ...]
    default: "Node | None"


class Cast(NamedTuple):
    """A conversion; of decimals `precision` and `scale` may be given."""

    operand: "Node"
    to: TypeName
    precision: int | None = None
    scale: int = 0


class Call(NamedTuple):
    """A function of one row; `part` is of dates or sides."""

    name: str
    arguments: tuple["Node", ...]
    part: str = ""


class Aggregate(NamedTuple):
    """A function of all rows; without an operand ``COUNT(*)``."""

    name: AggregateName
    operand: "Node | None"


Node: TypeAlias = (
    Literal
    | Path
    | Negative
    | Arithmetic
    | Comparison
    | Logic
    | Not
    | IsNull
    | Like
    | In
    | Case
    | Cast
    | Call
    | Aggregate
)


class Item(NamedTuple):
    """A member of the SELECT list; `name` is its alias, the last name of its path, or empty."""

    node: Node
    name: str


class Statement(NamedTuple):
    """A SELECT. No `items`: everything. `alias` is what a row may be called by."""

    items: tuple[Item, ...]
    root: tuple[Key | Index | Every, ...]
    alias: Key
    where: Node | None
    limit: int | None
