"""Test routing policies with pytest.

The plugin is found by its entry point. Unused it adds nothing: `waypost` itself is imported by the fixtures that need
it.

    def test_code_goes_to_the_strong_model(waypost_router):             # from --waypost-config or a `waypost_config`
    fixture
        assert waypost_router.route("Fix this borrow-checker error: …").chosen == "haiku"

    @pytest.mark.waypost_cases("cases.jsonl")                           # one test for each case
    def test_cases(waypost_case):
        waypost_case.check()

    def test_outage(fake_provider, make_router):                        # real HTTP servers on loopback
        fake_provider.script("openai", [429, "reset", 200])
        assert make_router().chat("Hello").deployment == "anthropic"

    def test_policy(waypost_router, waypost_snapshot):                  # as it was; --waypost-update takes it anew
        waypost_snapshot(waypost_router.route("Fix this borrow-checker error: …"))

    def test_worth():                                                   # a failure shows all strategies' figures
        assert waypost.evaluate("waypost.toml", "scores.jsonl").cost_saved(at=0.95) > 0.3

    def test_real(waypost_replay, make_router):                         # --waypost-record=once records, then no key and
        router = make_router(waypost_replay.config(["openai/gpt-5-mini"]))                 # no network is needed
        assert "Paris" in router.chat("The capital of France?").text

    @pytest.mark.waypost(max_cost=0.01, repeat=5)                       # five tests, each for a cent at most
    def test_dear(waypost_router, waypost_decisions):
        assert waypost_router.chat("Why is the sky blue?").text
        assert [decision.chosen for decision in waypost_decisions] == ["mini"]

`--waypost-baseline base.json` lets cases be wrong that were wrong in that run (they are `xfailed`), and sums up what has
changed since; with `--waypost-update` this run becomes the baseline.

`--waypost-report out.json` (or `.html`) says what the run's routers did: routes, cost, accuracy of the cases, slowest
decision. `--waypost-budget 0.50` ends the spending at so many US dollars, over all processes of pytest-xdist.

A case is a mapping with `prompt` (a string, or messages) and what is expected of the decision: `intent`, `route`,
`deployment`, `tags`, `error`, any of them; lists of `intent`, `route` and `deployment` mean one of them. `id` names
the test, and `call` holds further arguments of `Router.route` (`tags`, `metadata`, `tools` …). Files are JSONL, JSON,
CSV (tags separated by spaces), or YAML if PyYAML is there.
"""

from __future__ import annotations

import json
import re
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from waypost.testing import FakeFleet, Replay
    from waypost.testing.baseline import Baseline
    from waypost.testing.marks import Account
    from waypost.testing.snapshot import Snapshots
    from waypost.testing.tally import Ledger, Tally

EXPECTATIONS = ("intent", "route", "deployment", "tags", "error")
FIELDS = ("id", "prompt", "call", *EXPECTATIONS)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("waypost")
    group.addoption("--waypost-config", metavar="FILE", help="waypost configuration of the `waypost_router` fixture")
    group.addoption("--waypost-report", metavar="FILE", help="write what the run's routers did, as .json or .html")
    group.addoption(
        "--waypost-baseline", metavar="FILE", help="a report in JSON: cases that are wrong in it do not fail the run"
    )
    group.addoption(
        "--waypost-update",
        action="store_true",
        help="take the snapshots of `waypost_snapshot` anew, and make this run the baseline of `--waypost-baseline`",
    )
    group.addoption(
        "--waypost-record",
        choices=("none", "once", "all"),
        default="none",
        help="`waypost_replay`: only play back (default), record what has no recording yet, or record all anew",
    )
    group.addoption(
        "--waypost-budget", metavar="USD", type=float, help="US dollars that the run may spend; then calls fail"
    )


