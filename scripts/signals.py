"""Measure the signals language, intent and complexity on labelled public prompts.

    cargo build --no-default-features --example signals
    python scripts/signals.py target/debug/examples/signals ../shared/data/routing [--fit]

Complexity: the rank correlation with how often real models failed. A prompt is in the part that was fitted or in the part
that was held out by a hash of its id; the figures are of the part held out. `--fit` prints new weights.
Intent: data sets of one task each, by the task. The user's own intents: random subsets of CLINC150's and BANKING77's, on
the half of the intents that no threshold was chosen on.
"""

from __future__ import annotations

import argparse
import collections
import gzip
import hashlib
import json
import random
import subprocess
import tempfile
from pathlib import Path

TASKS = {
    "mbpp": {"code"},
    "human_eval": {"code"},
    "code_exec": {"code"},
    "LiveCodeBench": {"code"},
    "gsm8k": {"mathematics"},
    "math": {"mathematics"},
    "agentverse-mgsm": {"mathematics"},
    "math_competition": {"mathematics"},
    "agentverse-logicgrid": {"reasoning"},
    "trivia_qa": {"question_answering"},
    "natural_qa": {"question_answering"},
    "NarrativeQA": {"question_answering"},
    "PubMedQA": {"question_answering"},
    "small_talk": {"chat"},
}
SCORED = ("llmrouter_uiuc", "mmlu_pro", "zeroeval_gsm", "zeroeval_math_l5", "zeroeval_crux", "routerarena_sub10")
RIDGE = 0.02
STEPS = 4000
OUTSIDE = 300
ASKED = 30
SUBSETS = 5
THRESHOLD = 0.38


def rows(folder: Path, name: str) -> list[dict]:
    """Read one data set."""
    with gzip.open(folder / f"{name}.train.jsonl.gz", "rt") as file:
        return [json.loads(line) for line in file]


