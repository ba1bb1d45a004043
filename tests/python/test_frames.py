"""Columns in, tables out."""

from __future__ import annotations

import asyncio
import copy
import pickle
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import waypost
from pydantic import BaseModel
from test_html import HOSTILE, audit
from waypost import BatchResult, InvalidRequestError, RateLimitError, Router
from waypost.testing import FakeProvider, Reply

if TYPE_CHECKING:
    from collections.abc import Iterator


class Count(BaseModel):
    n: int


@pytest.fixture
def fake() -> Iterator[FakeProvider]:
    with FakeProvider(reply=lambda request: Reply(f"said {request.prompt}")) as fake:
        yield fake


@pytest.fixture
def router(fake: FakeProvider) -> Router:
    return Router({"deployments": {"a": fake.deployment(price={"input": 1.0, "output": 2.0})}})


def batch(router: Router, colour: str, prompts: Any, **options: Any) -> BatchResult:
    if colour == "batch":
        return router.batch(prompts, **options)
    return asyncio.run(router.abatch(prompts, **options))


@pytest.mark.parametrize("colour", ["batch", "abatch"])
def test_a_column_of_pandas_comes_back_under_its_index(router: Router, colour: str) -> None:
    pd = pytest.importorskip("pandas")
    df = pd.DataFrame({"prompt": ["x", "y"], "id": [7, 3]}, index=["first", "second"])
    answers = batch(router, colour, df["prompt"])
    joined = df.join(answers.to_dataframe())
    assert list(joined.index) == ["first", "second"]
    assert list(joined["text"]) == ["said x", "said y"]
    assert list(joined["id"]) == [7, 3]
    assert (joined["cost_usd"] > 0).all()
    assert (joined["cost_status"] == "exact").all()
    assert (joined["deployment"] == "a").all()
    assert joined["prompt_tokens"].dtype == "Int64"


@pytest.mark.parametrize("colour", ["batch", "abatch"])
def test_a_column_of_polars_and_any_iterable(router: Router, colour: str) -> None:
    pl = pytest.importorskip("polars")
    answers = batch(router, colour, pl.Series("prompt", ["x", "y"]))
    assert answers.index is None
    table = pl.DataFrame(answers.to_dicts(), infer_schema_length=None)
    assert table["text"].to_list() == ["said x", "said y"]
    assert [reply.text for reply in batch(router, colour, (word for word in "pq"))] == ["said p", "said q"]


def test_errors_are_rows_and_what_is_unknown_is_missing(router: Router, fake: FakeProvider) -> None:
    pytest.importorskip("pandas")
    fake.script(200, 429, 429)
    answers = router.batch(["x", "y"], return_errors=True, concurrency=1)
    table = answers.to_dataframe()
    assert isinstance(answers[1], RateLimitError)
    assert answers.errors == [answers[1]]
    assert table["error"].tolist()[1] == "RateLimitError"
    assert table["message"].tolist()[1] == str(answers[1])
    assert table["attempts"].tolist()[1] == len(answers[1].decision.attempts)
    assert table["deployment"].tolist() == ["a", "a"]
    assert table[["text", "cost_usd", "latency", "completion_tokens"]].iloc[1].isna().all()
    assert table["error"].isna().tolist() == [True, False]
    assert table["ttft"].isna().all()
    assert repr(answers) == "BatchResult(1 answers, 1 errors)"


@pytest.mark.parametrize("colour", ["batch", "abatch"])
def test_a_gap_in_a_column_is_an_error_in_its_place(router: Router, fake: FakeProvider, colour: str) -> None:
    pd = pytest.importorskip("pandas")
    column = pd.Series(["x", None, "z"])
    table = batch(router, colour, column, return_errors=True).to_dataframe()
    assert table["text"].dropna().tolist() == ["said x", "said z"]
    assert table["error"].tolist()[1] == "InvalidRequestError"
    sent = len(fake.requests)
    with pytest.raises(InvalidRequestError, match="messages"):
        batch(router, colour, column)
    if colour == "batch":
        assert len(fake.requests) == sent, "what cannot be read is found before anything is paid for"


def test_objects_are_a_column_and_misfits_say_why() -> None:
    pytest.importorskip("pandas")
    replies = iter(['{"n": 1}', "none"])
    with FakeProvider(reply=lambda _: next(replies)) as fake:
        answers = Router([fake.deployment()]).batch(["x", "y"], response_format=Count, concurrency=1)
    table = answers.to_dataframe()
    assert table["parsed"].tolist() == [Count(n=1), None]
    assert table["error"].tolist()[1] == "ProtocolError"
    assert table["text"].tolist() == ['{"n": 1}', "none"]


def test_answers_collected_by_hand(router: Router) -> None:
    pytest.importorskip("pandas")
    table = waypost.to_dataframe([router.chat("x")], index=[5])
    assert table.loc[5, "text"] == "said x"
    assert "parsed" not in table
    empty = router.batch([]).to_dataframe()
    assert list(empty.columns) == list(table.columns)
    assert len(empty) == 0


def test_it_is_a_list_that_travels(router: Router) -> None:
    answers = router.batch(["x", "y"])
    assert isinstance(answers, list)
    for other in (pickle.loads(pickle.dumps(answers)), copy.deepcopy(answers)):
        assert other == answers
        assert type(other) is BatchResult
        assert other.to_dicts() == answers.to_dicts()


@pytest.mark.parametrize("colour", ["batch", "abatch"])
def test_a_table_or_one_conversation_is_refused(router: Router, fake: FakeProvider, colour: str) -> None:
    wrong: list[Any] = ["Hello", {"role": "user", "content": "Hello"}]
    wrong += [pytest.importorskip(kind).DataFrame({"prompt": ["x"], "id": [1]}) for kind in ("pandas", "polars")]
    for value, said in zip(wrong, ["there is `chat`"] * 2 + ["one column"] * 2, strict=True):
        with pytest.raises(InvalidRequestError, match=said):
            batch(router, colour, value)
    assert fake.requests == []


def test_without_pandas_the_way_out_is_named(router: Router, monkeypatch: Any) -> None:
    answers = router.batch(["x"])
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="pip install pandas; `to_dicts"):
        answers.to_dataframe()


def test_a_batch_needs_no_pandas() -> None:
    code = (
        "import sys\nfrom waypost import Router\nfrom waypost.testing import FakeProvider\n"
        "with FakeProvider() as fake:\n    Router([fake.deployment()]).batch(['x']).to_dicts()\n"
        "assert 'pandas' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_a_notebook_shows_the_first_of_many(router: Router, fake: FakeProvider) -> None:
    fake.script(*[200] * 4, 400)
    html = router.batch([HOSTILE] * 25, return_errors=True, concurrency=1)._repr_html_()
    audit(html)
    assert "<script" not in html
    for text in ("25 calls", "1 error<", "✗ InvalidRequestError", "… and 5 more", "median", "tokens"):
        assert text in html
    audit(router.batch([])._repr_html_())
