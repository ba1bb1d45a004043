"""The pytest plugin, run on small test files with real routers over fakes on loopback."""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import waypost.errors  # Loaded out here: pytester forgets what a run imports, and the core does not.
import waypost.results  # noqa: F401
from waypost.pytest_plugin import load_cases
from waypost.router import Router
from waypost.testing import FakeProvider, Replay
from waypost.testing.baseline import Baseline
from waypost.testing.marks import options

pytest_plugins = ["pytester"]

INSTALLED = any(point.value == "waypost.pytest_plugin" for point in importlib.metadata.entry_points(group="pytest11"))
KEY = "sk-live-0123456789abcdefghij"
PRICE = {"input": 1000.0, "output": 1000.0}  # USD per million tokens: one token of the fake is a tenth of a cent.

# A policy with two deployments that needs no network: what speaks of a bug goes to `haiku`.
POLICY = """
    import pytest

    @pytest.fixture
    def waypost_config():
        return {
            "deployments": {
                "mini": {"model": "ollama/mini"},
                "haiku": {"model": "ollama/haiku", "tags": ["strong"]},
            },
            "routes": {"auto": {"candidates": ["mini", "haiku"]}, "smart": {"candidates": ["haiku"]}},
            "rules": [{"name": "bugs", "when": "text.contains('bug')", "route": "smart"}],
        }
"""


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    plugin = "" if INSTALLED else "-p waypost.pytest_plugin "
    pytester.makeini(f"[pytest]\naddopts = {plugin}-p no:asyncio -p no:cacheprovider\n")
    return pytester


@pytest.fixture
def policy(suite: pytest.Pytester) -> pytest.Pytester:
    suite.makeconftest(POLICY)
    return suite


# Fixtures.


def test_fakes_start_lazily_and_routers_are_closed(suite: pytest.Pytester) -> None:
    suite.makepyfile("""
        import threading, pytest, waypost

        made = []

        def test_lazy(fake_provider, make_router):
            assert not any("fake-provider" in t.name for t in threading.enumerate())
            fake_provider.script("openai", [429, "reset", 200])
            assert sum("fake-provider" in t.name for t in threading.enumerate()) == 1
            router = make_router(seed=7)
            assert [d.name for d in router.deployments] == ["openai", "anthropic", "gemini", "ollama"]
            assert router.chat("Hello").deployment == "anthropic"
            made.extend([router, make_router(["ollama/other"])])

        def test_closed():
            for router in made:
                with pytest.raises(waypost.WaypostError, match="closed"):
                    router.chat("Hello")
            assert not any("fake-provider" in t.name for t in threading.enumerate())
    """)
    suite.runpytest().assert_outcomes(passed=2)


def test_router_comes_from_option_or_fixture(suite: pytest.Pytester) -> None:
    path = suite.makefile(".toml", policy='[deployments.house]\nmodel = "ollama/llama3.3"\n')
    suite.makepyfile("def test(waypost_router):\n    assert waypost_router.route('Hi').chosen == 'house'\n")
    suite.runpytest(f"--waypost-config={path.name}").assert_outcomes(passed=1)
    result = suite.runpytest()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines("*--waypost-config FILE*")
    suite.makepyfile("""
        import pytest

        @pytest.fixture
        def waypost_config():
            return ["ollama/fake"]

        def test(waypost_router):
            assert waypost_router.route("Hi").chosen == "ollama/fake"
    """)
    suite.runpytest().assert_outcomes(passed=1)


# Cases.


CASES = [
    {"prompt": "Find the bug", "deployment": ["haiku", "opus"], "route": "smart"},
    {"id": "wrong", "prompt": "Hello", "deployment": "haiku"},
    {"prompt": "Hello", "tags": ["eu"], "call": {"tags": ["eu", "x"]}},
]
CASE_TEST = """
    import pytest

    @pytest.mark.waypost_cases("cases.jsonl")
    def test_cases(waypost_case):
        waypost_case.check()
"""


@pytest.fixture
def cases(policy: pytest.Pytester) -> pytest.Pytester:
    Path("cases.jsonl").write_text("\n".join(map(json.dumps, CASES)))
    policy.makepyfile(CASE_TEST)
    return policy


