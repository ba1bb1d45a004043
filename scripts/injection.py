#!/usr/bin/env python3
"""Fits the weights of the signal `injection`, and measures them.

    scripts/injection.py fit                 # writes src/signals/injection/weights.bin; build again afterwards
    scripts/injection.py measure [--pyrit DIR] [--agentdojo DIR] [--spacy DIR]

The features are those of the crate, read through `examples/injection.rs`, so that there is one implementation of them. The corpora are looked
for in $WAYPOST_DATA, else in ../shared/data beside the repository; what is written for waypost is in scripts/injection/. `measure`
takes unpacked wheels of other projects too, which no weight was fitted on. Needs numpy and scikit-learn.
"""

from __future__ import annotations

import argparse
import ast
import collections
import dataclasses
import gzip
import itertools
import json
import os
import pathlib
import random
import re
import struct
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT = pathlib.Path(__file__).resolve().parent.parent
WEIGHTS = ROOT / "src/signals/injection/weights.bin"
BUCKETS, MEANINGS, TOP = 1 << 17, 16, 4
PLACES = MEANINGS + MEANINGS**2 + MEANINGS**3
# More of a long text teaches nothing new.
LONGEST = 6000
FOLDS = 5
# A text of so many characters is long, and a short attack can hide in it; so often, if it was written for waypost.
LONG, BURIALS = 400, 4
# Windows that a buried attack touches.
TOUCHED = 2
# The share of harmless texts that may score above a half, out of fold: as a whole, and for one passage of them.
WHOLE_ALARMS, PEAK_ALARMS = 0.007, 0.004
# Found by cross-validation: inverse strength of the penalty of windows.
PENALTY = 5.0
# How many times the cues count against the hashed features in the penalty.
CUE_SCALE = 0.35
# Harmless prompts of each corpus at most: variety counts, not size.
SAMPLES = {
    "intent_clinc150": 2500,
    "llmrouter_uiuc": 1500,
    "mmlu_pro": 900,
    "routellm_mmlu": 400,
    "zeroeval_gsm": 200,
    "zeroeval_math_l5": 200,
    "zeroeval_crux": 200,
    "routerarena_sub10": 600,
}
# Corpora that no weight is fitted on: only measured.
UNSEEN = {"intent_banking77"}


@dataclasses.dataclass(frozen=True)
class Row:
    """One text and what it is."""

    text: str
    attack: bool
    corpus: str
    group: str
    # An attack that stands somewhere in a long harmless text.
    buried: bool = False


def data() -> pathlib.Path:
    """Return the folder of the corpora, or leave."""
    for place in (os.environ.get("WAYPOST_DATA"), ROOT / "../shared/data", ROOT.parent / "../shared/data"):
        if place and (pathlib.Path(place) / "sensitive/attacks.jsonl").exists():
            return pathlib.Path(place)
    return sys.exit("no corpora: set WAYPOST_DATA")


def lines(path: pathlib.Path) -> Iterator[dict[str, Any]]:
    """Read JSON lines, zipped or not."""
    raw = path.read_bytes()
    text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8")
    yield from (json.loads(line) for line in text.split("\n") if line)


def attacks() -> Iterator[Row]:
    """Read the labelled attacks and their harmless look-alikes; plain harmful requests are neither."""
    for row in lines(data() / "sensitive/attacks.jsonl"):
        corpus = re.sub(r"[^/]*/|@\w+", "", row["source"])
        if row["label"] in ("injection", "jailbreak"):
            yield Row(row["text"], attack=True, corpus=corpus, group=row["group"])
        elif row["label"] == "benign":
            yield Row(row["text"], attack=False, corpus=corpus, group=row["group"])


def own() -> Iterator[Row]:
    """Read what was written for waypost."""
    for name, attack in (("attacks", True), ("harmless", False)):
        for at, line in enumerate((ROOT / f"scripts/injection/{name}.txt").read_text("utf-8").splitlines()):
            if line and not line.startswith("# "):
                yield Row(line, attack=attack, corpus=f"own {name}", group=f"own{at // 3}")


def prompts(names: Iterable[str]) -> Iterator[Row]:
    """Read ordinary prompts of other people's collections."""
    rng = random.Random(7)
    for name in names:
        rows = list(lines(data() / f"routing/{name}.train.jsonl.gz"))
        rng.shuffle(rows)
        for row in rows[: SAMPLES.get(name, 1000)]:
            yield Row(row["prompt"], attack=False, corpus=name, group=row["id"])


