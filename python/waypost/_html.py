"""What a notebook shows: decisions, answers, routers and errors as tables and bars.

Everything that comes from outside is escaped, nothing is loaded from anywhere, and all shades are mixed from the
text's own colour, so that it reads in a light theme and in a dark one.
"""

from __future__ import annotations

import json
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .errors import WaypostError
    from .frames import BatchResult
    from .proof import Counterexample, Proof
    from .results import (
        Attempt,
        Candidate,
        ChatResponse,
        Decision,
        EmbeddingResponse,
        RuleFired,
    )
    from .router import Router
    from .status import DeploymentStatus

ROWS = 20  # Answers of a batch.
BEGINNING = 160  # Characters of each of them.
SHOWN = 20_000  # Characters of an answer; a notebook must not choke on a long one.

_STYLE = """<style>
.waypost{font:13px/1.45 system-ui,sans-serif;color:inherit;max-width:68rem;--wp-ok:#2f9e62;--wp-bad:#d9534f;
  --wp-mid:#c88a1d;--wp-fact:#4c8bd6}
.waypost .wp-head{display:flex;flex-wrap:wrap;gap:.3rem .5rem;align-items:baseline;margin:.1rem 0 .4rem}
.waypost .wp-head b{font-size:1.12em}
.waypost .wp-dim{opacity:.68}
.waypost .wp-chip{display:inline-block;padding:0 .5em;border-radius:1em;white-space:nowrap;
  border:1px solid color-mix(in srgb,currentColor 22%,transparent);
  background:color-mix(in srgb,currentColor 6%,transparent)}
/* Words are mixed with the text's own colour: no one shade can be read on white and on black. */
.waypost .wp-ok{color:color-mix(in srgb,var(--wp-ok) 70%,currentColor)}
.waypost .wp-bad{color:color-mix(in srgb,var(--wp-bad) 75%,currentColor)}
.waypost .wp-mid{color:color-mix(in srgb,var(--wp-mid) 65%,currentColor)}
.waypost table{border-collapse:collapse;margin:.2rem 0 .5rem;font-size:1em;color:inherit;background:none}
.waypost th,.waypost td{text-align:left!important;padding:.16rem .8rem .16rem 0;vertical-align:top;border:0;
  background:none;white-space:nowrap}
.waypost th{font-weight:600;opacity:.68}
.waypost tr{background:none!important}
.waypost tbody tr{border-top:1px solid color-mix(in srgb,currentColor 14%,transparent)}
.waypost .wp-scroll{overflow-x:auto}
.waypost .wp-n{text-align:right!important;font-variant-numeric:tabular-nums}
.waypost .wp-wide{white-space:normal;min-width:12rem}
.waypost .wp-bars{display:grid;grid-template-columns:max-content minmax(8rem,1fr) max-content;gap:.15rem .8rem;
  align-items:center;margin:.2rem 0 .5rem}
.waypost .wp-track{position:relative;height:.95em;border-radius:2px;
  background:color-mix(in srgb,currentColor 8%,transparent)}
.waypost .wp-bar{position:absolute;top:0;bottom:0;min-width:3px;border-radius:2px}
.waypost .wp-first{position:absolute;top:-1px;bottom:-1px;width:2px;background:currentColor}
.waypost .wp-note{grid-column:2/4;margin:-.1rem 0 .2rem}
.waypost .wp-text{white-space:pre-wrap;overflow-wrap:anywhere;padding:.5rem .8rem;margin:.2rem 0 .5rem;
  border-left:3px solid color-mix(in srgb,currentColor 25%,transparent);
  background:color-mix(in srgb,currentColor 4%,transparent)}
.waypost pre{white-space:pre-wrap;overflow-wrap:anywhere;margin:.2rem 0 .5rem;color:inherit;background:none;
  font-size:.95em}
.waypost summary{cursor:pointer;opacity:.8}
.waypost details{margin:.2rem 0}
</style>"""

_OUTCOME = {"ok": "var(--wp-ok)", "error": "var(--wp-bad)", "running": "var(--wp-fact)", "cancelled": "var(--wp-mid)"}