def test_each_case_is_a_test_and_a_failure_explains_itself(cases: pytest.Pytester) -> None:
    result = cases.runpytest("-v")
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(
        ["*test_cases?wrong?*FAILED*", "*deployment: expected 'haiku', is 'mini'*", "*candidates*"]
    )


def test_cases_may_be_json_csv_or_yaml(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('[{"prompt": "Hi", "tags": ["eu"]}]')
    (tmp_path / "a.csv").write_text('prompt,intent,tags\n"Hi,\nyou",chat,eu private\nHo,code,\n')
    assert load_cases(tmp_path / "a.json") == [{"prompt": "Hi", "tags": ["eu"]}]
    assert load_cases(tmp_path / "a.csv") == [
        {"prompt": "Hi,\nyou", "intent": "chat", "tags": ["eu", "private"]},
        {"prompt": "Ho", "intent": "code"},
    ]
    pytest.importorskip("yaml")
    (tmp_path / "a.yaml").write_text("- prompt: Hi\n  deployment: [mini, haiku]\n  call: {tags: [eu]}\n")
    assert load_cases(tmp_path / "a.yaml") == [
        {"prompt": "Hi", "deployment": ["mini", "haiku"], "call": {"tags": ["eu"]}}
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"intent": "code"}', "has no `prompt`"),
        ('{"prompt": "Hi"}', "expects nothing"),
        ('{"prompt": "Hi", "intnt": "code"}', "unknown field `intnt`"),
        ("[1]", "not a mapping"),
        ("{", "cannot read"),
    ],
)
def test_wrong_cases_are_named(tmp_path: Path, line: str, message: str) -> None:
    (tmp_path / "a.jsonl").write_text(line)
    with pytest.raises(pytest.UsageError, match=message):
        load_cases(tmp_path / "a.jsonl")


# The end of a run.


def test_a_run_that_uses_it_is_summed_up(cases: pytest.Pytester) -> None:
    result = cases.runpytest()
    result.stdout.fnmatch_lines(
        [
            "*= waypost =*",
            "3 decisions, 0 calls, $0.0000, cases 2/3 right (66.7%)",
            "  auto → mini 2",
            "  smart → haiku 1",
            "  slowest decision * µs in test_a_run*.py::test_cases*",
        ]
    )


def test_a_run_that_does_not_use_it_is_silent(suite: pytest.Pytester) -> None:
    suite.makepyfile("def test(): pass")
    for arguments in ((), ("-n2",), ("-W", "error")):
        result = suite.runpytest_subprocess(*arguments)
        result.assert_outcomes(passed=1)
        assert "waypost" not in str(result.stdout).replace("waypost-", "") + str(result.stderr)


def test_the_report_is_json(cases: pytest.Pytester) -> None:
    cases.runpytest("--waypost-report=out/report.json").stdout.fnmatch_lines("*report: out/report.json")
    report = json.loads(Path("out/report.json").read_text())
    assert report["cases"]["accuracy"] == pytest.approx(2 / 3)
    assert report["cases"]["wrong"][0]["wrong"] == ["deployment: expected 'haiku', is 'mini'"]
    assert report["routes"]["auto"]["deployments"] == {"mini": 2}
    assert report["slowest"]["overhead_us"] > 0
    assert report["cost"] == {"usd": 0.0, "saved_usd": 0.0, "unpriced": 0, "budget": None}


def test_the_report_is_a_page(cases: pytest.Pytester) -> None:
    cases.runpytest("--waypost-report=report.html")
    page = Path("report.html").read_text()
    assert page.startswith("<!doctype html>")
    assert "Cases that are wrong" in page
    assert "expected &#x27;haiku&#x27;" in page
    assert "http" not in page


def test_the_report_of_an_unused_run_is_empty(suite: pytest.Pytester) -> None:
    suite.makepyfile("def test(): pass")
    suite.runpytest("--waypost-report=report.json").assert_outcomes(passed=1)
    assert json.loads(Path("report.json").read_text())["decisions"] == 0