def texts() -> Iterator[Row]:
    """Read letters, forms and code."""
    for name, most in (("pii_corpus", 800), ("code_cases", 400)):
        for row in list(lines(data() / f"sensitive/{name}.jsonl"))[:most]:
            yield Row(row["text"], attack=False, corpus=name, group=str(row["group"]))


def harmless_labels() -> Iterator[Row]:
    """Read the router's own test prompts that are labelled as no jailbreak."""
    for row in lines(data() / "routing/intent_vllm_sr.train.jsonl.gz"):
        if row["task"] == "domain_classify":
            yield Row(row["prompt"], attack=False, corpus="intent_vllm_sr", group=row["id"])


def bury(rows: list[Row]) -> Iterator[Row]:
    """Put short attacks into long harmless texts, as tool results and files hold them."""
    rng = random.Random(11)
    around = [row.text for row in rows if not row.attack and len(row.text) > LONG]
    for row in rows:
        if row.corpus == "own attacks":
            for _ in range(BURIALS):
                text = rng.choice(around)[:LONGEST]
                at = text.find(" ", rng.randrange(len(text))) % len(text)
                text = f"{text[:at]}\n{row.text}\n{text[at:]}"
                yield Row(text, attack=True, corpus=f"{row.corpus}, buried", group=row.group, buried=True)


def rows() -> list[Row]:
    """All texts to fit on."""
    plain = [*attacks(), *own(), *prompts(SAMPLES), *texts(), *harmless_labels()]
    return [row for row in [*plain, *bury(plain)] if row.text.strip()]


Blocks = list[tuple[list[int], list[int]]]


def ask(texts: Iterable[str], *flags: str) -> Iterator[dict[str, Any]]:
    """Ask the crate about texts."""
    command = [
        "cargo",
        "run",
        "-q",
        "--no-default-features",
        "--profile",
        "fast",
        "--example",
        "injection",
        "--",
        *flags,
    ]
    given = "".join(json.dumps({"id": at, "text": text}) + "\n" for at, text in enumerate(texts))
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=True, cwd=ROOT)
    return map(json.loads, done.stdout.splitlines())


def windows(blocks: Blocks) -> Blocks:
    """Two neighbouring blocks at a time, as the crate weighs them."""
    if len(blocks) < 2:
        return blocks
    return [(a[0] + b[0], a[1] + b[1]) for a, b in itertools.pairwise(blocks)]


def matrix(all_windows: Blocks) -> csr_matrix:
    """One row a window: hashed features over the root of their number, then cues."""
    columns: list[int] = []
    values: list[float] = []
    ends = [0]
    for hashed, cues in all_windows:
        root = max(1, len(hashed)) ** 0.5
        for at, count in collections.Counter(hashed).items():
            columns.append(at)
            values.append(count / root)
        for at, count in collections.Counter(cues).items():
            columns.append(BUCKETS + at)
            values.append(count * CUE_SCALE)
        ends.append(len(columns))
    return csr_matrix((values, columns, ends), shape=(len(all_windows), BUCKETS + PLACES), dtype=np.float32)


@dataclasses.dataclass
class Model:
    """Weights of windows, and of the whole."""

    weights: np.ndarray
    bias: float
    whole: np.ndarray
    peak: np.ndarray

    def scores(self, features: csr_matrix, owners: np.ndarray, count: int) -> np.ndarray:
        """The facts of each text: highest window, mean of the highest, mean of all, length."""
        found = features @ self.weights + self.bias
        order = np.argsort(owners, kind="stable")
        bounds = np.searchsorted(owners[order], np.arange(count + 1))
        facts = np.zeros((count, 4))
        for at in range(count):
            mine = np.sort(found[order[bounds[at] : bounds[at + 1]]])[::-1]
            if len(mine):
                facts[at] = mine[0], mine[:TOP].mean(), mine.mean(), np.log(len(mine))
            else:
                facts[at] = self.bias, 0, 0, 0
        return facts

    def logits(self, facts: np.ndarray) -> np.ndarray:
        """The log-odds of each text: as a whole, or for its worst passage."""
        return np.maximum(self.whole[0] + facts @ self.whole[1:], self.peak[0] + facts[:, [0, 3]] @ self.peak[1:])


def weigh(rows: list[Row]) -> np.ndarray:
    """Every attack counts alike, every harmless text alike, both sides together the same but for a factor."""
    labels = np.array([row.attack for row in rows])
    return np.where(labels, 1.0 / labels.sum(), 1.0 / (~labels).sum()) * len(rows) / 2


