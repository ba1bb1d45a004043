"""Embeddings out of hashes: the same text has the same vector, and texts that share words are near each other."""

from __future__ import annotations

import base64
import hashlib
import math
import random
import struct
from functools import lru_cache

DIMENSIONS = 64  # Enough to tell texts apart, small enough to read in a failing test.


def embedding(text: str, dimensions: int = DIMENSIONS) -> list[float]:
    """Return the unit vector of a text.

    Example:
        >>> embedding("blue sky", 4) == embedding("blue sky", 4)
        True
    """
    total = [0.1 * x for x in _direction(text, dimensions)]  # Word order counts a little.
    for word in text.lower().split():
        total = [a + b for a, b in zip(total, _direction(word, dimensions), strict=True)]
    length = math.sqrt(sum(x * x for x in total)) or 1.0
    return [round(x / length, 7) for x in total]


def base64_of(vector: list[float]) -> str:
    """Return the vector as OpenAI's `encoding_format="base64"`: little-endian 32-bit floats."""
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


@lru_cache(maxsize=4096)
def _direction(word: str, dimensions: int) -> tuple[float, ...]:
    seed = int.from_bytes(hashlib.sha256(word.encode("utf-8", "surrogatepass")).digest()[:8], "big")
    draw = random.Random(seed)
    return tuple(draw.gauss(0.0, 1.0) for _ in range(dimensions))
