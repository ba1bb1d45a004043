"""Decisions as text that stays the same as long as the policy does: no times, no identities, no prompt."""

from __future__ import annotations

import difflib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

UNSTABLE = frozenset({"now", "budgets", "session", "user"})  # Signals that differ from run to run.
DIGITS = 2  # Of scores: what is behind them changes with every refinement of a detector.


def render(value: Any) -> str:
    """Return a decision, or an answer with its attempts, as text.

    Example:
        >>> from waypost import Router
        >>> print(render(Router(["ollama/llama3.3", "ollama/qwen3"]).route("Hi")).partition("signals")[0])
        route: auto
        chosen: ollama/llama3.3
        candidates:
          1. ollama/llama3.3
          2. ollama/qwen3
        <BLANKLINE>
    """
    decision = getattr(value, "decision", value)
    lines = [f"route: {decision.route}", f"chosen: {decision.chosen}"]
    if decision.error:
        lines.append(f"error: {decision.error}")
    lines += _part("rules", [f"{rule.name}: {rule.effect}" for rule in decision.rules])
    lines += _part("candidates", [_candidate(candidate) for candidate in decision.candidates])
    signals = {name: value for name, value in decision.signals.items() if name not in UNSTABLE}
    lines += _part("signals", [f"{name}: {_plain(signals[name])}" for name in sorted(signals)])
    lines += _part("attempts", [_attempt(attempt) for attempt in decision.attempts])
    return "\n".join(lines) + "\n"


def _part(title: str, lines: list[str]) -> list[str]:
    return [f"{title}:", *(f"  {line}" for line in lines)] if lines else []


def _candidate(candidate: Any) -> str:
    rank = f"{candidate.rank}." if candidate.accepted else "✗"
    reason = f": {candidate.reason}" if candidate.reason else ""
    return f"{rank} {candidate.deployment}{' (fallback)' if candidate.fallback else ''}{reason}"


def _attempt(attempt: Any) -> str:
    what = [attempt.deployment, attempt.outcome, attempt.error, attempt.status]
    return " ".join(str(word) for word in what if word is not None)


def _plain(value: Any) -> str:
    return json.dumps(_rounded(value), ensure_ascii=False, sort_keys=True)


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, DIGITS)
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, (list, tuple)) else value


class Snapshots:
    """The snapshots of one test: call it with a decision or an answer.

    Args:
        folder: Where they are.
        test: The test's name, as a file's name.
        update: Whether what is there is replaced.
    """

    def __init__(self, folder: Path, test: str, *, update: bool) -> None:
        """Read nothing yet."""
        self.folder, self.test, self.update = folder, test, update
        self._count = 0

    def __call__(self, value: Any, name: str | None = None) -> None:
        """Assert that a decision is as it was.

        Args:
            value: A `Decision`, or an answer that has one.
            name: What it is called among the snapshots of the test; else they are numbered.

        Raises:
            AssertionError: It is not, or there is no snapshot yet; the message has the difference.
        """
        __tracebackhide__ = True
        self._count += 1
        suffix = f".{name}" if name else f".{self._count}" if self._count > 1 else ""
        path, text = self.folder / f"{self.test}{suffix}.txt", render(value)
        if self.update:
            _written(path, text)
        elif not path.exists():
            msg = f"there is no snapshot {path}; run pytest with --waypost-update to take it:\n\n{text}"
            raise AssertionError(msg)
        elif (before := path.read_text(encoding="utf-8")) != text:
            raise AssertionError(_difference(path, before, text))


def _written(path: Path, text: str) -> None:
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _difference(path: Path, before: str, now: str) -> str:
    lines = difflib.unified_diff(before.splitlines(), now.splitlines(), "snapshot", "now", lineterm="", n=100)
    shown = "\n".join(line for line in lines if not line.startswith("@@"))
    return f"the decision is not the one in {path} (if it should be: --waypost-update)\n\n{shown}"