def fit_windows(
    features: csr_matrix, owners: np.ndarray, rows: list[Row], kept: np.ndarray
) -> tuple[np.ndarray, float]:
    """Fit the windows; those of an attack that are not kept are left out."""
    labels = np.array([row.attack for row in rows])[owners]
    share = np.bincount(owners[kept], minlength=len(rows)).clip(1)
    weights = weigh(rows)[owners] / np.sqrt(share[owners])
    solver = LogisticRegression(C=PENALTY, max_iter=400, tol=1e-3)
    solver.fit(features[kept], labels[kept], sample_weight=weights[kept])
    return solver.coef_[0], float(solver.intercept_[0])


def fit_model(features: csr_matrix, owners: np.ndarray, rows: list[Row]) -> tuple[np.ndarray, float]:
    """Fit on all windows, then again without the windows of attacks that look harmless: a long attack has such."""
    kept = np.array([not row.buried for row in rows])[owners]
    weights, bias = fit_windows(features, owners, rows, kept)
    found = features @ weights + bias
    for at in {int(owner) for owner in owners if rows[owner].attack}:
        mine = np.flatnonzero(owners == at)
        order = np.sort(found[mine])
        kept[mine] = found[mine] >= (order[-TOUCHED:][0] if rows[at].buried else np.median(order))
    return fit_windows(features, owners, rows, kept)


def out_of_fold(features: csr_matrix, owners: np.ndarray, rows: list[Row]) -> np.ndarray:
    """The facts of each text by models that have not seen its group."""
    facts = np.zeros((len(rows), 4))
    groups = np.array([row.group for row in rows])
    for seen, unseen in GroupKFold(FOLDS).split(groups, groups=groups):
        place = np.full(len(rows), -1)
        place[seen] = np.arange(len(seen))
        mine = place[owners] >= 0
        model = Model(
            *fit_model(features[mine], place[owners[mine]], [rows[at] for at in seen]), np.zeros(5), np.zeros(3)
        )
        facts[unseen] = model.scores(features, owners, len(rows))[unseen]
    return facts


def fit_facts(facts: np.ndarray, rows: list[Row], alarms: float) -> np.ndarray:
    """What the facts of a text are worth; a half is where `alarms` of the harmless texts are."""
    labels = np.array([row.attack for row in rows])
    solver = LogisticRegression(C=1.0).fit(facts, labels, sample_weight=weigh(rows))
    logits = facts @ solver.coef_[0]
    # Not those written for waypost: they are harder than what people ask.
    harmless = np.sort(logits[[not row.attack and row.corpus != "own harmless" for row in rows]])
    cut = harmless[int(len(harmless) * (1 - alarms))]
    return np.array([-cut, *solver.coef_[0]])


def fit_whole(facts: np.ndarray, rows: list[Row]) -> tuple[np.ndarray, np.ndarray]:
    """Fit the text as a whole on the plain attacks, and its worst passage on the buried ones."""

    def some(kept: list[bool], columns: list[int], alarms: float) -> np.ndarray:
        chosen = [row for row, keep in zip(rows, kept, strict=True) if keep]
        return fit_facts(facts[kept][:, columns], chosen, alarms)

    whole = some([not row.buried for row in rows], [0, 1, 2, 3], WHOLE_ALARMS)
    peak = some([row.buried or not row.attack for row in rows], [0, 3], PEAK_ALARMS)
    return whole, peak


def write(model: Model) -> None:
    """Write the weights as signed bytes."""
    hashed, cues = model.weights[:BUCKETS], model.weights[BUCKETS:] * CUE_SCALE
    parts = [(part, np.quantile(np.abs(part[part != 0]), 0.9999) / 127) for part in (hashed, cues)]
    steps = [step for _, step in parts]
    tables = [np.clip(np.round(part / step), -127, 127).astype(np.int8).tobytes() for part, step in parts]
    numbers = struct.pack("<11f", *steps, model.bias, *model.whole, *model.peak)
    WEIGHTS.write_bytes(b"WPI1" + numbers + b"".join(tables))


def table(title: str, rows: list[Row], logits: np.ndarray) -> None:
    """Print the share of each corpus that is above a half."""
    print(f"\n{title}\n\n| corpus | | texts | above 0.5 |\n|---|---|---|---|")
    by = collections.defaultdict(list)
    for row, logit in zip(rows, logits, strict=True):
        by[row.attack, row.corpus].append(logit > 0)
    for (attack, corpus), above in sorted(by.items(), key=lambda item: (not item[0][0], item[0][1])):
        kind = "attacks" if attack else "harmless"
        print(f"| {corpus} | {kind} | {len(above)} | {100 * np.mean(above):.1f} % |")
    labels = np.array([row.attack for row in rows])
    if labels.any() and not labels.all():
        for rate in (0.001, 0.01, 0.05):
            cut = np.sort(logits[~labels])[int((~labels).sum() * (1 - rate))]
            print(f"at {100 * rate:g} % false alarms: {100 * np.mean(logits[labels] > cut):.1f} % of the attacks")


