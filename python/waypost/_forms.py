"""Files of scored prompts → rows → answers. Each form is known by its columns, none by the name of its file."""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .datasets import DatasetError

if TYPE_CHECKING:
    from pathlib import Path

# What the forms call the same thing; the first that a row has counts.
PROMPT = ("prompt", "query", "question")
MODEL = ("model", "model_name", "prediction")
SCORE = ("score", "performance", "accuracy")
SCORES = ("scores",)
COST = ("cost_usd", "cost", "total_cost", "costs")
TOKENS = ("tokens", "tokens_est")
TOKENS_IN, TOKENS_OUT = ("input_tokens",), ("output_tokens",)
IDENTITY = ("id", "sample_id", "global index", "global_index", "embedding_id")
DOMAIN = ("category", "domain", "task_name", "eval_name", "dataset")

FORMS = (
    "rows `prompt, model, score[, cost]`, rows `prompt, scores {model: score}[, cost_usd {model: cost}]`, "
    "or a column of scores for each model"
)
_COST_COLUMN, _ANSWER_COLUMN = "|total_cost", "|model_response"
_TRUE, _FALSE = ("true",), ("false",)
# A cell of a CSV file may hold a whole answer; the reader's own limit is 128 KiB.
_LONGEST_CELL = 1 << 27


@dataclass(frozen=True)
class Row:
    """A row, and where it stands."""

    place: str
    cells: Mapping[str, Any]
    # What the file is about, where its rows do not say.
    domain: str = ""

    def error(self, message: str) -> DatasetError:
        """Return an error that says where."""
        return located(self.place, message)


@dataclass(frozen=True)
class Answer:
    """What a model's answer was worth."""

    score: float
    cost: float | None
    tokens: tuple[float, float] | None


@dataclass(frozen=True)
class Found:
    """What a row says of a prompt."""

    id: Any
    prompt: Any
    domain: str
    facts: dict[str, Any]
    answers: dict[str, Answer]


def located(place: str, message: str) -> DatasetError:
    """Return an error that says where."""
    error = DatasetError(f"{place}: {message}")
    error.path = place
    return error


# Files.


def read(path: Path) -> list[Row]:
    """Return the rows of a file, or of all files of a folder."""
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if _suffix(file) in _READERS)
        if not files:
            message = f"`{path}` has no file that can be read: {', '.join(_READERS)}, or one of them with .gz"
            raise DatasetError(message)
        return [row for file in files for row in read(file)]
    suffix = _suffix(path)
    reader = _READERS.get(suffix)
    if reader is None:
        hint = (
            "a pickle runs code when it is read; write it as a table once: pandas.read_pickle(…).to_parquet(…)"
            if suffix in (".pkl", ".pickle")
            else f"files end in {', '.join(_READERS)}, or one of them with .gz"
        )
        message = f"`{path.name}` is in no form that can be read; {hint}"
        raise DatasetError(message)
    return [Row(row.place, row.cells, _stem(path)) for row in reader(path)]


def rows_of(source: Any) -> list[Row]:
    """Return rows that are in memory already: a DataFrame, or mappings."""
    if hasattr(source, "to_dict") and hasattr(source, "columns"):
        source = source.to_dict("records")
    if isinstance(source, (str, bytes, Mapping)) or not isinstance(source, Iterable):
        message = f"a data set is a path, a DataFrame or a list of rows, not {type(source).__name__}"
        raise TypeError(message)
    return [_row(f"row {at}", row) for at, row in enumerate(source, 1)]


def _suffix(path: Path) -> str:
    return path.with_suffix("").suffix.lower() if path.suffix.lower() == ".gz" else path.suffix.lower()


def _stem(path: Path) -> str:
    return path.name.split(".", 1)[0]


def _row(place: str, cells: Any) -> Row:
    if not isinstance(cells, Mapping):
        raise located(place, f"expected an object with named values, found {type(cells).__name__}; known are {FORMS}")
    return Row(place, cells)


def _text(path: Path) -> str:
    content = path.read_bytes()
    if path.suffix.lower() == ".gz":
        try:
            content = gzip.decompress(content)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            message = f"`{path.name}` is no whole gzip file ({error}); fetch it again"
            raise DatasetError(message) from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        place = f"{path.name}:{line}"
        raise located(place, "this is not UTF-8; save the file as UTF-8") from None


def _lines(path: Path) -> Iterator[Row]:
    # Only a line feed ends a line: JSON texts may hold the other signs that end one.
    for number, line in enumerate(_text(path).split("\n"), 1):
        if line.strip():
            place = f"{path.name}:{number}"
            try:
                cells = json.loads(line)
            except ValueError as error:
                raise located(
                    place, f"this line is no JSON ({_briefly(error)}); each line must be one object"
                ) from None
            yield _row(place, cells)


