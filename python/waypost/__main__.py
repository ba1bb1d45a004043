"""The command line: `waypost demo | check | prove | route | chat | eval | replay | simulate | audit | models`.

Exit codes: 0 all is well, 1 a problem was found or a call failed, 2 wrong usage, 130 interrupted. An error is one line;
`WAYPOST_DEBUG=1` shows the traceback too.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._terminal import complain, fail, say, table, write

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .router import Router

USAGE, PROBLEM, INTERRUPTED = 2, 1, 130

# Commands of the design that this version does not have, and what to do meanwhile.
LATER = {
    "serve": "the gateway is not in this version; use waypost as a library",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    _unbroken_output()
    words = list(sys.argv[1:] if argv is None else argv)
    if words and words[0] in LATER and not {"-h", "--help"} & set(words):
        return _later(words[0])
    parser = _parser()
    arguments = parser.parse_args(words)
    if arguments.command is None:
        parser.print_help()
        return USAGE
    try:
        code: int = arguments.run(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has seen enough (`waypost models | head`); what is left in the buffer must not complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # noqa: BLE001
        return _failed(error)
    return code


def _unbroken_output() -> None:
    """Let a terminal that cannot show a sign show another, in place of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _failed(error: Exception) -> int:
    """Say an error in one line; only what is no error of waypost's own is a defect."""
    from .errors import WaypostError

    if os.environ.get("WAYPOST_DEBUG", "0") not in ("", "0"):
        raise error
    known = isinstance(error, (WaypostError, OSError, ValueError))
    name = type(error).__name__
    hint = "" if known else " (WAYPOST_DEBUG=1 shows where)"
    fail(f"{name}: {error}{hint}")
    decision = getattr(error, "decision", None)
    if decision is not None:
        complain(decision.explain())
    return PROBLEM


# Commands.


def _demo(_: argparse.Namespace) -> int:
    from ._demo import demo

    return demo()


def _check(arguments: argparse.Namespace) -> int:
    from ._check import check

    return check(arguments.file, strict=arguments.strict)


def _prove(arguments: argparse.Namespace) -> int:
    from .errors import ConfigError
    from .proof import prove

    try:
        proof = prove(arguments.config or os.environ.get("WAYPOST_CONFIG"), when=arguments.when, never=arguments.never)
    except ConfigError as error:
        # Neither proved nor refuted: 1 would say that there is a counterexample.
        fail(f"ConfigError: {error}")
        return USAGE
    say(json.dumps(proof.to_dict(), indent=2, ensure_ascii=False) if arguments.json else proof.explain())
    return {"proved": 0, "counterexample": PROBLEM}.get(proof.answer, USAGE)


def _simulate(arguments: argparse.Namespace) -> int:
    from .errors import ConfigError
    from .simulation import simulate

    if arguments.list:
        return _scenarios()
    config = arguments.config or os.environ.get("WAYPOST_CONFIG")
    try:
        found = simulate(config, arguments.scenario, outage=arguments.outage, seed=arguments.seed)
    except ConfigError as error:
        fail(f"ConfigError: {error}")
        return USAGE
    if arguments.html:
        found.save(arguments.html)
    say(json.dumps(found.to_dict(), indent=2, ensure_ascii=False) if arguments.json else found.explain())
    return 0


def _scenarios() -> int:
    from ._waypost import scenarios

    for name, about, text in scenarios():
        say(f"# {name}: {about}", "bold")
        say(text)
    return 0


def _route(arguments: argparse.Namespace) -> int:
    from ._keys import stand_in

    with stand_in(arguments.config or os.environ.get("WAYPOST_CONFIG")), _router(arguments) as router:
        decision = router.route(_prompt(arguments), **_options(arguments))
    say(json.dumps(decision.to_dict(), indent=2, ensure_ascii=False) if arguments.json else decision.explain())
    return 0 if decision.chosen else PROBLEM


def _chat(arguments: argparse.Namespace) -> int:
    prompt, options = _prompt(arguments), _options(arguments)
    with _router(arguments) as router:
        reply = _streamed(router, prompt, options) if arguments.stream else router.chat(prompt, **options)
    if not arguments.stream:
        say(reply.text)
    if arguments.explain:
        complain(reply.decision.explain(), "dim")
    return 0


def _streamed(router: Router, prompt: str, options: dict[str, Any]) -> Any:
    with router.stream(prompt, **options) as stream:
        for chunk in stream:
            if chunk.restarted:
                say()
                complain(f"the answer broke off and begins anew on {chunk.deployment}", "dim")
            write(chunk.text)
        say()
        return stream.response


