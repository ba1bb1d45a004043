"""Scored prompts are read in the forms that others publish, and what is wrong is said with its place."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from waypost import datasets
from waypost.datasets import DatasetError, load

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "routing"


def _written(path: Path, rows: list[dict]) -> Path:
    path.write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
    return path


def test_rows_with_mappings(tmp_path: Path) -> None:
    row = {
        "id": "q/1",
        "dataset": "quiz",
        "category": "sums",
        "prompt": "2+2?\u2028",
        "scores": {"a": True, "b": 0.5},
        "cost_usd": {"a": 0.1},
        "tokens_est": {"a": [3, 1], "b": [3, 2]},
        "leaked": False,
    }
    data = load(_written(tmp_path / "quiz.jsonl", [row]))
    assert (data.name, data.models, data.prompts, data.domains) == (
        "quiz.jsonl",
        ("a", "b"),
        ("2+2?\u2028",),
        ("sums",),
    )
    assert data.scores == ((1.0, 0.5),)
    assert data.costs == ((0.1, None),)
    assert data.tokens == (((3.0, 1.0), (3.0, 2.0)),)
    assert data.facts[0]["leaked"] is False
    assert "2+2" not in repr(data)


def test_a_row_for_each_prompt_and_model(tmp_path: Path) -> None:
    path = tmp_path / "plain.csv"
    path.write_text('prompt,model,score,cost\n"say ""a,\nb""",a,1,0.5\n"say ""a,\nb""",b,false,\nmore,a,0.25,0.1\n')
    data = load(path)
    assert data.prompts == ('say "a,\nb"', "more")
    assert data.scores == ((1.0, 0.0), (0.25, None))
    assert data.costs == ((0.5, None), (0.1, None))
    assert len(data.complete()) == 1


def test_llmrouter(tmp_path: Path) -> None:
    rows = [
        {
            "task_name": "gsm8k", "query": "How many?", "gt": "4", "metric": "GSM8K", "choices": None, "model_name": model,
            "response": "4", "token_num": 9, "input_tokens": 5, "output_tokens": 4, "response_time": 0.1,
            "performance": score, "embedding_id": 3,
        }
        for model, score in (("qwen", 1.0), ("llama", 0.0))
    ]  # fmt: skip
    data = load(_written(tmp_path / "routing.jsonl", rows))
    assert (data.models, data.scores, data.domains) == (("qwen", "llama"), ((1.0, 0.0),), ("gsm8k",))
    assert data.tokens == (((5.0, 4.0), (5.0, 4.0)),)


def test_routerarena(tmp_path: Path) -> None:
    rows = [
        {
            "global index": "ArcMMLU_98",
            "prompt": "Which?",
            "prediction": model,
            "generated_result": {"generated_answer": "A", "token_usage": {"input_tokens": 101, "output_tokens": 66}},
            "cost": 0.01,
            "accuracy": accuracy,
            "for_optimality": model == "b",
        }
        for model, accuracy in (("a", 1.0), ("b", 0.0))
    ]
    path = tmp_path / "router.json"
    path.write_text(json.dumps(rows))
    data = load(path)
    assert (data.models, data.scores, data.domains) == (("a", "b"), ((1.0, 0.0),), ("ArcMMLU",))
    assert data.tokens[0][0] == (101.0, 66.0)
    rows[1]["accuracy"] = None
    path.write_text(json.dumps(rows))
    with pytest.raises(DatasetError, match=r"router.json, item 2: there is no score for `b`.*not judged yet"):
        load(path)


def test_routerbench_and_a_dataframe(tmp_path: Path) -> None:
    rows = [
        {
            "sample_id": "mmlu.1", "prompt": "['Which?']", "eval_name": "mmlu", "gpt-4": 1.0, "zephyr": 0.0,
            "gpt-4|model_response": "A", "gpt-4|total_cost": 0.002, "zephyr|model_response": "B", "zephyr|total_cost": 0.0001,
            "oracle_model_to_route_to": "gpt-4",
        }
    ]  # fmt: skip
    data = load(rows)
    assert (data.models, data.scores, data.domains) == (("gpt-4", "zephyr"), ((1.0, 0.0),), ("mmlu",))
    assert data.costs == ((0.002, 0.0001),)
    pandas = pytest.importorskip("pandas")
    assert load(pandas.DataFrame(rows)) == data
    long = [
        {"sample_id": 1, "prompt": "x", "eval_name": "m", "model_name": m, "performance": 1, "cost": 2} for m in "ab"
    ]
    assert load(long).costs == ((2.0, 2.0),)


def test_routellm_in_a_folder(tmp_path: Path) -> None:
    for subject in ("anatomy", "virology"):
        (tmp_path / f"mmlu_{subject}.csv").write_text(
            f",prompt,gpt-4-1106-preview,mistralai/Mixtral\n0,{subject}?,True,False\n1,and {subject}?,False,True\n"
        )
    data = load(tmp_path)
    assert data.models == ("gpt-4-1106-preview", "mistralai/Mixtral")
    assert data.scores[:2] == ((1.0, 0.0), (0.0, 1.0))
    assert set(data.domains) == {"mmlu_anatomy", "mmlu_virology"}
    responses = tmp_path / "gsm8k_responses.csv"
    responses.write_text("prompt,a,b,a_response,b_response\nx,True,False,7,8\n")
    assert load(responses).models == ("a", "b")


