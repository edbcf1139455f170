"""Walks the words of an expression."""

from sagesse.core.error import ServiceError
from sagesse.engines.select._token import Token, tokens
from sagesse.engines.select.error import refusal

_KEYWORDS = frozenset(
    "select from where limit as and or not is in like escape between case when then else end null missing true "
    "false cast group order having by union join on offset distinct".split()
)
_DEEPEST = 64
_MOST_OPERATORS = 256


class Words:
    """The words of an expression and where in them a parser is.

    Args:
        expression: the text.
    """

    def __init__(self, expression: str) -> None:
        self._tokens = tokens(expression)
        self._position = 0
        self._depth = 0
        self._operators = 0

    @property
    def next(self) -> Token:
        """The next word, which stays."""
        return self._tokens[self._position]

    @property
    def is_call(self) -> bool:
        """Whether a parenthesis follows the next word."""
        return self.is_followed_by("(")

    def is_followed_by(self, *names: str) -> bool:
        """Whether these come behind the next word."""
        start = self._position + 1
        return tuple(token.name for token in self._tokens[start : start + len(names)]) == names

    def take(self) -> Token:
        """The next word; the end stays."""
        token = self.next
        if token.kind != "end":
            self._position += 1
        return token

    def take_if(self, *names: str) -> str:
        """The next word when it is one of these, else nothing and an empty text."""
        return self.take().name if self.next.name in names else ""

    def expect(self, name: str, code: str = "ParseExpectedTokenType") -> None:
        """Take a word that must be there."""
        if not self.take_if(name):
            raise self.unexpected(code, f"expected {name.upper()}")

    def identifier(self, code: str) -> Token:
        """A name: quoted, or a bare word that is no keyword."""
        if not self.is_identifier:
            raise self.unexpected(code, "expected a name")
        return self.take()

    @property
    def is_identifier(self) -> bool:
        """Whether the next word is a name."""
        return self.next.kind == "quoted" or (self.next.kind == "word" and self.next.name not in _KEYWORDS)

    def deepen(self, step: int) -> None:
        """Count the nesting of expressions, which is bounded."""
        self._depth += step
        if self._depth > _DEEPEST:
            raise refusal(
                "UnsupportedSqlStructure",
                f"The SQL expression is nested too deeply: at most {_DEEPEST} levels are supported.",
            )

    def count_operator(self) -> None:
        """Count an operator that nests what is left of it; they are bounded, too."""
        self._operators += 1
        if self._operators > _MOST_OPERATORS:
            raise refusal(
                "UnsupportedSqlStructure",
                f"The SQL expression has too many operators: at most {_MOST_OPERATORS} are supported.",
            )

    def unexpected(self, code: str = "ParseUnexpectedToken", wish: str = "") -> ServiceError:
        """The refusal of the next word."""
        token = self.next
        found = f"the token {token.text[:80]!r}" if token.kind != "end" else "the end"
        hint = f": {wish}" if wish else ""
        return refusal(code, f"The SQL expression contains {found} at position {token.at}{hint}.")
