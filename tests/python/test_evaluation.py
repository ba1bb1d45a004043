"""What strategies are worth: the figures against hand-computed cases and the published protocol, and what users see."""

from __future__ import annotations

import importlib.util
import json
import os
import pickle
import random
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import waypost
from waypost import Router, _chart, datasets
from waypost.__main__ import main

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "routing"
STRONG, WEAK = "gpt-4-1106-preview", "mistralai/Mixtral-8x7B-Instruct-v0.1"
PROTOCOL = DATA / "protocol.py"


def _rows(count: int = 40) -> list[dict]:
    """Hard prompts, which only the strong model answers, and easy ones, which both answer; one in ten nobody does."""
    return [
        {
            "prompt": f"{'hard' if at % 2 else 'easy'} question {at}",
            "category": "even" if at % 4 < 2 else "odd",
            "scores": {"small": float(at % 2 == 0), "large": float(at % 10 != 9)},
            "cost_usd": {"small": 0.001, "large": 0.01},
        }
        for at in range(count)
    ]


def _knows(prompt: str) -> str:
    return "large" if prompt.startswith("hard") else "small"


def _leans(prompt: str) -> float:
    return (0.6 if prompt.startswith("hard") else 0.1) + len(prompt) / 1000 + int(prompt.rsplit(" ", 1)[1]) / 1e5


# The arithmetic.


def test_a_strategy_that_names_models_is_measured_as_it_would_run() -> None:
    found = waypost.evaluate(_knows, _rows())
    assert (found.strong, found.weak, found.best, found.cost_unit) == ("large", "small", "large", "usd")
    assert found.quality == pytest.approx(0.9)
    assert found.cost == pytest.approx(0.0055)
    assert found.oracle_gap == pytest.approx(0.0)
    assert found.cost_saved(at=0.95) == pytest.approx(0.45)
    assert found.cost_saved(at=0.99) == pytest.approx(0.45)
    # The small model falls short; of the 90 % that it costs less it keeps what mixing needs: 0.855 is 0.355 of 0.4 above it.
    assert found.mixing_saved(at=0.95) == pytest.approx((1 - 0.355 / 0.4) * 0.9)
    # From 0.5 at no calls to 0.9 at half of them, then level: (0.2 + 0.4) * 0.5 over 0.4, from the weak model's 0.5.
    assert found.apgr == pytest.approx((0.5 * 0.2 + 0.5 * 0.4) / 0.4)


def test_the_baselines_are_in_every_evaluation() -> None:
    found = waypost.evaluate(_knows, _rows())
    assert list(found.strategies) == ["strategy", "random", "always-weak", "always-strong", "oracle"]
    assert found["always-weak"].quality == pytest.approx(0.5)
    assert found["always-strong"].cost_saved(at=0.99) == pytest.approx(0.0)
    assert found["random"].apgr == pytest.approx(0.5)
    assert found["random"].cpt(0.8) == pytest.approx(80)
    # Prompts that nobody answers go to the cheapest model: 20 easy ones and 4 of the hard ones.
    assert found["oracle"].cost == pytest.approx((24 * 0.001 + 16 * 0.01) / 40)


def test_win_rates_give_a_curve_and_choose_at_the_threshold() -> None:
    found = waypost.evaluate(_leans, _rows())
    assert found.main.kind == "scores"
    assert [point["strong"] for point in found.curve] == pytest.approx([at / 10 for at in range(11)])
    assert found.quality == pytest.approx(0.9)
    assert found.apgr is not None
    assert found.apgr > 0.65
    assert found.cpt(0.5) is not None
    assert waypost.evaluate(_leans, _rows(), threshold=2.0).quality == pytest.approx(0.5)


