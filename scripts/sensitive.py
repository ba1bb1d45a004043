#!/usr/bin/env python3
"""Prints what detection of sensitive content finds, misses and invents: the tables of `docs/sensitive.md`.

    scripts/sensitive.py [--show NAME] [--no-times]

The corpora are looked for in $WAYPOST_DATA, else in ../shared/data beside the repository. Detection is that of the crate, through
`examples/sensitive.rs`. `--show` prints what was missed or invented in one line of the tables.
"""

from __future__ import annotations

import argparse
import base64
import collections
import gzip
import json
import os
import pathlib
import subprocess
import sys
import urllib.parse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Types of the corpora under our names; what is absent is counted by the gate only.
SIX = {
    "EMAIL_ADDRESS": "email",
    "PHONE_NUMBER": "phone",
    "CREDIT_CARD": "credit_card",
    "US_SSN": "us_ssn",
    "IBAN_CODE": "iban",
    "IP_ADDRESS": "ip_address",
}
# Identifiers for which a request is held back.
GATE = {*SIX, "US_DRIVER_LICENSE"}
# Labels of text that need a model, or are no identifiers by themselves.
SOFT = {
    "PERSON",
    "GPE",
    "ORGANIZATION",
    "TITLE",
    "NRP",
    "AGE",
    "LOCATION",
    "STREET_ADDRESS",
    "ZIP_CODE",
    "URL",
    "DOMAIN_NAME",
    "DATE_TIME",
}
OVERLAP = 0.5
# A finding of a test file that is only a place, not a secret.
PHRASE = "Please keep this for me: {} and tell nobody."
SAMPLES = [
    ("email", "anna.berg@example.org"),
    ("iban", "DE89370400440532013000"),
    ("credit_card", "4111 1111 1111 1111"),
    ("us_ssn", "SSN 536-90-4399"),
    ("phone", "phone +49 30 901820"),
    ("fr_nir", "NIR 2 55 08 14 168 025 38"),
    ("health", "my patient was diagnosed with leukaemia"),
    ("address", "Lindenstraße 12, 10969 Berlin"),
    ("github_token", "ghp_" + "x7Kq9LmZ2RtY4WvB8NcD1FgH5JpS3AeU6TiQ"),
    ("password", "password = 'tr0ub4dor&3xKq'"),
]  # fmt: skip


def data() -> pathlib.Path:
    """Return the folder of the corpora, or leave."""
    for place in (os.environ.get("WAYPOST_DATA"), ROOT / "../shared/data", ROOT.parent / "../shared/data"):
        if place and (pathlib.Path(place) / "sensitive/pii_cases.jsonl").exists():
            return pathlib.Path(place)
    return sys.exit("no corpora: set WAYPOST_DATA")


def lines(name: str) -> Iterator[dict[str, Any]]:
    """Read JSON lines, zipped or not."""
    raw = (data() / name).read_bytes()
    text = (gzip.decompress(raw) if name.endswith(".gz") else raw).decode("utf-8")
    yield from (json.loads(line) for line in text.split("\n") if line)


def example(*flags: str, given: str = "") -> str:
    """Run the crate's example."""
    command = [
        "cargo",
        "run",
        "-q",
        "--no-default-features",
        "--profile",
        "fast",
        "--example",
        "sensitive",
        "--",
        *flags,
    ]
    return subprocess.run(command, input=given, capture_output=True, text=True, check=True, cwd=ROOT).stdout


def scan(texts: Iterable[str]) -> list[list[tuple[int, int, str]]]:
    """Find everything in each text."""
    given = "".join(json.dumps({"id": at, "text": text}) + "\n" for at, text in enumerate(texts))
    return [[tuple(span) for span in json.loads(line)["spans"]] for line in example(given=given).splitlines()]


def overlap(a: tuple[int, int, str], b: tuple[int, int, str]) -> float:
    """The shared part of two spans."""
    shared = max(0, min(a[1], b[1]) - max(a[0], b[0]))
    return shared / max(1, max(a[1], b[1]) - min(a[0], b[0]))