def decision(d: Decision) -> str:
    """Show a decision: the choice and its reason, rules, candidates, and a waterfall of the attempts."""
    return _page(_decision(d))


def response(r: ChatResponse) -> str:
    """Show an answer: its text, who served it, what it cost; the decision folded below."""
    parts = [_served(r)]
    if r.reasoning:
        parts.append(_folded("reasoning", f'<div class="wp-text">{_cut(r.reasoning)}</div>'))
    if r.text or not r.tool_calls:
        parts.append(f'<div class="wp-text">{_cut(r.text) or _dim("no text")}</div>')
    parts += [_tool_call(call) for call in r.tool_calls]
    parts.append(_chips(_answer_facts(r)))
    parts.append(_folded("decision", _decision(r.decision)))
    return _page(*parts)


def batch(answers: BatchResult) -> str:
    """Show many answers: how many, what they cost and took, and the first of them as a table."""
    rows = answers.to_dicts()
    failed = sum(row["error"] is not None for row in rows)
    priced = [row["cost_usd"] for row in rows if row["cost_usd"] is not None]
    took = sorted(row["latency"] for row in rows if row["latency"] is not None)
    facts = [_tokens(sum((row["prompt_tokens"] or 0) + (row["completion_tokens"] or 0) for row in rows))]
    if priced:
        facts.append(
            _money(sum(priced)) + (f" for {len(priced):,} of them" if len(priced) < len(rows) - failed else "")
        )
    if took:
        facts.append(f"median {_seconds(took[len(took) // 2])}")
    head = f"<b>{_count(len(rows), 'call')}</b>" + (_chip(_count(failed, "error"), "wp-bad") if failed else "")
    more = len(rows) - ROWS
    rest = f"<div>{_dim(f'… and {more:,} more; to_dataframe() has them all')}</div>" if more > 0 else ""
    return _page(f'<div class="wp-head">{head}</div>', _chips(facts), _answers(rows[:ROWS]), rest)


def _answers(rows: Sequence[dict[str, Any]]) -> str:
    columns = ["", "answer", "deployment", "cost", "took", "tokens"]
    cells = [
        [
            str(at),
            _in_short(row),
            escape(row["deployment"] or ""),
            _money(row["cost_usd"]),
            _seconds(row["latency"]),
            "" if row["completion_tokens"] is None else f"{row['prompt_tokens']:,} → {row['completion_tokens']:,}",
        ]
        for at, row in enumerate(rows)
    ]
    return _table(columns, cells, numbers={0, 3, 4, 5}, wide={1}) if rows else ""


def _in_short(row: dict[str, Any]) -> str:
    """Show the beginning of an answer, or what went wrong."""
    if row["error"] is not None:
        return f'<span class="wp-bad">✗ {escape(row["error"])}</span> {_beginning(row["message"])}'
    return _beginning(row["text"]) or _dim("no text")


def _beginning(text: str) -> str:
    return escape(text[:BEGINNING]) + ("…" if len(text) > BEGINNING else "")


def embedding(r: EmbeddingResponse) -> str:
    """Show vectors by their number and length; the decision folded below."""
    size = len(r.embeddings[0]) if r.embeddings else 0
    facts = [f"{_count(len(r.embeddings), 'vector')} of {size} dimensions", _tokens(r.usage.prompt_tokens), *_cost(r)]
    return _page(_served(r), _chips(facts), _folded("decision", _decision(r.decision)))


def router(r: Router) -> str:
    """Show how every deployment stands."""
    rows = r.deployments
    head = f"<b>Router</b>{_chip(_count(len(rows), 'deployment'))}{_chip('routes: ' + ', '.join(r.routes))}"
    return _page(f'<div class="wp-head">{head}</div>', _health(rows))


def error(e: WaypostError) -> str:
    """Show an error, and the decision behind it where there is one."""
    head = f'<div class="wp-head"><b class="wp-bad">{escape(type(e).__name__)}</b><span>{escape(str(e))}</span></div>'
    wait = [f"try again in {_seconds(e.retry_after)}"] if e.retry_after is not None else []
    return _page(head, _chips(wait), _decision(e.decision, told=True) if e.decision is not None else "")


