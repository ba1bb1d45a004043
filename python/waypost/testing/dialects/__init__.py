"""The four wire formats, each a class that turns an answer into a provider's words."""

from __future__ import annotations

from .anthropic import Anthropic
from .base import Dialect, Failure, Stream
from .gemini import Gemini
from .ollama import Ollama
from .openai import OpenAI

DIALECTS: dict[str, Dialect] = {"openai": OpenAI(), "anthropic": Anthropic(), "gemini": Gemini(), "ollama": Ollama()}

__all__ = ["DIALECTS", "Dialect", "Failure", "Stream"]