@pytest.mark.parametrize(
    ("option", "message"),
    [("--waypost-report=x.txt", "must end in .json or .html"), ("--waypost-budget=-1", "no amount of US dollars")],
)
def test_wrong_options_are_named(suite: pytest.Pytester, option: str, message: str) -> None:
    suite.makepyfile("def test(): pass")
    result = suite.runpytest_subprocess(option)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert message in str(result.stderr)


def test_calls_of_every_kind_are_counted(suite: pytest.Pytester) -> None:
    suite.makepyfile("""
        import asyncio, pytest, waypost
        from waypost import Router          # not one of `make_router`

        def test(fake_provider):
            fake_provider.script("openai", 200, 200, 200, 200, 200, 200, 200, "invalid_request")
            deployment = fake_provider["openai"].deployment(price={"input": 1.0, "output": 1.0})
            router = Router({"deployments": {"only": deployment}})

            async def work():
                await router.achat("a")
                async for _ in router.astream("b"):
                    pass
                await router.abatch(["c", "d"])

            asyncio.run(work())
            router.chat("e")
            list(router.stream("f"))
            router.batch(["g"])
            with pytest.raises(waypost.InvalidRequestError):
                router.chat("h")
            assert len(router.embed(["i"]).embeddings) == 1
            router.route("j")
    """)
    suite.runpytest("--waypost-report=report.json").assert_outcomes(passed=1)
    report = json.loads(Path("report.json").read_text())
    assert (report["decisions"], report["calls"], report["errors"]) == (10, 9, {"InvalidRequestError": 1})
    assert report["cost"]["usd"] > 0
    assert report["cost"]["unpriced"] == 0


def test_several_processes_are_summed_up_once(cases: pytest.Pytester) -> None:
    result = cases.runpytest_subprocess("-n2", "--waypost-report=report.json")
    result.assert_outcomes(passed=2, failed=1)
    assert str(result.stdout).count("cases 2/3 right") == 1
    report = json.loads(Path("report.json").read_text())
    assert (report["decisions"], report["cases"]["total"], report["cases"]["right"]) == (3, 3, 2)
    assert report["routes"]["auto"]["deployments"] == {"mini": 2}
    assert "test_cases" in report["slowest"]["test"]


@pytest.mark.parametrize("marker", ["asyncio", "anyio"])
def test_asynchronous_tests(suite: pytest.Pytester, marker: str) -> None:
    pytest.importorskip("pytest_asyncio" if marker == "asyncio" else "anyio")
    plugin = "" if INSTALLED else "-p waypost.pytest_plugin "
    if marker == "asyncio":
        suite.makeini(f"[pytest]\naddopts = {plugin}\nasyncio_default_fixture_loop_scope = function\n")
    suite.makepyfile(f"""
        import pytest

        @pytest.fixture
        def anyio_backend():
            return "asyncio"

        @pytest.mark.{marker}
        async def test_outage(fake_provider, make_router):
            fake_provider.script("openai", 503)
            router = make_router()
            assert (await router.achat("Hello")).deployment == "anthropic"
            assert [c.text async for c in router.astream("Hello")]

        @pytest.mark.{marker}
        async def test_again(make_router, waypost_replay, waypost_snapshot):
            assert (await make_router().achat("Hello")).text
    """)
    result = suite.runpytest_subprocess("-W", "error")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines("3 decisions, 3 calls*")


# Startup.


def test_plugin_imports_no_fakes_and_no_asyncio() -> None:
    code = (
        "import sys, pytest; before = set(sys.modules); import waypost.pytest_plugin; print(*set(sys.modules) - before)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not [name for name in run.stdout.split() if name.startswith("waypost.testing") or name == "asyncio"]


def test_plugin_costs_less_than_a_twentieth_of_a_second() -> None:
    code = (
        "import time, pytest; begin = time.process_time(); import waypost.pytest_plugin; "
        "print(time.process_time() - begin)"
    )
    runs = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True) for _ in range(3)]
    assert min(float(run.stdout) for run in runs) < 0.05


# Snapshots.


