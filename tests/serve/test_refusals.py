"""What the server does not do, and how it says so."""

import json
import os
import shutil
from urllib.parse import quote

import pytest

from lga.serve import intake

FORM = {"Content-Type": "multipart/form-data; boundary=x"}
JSON = {"Content-Type": "application/json"}
PART = b'--x\r\nContent-Disposition: form-data; name="clip"; filename="a.mp4"\r\n\r\n'
DEEP = b"[" * 30_000


def charset(name):
    return {"Content-Type": f"multipart/form-data; boundary=x; charset={name}"}


@pytest.mark.parametrize(
    ("method", "address", "options", "status", "word"),
    [
        ("GET", "/gone", {}, 404, "openapi"),
        ("GET", "/page/../app.py", {}, 404, ""),
        ("GET", "/page/%2e%2e%2fapp.py", {}, 404, ""),
        ("GET", "/page/gone.js", {}, 404, "no such file"),
        ("PUT", "/actions", {}, 405, "method"),
        ("GET", "/recognize", {}, 405, "method"),
        ("GET", "/actions/gone", {}, 404, "'gone'"),
        ("DELETE", "/actions/gone", {}, 404, "'gone'"),
        ("PATCH", "/actions/gone", {"json": {"label": "x"}}, 404, "'gone'"),
        ("DELETE", "/actions/sweep left/examples/00", {}, 404, "no such example"),
        ("POST", "/actions", {"json": {}}, 422, "label"),
        ("POST", "/actions", {"json": {"label": "x", "more": 1}}, 422, "more"),
        ("POST", "/actions", {"json": {"label": 7}}, 422, "label"),
        ("POST", "/actions", {"json": [1]}, 422, ""),
        ("POST", "/actions", {"content": b"", "headers": JSON}, 422, ""),
        ("POST", "/actions", {"content": b"{", "headers": JSON}, 422, ""),
        ("POST", "/actions", {"content": b"\xff", "headers": JSON}, 400, ""),
        ("POST", "/actions", {"content": DEEP, "headers": JSON}, 400, ""),
        ("POST", "/actions", {"content": b'{"label":' + b"9" * 5000 + b"}", "headers": JSON}, 400, ""),
        ("POST", "/actions", {"content": b'{"label":"x"}', "headers": {"Content-Type": "text/plain"}}, 415, "JSON"),
        ("POST", "/actions", {"content": b'{"label":"x"}'}, 415, "JSON"),
        ("POST", "/actions", {"data": {"label": "x"}}, 415, "JSON"),
        ("POST", "/actions", {"json": {"label": "x" * 70_000}}, 413, "at most 65536 bytes"),
        ("POST", "/actions", {"json": {"label": "SWEEP  left"}}, 409, "taught already"),
        ("POST", "/actions", {"json": {"label": "x", "sentences": ["one"]}}, 422, "3 stages are wanted"),
        ("POST", "/actions", {"json": {"label": "x", "sentences": ["a", "b", ""]}}, 422, "stage 3"),
        ("POST", "/actions", {"json": {"label": "x", "sentences": ["a", "b", "c" * 301]}}, 422, "stage 3"),
        ("PATCH", "/actions/sweep left", {"json": {"label": "Sweep Right"}}, 409, "taught already"),
        ("PATCH", "/actions/sweep left", {"json": {"sentences": ["a"]}}, 422, "3 stages are wanted"),
        ("POST", "/recognize", {"json": {"path": "a.mp4"}}, 403, "no paths"),
        ("POST", "/recognize", {"content": b"x"}, 415, "multipart"),
        ("POST", "/recognize", {"content": b"x", "headers": {"Content-Type": "video/mp4"}}, 415, "multipart"),
        ("POST", "/recognize", {"content": b"x", "headers": FORM}, 400, ""),
        ("POST", "/recognize", {"content": b"", "headers": FORM}, 400, "breaks off"),
        ("POST", "/recognize", {"content": PART, "headers": FORM}, 400, "breaks off"),
        ("POST", "/recognize", {"content": PART + bytes(3_000_000), "headers": FORM}, 400, "breaks off"),
        ("POST", "/recognize", {"content": PART + b"\r\n--x--", "headers": charset("undefined")}, 400, "charset"),
        ("POST", "/recognize", {"content": PART + b"\r\n--x--", "headers": charset("none")}, 422, "a.mp4: the file is"),
        ("POST", "/recognize", {"content": b"--x--\r\n", "headers": FORM}, 422, "none"),
        ("POST", "/recognize", {"content": b"x", "headers": {"Content-Type": "multipart/form-data"}}, 400, ""),
        ("POST", "/recognize", {"files": {"clips": ("a.mp4", b"x")}}, 422, "'clip'"),
        ("POST", "/recognize", {"data": {"clip": "x"}, "files": {"clip": ("a.mp4", b"x")}}, 422, "'clip'"),
        ("POST", "/recognize", {"data": {"clip": "x" * 2_000_000}, "files": {"clip": ("a.mp4", b"x")}}, 400, "size"),
        ("POST", "/recognize", {"files": [("clip", ("a.mp4", b"x")), ("clip", ("b.mp4", b"x"))]}, 413, "at most 1"),
        ("POST", "/recognize", {"files": {"clip": ("a.txt", b"x")}}, 415, "a.txt: not a kind"),
        ("POST", "/recognize", {"files": {"clip": ("a", b"x")}}, 415, "not a kind"),
        ("POST", "/recognize", {"files": {"clip": ("a.mp4", b"")}}, 422, "a.mp4: the file is empty"),
        ("POST", "/recognize", {"files": {"clip": ("../../etc/passwd.mp4", b"x")}}, 422, "passwd.mp4: not a readable"),
        ("POST", "/recognize?top=0", {"files": {"clip": ("a.mp4", b"x")}}, 422, "top"),
        ("POST", "/recognize?top=21", {"files": {"clip": ("a.mp4", b"x")}}, 422, "top"),
        ("POST", "/recognize?accept=2", {"files": {"clip": ("a.mp4", b"x")}}, 422, "accept"),
        ("POST", "/recognize?accept=nan", {"files": {"clip": ("a.mp4", b"x")}}, 422, "accept"),
        ("POST", "/recognize?why=perhaps", {"files": {"clip": ("a.mp4", b"x")}}, 422, "why"),
        ("POST", "/explain", {"files": {"clip": ("a.mp4", b"x")}}, 422, "not a readable"),
        ("POST", "/actions/new/examples", {"files": {"clips": ("a.mp4", b"x")}}, 422, "none of the 1 clips"),
        ("POST", "/actions/new/examples", {"files": [("clips", (f"{n}.mp4", b"x")) for n in range(33)]}, 413, "32"),
        ("POST", "/actions/new/examples", {"json": {}}, 415, "multipart"),
        ("POST", "/actions/a%2Fb/examples", {"files": {"clips": ("a.mp4", b"x")}}, 404, ""),
    ],
)
def test_a_bad_request_is_refused_in_one_line(client, refused, method, address, options, status, word):
    before = client.get("/actions").json()
    refused(client.request(method, address, **options), status, word)
    assert client.get("/actions").json() == before
    assert not list(client.service.uploads.iterdir())


