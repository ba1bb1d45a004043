"""Faults of the answer (FAULTS §B), and what each means for the deployment."""

from __future__ import annotations

import email.utils
import time
from typing import Any

import pytest
from calling import DIALECTS, FORMS, WHOLE, Raw, answer, attempts, call, config, failure, limits, reply, took
from waypost import (
    AuthenticationError,
    ContextLengthError,
    InvalidRequestError,
    NotFoundError,
    OverloadedError,
    ProtocolError,
    QuotaError,
    RateLimitError,
    Router,
    ServerError,
)
from waypost.testing import FakeProvider, Step


def status(router: Router, name: str) -> Any:
    """How a deployment stands."""
    return next(row for row in router.deployments if row.name == name)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("fault", [429, 503])
def test_h1_h13_a_pause_is_kept_while_another_serves(form: str, fault: int) -> None:
    with FakeProvider() as a, FakeProvider() as b:
        a.script(Step(fault, retry_after=0.4))
        router = Router(config(a, b))
        with took(0.3):
            assert call(router, form).deployment == "b"
        for _ in range(5):
            response = call(router, form)
            assert response.deployment == "b"
            refused = next(c for c in response.decision.candidates if c.deployment == "a")
            assert (refused.accepted, refused.reason, refused.rank) == (False, "rate_limited", None)
        assert a.count == 1
        time.sleep(0.45)
        assert call(router, form).deployment == "a"
        assert a.requests[1].started - a.requests[0].started >= 0.4


@pytest.mark.parametrize("form", ["achat", "stream"])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_h2_without_another_the_pause_is_waited_out(form: str, dialect: str) -> None:
    with FakeProvider(dialect) as a:
        a.script(Step(429, retry_after=0.2), Step(429, retry_after=0.2))
        response = call(Router(config(a, resilience={"retry": {"per_deployment": 3}})), form)
        first, second, third = (request.started for request in a.requests)
        assert min(second - first, third - second) >= 0.2
        assert [a.retry_after for a in response.decision.attempts] == [0.2, 0.2, None]


@pytest.mark.parametrize("form", FORMS)
def test_the_next_call_waits_a_short_pause_out_too(form: str) -> None:
    with FakeProvider() as a:
        a.script(Step(429, retry_after=0.3))
        router = Router(config(a, resilience={"retry": {"attempts": 1}}))
        assert isinstance(failure(router, form), RateLimitError)
        with took(0.6, at_least=0.2):
            response = call(router, form)
        assert response.deployment == "a"
        assert attempts(response) == [("a", None)]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("wait", [1.0, 121.0, 3600.0])
def test_h3_a_pause_beyond_the_deadline_or_two_minutes_fails_now(form: str, wait: float) -> None:
    with FakeProvider() as a:
        a.script(Step(429, retry_after=wait), forever=True)
        router = Router(config(a))
        with took(0.3):
            error = failure(router, form, timeout=0.8 if wait == 1.0 else 600)
        assert isinstance(error, RateLimitError)
        assert error.retry_after == wait
        assert a.count == 1
        # The next call knows, sends nothing and says when to come back.
        if wait > 3:
            error = failure(router, form)
            assert type(error).__name__ == "NoCandidatesError"
            assert 0 < error.retry_after <= wait
            assert a.count == 1


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"retry-after-ms": "250", "retry-after": "60"}, 0.25),  # H6
        ({"retry-after": "0.25"}, 0.25),
        ({"retry-after": "inf"}, None),  # H5
        ({"retry-after": "nan"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "1e35"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "Fri, 31 Dec 99999 23:59:59 GMT"}, None),
        ({"retry-after": "Fri, 29 Sep 2000 16:26:27 GMT"}, None),
        ({"retry-after-ms": "-5", "retry-after": "0.25"}, 0.25),
        ({"x-ratelimit-remaining-requests": "-1", "x-ratelimit-reset-requests": "-1"}, None),  # H19
        ({"x-ratelimit-remaining-requests": "0"}, None),
        ({"x-ratelimit-remaining-requests": "many", "x-ratelimit-reset-requests": "later"}, None),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "0s"}, None),
    ],
)
def test_h4_h5_h6_h19_what_headers_say_is_believed_if_it_makes_sense(
    headers: dict[str, str], wait: float | None
) -> None:
    body = reply(b'{"error": {"message": "slow down"}}', "429 Too Many Requests", **headers)
    answers = [body, reply(answer())]
    with Raw(lambda connection, _: connection.sendall(answers.pop(0))) as server:
        with took((wait or 0.0) + 0.5, at_least=wait or 0.0):
            response = Router([server.deployment(name="raw")]).chat("Hello")
        assert response.decision.attempts[0].retry_after == wait
        assert attempts(response) == [("raw", "rate_limit"), ("raw", None)]