def test_snapshots(policy: pytest.Pytester) -> None:
    policy.makepyfile(
        test_policy="""
        import pytest

        @pytest.mark.parametrize("prompt", ["Find the bug", "Hello"])
        def test_route(waypost_router, waypost_snapshot, prompt):
            waypost_snapshot(waypost_router.route(prompt))

        def test_named(waypost_router, waypost_snapshot):
            waypost_snapshot(waypost_router.route("Hello"), "hello")
            waypost_snapshot(waypost_router.route("A bug"), "bug")
    """
    )
    result = policy.runpytest()
    result.assert_outcomes(failed=3)
    result.stdout.fnmatch_lines("*there is no snapshot *run pytest with --waypost-update to take it*")
    policy.runpytest("--waypost-update").assert_outcomes(passed=3)
    names = sorted(path.name for path in Path("snapshots/test_policy").iterdir())
    assert len(names) == 4
    assert names[:2] == ["test_named.bug.txt", "test_named.hello.txt"]
    policy.runpytest().assert_outcomes(passed=3)
    policy.runpytest_subprocess("-n2").assert_outcomes(passed=3)
    text = Path("snapshots/test_policy/test_named.bug.txt").read_text()
    assert text.startswith("route: smart\nchosen: haiku\nrules:\n  bugs: ")
    assert "A bug" not in text

    policy.makeconftest(POLICY.replace("'bug'", "'nothing of the kind'"))
    result = policy.runpytest()
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(
        ["*--waypost-update*", "*-route: smart*", "*-chosen: haiku*", "*+route: auto*", "*+chosen: mini*"]
    )


def test_a_snapshot_of_an_answer_has_its_attempts(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        test_outage="""
        def test(fake_provider, make_router, waypost_snapshot):
            fake_provider.script("openai", 503)
            waypost_snapshot(make_router().chat("Hello"))
    """
    )
    suite.runpytest("--waypost-update").assert_outcomes(passed=1)
    suite.runpytest().assert_outcomes(passed=1)
    text = Path("snapshots/test_outage/test.txt").read_text()
    assert text.endswith("attempts:\n  openai error overloaded 503\n  anthropic ok\n")


# Recordings.


def real_test(provider: FakeProvider, prompt: str = "Weather?", call: str = "router.chat(prompt).text") -> str:
    deployment = {**provider.deployment(), "api_key": KEY}
    return f"""
        def test_real(waypost_replay, make_router):
            router, prompt = make_router(waypost_replay.config([{deployment!r}])), {prompt!r}
            assert {call} == "Rain."
    """


def test_recordings(suite: pytest.Pytester) -> None:
    path = Path("recordings/test_it/test_real.json")
    with FakeProvider(reply="Rain.", api_key=KEY) as real:
        suite.makepyfile(test_it=real_test(real))
        changed = real_test(real, "Wetter?")
        result = suite.runpytest()
        result.assert_outcomes(failed=1, errors=1)
        result.stdout.fnmatch_lines("*there is no recording of POST http*run pytest with --waypost-record=once*")
        assert real.count == 0
        assert not path.exists()
        suite.runpytest("--waypost-record=once").assert_outcomes(passed=1)
        assert real.count == 1
        suite.runpytest("--waypost-record=once").assert_outcomes(passed=1)
        assert real.count == 1
        suite.runpytest("--waypost-record=all").assert_outcomes(passed=1)
        assert real.count == 2
    suite.runpytest().assert_outcomes(passed=1)
    suite.runpytest_subprocess("-n2").assert_outcomes(passed=1)
    recorded = path.read_text()
    assert KEY not in recorded
    assert "authorization" not in recorded.lower()
    (exchange,) = json.loads(recorded)["exchanges"]
    assert exchange["request"]["body"]["messages"][0]["content"] == "Weather?"

    suite.makepyfile(test_it=changed)
    result = suite.runpytest()
    result.assert_outcomes(failed=1, errors=1)
    result.stdout.fnmatch_lines(["*--waypost-record=all*", '*-*"Weather?"*', '*+*"Wetter?"*'])