def fit() -> None:
    """Fit, print what cross-validation says, and write."""
    fitted = rows()
    answers = ask((row.text[:LONGEST] for row in fitted), "--features")
    each = [windows(answer["blocks"]) for answer in answers]
    owners = np.repeat(np.arange(len(each)), [len(one) for one in each])
    features = matrix([window for one in each for window in one])
    facts = out_of_fold(features, owners, fitted)
    model = Model(*fit_model(features, owners, fitted), *fit_whole(facts, fitted))
    table("Out of fold (five folds, no group on both sides)", fitted, model.logits(facts))
    write(model)
    print(f"\nwrote {WEIGHTS.stat().st_size} bytes")


def pyrit(folder: pathlib.Path) -> Iterator[Row]:
    """Read the jailbreak templates of PyRIT's wheel (MIT), but for those collected where ours are."""
    for path in sorted((folder / "pyrit/datasets/jailbreak/templates").rglob("*.yaml")):
        if "in_the_wild" not in path.parts:
            text = path.read_text("utf-8").partition("\nvalue:")[2].lstrip(" >|-+")
            yield Row(re.sub(r"(?m)^ {2}", "", text), attack=True, corpus="PyRIT templates", group=path.stem)


def agentdojo(folder: pathlib.Path) -> Iterator[Row]:
    """Put AgentDojo's attacks (MIT) into its own tool results; those results alone are harmless."""
    suites = folder / "agentdojo/data/suites"
    strings = [
        text
        for path in sorted((folder / "agentdojo/attacks").glob("*.py"))
        for text in re.findall(r'_JB_STRING = \(?((?:\s*".*"\s*)+)\)?', path.read_text("utf-8"))
    ]
    templates = [text for text in map(ast.literal_eval, (f"({text})" for text in strings)) if "{goal}" in text]
    goals = []
    for path in sorted((folder / "agentdojo/default_suites/v1").glob("*/injection_tasks.py")):
        goals += re.findall(r'GOAL = f?"([^"]{20,})"', path.read_text("utf-8"))
    plain = []
    for path in sorted(suites.rglob("*.yaml")):
        if path.name != "injection_vectors.yaml":
            clean = re.sub(r"\{\w*injection\w*\}", "", path.read_text("utf-8"))
            plain += [part for part in re.split(r"(?m)^\s*- (?=\w+:)", clean) if len(part) > 80]
    rng = random.Random(3)
    for text in plain:
        yield Row(text, attack=False, corpus="AgentDojo tool results", group=text)
    for template in templates:
        for goal in goals:
            text = template.replace("{goal}", goal).replace("{user}", "Emma Johnson").replace("{model}", "GPT-4")
            yield Row(rng.choice(plain) + text, attack=True, corpus="AgentDojo in tool results", group=goal)


def spacy(folder: pathlib.Path) -> Iterator[Row]:
    """Read spaCy's example sentences of some sixty languages (MIT)."""
    for path in sorted((folder / "spacy/lang").glob("*/examples.py")):
        for text in ast.literal_eval(ast.parse(path.read_text("utf-8")).body[-1].value):  # type: ignore[attr-defined]
            yield Row(text, attack=False, corpus="spaCy examples", group=path.parent.name)


def measure(args: argparse.Namespace) -> None:
    """Measure the built crate on texts that no weight was fitted on."""
    others = list(prompts(sorted(UNSEEN)))
    for read, folder in ((pyrit, args.pyrit), (agentdojo, args.agentdojo), (spacy, args.spacy)):
        if folder:
            others += read(folder)
    scores = np.array([answer["score"] for answer in ask(row.text for row in others)])
    table("Corpora that no weight was fitted on", others, np.log(scores / (1 - scores + 1e-12)))
    if args.show:
        for row, score in sorted(zip(others, scores, strict=True), key=lambda pair: -pair[1]):
            if not row.attack and score > 0.5:
                print(f"{score:.3f} {row.corpus}: {row.text[:160]!r}")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("fit", help="fit and write the weights")
    measuring = commands.add_parser("measure", help="measure what is built")
    for name in ("pyrit", "agentdojo", "spacy"):
        measuring.add_argument(f"--{name}", type=pathlib.Path, help="an unpacked wheel")
    measuring.add_argument("--show", action="store_true", help="print the harmless texts above a half")
    args = parser.parse_args()
    if args.command == "fit":
        fit()
    else:
        measure(args)


if __name__ == "__main__":
    main()