def test_compressed_files_and_messages(tmp_path: Path) -> None:
    path = tmp_path / "chat.jsonl.gz"
    chat = [{"role": "user", "content": "Hi"}]
    path.write_bytes(gzip.compress(json.dumps({"prompt": chat, "scores": {"a": 1}}).encode()))
    assert load(str(path)).prompts == (chat,)
    assert load(load(path)) == load(path)


def test_parquet(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    path = tmp_path / "rows.parquet"
    pandas.DataFrame({"prompt": ["x", "x"], "model": ["a", "b"], "score": [1.0, 0.5]}).to_parquet(path)
    assert load(path).scores == ((1.0, 0.5),)


def test_choosing_models_and_prompts() -> None:
    data = load([{"prompt": p, "scores": {"a": 1, "b": 0, "c": 1}, "split": p} for p in ("x", "y")])
    assert data.among(["c", "a"]).scores == ((1.0, 1.0), (1.0, 1.0))
    assert data.where(lambda row: row["split"] == "y").prompts == ("y",)
    with pytest.raises(DatasetError, match="no model `z`; it has `a`, `b`, `c`"):
        data.among(["z"])


GOOD = '{"prompt": "x", "scores": {"a": 1}}\n'


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.jsonl", GOOD + "{oops\n", "a.jsonl:2: this line is no JSON"),
        ("a.jsonl", GOOD + "[1]\n", "a.jsonl:2: expected an object"),
        (
            "a.jsonl",
            GOOD + "\n" + '{"prompt": "y", "scores": {"a": "high"}}',
            r"a.jsonl:3: `scores.a` must be a finite",
        ),
        ("a.jsonl", '{"prompt": "x", "scores": {"a": NaN, "b": Infinity}}', r"a.jsonl:1: `scores.b` must be a finite"),
        ("a.jsonl", '{"prompt": "x", "scores": [1]}', "a.jsonl:1: `scores` must be a mapping"),
        ("a.jsonl", '{"scores": {"a": 1}}', "a.jsonl:1: there is no `prompt`; the columns are `scores`"),
        ("a.jsonl", '{"prompt": "", "scores": {"a": 1}}', "a.jsonl:1: `prompt` is empty"),
        ("a.jsonl", '{"prompt": 3, "scores": {"a": 1}}', "a.jsonl:1: `prompt` must be a text"),
        ("a.jsonl", '{"prompt": "x", "intent": "y"}', "a.jsonl:1: there are no scores"),
        (
            "a.jsonl",
            '{"prompt": "x", "scores": {"a": 1}, "cost_usd": {"a": -1}}',
            "a.jsonl:1: `cost_usd.a` must be a cost",
        ),
        (
            "a.jsonl",
            '{"prompt": "x", "scores": {"a": 1}, "tokens": {"a": 5}}',
            "a.jsonl:1: `tokens.a` must be two numbers",
        ),
        ("a.jsonl", GOOD + GOOD, "a.jsonl:2: `a` has a second score .* a.jsonl:1"),
        ("a.jsonl", "", "no rows with scores"),
        ("a.json", "[1,\n2", "a.json:2: this is no JSON"),
        ("a.json", '{"a": 1}', "must hold a list of rows"),
        ("a.csv", "prompt,model,score\nx,a,1\ny,a\n", "a.csv:3: 2 cells under 3 columns"),
        ("a.csv", "prompt,model,score\nx,a,good\n", "a.csv:2: `score` must be a finite number"),
        ("a.csv", 'prompt,model,score\n"x" y,a,1\n', "a.csv:2: this is no table"),
        ("a.pkl", "", "a pickle runs code"),
        ("a.txt", "", "files end in .jsonl"),
        ("a.jsonl.gz", "not gzip", "no whole gzip file"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, name: str, content: str, words: str) -> None:
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(DatasetError, match=words) as raised:
        load(path)
    place = raised.value.path
    assert place is None or str(raised.value).startswith(place)
    assert isinstance(raised.value, ValueError)


def test_other_mistakes(tmp_path: Path) -> None:
    latin = tmp_path / "latin.csv"
    latin.write_bytes(b"prompt,model,score\nx,a,1\n\xe9,a,1\n")
    with pytest.raises(DatasetError, match="latin.csv:3: this is not UTF-8"):
        load(latin)
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "absent.jsonl")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match="no file that can be read"):
        load(tmp_path / "empty")
    for wrong in (3, {"prompt": "x"}, b"x"):
        with pytest.raises(TypeError):
            load(wrong)
    with pytest.raises(DatasetError, match="row 1: expected an object"):
        datasets.load([1])


@pytest.mark.parametrize(
    ("name", "models"), [("routerarena_sub10", 2), ("zeroeval_math_l5", 41), ("llmrouter_uiuc", 9)]
)
def test_published_data(name: str, models: int) -> None:
    path = DATA / f"{name}.train.jsonl.gz"
    if not path.exists():
        pytest.skip(f"{path.name} is not here")
    data = load(path)
    assert len(data.models) == models
    assert len(data.complete()) == len(data) > 500