def read(program: Path, prompts: list[dict], examples: dict | None = None) -> list[dict]:
    """Run the signals over prompts."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(examples or {}, file)
        file.flush()
        text = "\n".join(json.dumps({"id": row["id"], "prompt": row["prompt"]}) for row in prompts)
        out = subprocess.run([program, file.name], input=text, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in out.stdout.splitlines()]


def held_out(row: dict) -> bool:
    """Whether a prompt is in the part that is not fitted and not looked at."""
    return hashlib.sha256(row["id"].encode()).digest()[0] % 2 == 0


def ranks(values: list[float]) -> list[float]:
    """Ranks, equal ones sharing the mean of theirs."""
    order = sorted(range(len(values)), key=values.__getitem__)
    found = [0.0] * len(values)
    at = 0
    while at < len(order):
        end = at
        while end + 1 < len(order) and values[order[end + 1]] == values[order[at]]:
            end += 1
        for place in order[at : end + 1]:
            found[place] = (at + end) / 2
        at = end + 1
    return found


def spearman(one: list[float], other: list[float]) -> float:
    """Rank correlation."""
    a, b = ranks(one), ranks(other)
    mean_a, mean_b = sum(a) / len(a), sum(b) / len(b)
    over = sum((x - mean_a) * (y - mean_b) for x, y in zip(a, b, strict=True))
    below = sum((x - mean_a) ** 2 for x in a) * sum((y - mean_b) ** 2 for y in b)
    return over / below**0.5 if below else 0.0


def difficulty(row: dict) -> float:
    """The share of models that failed."""
    return 1 - sum(row["scores"].values()) / len(row["scores"])


def fit(sets: dict[str, list[tuple[dict, dict]]]) -> None:
    """Print weights that are never negative: least squares over the part to fit, each set weighing the same."""
    import numpy as np

    xs, ys, ws = [], [], []
    for pairs in sets.values():
        mine = [(row, found) for row, found in pairs if not held_out(row)]
        for row, found in mine:
            xs.append([*found["features"].values(), 1.0])
            ys.append(difficulty(row))
            ws.append(1 / len(mine) ** 0.5)
    x, y, w = np.array(xs), np.array(ys), np.array(ws)
    gram = (x * w[:, None]).T @ x / w.sum() + RIDGE * np.diag([1.0] * (x.shape[1] - 1) + [0.0])
    target = (x * w[:, None]).T @ y / w.sum()
    weights = np.full(x.shape[1], 0.1)
    step = 1 / np.linalg.norm(gram, 2)
    for _ in range(STEPS):
        weights -= step * (gram @ weights - target)
        weights[:-1] = np.maximum(weights[:-1], 0)
    names = list(next(iter(sets.values()))[0][1]["features"])
    print({name: round(float(weight), 3) for name, weight in zip([*names, "constant"], weights, strict=True)})


def complexity(program: Path, folder: Path, *, fitting: bool) -> None:
    """Rank correlations of the part held out."""
    sets = {}
    for name in SCORED:
        data = rows(folder, name)
        sets[name] = list(zip(data, read(program, data), strict=True))
    if fitting:
        fit(sets)
    for name, pairs in sets.items():
        mine = [(row, found) for row, found in pairs if held_out(row)]
        truth = [difficulty(row) for row, _ in mine]
        length = [len(row["prompt"]) for row, _ in mine]
        values = sorted(found["complexity"] for _, found in mine)
        tenth = [values[len(values) * share // 10] for share in (1, 5, 9)]
        own = spearman([found["complexity"] for _, found in mine], truth)
        print(
            f"complexity {name:20} n={len(mine):5} rho={own:.3f} length alone={spearman(length, truth):.3f} deciles={tenth}"
        )


def intent(program: Path, folder: Path) -> None:
    """How often the shipped classifier names the task of a data set of one task."""
    data = [row for name in SCORED if name != "mmlu_pro" for row in rows(folder, name)]
    data += [row | {"category": row["domain"]} for row in rows(folder, "intent_clinc150")]
    data = [row for row in data if row["category"] in TASKS and held_out(row)]
    found = collections.defaultdict(collections.Counter)
    for row, signals in zip(data, read(program, data), strict=True):
        found[row["category"]][signals["intent"]] += 1
    right = of = 0
    for task, counts in sorted(found.items()):
        hits = sum(count for name, count in counts.items() if name in TASKS[task])
        right, of = right + hits, of + sum(counts.values())
        print(f"intent {task:22} {hits:4}/{sum(counts.values()):4} {dict(counts.most_common(4))}")
    print(f"intent all {right}/{of} = {right / of:.3f}")


def best(row: dict, names: list[str]) -> tuple[float, str]:
    """Return the likeliest of the own intents, its score first."""
    return max((row["intents"].get(name, 0.0), name) for name in names)


def sides(intents: dict[str, list[str]], outside: list[str]) -> dict[str, tuple[dict[str, list[str]], list[str]]]:
    """Halves of the intents and of what is none of them: a threshold is chosen on one and measured on the other."""
    names = sorted(intents)
    random.Random(5).shuffle(names)
    half = {"chosen on": names[::2], "measured on": names[1::2]}
    strange = {"chosen on": outside[::2], "measured on": outside[1::2]}
    return {side: ({name: intents[name] for name in half[side]}, strange[side]) for side in half}


def trial(program: Path, intents: dict[str, list[str]], outside: list[str], shape: tuple[int, int, int]) -> list[dict]:
    """Give some intents some phrases, and ask others of theirs, wishes of other intents and what is no wish of any."""
    number, phrases, seed = shape
    chance = random.Random(seed)
    names = chance.sample(sorted(intents), min(number, len(intents)))
    examples, asked = {}, []
    for name in names:
        texts = chance.sample(intents[name], len(intents[name]))
        examples[name] = texts[:phrases]
        asked += [{"id": "", "prompt": text, "truth": name} for text in texts[phrases : phrases + ASKED]]
    others = [text for name in sorted(set(intents) - set(names)) for text in intents[name]]
    asked += [
        {"id": "", "prompt": text, "truth": "others"} for text in chance.sample(others, min(OUTSIDE, len(others)))
    ]
    asked += [
        {"id": "", "prompt": text, "truth": "none"} for text in chance.sample(outside, min(OUTSIDE, len(outside)))
    ]
    found = zip(asked, read(program, asked, examples), strict=True)
    return [{"truth": row["truth"], "best": best(signals, names)} for row, signals in found]


def shares(rows: list[dict], threshold: float) -> str:
    """How many are right, wrong, and taken for an intent that are none."""
    inside = [row for row in rows if row["truth"] not in {"others", "none"}]
    taken = [row for row in inside if row["best"][0] >= threshold]
    right = sum(row["best"][1] == row["truth"] for row in taken)
    figures = {"right": right / len(inside), "wrong": (len(taken) - right) / len(inside)}
    for name in ("others", "none"):
        mine = [row for row in rows if row["truth"] == name]
        if mine:
            figures[name] = sum(row["best"][0] >= threshold for row in mine) / len(mine)
    return " ".join(f"{name} {100 * share:.0f} %" for name, share in figures.items())


def own(program: Path, folder: Path) -> None:
    """Own intents: random intents of CLINC150 and BANKING77 with random phrases; and how high one in twenty strangers gets."""
    data = rows(folder, "intent_clinc150")
    outside = [row["prompt"] for row in data if row["domain"] == "oos"]
    for name in ("intent_clinc150", "intent_banking77"):
        intents = collections.defaultdict(list)
        for row in rows(folder, name):
            if row.get("domain") != "oos":
                intents[row["intent"]].append(row["prompt"])
        for number, phrases in ((5, 10), (10, 5), (10, 10), (10, 20), (20, 10), (75, 10)):
            found = {}
            for side, (mine, strange) in sides(intents, outside).items():
                seeds = range(SUBSETS if number < len(mine) else 1)
                found[side] = [row for seed in seeds for row in trial(program, mine, strange, (number, phrases, seed))]
            high = sorted(row["best"][0] for row in found["chosen on"] if row["truth"] == "none")
            one_in_twenty = high[len(high) * 19 // 20]
            for threshold in (THRESHOLD, one_in_twenty):
                figures = shares(found["measured on"], threshold)
                print(f"own {name} {number} intents, {phrases} phrases, threshold {threshold:.2f}: {figures}")


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--fit", action="store_true")
    options = parser.parse_args()
    own(options.program, options.data)
    intent(options.program, options.data)
    complexity(options.program, options.data, fitting=options.fit)


if __name__ == "__main__":
    main()
