"""Every route, as the contract has it."""

import shutil
from dataclasses import replace
from importlib.metadata import version
from io import BytesIO

import pytest
from PIL import Image

from lga.confidence import confidence, confidence_word
from lga.store.folder import ActionsFolder, load_actions, save_actions


def test_health_says_what_is_known(client):
    told = client.get("/healthz").json()
    assert told == {
        "version": 1,
        "status": "ok",
        "lga": version("lga"),
        "backbone": "tiny 1 32x32 float32",
        "actions": 2,
        "examples": 4,
    }


def test_settings_say_what_a_page_must_know(serve, tmp_path):
    with serve(max_megabytes=3, max_seconds=7.0, root=tmp_path) as client:
        told = client.get("/settings").json()
    assert told["limits"] == {
        "bytes": 3_000_000,
        "seconds": 7.0,
        "pixels": 3840 * 2160,
        "examples": 100_000,
        "clips": 32,
        "actions": 20_000,
    }
    assert (told["stages"], told["frames"], told["token_needed"], told["paths"]) == (3, 8, False, True)


def test_actions_are_searched_and_listed_in_pages(client):
    whole = client.get("/actions").json()
    labels = [one["label"] for one in whole["actions"]]
    assert whole["total"] == len(labels) == 2
    pages = [client.get(f"/actions?offset={place}&limit=1").json() for place in range(3)]
    assert [[one["label"] for one in page["actions"]] for page in pages] == [labels[:1], labels[1:], []]
    assert {page["total"] for page in pages} == {2}
    found = client.get("/actions", params={"search": labels[1].upper()}).json()
    assert [one["label"] for one in found["actions"]] == labels[1:]
    assert client.get("/actions?search=nothing+like+it").json()["actions"] == []
    assert client.get("/actions?limit=0").status_code == 422


def test_actions_are_listed_with_their_examples_and_where_their_pictures_are(client, clips):
    first, second = client.get("/actions").json()["actions"]
    assert (first["label"], second["label"]) == ("sweep right", "sweep left")
    assert first["origin"] == "template"
    assert [stage["sentence"] for stage in first["stages"]][1].endswith("sweep right.")
    example = first["examples"][0]
    assert example["name"] == clips["sweep right"][0].name
    assert example["duration"] == pytest.approx(1.1)
    assert example["strip"] == f"/actions/sweep%20right/examples/{example['digest']}/strip"
    assert client.get("/actions/Sweep_Right").json() == {"version": 1, "action": first}


def test_a_strip_shows_eight_frames(client):
    example = client.get("/actions").json()["actions"][0]["examples"][0]
    answer = client.get(example["strip"])
    assert answer.headers["content-type"] == "image/jpeg"
    assert Image.open(BytesIO(answer.content)).size == (8 * 96, 96)


def test_a_strip_is_only_of_the_very_clip_that_was_taught(client, clips, tmp_path, refused, upload):
    answer = client.post("/actions/new/examples", files=upload("clips", clips["sweep left"][3]))
    [example] = answer.json()["action"]["examples"]
    [kept] = (tmp_path / "actions" / "clips").glob("*.mp4")
    kept.write_bytes(clips["sweep left"][2].read_bytes())
    refused(client.get(example["strip"]), 404, "not kept")
    refused(client.get("/actions/new/examples/00/strip"), 404)


def test_a_kept_clip_is_served_whole_and_in_ranges(client, clips, upload):
    clip = clips["sweep left"][3]
    [example] = client.post("/actions/new/examples", files=upload("clips", clip)).json()["action"]["examples"]
    whole, wanted = client.get(example["clip"]), clip.read_bytes()
    assert (whole.status_code, whole.headers["content-type"], whole.content) == (200, "video/mp4", wanted)
    part = client.get(example["clip"], headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, wanted[10:20])
    assert part.headers["content-range"] == f"bytes 10-19/{len(wanted)}"
    assert client.get(example["clip"], headers={"Range": f"bytes={len(wanted)}-"}).status_code == 416


