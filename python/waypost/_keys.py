"""Configurations on machines without their keys: a decision sends nothing, so it needs none."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from . import _waypost

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Good as a key and as an address, and nobody's.
_STAND_IN = "http://unset.invalid"


@contextmanager
def stand_in(path: str | os.PathLike[str] | Path | None) -> Iterator[None]:
    """Let something stand in for the variables that a file reads and that are not set, while the block runs."""
    missing = [item["variable"] for item in _waypost.check(path)["missing"]] if path else []
    os.environ.update(dict.fromkeys(missing, _STAND_IN))
    try:
        yield
    finally:
        for name in missing:
            os.environ.pop(name, None)
