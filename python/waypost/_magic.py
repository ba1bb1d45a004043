"""`%ask` and `%%ask`: a prompt in a notebook, its answer and the decision behind it. `%load_ext waypost` brings them."""

from __future__ import annotations

import ast
import os
import re
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError

from .errors import WaypostError
from .router import Router

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .results import ChatResponse, Decision

# Options with a value, by their other name too; and those without.
_VALUES = {"-m": "--model", "-t": "--tag", "-c": "--config", "-r": "--router"}
_NAMES = (*_VALUES.values(), "--session", "--timeout", "--max-cost", "--max-tokens", "--temperature", "--to")
_FLAGS = ("--route",)
_NUMBERS: dict[str, Callable[[str], float]] = {
    "timeout": float,
    "max_cost": float,
    "max_tokens": int,
    "temperature": float,
}

_WORD = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)'|(\S+))""")
_QUESTION = re.compile(r"([ \t]*(?:\w+[ \t]*=[ \t]*)?)%ask[ \t]+(\S.*\?)[ \t]*(\n?)$")
_OPTION = re.compile(r"\s*(--?[A-Za-z][\w-]*)(=|\s+|$)")

HELP = """Ask a model, and see its answer and the decision behind it.

    %ask [options] Why is the sky blue?

    %%ask [options]
    Why is
    the sky blue?

The answer is the result: it is in `_` afterwards, `reply = %ask …` works, and `--to reply` names it in a cell.

Options:
    -m, --model NAME     a route, a deployment, or `provider/model`; else `auto`
    -t, --tag TAG        a label that rules read; may be repeated
    -c, --config FILE    a router from this file
    -r, --router NAME    the router of this variable
    --route              only decide: no request is sent
    --to NAME            put the result into this variable
    --session NAME, --timeout SECONDS, --max-cost USD, --max-tokens N, --temperature T
    --                   what follows is the prompt

Without `--config` and `--router` the router is the variable `router`, or else one for the providers whose keys are in
the environment.
"""


class Asker:
    """The magic, with the routers it has made."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        # By file and its time of change: an edited file is read anew. Under None the router of the environment.
        self._routers: dict[str | None, tuple[int, Router]] = {}

    def ask(self, line: str, cell: str | None = None) -> ChatResponse | Decision | None:
        """Answer the prompt, or show as text why that failed."""
        options, rest = _read(line)
        if cell is not None and rest:
            message = f"`{rest.split()[0]}` is no option; in a cell the prompt stands below `%%ask`"
            raise UsageError(message)
        prompt = (rest if cell is None else cell).strip()
        if not prompt:
            message = "there is no prompt: `%ask Why is the sky blue?`, or a cell of text below `%%ask`"
            raise UsageError(message)
        target = options.pop("to", None)
        if target is not None and not target.isidentifier():
            message = f"--to: `{target}` is no name of a variable"
            raise UsageError(message)
        decide = options.pop("route", False)
        try:
            router = self._router(options.pop("config", None), options.pop("router", None))
            result = router.route(prompt, **options) if decide else router.chat(prompt, **options)
        except WaypostError as error:
            self._show(error)
            return None
        if target is not None:
            self._shell.user_ns[target] = result
        return result

    def _show(self, error: WaypostError) -> None:
        plain = f"{type(error).__name__}: {error}"
        if error.decision is not None:
            plain += f"\n{error.decision.explain()}"
        self._shell.display_pub.publish({"text/plain": plain, "text/html": error._repr_html_()})

    def _router(self, config: str | None, name: str | None) -> Router:
        if config is not None and name is not None:
            message = "give --config or --router, not both"
            raise UsageError(message)
        known = self._shell.user_ns
        if name is not None and not isinstance(known.get(name), Router):
            raise UsageError(_no_router(name, known))
        if name is None and config is None and isinstance(known.get("router"), Router):
            name = "router"
        if name is not None:
            return known[name]  # type: ignore[no-any-return]
        return self._made(config)

    def _made(self, config: str | None) -> Router:
        path = None if config is None else str(Path(config).expanduser().absolute())
        changed = os.stat(path).st_mtime_ns if path is not None and os.path.exists(path) else 0  # noqa: PTH110, PTH116
        if path not in self._routers or self._routers[path][0] != changed:
            self._routers[path] = (changed, Router.from_env() if path is None else Router(path))
        return self._routers[path][1]


def _no_router(name: str, known: Mapping[str, Any]) -> str:
    routers = [other for other, value in known.items() if isinstance(value, Router) and not other.startswith("_")]
    there = f"; there is {', '.join(f'`{other}`' for other in routers)}" if routers else ""
    return f"--router: the variable `{name}` is {'no router' if name in known else 'not there'}{there}"


def _read(line: str) -> tuple[dict[str, Any], str]:
    """Part the options from the prompt, which is no shell's business: it may have an apostrophe."""
    options: dict[str, Any] = {}
    while (found := _OPTION.match(line)) is not None:
        name = _VALUES.get(found[1], found[1])
        key = name.lstrip("-").replace("-", "_")
        line = line[found.end() :]
        if name in _FLAGS:
            options[key] = True
            continue
        if name not in _NAMES:
            near = get_close_matches(name, (*_NAMES, *_FLAGS), 1)
            hint = f"; did you mean `{near[0]}`?" if near else "; `%ask?` lists them"
            message = f"there is no option `{name}`{hint}"
            raise UsageError(message)
        value = _WORD.match(line)
        if value is None:
            message = f"`{name}` needs a value"
            raise UsageError(message)
        line = line[value.end() :]
        text = next(group for group in value.groups() if group is not None)
        if name == "--tag":
            options.setdefault("tags", []).append(text)
        else:
            options[key] = _value(name, key, text)
    line = line.strip()
    return options, line.removeprefix("--").strip() if line == "--" or line.startswith("-- ") else line


def _value(name: str, key: str, text: str) -> Any:
    try:
        return _NUMBERS.get(key, str)(text)
    except ValueError:
        message = f"{name}: `{text}` is no number"
        raise UsageError(message) from None


def _questions(lines: list[str]) -> list[str]:
    """Keep IPython from taking a prompt that ends with a question mark for a request for help."""
    if lines and (lines[0].startswith("%%") or not any(map(_QUESTION.match, lines))):
        return lines
    try:
        ast.parse("".join(lines))
    except (SyntaxError, ValueError):
        return [_QUESTION.sub(_called, line) for line in lines]
    return lines  # Python as it stands, so what looked like the magic is within a text.


def _called(found: re.Match[str]) -> str:
    return f"{found[1]}get_ipython().run_line_magic('ask', {found[2]!r}){found[3]}"


def load(shell: Any) -> None:
    """Bring `%ask` and `%%ask`."""
    asker = Asker(shell)

    def ask(line: str, cell: str | None = None) -> ChatResponse | Decision | None:
        return asker.ask(line, cell)

    ask.__doc__ = HELP
    shell.register_magic_function(ask, "line_cell", "ask")
    if _questions not in shell.input_transformers_cleanup:
        shell.input_transformers_cleanup.append(_questions)


def unload(shell: Any) -> None:
    """Take them away again."""
    for magics in shell.magics_manager.magics.values():
        magics.pop("ask", None)
    if _questions in shell.input_transformers_cleanup:
        shell.input_transformers_cleanup.remove(_questions)