@pytest.mark.parametrize(
    ("label", "word"),
    [
        ("", "blank"),
        ("   ", "blank"),
        ("a/b", "slash"),
        ("..", "dots"),
        (".", "dots"),
        ("a\nb", "control"),
        ("a\x00b", "control"),
        ("\u202egnp", "control"),
        ("x" * 10_000, "at most 200"),
        ("\ud800", ""),
    ],
)
def test_a_label_that_cannot_be_one_is_refused_however_it_comes(client, refused, upload, clips, label, word):
    body = json.dumps({"label": label}).encode()
    refused(client.post("/actions", content=body, headers=JSON), 422, word)
    refused(client.patch("/actions/sweep left", content=body, headers=JSON), 422, word)
    assert len(client.get("/actions").json()["actions"]) == 2


@pytest.mark.parametrize("named", ["", "; filename*=UTF-8''a%20b.mp4"])
@pytest.mark.parametrize(("address", "field"), [("/recognize", "clip"), ("/actions/new/examples", "clips")])
def test_a_part_that_comes_as_text_is_told_so(client, refused, named, address, field):
    body = f'--x\r\nContent-Disposition: form-data; name="{field}"{named}\r\n\r\nabc\r\n--x--\r\n'
    answer = client.post(address, content=body, headers={"Content-Type": "multipart/form-data; boundary=x"})
    refused(answer, 422, f"the part '{field}' is text, not a file; send it with filename=")


@pytest.mark.parametrize("label", ["<script>alert(1)", "a?b#c 100%", "跳 🏊 žába", "a\\b", "'; DROP--", "examples"])
def test_an_odd_label_is_served_as_what_it_is(client, label):
    assert client.post("/actions", json={"label": label}).status_code == 201
    address = f"/actions/{quote(label, safe='')}"
    assert client.get(address).json()["action"]["label"] == label
    assert client.delete(address).status_code == 204


@pytest.mark.parametrize(
    ("address", "methods"),
    [
        ("/actions", "GET, POST"),
        ("/actions/a", "DELETE, GET, PATCH"),
        ("/recognize", "POST"),
        ("/", "GET"),
        ("/openapi.json", "GET, HEAD"),
    ],
)
def test_a_method_that_is_not_known_is_answered_with_those_that_are(client, refused, address, methods):
    answer = client.options(address)
    refused(answer, 405, "openapi")
    assert answer.headers["allow"] == methods


