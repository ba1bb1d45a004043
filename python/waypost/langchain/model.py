"""The chat model's parameters: how it gets its router, and how LangChain knows, saves and traces it."""

from __future__ import annotations

import contextlib
import json
import warnings
from typing import TYPE_CHECKING, Any, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.load.load import ALL_SERIALIZABLE_MAPPINGS
from pydantic import ConfigDict, Field, PrivateAttr, SecretStr, model_validator

from .. import _waypost
from .._public import without_secrets
from ..errors import WaypostError
from ..router import Router  # noqa: TC001 - pydantic reads it
from .answers import PROVIDER
from .connect import fingerprint, key_in_environment, key_variable, router_of
from .profiles import profile_of

if TYPE_CHECKING:
    from langchain_core.language_models.base import LangSmithParams
    from typing_extensions import Self

_PATH = ("waypost", "langchain", "ChatWaypost")
# LangChain's own `load(…, allowed_objects="all", valid_namespaces=["waypost"])` takes this class too;
# a list of classes would name it.
ALL_SERIALIZABLE_MAPPINGS.setdefault(_PATH, _PATH)

PARAMETERS = (
    "temperature", "top_p", "max_tokens", "timeout", "seed", "n", "logprobs", "top_logprobs", "presence_penalty",
    "frequency_penalty", "reasoning_effort", "user", "session", "max_cost",
)  # fmt: skip
OTHER_NAMES = {
    "model_name": "model",
    "request_timeout": "timeout",
    "stop_sequences": "stop",
    "max_completion_tokens": "max_tokens",
}


class ConnectedModel(BaseChatModel):
    """A chat model with a router; `ChatWaypost` says what its fields are."""

    model_config = ConfigDict(arbitrary_types_allowed=True, protected_namespaces=())

    router: Any = Field(default=None, exclude=True, repr=False)
    config: Any = Field(default=None, repr=False)
    model: str = "auto"
    api_key: SecretStr | None = None
    base_url: str | None = None
    max_retries: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    timeout: float | None = None
    stop: list[str] | str | None = None
    seed: int | None = None
    n: int | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    reasoning_effort: str | None = None
    user: str | None = None
    session: str | None = None
    max_cost: float | None = None
    extra_body: dict[str, Any] | None = None
    streaming: bool = False
    include_decision: bool = False

    _router: Router = PrivateAttr()
    _others: dict[str, Router] = PrivateAttr(default_factory=dict)

    # How it begins.

    @model_validator(mode="before")
    @classmethod
    def _read(cls, values: Any) -> Any:
        """Take other names of parameters, and unknown ones into the provider's body."""
        if not isinstance(values, dict):
            return values
        values = {OTHER_NAMES.get(key, key): value for key, value in values.items()}
        unknown = {key: values.pop(key) for key in [*values] if key not in cls.model_fields}
        if unknown:
            said = (
                f"{', '.join(sorted(unknown))}: no parameter of ChatWaypost, sent in the provider's body (extra_body)"
            )
            warnings.warn(said, stacklevel=4)
            values["extra_body"] = {**unknown, **(values.get("extra_body") or {})}
        return values

    @model_validator(mode="after")
    def _connect(self) -> Self:
        """Build the router; a mistake in the configuration is said now."""
        if self._is_one and self.api_key is None and (found := key_in_environment(self.model)):
            object.__setattr__(self, "api_key", SecretStr(found))
        self._router = self._built(self.model)
        if hasattr(self, "_add_version"):
            self._add_version("waypost", _waypost.__version__)
        if getattr(self, "profile", False) is None:
            with contextlib.suppress(WaypostError):
                self.profile = cast("Any", profile_of(self._router, self.model))
        return self

    @property
    def _is_one(self) -> bool:
        """Whether the arguments describe one deployment."""
        return self.router is None and self.config is None and "/" in self.model

    def _built(self, model: str) -> Router:
        return router_of(
            router=self.router,
            config=self.config,
            model=model,
            api_key=self.api_key.get_secret_value() if self.api_key is not None else None,
            base_url=self.base_url,
            max_retries=self.max_retries,
        )

    def _router_for(self, model: str) -> tuple[Router, str]:
        """Return the router for a model; the one deployment has brothers of the same provider, made when asked for."""
        if model == self.model or not self._is_one:
            return self._router, model
        name = model if "/" in model else f"{self.model.partition('/')[0]}/{model}"
        if name not in self._others:
            same = name.partition("/")[0] == self.model.partition("/")[0]
            self._others[name] = self._built(name) if same else router_of(model=name, max_retries=self.max_retries)
        return self._others[name], name

    def __getstate__(self) -> dict[Any, Any]:
        """Leave the router behind: where the model arrives, it is built anew from the configuration."""
        state = super().__getstate__()
        private = state["__pydantic_private__"] or {}
        return {
            **state,
            "__pydantic_private__": {key: private[key] for key in private if key not in ("_router", "_others")},
        }

    def __setstate__(self, state: dict[Any, Any]) -> None:
        """Build the router."""
        super().__setstate__(state)
        self._others = {}
        self._router = self._built(self.model)

    # What it is.

    @property
    def _llm_type(self) -> str:
        return "waypost-chat"

    @property
    def model_name(self) -> str:
        """The same as ``model``."""
        return self.model

    @property
    def _identifying_params(self) -> dict[str, Any]:
        names = ("model", *PARAMETERS, "stop", "max_retries", "extra_body")
        said = {name: getattr(self, name) for name in names}
        return {name: value for name, value in said.items() if value is not None}

    @classmethod
    def is_lc_serializable(cls) -> bool:
        """Whether LangChain can save it: yes, without its keys."""
        return True

    @classmethod
    def get_lc_namespace(cls) -> list[str]:
        """Where LangChain finds the class."""
        return [*_PATH[:-1]]

    @property
    def lc_secrets(self) -> dict[str, str]:
        """The key, by the variable that it is read from when the model is loaded again."""
        return {"api_key": key_variable(self.model) or "WAYPOST_API_KEY"} if self.api_key is not None else {}

    def to_json(self) -> Any:
        """Return what LangChain saves: no keys, and nothing that is not set."""
        made: dict[str, Any] = dict(super().to_json())
        given = made.get("kwargs") or {}
        return {**made, "kwargs": {name: value for name, value in given.items() if value is not None}}

    @property
    def lc_attributes(self) -> dict[str, Any]:
        """The configuration, without the keys that are written in it; a live router is saved as its own."""
        config = self.config if self.router is None else getattr(self.router, "_config", None)
        return {} if config is None else {"config": without_secrets(config)}

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        wanted = kwargs.get("route") or kwargs.get("model") or self.model
        params: dict[str, Any] = {"ls_provider": PROVIDER, "ls_model_name": wanted, "ls_model_type": "chat"}
        stops = stop or kwargs.get("stop") or self.stop
        more = {
            "ls_temperature": kwargs.get("temperature", self.temperature),
            "ls_max_tokens": kwargs.get("max_tokens", self.max_tokens),
            "ls_stop": [stops] if isinstance(stops, str) else stops or None,
        }
        params.update({name: value for name, value in more.items() if value is not None})
        return params  # type: ignore[return-value]

    def _get_llm_string(self, stop: list[str] | None = None, **kwargs: Any) -> str:
        """Return the cache's key: the parameters, the call's own, and how the router routes."""
        said = {**self._identifying_params, **kwargs, "stop": stop or self.stop}
        routing = [fingerprint(self._router), self._llm_type, getattr(self, "output_version", None)]
        return json.dumps([said, routing], sort_keys=True, default=repr)
