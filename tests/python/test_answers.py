"""What every answer has, whoever gave it."""

from __future__ import annotations

import time

import pytest
from calling import DIALECTS, FORMS, STREAMS, call, streamed
from waypost import Router
from waypost.testing import FakeProvider


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("form", FORMS)
def test_every_answer_has_a_date(dialect: str, form: str) -> None:
    before = int(time.time())
    with FakeProvider(dialect) as fake:
        router = Router([fake.deployment()])
        if form in STREAMS:
            reply, chunks = streamed(router, form)
            assert len({chunk.to_dict()["created"] for chunk in chunks}) == 1
        else:
            reply = call(router, form)
    assert before <= reply.to_dict()["created"] <= time.time()
