"""A progress bar, in a terminal and in a notebook."""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import Any


class progress_bar:  # noqa: N801 - it reads as a function
    """A progress bar's ``advance(done)``, or None if none is wanted."""

    def __init__(self, total: int, *, wanted: bool, unit: str = "call") -> None:
        self._bar: Any = None
        if wanted:
            try:
                with warnings.catch_warnings():
                    # A notebook without widgets gets a bar of text; there is nothing to warn of.
                    warnings.simplefilter("ignore")
                    tqdm = import_module("tqdm.auto").tqdm
            except ImportError as error:
                message = "a progress bar needs tqdm: pip install 'waypost[notebook]'"
                raise ImportError(message) from error
            self._bar = tqdm(total=total, unit=unit)

    def __enter__(self) -> Any:
        return None if self._bar is None else self._advance

    def _advance(self, done: int) -> None:
        self._bar.update(done - self._bar.n)

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()