def test_a_clip_is_served_only_from_the_folder_and_only_if_it_is_the_one_that_was_taught(
    client, clips, tmp_path, refused, upload
):
    given = client.get("/actions").json()["actions"][0]["examples"][0]
    assert given["clip"] is None
    refused(client.get(f"/actions/sweep right/examples/{given['digest']}/clip"), 404, "not kept")
    answer = client.post("/actions/new/examples", files=upload("clips", clips["sweep left"][3]))
    [example] = answer.json()["action"]["examples"]
    [kept] = (tmp_path / "actions" / "clips").glob("*.mp4")
    kept.unlink()
    kept.symlink_to(clips["sweep left"][3])
    refused(client.get(example["clip"]), 404, "not kept")
    kept.unlink()
    kept.write_bytes(clips["sweep left"][2].read_bytes())
    refused(client.get(example["clip"]), 404, "not kept")
    refused(client.get("/actions/new/examples/00/clip"), 404)


def test_an_action_is_taught_by_words_and_saved(client, folder):
    answer = client.post("/actions", json={"label": " open  door "})
    assert answer.status_code == 201
    action = answer.json()["action"]
    assert (action["label"], action["origin"], action["examples"]) == ("open  door", "lexicon", [])
    assert load_actions(folder).labels == ("sweep right", "sweep left", "open  door")
    told = ["One.", "Two.", "Three."]
    action = client.post("/actions", json={"label": "pour tea", "sentences": told}).json()["action"]
    assert [one["sentence"] for one in action["stages"]] == told
    assert action["origin"] == "file"


def test_examples_are_added_to_a_known_and_to_a_new_action(client, folder, clips, upload, tmp_path):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    answer = client.post(
        "/actions/SWEEP right/examples", files=upload("clips", clips["sweep right"][2], broken, clips["sweep right"][2])
    )
    assert answer.status_code == 200
    told = answer.json()
    assert (told["added"], len(told["action"]["examples"])) == (1, 3)
    assert [one["name"] for one in told["skipped"]] == ["broken.mp4", clips["sweep right"][2].name]
    assert told["skipped"][0]["reason"].startswith("not a readable")
    assert "already is an example" in told["skipped"][1]["reason"]
    answer = client.post("/actions/🙂 wave/examples", files=upload("clips", clips["sweep left"][2]))
    assert answer.status_code == 201
    assert answer.json()["action"]["label"] == "🙂 wave"
    saved = load_actions(folder)
    assert len(saved.examples) == 6
    kept = folder / "clips" / f"{saved.examples[-1].digest}.mp4"
    assert (saved.examples[-1].path, saved.examples[-1].name) == (str(kept), clips["sweep left"][2].name)
    assert told["action"]["examples"][-1]["name"] == clips["sweep right"][2].name
    assert kept.read_bytes() == clips["sweep left"][2].read_bytes()
    assert not list(client.service.uploads.iterdir())
    assert {each.name for each in tmp_path.iterdir()} == {"actions", "broken.mp4"}


def test_clips_are_not_kept_where_that_is_switched_off(serve, clips, upload, tmp_path):
    with serve(forget_clips=True) as client:
        action = client.post("/actions/new/examples", files=upload("clips", clips["sweep left"][2])).json()["action"]
        assert action["examples"][0]["name"] == clips["sweep left"][2].name
        assert action["examples"][0]["strip"] is None
        assert client.post("/recognize?why=true", files=upload("clip", clips["sweep left"][2])).status_code == 200
    assert not (tmp_path / "actions" / "clips").exists()


def test_a_clip_goes_when_no_example_needs_it(client, clips, upload, tmp_path):
    kept, clip = tmp_path / "actions" / "clips", clips["sweep left"][2]
    for label in ("one", "two"):
        assert client.post(f"/actions/{label}/examples", files=upload("clips", clip)).status_code == 201
    [example] = client.get("/actions/one").json()["action"]["examples"]
    assert client.delete(f"/actions/one/examples/{example['digest']}").status_code == 204
    assert client.get("/actions/one").json()["action"]["examples"] == []
    assert len(client.get("/actions/two").json()["action"]["examples"]) == 1
    assert len(list(kept.iterdir())) == 1
    assert client.delete("/actions/two").status_code == 204
    assert not list(kept.iterdir())


