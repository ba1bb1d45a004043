"""`scripts/catalogue.py` on made-up sources: the same input gives the same bytes, and its rules hold."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from types import ModuleType

SCRIPTS = Path(__file__).parents[2] / "scripts"
AS_OF = date(2026, 1, 2)
VERSIONS = {"genai-prices": "1", "litellm": "2"}


@dataclass
class Equals:
    """A clause of genai-prices."""

    equals: str


@dataclass
class Tier:
    """A tier of genai-prices."""

    start: int
    price: float


@dataclass
class Tiered:
    """A price with tiers."""

    base: float
    tiers: list[Tier]


@dataclass
class Prices:
    """Prices of genai-prices."""

    input_mtok: Any = None
    output_mtok: Any = None
    cache_read_mtok: Any = None
    cache_write_mtok: Any = None
    output_reasoning_mtok: Any = None
    requests_kcount: Any = None


@dataclass
class Model:
    """A model of genai-prices."""

    id: str
    prices: Prices
    context_window: int | None = None

    @property
    def match(self) -> Equals:
        return Equals(self.id)


@dataclass
class Provider:
    """A provider of genai-prices."""

    models: list[Model] = field(default_factory=list)

    def find_model(self, name: str, *, all_providers: list[Provider] | None = None) -> Model | None:
        assert all_providers is None or self in all_providers
        return next((model for model in self.models if model.id == name), None)


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    return pytest.importorskip("catalogue")


def sources() -> tuple[dict[str, Any], dict[str, Any]]:
    chat = {"litellm_provider": "openai", "mode": "chat", "max_input_tokens": 272, "max_output_tokens": 128}
    paid = {"input_cost_per_token": 2.5e-7, "output_cost_per_token": 2e-6}
    litellm = {
        "mini": {**chat, **paid, "supports_vision": True, "supported_modalities": ["text"]},
        "free": {**chat, "input_cost_per_token": 0, "output_cost_per_token": 0, "supported_modalities": ["text"]},
        "openai/embed": {"litellm_provider": "openai", "mode": "embedding", "input_cost_per_token": 2e-8},
        "paint": {"litellm_provider": "openai", "mode": "image_generation"},
        "elsewhere/x": {"litellm_provider": "elsewhere", "mode": "chat"},
    }
    tiered = Tiered(1.0, [Tier(200, 2.0)])
    openai = [
        Model("mini", Prices(0.25, 2.0, cache_read_mtok=0.025, cache_write_mtok=0.1), 400),
        Model("only", Prices(tiered, 4.0, requests_kcount=5.0)),
        Model("paint", Prices(1.0, 1.0)),
    ]
    return litellm, {"openai": Provider(openai)}


def backwards(mapping: dict[str, Any]) -> dict[str, Any]:
    return dict(reversed(list(mapping.items())))


def test_same_input_gives_same_bytes_in_whatever_order(script: ModuleType) -> None:
    litellm, genai = sources()
    text = script.render(script.build(litellm, genai, AS_OF, VERSIONS))
    again = script.render(script.build(backwards(litellm), backwards(genai), AS_OF, VERSIONS))
    assert text == again
    assert json.loads(text)["as_of"] == "2026-01-02"


def test_rows_say_what_the_sources_say_and_nothing_else(script: ModuleType) -> None:
    models = json.loads(script.render(script.build(*sources(), AS_OF, VERSIONS)))["models"]
    assert models == {
        "openai": {
            "embed": {"a": "e", "p": [0.02, 0]},
            "free": {"w": 272, "o": 128, "a": "VAE"},
            "mini": {"w": 400, "i": 272, "o": 128, "a": "vAE", "p": [0.25, 2, 0.025]},
            "only": {"p": [1, 4, None, None, None, 0.005, [[200, 2]]]},
        }
    }