def _document(path: Path) -> Iterator[Row]:
    text = _text(path)
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        message = f"this is no JSON ({_briefly(error)}); a file with an object a line ends in .jsonl"
        place = f"{path.name}:{error.lineno}"
        raise located(place, message) from None
    rows = document.get("data") if isinstance(document, Mapping) else document
    if not isinstance(rows, list):
        message = f"`{path.name}` must hold a list of rows, alone or under `data`"
        raise DatasetError(message)
    return (_row(f"{path.name}, item {number}", cells) for number, cells in enumerate(rows, 1))


def _briefly(error: ValueError) -> str:
    return error.msg if isinstance(error, json.JSONDecodeError) else type(error).__name__


def _commas(path: Path, delimiter: str = ",") -> Iterator[Row]:
    reader = csv.reader(io.StringIO(_text(path), newline=""), delimiter=delimiter, strict=True)
    limit = csv.field_size_limit(_LONGEST_CELL)
    try:
        head = next(reader, None) or []
        line = reader.line_num + 1
        for cells in reader:
            place = f"{path.name}:{line}"
            line = reader.line_num + 1
            if len(cells) != len(head) and cells:
                message = f"{len(cells)} cells under {len(head)} columns; quote cells that hold a `{delimiter}`"
                raise located(place, message)
            if cells:
                yield Row(place, {name: cell for name, cell in zip(head, cells, strict=True) if cell})
    except csv.Error as error:
        place = f"{path.name}:{reader.line_num}"
        raise located(place, f"this is no table ({error})") from None
    finally:
        csv.field_size_limit(limit)


def _tabs(path: Path) -> Iterator[Row]:
    return _commas(path, "\t")


def _parquet(path: Path) -> Iterator[Row]:
    try:
        import pandas as pd
    except ImportError:
        message = f"reading `{path.name}` needs pandas and pyarrow: pip install pandas pyarrow"
        raise DatasetError(message) from None
    try:
        frame = pd.read_parquet(path)
    except ImportError:
        message = f"reading `{path.name}` needs pyarrow: pip install pyarrow"
        raise DatasetError(message) from None
    return (Row(f"{path.name}, row {at}", cells) for at, cells in enumerate(frame.to_dict("records"), 1))


_READERS = {
    ".jsonl": _lines,
    ".ndjson": _lines,
    ".json": _document,
    ".csv": _commas,
    ".tsv": _tabs,
    ".parquet": _parquet,
}


# Rows.


def answers(rows: Sequence[Row]) -> Iterator[tuple[Row, Found]]:
    """Return what each row says; the first row decides in which form."""
    if not rows:
        return
    first = rows[0]
    if _name(first, SCORES):
        form = _mappings
    elif _name(first, MODEL) and _name(first, SCORE):
        form = _single
    else:
        form = _columns(rows)
    for row in rows:
        found = form(row)
        if found.answers:
            yield row, found


def _name(row: Row, names: Sequence[str]) -> str | None:
    return next((name for name in names if not _absent(row.cells.get(name))), None)


