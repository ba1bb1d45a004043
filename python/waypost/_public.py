"""What of a configuration may be kept and shown."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

_SECRETS = frozenset({"api_key", "credentials", "headers", "password", "token"})
_REFERENCE = re.compile(r"\$\{[^}]*\}")
_USER_INFO = re.compile(r"(?<=//)[^/@\s]+@")


def without_secrets(config: Any) -> Any:
    """Return a configuration as plain data without the keys that are written in it; references to variables stay."""
    if isinstance(config, Mapping):
        return {str(key): without_secrets(value) for key, value in config.items() if _is_public(key, value)}
    if isinstance(config, (list, tuple)):
        return [without_secrets(value) for value in config]
    if isinstance(config, os.PathLike):
        return os.fspath(config)
    if isinstance(config, str):
        return _USER_INFO.sub("", config)
    if config is None or isinstance(config, (bool, int, float)):
        return config
    return f"{type(config).__module__}.{getattr(config, '__qualname__', type(config).__qualname__)}"


def _is_public(key: Any, value: Any) -> bool:
    return key not in _SECRETS or (isinstance(value, str) and _REFERENCE.fullmatch(value) is not None)
