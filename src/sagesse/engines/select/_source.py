"""What is selected from: where rows come from in SQL, what paths yield, and everything a row has."""

from typing import Protocol

from sagesse.engines.select._parse import is_named
from sagesse.engines.select._tree import Key, Path, Statement, Step
from sagesse.engines.select._value import Value
from sagesse.engines.select.error import refusal


class Source(Protocol):
    """The rows of an object."""

    @property
    def relation(self) -> str:
        """SQL for the rows, once it is known which columns are read; its parameters are the reader's."""
        ...

    def column(self, path: Path) -> Value:
        """What a path yields.

        Raises:
            ServiceError: there is no such column, or it cannot be read.
        """
        ...

    def every_text(self) -> str:
        """SQL for a list of the texts of all columns."""
        ...

    def every_json(self) -> str:
        """SQL for the JSON object of all columns, as text."""
        ...


def steps_of(path: Path, statement: Statement) -> tuple[Step, ...]:
    """The steps below a row: without the row's name."""
    first = path.steps[0]
    if isinstance(first, Key) and is_named(first, statement.alias):
        return path.steps[1:]
    return path.steps


def only_name(path: Path, statement: Statement) -> Key:
    """The name of a column of a table without depth.

    Raises:
        ServiceError: InvalidKeyPath.
    """
    steps = steps_of(path, statement)
    if len(steps) != 1 or not isinstance(steps[0], Key):
        shown = ".".join(step.name if isinstance(step, Key) else str(step.position) for step in path.steps)
        raise refusal("InvalidKeyPath", f"The key path in the SQL expression is not valid: {shown}.")
    return steps[0]


def found_name(key: Key, names: list[str]) -> int | None:
    """Where a name is among others: exactly so, else in any case if it is not quoted.

    Raises:
        ServiceError: AmbiguousFieldName.
    """
    same = [at for at, name in enumerate(names) if name == key.name]
    if not same and not key.is_exact:
        same = [at for at, name in enumerate(names) if name.lower() == key.name.lower()]
    if len(same) > 1:
        raise refusal(
            "AmbiguousFieldName",
            f"Field name matches to multiple fields in the file: {key.name}. Check the SQL expression and the file, "
            "and try again.",
        )
    return same[0] if same else None


def refuse_root(statement: Statement) -> None:
    """Refuse a path behind FROM where rows have no depth.

    Raises:
        ServiceError: InvalidKeyPath.
    """
    if statement.root:
        raise refusal(
            "InvalidKeyPath",
            "The key path in the SQL expression is not valid: only JSON has paths behind FROM.",
        )
