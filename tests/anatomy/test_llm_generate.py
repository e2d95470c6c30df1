"""From labels to records, against a server that misbehaves as it is told."""

import json
from collections import Counter
from random import Random
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lga.anatomy.journal import Journal, Reply, now
from lga.anatomy.llm_generate import FALLBACK, choose_sample, generate, judge_reply, rehearse, similarity
from lga.anatomy.llm_prompt import Proposal, read_prompt
from lga.anatomy.schema import Stage
from lga.anatomy.settings import LLMConfig
from lga.errors import NoReplyError, ServerError, SettingsError


def proposal(*sentences):
    return Proposal(tuple(Stage(sentence=sentence) for sentence in sentences))


WORDS = st.lists(st.sampled_from(["throws", "catches", "ball", "cup", "hand"]), min_size=1, max_size=4).map(" ".join)
SAMPLES = st.lists(st.lists(WORDS, min_size=1, max_size=3), min_size=1, max_size=6)


def test_a_sample_alone_is_taken_without_a_score():
    agreed = choose_sample([proposal("throws ball")])
    assert (agreed.proposal, agreed.agreement) == (proposal("throws ball"), None)
    with pytest.raises(ValueError, match="at least one"):
        choose_sample([])


def test_the_odd_one_out_loses_wherever_it_stands():
    near, nearer, odd = proposal("throws red ball"), proposal("throws ball"), proposal("kicks stone")
    for samples in ([near, nearer, odd], [odd, nearer, near], [nearer, odd, near]):
        assert choose_sample(samples).proposal in (near, nearer)
    assert choose_sample([near, nearer, odd]).agreement == pytest.approx(2 / 3 / 2, abs=1e-3)


def test_the_number_of_stages_is_that_of_most_and_the_smaller_of_two_equals():
    one, two = proposal("throws ball"), proposal("throws ball", "catches ball")
    assert choose_sample([one, two, two]).proposal is two
    assert choose_sample([two, one]).proposal is one
    assert choose_sample([two, one]).agreement == 0.0
    assert choose_sample([one, two, two]).agreement == 0.5


def test_among_equals_the_first_is_taken():
    first, second = proposal("throws ball"), proposal("ball throws")
    assert choose_sample([first, second]).proposal is first
    assert choose_sample([first, second]).agreement == 1.0


@given(SAMPLES)
def test_the_choice_is_one_of_the_samples_and_no_other_order_agrees_more(told):
    samples = [proposal(*each) for each in told]
    agreed = choose_sample(samples)
    assert any(agreed.proposal is sample for sample in samples)
    assert agreed.agreement is None or 0 <= agreed.agreement <= 1
    assert choose_sample(samples[::-1]).agreement == agreed.agreement


@given(SAMPLES)
def test_similarity_is_symmetric_and_whole_with_itself(told):
    first, last = proposal(*told[0]), proposal(*told[-1])
    assert similarity(first, last) == similarity(last, first)
    assert similarity(first, first) == 1.0


def run(server, labels, journal=None, *, stages=3, **changed):
    chosen = LLMConfig(**{"llm": server.url, "model": "toy", "backoff": 0.001, "timeout": 20.0, **changed})
    return generate(labels, chosen, journal or Journal(None), stages=stages, progress=lambda done, total: None)


@pytest.mark.slow
def test_two_hundred_labels_come_through_a_server_that_misbehaves_at_random(misbehaving, tmp_path):
    labels = [f"juggle {number} cups" for number in range(200)]

    def plan(label, count):
        random = Random(f"{label} {count} 1")
        trouble = misbehaving.BROKEN + misbehaving.REJECTED if random.random() < 0.5 else misbehaving.TOLERATED
        return random.choice(trouble)

    with misbehaving.MisbehavingServer(plan) as server:
        done = run(server, labels, Journal(tmp_path / "journal"), tries=8, jobs=16)
        assert sum(server.asked.values()) == done.sent > 300
        assert sorted(server.asked) == sorted(labels)
        again = run(server, labels, Journal(tmp_path / "journal"), tries=8, jobs=16)
    assert [record.source for record in done.records] == ["llm"] * 200
    for label, record in zip(labels, done.records, strict=True):
        assert record.problems == ()
        assert record.input_tokens == (1 + len(record.rejected)) * (crc32(label.encode()) % 1000)
    lines = [json.loads(line) for line in (tmp_path / "journal").read_text().splitlines()]
    assert len(lines) == done.fresh == 200 + sum(len(record.rejected) for record in done.records)
    assert max(Counter(json.dumps(line["question"]) for line in lines).values()) == 1
    assert (again.records, again.sent, again.fresh) == (done.records, 0, 0)