def test_domains_confusion_and_intervals() -> None:
    found = waypost.evaluate(_knows, _rows())
    assert {name: part["prompts"] for name, part in found.by_domain.items()} == {"even": 20, "odd": 20}
    assert sum(part["quality"] * part["prompts"] for part in found.by_domain.values()) == pytest.approx(36)
    assert found.confusion == {"small": {"small": 20, "large": 4}, "large": {"large": 16}}
    low, high = found.intervals["quality"]
    assert low < 0.9 < high
    assert waypost.evaluate(_knows, _rows(), resamples=0).intervals == {}


def test_the_same_seed_finds_the_same() -> None:
    first, again = (waypost.evaluate(_leans, _rows(), seed=3) for _ in range(2))
    assert first == again
    assert first.intervals != waypost.evaluate(_leans, _rows(), seed=4).intervals
    assert pickle.loads(pickle.dumps(first)) == first


def test_aiq_is_the_mean_height_of_the_hull() -> None:
    rows = [{"prompt": p, "scores": {"a": 0, "b": 1}, "cost_usd": {"a": 0, "b": 2}} for p in "xyz"]
    found = waypost.evaluate(lambda _: "b", rows)
    assert found["random"].aiq == pytest.approx(0.5)
    # A single point reaches its quality only from its cost on.
    assert found.aiq == pytest.approx(0.0)
    assert found["oracle"].aiq == pytest.approx(0.0)


@pytest.mark.parametrize("seed", range(30))
def test_the_metrics_are_the_protocols(seed: int) -> None:
    protocol = _protocol()
    rng = random.Random(seed)
    # Where a decile falls on a prompt (11, 101 …), pandas 3 rounds its threshold otherwise than the pandas of the paper.
    count = rng.choice([7, 12, 103, 500])
    # Few values make many ties; a bad predictor makes curves that fall.
    win = [round(rng.random(), rng.choice([1, 2, 9])) for _ in range(count)]
    weak = [float(rng.random() < 0.5) for _ in range(count)]
    strong = [float(rng.random() < 0.7) for _ in range(count)]
    if sum(weak) == sum(strong):
        strong[0] = 1.0 - strong[0]
    _same_as_protocol(protocol, win, strong, weak)


@pytest.mark.parametrize("name", ["routellm_mmlu", "routellm_gsm8k"])
def test_the_metrics_are_the_protocols_on_its_own_data(name: str) -> None:
    path = DATA / f"{name}.train.jsonl.gz"
    if not path.exists():
        pytest.skip(f"{path.name} is not here")
    data = datasets.load(path).where(lambda row: not row["excluded_by_paper"])
    at = {model: data.models.index(model) for model in (STRONG, WEAK)}
    columns = {model: [row[place] for row in data.scores] for model, place in at.items()}
    win = [len(prompt) / 1000 for prompt in data.prompts]
    _same_as_protocol(_protocol(), win, columns[STRONG], columns[WEAK])


