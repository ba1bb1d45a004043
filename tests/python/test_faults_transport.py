"""Faults of the connection (FAULTS §A), and what may not come over it (§H)."""

from __future__ import annotations

import gzip
import os
import socket
import ssl
import struct
import subprocess
import sys
import time
import zlib
from functools import cache
from typing import Any

import pytest
from calling import (
    FORMS,
    STREAM_HEAD,
    STREAMS,
    WHOLE,
    Raw,
    answer,
    attempts,
    call,
    config,
    event,
    failure,
    idle,
    limits,
    reply,
    took,
)
from waypost import APIConnectionError, APITimeoutError, DeadlineExceededError, ProtocolError, Router
from waypost.testing import SIXTY_WORDS, FakeProvider, Step


def closed_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def over(server: Raw, *rest: FakeProvider, **top: Any) -> Router:
    """A router whose first candidate is a raw server."""
    made = config(*rest, **top)
    made["deployments"] = {"raw": server.deployment(), **made["deployments"]}
    made["routes"]["auto"]["candidates"].insert(0, "raw")
    return Router(made)


@pytest.mark.parametrize("form", FORMS)
def test_t1_a_refused_connection_fails_over_at_once(form: str) -> None:
    with FakeProvider() as b:
        made = config(b)
        dead = {"model": "openai/gone", "base_url": f"http://127.0.0.1:{closed_port()}/v1", "api_key": "test"}
        made["deployments"]["dead"] = dead
        made["routes"]["auto"]["candidates"] = ["dead", "a"]
        response = call(Router(made), form)
        assert attempts(response) == [("dead", "connection"), ("a", None)]
        first, second = response.decision.attempts
        assert second.started - (first.started + first.duration) < 0.005
        assert not first.possibly_billed
        assert b.count == 1


@pytest.mark.parametrize("form", FORMS)
def test_t2_an_unanswered_connection_costs_the_connect_timeout_once(form: str) -> None:
    full = socket.socket()
    full.bind(("127.0.0.1", 0))
    full.listen(0)
    fillers = []
    for _ in range(3):  # The backlog is full: further connections are neither accepted nor refused.
        filler = socket.socket()
        filler.setblocking(False)
        filler.connect_ex(full.getsockname())
        fillers.append(filler)
    with FakeProvider() as b:
        made = config(b, **limits(connect="0.2s"))
        base_url = f"http://127.0.0.1:{full.getsockname()[1]}/v1"
        made["deployments"]["full"] = {"model": "openai/x", "base_url": base_url, "api_key": "test"}
        made["routes"]["auto"] = {"candidates": ["full"], "fallback": ["a"]}
        with took(0.4, at_least=0.2):
            response = call(Router(made), form)
        assert attempts(response) == [("full", "timeout"), ("a", None)]
        assert not response.decision.attempts[0].possibly_billed
    for filler in [*fillers, full]:
        filler.close()


@pytest.mark.parametrize("form", FORMS)
def test_t3_a_name_that_does_not_resolve_fails_over(form: str) -> None:
    with FakeProvider() as b:
        made = config(b)
        made["deployments"]["nowhere"] = {"model": "openai/x", "base_url": "http://nowhere.invalid/v1", "api_key": "k"}
        made["routes"]["auto"]["candidates"] = ["nowhere", "a"]
        response = call(Router(made), form)
        assert attempts(response) == [("nowhere", "connection"), ("a", None)]


@pytest.mark.parametrize("form", FORMS)
def test_t4_t5_what_may_have_been_billed_is_said(form: str) -> None:
    with FakeProvider() as a, FakeProvider() as b:
        a.script("reset_after_request")
        response = call(Router(config(a, b)), form)
        assert attempts(response) == [("a", "connection"), ("b", None)]
        assert response.decision.attempts[0].possibly_billed
        assert not response.decision.attempts[1].possibly_billed