def test_an_action_is_renamed_and_keeps_examples_and_sentences(client, folder):
    before = client.get("/actions/sweep left").json()["action"]
    after = client.patch("/actions/sweep left", json={"label": "wipe left"}).json()["action"]
    assert after["label"] == "wipe left"
    assert after["stages"] == before["stages"]
    assert [one["digest"] for one in after["examples"]] == [one["digest"] for one in before["examples"]]
    told = ["A.", "B.", "C."]
    both = client.patch("/actions/wipe left", json={"label": "Wipe Left", "sentences": told}).json()["action"]
    assert (both["label"], both["origin"]) == ("Wipe Left", "file")
    assert load_actions(folder).anatomies[1].sentences == tuple(told)
    assert client.patch("/actions/wipe left", json={}).json()["action"] == both


def test_a_clip_is_recognised(client, clips, upload):
    answer = client.post("/recognize", files=upload("clip", clips["sweep left"][3]))
    assert answer.status_code == 200
    result = answer.json()["result"]
    assert result["label"] == "sweep left"
    assert result["name"] == clips["sweep left"][3].name
    assert sum(one["probability"] for one in result["candidates"]) == pytest.approx(1)
    assert result["confidence"] == pytest.approx(confidence(result["probability"], result["known_score"]))
    assert result["word"] == confidence_word(result["confidence"], known=result["known"])
    assert result["stages"][0]["start"] == 0
    assert result["stages"][-1]["end"] == pytest.approx(result["duration"])
    assert result["best_example"]["label"] == "sweep left"
    assert len(result["best_example"]["digest"]) == 64
    assert result["why"] is None
    assert not list(client.service.uploads.iterdir())


def test_the_number_of_labels_and_the_judgement_can_be_asked_for(client, clips, upload):
    def ask(query):
        return client.post(f"/recognize?{query}", files=upload("clip", clips["sweep left"][3])).json()["result"]

    assert len(ask("top=1")["candidates"]) == 1
    assert ask("accept=1")["threshold"] == 1.0
    assert ask("accept=always")["threshold"] is None


def test_the_reasons_come_with_pictures_and_matches(client, clips, upload):
    answer = client.post("/recognize?why=true", files=upload("clip", clips["sweep left"][3]))
    result = answer.json()["result"]
    why = result["why"]
    assert [one["stage"] for one in why["frames"]] == sorted(one["stage"] for one in why["frames"])
    assert all(one["picture"].startswith("data:image/jpeg;base64,") for one in why["frames"])
    assert [one["label"] for one in why["labels"]] == ["sweep left", "sweep right"]
    first = why["labels"][0]
    assert len(first["sentences"]) == len(first["likeness"]) == 3
    assert first["example"]["digest"] == result["best_example"]["digest"]
    assert first["example"]["distance"] == pytest.approx(result["best_example"]["distance"], abs=1e-5)
    assert len(first["example"]["distance_map"]) == len(why["frames"]) == 8
    assert all(
        first["example"]["distance_map"][one["frame"]][one["other"]] is not None for one in first["example"]["matches"]
    )
    assert all(one["picture"] for one in first["example"]["frames"])
    assert (why["by_video"], 0 < why["alpha"] < 1) == ("sweep left", True)


def test_the_report_is_one_file_that_names_no_place_on_this_machine(client, clips, upload):
    answer = client.post("/explain", files=upload("clip", clips["sweep left"][3]))
    assert answer.headers["content-type"].startswith("text/html")
    assert "attachment" in answer.headers["content-disposition"]
    assert "sandbox" in answer.headers["content-security-policy"]
    assert clips["sweep left"][3].name in answer.text
    assert "/tmp" not in answer.text
    assert str(clips["sweep left"][3].parent) not in answer.text


def test_a_clip_on_the_server_is_recognised_by_its_path(serve, clips):
    path = clips["sweep left"][3]
    with serve(root=path.parent.parent) as client:
        answer = client.post("/recognize", json={"path": f"{path.parent.name}/{path.name}"})
        assert answer.json()["result"]["label"] == "sweep left"
        assert answer.json()["result"]["name"] == path.name
        report = client.post("/explain", json={"path": f"{path.parent.name}/{path.name}"}).text
        assert path.name in report
        assert "/proc" not in report
    assert path.exists()


