"""Record a real provider's answers once, play them back for ever: a proxy on loopback in front of a base URL.

It sits on the wire, so it works for any client, the one in Rust too. Keys are not recorded: of a request only method,
URL and body are kept, and whatever looks like a key, or was sent as one, is blanked out in both bodies.
"""

from __future__ import annotations

import base64
import difflib
import json
import os
import re
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from .http import LAST_CHUNK, Connection, Server, chunk, head

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import TracebackType

    from typing_extensions import Self

    from .request import Request

MODES = ("none", "once", "all")
BLANK = "***"
VERSION = 1  # Of the files; it rises when a key changes its meaning.
UPSTREAM_TIMEOUT = 120.0  # Seconds without a byte from the provider.
SHORTEST_KEY = 16  # What was sent as a key and is shorter is a word such as `test`, which may stand in any text.
SHOWN = 20  # Lines of a difference in a message.

_KEY_HEADERS = ("authorization", "x-api-key", "api-key", "x-goog-api-key", "cookie", "x-amz-security-token")
_KEY_PARAMETERS = frozenset({"key", "api_key", "api-key", "access_token", "token"})
_KEY_SHAPES = re.compile(
    r"\b(?:sk|pk|gsk|xai|hf|r8|pplx|csk|fw|nvapi|ghp|github_pat|tgp)[-_][A-Za-z0-9_\-*]{12,}|\bAIza[A-Za-z0-9_\-]{30,}"
    r"|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bBearer [A-Za-z0-9._\-]{16,}"
)
_NOT_FORWARDED = frozenset({"host", "connection", "content-length", "transfer-encoding", "accept-encoding", "expect"})
_KEPT_HEADERS = re.compile(r"content-type|retry-after(-ms)?|(x-)?request-id|(x|anthropic)-ratelimit-.*")