def figures(found: int, invented: int, missed: int) -> str:
    """Precision, recall and F1 of counts."""
    precision, recall = found / max(1, found + invented), found / max(1, found + missed)
    return f"{precision:.3f} | {recall:.3f} | {2 * precision * recall / max(1e-9, precision + recall):.3f}"


class Report:
    """Rows of tables, and what stands behind one of them."""

    def __init__(self, show: str | None) -> None:
        """Show the texts behind the line `show`."""
        self.show = show

    def why(self, name: str, what: str, text: str) -> None:
        """Say what went wrong, if asked."""
        if self.show and self.show in name:
            print(f"    {what} {name}: {text[:220]!r}")

    def spans(self, name: str, rows: list[dict[str, Any]], only: str | None = None) -> None:
        """Score labelled spans of the six types, or of one, and the gate."""
        counts: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
        for row, found in zip(rows, scan(row["text"] for row in rows), strict=True):
            gold = [(start, end, SIX[kind]) for start, end, kind in row["spans"] if kind in SIX]
            mine = [span for span in found if span[2] in SIX.values()]
            for span in gold:
                hit = next((have for have in mine if have[2] == span[2] and overlap(have, span) >= OVERLAP), None)
                counts[span[2]]["found" if hit else "missed"] += 1
                if hit:
                    mine.remove(hit)
                else:
                    self.why(f"{name} {span[2]}", "missed", row["text"][span[0] : span[1]] + " IN " + row["text"])
            for span in mine:
                counts[span[2]]["invented"] += 1
                self.why(f"{name} {span[2]}", "invented", row["text"][span[0] : span[1]] + " IN " + row["text"])
            holds = any(kind in GATE for _, _, kind in row["spans"])
            soft = any(kind not in SOFT for _, _, kind in row["spans"])
            if holds or not soft:
                personal = bool(mine or any(span[2] in SIX.values() or "licen" in span[2] for span in found))
                counts["gate"][
                    ("found" if personal else "missed") if holds else "invented" if personal else "quiet"
                ] += 1
        for kind, count in sorted(counts.items()):
            if only is None or kind == only:
                values = figures(count["found"], count["invented"], count["missed"])
                print(f"| {name} | {kind} | {count['found'] + count['missed']} | {values} |")

    def share(self, name: str, rows: list[tuple[str, Callable[[tuple[int, int, str]], bool]]]) -> None:
        """Print the share of texts with a finding that counts."""
        found = scan(text for text, _ in rows)
        hits = [any(counts(span) for span in spans) for (_, counts), spans in zip(rows, found, strict=True)]
        for (text, _), hit, spans in zip(rows, hits, found, strict=True):
            self.why(name, f"hit {spans}" if hit else "none", text)
        print(f"| {name} | {len(rows)} | {sum(hits)} | {100 * sum(hits) / max(1, len(rows)):.1f} % |")


def anything(_: tuple[int, int, str]) -> bool:
    """Count every finding."""
    return True


def near(row: dict[str, Any]) -> Callable[[tuple[int, int, str]], bool]:
    """Count findings that touch a label."""
    labels = [tuple(span) for span in row["spans"]]
    return lambda span: any(overlap(span, label) > 0 for label in labels)


def personal(report: Report) -> None:
    """Print precision, recall and F1 of personal data."""
    print("\n| set | type | labels | precision | recall | F1 |\n|---|---|---|---|---|---|")
    corpus = [row for row in lines("sensitive/pii_corpus.jsonl") if row["spans"] is not None]
    report.spans("letters", corpus)
    cases = list(lines("sensitive/pii_cases.jsonl"))
    for entity, kind in SIX.items():
        report.spans("recogniser tables", [row for row in cases if row["entity"] == entity], kind)


def identifiers(report: Report) -> None:
    """Print how many numbers of each country are found when they are announced, and when they are not."""
    print("\n| identifiers | texts | found | |\n|---|---|---|---|")
    cases = [row for row in lines("sensitive/pii_cases.jsonl") if row["entity"] not in SIX and row["positive"]]
    presidio = [
        row
        for row in cases
        if not row["entity"].startswith("ID:") and row["entity"] not in ("GUID", "URL", "DATE_TIME")
    ]
    sure = [row for row in presidio if min(row.get("scores") or [1]) >= 0.5]
    report.share("Presidio's tables, certain ones", [(row["text"], near(row)) for row in sure])
    numbers = [row for row in cases if row["entity"].startswith("ID:")]
    report.share("national numbers alone", [(row["text"], near(row)) for row in numbers])