@pytest.mark.parametrize("dialect", ["openai", "anthropic", "gemini", "ollama"])
@pytest.mark.parametrize("call", ["chat", "stream", "embed"])
def test_recordings_of_every_wire(tmp_path: Path, dialect: str, call: str) -> None:
    if (dialect, call) == ("anthropic", "embed"):
        pytest.skip("Anthropic has no embeddings")
    path = tmp_path / "a.json"

    def ask(replay: Replay) -> object:
        with Router(replay.config({"deployments": {"a": deployment}})) as router:
            if call == "embed":
                return router.embed(["Weather?"]).embeddings
            return router.chat("Weather?").text if call == "chat" else [c.text for c in router.stream("Weather?")]

    with FakeProvider(dialect, "It rains in Paris.", api_key=KEY) as real:
        deployment = real.deployment()
        with Replay(path, "once") as replay:
            first = ask(replay)
        assert replay.errors == []
    with Replay(path) as replay:
        assert ask(replay) == first
        assert ask(replay) == first
    assert replay.misses == []
    assert KEY not in path.read_text()


def test_equal_requests_have_their_answers_in_turn(tmp_path: Path) -> None:
    answers = iter(["one", "two"])
    with FakeProvider(reply=lambda _: next(answers)) as real, Replay(tmp_path / "a.json", "once") as replay:
        deployment = real.deployment()
        router = Router(replay.config([deployment]))
        assert [router.chat("Go").text for _ in range(2)] == ["one", "two"]
    with Replay(tmp_path / "a.json") as replay:
        router = Router(replay.config([deployment]))
        assert [router.chat("Go").text for _ in range(3)] == ["one", "two", "two"]


def test_failures_are_recorded_too_and_failover_is_replayed(tmp_path: Path) -> None:
    def ask(replay: Replay) -> tuple[str, list[int | None]]:
        reply = Router(replay.config({"deployments": deployments})).chat("Go")
        return reply.deployment, [attempt.status for attempt in reply.decision.attempts]

    with FakeProvider() as a, FakeProvider("anthropic") as b, Replay(tmp_path / "a.json", "once") as replay:
        a.script(503)
        deployments = {"a": a.deployment(), "b": b.deployment()}
        first = ask(replay)
    with Replay(tmp_path / "a.json") as replay:
        assert ask(replay) == first
    assert first[0] == "b"
    assert first[1][0] == 503


def test_whatever_looks_like_a_key_is_blanked_out(tmp_path: Path) -> None:
    path, other = tmp_path / "a.json", "AIzaSyA1234567890abcdefghijklmnopqrstuvw"
    prompt = f"My key is {KEY} and yours is {other}."
    with FakeProvider(reply=f"Do not tell {KEY}!") as real, Replay(path, "once") as replay:
        deployment = {**real.deployment(), "api_key": KEY}
        Router(replay.config([deployment])).chat(prompt)
    text = path.read_text()
    assert KEY not in text
    assert other not in text
    with Replay(path) as replay:
        assert Router(replay.config([deployment])).chat(prompt).text == "Do not tell ***!"


def test_a_provider_that_cannot_be_reached_is_named(suite: pytest.Pytester) -> None:
    suite.makepyfile("""
        import pytest, waypost

        def test_real(waypost_replay, make_router):
            router = make_router(waypost_replay.config([{"model": "vllm/x", "base_url": "http://127.0.0.1:9/v1"}]))
            with pytest.raises(waypost.APIConnectionError):
                router.chat("Hi")
    """)
    result = suite.runpytest("--waypost-record=once")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines("*POST http://127.0.0.1:9/v1/chat/completions: ConnectionRefusedError*")


# Budgets.


def priced_test(provider: FakeProvider, tests: int = 4) -> str:
    deployment = {**provider.deployment(), "price": PRICE}
    return f"""
        import pytest

        @pytest.mark.parametrize("n", range({tests}))
        def test_paid(make_router, n):
            assert make_router([{deployment!r}]).chat("Hi").text == "one two three"
    """


