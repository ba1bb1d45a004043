"""Answers as objects: what is asked of the provider, what comes back, and what is said when it does not fit."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
import subprocess
import sys
import traceback
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Optional, Union

import pytest
from calling import FORMS, call
from pydantic import BaseModel, Field, RootModel, field_validator
from typing_extensions import TypedDict
from waypost import InvalidRequestError, ProtocolError, Router
from waypost.testing import FakeProvider, Reply

SECRET = "wolfsbane"


class Place(BaseModel):
    city: str
    country: str = "Norway"


class Trip(BaseModel):
    """A journey."""

    start: Place = Field(description="where it begins")
    stops: list[Place]
    days: Optional[int] = None  # noqa: UP045  As many people write it.
    by: Literal["train", "ship"]


class Cat(BaseModel):
    kind: Literal["cat"]


class Dog(BaseModel):
    kind: Literal["dog"]


class Pet(BaseModel):
    pet: Annotated[Union[Cat, Dog], Field(discriminator="kind")]  # noqa: UP007


class Tree(BaseModel):
    name: str
    left: Optional[Tree] = Field(None, description="the left half")  # noqa: UP045


@dataclass
class City:
    name: str
    people: int


class Person(TypedDict):
    name: str
    age: int


TRIP = {"start": {"city": "Oslo"}, "stops": [{"city": "Bergen", "country": "Norway"}], "by": "train"}


def asked(wanted: Any) -> dict[str, Any]:
    """Return the `json_schema` that OpenAI's wire carries for a class."""
    with FakeProvider(reply="{}") as fake:
        Router([fake.deployment()]).chat("Hi", response_format=wanted)
        sent = fake.requests[-1].json["response_format"]
    assert sent["type"] == "json_schema"
    return sent["json_schema"]


def every_object(schema: Any) -> list[dict[str, Any]]:
    if isinstance(schema, list):
        return [found for item in schema for found in every_object(item)]
    if not isinstance(schema, dict):
        return []
    inner = [found for item in schema.values() for found in every_object(item)]
    return [schema, *inner] if schema.get("type") == "object" else inner


@pytest.mark.parametrize("form", FORMS)
def test_a_model_is_in_parsed_in_every_form(form: str) -> None:
    with FakeProvider(reply=json.dumps(TRIP)) as fake:
        reply = call(Router([fake.deployment()]), form, response_format=Trip)
    assert reply.parsed == Trip.model_validate(TRIP)
    assert reply.parsed is reply.parsed


@pytest.mark.parametrize("dialect", ["openai", "anthropic", "gemini", "ollama"])
def test_every_wire_format_answers_with_an_object(dialect: str) -> None:
    with FakeProvider(dialect, reply='{"city": "Oslo", "country": "Norway"}') as fake:
        reply = Router([fake.deployment()]).chat("Where?", response_format=Place)
    assert reply.parsed == Place(city="Oslo")


@pytest.mark.parametrize(
    ("wanted", "text", "value"),
    [
        (City, '{"name": "Oslo", "people": 724290}', City("Oslo", 724290)),
        (Person, '{"name": "Ada", "age": 36}', {"name": "Ada", "age": 36}),
    ],
)
def test_dataclasses_and_typed_dicts(wanted: Any, text: str, value: Any) -> None:
    with FakeProvider(reply=text) as fake:
        assert Router([fake.deployment()]).chat("Who?", response_format=wanted).parsed == value
    sent = asked(wanted)
    assert (sent["name"], sent["strict"]) == (wanted.__name__, True)
    assert sent["schema"]["additionalProperties"] is False


@pytest.mark.parametrize("colour", ["batch", "abatch"])
def test_a_batch_is_parsed_and_its_errors_stay(colour: str) -> None:
    with FakeProvider(reply='{"city": "Oslo"}') as fake:
        router = Router([fake.deployment()])
        fake.script(200, 400)
        options: Any = {"response_format": Place, "return_errors": True, "concurrency": 1}
        if colour == "batch":
            first, second = router.batch(["a", "b"], **options)
        else:
            first, second = asyncio.run(router.abatch(["a", "b"], **options))
    assert first.parsed == Place(city="Oslo")
    assert isinstance(second, InvalidRequestError)


def test_without_a_class_there_is_nothing() -> None:
    with FakeProvider(reply='{"city": "Oslo"}') as fake:
        router = Router([fake.deployment()])
        assert router.chat("Hi").parsed is None
        assert router.chat("Hi", response_format={"type": "json_object"}).parsed is None


def test_a_call_of_a_tool_is_no_answer_yet() -> None:
    tool = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
    with FakeProvider(reply=Reply("", tool_calls=[{"name": "look", "arguments": {}}])) as fake:
        reply = Router([fake.deployment()]).chat("Hi", tools=[tool], response_format=Place)
    assert reply.tool_calls
    assert reply.parsed is None


def test_the_schema_is_what_strict_mode_takes() -> None:
    sent = asked(Trip)
    assert (sent["name"], sent["strict"]) == ("Trip", True)
    objects = every_object(sent["schema"])
    assert len(objects) >= 3
    for found in objects:
        assert found["additionalProperties"] is False
        assert found["required"] == list(found["properties"])
    text = json.dumps(sent["schema"])
    assert '"default"' not in text
    assert sent["schema"]["$defs"]["Place"]["properties"].keys() == {"city", "country"}
    assert sent["schema"]["properties"]["stops"]["items"] == {"$ref": "#/$defs/Place"}
    start = sent["schema"]["properties"]["start"]
    assert start["description"] == "where it begins"
    assert "$ref" not in start


