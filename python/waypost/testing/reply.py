"""What a healthy fake provider answers: plain data, before a dialect puts it into words."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from .schema import instance

if TYPE_CHECKING:
    from .request import Request
    from .script import Step

SIXTY_WORDS = (
    "The sky is blue because sunlight meets the air and the smallest molecules scatter short waves far more than "
    "long ones. Blue light therefore reaches the eye from every direction, while red goes straight on. At dusk the "
    "path through the air is much longer, most blue is lost on the way, and what remains is orange and dark red."
)

_PIECE = re.compile(r"\s*\S+\s*?(?=\s|$)")


@dataclass(frozen=True)
class Reply:
    """An answer that a `reply` callable may return instead of a string.

    Args:
        text: The assistant's text.
        tool_calls: Calls as `{"name": …, "arguments": {…}}` or in OpenAI's shape.
        reasoning: Text of the thinking that comes before the answer.
        finish_reason: `stop`, `length`, `tool_calls` or `content_filter`; by itself if None.
        usage: Counts in OpenAI's words over the computed ones; False leaves usage out.
        model: The model reported; the one asked for if None.
        logprob: The log probability of every token, where the caller asks for them (OpenAI).

    Example:
        >>> Reply("Hello").text
        'Hello'
    """

    text: str | None = None
    tool_calls: Sequence[Mapping[str, Any]] = ()
    reasoning: str = ""
    finish_reason: str | None = None
    usage: Mapping[str, int] | Literal[False] | None = None
    model: str | None = None
    logprob: float = -0.05


Answering: TypeAlias = "str | Mapping[str, Any] | Reply | Step | int"
ReplyLike: TypeAlias = "Answering | Callable[[Request], Answering] | None"


@dataclass(frozen=True)
class ToolCall:
    """One call, with the arguments as JSON text."""

    id: str
    name: str
    arguments: str

    @property
    def parsed(self) -> Any:
        """The arguments as JSON; empty if they are none."""
        try:
            return json.loads(self.arguments)
        except ValueError:
            return {}

    def fragments(self, size: int = 12) -> list[str]:
        """Return the arguments in the pieces in which they are streamed."""
        return [self.arguments[i : i + size] for i in range(0, len(self.arguments), size)]


@dataclass(frozen=True)
class Asked:
    """What of a request shapes the answer, read by the dialect.

    Attributes:
        max_tokens: The limit, if any.
        schema: A JSON schema that the answer must fit; `{}` asks for any JSON object.
        tool: A tool that must be called: its name and the schema of its arguments.
        choices: How many answers.
        logprobs: Whether log probabilities are wanted.
        stream_usage: Whether usage is wanted in the stream.
    """

    max_tokens: int | None = None
    schema: Mapping[str, Any] | None = None
    tool: tuple[str, Mapping[str, Any]] | None = None
    choices: int = 1
    logprobs: bool = False
    stream_usage: bool = True


@dataclass(frozen=True)
class Answer:
    """A whole answer, ready to be put into a wire format."""

    number: int
    model: str
    pieces: list[str]
    tool_calls: list[ToolCall]
    finish_reason: str
    usage: Mapping[str, int] | None
    reasoning: str = ""
    logprob: float = -0.05
    asked: Asked = field(default_factory=Asked)
    created: int = field(default_factory=lambda: int(time.time()))

    @property
    def text(self) -> str:
        """The whole text."""
        return "".join(self.pieces)

    @property
    def size(self) -> int:
        """How many tokens a stream of it has."""
        return len(self.pieces) + sum(1 + len(call.fragments()) for call in self.tool_calls)

    def count(self, name: str) -> int:
        """Return a count of the usage, 0 if it is not there."""
        return (self.usage or {}).get(name, 0)


def reply_of(value: Answering) -> Reply:
    """Return the reply that a string or a mapping of `Reply`'s fields stands for."""
    if isinstance(value, Reply):
        return value
    if isinstance(value, str):
        return Reply(value)
    if isinstance(value, Mapping):
        known = {f.name for f in fields(Reply)}
        if unknown := set(value) - known:
            msg = f"unknown key `{min(unknown)}` in a reply: the keys are {', '.join(sorted(known))}"
            raise ValueError(msg)
        return Reply(**value)
    msg = f"a reply is a string, a mapping or a `Reply`, not a `{type(value).__name__}`; steps belong in `script`"
    raise TypeError(msg)


def compose(request: Request, asked: Asked, reply: Reply, step: Step, number: int) -> Answer:
    """Return the answer to a request: the step's wishes over the reply's over what the request asks for."""
    calls = [_call(c, number, i) for i, c in enumerate(step.tool_calls or reply.tool_calls)]
    text = step.reply if step.reply is not None else reply.text
    if text is None and not calls and asked.tool is not None:
        calls = [ToolCall(f"call_fake{number:04d}00", asked.tool[0], json.dumps(instance(asked.tool[1])))]
    pieces = _pieces(_text(text, asked, calls), step.tokens)
    cut = asked.max_tokens is not None and len(pieces) > asked.max_tokens
    pieces = pieces[: asked.max_tokens] if cut else pieces
    by_itself = "length" if cut else "tool_calls" if calls else "stop"
    return Answer(
        number=number,
        model=step.model or reply.model or request.model,
        pieces=pieces,
        tool_calls=calls,
        finish_reason=step.finish_reason or reply.finish_reason or by_itself,
        usage=_usage(request, reply, step, pieces, calls),
        reasoning=reply.reasoning,
        logprob=reply.logprob,
        asked=asked,
    )


def _text(text: str | None, asked: Asked, calls: list[ToolCall]) -> str:
    if text is not None:
        return text
    if calls:
        return ""
    if asked.schema is not None:
        return json.dumps(instance(asked.schema))
    return SIXTY_WORDS


def _pieces(text: str, tokens: int | None) -> list[str]:
    pieces = _PIECE.findall(text)
    if (rest := len(text) - sum(map(len, pieces))) > 0:
        pieces.append(text[-rest:])
    if tokens is None or not pieces:
        return pieces
    spaced = [pieces[0], *pieces[1:]] if pieces[0][:1].isspace() else [" " + pieces[0], *pieces[1:]]
    repeated = (spaced * (tokens // len(spaced) + 1))[:tokens]
    return [repeated[0].lstrip(), *repeated[1:]] if repeated else []


def _call(call: Mapping[str, Any], number: int, index: int) -> ToolCall:
    function = call.get("function") or call
    arguments = function.get("arguments", {})
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return ToolCall(str(call.get("id") or f"call_fake{number:04d}{index:02d}"), str(function["name"]), text)


def _usage(
    request: Request, reply: Reply, step: Step, pieces: list[str], calls: list[ToolCall]
) -> dict[str, int] | None:
    wished = step.usage if step.usage is not None else reply.usage
    if wished is False:
        return None
    thought = len(reply.reasoning.split())
    words = len(pieces) + sum(1 + len(call.fragments()) for call in calls) + thought
    usage = {
        "prompt_tokens": request.prompt_tokens,
        "completion_tokens": words,
        "reasoning_tokens": thought,
        **(wished or {}),
    }
    return usage | {"total_tokens": usage["prompt_tokens"] + usage["completion_tokens"]}