def proof(p: Proof) -> str:
    """Show a claim and whether it holds; where it does not, the request that breaks it, and the rules that let it."""
    kind = {"proved": "wp-ok", "counterexample": "wp-bad"}.get(p.answer, "wp-mid")
    mark = {"proved": "✓ ", "counterexample": "✗ "}.get(p.answer, "")
    head = f'<div class="wp-head"><b class="{kind}">{mark}{escape(p.answer)}</b><span>{escape(p.claim)}</span></div>'
    reason = f"<div>{_dim(escape(p.basis))}</div>" if p.basis else ""
    return _page(head, reason, "" if p.counterexample is None else _counterexample(p.counterexample))


def _counterexample(found: Counterexample) -> str:
    signals = json.dumps(_rounded(found.signals), ensure_ascii=False)
    facts = [
        ["request", escape(signals) if found.signals else "any"],
        ["asks for", escape(found.model)],
        ["reaches", f'<b class="wp-bad">{escape(found.deployment)}</b> {_dim(escape(found.way))}'],
    ]
    if found.doubt:
        facts.append(["not known", escape(f"whether that is one of those: {found.doubt}")])
    return _table(["a counterexample", ""], facts, wide={1}) + (_rules(found.rules) or _dim("no rule fires"))


# Parts.


def _page(*parts: str) -> str:
    return f'<div class="waypost">{_STYLE}{"".join(parts)}</div>'


def _decision(d: Decision, *, told: bool = False) -> str:
    """Show a decision; where it is `told` why nobody answered, that is left out."""
    chosen = f'<b class="wp-ok">{escape(d.chosen)}</b>' if d.chosen else '<b class="wp-bad">nobody</b>'
    named = _chip(d.error, "wp-bad") if d.error and not told else ""
    head = f'<div class="wp-head"><span>route <b>{escape(d.route)}</b> →</span>{chosen}{named}</div>'
    reason = "" if told else f"<div>{escape(d.reason)}</div>"
    signals = json.dumps(_rounded(d.signals), indent=1, ensure_ascii=False, default=str)
    decided = _dim(f"decided in {d.overhead_us:,.0f} µs")
    return "".join(
        [
            head,
            reason,
            _rules(d.rules),
            _candidates(d.candidates),
            _waterfall(d),
            _folded("signals", f"<pre>{escape(signals)}</pre>"),
            f"<div>{decided}</div>",
        ]
    )


def _rounded(value: Any) -> Any:
    """Cut the digits that no reader wants: scores are single floats, and show as 0.949999988079071."""
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    return [_rounded(inner) for inner in value] if isinstance(value, list) else value


def _rules(rules: Iterable[RuleFired]) -> str:
    rows = [
        [
            escape(rule.name),
            escape(rule.effect),
            f'<span class="wp-mid">{escape(_consequence(rule))}</span>' if rule.error else "",
        ]
        for rule in rules
    ]
    return _table(["rule fired", "effect", ""], rows) if rows else ""


def _consequence(rule: RuleFired) -> str:
    """What came of a condition that failed: what narrows or protects held all the same, the rest did not happen."""
    closed = {"require", "deny", "block", "redact"}
    effects = rule.effect.split(",")
    held, lost = [e for e in effects if e in closed], [e for e in effects if e not in closed]
    parts = [f"{','.join(some)} {word}" for some, word in ((held, "applied"), (lost, "not applied")) if some]
    return f"{', '.join(parts)}, because its condition failed: {rule.error}"


def _candidates(candidates: Sequence[Candidate]) -> str:
    if not candidates:
        return ""
    columns = ["", "candidate", "verdict", "cost, estimated", "latency, p50", "score", "quality"]
    rows = [
        [
            "" if c.rank is None else f"{c.rank}.",
            escape(c.deployment),
            _verdict(c),
            _money(c.estimated_cost) if c.estimated_cost is not None else _dim("unpriced"),
            _seconds(c.expected_latency),
            _score(c),
            "" if c.predicted_quality is None else f"{c.predicted_quality:.0%}",
        ]
        for c in candidates
    ]
    return _table(columns, rows, numbers={0, 3, 4, 5, 6}, wide={2})