@pytest.mark.parametrize(
    ("settings", "status", "word"),
    [
        ({"max_seconds": 1.0}, 422, "1.1 s long; at most 1 s"),
        ({"max_pixels": 2000}, 422, "48 x 48 pixels; at most 2000"),
        ({"decode_seconds": 1e-9}, 422, "takes longer to read"),
    ],
)
def test_a_clip_beyond_the_limits_is_refused_when_asked_and_when_taught(
    serve, clips, upload, refused, settings, status, word
):
    with serve(**settings) as client:
        clip = clips["sweep left"][3]
        refused(client.post("/recognize", files=upload("clip", clip)), status, word)
        refused(client.post("/actions/new/examples", files=upload("clips", clip)), status, word)
        told = client.post("/actions/sweep left/examples", files=upload("clips", clip)).json()
        assert (told["added"], len(told["skipped"])) == (0, 1)
        assert word in told["skipped"][0]["reason"]


def test_a_clip_that_claims_a_huge_picture_is_refused(client, refused, video_files):
    files = {"clip": ("a.gif", video_files.huge_gif(60_000))}
    refused(client.post("/recognize", files=files), 422, "a.gif")


def test_there_is_a_most_of_actions_and_of_examples(serve, clips, upload, refused):
    with serve(max_actions=2, max_examples=4) as client:
        refused(client.post("/actions", json={"label": "third"}), 409, "2 actions are taught")
        files = upload("clips", clips["sweep left"][3])
        refused(client.post("/actions/sweep left/examples", files=files), 409, "4 examples are taught")


def test_a_clip_by_its_path_stays_below_the_root(serve, clips, refused, tmp_path):
    root, outside = tmp_path / "root", clips["sweep left"][3]
    (root / "deep").mkdir(parents=True)
    (root / "text.txt").write_text("x")
    (root / "link.mp4").symlink_to(outside)
    (root / "circle.mp4").symlink_to(root / "circle.mp4")
    os.mkfifo(root / "pipe.mp4")
    with serve(root=root) as client:
        for path, status in {
            str(outside): 404,
            os.path.relpath(outside, root): 404,
            "../" * 20 + "etc/passwd": 404,
            "link.mp4": 404,
            "circle.mp4": 404,
            "pipe.mp4": 404,
            "deep": 404,
            "text.txt": 404,
            "gone.mp4": 404,
            "x" * 5000: 404,
            "a\x00.mp4": 422,
            "": 422,
        }.items():
            refused(client.post("/recognize", json={"path": path}), status)
        for body in (b"[]", b"{", b'{"path": 1}', b'{"path": "a", "path": "b"}', DEEP):
            refused(client.post("/recognize", content=body, headers=JSON), 422)


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("a.mp4", "a.mp4"),
        ("../../a.MP4", "a.mp4"),
        ("C:\\videos\\a.mov", "a.mov"),
        ("..", "clip"),
        (".mp4", "mp4"),
        ("a\n<b>\u202e.mp4", "a__b__.mp4"),
        ("日本.webm", "日本.webm"),
        ("a.b.c.mkv", "a.b.c.mkv"),
        ("x" * 500 + ".avi", "x" * 120 + ".avi"),
        ("🙂" * 100 + ".gif", "🙂" * 30 + ".gif"),
        ("a.mp4 ", "a.mp4"),
        ("", "clip"),
    ],
)
def test_a_sender_name_becomes_a_harmless_file_name(given, name):
    assert intake.safe_name(given) == name
    assert intake.safe_name(name) == name


def test_a_mistake_in_the_program_is_told_in_short_and_does_not_end_it(client, refused, clips, upload, monkeypatch):
    monkeypatch.setattr("lga.recognition.Prepared.answer", lambda *_: 1 / 0)
    error = refused(client.post("/recognize", files=upload("clip", clips["sweep left"][3])), 500, "mistake")
    assert "Zero" not in error
    assert client.get("/healthz").status_code == 200


def test_a_folder_for_uploads_that_was_cleaned_away_is_made_again(client, clips, upload):
    shutil.rmtree(client.service.uploads)
    assert client.post("/recognize", files=upload("clip", clips["sweep left"][3])).status_code == 200
    assert client.service.uploads.stat().st_mode & 0o777 == 0o700
    assert not list(client.service.uploads.iterdir())


def test_a_full_disk_is_told_in_short_and_changes_nothing(client, refused, clips, upload, monkeypatch, folder):
    before = client.get("/actions").json()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("lga.store.clips.sync_folder", full)
    refused(client.post("/actions/new/examples", files=upload("clips", clips["sweep left"][3])), 500, "cannot do that")
    assert client.get("/actions").json() == before
    assert not list((folder / "clips").iterdir())