@pytest.mark.parametrize("how", ["cut by limit", "wrong schema", "one stage", "twice", "refused", "refusal field",
                                 "cut off", "no text", "no object", "idle"])  # fmt: skip
def test_a_reply_that_is_not_accepted_is_asked_for_again_with_the_reasons(misbehaving, how):
    with misbehaving.MisbehavingServer(lambda label, count: how if count == 1 else "fine") as server:
        [record] = run(server, ["juggle"]).records
        first, second = server.bodies
    assert record.source == "llm"
    [why] = record.rejected
    assert why.startswith("sample 1, attempt 1: ")
    assert len(second["messages"]) == len(first["messages"]) + 2
    told = json.loads(second["messages"][-1]["content"])["reasons"]
    assert "; ".join(told).startswith(why.removeprefix("sample 1, attempt 1: ")[:200])


@pytest.mark.parametrize("how", ["prose", "fence", "commas", "bare list", "thought", "text/plain", "extra keys"])
def test_what_can_be_understood_is_accepted_at_once(misbehaving, how):
    with misbehaving.MisbehavingServer(lambda label, count: how) as server:
        done = run(server, ["juggle"])
    assert (done.sent, done.records[0].rejected) == (1, ())
    assert [stage.model_dump() for stage in done.records[0].stages] == misbehaving.STAGES[:3]


def test_a_label_without_an_acceptable_reply_gets_the_template_and_is_not_asked_twice(misbehaving, tmp_path):
    with misbehaving.MisbehavingServer(lambda label, count: "idle" if label == "juggle" else "fine") as server:
        journal = tmp_path / "journal"
        juggle, spin = run(server, ["juggle", "spin"], Journal(journal), tries=3).records
        assert (juggle.source, juggle.detail, len(juggle.rejected)) == ("template", FALLBACK, 3)
        assert "juggle" in juggle.stages[0].sentence
        assert spin.source == "llm"
        assert run(server, ["juggle", "spin"], Journal(journal), tries=3).sent == 0
        assert run(server, ["juggle", "spin"], Journal(journal), tries=4).sent == 1


def test_a_label_that_the_server_fails_on_gets_the_template_and_is_asked_again_the_next_time(misbehaving, tmp_path):
    journal = tmp_path / "journal"
    with misbehaving.MisbehavingServer(lambda label, count: "500" if label == "juggle" else "fine") as server:
        juggle, spin = run(server, ["juggle", "spin"], Journal(journal), tries=2).records
        assert (juggle.source, juggle.date, spin.source) == ("template", "", "llm")
        assert "no reply in 2 tries; the last: 500 <html>oh no" in juggle.rejected[0]
        server.plan = lambda label, count: "fine"
        done = run(server, ["juggle", "spin"], Journal(journal), tries=2)
        assert [record.source for record in done.records] == ["llm", "llm"]
        assert (done.sent, done.known) == (1, 1)


def test_a_key_that_is_refused_midway_stops_and_keeps_what_is_finished(misbehaving, tmp_path):
    labels = [f"label {number}" for number in range(9)]
    with misbehaving.MisbehavingServer(lambda label, count: "401" if label == "label 5" else "fine") as server:
        with pytest.raises(ServerError, match="refuses the key"):
            run(server, labels, Journal(tmp_path / "journal"), jobs=1)
        assert sum(server.asked.values()) == 6
        server.plan = lambda label, count: "fine"
        done = run(server, labels, Journal(tmp_path / "journal"), jobs=1)
        assert (done.known, done.sent) == (5, 4)


def test_a_server_that_ends_midway_stops_the_work_instead_of_filling_it_with_templates(misbehaving, tmp_path):
    with misbehaving.MisbehavingServer() as server:

        def plan(label, count):
            if label == "label 3":
                server.stop()
                return "reset"
            return "fine"

        server.plan = plan
        with pytest.raises(ServerError, match="cannot be reached"):
            run(server, [f"label {number}" for number in range(9)], Journal(tmp_path / "journal"), jobs=1)
    assert len((tmp_path / "journal").read_text().splitlines()) == 3