def test_a_damaged_clip_on_the_server_is_refused_under_its_name(serve, tmp_path, refused):
    (tmp_path / "broken.mp4").write_bytes(b"x" * 100)
    with serve(root=tmp_path) as client:
        error = refused(client.post("/recognize", json={"path": "broken.mp4"}), 422, "broken.mp4: not a readable")
        assert "/proc" not in error


@pytest.mark.parametrize("name", ["A.MP4", "a.Mp4", "phone.3gp"])
def test_below_the_root_the_same_names_are_clips_as_on_the_command_line(serve, clips, tmp_path, name):
    shutil.copy(clips["sweep left"][3], tmp_path / name)
    with serve(root=tmp_path) as client:
        assert client.post("/recognize", json={"path": name}).json()["result"]["label"] == "sweep left"


def test_everything_can_be_forgotten_and_taught_again_even_after_a_restart(serve, folder, clips, upload, refused):
    with serve() as client:
        for label in ("sweep right", "sweep left"):
            assert client.delete(f"/actions/{label}").status_code == 204
        assert ActionsFolder(folder).load() is None
        refused(client.post("/recognize", files=upload("clip", clips["sweep left"][3])), 409, "nothing is taught")
    with serve() as client:
        assert client.get("/actions").json() == {"version": 1, "actions": [], "total": 0}
        assert client.get("/healthz").json()["actions"] == 0
        assert client.post("/actions/sweep left/examples", files=upload("clips", clips["sweep left"][0])).json()[
            "added"
        ]
    with serve() as client:
        result = client.post("/recognize", files=upload("clip", clips["sweep left"][3])).json()["result"]
        assert (result["label"], result["known_score"]) == ("sweep left", None)


def test_what_the_command_line_and_other_servers_change_is_served_at_once(serve, folder, clips, upload, lga):
    with serve() as one, serve() as other:
        lga("actions", "add", folder, "wave", clips["sweep left"][2], "--keep-clips")
        for client in (one, other):
            assert [each["label"] for each in client.get("/actions").json()["actions"]][2:] == ["wave"]
        example = one.get("/actions/wave").json()["action"]["examples"][0]
        assert example["name"] == clips["sweep left"][2].name
        assert one.get(example["strip"]).status_code == 200
        assert other.post("/actions/wave/examples", files=upload("clips", clips["sweep left"][3])).json()["added"] == 1
        assert other.patch("/actions/wave", json={"label": "wipe"}).status_code == 200
        assert len(one.get("/actions/wipe").json()["action"]["examples"]) == 2
        found = one.post("/recognize", files=upload("clip", clips["sweep left"][3])).json()["result"]
        assert found["best_example"]["distance"] == pytest.approx(0, abs=1e-3)
        assert one.delete("/actions/wipe").status_code == 204
        assert other.get("/actions/wipe").status_code == 404
        assert not list((folder / "clips").iterdir())