def _protocol():
    pytest.importorskip("pandas")
    if not PROTOCOL.exists():
        pytest.skip("protocol.py is not here")
    spec = importlib.util.spec_from_file_location("protocol", PROTOCOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _same_as_protocol(protocol, win, strong, weak) -> None:
    import numpy as np

    expected = protocol.metrics(win, np.array(strong), np.array(weak))
    rows = [
        {"id": at, "prompt": str(at), "scores": {"strong": s, "weak": w}}
        for at, (s, w) in enumerate(zip(strong, weak, strict=True))
    ]
    found = waypost.evaluate(lambda prompt: win[int(prompt)], rows, strong="strong", weak="weak", resamples=0)
    assert found.apgr == pytest.approx(expected["apgr"], abs=6e-5)
    assert found.cpt(0.5) == pytest.approx(expected["cpt50"], abs=6e-3)
    assert found.cpt(0.8) == pytest.approx(expected["cpt80"], abs=6e-3)
    assert 100 * found["always-strong"].quality == pytest.approx(expected["strong"], abs=6e-3)


# Strategies.


def _router(*models: str) -> Router:
    deployments = [{"name": f"d{at}", "model": model, "api_key": "x"} for at, model in enumerate(models)]
    rules = [{"name": "hard", "when": "text.contains('hard')", "require": ["d1"]}]
    return Router({"deployments": deployments, "rules": rules})


def test_a_router_is_measured_by_its_decisions() -> None:
    rows = [
        {
            **row,
            "scores": {"gpt-5-mini": row["scores"]["small"], "openai/gpt-5": row["scores"]["large"]},
            "cost_usd": None,
        }
        for row in _rows()
    ]
    with _router("openai/gpt-5-mini", "openai/gpt-5") as router:
        found = waypost.evaluate(router, rows)
    assert next(iter(found.strategies)) == "router"
    assert found.quality == pytest.approx(0.9)
    assert (found.cost_unit, found.cost) == ("calls", 0.5)
    assert "a call of the strong model counts as 1" in found.notes[0]
    assert found.routing_time is not None
    assert found.routing_time["p50"] > 0


def test_names_that_match_nothing_are_shown_on_both_sides() -> None:
    with _router("openai/gpt-5-mini", "openai/gpt-5") as router:
        with pytest.raises(ValueError) as raised:
            waypost.evaluate(router, _rows())
        for name in ("`d0`", "openai/gpt-5-mini", "`small`", "`large`", "models={'d0'"):
            assert name in str(raised.value)
        found = waypost.evaluate(router, _rows(), models={"d0": "small", "openai/gpt-5": "large"})
        assert found.quality == pytest.approx(0.9)
        with pytest.raises(ValueError, match="names `nobody`"):
            waypost.evaluate(router, _rows(), models={"d0": "nobody"})


def test_what_a_rule_blocks_scores_nothing() -> None:
    config = {
        "deployments": [{"name": "large", "model": "ollama/large"}, {"name": "small", "model": "ollama/small"}],
        "rules": [{"name": "no", "when": "text.contains('hard')", "block": "no"}],
    }
    with Router(config) as router:
        found = waypost.evaluate(router, _rows())
    assert found.main.refused == 20
    assert found.quality == pytest.approx(0.5)


def test_several_strategies_are_compared_and_the_first_speaks() -> None:
    found = waypost.evaluate({"rates": _leans, "names": _knows}, _rows())
    assert list(found.strategies)[:2] == ["rates", "names"]
    assert found.apgr == found["rates"].apgr
    listed = waypost.evaluate([_leans, _leans, "cheapest"], _rows(), resamples=0)
    assert list(listed.strategies)[:3] == ["_leans", "_leans 2", "cheapest"]
    for wrong, error in ((3, TypeError), ({}, TypeError), ({"a": 3}, TypeError), ({"oracle": _knows}, ValueError)):
        with pytest.raises(error):
            waypost.evaluate(wrong, _rows())


@pytest.mark.parametrize(
    "strategy",
    [lambda p: 0.5 if "hard" in p else "small", lambda p: True, lambda p: None if "hard" in p else 0.1, lambda p: [p]],
)
def test_answers_of_no_kind_or_two_are_refused(strategy) -> None:
    with pytest.raises(ValueError, match="must return names of models, or a number"):
        waypost.evaluate(strategy, _rows())


def test_a_win_rate_must_be_finite_and_a_failing_strategy_fails() -> None:
    with pytest.raises(ValueError, match="no finite number, for prompt 1"):
        waypost.evaluate(lambda _: float("nan"), _rows())
    with pytest.raises(ZeroDivisionError):
        waypost.evaluate(lambda _: 1 / 0, _rows())


def test_strategies_have_names() -> None:
    found = waypost.evaluate(["cheapest", "large", {"kind": "balanced", "cost": 1.0}], _rows(), resamples=0)
    assert found.quality == found["always-weak"].quality
    assert found["large"].quality == found["always-strong"].quality
    assert found["balanced"].cost == pytest.approx(0.001)
    assert list(waypost.evaluate("priority", _rows(), resamples=0).confusion["large"]) == ["small"]
    with pytest.raises(ValueError, match="did you mean `cheapest`"):
        waypost.evaluate("cheapst", _rows())
    with pytest.raises(
        ValueError, match=r"no strategy, model or configuration file `nobody`; strategies are .*`small`"
    ):
        waypost.evaluate("nobody", _rows())


def test_a_baseline_may_be_asked_for_by_name() -> None:
    found = waypost.evaluate(["oracle", "cheapest"], _rows(), resamples=0)
    assert list(found.strategies) == ["oracle", "cheapest", "random", "always-weak", "always-strong"]
    assert found.main.kind == "baseline"


def test_a_routers_own_strategy_is_asked_as_a_router_asks_it() -> None:
    def hard(candidates, signals):
        return sorted((one["deployment"] for one in candidates), reverse=signals["tokens"] < 0)

    found = waypost.evaluate(hard, _rows(), resamples=0)
    assert found.quality == found["always-strong"].quality


@pytest.mark.parametrize("form", ["path", "text", "mapping", "listed"])
def test_a_configuration_needs_no_key(form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    path = tmp_path / "waypost.toml"
    path.write_text(
        '[deployments.large]\nmodel = "openai/gpt-5"\n[deployments.small]\nmodel = "ollama/tiny"\n'
        '[routes.auto]\ncandidates = ["small"]\nfallback = ["large"]\n'
    )
    mapping = {"deployments": {"small": {"model": "ollama/tiny"}, "large": {"model": "ollama/more"}}}
    given = {"path": path, "text": str(path), "mapping": mapping, "listed": [path]}[form]
    found = waypost.evaluate(given, _rows(), resamples=0)
    assert found.quality == found["always-weak"].quality
    assert "OPENAI_API_KEY" not in os.environ
    with pytest.raises(waypost.ConfigError, match="gone"):
        waypost.evaluate(tmp_path / "gone.toml", _rows())


def test_predictions_of_every_model_run_at_every_price_of_quality() -> None:
    rows = [
        {
            **row,
            "scores": {**row["scores"], "middle": row["scores"]["small"]},
            "cost_usd": {**row["cost_usd"], "middle": 0.004},
        }
        for row in _rows()
    ]

    def predict(prompt):
        hard = prompt.startswith("hard")
        return {"small": 0.3 if hard else 0.8, "middle": 0.5 if hard else 0.8, "large": 0.9}

    found = waypost.evaluate(predict, rows)
    assert found.main.kind == "predictions"
    # The best predicted answers everything; at a price the easy half goes to the small model, and nothing is lost.
    assert found.quality == found["always-strong"].quality
    assert found.cost_saved(at=0.99) >= 0.45
    assert found.main.frontier[0]["cost"] == pytest.approx(0.001)
    assert any(point["cost"] == pytest.approx(0.0055) for point in found.main.frontier)
    assert found.apgr is not None
    assert found.intervals["cost_saved95"][0] > 0.2
    with pytest.raises(ValueError, match="predicts no finite quality of `small`, `large` for prompt 1"):
        waypost.evaluate(lambda _: {"middle": 1}, rows)
    chart = _chart.series(found)
    assert next(one for one in chart if one.name == "strategy").points[-1] == (pytest.approx(10.0), pytest.approx(0.9))


def test_a_bar_shows_how_far_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("tqdm")
    waypost.evaluate([_knows, _leans], _rows(), resamples=0, progress=True)
    assert "80/80" in capsys.readouterr().err


# Costs.


def test_prices_make_costs_of_tokens_or_calls() -> None:
    rows = [
        {"prompt": p, "scores": {"a": 0, "b": 1}, "tokens": {"a": [1000, 0], "b": [1000, 1000]}} for p in ("one", "two")
    ]
    found = waypost.evaluate(lambda _: "b", rows, prices={"a": 0.5, "b": (1, 2)})
    assert found.models["a"]["cost"] == pytest.approx(0.5)
    assert found.models["b"]["cost"] == pytest.approx(0.003)
    for prices, words in (
        ({"a": 1}, "none for `b`"),
        ({"a": -1, "b": 1}, "0 or more"),
        ({"a": 1, "b": (1,)}, "two numbers"),
    ):
        with pytest.raises(ValueError, match=words):
            waypost.evaluate(lambda _: "b", rows, prices=prices)
    del rows[0]["tokens"]
    with pytest.raises(ValueError, match="no tokens of `b`"):
        waypost.evaluate(lambda _: "b", rows, prices={"a": 0.5, "b": (1, 2)})


def test_without_costs_nothing_is_said_about_cost() -> None:
    rows = [{"prompt": p, "scores": {"a": 0, "b": 1, "c": 1}} for p in ("one", "two")]
    found = waypost.evaluate(lambda _: "b", rows)
    assert (found.cost, found.aiq, found.cost_unit) == (None, None, None)
    with pytest.raises(ValueError, match="give `prices"):
        found.cost_saved(at=0.95)
    with pytest.raises(ValueError, match="give `prices"):
        found.mixing_saved(at=0.95)
    assert "cost" not in found.intervals
    with pytest.raises(ValueError, match="between 0 and 1"):
        found.cost_saved(at=95)


def test_prompts_that_not_every_model_answered_are_left_out_and_said() -> None:
    rows = [*_rows(), {"prompt": "more", "scores": {"small": 1}}]
    found = waypost.evaluate(_knows, rows)
    assert found.prompts == 40
    assert found.notes == ["1 of 41 prompts were left out: not every model has a score for them"]
    with pytest.raises(datasets.DatasetError, match="only 0 of 2 prompts.*among"):
        waypost.evaluate(_knows, [{"prompt": "x", "scores": {"a": 1}}, {"prompt": "y", "scores": {"b": 1}}])
    assert waypost.evaluate(_knows, _rows(), among=["large", "small"]).prompts == 40
    with pytest.raises(ValueError, match="has no model `huge`"):
        waypost.evaluate(_knows, _rows(), strong="huge")
    with pytest.raises(ValueError, match="both `large`"):
        waypost.evaluate(_knows, _rows(), strong="large", weak="large")


# What users see.


def test_as_plain_data_and_as_a_table() -> None:
    found = waypost.evaluate({"rates": _leans, "names": _knows}, _rows())
    plain = json.loads(json.dumps(found.to_dict()))
    assert plain["strategies"]["names"]["cost_saved95"] == pytest.approx(0.45)
    assert plain["strategies"]["rates"]["cpt50"] == found.cpt(0.5)
    pandas = pytest.importorskip("pandas")
    frame = found.to_dataframe()
    assert isinstance(frame, pandas.DataFrame)
    assert list(frame.index) == list(found.strategies)
    assert frame.loc["names", "quality"] == pytest.approx(0.9)
    assert frame.loc["names", "quality_low"] < 0.9


def test_without_pandas_a_table_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="pip install pandas"):
        waypost.evaluate(_knows, _rows()).to_dataframe()


def test_the_chart_holds_every_strategy_and_every_baseline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    found = waypost.evaluate({"<rates>": _leans, "names": _knows}, _rows())
    chart = found.plot()
    words = "".join(ET.fromstring(chart.svg).itertext())
    for name in ("<rates>", "names", "random", "always-weak", "always-strong", "oracle", "US dollars"):
        assert name in words
    assert chart._repr_html_() == chart.svg
    chart.save(tmp_path / "chart.svg")
    assert (tmp_path / "chart.svg").read_text() == chart.svg


def test_matplotlib_draws_where_it_is_installed() -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    found = waypost.evaluate(_leans, _rows())
    ax = found.plot()
    assert {"strategy", "random", "oracle"} <= {text.get_text() for text in ax.get_legend().get_texts()}
    assert found.plot(ax=ax) is ax
    plt.close("all")


def test_the_report_is_a_page_of_its_own_and_escapes_names(tmp_path: Path) -> None:
    found = waypost.evaluate({"<script>": _leans}, _rows())
    found.report(tmp_path / "out.html")
    page = (tmp_path / "out.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert "<script" not in page
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")
    for text in ("&lt;script&gt;", "oracle", "single models", "even", "light dark", "resamples"):
        assert text in page
    assert "hard question" not in page + found._repr_html_() + repr(found)


def test_the_command_measures_a_configuration(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, config, page = tmp_path / "data.jsonl", tmp_path / "waypost.toml", tmp_path / "out.html"
    data.write_text("\n".join(map(json.dumps, _rows())))
    config.write_text('[deployments.large]\nmodel = "openai/gpt-5"\n[deployments.tiny]\nmodel = "ollama/tiny"\n')
    words = ["eval", str(data), "--config", str(config)]
    assert main([*words, "--report", str(page)]) == 0
    out = capsys.readouterr().out
    assert "40 prompts, strong large, weak small" in out
    assert "always-strong" in out
    assert page.exists()
    assert main([*words, "--json", "--match", "large=small"]) == 0
    assert json.loads(capsys.readouterr().out)["strategies"]["router"]["quality"] == pytest.approx(0.5)
    assert main(["eval", str(data), "--strategy", "cheapest", "--strategy", "small"]) == 0
    assert "cheapest" in capsys.readouterr().out
    data.write_text("{}\n")
    assert main(words) == 1
    assert "data.jsonl:1" in capsys.readouterr().err


def test_a_failed_assertion_shows_the_figures(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import waypost

        ROWS = [
            {"prompt": f"{p} {at}", "scores": {"small": p == "easy", "large": 1}, "cost_usd": {"small": 1, "large": 10}}
            for p in ("easy", "hard")
            for at in range(10)
        ]
        FOUND = waypost.evaluate({"mine": lambda prompt: "large" if "hard" in prompt else "small"}, ROWS)

        def test_enough():
            assert FOUND.cost_saved(at=0.95) > 0.3

        def test_too_little():
            assert FOUND.cost_saved(at=0.95) > 0.6

        def test_quality_and_calls():
            assert FOUND.quality == 1.0
            assert FOUND.cpt(0.5) < 10

        def test_one_of_them():
            assert 0.5 < FOUND["random"].cost_saved(at=0.99)
        """
    )
    result = pytester.runpytest_inprocess("-p", "no:xdist", "-p", "no:asyncio")
    result.assert_outcomes(passed=1, failed=3)
    result.stdout.fnmatch_lines(
        [
            "E *assert 0.4* > 0.6",
            "E *`mine`: 45.0 % (95 % of resamples: * to *) of the cost of `large`, the best single model, saved at 95 % of its quality",
            "E *on rows, 20 prompts:",
            "E * mine * quality 1.000 * cost 5.5 * saved at 95 %: 45.0 %*",
            "E * random *",
            "E * oracle *",
        ]
    )
    result.stdout.fnmatch_lines(
        ["E *`mine`: 25.0 % * of the calls go to `large` to recover 50 % of the gap to `small`"]
    )
    result.stdout.fnmatch_lines(["E *`random`: 1.8 %*of the cost of `large`*at 99 %*"])


def test_a_figure_is_a_number_in_every_way() -> None:
    found = waypost.evaluate(_knows, _rows(), resamples=0).cost_saved(at=0.95)
    assert (repr(found), json.dumps(found)) == (repr(float(found)), json.dumps(float(found)))
    assert type(pickle.loads(pickle.dumps(found))) is float
    assert type(found + 1) is float