def _verdict(c: Candidate) -> str:
    if not c.accepted:
        detail = f" {escape(c.detail)}" if c.detail else ""
        return f'<span class="wp-bad">✗ {escape(c.reason or "refused")}</span>{detail}'
    return '<span class="wp-ok">✓</span> may serve' + (f" {_chip('fallback')}" if c.fallback else "")


def _score(c: Candidate) -> str:
    if c.score is None:
        return ""
    parts = ", ".join(f"{name} {value:.3f}" for name, value in c.scores.items())
    return f'<span title="{escape(parts)}">{c.score:.4f}</span>'


def _waterfall(d: Decision) -> str:
    """Draw the decision and each attempt as bars over the time of the call."""
    if not d.attempts:
        return ""
    deciding = d.overhead_us / 1e6
    whole = max([deciding, *(a.started + a.duration for a in d.attempts)]) or 1.0
    rows = [_bar("decide", "var(--wp-fact)", 0.0, deciding, whole, _seconds(deciding))]
    rows += [_attempt(a, whole) for a in d.attempts]
    return f'<div class="wp-bars">{"".join(rows)}</div>'


def _attempt(a: Attempt, whole: float) -> str:
    mark = {"ok": "✓", "error": "✗"}.get(a.outcome, "…")
    label = f"{mark} {escape(a.deployment)}" + (f" {_chip('hedge')}" if a.hedge else "")
    first = None if a.ttft is None else a.started + a.ttft
    told = [_seconds(a.duration)] + ([f"first token {_seconds(a.ttft)}"] if a.ttft is not None else [])
    colour = _OUTCOME.get(a.outcome, "currentColor")
    bar = _bar(label, colour, a.started, a.duration, whole, ", ".join(told), first)
    notes = [text for text in (a.error, a.message) if text]
    if a.retry_after is not None:
        notes.append(f"asked to wait {a.retry_after:.1f} s")
    if a.possibly_billed:
        notes.append("possibly billed")
    return bar + (f'<div class="wp-note wp-dim">{escape(" — ".join(notes))}</div>' if notes else "")


def _bar(
    label: str, colour: str, start: float, length: float, whole: float, told: str, first: float | None = None
) -> str:
    left, width = 100 * start / whole, 100 * length / whole
    left = min(left, 99.5)
    tick = "" if first is None else f'<span class="wp-first" style="left:{min(100 * first / whole, 99.8):.2f}%"></span>'
    return (
        f'<div>{label}</div><div class="wp-track"><span class="wp-bar" '
        f'style="left:{left:.2f}%;width:{min(width, 100 - left):.2f}%;background:{colour}"></span>{tick}</div>'
        f'<div class="wp-n">{told}</div>'
    )


def _health(rows: Sequence[DeploymentStatus]) -> str:
    columns = [
        "deployment",
        "model",
        "state",
        "in flight",
        "waiting",
        "requests",
        "errors",
        "p50",
        "p95",
        "first token",
        "spend",
    ]
    body = [
        [
            escape(row.name) + "".join(f" {_chip(tag)}" for tag in row.tags),
            escape(f"{row.provider}/{row.model}"),
            _state(row),
            str(row.in_flight),
            f"{row.waiting:,}" if row.waiting else "",
            f"{row.requests:,}",
            f"{row.error_rate:.0%}",
            _seconds(row.p50),
            _seconds(row.p95),
            _seconds(row.ttft),
            _money(row.spend),
        ]
        for row in rows
    ]
    if any(row.limits_left for row in rows):
        columns.append("limits left")
        for cells, row in zip(body, rows, strict=True):
            cells.append(escape(", ".join(f"{name} {left:,}" for name, left in row.limits_left.items())))
    return _table(columns, body, numbers=set(range(3, 12)))


