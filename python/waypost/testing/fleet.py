"""Several fake providers under their names, each started when it is first used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .dialects import DIALECTS
from .provider import FakeProvider

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType

    from typing_extensions import Self

    from .request import Request
    from .script import StepLike


class FakeFleet:
    """Fake providers by name, in order of priority.

    Args:
        *names: Names out of the four dialects; all four if none is given.
        **options: `FakeProvider`'s options, for all of them.

    Example:
        >>> with FakeFleet("openai", "anthropic") as fleet:
        ...     _ = fleet.script("openai", [429, "reset", 200])
        ...     list(fleet.config()["deployments"])
        ['openai', 'anthropic']
    """

    def __init__(self, *names: str, **options: Any) -> None:
        """Describe them; a provider starts when it is first asked for."""
        self._providers = {name: FakeProvider(name, **options) for name in names or DIALECTS}

    def add(self, name: str, provider: FakeProvider) -> FakeProvider:
        """Add a provider under a name of its own, last in priority, and return it.

        Example:
            >>> fleet = FakeFleet("openai")
            >>> _ = fleet.add("backup", FakeProvider("openai", "From the backup", model="fake-large"))
        """
        if name in self._providers:
            msg = f"there is a fake provider `{name}` already"
            raise ValueError(msg)
        self._providers[name] = provider
        return provider

    def __getitem__(self, name: str) -> FakeProvider:
        """Return a provider, started."""
        if name not in self._providers:
            msg = f"unknown fake provider `{name}`: there are {', '.join(self._providers)}; `add` makes others"
            raise KeyError(msg)
        return self._providers[name].start()

    def __iter__(self) -> Iterator[str]:
        """Go through the names, in order of priority."""
        return iter(self._providers)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._providers)

    def script(self, name: str, *steps: StepLike | Iterable[StepLike], forever: bool = False) -> FakeProvider:
        """Say what one provider does with its next requests; see `FakeProvider.script`."""
        return self[name].script(*steps, forever=forever)

    @property
    def requests(self) -> list[Request]:
        """The requests of all, in the order in which they came."""
        return sorted((r for p in self._providers.values() for r in p.requests), key=lambda request: request.started)

    @property
    def errors(self) -> list[str]:
        """What went wrong in the fakes themselves; empty in a sound test."""
        return [error for p in self._providers.values() for error in p.errors]

    def config(
        self,
        *names: str,
        fallback: Iterable[str] = (),
        strategy: str = "priority",
        **top: Any,
    ) -> dict[str, Any]:
        """Return a whole configuration: a deployment for each provider, named like it, and the route `auto` over them.

        Args:
            *names: Which providers, in order of priority; all but the fallbacks if none is given.
            fallback: Those that are second choice.
            strategy: The route's strategy.
            **top: Further top-level sections: `resilience`, `rules`, `budgets` …

        Example:
            >>> with FakeFleet() as fleet:
            ...     fleet.config("openai", fallback=["ollama"])["routes"]["auto"]
            {'candidates': ['openai'], 'strategy': 'priority', 'fallback': ['ollama']}
        """
        second = list(fallback)
        first = list(names) or [name for name in self if name not in second]
        auto = {"candidates": first, "strategy": strategy, **({"fallback": second} if second else {})}
        routes = {"auto": auto, **top.pop("routes", {})}
        return {"deployments": {name: self[name].deployment() for name in [*first, *second]}, "routes": routes, **top}

    def reset(self) -> None:
        """Forget all requests and scripts."""
        for provider in self._providers.values():
            provider.reset()

    def stop(self) -> None:
        """Stop all that were started."""
        for provider in self._providers.values():
            provider.stop()

    def __enter__(self) -> Self:
        """Return the fleet; nothing starts yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop all."""
        self.stop()

    async def __aenter__(self) -> Self:
        """Return the fleet; nothing starts yet."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop all."""
        self.stop()
