"""`lga anatomize`, in this process and, where a process is killed, in its own."""

import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import pytest

from lga.anatomy.descriptions import read_descriptions, read_records
from lga.cli.main import run

SPEC = importlib.util.spec_from_file_location(
    "misbehaving_server", Path(__file__).parents[1] / "anatomy" / "misbehaving_server.py"
)
misbehaving = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(misbehaving)
KEY = "sk-the-secret-of-the-test"


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("LGA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("LGA_LLM_KEY", KEY)
    monkeypatch.chdir(tmp_path)


def asking(server, *more):
    return ["--llm", server.url, "--model", "toy", "--backoff", "0.001", "--out", "out.json", *more]


def without_dates(data):
    return re.sub(rb'"date": "[0-9-]{10}"', b"", data)


def test_without_a_model_the_file_holds_lexicon_template_and_own_words(capsys):
    Path("own.json").write_text(json.dumps({"knead": ["A person lifts.", "A person kneads.", "A person rests."]}))
    flags = ["--descriptions", "own.json", "--out", "out.json"]
    assert run(["anatomize", "jump into pool", "zork", "knead", *flags]) == 0
    records = read_records(Path("out.json"))
    assert {label: record.source for label, record in records.items()} == {
        "jump into pool": "lexicon", "zork": "template", "knead": "hand"
    }  # fmt: skip
    assert "3 labels (1 lexicon, 1 template, 1 hand): out.json" in capsys.readouterr().out
    assert len(read_descriptions(Path("out.json")).labels) == 3
    before = read_records(Path("out.json"))
    assert run(["anatomize", "jump into pool", "zork", "knead", "--out", "out.json"]) == 0
    assert {label: record.stages for label, record in read_records(Path("out.json")).items()} == {
        label: record.stages for label, record in before.items()
    }


def test_anatomize_says_where_the_stages_come_from(capsys):
    assert run(["anatomize", "jump into pool", "frobnicate"]) == 0
    shown = capsys.readouterr().out
    assert "shipped lexicon" in shown
    assert "template" in shown
    assert run(["anatomize", "a\nb"]) == 1
    assert run(["anatomize", "jump", "--stages", "9"]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 2
    assert all(line.startswith("lga: ") for line in lines)


def test_json_is_what_it_was(capsys):
    assert run(["anatomize", "jump into pool", "zork", "--json"]) == 0
    first, second = json.loads(capsys.readouterr().out)
    assert set(first) == {"label", "stages", "origin", "detail"}
    assert (first["origin"], second["origin"]) == ("lexicon", "template")


def test_labels_come_from_a_manifest_or_a_text_file_each_once_and_in_order(capsys):
    Path("m.csv").write_text("path,label\na.mp4,jump\nb.mp4,run\nc.mp4,jump\n")
    Path("labels.txt").write_text("jump\n\n  run \njump\n")
    for flag in (["--manifest", "m.csv"], ["--labels-file", "labels.txt"]):
        assert run(["anatomize", *flag, "--json"]) == 0
        assert [one["label"] for one in json.loads(capsys.readouterr().out)] == ["jump", "run"]


WRONG = {
    "nothing": [],
    "two sources": ["jump", "--labels-file", "labels.txt"],
    "no such file": ["--labels-file", "none.txt"],
    "no label": ["--labels-file", "empty.txt"],
    "auto without a model": ["jump", "--stages", "auto"],
    "six stages": ["jump", "--stages", "6"],
    "a rehearsal without a model": ["jump", "--dry-run"],
    "a server without a model": ["jump", "--llm", "http://127.0.0.1:9/v1"],
}


@pytest.mark.parametrize("flags", WRONG.values(), ids=WRONG.keys())
def test_a_wrong_usage_is_one_line_and_exits_with_2(capsys, flags):
    Path("empty.txt").write_text("\n \n")
    Path("labels.txt").write_text("run\n")
    assert run(["anatomize", *flags]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_two_spellings_of_one_label_are_refused_before_anything_is_asked(capsys):
    with misbehaving.MisbehavingServer() as server:
        assert run(["anatomize", "Juggle", "juggle", *asking(server)]) == 1
        assert not server.asked
    assert "are the same action" in capsys.readouterr().err


def test_a_run_writes_records_says_what_it_cost_and_keeps_no_key(capsys):
    with misbehaving.MisbehavingServer(lambda label, count: "500" if label == "spin" else "prose") as server:
        flags = asking(server, "--tries", "2", "--price-in", "2", "--price-out", "10")
        assert run(["anatomize", "juggle", "spin", *flags]) == 0
        assert set(server.keys) == {f"Bearer {KEY}"}
    shown = capsys.readouterr()
    juggle, spin = read_records(Path("out.json")).values()
    assert (juggle.source, juggle.model, juggle.prompt, spin.source) == ("llm", "toy", 1, "template")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", juggle.date)
    assert "spin: template; sample 1, attempt 1: no reply in 2 tries" in shown.err
    cost = (juggle.input_tokens * 2 + juggle.output_tokens * 10) / 1e6
    assert f"3 questions sent, 1 answered, 0 known from before; {juggle.input_tokens} tokens sent" in shown.err
    assert f"cost {cost:.4f}" in shown.err
    written = b"".join(path.read_bytes() for path in Path().rglob("*") if path.is_file())
    assert KEY not in shown.out + shown.err + written.decode()


def test_edits_survive_and_are_counted_until_they_are_overwritten(capsys):
    with misbehaving.MisbehavingServer() as server:
        assert run(["anatomize", "juggle", "spin", *asking(server)]) == 0
        generated = Path("out.json").read_bytes()
        value = json.loads(generated)
        value["juggle"]["stages"][1]["sentence"] = "A person drops a red ball onto the floor."
        value["wave"] = ["A person raises a hand.", "A person waves a hand.", "A person lowers a hand."]
        Path("out.json").write_text(json.dumps(value))
        asked = sum(server.asked.values())
        assert run(["anatomize", "juggle", "spin", *asking(server)]) == 0
        assert "1 record kept as written by hand" in capsys.readouterr().err
        records = read_records(Path("out.json"))
        assert list(records) == ["juggle", "spin", "wave"]
        assert records["juggle"].source == "hand"
        assert records["juggle"].stages[1].sentence == "A person drops a red ball onto the floor."
        once = Path("out.json").read_bytes()
        assert run(["anatomize", "juggle", "spin", *asking(server)]) == 0
        assert Path("out.json").read_bytes() == once
        assert run(["anatomize", "juggle", "--out", "out.json"]) == 0
        assert read_records(Path("out.json"))["spin"].source == "llm"
        assert run(["anatomize", "juggle", "spin", *asking(server, "--overwrite-edits")]) == 0
        assert sum(server.asked.values()) == asked
        assert json.loads(Path("out.json").read_bytes())["juggle"] == json.loads(generated)["juggle"]


def test_a_file_that_is_damaged_stops_before_anything_is_asked(capsys):
    Path("out.json").write_text('{"juggle": [')
    with misbehaving.MisbehavingServer() as server:
        assert run(["anatomize", "juggle", *asking(server)]) == 1
        assert not server.asked
    assert "out.json: not JSON" in capsys.readouterr().err
    assert Path("out.json").read_text() == '{"juggle": ['


def test_a_dry_run_shows_the_prompt_and_asks_nothing(capsys):
    with misbehaving.MisbehavingServer() as server:
        assert run(["anatomize", "juggle", *asking(server)]) == 0
        capsys.readouterr()
        assert run(["anatomize", "juggle", "spin", *asking(server, "--dry-run", "--price-out", "1")]) == 0
        assert sum(server.asked.values()) == 1
    shown = capsys.readouterr().out
    assert "1 question to ask" in shown
    assert "1 reply known" in shown
    assert "cost at most" in shown
    assert '{"action": "spin", "stages": 3}' in shown
    assert list(read_records(Path("out.json"))) == ["juggle"]


def test_replies_without_a_file_are_kept_in_the_cache(capsys):
    with misbehaving.MisbehavingServer() as server:
        for _ in range(2):
            assert run(["anatomize", "juggle", "--llm", server.url, "--model", "toy"]) == 0
            assert "language model (toy, prompt 1)" in capsys.readouterr().out
        assert server.asked["juggle"] == 1
    assert Path("cache/anatomies.journal").is_file()


def test_a_server_that_is_not_there_or_refuses_the_key_is_one_line(capsys):
    flags = ["--llm", "http://127.0.0.1:9/v1", "--model", "toy", "--out", "out.json"]
    assert run(["anatomize", "juggle", *flags]) == 1
    assert "127.0.0.1:9/v1: cannot be reached" in capsys.readouterr().err
    with misbehaving.MisbehavingServer(lambda label, count: "401") as server:
        assert run(["anatomize", "juggle", *asking(server)]) == 1
    [line] = capsys.readouterr().err.strip().splitlines()
    assert "refuses the key (401)" in line
    assert not Path("out.json").exists()


def start(server, labels, *more):
    command = [sys.executable, "-m", "lga.cli", "anatomize", "--labels-file", labels, *asking(server, *more)]
    return subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": ""},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a background job inherits "ignore"
    )


def wait_for(server, questions, process):
    deadline = time.monotonic() + 60
    while sum(server.asked.values()) < questions and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)


@pytest.mark.slow
@pytest.mark.parametrize(("how", "why"), [("200 error", "ran out of memory"), ("idle", "nothing"), ("html", "")])
def test_no_answer_for_any_label_exits_with_1_and_one_answer_with_0(capsys, how, why):
    plan = lambda label, count: how if label != "swim" else "fine"  # noqa: E731
    with misbehaving.MisbehavingServer(plan) as server:
        assert run(["anatomize", "juggle", "dance", *asking(server, "--tries", "2")]) == 1
        said = capsys.readouterr().err
        assert "no label got an answer" in said
        assert run(["anatomize", "juggle", "swim", *asking(server, "--tries", "2")]) == 0
    assert why in said or how == "idle"


def test_killed_at_any_point_it_goes_on_and_the_file_is_the_same():
    labels, jobs, random = [f"juggle {number} cups" for number in range(50)], 4, Random(7)
    Path("labels.txt").write_text("\n".join(labels))

    def by_question(label, again):
        return "late prose" if again or int(label.split()[1]) % 5 else "late idle"

    kills = 0
    with misbehaving.MisbehavingServer(by_question=by_question) as server:
        for how in (signal.SIGKILL, signal.SIGINT, signal.SIGKILL):
            process = start(server, "labels.txt", "--jobs", str(jobs))
            wait_for(server, sum(server.asked.values()) + random.randint(1, 15), process)
            time.sleep(random.random() / 20)
            process.send_signal(how)
            _, errors = process.communicate(timeout=60)
            kills += process.returncode != 0
            if how == signal.SIGINT:
                assert process.returncode == 130
                assert "interrupted; the replies that came are kept" in errors
                assert "Traceback" not in errors
            assert not Path("out.json").exists()
        process = start(server, "labels.txt", "--jobs", str(jobs))
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
        assert kills == 3
        assert len(server.questions) == 50 + 10
        assert sum(server.questions.values()) - len(server.questions) <= kills * jobs
        restarted = Path("out.json").read_bytes()
        asked = sum(server.questions.values())
        Path("out.json").unlink()
        assert run(["anatomize", "--labels-file", "labels.txt", *asking(server)]) == 0
        assert sum(server.questions.values()) == asked
        assert Path("out.json").read_bytes() == restarted
        Path("out.json").unlink()
        Path("out.json.journal").unlink()
        assert run(["anatomize", "--labels-file", "labels.txt", *asking(server, "--jobs", "16")]) == 0
        assert without_dates(Path("out.json").read_bytes()) == without_dates(restarted)
    assert list(json.loads(restarted)) == labels
    assert not list(Path().glob(".*.part"))
