"""Against a real server in this process that misbehaves as it is told."""

import asyncio
import json
import math
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from lga.anatomy.journal import Journal
from lga.anatomy.llm_client import MAX_PAUSE, connect, wanted_pause
from lga.anatomy.llm_generate import generate
from lga.anatomy.llm_prompt import read_reply, reply_schema, write_messages
from lga.anatomy.settings import LLMConfig
from lga.errors import AnatomyError, NoReplyError, ServerError, SettingsError

BROKEN = [
    "429", "429 after", "429 date", "429 nonsense", "500", "503", "half", "reset", "empty", "huge", "huge error",
    "packed", "bytes", "html", "no choices", "not ours",
]  # fmt: skip


@pytest.fixture(autouse=True)
def no_key(monkeypatch):
    monkeypatch.delenv("LGA_LLM_KEY", raising=False)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def settings(server, **changed):
    return LLMConfig(**{"llm": server.url, "model": "toy", "backoff": 0.001, "timeout": 20.0, **changed})


def ask(chosen, label="juggle", times=1):
    """The replies to one question that is put `times` times at once."""

    async def work():
        async with connect(chosen) as server:
            question = write_messages(label, 3), reply_schema(3)
            return await asyncio.gather(*(server.ask(*question) for _ in range(times)))

    return asyncio.run(work())


def scripted(*steps):
    """A plan that answers the first questions as told and the others well."""
    return lambda label, count: steps[count - 1] if count <= len(steps) else "fine"


@pytest.mark.parametrize("how", BROKEN)
def test_whatever_breaks_once_is_asked_again_and_answered(misbehaving, how):
    with misbehaving.MisbehavingServer(scripted(how)) as server:
        [reply] = ask(settings(server))
        assert json.loads(reply.text)["stages"]
        assert server.asked["juggle"] == 2


@pytest.mark.parametrize("how", ["slow", "drip"])
def test_a_reply_that_does_not_end_in_time_is_asked_for_again(misbehaving, how):
    with misbehaving.MisbehavingServer(scripted(how)) as server:
        [reply] = ask(settings(server, timeout=0.5))
        assert reply.text
        assert server.asked["juggle"] >= 2


@pytest.mark.parametrize(("how", "why"), [
    ("500", "500 <html>oh no"), ("reset", "connection broke"), ("huge", "larger than 2 MB"), ("huge error", "2 MB"),
    ("packed", "compressed"), ("html", "not a chat completion"), ("no choices", "no choices"),
])  # fmt: skip
def test_a_question_that_is_never_answered_gives_up_after_its_tries_and_says_why(misbehaving, how, why):
    with misbehaving.MisbehavingServer(lambda label, count: how) as server:
        with pytest.raises(NoReplyError, match=f"no reply in 3 tries.*{why}"):
            ask(settings(server, tries=3))
        assert server.asked["juggle"] == 3


@pytest.mark.parametrize(("how", "why"), [
    ("401", "refuses the key"), ("402", "used up"), ("429 quota", "used up"), ("404", "no model 'toy' there"),
    ("moved", "no such address"),
])  # fmt: skip
def test_what_no_second_try_can_help_stops_at_once_without_the_key(misbehaving, monkeypatch, how, why):
    monkeypatch.setenv("LGA_LLM_KEY", "very-secret-key")
    with misbehaving.MisbehavingServer(lambda label, count: how) as server:
        with pytest.raises(ServerError, match=why) as caught:
            ask(settings(server))
        assert server.asked["juggle"] == 1
        assert server.keys == ["Bearer very-secret-key"]
    assert "very-secret-key" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_question_that_the_server_refuses_is_not_sent_again(misbehaving):
    with misbehaving.MisbehavingServer(lambda label, count: "400") as server:
        with pytest.raises(NoReplyError, match="refuses the question: 400 this question is not for me"):
            ask(settings(server))
        assert server.asked["juggle"] == 1