def _absent(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _found(row: Row, answers: dict[str, Answer], used: set[str]) -> Found:
    prompt, identity, domain = _name(row, PROMPT), _name(row, IDENTITY), _name(row, DOMAIN)
    if prompt is None:
        message = f"there is no `prompt`; the columns are {_listed(row.cells)}; known are {FORMS}"
        raise row.error(message)
    text = row.cells[prompt]
    if not isinstance(text, (str, list)):
        message = f"`{prompt}` must be a text or a list of messages, found {type(text).__name__}"
        raise row.error(message)
    if isinstance(text, list) and all(isinstance(part, str) for part in text):
        text = "\n\n".join(text)
    if not text:
        message = f"`{prompt}` is empty"
        raise row.error(message)
    facts = {name: value for name, value in row.cells.items() if name not in used and name != prompt}
    about = row.domain if domain is None else str(row.cells[domain])
    if domain is None and identity and identity.startswith("global"):
        # RouterArena's indices begin with the data set of the question.
        about = re.sub(r"_\d+$", "", str(row.cells[identity]))
    return Found(row.cells[identity] if identity else None, text, about or "all", facts, answers)


def _mappings(row: Row) -> Found:
    """Read a row with a mapping of scores, and of costs and tokens where it has them."""
    scores, costs, tokens = (_name(row, names) for names in (SCORES, COST, TOKENS))
    if scores is None:
        message = f"there are no `scores`; the columns are {_listed(row.cells)}"
        raise row.error(message)
    table = _mapping(row, scores)
    spent = _mapping(row, costs) if costs else {}
    counted = _mapping(row, tokens) if tokens else {}
    given = {
        model: Answer(
            _number(row, f"{scores}.{model}", score),
            _optional_cost(row, f"{costs}.{model}", spent.get(model)),
            _pair(row, f"{tokens}.{model}", counted.get(model)),
        )
        for model, score in table.items()
        if not _absent(score)
    }
    return _found(row, given, {name for name in (scores, costs, tokens) if name})


def _single(row: Row) -> Found:
    """Read a row with one model's score."""
    model, score, cost = (_name(row, names) for names in (MODEL, SCORE, COST))
    if model is None or score is None:
        missing = f"`{MODEL[0]}`" if model is None else f"score for `{row.cells[model]}`"
        hint = "; answers that were not judged yet cannot be compared" if score is None else ""
        message = f"there is no {missing}; the columns are {_listed(row.cells)}{hint}"
        raise row.error(message)
    into, out = _name(row, TOKENS_IN), _name(row, TOKENS_OUT)
    usage = [row.cells[into], row.cells[out]] if into and out else _arena_tokens(row)
    answer = Answer(
        _number(row, score, row.cells[score]),
        _optional_cost(row, cost, row.cells[cost]) if cost else None,
        _pair(row, "tokens", usage),
    )
    # What differs between models says nothing about the prompt.
    used = {*MODEL, *SCORE, *COST, *TOKENS_IN, *TOKENS_OUT, "response", "generated_result", "model_response"}
    return _found(row, {str(row.cells[model]): answer}, used)


def _arena_tokens(row: Row) -> list[Any] | None:
    result = row.cells.get("generated_result")
    usage = result.get("token_usage") if isinstance(result, Mapping) else None
    if not isinstance(usage, Mapping) or not {"input_tokens", "output_tokens"} <= set(usage):
        return None
    return [usage["input_tokens"], usage["output_tokens"]]


def _columns(rows: Sequence[Row]) -> Any:
    """Return a reader of rows with a column for each model."""
    names = list(dict.fromkeys(name for row in rows for name in row.cells))
    priced = [name.removesuffix(_COST_COLUMN) for name in names if name.endswith(_COST_COLUMN)]
    models = [name for name in priced if name in names] or [name for name in names if _is_model(name, rows)]
    if not models:
        message = f"there are no scores; the columns are {_listed(names)}; known are {FORMS}"
        raise rows[0].error(message)
    used = {*models, *(f"{model}{end}" for model in models for end in (_COST_COLUMN, _ANSWER_COLUMN, "_response"))}

    def read(row: Row) -> Found:
        given = {
            model: Answer(
                _number(row, model, row.cells[model]),
                _optional_cost(row, f"{model}{_COST_COLUMN}", row.cells.get(f"{model}{_COST_COLUMN}")),
                None,
            )
            for model in models
            if not _absent(row.cells.get(model))
        }
        return _found(row, given, used)

    return read


def _is_model(name: str, rows: Sequence[Row]) -> bool:
    """Tell whether a column holds scores: it has no name of its own kind, and nothing but numbers and truth values."""
    known = {*PROMPT, *IDENTITY, *DOMAIN, *COST, *TOKENS, "index", "gt", "oracle_model_to_route_to"}
    if not name or name in known or name.startswith("Unnamed:") or name.endswith(("_response", _ANSWER_COLUMN)):
        return False
    values = [row.cells[name] for row in rows if not _absent(row.cells.get(name))]
    return bool(values) and all(_as_number(value) is not None for value in values)


def _mapping(row: Row, name: str) -> Mapping[str, Any]:
    value = row.cells[name]
    if isinstance(value, str):
        # A cell of a CSV file holds it as text.
        try:
            value = json.loads(value)
        except ValueError:
            value = None
    if not isinstance(value, Mapping):
        message = f"`{name}` must be a mapping from models to values"
        raise row.error(message)
    return value


def _as_number(value: Any) -> float | None:
    if isinstance(value, str):
        word = value.strip().lower()
        if word in _TRUE or word in _FALSE:
            return float(word in _TRUE)
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _number(row: Row, name: str, value: Any) -> float:
    number = _as_number(value)
    if number is None:
        message = f"`{name}` must be a finite number, or true or false"
        raise row.error(message)
    return number


def _optional_cost(row: Row, name: str | None, value: Any) -> float | None:
    if _absent(value):
        return None
    number = _as_number(value)
    if number is None or number < 0:
        message = f"`{name}` must be a cost in US dollars, 0 or more"
        raise row.error(message)
    return number


def _pair(row: Row, name: str, value: Any) -> tuple[float, float] | None:
    if _absent(value):
        return None
    counts = [_as_number(count) for count in value] if isinstance(value, (list, tuple)) else []
    if len(counts) != 2 or any(count is None or count < 0 for count in counts):
        message = f"`{name}` must be two numbers of tokens, of the question and of the answer"
        raise row.error(message)
    return counts[0] or 0.0, counts[1] or 0.0


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