class _Run:
    """What is counted in this run; made when the plugin is first used."""

    def __init__(self, config: pytest.Config) -> None:
        from waypost._watch import watch
        from waypost.testing.marks import Account
        from waypost.testing.tally import Ledger, Tally

        worker = getattr(config, "workerinput", {})
        self.tally: Tally = Tally()
        self.ledger: Ledger = Ledger(config.getoption("--waypost-budget"), worker.get("waypost_ledger"))
        self.baseline = _baseline(config)
        self.compared: list[str] = []
        self.account: Account = Account()
        self.end = watch(self)

    def begin(self, max_cost: float | None) -> None:
        """Open the account of a test."""
        from waypost.testing.marks import Account

        self.account = Account(max_cost)

    def may_call(self) -> None:
        """Refuse calls when the budget of the run or of the test is spent."""
        if reason := self.ledger.exceeded or self.account.spent:
            pytest.fail(f"waypost: {reason}", pytrace=False)

    def decided(self, decision: Any) -> None:
        """Count a decision."""
        self.tally.decided(decision)
        self.account.decided(decision)

    def answered(self, response: Any) -> None:
        """Count an answer, and what it cost."""
        self.tally.answered(response)
        self.account.answered(response)
        self.ledger.add(response.cost.usd or 0.0)

    def failed(self, error: BaseException) -> None:
        """Count a failure."""
        self.tally.failed(error)
        self.account.decided(getattr(error, "decision", None))

    def report(self) -> dict[str, Any]:
        """Return all that is known."""
        report = self.tally.to_dict()
        report["cost"]["budget"] = self.ledger.budget
        return report


def _baseline(config: pytest.Config) -> Baseline | None:
    name = config.getoption("--waypost-baseline")
    if name is None:
        return None
    from waypost.testing.baseline import Baseline

    try:
        return Baseline(
            Path(str(config.invocation_params.dir), name), update=bool(config.getoption("--waypost-update"))
        )
    except ValueError as error:
        msg = f"--waypost-baseline: {error}"
        raise pytest.UsageError(msg) from error


RUN = pytest.StashKey[_Run]()


def _run(config: pytest.Config) -> _Run:
    if RUN not in config.stash:
        config.stash[RUN] = _Run(config)
    return config.stash[RUN]


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers; count from the start where a report, a baseline or a budget is wanted."""
    config.addinivalue_line(
        "markers", "waypost_cases(*files): run the test once for each routing case, as `waypost_case`"
    )
    config.addinivalue_line(
        "markers",
        "waypost(max_cost=None, repeat=1): US dollars that the test's calls may cost, and how many times it runs",
    )
    report, budget = config.getoption("--waypost-report"), config.getoption("--waypost-budget")
    if report is not None and Path(report).suffix.lower() not in (".json", ".html"):
        msg = f"--waypost-report: `{report}` must end in .json or .html"
        raise pytest.UsageError(msg)
    if budget is not None and budget < 0:
        msg = f"--waypost-budget: {budget} is no amount of US dollars"
        raise pytest.UsageError(msg)
    if report is not None or budget is not None or config.getoption("--waypost-baseline") is not None:
        _run(config)


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    """Where a figure of an evaluation is not what was asserted, show what it was measured on and beside what."""
    for side in (left, right):
        explain = getattr(side, "waypost_explains", None)
        if isinstance(side, float) and explain is not None:
            return [f"{left!r} {op} {right!r}", *explain()]
    return None


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop counting."""
    if (run := config.stash.get(RUN, None)) is not None:
        run.end()
        if run.ledger.path is not None and not hasattr(config, "workerinput"):
            Path(run.ledger.path).unlink(missing_ok=True)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Let the processes of pytest-xdist share the budget."""
    run = node.config.stash.get(RUN, None)
    if run is not None and run.ledger.budget is not None:
        if run.ledger.path is None:
            import os
            import tempfile

            descriptor, run.ledger.path = tempfile.mkstemp(prefix="waypost-budget-")
            os.close(descriptor)
        node.workerinput["waypost_ledger"] = run.ledger.path


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Add what a process of pytest-xdist has counted."""
    if theirs := getattr(node, "workeroutput", {}).get("waypost"):
        _run(node.config).tally.merge(theirs)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand over what was counted, or write the report; a run that has overspent has failed."""
    config = session.config
    run = config.stash.get(RUN, None)
    if run is None:
        return
    output = getattr(config, "workeroutput", None)
    if output is not None:
        output["waypost"] = run.tally.to_dict()
        return
    if (path := config.getoption("--waypost-report")) is not None:
        from waypost.testing.tally import write

        write(Path(str(config.invocation_params.dir), path), run.report())
    if run.baseline is not None:
        run.compared = run.baseline.ended(run.report())
    budget = run.ledger.budget
    if budget is not None and run.ledger.spent > budget and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Sum up, if there is anything to tell."""
    run = config.stash.get(RUN, None)
    if run is None or not (run.tally or config.getoption("--waypost-report")):
        return
    from waypost.testing.tally import summary

    terminalreporter.section("waypost")
    for line in [*summary(run.report()), *run.compared]:
        terminalreporter.write_line(line)
    if run.ledger.budget is not None and run.ledger.spent > run.ledger.budget:
        terminalreporter.write_line(f"  overspent: {run.ledger.exceeded}", red=True)
    if path := config.getoption("--waypost-report"):
        terminalreporter.write_line(f"  report: {path}")


