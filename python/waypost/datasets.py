"""Prompts that models have answered already, with what each answer was worth: what an evaluation is made on.

:func:`load` reads a file, a folder, a DataFrame or rows in memory. It knows the forms by their columns:

* one row a prompt and model (``prompt, model, score[, cost]``; LLMRouter's ``query, model_name, performance``;
  RouterArena's ``prompt, prediction, accuracy, cost``),
* one row a prompt with mappings (``prompt, scores {model: x}[, cost_usd {model: x}][, tokens {model: [in, out]}]``),
* one row a prompt with a column for each model (RouterBench's ``model`` and ``model|total_cost``, RouteLLM's CSV files).
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import WaypostError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ._forms import Row

__all__ = ["Dataset", "DatasetError", "load"]


class DatasetError(WaypostError, ValueError):
    """A data set cannot be read or used.

    Attributes:
        path: ``file:line`` of what is wrong, where it is in one place.
    """

    path: str | None = None


@dataclass(frozen=True, repr=False)
class Dataset:
    """Scored prompts. A score, a cost or a token count that the data does not have is None.

    Attributes:
        name: Where it came from.
        models: The models, in the order in which they first appear.
        prompts: The prompts: a text each, or a list of messages.
        scores: For each prompt the score of each model.
        costs: For each prompt what each model's answer cost, in US dollars.
        tokens: For each prompt the tokens of each model's question and answer.
        domains: For each prompt what it is about.
        facts: For each prompt what else its row says.
    """

    name: str
    models: tuple[str, ...]
    prompts: tuple[Any, ...]
    scores: tuple[tuple[float | None, ...], ...]
    costs: tuple[tuple[float | None, ...], ...]
    tokens: tuple[tuple[tuple[float, float] | None, ...], ...]
    domains: tuple[str, ...]
    facts: tuple[Mapping[str, Any], ...] = field(default=(), compare=False)

    def __len__(self) -> int:
        return len(self.prompts)

    def __repr__(self) -> str:
        return f"Dataset({self.name!r}, {len(self)} prompts, {len(self.models)} models)"

    def among(self, models: Iterable[str]) -> Dataset:
        """Keep only these models.

        Args:
            models: Names of models of the data set.

        Returns:
            The smaller data set.

        Raises:
            DatasetError: A name is not among the models.

        Example:
            >>> from waypost import datasets
            >>> rows = [{"prompt": "2+2?", "scores": {"small": 1, "large": 1, "old": 0}}]
            >>> datasets.load(rows).among(["small", "large"]).models
            ('small', 'large')
        """
        wanted = tuple(dict.fromkeys(models))
        unknown = [name for name in wanted if name not in self.models]
        if unknown:
            message = f"the data set has no model {_names(unknown)}; it has {_names(self.models)}"
            raise DatasetError(message)
        at = [self.models.index(name) for name in wanted]

        def narrow(table: Sequence[Sequence[Any]]) -> tuple[tuple[Any, ...], ...]:
            return tuple(tuple(row[index] for index in at) for row in table)

        return replace(
            self, models=wanted, scores=narrow(self.scores), costs=narrow(self.costs), tokens=narrow(self.tokens)
        )

    def where(self, keep: Callable[[Mapping[str, Any]], bool]) -> Dataset:
        """Keep only the prompts for whose row ``keep`` is true.

        Args:
            keep: Is given what the row says besides scores, costs and tokens: ``prompt``, ``domain`` and its other columns.

        Returns:
            The smaller data set.

        Example:
            >>> from waypost import datasets
            >>> rows = [{"prompt": p, "scores": {"a": 1, "b": 0}, "leaked": p == "x"} for p in "xyz"]
            >>> len(datasets.load(rows).where(lambda row: not row["leaked"]))
            2
        """
        told = zip(self.prompts, self.domains, self.facts, strict=True)
        return self._only(
            [
                at
                for at, (prompt, domain, facts) in enumerate(told)
                if keep({**facts, "prompt": prompt, "domain": domain})
            ]
        )

    def complete(self) -> Dataset:
        """Keep only the prompts that every model has answered.

        Returns:
            The smaller data set; all of it where nothing is missing.
        """
        return self._only([at for at, row in enumerate(self.scores) if None not in row])

    def _only(self, at: Sequence[int]) -> Dataset:
        def pick(column: Sequence[Any]) -> tuple[Any, ...]:
            return tuple(column[index] for index in at)

        return replace(
            self,
            prompts=pick(self.prompts),
            scores=pick(self.scores),
            costs=pick(self.costs),
            tokens=pick(self.tokens),
            domains=pick(self.domains),
            facts=pick(self.facts),
        )


def load(source: Any) -> Dataset:
    """Read scored prompts.

    Args:
        source: A ``.jsonl``, ``.json``, ``.csv`` or ``.tsv`` file, each also with ``.gz``; a ``.parquet`` file (with pyarrow
            and pandas installed); a folder of such files; a pandas DataFrame; a list of mappings; or a :class:`Dataset`.

    Returns:
        The data set.

    Raises:
        DatasetError: What cannot be read, with file, line and what to do.

    Example:
        >>> from waypost import datasets
        >>> datasets.load([{"prompt": "2+2?", "model": "small", "score": 1}, {"prompt": "2+2?", "model": "large", "score": 1}])
        Dataset('rows', 1 prompts, 2 models)
    """
    if isinstance(source, Dataset):
        return source
    from ._forms import read, rows_of

    if isinstance(source, (str, os.PathLike)):
        path = Path(source)
        rows: list[Row] = read(path)
        return _gathered(path.name, rows)
    return _gathered("rows", rows_of(source))


def _gathered(name: str, rows: Sequence[Row]) -> Dataset:
    """Bring what the rows say into one table: a line a prompt, a column a model."""
    from ._forms import answers

    table = _Table()
    for row, found in answers(rows):
        table.add(row, found)
    if not table.prompts:
        message = f"`{name}` has no rows with scores"
        raise DatasetError(message)
    return table.dataset(name)


class _Table:
    """A data set while it is read."""

    def __init__(self) -> None:
        self.prompts: dict[Any, tuple[Any, str, dict[str, Any]]] = {}
        self.models: dict[str, int] = {}
        self.cells: dict[tuple[Any, str], tuple[Row, Any]] = {}

    def add(self, row: Row, found: Any) -> None:
        key = (found.id, found.prompt if isinstance(found.prompt, str) else repr(found.prompt))
        self.prompts.setdefault(key, (found.prompt, found.domain, found.facts))
        for model, answer in found.answers.items():
            before = self.cells.get((key, model))
            if before is not None:
                message = (
                    f"`{model}` has a second score for a prompt that it was scored for at {before[0].place}; "
                    "give prompts that are asked twice an `id`, or keep one of the rows"
                )
                raise row.error(message)
            self.models.setdefault(model, len(self.models))
            self.cells[key, model] = (row, answer)

    def dataset(self, name: str) -> Dataset:
        def table(of: str) -> tuple[tuple[Any, ...], ...]:
            def cell(key: Any, model: str) -> Any:
                found = self.cells.get((key, model))
                return None if found is None else getattr(found[1], of)

            return tuple(tuple(cell(key, model) for model in self.models) for key in self.prompts)

        prompts, domains, facts = zip(*self.prompts.values(), strict=True)
        return Dataset(
            name=name,
            models=tuple(self.models),
            prompts=prompts,
            scores=table("score"),
            costs=table("cost"),
            tokens=table("tokens"),
            domains=domains,
            facts=facts,
        )


def _names(names: Iterable[str], most: int = 12) -> str:
    listed = list(names)
    rest = len(listed) - most
    return ", ".join(f"`{name}`" for name in listed[:most]) + (f" and {rest} more" if rest > 0 else "")
