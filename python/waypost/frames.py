"""Many answers at once: a list that can become a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import InvalidRequestError, ProtocolError
from .results import ChatResponse, typed

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

__all__ = ["BatchResult", "to_dataframe"]

# Columns of whole numbers that a failed call has none of: in pandas they are nullable, not floats.
_COUNTS = ("attempts", "prompt_tokens", "completion_tokens", "cached_tokens", "reasoning_tokens")
_PARTS = (
    ("text", "str"),
    ("model", "str"),
    ("provider", "str"),
    ("deployment", "str"),
    ("route", "str"),
    ("finish_reason", "str"),
    ("cost_usd", "float"),
    ("cost_status", "str"),
    ("saved_usd", "float"),
    ("latency", "float"),
    ("ttft", "float"),
    *((name, "int") for name in _COUNTS),
    ("error", "str"),
    ("message", "str"),
)
COLUMNS = tuple(name for name, _ in _PARTS)


class BatchResult(list[Any]):
    """The answers of a batch, in the order of their prompts: a list, and a table where one is wanted.

    With ``return_errors=True`` an error stands in its answer's place.

    Attributes:
        index: The index of the pandas Series that the prompts came in; None if they came otherwise.

    Example:
        >>> from waypost import Router
        >>> from waypost.testing import FakeProvider
        >>> with FakeProvider(reply="Hello!") as fake:
        ...     answers = Router([fake.deployment()]).batch(["Hi", "Good morning"])
        >>> [answer.text for answer in answers]
        ['Hello!', 'Hello!']
        >>> [row["finish_reason"] for row in answers.to_dicts()]
        ['stop', 'stop']
    """

    index: Any = None

    @property
    def errors(self) -> list[BaseException]:
        """The errors among them."""
        return [item for item in self if isinstance(item, BaseException)]

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return a mapping for each answer, all with the same keys: what ``to_dataframe`` has as columns.

        Example:
            ``polars.DataFrame(answers.to_dicts(), infer_schema_length=None)``
        """
        return _rows(self)

    def to_dataframe(self) -> pd.DataFrame:
        """Return a table of pandas, a row for each answer, under the index of the prompts.

        See :func:`to_dataframe` for its columns.

        Raises:
            ImportError: pandas is not installed.

        Example:
            ``df.join(router.batch(df["prompt"], return_errors=True).to_dataframe())``
        """
        return to_dataframe(self, index=self.index)

    def __repr__(self) -> str:
        failed = len(self.errors)
        return f"BatchResult({len(self) - failed} answers" + (f", {failed} errors)" if failed else ")")

    def _repr_html_(self) -> str:
        from ._html import batch

        return batch(self)


def to_dataframe(responses: Iterable[Any], *, index: Any = None) -> pd.DataFrame:
    """Return answers, and errors in the place of answers, as a table of pandas.

    Args:
        responses: Answers, as ``batch`` returns them or as they were collected.
        index: The index of the table; 0, 1, 2 … if None.

    Returns:
        A row for each, with the columns ``text``, ``model``, ``provider``, ``deployment``, ``route``,
        ``finish_reason``, ``cost_usd``, ``cost_status``, ``saved_usd``, ``latency``, ``ttft`` (seconds), ``attempts``,
        ``prompt_tokens``, ``completion_tokens``, ``cached_tokens``, ``reasoning_tokens``, ``error`` (the name of its
        class) and ``message``. Where a class was asked for there is ``parsed`` too: its object, or None and the
        ``error`` that says why. What is not known is missing, never zero.

    Raises:
        ImportError: pandas is not installed.
    """
    try:
        import pandas as pd
    except ImportError as error:
        message = "a DataFrame needs pandas: pip install pandas; `to_dicts()` of a batch has the same rows without it"
        raise ImportError(message) from error
    rows = _rows(responses)
    columns = [*COLUMNS, *(["parsed"] if rows and "parsed" in rows[0] else [])]
    frame = pd.DataFrame(rows, columns=columns, index=index)
    kinds = {"int": "Int64", "float": "float64"}
    table: pd.DataFrame = frame.astype({name: kinds[kind] for name, kind in _PARTS if kind in kinds})
    return table


def prompts(given: Any) -> tuple[list[Any], Any]:
    """Return the conversations of a batch as a list, and their index where they are a column of pandas."""
    column = hasattr(given, "iloc") or hasattr(given, "to_list")  # A Series of pandas or polars.
    if not hasattr(given, "columns") and (isinstance(given, (str, bytes)) or (hasattr(given, "keys") and not column)):
        message = "`batch` takes many conversations: a list of strings or of lists of messages; for one there is `chat`"
        raise InvalidRequestError(message)
    if hasattr(given, "columns"):
        message = '`batch` takes one column of a table, as `df["prompt"]`, not the table'
        raise InvalidRequestError(message)
    return list(given), given.index if hasattr(given, "iloc") else None


def _rows(responses: Iterable[Any]) -> list[dict[str, Any]]:
    items = list(responses)
    objects = any(isinstance(item, ChatResponse) and item._wanted is not None for item in items)
    return [_row(item, objects=objects) for item in items]


def _row(item: Any, *, objects: bool) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(COLUMNS)
    if objects:
        row["parsed"] = None
    if isinstance(item, ChatResponse):
        row |= _answer(item)
        try:
            row |= {"parsed": item.parsed} if objects else {}
        except ProtocolError as error:
            row |= _error(error)
    else:
        row |= _error(item)
    return row


def _answer(reply: ChatResponse) -> dict[str, Any]:
    usage, cost = reply.usage, reply.cost
    own = ("text", "model", "provider", "deployment", "route", "finish_reason", "latency", "ttft")
    counts = ("prompt_tokens", "completion_tokens", "cached_tokens", "reasoning_tokens")
    return {
        **{name: getattr(reply, name) for name in own},
        **{name: getattr(usage, name) for name in counts},
        "cost_usd": cost.usd,
        "cost_status": cost.status,
        "saved_usd": cost.saved_usd,
        "attempts": len(reply.decision.attempts),
    }


def _error(error: BaseException) -> dict[str, Any]:
    row: dict[str, Any] = {"error": type(error).__name__, "message": str(error)}
    decision = getattr(error, "decision", None)
    if decision is not None:
        row |= {"route": decision.route, "attempts": len(decision.attempts)}
    for name in ("provider", "deployment"):
        if (value := getattr(error, name, None)) is not None:
            row[name] = value
    return row


def collected(results: list[Any], index: Any, wanted: Any, *, return_errors: bool) -> BatchResult:
    """Return the answers of a batch, or raise its first error unless errors are wanted in their places."""
    for result in results:
        typed(result, wanted)
    if not return_errors:
        for result in results:
            if isinstance(result, BaseException):
                raise result
    batch = BatchResult(results)
    batch.index = index
    return batch