def test_a_folder_that_breaks_while_it_is_served_is_told_and_may_be_mended(client, folder, refused, tmp_path):
    shutil.copytree(folder, tmp_path / "copy")
    shutil.rmtree(folder)
    save_actions(load_actions(tmp_path / "copy"), folder)
    database = folder / "actions.sqlite"
    data = database.read_bytes()
    database.unlink()
    database.write_bytes(data[: len(data) // 2])
    refused(client.get("/actions"), 500, "the server cannot do that now")
    refused(client.delete("/actions/sweep left"), 500, "the server cannot do that now")
    database.unlink()
    database.write_bytes(data)
    assert len(client.get("/actions").json()["actions"]) == 2


@pytest.mark.parametrize("how", ["copied", "moved", "linked"])
def test_a_folder_served_from_another_place_keeps_all_its_clips(serve, folder, clips, upload, tmp_path, how):
    with serve() as client:
        client.post("/actions/new/examples", files=upload("clips", clips["sweep left"][2]))
    place = tmp_path / "other" / "actions"
    place.parent.mkdir()
    {"copied": shutil.copytree, "moved": shutil.move, "linked": lambda old, new: new.symlink_to(old)}[how](
        folder, place
    )
    with serve(place) as client:
        assert client.delete("/actions/sweep right").status_code == 204
        [example] = client.get("/actions/new").json()["action"]["examples"]
        assert client.get(example["strip"]).status_code == 200
    assert len(list((place / "clips").iterdir())) == 1


def test_clips_that_version_0_1_0_kept_beside_the_folder_are_shown_and_stay(serve, folder, clips, taught, tmp_path):
    actions = load_actions(folder)
    kept = tmp_path / "actions.clips" / actions.examples[0].digest / "bar.mp4"
    kept.parent.mkdir(parents=True)
    shutil.copy(clips["sweep right"][0], kept)
    (tmp_path / "actions.clips" / ("e" * 64)).mkdir()
    (tmp_path / "actions.clips" / ("e" * 64) / "lost.mp4").write_bytes(b"of nobody")
    first = actions.examples[0].model_copy(update={"path": str(kept)})
    shutil.rmtree(folder)
    taught.write_format1(replace(actions, examples=(first, *actions.examples[1:])), folder)
    with serve() as client:
        example = client.get("/actions/sweep right").json()["action"]["examples"][0]
        assert example["name"] == "bar.mp4"
        assert client.get(example["strip"]).status_code == 200
        assert client.delete(f"/actions/sweep right/examples/{example['digest']}").status_code == 204
    assert len(list((tmp_path / "actions.clips").glob("*/*"))) == 2


def test_the_metrics_count_what_happened(client, clips, upload):
    client.post("/recognize", files=upload("clip", clips["sweep left"][3]))
    client.get("/actions/gone")
    client.get("/no such address")
    text = client.get("/metrics").text
    for line in (
        'lga_requests_total{method="POST",route="/recognize",status="200"} 1.0',
        'lga_requests_total{method="GET",route="/actions/{label}",status="404"} 1.0',
        'lga_requests_total{method="any",route="none",status="404"} 1.0',
        'lga_refused_total{reason="unknown"} 2.0',
        "lga_clips_recognised_total 1.0",
        "lga_taught_actions 2.0",
        "lga_taught_examples 4.0",
        "lga_requests_in_flight 1.0",
        "lga_waiting_reading 0.0",
    ):
        assert line in text, line
    assert 'lga_request_seconds_count{route="/recognize"} 1.0' in text


def test_the_schema_names_every_route_and_the_page_is_served(client):
    schema = client.get("/openapi.json").json()
    assert set(schema["paths"]) == {
        "/healthz",
        "/settings",
        "/metrics",
        "/actions",
        "/actions/{label}",
        "/actions/{label}/examples",
        "/actions/{label}/examples/{digest}/clip",
        "/actions/{label}/examples/{digest}/strip",
        "/actions/{label}/examples/{digest}",
        "/recognize",
        "/explain",
    }
    body = schema["paths"]["/recognize"]["post"]["requestBody"]["content"]
    assert set(body) == {"multipart/form-data", "application/json"}
    page = client.get("/")
    assert page.status_code == 200
    assert page.headers["content-security-policy"].startswith("default-src 'self'; img-src 'self' data: blob:")
    script = client.get("/page/app.js")
    assert script.headers["content-type"].startswith("text/javascript")
    assert client.get("/docs").status_code == 404


def test_every_answer_bears_the_headers_that_keep_browsers_in_check(client):
    for address in ("/healthz", "/actions", "/gone", "/"):
        headers = client.get(address).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "server" not in headers
    assert client.get("/actions").headers["cache-control"] == "no-store"


def test_the_schema_says_what_a_new_label_is_answered_with(client, clips, upload):
    told = client.get("/openapi.json").json()["paths"]["/actions/{label}/examples"]["post"]["responses"]
    of = [told[code]["content"]["application/json"]["schema"] for code in ("200", "201")]
    assert of[0] == of[1] == {"$ref": "#/components/schemas/Taught"}
    for code, clip in zip((201, 200), clips["sweep left"][:2], strict=True):
        assert client.post("/actions/new/examples", files=upload("clips", clip)).status_code == code