def _eval(arguments: argparse.Namespace) -> int:
    from ._report import lines, mixing
    from .datasets import load
    from .evaluation import evaluate
    from .router import Router

    # A mistake in the data is found before anything else is set up.
    dataset = load(arguments.dataset)
    strategies: dict[str, Any] = {
        (name if len(arguments.config) > 1 else "router"): Path(name) for name in arguments.config
    }
    strategies |= {name: name for name in arguments.strategy}
    with ExitStack() as made:
        if not arguments.config and not arguments.strategy:
            path = os.environ.get("WAYPOST_CONFIG")
            strategies = {"router": Path(path) if path else made.enter_context(Router.from_env())}
        found = evaluate(
            strategies,
            dataset,
            models=dict(arguments.match),
            among=arguments.among or None,
            strong=arguments.strong,
            weak=arguments.weak,
            seed=arguments.seed,
            progress=_bar_helps(),
        )
    if arguments.report:
        found.report(arguments.report)
    if arguments.json:
        say(json.dumps(found.to_dict(), indent=2, ensure_ascii=False))
        return 0
    say(f"{found.dataset}: {found.prompts} prompts, strong {found.strong}, weak {found.weak}", "bold")
    columns, rows = lines(found)
    for line in table(columns, rows, right=range(1, len(columns))):
        say(line)
    for note in [*found.notes, *mixing(found)]:
        say(note, "dim")
    return 0


def _replay(arguments: argparse.Namespace) -> int:
    from .replayed import replay

    found = replay(
        arguments.file, arguments.config, since=arguments.since, until=arguments.until, progress=arguments.progress
    )
    if arguments.report:
        found.report(arguments.report)
    say(json.dumps(found.to_dict(), indent=2, ensure_ascii=False) if arguments.json else found.explain())
    return 0


def _bar_helps() -> bool:
    """Tell whether somebody watches who could see a progress bar."""
    return sys.stderr.isatty() and find_spec("tqdm") is not None


def _audit(arguments: argparse.Namespace) -> int:
    if arguments.question == "verify":
        return _verified(arguments)
    from . import audit

    if arguments.question is not None and " " in arguments.question:
        rows = audit.query(arguments.file, arguments.question)
    else:
        kinds: dict[str, Any] = {kind: True for kind in ("personal", "secrets", "health") if getattr(arguments, kind)}
        limits = {name: getattr(arguments, name) for name in ("region", "provider", "since", "until")}
        rows = audit.reached(arguments.file, **kinds, **limits)
        _unplaced(arguments, kinds)
    if arguments.json:
        say(json.dumps(rows, indent=2, ensure_ascii=False, default=bytes.hex))
        return 0
    if rows:
        shown = [name for name in rows[0] if arguments.question or name in REACHED]
        for line in table(shown, [["" if row[name] is None else str(row[name]) for name in shown] for row in rows]):
            say(line)
    say(f"{len(rows)} row{'' if len(rows) == 1 else 's'}", "dim")
    return 0


# What the table of `waypost audit` shows; `--json` has every column.
REACHED = ("time", "id", "route", "deployment", "provider", "region", "outcome", "types", "user")


def _unplaced(arguments: argparse.Namespace, kinds: dict[str, Any]) -> None:
    """Say how many rows a question about regions cannot answer: their deployments have none written."""
    from . import audit

    if arguments.region is None:
        return
    limits = {name: getattr(arguments, name) for name in ("provider", "since", "until")}
    unknown = [row for row in audit.reached(arguments.file, **kinds, **limits) if row["region"] is None]
    if unknown:
        names = ", ".join(sorted({f"`{row['deployment']}`" for row in unknown}))
        complain(f"{len(unknown)} more reached deployments without a `region`: {names}")


def _verified(arguments: argparse.Namespace) -> int:
    from . import audit

    found = audit.verify(arguments.file, head=arguments.head)
    if arguments.json:
        from dataclasses import asdict

        say(json.dumps({"intact": found.intact, **asdict(found)}, indent=2))
    elif found.fault is not None:
        fail(f"{arguments.file}: {found.fault.message}")
    else:
        lost = f", {found.dropped} dropped and marked" if found.dropped else ""
        old = f", rows to {found.pruned} removed for their age" if found.pruned else ""
        say(f"{arguments.file} is intact: {found.rows} rows{lost}{old}")
        say(f"head {found.head}", "dim")
    return 0 if found.intact else PROBLEM


def _models(arguments: argparse.Namespace) -> int:
    from ._check import abilities, price_of, tokens
    from ._waypost import catalogue, providers

    known = catalogue()
    rows = [row for row in known["models"] if arguments.provider in (None, row["provider"])]
    if not rows:
        names = {row["provider"] for row in known["models"]}
        return _no_models(str(arguments.provider), names, {row["id"] for row in providers()})
    if arguments.json:
        say(json.dumps({"as_of": known["as_of"], "models": rows}, indent=2))
        return 0
    head = ["model", "context", "USD per million tokens", "can"]
    body = [
        [
            f"{row['provider']}/{row['model']}",
            tokens(row["facts"]["context_window"]),
            price_of(row),
            "embeds" if row["facts"]["embedding"] else abilities(row["facts"], known=True),
        ]
        for row in rows
    ]
    for line in table(head, body, right=[1]):
        say(line)
    say(f"{len(rows)} models, prices as of {known['as_of']}; what is empty is unknown", "dim")
    return 0