def test_samples_are_asked_one_by_one_and_the_record_says_how_far_they_agree(misbehaving):
    with misbehaving.MisbehavingServer(lambda label, count: "wrong schema" if count == 2 else "fine") as server:
        [record] = run(server, ["juggle"], samples=3, tries=1).records
        assert server.asked["juggle"] == 3
    assert (record.samples, record.agreement, len(record.rejected)) == (2, 1.0, 1)


def test_the_model_may_choose_the_number_of_stages_and_its_reason_is_kept(misbehaving):
    with misbehaving.MisbehavingServer() as server:
        [record] = run(server, ["juggle"], stages="auto").records
    assert (len(record.stages), record.reason, record.asked) == (2, "because", "auto")


@pytest.mark.parametrize("stages", [1, 2, 3, 4, 5])
def test_every_number_of_stages_can_be_asked_for(misbehaving, stages):
    with misbehaving.MisbehavingServer() as server:
        [record] = run(server, ["juggle"], stages=stages).records
    assert (record.source, len(record.stages), record.asked) == ("llm", stages, stages)


def test_a_rehearsal_counts_what_is_missing_and_asks_nobody(misbehaving, tmp_path):
    journal = tmp_path / "journal"
    with misbehaving.MisbehavingServer() as server:
        run(server, ["juggle"], Journal(journal), samples=2)
        chosen = LLMConfig(llm=server.url, model="toy", samples=2)
        dry_run, known = rehearse(["juggle", "spin"], chosen, Journal(journal), stages=3)
        assert sum(server.asked.values()) == 2
    assert (len(dry_run.questions), known) == (2, 2)
    assert dry_run.tokens > 500


def test_no_labels_need_no_server():
    chosen = LLMConfig(llm="http://127.0.0.1:9/v1", model="toy")
    done = generate([], chosen, Journal(None), stages=3, progress=lambda done, total: None)
    assert (done.records, done.sent) == ((), 0)


@pytest.mark.parametrize("example", read_prompt().examples, ids=lambda example: example.action)
def test_a_reply_that_copies_an_example_is_rejected_unless_that_action_is_meant(example):
    text = json.dumps({"stages": [stage.model_dump() for stage in example.stages[3]]})
    reply = Reply(text=text, date=now())
    proposal, why = judge_reply("juggle", reply, 3)
    assert proposal is None
    assert why[0].startswith(f"stage 1 repeats the example {example.action!r}")
    assert judge_reply(example.action, reply, 3)[1] == ()


def told(*sentences):
    parts = ("subject", "motion", "object", "sentence")
    stages = [dict(zip(parts, ("a person", verb, thing, f"A person {verb} {thing}."), strict=True))
              for verb, thing in sentences]  # fmt: skip
    return json.dumps({"stages": stages})


GOOD = told(("lifts", "two cups"), ("tosses", "the cups upwards"), ("catches", "both cups"))


def test_a_function_takes_the_place_of_the_server(tmp_path):
    asked = []

    def ask(messages):
        asked.append(messages)
        return "no idea" if len(asked) == 1 else GOOD

    done = generate(["juggle"], journal=Journal(tmp_path / "journal"), ask=ask)
    [record] = done.records
    assert (record.source, record.stages[1].motion, done.sent, done.fresh) == ("llm", "tosses", 2, 2)
    assert [message["role"] for message in asked[0]][:: len(asked[0]) - 1] == ["system", "user"]
    assert len(asked[1]) == len(asked[0]) + 2
    again = generate(["juggle"], journal=Journal(tmp_path / "journal"), ask=ask)
    assert (again.records, again.sent, again.known) == (done.records, 0, 2)


def test_a_function_without_a_reply_leaves_the_template_and_its_other_errors_end_the_run():
    def silent(messages):
        raise NoReplyError("the model sleeps")

    def broken(messages):
        raise KeyError("broken")

    [record] = generate(["juggle"], ask=silent).records
    assert (record.source, record.rejected) == ("template", ("sample 1, attempt 1: the model sleeps",))
    with pytest.raises(KeyError, match="broken"):
        generate(["juggle"], ask=broken)


def test_somebody_must_be_there_to_be_asked():
    with pytest.raises(SettingsError, match="no language model to ask"):
        generate(["juggle"])