def test_h4_a_date_in_retry_after_is_read() -> None:
    date = email.utils.formatdate(time.time() + 2, usegmt=True)
    answers = [reply(b"{}", "429 Too Many Requests", retry_after=date), reply(answer())]
    with Raw(lambda connection, _: connection.sendall(answers.pop(0))) as server, took(2.6, at_least=0.8):
        assert Router([server.deployment()]).chat("Hello").text == "Hello"


@pytest.mark.parametrize("form", FORMS)
def test_spent_limits_with_a_short_reset_are_waited_out(form: str) -> None:
    spent = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "300ms"}
    with FakeProvider() as a:
        a.script(Step(429, headers=spent), Step(headers=spent), Step(headers={"x-ratelimit-remaining-requests": "9"}))
        router = Router(config(a))
        response = call(router, form)
        assert attempts(response) == [("a", "rate_limit"), ("a", None)]
        call(router, form)
        first, second, third = (request.started for request in a.requests)
        assert min(second - first, third - second) >= 0.29


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("quota", "quota"),
        (402, "quota"),
        ("auth", "authentication"),
        (401, "authentication"),
        (403, "permission_denied"),
    ],
)
def test_h7_h8_a_refused_credential_is_left_alone(form: str, fault: Any, kind: str) -> None:
    with FakeProvider() as a, FakeProvider() as b:
        a.script(fault, forever=True)
        router = Router(config(a, b))
        assert attempts(call(router, form)) == [("a", kind), ("b", None)]
        assert attempts(call(router, form)) == [("b", None)]
        assert a.count == 1
        assert status(router, "a").breaker == "open"


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("fault", "error"), [("auth", AuthenticationError), ("quota", QuotaError)])
def test_h7_h8_one_attempt_a_credential(form: str, fault: str, error: type[Exception]) -> None:
    with FakeProvider() as a:
        a.script(fault, forever=True)
        same = {"a": a.deployment(api_key="one"), "b": a.deployment(api_key="one"), "c": a.deployment(api_key="two")}
        router = Router({"deployments": same})
        failed = failure(router, form)
        assert isinstance(failed, error)
        assert [name for name, _ in attempts(failed)] == ["a", "c"]
        # With nobody else the next call tries again: the mistake is shown, not hidden.
        alone = Router({"deployments": {"a": a.deployment()}})
        assert [type(failure(alone, form)) for _ in range(2)] == [error] * 2


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("fault", "error"),
    [(400, InvalidRequestError), (404, NotFoundError), (413, InvalidRequestError), (422, InvalidRequestError)],
)
def test_h9_what_would_be_refused_everywhere_is_asked_once(form: str, fault: int, error: type[Exception]) -> None:
    with FakeProvider("openai") as a, FakeProvider("openai") as b:
        a.script(fault, forever=True)
        router = Router(config(a, fallback=(b,), resilience={"breaker": {"failures": 1}}))
        failed = failure(router, form)
        assert type(failed) is error or isinstance(failed, error)
        assert failed.status == fault
        assert (a.count, b.count) == (1, 0)
        assert status(router, "a").breaker == "closed"


@pytest.mark.parametrize("form", FORMS)
def test_h10_a_window_known_to_be_smaller_is_not_tried(form: str) -> None:
    with FakeProvider() as a, FakeProvider() as small, FakeProvider() as large:
        a.script("context_length", forever=True)
        made = config(a, small, large)
        for name, window in (("a", 1_000), ("b", 500), ("c", 10_000)):
            made["deployments"][name]["capabilities"] = {"context_window": window}
        response = call(Router(made), form)
        assert attempts(response) == [("a", "context_length"), ("c", None)]
        refused = next(c for c in response.decision.candidates if c.deployment == "b")
        assert (refused.reason, refused.rank) == ("context_window", None)
        assert [c.rank for c in response.decision.candidates if c.accepted] == [1, 2]
        assert "context length" in response.decision.reason


@pytest.mark.parametrize("form", FORMS)
def test_h10_the_first_error_is_not_hidden_by_the_fallback(form: str) -> None:
    with FakeProvider() as a, FakeProvider() as y:
        for first, second, error in (
            ("context_length", 503, ContextLengthError),
            (503, "auth", OverloadedError),
            (503, 400, OverloadedError),
            (500, "not_found", ServerError),
        ):
            a.script(first, forever=True)
            y.script(second, forever=True)
            failed = failure(Router(config(a, fallback=(y,))), form)
            assert isinstance(failed, error)
            assert failed.deployment == "a"
            assert attempts(failed)[-1][0] == "y"


