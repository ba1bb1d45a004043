"""Keys and prompts stay where they belong (FAULTS G4, X4, X6, X7, X16): canaries are looked for wherever text comes out."""

from __future__ import annotations

import asyncio
import copy
import json
import logging
import pickle
import traceback
from typing import TYPE_CHECKING, Any

import pytest
from calling import DIALECTS, FORMS, Raw, config, failure, limits, reply
from waypost import ConfigError, InvalidRequestError, Router, StreamError, WaypostError
from waypost.testing import FakeProvider, Step

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = "sk-canary-4711-DEADBEEF-0815"
PROMPT = "My name is Jane Quarkson and the code is CANARY-PROMPT-99"
SECRETS = ("canary-4711", "deadbeef", "quarkson", "canary-prompt")


def texts(error: BaseException) -> Iterator[str]:
    """Everything that an error may show without being asked for it."""
    yield str(error)
    yield repr(error)
    yield "".join(traceback.format_exception(error))
    if error.__cause__ is not None:
        yield from texts(error.__cause__)
    decision = getattr(error, "decision", None)
    if decision is not None:
        yield from (str(decision), repr(decision), decision.explain(), decision.to_json())
        yield json.dumps(decision.to_dict())
    without_body = copy.copy(error.__dict__)
    without_body.pop("body", None)
    without_body.pop("partial", None)
    yield repr(without_body)
    yield pickle.dumps(error).decode("latin-1")


def shown(router: Router) -> Iterator[str]:
    """Everything that a router shows of itself."""
    yield repr(router)
    yield str(router.deployments)
    yield router.metrics()
    yield repr(vars(router))


def assert_clean(seen: Iterator[str]) -> None:
    """No canary is in any of the texts."""
    for text in seen:
        lower = text.lower()
        for secret in SECRETS:
            assert secret not in lower, f"{secret!r} in {text!r}"