def test_the_budget_ends_the_spending(suite: pytest.Pytester) -> None:
    with FakeProvider(reply="one two three") as real:  # 1 + 3 tokens: $0.004 a call.
        suite.makepyfile(priced_test(real))
        suite.runpytest("--waypost-budget=1").assert_outcomes(passed=4)
        real.reset()
        result = suite.runpytest("--waypost-budget=0.008")
        result.assert_outcomes(passed=2, failed=2)
        result.stdout.fnmatch_lines("*the budget of this run is spent: $0.0080 of $0.008*")
        assert real.count == 2


def test_a_run_that_has_overspent_has_failed(suite: pytest.Pytester) -> None:
    with FakeProvider(reply="one two three") as real:
        suite.makepyfile(priced_test(real, 1))
        result = suite.runpytest("--waypost-budget=0.001")
    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*$0.0040 of $0.001*", "*overspent*"])


def test_processes_share_the_budget(suite: pytest.Pytester) -> None:
    with FakeProvider(reply="one two three") as real:
        suite.makepyfile(priced_test(real, 12))
        result = suite.runpytest_subprocess("-n2", "--waypost-budget=0.012")
        outcomes = result.parseoutcomes()
        assert 3 <= outcomes["passed"] <= 4  # Two may have begun while the third was paid for.
        assert outcomes["failed"] == 12 - outcomes["passed"]


# The marker.


def test_a_test_keeps_to_its_cost(suite: pytest.Pytester) -> None:
    with FakeProvider(reply="one two three") as real:  # $0.004 a call.
        deployment = {**real.deployment(), "price": PRICE}
        suite.makepyfile(f"""
            import pytest

            @pytest.fixture
            def router(make_router):
                return make_router([{deployment!r}])

            @pytest.mark.waypost(max_cost=0.01)
            def test_cheap(router):
                router.chat("Hi")

            @pytest.mark.waypost(max_cost=0.006)
            def test_one_too_many(router):
                router.batch(["Hi", "Ho"], concurrency=1)

            @pytest.mark.waypost(max_cost=0.004)
            def test_nothing_spent(router):
                pass

            @pytest.mark.waypost(max_cost=0.004)
            def test_the_next_call_is_not_made(router):
                router.chat("Hi")
                router.chat("Hi")

            def test_unmarked(router):
                for _ in range(3):
                    router.chat("Hi")

            @pytest.mark.waypost(max_cost=1)
            def test_unpriced(make_router):
                make_router([{real.deployment()!r}]).chat("Hi")
        """)
        result = suite.runpytest("--junitxml=junit.xml")
        assert real.count == 1 + 2 + 1 + 3 + 1
    result.assert_outcomes(passed=3, failed=3)
    result.stdout.fnmatch_lines_random(
        [
            "*this test cost $0.0080, more than its $0.006 (max_cost)",
            "*this test has spent $0.0040 of its $0.004 (max_cost)",
            "*has no price, so that nobody knows what this test cost (max_cost)",
        ]
    )
    assert '<property name="waypost_usd" value="0.012000"' in Path("junit.xml").read_text()


def test_a_test_is_repeated(policy: pytest.Pytester) -> None:
    policy.makepyfile("""
        import pytest

        @pytest.mark.waypost(repeat=3)
        def test_often(waypost_router, waypost_decisions):
            assert waypost_decisions == []
            waypost_router.route("Hello")
            assert [decision.chosen for decision in waypost_decisions] == ["mini"]

        @pytest.mark.waypost(repeat=2)
        @pytest.mark.parametrize("word", ["a", "b"])
        def test_numbered(waypost_repeat, word):
            assert waypost_repeat == 1, "the second time"

        def test_once(waypost_repeat):
            assert waypost_repeat == 1
    """)
    result = policy.runpytest("-v")
    result.assert_outcomes(passed=6, failed=2)
    result.stdout.fnmatch_lines(["*test_often*run 3*PASSED*", "*3 decisions, 0 calls*"])