class Replay:
    """Recordings of one test, and the proxies that make them or play them back.

    Args:
        path: The file of the recordings.
        record: `none` only plays back; `once` records if there is no file yet; `all` records anew.

    Attributes:
        misses: What was asked for and is not recorded, in words.
        errors: What went wrong between the proxy and the provider while recording.

    Example:
        >>> import tempfile
        >>> from waypost import Router
        >>> from waypost.testing import FakeProvider
        >>> path = Path(tempfile.mkdtemp(), "weather.json")
        >>> with FakeProvider(reply="Rain.") as real, Replay(path, "once") as replay:
        ...     deployment = real.deployment()
        ...     _ = Router(replay.config([deployment])).chat("Weather?")
        >>> with Replay(path) as replay:  # The provider is gone.
        ...     Router(replay.config([deployment])).chat("Weather?").text
        'Rain.'
    """

    def __init__(self, path: str | os.PathLike[str], record: str = "none") -> None:
        """Read the recordings, if they are to be played back."""
        if record not in MODES:
            msg = f"unknown mode `{record}`: one of {', '.join(MODES)}"
            raise ValueError(msg)
        self.path = Path(path)
        self.recording = record == "all" or (record == "once" and not self.path.exists())
        self.misses: list[str] = []
        self.errors: list[str] = []
        self._exchanges = [] if self.recording else _load(self.path)
        self._played: dict[str, int] = {}
        self._keys: set[str] = set()
        self._fronts: dict[str, _Front] = {}
        self._lock = threading.Lock()

    def front(self, base_url: str) -> str:
        """Return the base URL to use instead of a provider's own one; a proxy listens there until `stop`."""
        base_url = base_url.rstrip("/")
        if base_url not in self._fronts:
            self._fronts[base_url] = _Front(self, base_url)
        return self._fronts[base_url].base_url

    __call__ = front

    def config(self, config: Mapping[str, Any] | Iterable[str | Mapping[str, Any]]) -> Any:
        """Return a router's configuration with a proxy in front of every deployment; played back, no key is needed.

        Args:
            config: A list of deployments, or a whole configuration mapping.
        """
        if not hasattr(config, "items"):
            return [self._deployment(deployment) for deployment in config]
        whole: dict[str, Any] = dict(config)  # type: ignore[arg-type]
        given = whole.get("deployments", {})
        fronted = (
            {name: self._deployment(deployment) for name, deployment in given.items()}
            if hasattr(given, "items")
            else [self._deployment(deployment) for deployment in given]
        )
        return {**whole, "deployments": fronted}

    def _deployment(self, given: str | Mapping[str, Any]) -> dict[str, Any]:
        deployment = {"name": given, "model": given} if isinstance(given, str) else dict(given)
        base_url = deployment.get("base_url") or _usual_base_url(str(deployment["model"]))
        deployment["base_url"] = self.front(base_url)
        if not self.recording and deployment.get("api_key") != "":
            deployment["api_key"] = "replayed"
        return deployment

    def stop(self) -> None:
        """Close the proxies, and write what was recorded. Stopping twice is once."""
        for front in self._fronts.values():
            front.stop()
        if self.recording and self._exchanges:
            _save(self.path, self._exchanges)
            self.recording = False

    def __enter__(self) -> Self:
        """Return the recordings."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self.stop()

    # What the proxies call.

    def asked(self, request: Request, origin: str) -> dict[str, Any]:
        """Return what is kept of a request, without keys."""
        with self._lock:
            self._keys |= _keys(request)
        pairs = [(k, v) for k, v in parse_qsl(request.query_string, keep_blank_values=True) if k not in _KEY_PARAMETERS]
        url = origin + request.path + (f"?{urlencode(sorted(pairs))}" if pairs else "")
        body = request.body if request.body is not None else _text(request.raw)
        return self.scrubbed({"method": request.method, "url": url, "body": body})

    def scrubbed(self, value: dict[str, Any]) -> dict[str, Any]:
        """Return data with every key blanked out."""
        text = json.dumps(value, ensure_ascii=False)
        for key in sorted(self._keys, key=len, reverse=True):
            text = text.replace(key, BLANK)
        return json.loads(_KEY_SHAPES.sub(BLANK, text))  # type: ignore[no-any-return]

    def played(self, asked: dict[str, Any]) -> dict[str, Any] | None:
        """Return the recorded response: the first time the first one, and so on; the last one stays."""
        with self._lock:
            found = [exchange["response"] for exchange in self._exchanges if exchange["request"] == asked]
            if not found:
                self.misses.append(self._miss(asked))
                return None
            key = json.dumps(asked, sort_keys=True)
            turn = self._played.get(key, 0)
            self._played[key] = turn + 1
            return found[min(turn, len(found) - 1)]  # type: ignore[no-any-return]

    def keep(self, asked: dict[str, Any], response: dict[str, Any]) -> None:
        """Record an exchange."""
        with self._lock:
            self._exchanges.append({"request": asked, "response": self.scrubbed(response)})

    def _miss(self, asked: dict[str, Any]) -> str:
        what = f"there is no recording of {asked['method']} {asked['url']} in {self.path}"
        if not self._exchanges:
            return f"{what}; run pytest with --waypost-record=once to make it"
        others = [_lines(exchange["request"]) for exchange in self._exchanges]
        nearest = max(others, key=lambda other: difflib.SequenceMatcher(None, other, _lines(asked)).ratio())
        difference = list(difflib.unified_diff(nearest, _lines(asked), "recorded", "asked", lineterm="", n=1))[:SHOWN]
        return "\n".join([f"{what}; --waypost-record=all records anew. The nearest one differs:", *difference])


class _Front:
    """The proxy in front of one base URL."""

    def __init__(self, replay: Replay, base_url: str) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            msg = f"`{base_url}` is no base URL: https://…"
            raise ValueError(msg)
        self.replay, self.origin, self._parts = replay, f"{parts.scheme}://{parts.netloc}", parts
        self._server = Server(self)
        self._server.start()
        self.base_url = f"http://127.0.0.1:{self._server.port}{parts.path}"

    def stop(self) -> None:
        self._server.stop()

    def connected(self, connection: Connection) -> None:
        """Take any connection."""

    def ended(self, request: Request) -> None:
        """Count nothing."""

    def handle(self, connection: Connection, request: Request) -> None:
        """Play back, or ask the provider."""
        asked = self.replay.asked(request, self.origin)
        if self.replay.recording:
            threading.Thread(target=self._forward, args=(connection, request, asked), daemon=True).start()
            return
        response = self.replay.played(asked)
        if response is None:
            error = {"message": "waypost: this request is not recorded", "type": "not_recorded", "code": "not_recorded"}
            body = json.dumps({"error": error}).encode()
            connection.send(head(400, {"content-type": "application/json", "content-length": str(len(body))}) + body)
        else:
            body = _bytes(response["body"])
            headers = {**response["headers"], "transfer-encoding": "chunked"}
            connection.send(head(response["status"], headers) + chunk(body) + LAST_CHUNK)
        connection.finish()

    def _forward(self, connection: Connection, request: Request, asked: dict[str, Any]) -> None:
        """Pass a request on and its answer back, piece by piece; in a thread of its own."""
        try:
            self._passed(connection, request, asked)
        except Exception as error:  # noqa: BLE001
            self.replay.errors.append(f"{asked['method']} {asked['url']}: {type(error).__name__}: {error}")
            self._server.call(connection.reset)

    def _passed(self, connection: Connection, request: Request, asked: dict[str, Any]) -> None:
        from http.client import HTTPConnection, HTTPSConnection

        kind = HTTPSConnection if self._parts.scheme == "https" else HTTPConnection
        upstream = kind(self._parts.netloc, timeout=UPSTREAM_TIMEOUT)
        try:
            headers = {k: v for k, v in request.headers.items() if k not in _NOT_FORWARDED}
            target = request.path + (f"?{request.query_string}" if request.query_string else "")
            upstream.request(request.method, target, request.raw or None, {**headers, "accept-encoding": "identity"})
            answer = upstream.getresponse()
            kept = {k.lower(): v for k, v in answer.getheaders() if _KEPT_HEADERS.fullmatch(k.lower())}
            self._send(connection, head(answer.status, {**kept, "transfer-encoding": "chunked"}))
            pieces: list[bytes] = []
            while piece := answer.read1(65536):
                pieces.append(piece)
                self._send(connection, chunk(piece))
            # Kept before the client has the end of it: a test that ends with it finds it recorded.
            response = {"status": answer.status, "headers": kept, "body": _body(b"".join(pieces), kept)}
            self.replay.keep(asked, response)
            self._send(connection, LAST_CHUNK)
            self._server.call(connection.finish)
        finally:
            upstream.close()

    def _send(self, connection: Connection, data: bytes) -> None:
        self._server.call(lambda: connection.send(data))


def _keys(request: Request) -> set[str]:
    values = [request.headers.get(name, "") for name in _KEY_HEADERS]
    values += [value for name, value in parse_qsl(request.query_string) if name in _KEY_PARAMETERS]
    return {key for value in values if len(key := value.removeprefix("Bearer ").strip()) >= SHORTEST_KEY}


def _usual_base_url(model: str) -> str:
    from .. import _waypost

    provider = model.partition("/")[0]
    usual = {row["id"]: row["base_url"] for row in _waypost.providers()}.get(provider)
    if not usual:
        msg = f"`{model}`: the provider `{provider}` has no usual base URL; give the deployment a `base_url`"
        raise ValueError(msg)
    return str(usual)


def _text(raw: bytes) -> Any:
    if not raw:
        return None
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(raw).decode()}


def _body(raw: bytes, headers: Mapping[str, str]) -> Any:
    """Return a body as it is kept: JSON as JSON, text as its lines, so that a difference can be read."""
    if "json" in headers.get("content-type", ""):
        try:
            return {"json": json.loads(raw)}
        except ValueError:
            pass
    text = _text(raw)
    return {"lines": text.splitlines(keepends=True)} if isinstance(text, str) else text


def _bytes(body: Any) -> bytes:
    if body is None:
        return b""
    if "json" in body:
        return json.dumps(body["json"], ensure_ascii=False).encode()
    return base64.b64decode(body["base64"]) if "base64" in body else "".join(body["lines"]).encode()


def _lines(asked: Mapping[str, Any]) -> list[str]:
    return json.dumps(asked, indent=1, ensure_ascii=False, sort_keys=True).splitlines()


def _load(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    held = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(held, dict) or held.get("version") != VERSION:
        msg = f"`{path}` holds no recordings of version {VERSION}; record anew with --waypost-record=all"
        raise ValueError(msg)
    return list(held["exchanges"])


def _save(path: Path, exchanges: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    held = {"version": VERSION, "exchanges": exchanges}
    temporary.write_text(json.dumps(held, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    temporary.replace(path)