def test_a_server_that_is_not_there_is_named_at_once():
    with pytest.raises(ServerError, match=r"http://127\.0\.0\.1:9/v1: cannot be reached"):
        ask(LLMConfig(llm="http://127.0.0.1:9/v1?secret=1", model="toy", backoff=60.0))


@pytest.mark.parametrize("formats", [("json_schema",), ("json_object", "text"), ("text",)])
def test_a_server_without_structured_output_is_found_out_once_a_run(misbehaving, formats):
    with misbehaving.MisbehavingServer(formats=formats) as server:
        assert len(ask(settings(server), times=6)) == 6
        server.bodies.clear()
        generate([f"label {n}" for n in range(8)], settings(server, jobs=1), Journal(None), stages=3,
                 progress=lambda done, total: None)  # fmt: skip
        used = [body.get("response_format", {}).get("type", "text") for body in server.bodies]
        refused = ["json_schema", "json_object", "text"].index(formats[0])
        assert len(used) == 8 + refused
        assert set(used[refused:]) == {formats[0]}


@pytest.mark.parametrize(
    "refusal",
    [
        (500, "Unable to compile grammar"),
        (500, "Failed to parse grammar {}"),
        (501, "JSON Schema conversion failed: Unrecognized schema"),
        (400, "This response_format type is unavailable now"),
        (503, "structured outputs are not supported by this backend"),
        (422, "Input should be text: guided decoding is off"),
        (403, "response format {} needs another plan"),
    ],
)
def test_a_refusal_of_the_form_with_any_status_leads_to_the_next_form(misbehaving, refusal):
    with misbehaving.MisbehavingServer(formats=("text",), no_format=refusal) as server:
        [reply] = ask(settings(server, tries=1))
        used = [body.get("response_format", {}).get("type", "text") for body in server.bodies]
    assert json.loads(reply.text)["stages"]
    assert used == ["json_schema", "json_object", "text"]


@pytest.mark.parametrize(
    "refusal",
    [
        (500, "Jinja Exception: System role not supported"),
        (400, "Only user and assistant roles are supported!"),
        (400, "Conversation roles must alternate user/assistant/user/assistant/..."),
        (400, "Developer instruction is not enabled for models/gemma-3-4b-it"),
        (422, '"role": "system" is not allowed'),
    ],
)
def test_a_model_without_a_turn_for_instructions_reads_them_in_the_first_of_the_user(misbehaving, refusal):
    with misbehaving.MisbehavingServer(no_system=refusal) as server:
        assert ask(settings(server, tries=1), times=2)[1].text
        first, *others = (body["messages"] for body in server.bodies if body["messages"][0]["role"] == "user")
    plain = write_messages("juggle", 3)
    assert [one["role"] for one in first] == [one["role"] for one in plain[1:]]
    assert first[0]["content"] == f"{plain[0]['content']}\n\n{plain[1]['content']}"
    assert first[1:] == plain[2:]
    assert others == [first]


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("200 error", "the model ran out of memory"),
        ("200 detail", "the model ran out of memory"),
        ("200 page", "not a chat completion: Log in Please sign in first"),
    ],
)
def test_an_answer_that_is_something_else_is_told_in_the_words_of_the_server(misbehaving, how, why):
    with misbehaving.MisbehavingServer(lambda label, count: how) as server:
        with pytest.raises(NoReplyError, match=why):
            ask(settings(server, tries=2))
        assert server.asked["juggle"] == 2


def test_an_address_that_takes_no_questions_stops_at_once(misbehaving):
    with misbehaving.MisbehavingServer(lambda label, count: "405") as server:
        with pytest.raises(ServerError, match=r"405.*Method Not Allowed.*--llm often ends in /v1"):
            ask(settings(server))
        assert server.asked["juggle"] == 1


