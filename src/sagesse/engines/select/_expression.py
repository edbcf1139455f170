"""Reads expressions of the S3 Select dialect: OR, AND, NOT, comparisons, ``||``, sums, products, signs."""

from sagesse.engines.select._term import parse_term
from sagesse.engines.select._tree import (
    Arithmetic,
    Comparison,
    In,
    IsNull,
    Like,
    Literal,
    Logic,
    Negative,
    Node,
    Not,
)
from sagesse.engines.select._words import Words

_COMPARISONS = ("=", "<>", "!=", "<", "<=", ">", ">=")


def parse_expression(words: Words) -> Node:
    """An expression.

    Raises:
        ServiceError: Parse..., Unsupported...
    """
    words.deepen(1)
    node = _disjunction(words)
    words.deepen(-1)
    return node


def _disjunction(words: Words) -> Node:
    operands = [_conjunction(words)]
    while words.take_if("or"):
        operands.append(_conjunction(words))
    return operands[0] if len(operands) == 1 else Logic("or", tuple(operands))


def _conjunction(words: Words) -> Node:
    operands = [_negation(words)]
    while words.take_if("and"):
        operands.append(_negation(words))
    return operands[0] if len(operands) == 1 else Logic("and", tuple(operands))


def _negation(words: Words) -> Node:
    if words.take_if("not"):
        words.count_operator()
        return Not(_negation(words))
    return _predicate(words)


def _predicate(words: Words) -> Node:
    node = _concatenation(words)
    while True:
        if operator := words.take_if(*_COMPARISONS):
            words.count_operator()
            node = Comparison("<>" if operator == "!=" else operator, node, _concatenation(words))
        elif words.take_if("is"):
            node = _is(words, node)
        elif words.next.name in {"not", "like", "in", "between"}:
            is_negated = bool(words.take_if("not"))
            found = _membership(words, node)
            node = Not(found) if is_negated else found
        else:
            return node


def _is(words: Words, node: Node) -> Node:
    is_negated = bool(words.take_if("not"))
    match words.take_if("null", "missing", "true", "false"):
        case "":
            raise words.unexpected("ParseExpectedKeyword", "expected NULL or MISSING")
        case "null" | "missing" as what:
            found: Node = IsNull(node, is_missing=what == "missing")
        case what:
            truth = Comparison("=", node, Literal("bool", what))
            found = Logic("and", (Not(IsNull(node, is_missing=False)), truth))
    return Not(found) if is_negated else found


def _membership(words: Words, node: Node) -> Node:
    words.count_operator()
    match words.take_if("like", "in", "between"):
        case "like":
            pattern = _concatenation(words)
            return Like(node, pattern, _concatenation(words) if words.take_if("escape") else None)
        case "in":
            return In(node, _options(words))
        case "between":
            low = _concatenation(words)
            words.expect("and", "ParseExpectedKeyword")
            bounds = (Comparison(">=", node, low), Comparison("<=", node, _concatenation(words)))
            return Logic("and", bounds)
        case _:
            raise words.unexpected("ParseExpectedKeyword", "expected LIKE, IN or BETWEEN")


def _options(words: Words) -> tuple[Node, ...]:
    close = {"(": ")", "[": "]"}.get(words.take_if("(", "["))
    if close is None:
        raise words.unexpected("ParseExpectedLeftParenValueConstructor", "expected (")
    options = [parse_expression(words)]
    while words.take_if(","):
        options.append(parse_expression(words))
    words.expect(close)
    return tuple(options)


def _concatenation(words: Words) -> Node:
    node = _sum(words)
    while words.take_if("||"):
        words.count_operator()
        node = Arithmetic("||", node, _sum(words))
    return node


def _sum(words: Words) -> Node:
    node = _product(words)
    while operator := words.take_if("+", "-"):
        words.count_operator()
        node = Arithmetic(operator, node, _product(words))
    return node


def _product(words: Words) -> Node:
    node = _signed(words)
    while operator := words.take_if("*", "/", "%"):
        words.count_operator()
        node = Arithmetic(operator, node, _signed(words))
    return node


def _signed(words: Words) -> Node:
    if sign := words.take_if("+", "-"):
        words.count_operator()
        node = _signed(words)
        if sign == "-" and isinstance(node, Literal) and node.kind == "number":
            text = node.text
            return Literal("number", text[1:] if text.startswith("-") else f"-{text}")
        return Negative(node) if sign == "-" else node
    return parse_term(words, parse_expression)