@pytest.mark.parametrize("form", FORMS)
def test_t6_a_connection_that_was_closed_while_idle_costs_no_attempt(form: str) -> None:
    with FakeProvider() as a:
        router = Router(config(a))
        for _ in range(3):
            response = call(router, form)
            assert len(response.decision.attempts) == 1
            for connection in list(a._server.connections):
                a._server.call(connection.close)
            time.sleep(0.02)


@pytest.mark.parametrize("form", FORMS)
def test_t7_t13_a_peer_that_does_not_read_or_drips_is_left_in_time(form: str) -> None:
    with Raw(lambda connection, _: time.sleep(3), read=False) as deaf, FakeProvider() as b:
        deaf.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        guards = limits(first_byte="0.2s", first_token="0.2s", response="0.4s")
        router = over(deaf, b, **guards)
        with took(2.0):
            response = call(router, form, "word " * 3_000)
        assert attempts(response)[0] == ("raw", "timeout")

    def drip(connection: socket.socket, _: bytes) -> None:
        for byte in b"HTTP/1.1 200 OK\r\nx: " + b"y" * 100:
            connection.send(bytes([byte]))
            time.sleep(0.05)

    with Raw(drip) as slow, FakeProvider() as b, took(0.6):
        assert call(over(slow, b, **guards), form).deployment == "a"