def _marked(node: Any) -> dict[str, Any] | None:
    """Return the options of the marker `waypost`."""
    marker = node.get_closest_marker("waypost")
    if marker is None:
        return None
    from waypost.testing.marks import options

    try:
        return options(marker.args, marker.kwargs)
    except ValueError as error:
        msg = f"{node.nodeid}: {error}"
        raise pytest.UsageError(msg) from error


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Open the test's account, ahead of its fixtures."""
    marked = _marked(item)
    if marked is not None and marked["max_cost"] is not None:
        _run(item.config)
    if (run := item.config.stash.get(RUN, None)) is not None:
        run.begin(marked["max_cost"] if marked else None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Fail a test that cost more than it may; note what it cost where JUnit's report finds it."""
    result = yield
    if (run := item.config.stash.get(RUN, None)) is not None:
        if run.account.calls:
            item.user_properties.append(("waypost_usd", f"{run.account.usd:.6f}"))
        if problem := run.account.wrong:
            pytest.fail(f"waypost: {problem}", pytrace=False)
    return result


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make one test for each case, and for each repetition."""
    marked = _marked(metafunc.definition)
    if marked is not None and (marked["repeat"] > 1 or "waypost_repeat" in metafunc.fixturenames):
        if "waypost_repeat" not in metafunc.fixturenames:
            metafunc.fixturenames.append("waypost_repeat")
        times = range(1, marked["repeat"] + 1)
        metafunc.parametrize("waypost_repeat", times, indirect=True, ids=[f"run {time}" for time in times])
    marker = metafunc.definition.get_closest_marker("waypost_cases")
    if marker is None or "waypost_case" not in metafunc.fixturenames:
        return
    here, root = metafunc.definition.path.parent, metafunc.config.rootpath
    cases = [case for name in marker.args for case in load_cases(_found(str(name), here, root))]
    metafunc.parametrize("waypost_case", cases, indirect=True, ids=_ids(cases))


def _found(name: str, *folders: Path) -> Path:
    for folder in folders:
        if (path := folder / name).is_file():
            return path
    msg = f"waypost_cases: there is no file `{name}` in {' or '.join(map(str, folders))}"
    raise pytest.UsageError(msg)


def _ids(cases: list[Mapping[str, Any]]) -> list[str]:
    return [
        str(case.get("id") or f"{number}: {' '.join(str(case['prompt']).split())[:40]}")
        for number, case in enumerate(cases, 1)
    ]


def load_cases(path: Path) -> list[Mapping[str, Any]]:
    """Read routing cases from a file.

    Args:
        path: A `.jsonl`, `.json`, `.csv`, `.yaml` or `.yml` file.

    Returns:
        The cases, each with a `prompt`.

    Raises:
        pytest.UsageError: The file is not what it should be; the message names the case.

    Example:
        load_cases(Path("cases.jsonl"))
    """
    import csv

    try:
        cases = _read(path)
    except (ValueError, csv.Error) as error:
        msg = f"waypost_cases: cannot read `{path}`: {error}"
        raise pytest.UsageError(msg) from error
    if not isinstance(cases, list):
        msg = f"waypost_cases: `{path}` must hold a list of cases"
        raise pytest.UsageError(msg)
    for number, case in enumerate(cases, 1):
        if problem := _problem(case):
            msg = f"waypost_cases: case {number} of `{path}`: {problem}"
            raise pytest.UsageError(msg)
    return cases


def _read(path: Path) -> Any:
    text = path.read_text(encoding="utf-8-sig")
    kind = path.suffix.lower()
    if kind == ".csv":
        import csv

        rows = csv.DictReader(text.splitlines(keepends=True))
        return [{k: v.split() if k == "tags" else v for k, v in row.items() if v} for row in rows]
    if kind in (".yaml", ".yml"):
        return pytest.importorskip("yaml", reason="cases in YAML need PyYAML").safe_load(text)
    if kind == ".json":
        return json.loads(text)
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def _problem(case: object) -> str | None:
    if not isinstance(case, dict):
        return "it is not a mapping"
    if not case.get("prompt"):
        return "it has no `prompt`"
    if unknown := set(case) - set(FIELDS):
        return f"unknown field `{min(map(str, unknown))}`; the fields are {', '.join(FIELDS)}"
    if not any(field in case for field in EXPECTATIONS):
        return f"it expects nothing: give one of {', '.join(EXPECTATIONS)}"
    return None


class WaypostCase:
    """One routing case and the router that has to get it right.

    Attributes:
        case: The case as it stands in the file.
        router: The router under test.
    """

    def __init__(
        self, case: Mapping[str, Any], router: Any, tally: Tally | None = None, excuse: str | None = None
    ) -> None:
        """Take the case; nothing is decided yet."""
        self.case = case
        self.router = router
        self._tally, self._excuse = tally, excuse

    @property
    def prompt(self) -> Any:
        """The prompt or messages."""
        return self.case["prompt"]

    @cached_property
    def decision(self) -> Any:
        """The decision, made once; no request is sent."""
        return self.router.route(self.prompt, **self.case.get("call", {}))

    @cached_property
    def signals(self) -> Mapping[str, Any]:
        """The decision's signals, and for those it did not need the router's."""
        if {"intent", "tags"} <= set(self.decision.signals):
            return dict(self.decision.signals)
        return {**self.router.signals(self.prompt, **self.case.get("call", {})), **self.decision.signals}

    def actual(self, field: str) -> Any:
        """Return what the decision says where the case has an expectation."""
        if field == "deployment":
            return self.decision.chosen
        if field in ("route", "error"):
            return getattr(self.decision, field)
        return self.signals.get(field)

    def check(self) -> None:
        """Assert that the decision is what the case expects.

        Raises:
            AssertionError: It is not; the message lists the differences and explains the decision. A case that was
                wrong in the baseline is expected to be: the test ends as `xfailed`.
        """
        __tracebackhide__ = True
        wrong = [
            f"{field}: expected {self.case[field]!r}, is {self.actual(field)!r}"
            for field in EXPECTATIONS
            if field in self.case and not _fits(field, self.case[field], self.actual(field))
        ]
        if self._tally is not None:
            self._tally.case(wrong)
        if wrong and self._excuse is not None:
            pytest.xfail(f"{self._excuse}: {'; '.join(wrong)}")
        if wrong:
            explained = self.decision.explain() if hasattr(self.decision, "explain") else str(self.decision)
            raise AssertionError("\n".join([f"prompt: {self.prompt!r}", *wrong, "", explained]))


def _fits(field: str, expected: Any, actual: Any) -> bool:
    if field == "tags":
        return set([expected] if isinstance(expected, str) else expected) <= set(actual or ())
    return actual in expected if isinstance(expected, list) else bool(actual == expected)


@pytest.fixture
def fake_provider() -> Iterator[FakeFleet]:
    """Fakes of `openai`, `anthropic`, `gemini` and `ollama` on loopback, each started when it is first used."""
    from waypost.testing import FakeFleet

    with FakeFleet() as fleet:
        yield fleet


@pytest.fixture
def make_router(request: pytest.FixtureRequest) -> Iterator[Callable[..., Any]]:
    """Return `make_router(config=None, **options) -> Router`.

    Without a configuration it routes over all fakes in order of priority. The routers are closed after the test.
    """
    import waypost

    _run(request.config)
    routers: list[Any] = []

    def make(config: Any = None, **options: Any) -> Any:
        if config is None:
            config = request.getfixturevalue("fake_provider").config()
        routers.append(waypost.Router(config, **options))
        return routers[-1]

    yield make
    for router in reversed(routers):
        router.close()


@pytest.fixture
def waypost_config(request: pytest.FixtureRequest) -> Any:
    """The configuration under test: the file of `--waypost-config`. Override it to say it in the test suite."""
    path = request.config.getoption("--waypost-config")
    if path is None:
        pytest.fail(
            "no configuration: run pytest with `--waypost-config FILE`, or define a fixture `waypost_config`",
            pytrace=False,
        )
    return str(Path(str(request.config.invocation_params.dir), path))


@pytest.fixture
def waypost_router(waypost_config: Any, make_router: Callable[..., Any]) -> Any:
    """A router over `waypost_config`."""
    return make_router(waypost_config)


@pytest.fixture
def waypost_case(request: pytest.FixtureRequest) -> WaypostCase:
    """One case of the files that the marker `waypost_cases` names."""
    if not hasattr(request, "param"):
        pytest.fail(
            '`waypost_case` needs cases: mark the test with `@pytest.mark.waypost_cases("cases.jsonl")`', pytrace=False
        )
    router, run = request.getfixturevalue("waypost_router"), _run(request.config)
    excuse = run.baseline.excuses(request.node.nodeid) if run.baseline is not None else None
    return WaypostCase(request.param, router, run.tally, excuse)


@pytest.fixture
def waypost_repeat(request: pytest.FixtureRequest) -> int:
    """Which repetition of the marker `waypost(repeat=…)` this is, from 1."""
    return int(getattr(request, "param", 1))


@pytest.fixture
def waypost_decisions(request: pytest.FixtureRequest) -> list[Any]:
    """The decisions of this test so far, in their order: of `route`, and of calls that have ended."""
    return _run(request.config).account.decisions


def _file_name(node: pytest.Item) -> str:
    """Return a test's name as a file's name: readable, and no two alike."""
    name = node.nodeid.partition("::")[2].replace("::", ".")
    plain = re.sub(r"[^\w.\-]+", "-", name).strip("-")
    if plain == name and len(plain) <= 100:
        return plain
    import hashlib

    return f"{plain[:80]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


@pytest.fixture
def waypost_snapshot(request: pytest.FixtureRequest) -> Snapshots:
    """Call it with a decision or an answer: it must be as in the folder `snapshots` beside the test."""
    from waypost.testing.snapshot import Snapshots

    _run(request.config)
    folder = request.path.parent / "snapshots" / request.path.stem
    return Snapshots(folder, _file_name(request.node), update=bool(request.config.getoption("--waypost-update")))


@pytest.fixture
def waypost_replay(request: pytest.FixtureRequest) -> Iterator[Replay]:
    """Real answers from the folder `recordings` beside the test, recorded as `--waypost-record` says.

    `waypost_replay.config([...])` puts it in front of all deployments of a configuration, `waypost_replay(base_url)`
    in front of one base URL. What is not recorded fails the test.
    """
    from waypost.testing import Replay

    _run(request.config)
    path = request.path.parent / "recordings" / request.path.stem / f"{_file_name(request.node)}.json"
    with Replay(path, str(request.config.getoption("--waypost-record"))) as replay:
        yield replay
    if problems := [*replay.misses, *replay.errors]:
        pytest.fail("\n\n".join(["waypost_replay:", *problems]), pytrace=False)
