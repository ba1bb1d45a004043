"""What the extension cannot read as it comes: functions in a configuration, classes and tags in a call."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

# What stands for a function until the core puts it in; of all strategies this one accepts what a route may hold.
STAND_IN = "weighted"


def parts(config: Any, extra: Mapping[str, Any]) -> tuple[Any, dict[str, Any], dict[str, Any]]:
    """Give the extension the configuration, the options, and the functions in either by the route they order."""
    source, options, functions = _source(config), dict(extra), {}
    if isinstance(source, dict):
        source = dict(source)
        if callable(source.get("strategy")):
            functions["auto"], source["strategy"] = source["strategy"], STAND_IN
        routes: Any = source.get("routes")
        if hasattr(routes, "items"):
            source["routes"] = routes = dict(routes.items())
            for name, route in routes.items():
                if hasattr(route, "get") and callable(route.get("strategy")):
                    functions[name] = route["strategy"]
                    routes[name] = {**route, "strategy": STAND_IN}
    if "strategy" in options:
        functions.pop("auto", None)
    if callable(options.get("strategy")):
        functions["auto"], options["strategy"] = options["strategy"], STAND_IN
    return source, options, functions


def _source(config: Any) -> Any:
    """Give the extension a path, a mapping or a list."""
    if config is None or isinstance(config, (str, dict, list)):
        return config
    if isinstance(config, os.PathLike):
        return os.fspath(config)
    if hasattr(config, "items"):
        return dict(config.items())
    return list(config)


def call_options(arguments: dict[str, Any]) -> dict[str, Any]:
    """Say the two arguments that the extension cannot read as they come; it passes over those that were not given."""
    if arguments.get("response_format") is not None:
        arguments["response_format"] = _response_format(arguments["response_format"])
    tags = arguments.get("tags")
    if tags:
        arguments["tags"] = [tags] if isinstance(tags, str) else list(tags)
    return arguments


def _response_format(wanted: Any) -> Any:
    """Take a class for the schema it stands for."""
    if not isinstance(wanted, type):
        return wanted
    from ._parsed import response_format

    return response_format(wanted)
