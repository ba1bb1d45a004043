"""From what a constructor is given to a router: a live one, a configuration, or one deployment."""

from __future__ import annotations

import hashlib
import json
import os
from functools import lru_cache
from typing import Any

from .. import _waypost
from ..router import Router


def router_of(
    *,
    router: Router | None = None,
    config: Any = None,
    model: str,
    api_key: str | None = None,
    base_url: str | None = None,
    max_retries: int | None = None,
) -> Router:
    """Return the router that a constructor's arguments stand for.

    A live router or a configuration has its own keys, addresses and retries; the other arguments are for the form that
    describes one deployment, ``model="provider/model"``. With neither, the deployments come from the environment.
    """
    if router is not None:
        return router
    if config is not None:
        return Router(config)
    if "/" not in model:
        return Router.from_env()
    return Router(_one(model, api_key, base_url, max_retries))


def _one(model: str, api_key: str | None, base_url: str | None, max_retries: int | None) -> dict[str, Any]:
    deployment = {"model": model, "base_url": base_url, "api_key": api_key}
    config: dict[str, Any] = {
        "deployments": {model: {key: value for key, value in deployment.items() if value is not None}}
    }
    if max_retries is not None:
        attempts = max(0, max_retries) + 1
        config["resilience"] = {"retry": {"attempts": attempts, "per_deployment": attempts}}
    return config


def key_variable(model: str) -> str | None:
    """Return the environment variable of the provider's key: the one that is set, else the usual one."""
    names = _key_variables().get(model.partition("/")[0], ())
    return next((name for name in names if os.environ.get(name)), names[0] if names else None)


def key_in_environment(model: str) -> str | None:
    """Return the provider's key, if it is set."""
    name = key_variable(model)
    return os.environ.get(name) if name else None


@lru_cache(maxsize=1)
def _key_variables() -> dict[str, tuple[str, ...]]:
    return {provider["id"]: tuple(provider["key_vars"]) for provider in _waypost.providers()}


def fingerprint(router: Router) -> str:
    """Return what tells two ways of routing apart: deployments, routes, and the configuration without its keys."""
    config = getattr(router, "_config", None)
    rows = [(row.name, row.provider, row.model, row.tags) for row in router.deployments]
    text = json.dumps([rows, router.routes, config], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