def secrets(report: Report) -> None:
    """Print how many secrets of each source are found, and what is taken for one."""
    print("\n| secrets | texts | found | |\n|---|---|---|---|")
    rows = list(lines("sensitive/secrets_cases.jsonl"))
    for source in ("gitleaks", "detect-secrets", "secretlint"):
        mine = [row for row in rows if source in row["source"]]
        report.share(source, [(row["text"], anything) for row in mine if row["positive"]])
        clean = [row for row in mine if row.get("neg_scope") == "clean"]
        report.share(f"{source}, no secret", [(row["text"], anything) for row in clean])


def alarms(report: Report) -> None:
    """Print findings in texts that hold nothing."""
    print("\n| harmless | texts | with a finding | |\n|---|---|---|---|")
    code = list(lines("sensitive/code_cases.jsonl"))
    for label in ("code", "prose"):
        report.share(label, [(row["text"], anything) for row in code if row["label"] == label])
    benign = [row for row in lines("sensitive/attacks.jsonl") if row["label"] == "benign"]
    report.share("harmless prompts of the attacks", [(row["text"], anything) for row in benign])
    for name in ("intent_clinc150", "intent_banking77", "mmlu_pro", "llmrouter_uiuc"):
        rows = list(lines(f"routing/{name}.train.jsonl.gz"))[:2000]
        report.share(name, [(row["prompt"], anything) for row in rows])


TWINS = str.maketrans({"a": "а", "e": "е", "o": "о", "p": "р", "c": "с", "x": "х", "i": "і"})  # noqa: RUF001 - that is the point
WIDE = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}
ENCODINGS: dict[str, Callable[[str], str]] = {
    "plain": lambda text: text,
    "JSON arguments": lambda text: json.dumps({"note": text}),
    "JSON inside JSON": lambda text: json.dumps({"arguments": json.dumps({"note": text})}),
    "JSON, all escaped": lambda text: '{"note": "' + "".join(f"\\u{ord(c):04x}" for c in text) + '"}',
    "base64 once": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "base64 in a data URL": lambda text: "data:text/plain;base64," + base64.b64encode(text.encode()).decode(),
    "base64 in lines of 76": lambda text: base64.encodebytes((text + " " * 60).encode()).decode(),
    "percent-encoded": urllib.parse.quote,
    "HTML entities": lambda text: "".join(f"&#{ord(c)};" for c in text),
    "full width": lambda text: text.translate(WIDE),
    "Cyrillic twins": lambda text: text.translate(TWINS),
    "zero-width spaces": lambda text: "\u200b".join(text),  # noqa: PLW0108
    "mathematical letters": lambda text: "".join(
        chr(0x1D5BA + ord(c) - 97) if "a" <= c <= "z" else chr(0x1D5A0 + ord(c) - 65) if "A" <= c <= "Z" else c
        for c in text
    ),
    "hexadecimal": lambda text: text.encode().hex(),
    "base64 twice": lambda text: base64.b64encode(base64.b64encode(text.encode())).decode(),
}


def encodings(report: Report) -> None:
    """Print the share of ten kinds that are found in each encoding."""
    print("\n| encoding | texts | found | |\n|---|---|---|---|")
    for name, encode in ENCODINGS.items():
        texts = [PHRASE.format(text) for _, text in SAMPLES]
        report.share(name, [(encode(text), anything) for text in texts])


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--show", help="print what stands behind the lines whose name contains this")
    parser.add_argument("--no-times", action="store_true", help="leave the times out")
    args = parser.parse_args()
    report = Report(args.show)
    for part in (personal, identifiers, secrets, alarms, encodings):
        part(report)
    if not args.no_times:
        print("\n" + example("--bench"))


if __name__ == "__main__":
    main()