def _no_models(provider: str, catalogued: set[str], providers: set[str]) -> int:
    if provider in providers:
        say(f"the catalogue has no models of `{provider}`; any model works there: {provider}/MODEL")
        return 0
    from difflib import get_close_matches

    near = get_close_matches(provider, sorted(catalogued), 1)
    hint = f"did you mean `{near[0]}`?" if near else f"one of {', '.join(sorted(catalogued))}"
    fail(f"unknown provider `{provider}`; {hint}")
    return USAGE


def _later(name: str) -> int:
    complain(f"waypost {name}: {LATER[name]}")
    return USAGE


# Arguments.


def _router(arguments: argparse.Namespace) -> Router:
    """Return the router that `--config`, or else the environment, describes."""
    from .router import Router

    return Router(arguments.config) if arguments.config else Router.from_env()


def _prompt(arguments: argparse.Namespace) -> str:
    text = sys.stdin.read() if arguments.prompt == "-" else arguments.prompt
    if not text.strip():
        message = "the prompt is empty"
        raise ValueError(message)
    return str(text)


def _options(arguments: argparse.Namespace) -> dict[str, Any]:
    given = {"tags": arguments.tag, "metadata": dict(arguments.metadata), "model": arguments.model}
    return {name: value for name, value in given.items() if value}


def _pair(text: str) -> tuple[str, Any]:
    """Read `key=value`; a value that is JSON (a number, true, a list) is taken as such."""
    key, equals, value = text.partition("=")
    if not key or not equals:
        message = f"expected KEY=VALUE, found `{text}`"
        raise argparse.ArgumentTypeError(message)
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


def _same(text: str) -> tuple[str, str]:
    """Read `deployment=model`."""
    deployment, equals, model = text.partition("=")
    if not deployment or not equals or not model:
        message = f"expected DEPLOYMENT=MODEL, found `{text}`"
        raise argparse.ArgumentTypeError(message)
    return deployment, model


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="waypost",
        description="Sends each prompt to the model that should answer it, and keeps answering when providers fail.",
        epilog="Start with `waypost demo`: it needs no key and no network.",
    )
    parser.add_argument("--version", action="version", version=_version())
    parser.set_defaults(command=None)
    commands = parser.add_subparsers(metavar="COMMAND", dest="command")

    def command(name: str, run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        added.set_defaults(run=run)
        return added

    command("demo", _demo, "see it work: fake providers, an outage, a sensitive prompt; no key, no network")
    check = command("check", _check, "validate a configuration file and say what it means")
    check.add_argument("file", help="a .toml, .yaml or .json file")
    check.add_argument("--strict", action="store_true", help="exit with 1 for warnings too")
    prove = command("prove", _prove, "show that no request of a class can reach certain deployments, or one that does")
    _prove_arguments(prove)
    route = command("route", _route, "decide without calling: who would answer this prompt, and why")
    _call_arguments(route)
    route.add_argument("--json", action="store_true", help="the whole decision as JSON")
    chat = command("chat", _chat, "answer a prompt")
    _call_arguments(chat)
    chat.add_argument("--stream", action="store_true", help="print the answer as it comes")
    chat.add_argument("--explain", action="store_true", help="print the decision too, to stderr")
    _eval_arguments(command("eval", _eval, "measure a configuration on prompts that models have answered already"))
    replay = command("replay", _replay, "decide the calls of a decision log again, under another configuration")
    replay.add_argument("file", help="the log: `telemetry.log` of the configuration")
    replay.add_argument("--config", metavar="FILE", required=True, help="the other configuration")
    replay.add_argument("--since", metavar="DATE", help="only calls from then on, for example 2026-07-01 (UTC)")
    replay.add_argument("--until", metavar="DATE", help="only calls before then")
    replay.add_argument("--report", metavar="FILE", help="write a page with the picture and the tables")
    replay.add_argument("--json", action="store_true", help="everything as JSON")
    replay.add_argument("--progress", action="store_true", help="show a bar (needs tqdm)")
    _simulate_arguments(
        command("simulate", _simulate, "play an outage in virtual time: what it does to latency, cost and success")
    )
    audit = command("audit", _audit, "verify a decision log, or ask it what reached whom")
    audit.add_argument(
        "question", nargs="?", help="`verify`, or a query in SQL; without it, the requests that reached a deployment"
    )
    audit.add_argument("file", help="the log: `telemetry.log` of the configuration")
    audit.add_argument(
        "--head", metavar="HASH", help="verify: the head noted earlier, which must still be in the chain"
    )
    for kind, what in (("personal", "personal data"), ("secrets", "secrets"), ("health", "health data")):
        audit.add_argument(f"--{kind}", action="store_true", help=f"only requests with {what}")
    audit.add_argument("--region", help="only deployments whose region begins so, for example `us`")
    audit.add_argument("--provider", help="only this provider's")
    audit.add_argument("--since", metavar="DATE", help="only calls from then on, for example 2026-07-01 (UTC)")
    audit.add_argument("--until", metavar="DATE", help="only calls before then")
    audit.add_argument("--json", action="store_true", help="as JSON, with every column")
    models = command("models", _models, "list the models that are known, with prices")
    models.add_argument("--provider", help="only this provider's")
    models.add_argument("--json", action="store_true", help="as JSON, with every fact")
    for name, text in LATER.items():
        command(name, lambda arguments: _later(arguments.command), text.split(";")[0])
    return parser


def _eval_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "dataset", help="scored prompts: .jsonl, .json, .csv, .tsv (also .gz), .parquet, or a folder of them"
    )
    command.add_argument(
        "--config",
        metavar="FILE",
        action="append",
        default=[],
        help="a configuration; else WAYPOST_CONFIG, else the keys that are set; repeatable, to compare several",
    )
    command.add_argument(
        "--strategy",
        metavar="NAME",
        action="append",
        default=[],
        help="a strategy over the data set's models, as in `cheapest`, or one of these models; repeatable",
    )
    command.add_argument("--report", metavar="FILE", help="write a page with charts and tables")
    command.add_argument("--json", action="store_true", help="everything as JSON")
    command.add_argument("--strong", metavar="MODEL", help="the strong model; the best single one unless given")
    command.add_argument("--weak", metavar="MODEL", help="the weak model; the cheapest other one unless given")
    command.add_argument(
        "--among", metavar="MODEL", action="append", default=[], help="compare only these models; repeatable"
    )
    command.add_argument(
        "--match",
        metavar="DEPLOYMENT=MODEL",
        action="append",
        default=[],
        type=_same,
        help="what the data set calls a deployment's model; repeatable",
    )
    command.add_argument("--seed", type=int, default=0, help="the seed of the intervals")


