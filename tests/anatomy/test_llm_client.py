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
from lga.anatomy.llm_prompt import reply_schema, write_messages
from lga.anatomy.settings import LLMConfig
from lga.errors import NoReplyError, ServerError, SettingsError

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