@pytest.mark.parametrize(
    ("arguments", "named", "message"),
    [
        ((0.01,), {}, "by name, not 0.01"),
        ((), {"cost": 1}, "by name, not `cost`"),
        ((), {"repeat": 0}, "must be a number from 1 to 1000"),
        ((), {"repeat": True}, "must be a number from 1 to 1000"),
        ((), {"max_cost": -1}, "must be an amount of US dollars"),
        ((), {"max_cost": "1"}, "must be an amount of US dollars"),
    ],
)
def test_wrong_options_of_the_marker_are_named(arguments: tuple[Any, ...], named: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        options(arguments, named)


def test_a_wrong_marker_is_named_with_its_test(suite: pytest.Pytester) -> None:
    suite.makepyfile("import pytest\n\n@pytest.mark.waypost(cost=1)\ndef test_it(): pass\n")
    result = suite.runpytest()
    assert result.ret != pytest.ExitCode.OK
    assert "test_it: the marker `waypost` takes" in str(result.stdout) + str(result.stderr)


# The baseline.


BASELINE = "--waypost-baseline=base.json"


def test_what_was_wrong_may_be_wrong(cases: pytest.Pytester) -> None:
    result = cases.runpytest(BASELINE, "--waypost-update")
    result.assert_outcomes(passed=2, xfailed=1)
    result.stdout.fnmatch_lines("*baseline: base.json is this run")

    result = cases.runpytest(BASELINE, "-rx")
    result.assert_outcomes(passed=2, xfailed=1)
    result.stdout.fnmatch_lines("*baseline: cases right 2/3 (66.7%) → 2/3 (66.7%)")
    result.stdout.fnmatch_lines("*wrong, as it was in base.json: deployment: expected 'haiku', is 'mini'*")


def test_what_was_right_may_not_be_wrong(cases: pytest.Pytester) -> None:
    cases.runpytest(BASELINE, "--waypost-update")
    changed = [
        {**CASES[0], "deployment": "mini"},
        {**CASES[1], "deployment": "mini"},
        {"prompt": "New", "route": "auto"},
    ]
    Path("cases.jsonl").write_text("\n".join(map(json.dumps, changed)))
    result = cases.runpytest(BASELINE)
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*baseline: cases right 1/2 (50.0%) → 1/2 (50.0%)",
            "*now wrong: *Find the bug*",
            "*now right: *wrong*",
            "*1 cases are new, 1 did not run",
        ]
    )


def test_processes_share_the_baseline(cases: pytest.Pytester) -> None:
    cases.runpytest(BASELINE, "--waypost-update")
    result = cases.runpytest_subprocess(BASELINE, "-n2")
    result.assert_outcomes(passed=2, xfailed=1)
    assert str(result.stdout).count("baseline: cases right 2/3 (66.7%) → 2/3") == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "run pytest with --waypost-update too"),
        ("not JSON", "is no JSON"),
        ("{}", "no report of this version"),
        ('{"version": 1, "cases": {}}', "no report of this version"),
    ],
)
def test_a_baseline_that_is_none_is_named(tmp_path: Path, text: str | None, message: str) -> None:
    path = tmp_path / "base.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ValueError, match=message):
        Baseline(path, update=False)


def test_a_missing_baseline_ends_the_run(suite: pytest.Pytester) -> None:
    suite.makepyfile("def test(): pass")
    result = suite.runpytest(BASELINE)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "there is no baseline" in str(result.stderr)


# What did not come to an answer.


def test_refused_and_failed_requests_have_their_own_words(suite: pytest.Pytester) -> None:
    suite.makepyfile("""
        import pytest, waypost
        from waypost.testing import Step

        def test(fake_provider, make_router):
            fake_provider.script("openai", 200, Step(400, forever=True))
            router = make_router({"deployments": {"only": fake_provider["openai"].deployment()}})
            router.chat("Hi")
            with pytest.raises(waypost.InvalidRequestError):
                router.chat("Hi")
            assert router.route("Hi", max_cost=0.0).error == "NoCandidatesError"
    """)
    result = suite.runpytest("--waypost-report=report.json")
    result.stdout.fnmatch_lines("*auto → only 1, refused 1, failed 1")
    route = json.loads(Path("report.json").read_text())["routes"]["auto"]
    assert (route["deployments"], route["refused"], route["failed"]) == ({"only": 1}, 1, 1)
