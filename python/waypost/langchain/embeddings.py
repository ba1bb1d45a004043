"""Embeddings."""

from __future__ import annotations

from typing import Any

from langchain_core.embeddings import Embeddings
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, SecretStr, model_validator
from typing_extensions import Self

from ..router import Router  # noqa: TC001 - pydantic reads it
from .connect import key_in_environment, router_of
from .errors import raising


class WaypostEmbeddings(BaseModel, Embeddings):
    """Embeddings that route and fail over.

    Vectors of different models cannot be compared: let a route for embeddings have deployments of one model only.

    Args:
        router: The router that answers.
        config: Instead of it a configuration: a path, a mapping or a list. With neither, ``model`` names one
            deployment.
        model: A route, a deployment, or ``"provider/model"``.
        api_key: The key of the one deployment; by default from the provider's usual variable.
        base_url: The address of the one deployment.
        max_retries: Retries of the one deployment.
        dimensions: Length of the vectors, where the model can shorten them.
        timeout: Seconds a call may take.
        chunk_size: Texts in one request.
        tags: Labels that rules read.
        metadata: Facts that rules read.

    Example:
        >>> from waypost.testing import FakeProvider
        >>> with FakeProvider(dimensions=8) as fake:
        ...     embeddings = WaypostEmbeddings(
        ...         model="openai/text-embedding-3-small", base_url=fake.base_url, api_key="test"
        ...     )
        ...     len(embeddings.embed_query("Why is the sky blue?"))
        8
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, protected_namespaces=(), extra="forbid")

    router: Any = Field(default=None, exclude=True, repr=False)
    config: Any = Field(default=None, exclude=True, repr=False)
    model: str = "auto"
    api_key: SecretStr | None = None
    base_url: str | None = None
    max_retries: int | None = None
    dimensions: int | None = None
    timeout: float | None = None
    chunk_size: int = Field(default=256, gt=0)
    tags: list[str] = Field(default_factory=list)
    metadata: dict[str, Any] = Field(default_factory=dict)

    _router: Router = PrivateAttr()

    @model_validator(mode="after")
    def _begin(self) -> Self:
        self._connect()
        return self

    def _connect(self) -> None:
        """Build the router; a mistake in the configuration is said now."""
        one = self.router is None and self.config is None and "/" in self.model
        if one and self.api_key is None and (found := key_in_environment(self.model)):
            self.api_key = SecretStr(found)
        self._router = router_of(
            router=self.router,
            config=self.config,
            model=self.model,
            api_key=self.api_key.get_secret_value() if self.api_key is not None else None,
            base_url=self.base_url,
            max_retries=self.max_retries,
        )

    def __getstate__(self) -> dict[Any, Any]:
        """Leave the router behind: where the model arrives, it is built anew from the configuration."""
        state = super().__getstate__()
        private = state["__pydantic_private__"] or {}
        return {**state, "__pydantic_private__": {key: private[key] for key in private if key != "_router"}}

    def __setstate__(self, state: dict[Any, Any]) -> None:
        """Build the router."""
        super().__setstate__(state)
        self._connect()

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return one vector a text, in their order."""
        vectors: list[list[float]] = []
        with raising():
            for some in self._chunks(texts):
                vectors += self._router.embed(some, **self._options()).embeddings
        return vectors

    def embed_query(self, text: str) -> list[float]:
        """Return the vector of one text."""
        return self.embed_documents([text])[0]

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        """Async form of `embed_documents`."""
        vectors: list[list[float]] = []
        with raising():
            for some in self._chunks(texts):
                vectors += (await self._router.aembed(some, **self._options())).embeddings
        return vectors

    async def aembed_query(self, text: str) -> list[float]:
        """Async form of `embed_query`."""
        return (await self.aembed_documents([text]))[0]

    def _chunks(self, texts: list[str]) -> list[list[str]]:
        return [texts[at : at + self.chunk_size] for at in range(0, len(texts), self.chunk_size)]

    def _options(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "dimensions": self.dimensions,
            "timeout": self.timeout,
            "tags": self.tags,
            "metadata": self.metadata or None,
        }
