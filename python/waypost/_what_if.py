"""The arguments of ``Decision.what_if``, said as the extension reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import _waypost
from ._parts import STAND_IN, parts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .results import Decision


def what_if(decision: Decision, given: Mapping[str, Any]) -> Decision:
    """Decide again."""
    config, strategy = given["config"], given["strategy"]
    source, options, functions = (None, {}, {}) if config is None else parts(config, {})
    if callable(strategy):
        functions, strategy = {**functions, decision.route: strategy}, STAND_IN
    elif strategy is not None:
        functions.pop(decision.route, None)
    changed = dict(options)
    if given["rules"] is not None:
        changed["rules"] = [dict(rule) for rule in given["rules"]]
    change = {
        "down": [given["down"]] if isinstance(given["down"], str) else list(given["down"]),
        "weights": None if given["weights"] is None else [[name, float(w)] for name, w in given["weights"].items()],
        "config": changed,
        "strategy": strategy,
        "signals": _signals(given),
        **{name: given[name] for name in ("model", "max_cost", "max_tokens")},
    }
    state = decision._frozen()
    written = {name: state[name] for name in ("id", "requested", "at", "route", "signals", "facts")}
    return _waypost.what_if(decision._handle, written, source, change, functions)


def _signals(given: Mapping[str, Any]) -> dict[str, Any]:
    signals = dict(given["signals"] or {})
    if given["tags"] is not None:
        signals["tags"] = [given["tags"]] if isinstance(given["tags"], str) else list(given["tags"])
    if given["metadata"] is not None:
        signals["metadata"] = dict(given["metadata"])
    return signals
