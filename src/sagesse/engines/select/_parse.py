"""Reads statements: ``SELECT list FROM S3Object[*].path alias WHERE condition LIMIT number``."""

from sagesse.core.error import ServiceError
from sagesse.engines.select._expression import parse_expression
from sagesse.engines.select._term import parse_subscript
from sagesse.engines.select._tree import Every, Index, Item, Key, Node, Path, Statement
from sagesse.engines.select._words import Words
from sagesse.engines.select.error import refusal

_LONGEST_BYTES = 256 << 10
_LIMIT_DIGITS = 18
_MOST_ITEMS = 1000
_UNSUPPORTED_CLAUSES = frozenset(
    "group order having union intersect except offset qualify window fetch".split()
)
_JOINS = frozenset("join inner left right full cross natural".split())
_Root = tuple[Key | Index | Every, ...]


def parse_statement(expression: str) -> Statement:
    """The statement.

    Raises:
        ServiceError: ExpressionTooLong, Lexer..., Parse..., Unsupported..., as S3 documents them.
    """
    if len(expression.encode("utf-8", "replace")) > _LONGEST_BYTES:
        raise refusal("ExpressionTooLong")
    words = Words(expression)
    _select(words)
    items, qualifier = _items(words)
    words.expect("from", "ParseSelectMissingFrom")
    root, alias = _source(words)
    if qualifier is not None and not is_named(qualifier, alias):
        raise refusal(
            "InvalidTableAlias", f"The SQL expression contains an invalid table alias: {qualifier.name!r}."
        )
    where = parse_expression(words) if words.take_if("where") else None
    limit = _limit(words) if words.take_if("limit") else None
    words.take_if(";")
    if words.next.kind != "end":
        raise _trailing(words)
    return Statement(items, root, alias, where, limit)


def is_named(key: Key, alias: Key) -> bool:
    """Whether a name is the alias."""
    if key.is_exact or alias.is_exact:
        return key.name == alias.name
    return key.name.lower() == alias.name.lower()


def _select(words: Words) -> None:
    if words.take_if("select"):
        if words.next.name in {"distinct", "all", "top", "value", "pivot"} and not words.is_call:
            raise refusal(
                "ParseUnsupportedSelect",
                f"The SQL expression contains an unsupported use of SELECT: {words.next.text.upper()}.",
            )
        return
    if words.next.name in {
        "insert",
        "update",
        "delete",
        "create",
        "drop",
        "with",
        "copy",
        "attach",
        "pragma",
    }:
        raise refusal(
            "UnsupportedSqlOperation", f"Encountered an unsupported SQL operation: {words.next.text.upper()}."
        )
    raise words.unexpected("ParseExpectedKeyword", "expected SELECT")


def _items(words: Words) -> tuple[tuple[Item, ...], Key | None]:
    """The SELECT list; empty for everything, and then the alias before ``.*``."""
    if words.next.name == "from":
        raise refusal("ParseEmptySelect", "The SQL expression contains an empty SELECT.")
    if words.take_if("*"):
        return _alone(words), None
    if words.is_identifier and (qualifier := _qualifier(words)) is not None:
        return _alone(words), qualifier
    items = [_item(words)]
    while words.take_if(","):
        if words.next.name == "*":
            raise _star()
        items.append(_item(words))
    if len(items) > _MOST_ITEMS:
        raise refusal(
            "OverMaxColumn",
            f"The number of columns in the result is greater than the maximum allowable number of columns: "
            f"{_MOST_ITEMS}.",
        )
    return tuple(items), None


def _qualifier(words: Words) -> Key | None:
    """The alias of ``alias.*``, which is taken."""
    if not words.is_followed_by(".", "*"):
        return None
    token = words.take()
    words.take()
    words.take()
    return Key(token.text, token.kind == "quoted")


def _alone(words: Words) -> tuple[Item, ...]:
    if words.next.name == ",":
        raise _star()
    return ()


def _star() -> ServiceError:
    return refusal(
        "ParseAsteriskIsNotAloneInSelectList",
        "Other expressions are not allowed in the SELECT list when '*' is used without dot notation.",
    )


def _item(words: Words) -> Item:
    node = parse_expression(words)
    if words.take_if("as"):
        return Item(node, words.identifier("ParseExpectedIdentForAlias").text)
    if words.is_identifier:
        return Item(node, words.take().text)
    return Item(node, _own_name(node))


def _own_name(node: Node) -> str:
    last = node.steps[-1] if isinstance(node, Path) else None
    return last.name if isinstance(last, Key) else ""


def _source(words: Words) -> tuple[_Root, Key]:
    """The path behind FROM, and the name of its rows."""
    token = words.identifier("ParseUnexpectedToken") if words.next.name != "(" else None
    if token is None or token.text.lower() != "s3object":
        raise refusal(
            "UnsupportedSqlStructure",
            "Encountered an unsupported SQL structure: only FROM S3Object is supported.",
        )
    root = _root(words)
    names = [step for step in root if isinstance(step, Key)]
    alias = names[-1] if names else Key("S3Object", is_exact=False)
    has_as = words.take_if("as")
    if words.next.name in _JOINS | _UNSUPPORTED_CLAUSES and not has_as:
        return root, alias
    if has_as or words.is_identifier:
        found = words.identifier("ParseExpectedIdentForAlias")
        alias = Key(found.text, found.kind == "quoted")
    if words.next.name == "at":
        raise refusal("ParseUnsupportedSyntax", "The SQL expression contains unsupported syntax: AT.")
    return root, alias


def _root(words: Words) -> _Root:
    root: list[Key | Index | Every] = []
    while opening := words.take_if("[", "."):
        if opening == "." and not root:
            raise refusal(
                "InvalidKeyPath", "The key path in the SQL expression is not valid: use S3Object[*].path."
            )
        if opening == ".":
            if words.next.kind not in {"word", "quoted"}:
                raise words.unexpected("ParseInvalidPathComponent", "expected a name")
            token = words.take()
            root.append(Key(token.text, token.kind == "quoted"))
            continue
        root.append(Every() if words.take_if("*") else parse_subscript(words))
        words.expect("]", "ParseInvalidPathComponent")
    if root and root[0] != Every():
        raise refusal(
            "InvalidKeyPath", "The key path in the SQL expression is not valid: it begins with S3Object[*]."
        )
    return tuple(root[1:])


def _limit(words: Words) -> int:
    token = words.next
    if token.kind != "number" or not token.text.isdecimal() or len(token.text) > _LIMIT_DIGITS:
        raise words.unexpected("ParseExpectedNumber", "LIMIT takes a whole number")
    return int(words.take().text)


def _trailing(words: Words) -> ServiceError:
    name = words.next.name
    if name == "," or name in _JOINS:
        return refusal("MultipleDataSourcesUnsupported", "Multiple data sources are not supported.")
    if name in _UNSUPPORTED_CLAUSES:
        return refusal(
            "UnsupportedSqlStructure", f"Encountered an unsupported SQL structure: {words.next.text.upper()}."
        )
    return words.unexpected()