def test_t8_an_untrusted_server_gets_nothing_and_is_not_asked_again(tmp_path: Any) -> None:
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    names = ["-addext", "subjectAltName=IP:127.0.0.1"]
    try:
        subprocess.run([*made, "-keyout", key, "-out", cert, *names], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("openssl is not here")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    plain: list[bytes] = []

    def secure(connection: socket.socket, _: bytes) -> None:
        with context.wrap_socket(connection, server_side=True) as wrapped:
            plain.append(wrapped.recv(10))

    with Raw(secure, read=False) as server, FakeProvider() as b:
        deployment = server.deployment(base_url=f"https://127.0.0.1:{server.port}/v1", api_key="CANARY-key")
        route = {"candidates": ["tls"], "fallback": ["b"]}
        router = Router({"deployments": {"tls": deployment, "b": b.deployment()}, "routes": {"auto": route}})
        response = router.chat("Hello")
        assert attempts(response) == [("tls", "connection"), ("b", None)]
        assert "certificate" in response.decision.attempts[0].message
        assert "CANARY" not in response.decision.to_json()
        assert not plain


def test_t9_a_handshake_that_stalls_counts_as_connecting() -> None:
    with Raw(lambda connection, _: time.sleep(2), read=False) as mute, FakeProvider() as b:
        made = config(b, **limits(connect="0.2s"))
        made["deployments"]["tls"] = mute.deployment(base_url=f"https://127.0.0.1:{mute.port}/v1")
        made["routes"]["auto"] = {"candidates": ["tls"], "fallback": ["a"]}
        with took(0.4, at_least=0.2):
            response = Router(made).chat("Hello")
        assert attempts(response) == [("tls", "timeout"), ("a", None)]


@pytest.mark.parametrize("form", FORMS)
def test_h15_x3_a_redirect_is_not_followed(form: str) -> None:
    with Raw(lambda connection, _: connection.sendall(reply(answer()))) as attacker:
        location = f"http://127.0.0.1:{attacker.port}/v1/chat/completions"
        for status in ("301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"):
            moved = reply(b"", status, location=location)
            with Raw(lambda connection, _, moved=moved: connection.sendall(moved)) as server, FakeProvider() as b:
                assert call(over(server, b), form).deployment == "a"
        assert attacker.connections == 0


def test_h16_many_interim_answers_are_borne() -> None:
    def flood(connection: socket.socket, _: bytes) -> None:
        connection.sendall(b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n" * 200 + reply(answer("there")))

    with Raw(flood) as server:
        assert over(server).chat("Hello").text == "there"


def test_too_many_or_too_long_headers_are_a_failed_attempt() -> None:
    for head in ("".join(f"x-{n}: y\r\n" for n in range(5_000)), f"x: {'y' * 2_000_000}\r\n"):
        body = f"HTTP/1.1 200 OK\r\n{head}content-length: 0\r\n\r\n".encode()
        with Raw(lambda connection, _, body=body: connection.sendall(body)) as server, FakeProvider() as b:
            response = over(server, b).chat("Hello")
            assert attempts(response) == [("raw", "connection"), ("a", None)]


@pytest.mark.parametrize("form", FORMS)
def test_x8_an_answer_without_an_end_is_cut(form: str) -> None:
    block = b"x" * 1_048_576

    def endless(connection: socket.socket, request: bytes) -> None:
        kind = b"text/event-stream" if b'"stream":true' in request else b"application/json"
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: " + kind + b"\r\nconnection: close\r\n\r\ndata: ")
        for _ in range(200):
            connection.sendall(block)

    with Raw(endless) as server, FakeProvider() as b:
        response = call(over(server, b), form)
        assert attempts(response) == [("raw", "protocol"), ("a", None)]


def test_x8_a_length_that_lies_is_a_broken_answer() -> None:
    def short(connection: socket.socket, _: bytes) -> None:
        connection.sendall(reply(answer()).replace(b"content-length: ", b"content-length: 9"))

    with Raw(short) as server:
        error = failure(over(server), "chat")
        assert isinstance(error, APIConnectionError)
        assert error.decision.attempts[0].possibly_billed


@cache
def bomb() -> bytes:
    """128 MB of nothing, packed into 128 KB."""
    packer = zlib.compressobj(wbits=31)
    return b"".join(packer.compress(bytes(1 << 20)) for _ in range(128)) + packer.flush()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("status", ["200 OK", "500 Oops"])
def test_x9_a_decompression_bomb_is_bounded_by_what_it_becomes(form: str, status: str) -> None:
    def drop(connection: socket.socket, _: bytes) -> None:
        connection.sendall(reply(bomb(), status, content_encoding="gzip"))

    with Raw(drop) as server, FakeProvider() as b:
        bomb()
        before = resident()
        response = call(over(server, b), form)
        assert attempts(response)[0][0] == "raw"
        assert response.deployment == "a"
        assert resident() - before < 150 << 20


def resident() -> int:
    """Bytes of memory in use."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_x9_compressed_answers_are_read() -> None:
    with Raw(lambda c, _: c.sendall(reply(gzip.compress(answer("packed")), content_encoding="gzip"))) as server:
        assert over(server).chat("Hello").text == "packed"
    with Raw(lambda c, _: c.sendall(reply(b"\x1b\x05\x00\xf8", content_encoding="br"))) as server:
        assert isinstance(failure(over(server), "chat"), ProtocolError)


@pytest.mark.parametrize("form", FORMS)
def test_x10_hostile_json_is_an_error_like_any_other(form: str) -> None:
    deep = b'{"choices": ' + b"[" * 100_000
    huge = b'{"choices": [], "x": ' + b"9" * 100_000 + b"}"
    wide = b'{"choices": 1e400, ' + b", ".join(b'"k%d": 0' % n for n in range(100_000)) + b"}"
    surrogate = b'{"choices": [{"message": {"content": "\\ud800"}}]}'
    for body in (deep, huge, wide, surrogate, b"\xff\xfe", b"null", b"[]", b'"text"', b"1"):
        with Raw(lambda connection, _, body=body: connection.sendall(reply(body))) as server, FakeProvider() as b:
            response = call(over(server, b), form)
            assert response.deployment in ("a", "raw")
            assert response.decision.attempts[0].error in ("protocol", None)


def test_x10_a_stream_with_absurd_places_is_bounded() -> None:
    def absurd(connection: socket.socket, _: bytes) -> None:
        calls = [{"index": 4_000_000_000, "function": {"name": "f", "arguments": "{}"}}]
        choices = ", ".join(f'{{"index": {n}, "delta": {{"content": "x"}}}}' for n in range(5_000))
        connection.sendall(STREAM_HEAD + event("a") + event(tool_calls=calls))
        connection.sendall(
            f'data: {{"choices": [{choices}]}}\n\n'.encode() + event(finish="stop") + b"data: [DONE]\n\n"
        )

    with Raw(absurd) as server, took(3.0):
        failure_or_answer = list(over(server).stream("Hello", timeout=3))
        assert failure_or_answer


def test_x23_proxies_of_the_environment_are_ignored() -> None:
    with Raw(lambda connection, _: connection.sendall(reply(answer("from the proxy")))) as proxy, FakeProvider() as a:
        script = (
            "from waypost import Router\nimport sys\n"
            "r = Router([{'model': 'openai/x', 'base_url': sys.argv[1], 'api_key': 'k'}])\n"
            "print(r.chat('Hello').text)"
        )
        names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
        env = {**os.environ, **dict.fromkeys(names, f"http://127.0.0.1:{proxy.port}")}
        done = subprocess.run(
            [sys.executable, "-c", script, a.base_url], env=env, capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == SIXTY_WORDS
        assert proxy.connections == 0


@pytest.mark.parametrize("form", FORMS)
def test_the_deadline_holds_wherever_the_call_is(form: str) -> None:
    silent = [Step("hang"), Step(503, delay=5)]
    if form in STREAMS:
        silent += [Step(first_token_delay=5), Step(stall_after=5, stall=5), Step(interval=0.05)]
    for step in silent:
        with FakeProvider("anthropic") as a:
            a.script(step, forever=True)
            router = Router(config(a))
            # On an idle machine within 10 ms; exactly, under virtual time, in tests/rust.
            with took(0.42, at_least=0.3):
                error = failure(router, form, timeout=0.3)
            assert isinstance(error, DeadlineExceededError), step
            assert isinstance(error, TimeoutError)
            assert error.decision.error == "DeadlineExceededError"
            assert [a.outcome for a in error.decision.attempts] == ["error"]
            assert idle(router)


@pytest.mark.parametrize("form", WHOLE)
def test_a_late_answer_is_a_timeout_with_the_limit_in_it(form: str) -> None:
    with FakeProvider() as a:
        a.script("hang", forever=True)
        with took(0.3, at_least=0.2):
            error = failure(Router(config(a, **limits(response="0.2s"))), form)
        assert isinstance(error, APITimeoutError)
        assert "0.2 s" in str(error)
        assert error.decision.attempts[0].possibly_billed


@pytest.mark.parametrize("form", FORMS)
def test_p1_without_time_nothing_is_sent(form: str) -> None:
    with FakeProvider() as a:
        error = failure(Router(config(a)), form, timeout=0.001)
        assert isinstance(error, DeadlineExceededError)
        assert a.count == 0
        assert error.decision.attempts == []


@pytest.mark.parametrize("form", FORMS)
def test_while_another_is_ready_a_silent_one_does_not_use_up_the_deadline(form: str) -> None:
    if form in WHOLE:
        pytest.skip("a whole answer may take as long as it takes: `response` and the deadline bound it")
    with FakeProvider() as a, FakeProvider() as b:
        a.script("hang", forever=True)
        with took(0.6):
            assert call(Router(config(a, b)), form, timeout=0.6).deployment == "b"


def linger(connection: socket.socket) -> None:
    """Make closing a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.mark.parametrize("form", FORMS)
def test_t4_a_reset_on_arrival_is_retried_on_the_same(form: str) -> None:
    with FakeProvider() as a:
        a.script("reset")
        response = call(Router(config(a)), form)
        assert attempts(response) == [("a", "connection"), ("a", None)]