def _prove_arguments(command: argparse.ArgumentParser) -> None:
    command.epilog = "Exit codes: 0 proved, 1 there is a counterexample, 2 it cannot be told, or a condition is wrong."
    command.add_argument(
        "--never", required=True, metavar="EXPR", help="which deployments, as in \"provider == 'openai'\""
    )
    command.add_argument("--when", metavar="EXPR", help="which requests, as in `sensitive.any`; all unless given")
    command.add_argument(
        "--config", metavar="FILE", help="a configuration; else WAYPOST_CONFIG, else the keys that are set"
    )
    command.add_argument("--json", action="store_true", help="the whole answer as JSON")


def _simulate_arguments(command: argparse.ArgumentParser) -> None:
    command.epilog = "Nothing is sent, and no key is needed. One seed gives one result, to the last byte."
    command.add_argument(
        "--config", metavar="FILE", help="a configuration; else WAYPOST_CONFIG, else the keys that are set"
    )
    command.add_argument(
        "--scenario", metavar="S", help="a file (docs/simulate.md), or a built-in one by name; `outage` unless given"
    )
    command.add_argument(
        "--outage", metavar="NAME", help="whom a built-in scenario hits: a provider, a deployment, a glob or tag:NAME"
    )
    command.add_argument("--seed", type=int, default=0, help="another seed is another run; 0 unless given")
    command.add_argument("--json", action="store_true", help="the whole report as JSON")
    command.add_argument("--html", metavar="FILE", help="write a page with a picture too (.svg: the picture alone)")
    command.add_argument("--list", action="store_true", help="print the built-in scenarios")


def _call_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("prompt", help="the prompt, or `-` for standard input")
    command.add_argument(
        "--config", metavar="FILE", help="a configuration; else WAYPOST_CONFIG, else the keys that are set"
    )
    command.add_argument("--model", metavar="NAME", help="a route or a deployment; `auto` unless given")
    command.add_argument("--tag", action="append", default=[], help="a tag of the request; repeatable")
    command.add_argument(
        "--metadata",
        action="append",
        default=[],
        type=_pair,
        metavar="KEY=VALUE",
        help="a fact of the request; repeatable",
    )


def _version() -> str:
    from ._waypost import __version__

    return f"waypost {__version__}"


if __name__ == "__main__":
    sys.exit(main())
