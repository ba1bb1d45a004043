"""`waypost check`: what is wrong with a configuration file, and what it means."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from ._terminal import paint, say, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ABILITIES = (
    "vision",
    "audio",
    "files",
    "tools",
    "json_schema",
    "json_mode",
    "reasoning",
    "prefill",
    "logprobs",
    "seed",
)


def check(path: str, *, strict: bool = False) -> int:
    """Print the mistakes of a file, or what it means; return the exit code.

    Args:
        path: A TOML, YAML or JSON file.
        strict: Whether a warning counts as a problem.
    """
    from ._waypost import check as examine

    found = examine(path)
    problems = found["problems"]
    if problems:
        _problems(path, problems, found["missing"])
        return 1
    meaning = found["meaning"]
    findings = [f"{item['path']}: {item['message']}; {item['remedy']}" for item in found["findings"]]
    warnings = [*missing_variables(found["missing"]), *found["warnings"], *findings, *cautions(meaning)]
    say(f"{path}: " + paint("fine", "green") + (f", with {_count(len(warnings), 'warning')}" if warnings else ""))
    _meaning(meaning)
    if warnings:
        say()
        say("warnings", "bold")
    for warning in warnings:
        say(f"  {paint('!', 'yellow')} {warning}")
    return 1 if strict and warnings else 0


def _problems(path: str, problems: Sequence[Mapping[str, Any]], missing: Sequence[Mapping[str, str]]) -> None:
    say(f"{path}: " + paint(_count(len(problems), "problem"), "red"))
    for problem in problems:
        say(f"  {paint('✗', 'red')} {paint(problem['path'] or path, 'bold')}: {problem['message']}")
        if problem["hint"]:
            say(f"      {problem['hint']}", "dim")
    for warning in missing_variables(missing):
        say(f"  {paint('!', 'yellow')} {warning}")


def missing_variables(missing: Sequence[Mapping[str, str]]) -> Iterator[str]:
    """Say which variables the file needs that are not set here."""
    places: dict[str, list[str]] = {}
    for item in missing:
        places.setdefault(item["variable"], []).append(item["path"])
    for variable, where in places.items():
        yield f"the environment variable `{variable}` is not set here; {', '.join(where)} needs it"


def cautions(meaning: Mapping[str, Any]) -> list[str]:
    """Say what is allowed but may not be meant: where, what, and what to do."""
    deployments = {row["name"]: row for row in meaning["deployments"]}
    reached = {name for route in meaning["routes"] for name in _targets(route)}
    return [
        *(text for route in meaning["routes"] for text in _of_route(route, deployments)),
        *(
            text
            for place, rule in enumerate(meaning["rules"])
            for text in _of_rule(f"rules[{place}]", rule, meaning["routes"], deployments)
        ),
        *(
            f"deployments.{name}: no route reaches `{name}`: only a caller who names it does; "
            "add it to a route's `candidates` or `fallback`, or delete it"
            for name, row in deployments.items()
            if name not in reached and not row["facts"]["embedding"]
        ),
    ]


def _of_route(route: Mapping[str, Any], deployments: Mapping[str, Any]) -> Iterator[str]:
    name, targets = route["name"], _targets(route)
    if len(targets) == 1:
        what = f"route `{name}` has one target only: while `{targets[0]}` is down, nobody answers"
        yield f"routes.{name}: {what}; add a candidate or a `fallback` with another provider"
    elif len({deployments[target]["base_url"] for target in targets}) == 1:
        address = deployments[targets[0]]["base_url"]
        what = f"all targets of route `{name}` are at one address, `{address}`: they go down together"
        yield f"routes.{name}: {what}; add a target elsewhere"
    if route["strategy"] == "cheapest":
        yield from _of_prices(name, [candidate["deployment"] for candidate in route["candidates"]], deployments)


def _of_prices(route: str, names: Sequence[str], deployments: Mapping[str, Any]) -> Iterator[str]:
    for name in names:
        if deployments[name]["price"] is None:
            what = f"`{name}` is unpriced and ranks last under `cheapest` in route `{route}`"
            yield f"deployments.{name}.price: {what}; write its `price`"
    prices = {name: price_of(deployments[name]) for name in names}
    for price, many in Counter(price for price in prices.values() if price != "unpriced").items():
        if many > 1:
            same = " and ".join(f"`{name}`" for name, own in prices.items() if own == price)
            what = f"{same} have one price in route `{route}` ({price}): the order written decides between them"
            yield f"routes.{route}.candidates: {what}; write the better one first, or correct a `price`"


def _of_rule(
    path: str, rule: Mapping[str, Any], routes: Sequence[Mapping[str, Any]], deployments: Mapping[str, Any]
) -> Iterator[str]:
    if rule["require"] is None and rule["deny"] is None:
        return
    for route in routes:
        targets = _targets(route)
        left = [name for name in targets if _allowed(rule, deployments[name])]
        when = f"where `{rule['when']}` holds" if rule["when"] else "always"
        place = f"in route `{route['name']}`"
        if not left:
            what = f"rule `{rule['name']}` leaves nobody {place}: {when}, the request is refused"
            yield f"{path}: {what}; add a target that it allows to the route, or set another `route` there"
        elif len(left) == 1 < len(targets):
            what = f"rule `{rule['name']}` leaves only `{left[0]}` {place}: {when}, there is no failover"
            yield f"{path}: {what}; add a second target that it allows"


def _allowed(rule: Mapping[str, Any], deployment: Mapping[str, Any]) -> bool:
    require, deny = rule["require"], rule["deny"]
    return (require is None or _matches(require, deployment, all)) and (
        deny is None or not _matches(deny, deployment, any)
    )


def _matches(matcher: Mapping[str, Any], deployment: Mapping[str, Any], tags: Any) -> bool:
    own = {"deployments": deployment["name"], "providers": deployment["provider"], "regions": deployment["region"]}
    return (
        (not matcher["tags"] or tags(tag in deployment["tags"] for tag in matcher["tags"]))
        and all(not matcher[key] or value in matcher[key] for key, value in own.items())
        and all(_has(deployment["attributes"].get(key), value) for key, value in matcher["attributes"].items())
    )


def _has(own: Any, wanted: Any) -> bool:
    wanted = wanted if isinstance(wanted, list) else [wanted]
    return any(value in wanted for value in (own if isinstance(own, list) else [own]))


def _targets(route: Mapping[str, Any]) -> list[str]:
    return [*(candidate["deployment"] for candidate in route["candidates"]), *route["fallback"]]


def _meaning(meaning: Mapping[str, Any]) -> None:
    head = ["deployment", "model", "USD per million tokens", "context", "tags"]
    rows = [
        [row["name"], f"{row['provider']}/{row['model']}", price_of(row), *_size_and_tags(row)]
        for row in meaning["deployments"]
    ]
    lines = table(head, rows)
    _block(
        [
            lines[0],
            *(line for pair in zip(lines[1:], map(_abilities, meaning["deployments"]), strict=True) for line in pair),
        ]
    )
    _block(["routes", *(f"  {_route(route)}" for route in meaning["routes"])])
    if meaning["rules"]:
        _block(["rules, in this order", *(f"  {n}. {_rule(rule)}" for n, rule in enumerate(meaning["rules"], 1))])
    if meaning["budgets"]:
        lines = [f"  {b['name']}: {b['usd']:g} USD in {b['window'] / 3600:g} h" for b in meaning["budgets"]]
        _block(["budgets", *lines])


def _size_and_tags(row: Mapping[str, Any]) -> list[str]:
    return [tokens(row["facts"]["context_window"]) or "unknown", ", ".join(row["tags"])]


def _abilities(row: Mapping[str, Any]) -> str:
    if row["facts"]["embedding"]:
        return paint("  embeds", "dim")
    words = (("can", True), ("cannot", False), ("unknown", None))
    known = [f"{word} {named}" for word, value in words if (named := abilities(row["facts"], known=value))]
    return paint(f"  {'; '.join(known)}", "dim")


def _block(lines: Sequence[str]) -> None:
    say()
    say(lines[0], "bold")
    for line in lines[1:]:
        say(line)


def _route(route: Mapping[str, Any]) -> str:
    weighted = route["strategy"] == "weighted"
    shown = [c["deployment"] + (f" x {c['weight']:g}" if weighted else "") for c in route["candidates"]]
    joint = " → " if route["strategy"] == "priority" else ", "
    second = f"; then {' → '.join(route['fallback'])}" if route["fallback"] else ""
    return f"{route['name']}: {route['strategy']} of {joint.join(shown)}{second}"


def _rule(rule: Mapping[str, Any]) -> str:
    return f"{rule['name']}: {', '.join(rule['effects'])} {'when ' + rule['when'] if rule['when'] else 'always'}"


def price_of(row: Mapping[str, Any]) -> str:
    """Say a price as `in → out`, USD per million tokens."""
    price = row["price"]
    if price is None:
        return "unpriced"
    if not price["input"] and not price["output"]:
        return "free"
    return f"{price['input'] or 0:g} in, {price['output'] or 0:g} out"


def abilities(facts: Mapping[str, Any], *, known: bool | None) -> str:
    """List the abilities that are known to be there (True), missing (False) or not known (None)."""
    return " ".join(name for name in ABILITIES if facts[name] is known)


def tokens(count: int | None) -> str:
    """Say a number of tokens briefly: `128k`, `1M`."""
    if count is None:
        return ""
    if count >= 1_000_000:
        return f"{count / 1e6:.2g}M" if count < 10_000_000 else f"{count / 1e6:.0f}M"
    return f"{count / 1e3:.0f}k" if count >= 1_000 else str(count)


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