@pytest.mark.parametrize("form", FORMS)
def test_h11_a_refusal_is_no_ill_health_and_stays_unless_the_route_says_so(form: str) -> None:
    with FakeProvider() as a, FakeProvider() as b:
        a.script("content_filter", forever=True)
        made = config(a, b, resilience={"breaker": {"failures": 1}})
        router = Router(made)
        assert attempts(failure(router, form)) == [("a", "content_filter")]
        assert status(router, "a").breaker == "closed"
        a.script(Step(finish_reason="content_filter", reply=""))
        assert call(Router(made), form).finish_reason == "content_filter"


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("fault", [500, 502, 503, 504, 529, 408])
def test_h12_passing_failures_are_tried_elsewhere_and_again(form: str, fault: int) -> None:
    with FakeProvider() as a, FakeProvider() as b:
        a.script(fault, forever=True)
        assert [name for name, _ in attempts(call(Router(config(a, b)), form))] == ["a", "b"]
        a.script(fault)
        assert [name for name, _ in attempts(call(Router(config(a)), form))] == ["a", "a"]


@pytest.mark.parametrize("form", FORMS)
def test_h14_the_providers_advice_is_obeyed(form: str) -> None:
    with FakeProvider() as a:
        a.script(Step(503, headers={"x-should-retry": "false"}), forever=True)
        assert len(attempts(failure(Router(config(a)), form))) == 1
        a.script(Step(400, headers={"x-should-retry": "true"}))
        assert len(attempts(call(Router(config(a)), form))) == 2


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("fault", ["html", "empty", "garbage"])
def test_h17_m1_what_is_no_answer_is_a_protocol_error(form: str, dialect: str, fault: str) -> None:
    with FakeProvider(dialect) as a, FakeProvider() as b:
        a.script(fault, forever=True)
        assert attempts(call(Router(config(a, b)), form)) == [("a", "protocol"), ("b", None)]
        failed = failure(Router(config(a)), form)
        assert isinstance(failed, ProtocolError)
        assert len(attempts(failed)) == 2


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", ["application/json", "text/event-stream"])
def test_h18_an_error_in_a_200_is_the_error_it_names(form: str, kind: str) -> None:
    said = b'{"error": {"message": "slow", "type": "rate_limit_error", "code": "rate_limit_exceeded"}}'
    body = b"data: " + said + b"\n\n" if kind == "text/event-stream" else said
    if kind == "text/event-stream" and form in WHOLE:
        pytest.skip("an event stream is what a stream asks for")
    with Raw(lambda c, _: c.sendall(reply(body, kind=kind))) as server, FakeProvider() as b:
        made = config(b)
        made["deployments"] = {"raw": server.deployment(), **made["deployments"]}
        made["routes"]["auto"]["candidates"] = ["raw", "a"]
        assert attempts(call(Router(made), form)) == [("raw", "rate_limit"), ("a", None)]


@pytest.mark.parametrize("form", FORMS)
def test_n_an_answer_that_came_whole_though_a_stream_was_asked_for_is_taken(form: str) -> None:
    with Raw(lambda connection, _: connection.sendall(reply(answer("whole")))) as server:
        response = call(Router([server.deployment(name="raw")]), form)
        assert response.text == "whole"
        assert response.usage.completion_tokens == 5


@pytest.mark.parametrize("form", FORMS)
def test_m2_the_model_is_the_one_that_answered(form: str) -> None:
    with FakeProvider() as a:
        a.script(Step(model="another-model-2026"))
        assert call(Router(config(a)), form).model == "another-model-2026"


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_m3_empty_and_short_answers_are_answers(form: str, dialect: str) -> None:
    with FakeProvider(dialect) as a:
        a.script(Step(reply=""), Step(reply="cut", finish_reason="length"))
        router = Router(config(a))
        empty = call(router, form)
        assert (empty.text, empty.finish_reason, len(attempts(empty))) == ("", "stop", 1)
        short = call(router, form)
        assert (short.text, short.finish_reason, len(attempts(short))) == ("cut", "length", 1)


@pytest.mark.parametrize("form", FORMS)
def test_a_body_that_breaks_off_is_asked_for_again(form: str) -> None:
    with FakeProvider() as a:
        for how in ("fin", "rst", "end"):
            a.script(Step(cut_after=0, how=how))
            assert call(Router(config(a)), form).decision.attempts[0].error in ("connection", "protocol"), how


def test_errors_read_well() -> None:
    with FakeProvider() as a, FakeProvider() as b:
        a.script(Step(429, retry_after=30), forever=True)
        b.script("overloaded", forever=True)
        failed = failure(Router(config(a, b)), "chat", timeout=5)
        text = str(failed)
        assert text.startswith("`a` answered 429: ")
        assert text.endswith("(the most telling of 3 attempts)")
        assert text.count("`") == 2
        assert failed.retry_after == 30
        assert failed.request_id or failed.request_id is None
        a.script("hang", forever=True)
        failed = failure(Router(config(a, **limits(response="0.1s"))), "chat")
        assert str(failed) == "`a` sent no answer within 0.1 s"
