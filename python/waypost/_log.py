"""When a process ends or forks, its decision logs are written and closed first."""

from __future__ import annotations

import atexit
import os
import sys

from . import _waypost

_guarded = False


def guard() -> None:
    """See to it, once a process: a router has a log."""
    global _guarded  # noqa: PLW0603
    if _guarded:
        return
    _guarded = True
    atexit.register(_waypost.flush_logs)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(
            before=_waypost.before_fork, after_in_parent=lambda: _waypost.after_fork(child=False), after_in_child=_child
        )


def _child() -> None:
    _waypost.after_fork(child=True)
    util = sys.modules.get("multiprocessing.util")
    if util is not None:
        # A child of `multiprocessing` ends without `atexit`, and forgets what was to be done at its end when it begins.
        util.register_after_fork(guard, lambda _: util.Finalize(None, _waypost.flush_logs, exitpriority=0))