def test_the_text_is_read_where_servers_put_it(misbehaving):
    for how in ("parts", "in its reasoning"):
        with misbehaving.MisbehavingServer(scripted(how)) as server:
            [reply] = ask(settings(server))
        assert [stage.model_dump() for stage in read_reply(reply.text, 3).stages] == misbehaving.STAGES[:3]


def test_tokens_that_went_into_thinking_are_told_with_the_setting(misbehaving):
    with misbehaving.MisbehavingServer(scripted("spent on thinking")) as server:
        [reply] = ask(settings(server))
    with pytest.raises(AnatomyError, match="--reply-tokens"):
        read_reply(reply.text, 3, cut=reply.cut)


def test_the_schema_that_is_sent_is_strict_and_counts_the_stages(misbehaving):
    with misbehaving.MisbehavingServer() as server:
        ask(settings(server, temperature=0.25, reply_tokens=321))
        [body] = server.bodies
    told = body["response_format"]["json_schema"]
    assert told["strict"]
    assert told["schema"]["properties"]["stages"]["minItems"] == 3
    assert (body["temperature"], body["max_tokens"], body["model"]) == (0.25, 321, "toy")


def test_the_rate_limit_holds_and_no_more_than_the_jobs_are_under_way(misbehaving):
    with misbehaving.MisbehavingServer(lambda label, count: "late") as server:
        labels = [f"label {n}" for n in range(6)]
        generate(labels, settings(server, jobs=3, per_minute=600), Journal(None), stages=1,
                 progress=lambda done, total: None)  # fmt: skip
        apart = [after - before for before, after in zip(server.times, server.times[1:], strict=False)]
        assert sum(apart) > 0.45
        assert server.most_at_once <= 3


def test_a_pause_that_the_server_wants_is_read_as_seconds_or_date_and_bounded():
    soon = datetime.now(UTC) + timedelta(seconds=30)
    assert wanted_pause("7") == 7.0
    assert 25 < wanted_pause(format_datetime(soon, usegmt=True)) <= 30
    assert wanted_pause("-5") == 0.0
    assert wanted_pause("99999999") == MAX_PAUSE
    assert wanted_pause("inf") == MAX_PAUSE
    assert wanted_pause("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0
    for nonsense in (None, "soon", "nan", "", "Wed, 99 Foo 2015"):
        assert wanted_pause(nonsense) is None
    assert math.isfinite(wanted_pause("1e999"))


def test_the_key_comes_from_the_environment_and_is_taken_out_of_replies(misbehaving, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "second")
    monkeypatch.setenv("LGA_LLM_KEY", "motion")
    with misbehaving.MisbehavingServer() as server:
        [reply] = ask(settings(server))
        assert server.keys == ["Bearer motion"]
    assert "motion" not in reply.text
    monkeypatch.setenv("LGA_LLM_KEY", "two words")
    with pytest.raises(SettingsError, match="LGA_LLM_KEY holds blanks") as caught:
        ask(LLMConfig(llm="http://127.0.0.1:9/v1", model="toy"))
    assert "two words" not in str(caught.value)


@pytest.mark.parametrize(("values", "why"), [
    ({"llm": "http://host/v1"}, "go together"), ({"model": "toy"}, "go together"),
    ({"llm": "host/v1", "model": "toy"}, "wants an address such as"),
    ({"llm": "ftp://host", "model": "toy"}, "wants an address such as"),
    ({"llm": "http://host:99999/v1", "model": "toy"}, "wants an address such as"),
    ({"llm": "http://user:secret@host/v1", "model": "toy"}, "without a name and password"),
    ({"llm": "http://host/v1", "model": "a\nb"}, "visible characters"),
    ({"samples": 0}, "greater than or equal"), ({"timeout": 0.0}, "greater than 0"),
])  # fmt: skip
def test_settings_that_cannot_work_are_refused(values, why):
    with pytest.raises(SettingsError, match=why) as caught:
        LLMConfig(**values)
    assert "secret" not in str(caught.value)
