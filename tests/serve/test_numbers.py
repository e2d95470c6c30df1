"""Taught actions whose features are no numbers, however they came to be so: no answer holds them, and none is a 5xx."""

from dataclasses import replace

import pytest
import torch

from lga.errors import LGAError
from lga.recognition import prepare
from lga.serve.service import Service
from lga.store.folder import load_actions, save_actions

BROKEN = {
    "a frame": lambda actions: replace(actions, frames=actions.frames.index_fill(0, torch.tensor([1]), torch.nan)),
    "all frames": lambda actions: replace(actions, frames=actions.frames * torch.nan),
    "infinite frames": lambda actions: replace(actions, frames=actions.frames / 0),
    "the text": lambda actions: replace(actions, text=actions.text * torch.nan),
    "of another width": lambda actions: replace(actions, frames=actions.frames[..., 1:], text=actions.text[..., 1:]),
}


def ask_everything(client, upload, clip, example):
    """The answer of every route, the last one having taken an action away."""
    yield client.get("/healthz")
    yield client.get("/metrics")
    yield client.get("/settings")
    yield client.get("/actions")
    yield client.get("/actions/sweep left")
    yield client.get(f"/actions/sweep left/examples/{example}/strip")
    for why in ("false", "true"):
        yield client.post(f"/recognize?why={why}", files=upload("clip", clip))
    yield client.post("/explain", files=upload("clip", clip))
    yield client.post("/actions", json={"label": "a new one"})
    yield client.post("/actions/sweep left/examples", files=upload("clips", clip))
    yield client.patch("/actions/sweep left", json={"label": "sweep to the left"})
    yield client.delete(f"/actions/sweep left/examples/{example}")
    yield client.delete("/actions/sweep left")


@pytest.mark.parametrize("broken", [one for one in BROKEN if "width" not in one])
def test_no_answer_holds_what_is_no_number(client, upload, clips, refused, monkeypatch, broken):
    """The set is put into a running server, past everything that keeps it out of one."""
    actions = BROKEN[broken](client.service.actions)
    prepared = prepare(actions, client.service.recognizer.encoder.space, "flow")

    async def taught(_):
        return prepared

    monkeypatch.setattr(Service, "taught", taught)
    for answer in ask_everything(client, upload, clips["sweep left"][3], actions.examples[0].digest):
        assert answer.status_code < 500, answer.text
        for word in ("null", "NaN", "Infinity"):
            assert f'"probability":{word}' not in answer.text
        if answer.request.url.path in ("/recognize", "/explain"):
            refused(answer, 422, "no probabilities")


@pytest.mark.parametrize("broken", BROKEN)
def test_a_server_does_not_start_with_such_a_set(serve, folder, monkeypatch, broken):
    monkeypatch.setattr("lga.store.changes.check_actions", lambda _: None)
    save_actions(BROKEN[broken](load_actions(folder)), folder)
    with pytest.raises(LGAError, match="restore a copy"), serve():
        pass


@pytest.mark.parametrize("broken", [one for one in BROKEN if "width" not in one])
def test_a_change_that_would_make_such_a_set_is_refused_and_changes_nothing(client, refused, monkeypatch, broken):
    """No request makes one: this would be a mistake of the server, and its log has the reason."""
    before = client.get("/actions").json()
    make = BROKEN[broken]
    monkeypatch.setattr("lga.serve.routes.without_action", lambda actions, _: make(actions))
    refused(client.delete("/actions/sweep left"), 500, "cannot do that now")
    assert client.get("/actions").json() == before