def test_unions_are_any_of() -> None:
    schema = asked(Pet)["schema"]
    assert len(schema["properties"]["pet"]["anyOf"]) == 2
    assert "discriminator" not in json.dumps(schema)
    assert "oneOf" not in json.dumps(schema)


def test_a_model_that_holds_itself_ends() -> None:
    sent = asked(Tree)
    assert sent["strict"] is True
    assert "#/$defs/Tree" in json.dumps(sent["schema"])
    with FakeProvider(reply='{"name": "a", "left": {"name": "b", "left": null}}') as fake:
        parsed = Router([fake.deployment()]).chat("Hi", response_format=Tree).parsed
    assert parsed.left.name == "b"


def test_a_property_may_be_called_like_a_keyword() -> None:
    class Odd(BaseModel):
        default: str
        discriminator: int

    assert asked(Odd)["schema"]["required"] == ["default", "discriminator"]


@pytest.mark.parametrize("kind", [dict[str, int], tuple[int, str], Any, list[Any]])
def test_what_strict_mode_cannot_say_is_asked_for_loosely(kind: Any) -> None:
    class Loose(BaseModel):
        value: kind

    sent = asked(Loose)
    assert sent["strict"] is False
    assert sent["schema"] == Loose.model_json_schema()


def test_the_name_is_one_that_openai_takes() -> None:
    class Box(BaseModel):
        x: int

    Box.__name__ = "Box[list[int]] of " + "x" * 80
    name = asked(Box)["name"]
    assert name.startswith("Box_list_int_of_x")
    assert len(name) == 64


@pytest.mark.parametrize("form", FORMS)
def test_an_answer_that_does_not_fit_is_still_an_answer(form: str) -> None:
    text = json.dumps({"start": {"city": SECRET}, "stops": 7, "by": SECRET, SECRET: 1})
    with FakeProvider(reply=text) as fake:
        reply = call(Router([fake.deployment()]), form, f"Say {SECRET}", response_format=Trip)
    assert reply.text == text
    with pytest.raises(ProtocolError, match="does not fit `Trip`: `stops`: Input should be a valid array") as caught:
        _ = reply.parsed
    error = caught.value
    assert error.response is reply
    assert (error.deployment, error.decision) == (reply.deployment, reply.decision)
    assert SECRET not in "".join(traceback.format_exception(error))
    assert error.__context__ is None
    assert pickle.loads(pickle.dumps(error)).response.text == text


def test_an_error_quotes_neither_keys_nor_the_checks_of_a_model() -> None:
    class Checked(BaseModel, extra="forbid"):
        word: str

        @field_validator("word")
        @classmethod
        def fits(cls, value: str) -> str:
            message = f"not {value}"
            raise ValueError(message)

    with FakeProvider(reply=json.dumps({"word": SECRET, SECRET: 1})) as fake:
        reply = Router([fake.deployment()]).chat("Hi", response_format=Checked)
    with pytest.raises(ProtocolError, match="`word`: refused by a check of the model; `…`: Extra inputs") as caught:
        _ = reply.parsed
    assert SECRET not in str(caught.value)


def test_text_that_is_no_json() -> None:
    with FakeProvider(reply=f"Sure! {SECRET}") as fake:
        reply = Router([fake.deployment()]).chat("Hi", response_format=Place)
    with pytest.raises(ProtocolError, match="does not fit `Place`: Invalid JSON") as caught:
        _ = reply.parsed
    assert SECRET not in str(caught.value)


def test_a_fence_of_markdown_is_taken_off() -> None:
    with FakeProvider(reply='```json\n{"city": "Oslo"}\n```\n') as fake:
        assert Router([fake.deployment()]).chat("Hi", response_format=Place).parsed.city == "Oslo"


@pytest.mark.parametrize(
    ("reason", "said"), [("length", "higher `max_tokens`"), ("content_filter", "the provider's content filter")]
)
def test_an_answer_that_was_cut_off_says_so(reason: str, said: str) -> None:
    with FakeProvider(reply=Reply('{"city": "Os', finish_reason=reason)) as fake:
        reply = Router([fake.deployment()]).chat("Hi", response_format=Place)
    with pytest.raises(ProtocolError, match=said):
        _ = reply.parsed


def test_parsed_answers_travel() -> None:
    with FakeProvider(reply='{"city": "Oslo"}') as fake:
        reply = Router([fake.deployment()]).chat("Hi", response_format=Place)
    for other in (pickle.loads(pickle.dumps(reply)), copy.deepcopy(reply), copy.copy(reply)):
        assert other.parsed == Place(city="Oslo")
        assert other == reply
    assert "wanted" not in reply.to_dict()


@pytest.mark.parametrize("wanted", [int, dict, RootModel[list[int]]])
def test_classes_that_stand_for_no_object_are_refused(wanted: Any) -> None:
    with FakeProvider() as fake, pytest.raises(InvalidRequestError, match="response_format"):
        Router([fake.deployment()]).chat("Hi", response_format=wanted)


def test_the_decision_alone_knows_that_a_schema_is_wanted() -> None:
    with FakeProvider() as fake:
        assert Router([fake.deployment()]).signals("Hi", response_format=Place)["has_schema"] is True


def test_pydantic_is_imported_by_nobody_but_the_caller() -> None:
    code = (
        "import sys\nfrom waypost import Router\nfrom waypost.testing import FakeProvider\n"
        "with FakeProvider(reply='{}') as fake:\n"
        "    reply = Router([fake.deployment()]).chat('Hi', response_format={'type': 'json_object'})\n"
        "    assert reply.parsed is None\nassert 'pydantic' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