def _state(row: DeploymentStatus) -> str:
    if row.disabled:
        return '<span class="wp-mid">disabled</span>'
    if row.breaker == "closed":
        return '<span class="wp-ok">healthy</span>'
    wait = f", probed in {_seconds(row.opens_in)}" if row.opens_in else ""
    word = "resting" if row.breaker == "open" else "probing"
    return f'<span class="wp-bad">{word}</span>{_dim(wait)}'


def _served(r: ChatResponse | EmbeddingResponse) -> str:
    by = f"<b>{escape(r.deployment)}</b>"
    model = _dim(escape(f"{r.provider}/{r.model}"))
    failed = sum(a.outcome == "error" for a in r.decision.attempts)
    after = _chip(f"after {_count(failed, 'failed attempt')}", "wp-mid") if failed else ""
    return f'<div class="wp-head">{by}{model}{after}</div>'


def _answer_facts(r: ChatResponse) -> list[str]:
    usage = r.usage
    tokens = f"{usage.prompt_tokens:,} → {_tokens(usage.completion_tokens)}"
    special = ((usage.cached_tokens, "cached"), (usage.reasoning_tokens, "reasoning"))
    extra = [f"{count:,} {word}" for count, word in special if count]
    facts = [tokens + (f" ({', '.join(extra)})" if extra else ""), *_cost(r), f"took {_seconds(r.latency)}"]
    if r.ttft is not None:
        facts.append(f"first token {_seconds(r.ttft)}")
    if r.finish_reason != "stop":
        facts.append(f"finished: {r.finish_reason}")
    return facts


def _cost(r: ChatResponse | EmbeddingResponse) -> list[str]:
    cost = r.cost
    if cost.usd is None:
        return ["unpriced"]
    told = _money(cost.usd) + (" (estimated)" if cost.status == "estimated" else "")
    return [told] + ([f"saved {_money(cost.saved_usd)}"] if cost.saved_usd else [])


def _tool_call(call: dict[str, Any]) -> str:
    function = call.get("function") or {}
    said = f"{function.get('name', '')}({function.get('arguments', '')})"
    return f'<pre class="wp-text">{_cut(said)}</pre>'


# Words.


def _table(
    columns: Sequence[str], rows: list[list[str]], *, numbers: Iterable[int] = (), wide: Iterable[int] = ()
) -> str:
    """Build a table of cells that are HTML already, without the columns in which no row has anything."""
    kept = [at for at in range(len(columns)) if any(row[at] for row in rows)]
    kind = {**dict.fromkeys(numbers, ' class="wp-n"'), **dict.fromkeys(wide, ' class="wp-wide"')}
    head = "".join(f"<th{kind.get(at, '')}>{escape(columns[at])}</th>" for at in kept)
    body = "".join("<tr>" + "".join(f"<td{kind.get(at, '')}>{row[at]}</td>" for at in kept) + "</tr>" for row in rows)
    return f'<div class="wp-scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _folded(title: str, body: str) -> str:
    return f"<details><summary>{escape(title)}</summary>{body}</details>"


def _chip(text: str, kind: str = "") -> str:
    return f'<span class="wp-chip {kind}">{escape(text)}</span>'


def _chips(texts: Iterable[str]) -> str:
    chips = "".join(map(_chip, texts))
    return f'<div class="wp-head">{chips}</div>' if chips else ""


def _dim(html: str) -> str:
    return f'<span class="wp-dim">{html}</span>' if html else ""


def _cut(text: str) -> str:
    rest = len(text) - SHOWN
    return escape(text[:SHOWN]) + (_dim(f" … and {rest:,} characters more") if rest > 0 else "")


def _money(usd: float | None) -> str:
    if usd is None:
        return ""
    if usd == 0 or usd >= 1:
        return f"${usd:,.2f}"
    return f"${usd:.4f}" if usd >= 0.01 else f"${usd:.6f}"


def _seconds(seconds: float | None) -> str:
    if seconds is None:
        return ""
    if seconds < 0.001:
        return f"{seconds * 1e6:.0f} µs"
    return f"{seconds * 1e3:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"


def _tokens(count: int) -> str:
    return _count(count, "token")


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"