FAULTS = [
    400,
    401,
    403,
    404,
    413,
    429,
    500,
    503,
    "quota",
    "context_length",
    "content_filter",
    "reset",
    "garbage",
    "html",
]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_g4_x7_no_error_shows_key_or_prompt(form: str, dialect: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with FakeProvider(dialect) as a:
        router = Router(config(a, each={"api_key": KEY}))
        for fault in FAULTS:
            echo = f"Incorrect key {KEY} (sk-canary...0815) for '{PROMPT}', see the manual. quarksons CANARY-PROMPT-9"
            a.script(Step(fault, message=echo), forever=True)
            once = {"retry": {"attempts": 1}}
            error = failure(Router(config(a, each={"api_key": KEY}, resilience=once)), form, PROMPT)
            assert isinstance(error, WaypostError)
            assert_clean(texts(error))
            assert KEY not in (getattr(error, "body", None) or "")
        a.script("hang", forever=True)
        assert_clean(texts(failure(router, form, PROMPT, timeout=0.05)))
        assert_clean(shown(router))
    assert_clean(iter([caplog.text]))


@pytest.mark.parametrize("form", ["stream", "astream"])
def test_g4_a_broken_streams_error_shows_nothing_of_it(form: str) -> None:
    with FakeProvider("anthropic", reply="Dear Quarkson " * 30) as a:
        a.script(Step(cut_after=10), Step(error_event_at=10, interval=0.002, message=PROMPT), Step(stall_after=10))
        router = Router(config(a, each={"api_key": KEY}, **limits(stall="0.1s")))
        for _ in range(3):
            error = failure(router, form, PROMPT)
            assert isinstance(error, StreamError)
            partial = error.partial
            assert "Quarkson" in partial.text  # On demand it is there.
            error.partial = None
            assert_clean(texts(error))
        assert_clean(shown(router))


def test_g4_a_decision_has_no_prompt() -> None:
    with FakeProvider() as a:
        router = Router(config(a, each={"api_key": KEY}))
        response = router.chat([{"role": "system", "content": PROMPT}, {"role": "user", "content": PROMPT}])
        for decision in (response.decision, router.route(PROMPT)):
            assert_clean(iter([str(decision), repr(decision), decision.to_json()]))
        assert_clean(iter([pickle.dumps(response).decode("latin-1")]))


@pytest.mark.parametrize(
    ("messages", "options"),
    [
        ([{"role": "Quarkson", "content": "x"}], {}),
        ([{"role": "user", "content": 4711}], {}),
        ([{"role": "user", "content": {"Quarkson": PROMPT}}], {}),
        ([PROMPT], {}),
        ({"role": "user", "content": PROMPT}, {}),
        (PROMPT, {"temperature": "Quarkson, expected 7"}),
        (PROMPT, {"max_tokens": "4711"}),
        (PROMPT, {"stop": 4711.5}),
        (PROMPT, {"tools": [{"type": "function", "function": {"name": {"Quarkson": 1}}}]}),
        (PROMPT, {"metadata": {"x": object()}}),
        (PROMPT, {"metadata": "Quarkson"}),
        (PROMPT, {"extra_body": ["Quarkson"]}),
        (PROMPT, {"user": {"Quarkson": 1}}),
        (PROMPT, {"response_format": "Quarkson"}),
        (PROMPT, {"tool_choice": {"Quarkson": 1}}),
    ],
)
def test_g4_a_wrong_argument_is_named_and_not_quoted(messages: Any, options: dict[str, Any]) -> None:
    with FakeProvider() as a:
        router = Router(config(a))
        try:
            router.chat(messages, **options)
        except (WaypostError, TypeError, ValueError) as error:
            assert_clean(iter([str(error), repr(error)]))
            if options and isinstance(error, InvalidRequestError):
                assert next(iter(options)) in str(error)
        assert a.count <= 1


def test_x10_deep_and_circular_arguments_are_refused() -> None:
    deep: Any = "x"
    for _ in range(100_000):
        deep = [deep]
    circular: dict[str, Any] = {}
    circular["self"] = circular
    with FakeProvider() as a:
        router = Router(config(a))
        for value in (deep, circular):
            for options in ({"metadata": {"x": value}}, {"extra_body": {"x": value}}, {"tools": [{"x": value}]}):
                with pytest.raises(InvalidRequestError, match="nested"):
                    router.chat("Hello", **options)
            with pytest.raises(InvalidRequestError, match="nested"):
                router.chat([{"role": "user", "content": value}])
            with pytest.raises((ValueError, ConfigError)):
                Router({"deployments": {"x": value}})
        assert a.count == 0
    while isinstance(deep, list):  # Taken apart by hand: dropping it at once would recurse as deeply.
        deep = deep.pop()


def test_lone_surrogates_are_an_error_or_replaced_but_no_crash() -> None:
    with FakeProvider() as a:
        router = Router(config(a))
        for messages in ("\ud800", [{"role": "user", "content": "a\udfff"}]):
            try:
                router.chat(messages)
            except (WaypostError, UnicodeError):
                continue
        assert a.count <= 2


@pytest.mark.parametrize("bad", ["sk-1\r\nx-evil: 1", "sk-1\nx: 1", "sk-\x00"])
def test_x4_line_breaks_in_keys_and_headers_never_reach_the_wire(bad: str) -> None:
    with Raw(lambda connection, _: connection.sendall(reply(b"{}"))) as server:
        for extra in ({"api_key": bad}, {"headers": {"x-mine": bad}}, {"headers": {bad: "1"}}):
            try:
                error: Any = failure(Router([server.deployment(**extra)]), "chat")
            except ConfigError as refused:
                error = refused
            assert isinstance(error, (InvalidRequestError, ConfigError))
            assert not any(ord(c) < 32 for c in str(error))
            if "headers" not in extra or bad not in extra["headers"]:
                assert "evil" not in str(error)
                assert "sk-" not in str(error)
        assert server.connections == 0


@pytest.mark.parametrize("dialect", DIALECTS)
def test_x4_line_breaks_in_a_models_name_stay_inside_it(dialect: str) -> None:
    with FakeProvider(dialect, model="x\r\nx-evil: 1\r\n\r\n") as a:
        try:
            router = Router(config(a))
        except ConfigError:
            return
        for form in FORMS:
            try:
                failure(router, form)
            except AssertionError:
                pass
        assert all("x-evil" not in request.headers for request in a.requests)
        assert all(request.path.count("\n") == 0 for request in a.requests)


def test_x4_line_breaks_in_what_the_caller_says_stay_in_the_body() -> None:
    evil = "x\r\nx-evil: 1"
    with FakeProvider() as a:
        Router(config(a)).chat("Hi", user=evil, session=evil, tags=[evil], metadata={evil: evil})
        assert "x-evil" not in a.last.headers


@pytest.mark.parametrize("dialect", DIALECTS)
def test_x6_the_key_is_in_a_header_and_never_in_the_address(dialect: str) -> None:
    with FakeProvider(dialect, api_key=KEY) as a:
        router = Router(config(a))
        for form in ("chat", "stream"):
            if form == "chat":
                router.chat("Hello")
            else:
                list(router.stream("Hello"))
            assert KEY not in a.last.path + a.last.query_string
            assert any(KEY in value for value in a.last.headers.values())


def test_x7_a_wrong_configuration_does_not_show_keys() -> None:
    for broken in (
        {"deployments": {"a": {"model": "openai/x", "api_key": KEY, "typo": 1}}},
        {"deployments": {"a": {"model": "nobody/x", "api_key": KEY}}},
        {"deployments": {"a": {"model": "openai/x", "api_key": [KEY]}}},
        {"deployments": {"a": {"model": "openai/x", "api_key": KEY, "base_url": f"http://user:{KEY}@host"}}},
        [{"model": "openai/x", "api_key": {"x": KEY}}],
    ):
        with pytest.raises(ConfigError) as caught:
            Router(broken)
        assert "4711" not in str(caught.value) + repr(caught.value) + repr(caught.value.__dict__)


def test_x16_what_a_provider_says_stays_on_one_line() -> None:
    with FakeProvider() as a:
        a.script(Step(500, message="bad\r\n2026-01-01 ERROR forged \x1b[31mred\x07"), forever=True)
        error = failure(Router(config(a)), "chat")
        for text in (str(error), error.decision.attempts[0].message):
            assert not any(ord(c) < 32 or ord(c) == 127 for c in text)


def test_async_errors_are_as_clean() -> None:
    async def collect() -> list[Any]:
        with FakeProvider() as a:
            a.script(Step(400, message=PROMPT), forever=True)
            router = Router(config(a, each={"api_key": KEY}))
            return await router.abatch([PROMPT] * 3, return_errors=True)

    for error in asyncio.run(collect()):
        assert_clean(texts(error))
