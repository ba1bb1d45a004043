"""One fake provider: a dialect, a script, a record of what came, and a real server under them."""

from __future__ import annotations

import asyncio
import random
import threading
from collections import deque
from typing import TYPE_CHECKING, Any

from .dialects import DIALECTS, Dialect
from .http import MAX_BODY, MAX_CONNECTIONS, Connection, Server
from .play import pause, play
from .reply import ReplyLike, reply_of
from .request import Request
from .respond import HEALTHY, Call, Manner, choose, respond
from .script import Script, Step, StepLike
from .vectors import DIMENSIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

    from typing_extensions import Self

KEPT = 100_000  # Requests remembered; a load test must not fill the memory.


class FakeProvider:
    """A provider that is a real HTTP server on loopback, answering as scripted.

    Args:
        dialect: `openai`, `anthropic`, `gemini` or `ollama`.
        reply: The text of every healthy answer, or a callable that gets the `Request` and returns a string, a
            `Reply`, a mapping of `Reply`'s fields, a `Step` or a status. Without it: JSON that fits the schema if one
            is asked for, a call if a tool must be called, else the same sixty words.
        provider: The provider's name in `deployment()`; the dialect's if None (`"groq"`, `"openai-compatible"` …).
        model: The model's name in `deployment()` and in the list of models; every model asked for is served.
        latency: Seconds before the headers of a healthy answer.
        interval: Seconds for each token; an answer that is not streamed takes as long as its stream.
        tokens_per_second: The same the other way round.
        jitter: By what share the interval varies, at random from `seed`.
        seed: Makes the jitter repeatable.
        api_key: The key to insist on; None takes any.
        dimensions: Of embeddings, where the request does not say.
        port: 0 for a free one.
        max_body: Bytes of the largest request taken.
        max_connections: More are reset.

    Example:
        >>> with FakeProvider("openai", "Hello") as provider:
        ...     _ = provider.script(429, "reset")
        ...     provider.base_url.endswith("/v1")
        True
    """

    def __init__(
        self,
        dialect: str = "openai",
        reply: ReplyLike = None,
        *,
        provider: str | None = None,
        model: str = "fake",
        latency: float = 0.0,
        interval: float = 0.0,
        tokens_per_second: float | None = None,
        jitter: float = 0.0,
        seed: int = 0,
        api_key: str | None = None,
        dimensions: int = DIMENSIONS,
        port: int = 0,
        max_body: int = MAX_BODY,
        max_connections: int = MAX_CONNECTIONS,
    ) -> None:
        """Describe the provider; `start` opens the port."""
        if dialect not in DIALECTS:
            msg = f"unknown dialect `{dialect}`: one of {', '.join(DIALECTS)}"
            raise ValueError(msg)
        self.dialect, self.provider, self.model = dialect, provider or dialect, model
        if reply is not None and not callable(reply):
            reply = reply_of(reply)
        self.reply: ReplyLike = reply
        self.latency, self.interval, self.jitter = (
            latency,
            1 / tokens_per_second if tokens_per_second else interval,
            jitter,
        )
        self.api_key, self.dimensions = api_key, dimensions
        self._listen: dict[str, int] = {"port": port, "max_body": max_body, "max_connections": max_connections}
        self._random = random.Random(seed)
        self._script = Script()
        self._server: Server | None = None
        self._changed = threading.Condition()
        self._requests: deque[Request] = deque(maxlen=KEPT)
        self._count = self._in_flight = self._peak = 0
        self._errors: list[str] = []
        self._background: set[asyncio.Task[None]] = set()

    # Life.

    def start(self) -> Self:
        """Open the port and start to answer, in a thread of its own; returns the provider. Starting twice is once."""
        if self._server is None:
            self._server = Server(self, **self._listen)
            self._server.start()
            self._settle()
        return self

    def stop(self) -> None:
        """Reset all connections, close the port and end the thread. Stopping twice is once."""
        server, self._server = self._server, None
        if server is not None:
            server.stop()
            self._errors += server.errors

    def __enter__(self) -> Self:
        """Start."""
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self.stop()

    async def __aenter__(self) -> Self:
        """Start; it takes a few milliseconds."""
        return self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self.stop()

    def __repr__(self) -> str:
        """Show what it is and where."""
        return f"FakeProvider({self.dialect!r}, {self.origin if self._server else 'stopped'})"

    # Where it is.

    @property
    def running(self) -> bool:
        """Whether it answers."""
        return self._server is not None

    @property
    def port(self) -> int:
        """The port."""
        if self._server is None:
            msg = f"the fake provider `{self.provider}` is not started: use it in a `with`, or call `start()`"
            raise RuntimeError(msg)
        return int(self._server.port)

    @property
    def origin(self) -> str:
        """The address without a path."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def base_url(self) -> str:
        """What the provider's own SDK takes as its base URL."""
        return self.origin + DIALECTS[self.dialect].base_path

    def deployment(self, name: str | None = None, **extra: Any) -> dict[str, Any]:
        """Return a deployment mapping for a configuration.

        Args:
            name: The deployment's name, for a list of deployments; in a table the key says it.
            **extra: Any further keys of a deployment: `tags`, `price`, `limits` …

        Example:
            >>> with FakeProvider("anthropic", model="claude-haiku-4-5") as provider:
            ...     provider.deployment(tags=["eu"])["model"]
            'anthropic/claude-haiku-4-5'
        """
        named = {} if name is None else {"name": name}
        return {
            **named,
            "model": f"{self.provider}/{self.model}",
            "base_url": self.base_url,
            "api_key": self.api_key or "test",
            **extra,
        }

    # What it does.

    def script(self, *steps: StepLike | Iterable[StepLike], forever: bool = False) -> Self:
        """Say what happens with the next requests, one step each; afterwards the provider is healthy.

        Only chat and embedding requests use steps up. The new script replaces the old one.

        Args:
            *steps: Statuses, names or `Step`s, or lists of them.
            forever: The last step stands for all further requests.

        Returns:
            The provider.

        Example:
            >>> provider = FakeProvider().script([429, "reset", 200]).script(503, forever=True)
        """
        flat = [s for step in steps for s in ([step] if isinstance(step, (Step, int, str)) else step)]
        self._script = Script(flat, forever=forever)
        self._settle()
        return self

    def reset(self) -> None:
        """Forget requests, errors and script."""
        with self._changed:
            self._requests.clear()
            self._errors.clear()
            self._count, self._peak = 0, self._in_flight
        self.script()

    # What it saw.

    @property
    def requests(self) -> list[Request]:
        """The requests so far, in the order in which they came."""
        with self._changed:
            return list(self._requests)

    @property
    def last(self) -> Request:
        """The latest request."""
        return self.requests[-1]

    @property
    def count(self) -> int:
        """How many requests came, those no longer remembered included."""
        return self._count

    @property
    def in_flight(self) -> int:
        """How many requests are being answered."""
        return self._in_flight

    @property
    def peak(self) -> int:
        """The most requests that were answered at once."""
        return self._peak

    @property
    def connections(self) -> int:
        """How many connections were accepted."""
        return self._server.accepted if self._server else 0

    @property
    def open_connections(self) -> int:
        """How many connections are open."""
        return len(self._server.connections) if self._server else 0

    @property
    def errors(self) -> list[str]:
        """What went wrong in the fake itself: an exception in `reply` or `when`, say. Empty in a sound test."""
        return [*self._errors, *(self._server.errors if self._server else ())]

    def wait_for(self, count: int = 1, timeout: float = 5.0) -> list[Request]:
        """Wait until so many requests have come, and return them.

        Raises:
            TimeoutError: They have not come in time.
        """
        self._wait(lambda: self._count >= count, timeout, f"{count} requests")
        return self.requests

    def wait_idle(self, timeout: float = 5.0) -> list[Request]:
        """Wait until no request is being answered, so that `closed_early` is final, and return the requests.

        Raises:
            TimeoutError: One is still open.
        """
        self._wait(lambda: self._in_flight == 0, timeout, "all requests to end")
        return self.requests

    def _wait(self, done: Callable[[], bool], timeout: float, what: str) -> None:
        with self._changed:
            if not self._changed.wait_for(done, timeout):
                msg = (
                    f"`{self.provider}` waited {timeout:g} s for {what}: {self._count} came, {self._in_flight} are open"
                )
                raise TimeoutError(msg)

    # What the server calls.

    def connected(self, connection: Connection) -> None:
        """Reset a new connection if that is the next step."""
        step = self._script.current()
        if step is not None and step.what == "reset" and step.when is None and step.delay == 0:
            request = Request(connection=connection.number, step=self._script.take())
            connection.request = request
            self._note(request)
            connection.reset()
            self._follow()

    def handle(self, connection: Connection, request: Request) -> None:
        """Answer a request as the script says."""
        call = Call(request, self._spoken(request), self._note(request))
        try:
            call.asked = call.dialect.read(request)
            self._take(call)
            self._follow()
            self._act(connection, call)
        except Exception as error:  # noqa: BLE001
            call.step = Step("invalid_request", message=f"cannot read this request: {type(error).__name__}: {error}")
            self._act(connection, call)

    def ended(self, request: Request) -> None:
        """Count a request out."""
        _ = request
        with self._changed:
            self._in_flight -= 1
            self._changed.notify_all()

    # How it does it.

    def _spoken(self, request: Request) -> Dialect:
        compatible = self.dialect == "ollama" and request.path.startswith("/v1/")
        return DIALECTS["openai" if compatible else self.dialect]

    def _note(self, request: Request) -> int:
        with self._changed:
            self._requests.append(request)
            self._count += 1
            self._in_flight += 1
            self._peak = max(self._peak, self._in_flight)
            self._changed.notify_all()
            return self._count

    def _take(self, call: Call) -> None:
        """Set the call's step, out of the script or out of `reply`."""
        request = call.request
        if self.api_key is not None and call.dialect.key(request) != self.api_key:
            call.step = Step("auth")
        elif request.operation in ("chat", "embed"):
            try:
                request.step = self._script.take(request)
                call.step = request.step or HEALTHY
                choose(call, self.reply)
            except Exception as error:  # noqa: BLE001
                self._errors.append(f"{type(error).__name__}: {error}")
                call.step = Step(500, message=f"the fake's callable raised {type(error).__name__}: {error}")

    def _manner(self) -> Manner:
        def vary(interval: float) -> float:
            return interval * (1 + self.jitter * self._random.uniform(-1, 1)) if self.jitter else interval

        return Manner(self.reply, self.model, self.latency, self.interval, self.dimensions, vary)

    def _act(self, connection: Connection, call: Call) -> None:
        if call.step.what in ("reset", "reset_after_request", "hang", "close", "refuse"):
            self._break(connection, call.step)
        else:
            play(connection, call.request, respond(call, self._manner()), call.step)

    def _break(self, connection: Connection, step: Step) -> None:
        """End a connection without an answer, or leave it without one."""
        end = connection.close if step.what in ("close", "hang") else connection.reset
        wait = step.delay or (float("inf") if step.what == "hang" else 0.0)
        if wait == 0:
            end()
            return

        async def later() -> None:
            await pause(wait)
            connection.work = None
            end()

        connection.work = asyncio.get_running_loop().create_task(later())

    # Refusing connections is a state of the port, so it follows the script ahead of any request.

    def _settle(self) -> None:
        """Bring the port into the state that the script wants, before returning."""
        server, settled = self._server, threading.Event()
        if server is None:
            return
        if server.inside:
            self._follow()
            return

        def begin() -> None:
            task = self._follow()
            if task is None:
                settled.set()
            else:
                task.add_done_callback(lambda _: settled.set())

        server.call(begin)
        settled.wait(5.0)

    def _follow(self) -> asyncio.Task[None] | None:
        """Bring the port into the state that the script wants: refusing at once, open by the task returned."""
        server, step = self._server, self._script.current()
        if server is None:
            return None
        if step is not None and step.what == "refuse":
            server.refuse()
            left = self._script.begin()
            if left is not None:
                asyncio.get_running_loop().call_later(left + 0.001, self._follow)
            return None
        if not server.down:
            return None
        task = asyncio.get_running_loop().create_task(server.accept())
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task
