"""`lga watch` on the command line: files, pipes, streams of this machine, interruptions."""

import csv
import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import av
import numpy as np
import pytest

from lga.cli.main import run
from lga.synthetic.render import render_clip, write_clip

pytestmark = pytest.mark.usefixtures("one_thread")
TAUGHT = {"wave": (1, 2), "pull up": (11, 12)}
SCENES = (("wave", 1), ("open door", 50), ("pull up", 12))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two taught actions in `actions`, and a video of three scenes as `long.mp4` and `long.ts`."""
    folder = tmp_path_factory.mktemp("watched")
    rendered = functools.cache(lambda label, seed: render_clip(label, seed=seed))
    for label, seeds in TAUGHT.items():
        (folder / "clips" / label).mkdir(parents=True)
        for seed in seeds:
            write_clip(rendered(label, seed), folder / "clips" / label / f"{seed}.mp4")
    clips = [rendered(label, seed) for label, seed in SCENES]
    write_clip(replace(clips[0], frames=np.concatenate([one.frames for one in clips])), folder / "long.mp4")
    with av.open(str(folder / "long.mp4")) as source, av.open(str(folder / "long.ts"), "w") as copy:
        target = copy.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = target
                copy.mux(packet)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LGA_CACHE", str(folder / "cache"))
        assert run(["teach", str(folder / "clips"), "--out", str(folder / "actions"), "--backbone", "tiny"]) == 0
        yield folder


@pytest.fixture
def watched(folder, capsys):
    """`watched("long.mp4", flag, ..., code=0)`: the lines of JSON that `lga watch` prints, and what it says aside."""

    def watched(source, *flags, code=0):
        place = source if "://" in source else str(folder / source)
        capsys.readouterr()
        assert run(["watch", str(folder / "actions"), place, "--json", *flags]) == code
        said = capsys.readouterr()
        return [json.loads(line) for line in said.out.splitlines()], said.err

    return watched


def spawn(folder, *arguments):
    command = [sys.executable, "-m", "lga.cli", "watch", str(folder / "actions"), *map(str, arguments)]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, env=env, **pipes)


def duration(path):
    with av.open(str(path)) as container:
        return container.duration / av.time_base


def table(path):
    with path.open() as file:
        return list(csv.DictReader(file))


def labels(lines):
    return [line["label"] for line in lines if line["kind"] == "segment"]


def test_a_file_gives_lines_a_table_subtitles_and_a_video_that_agree(folder, tmp_path, capsys):
    files = {kind: tmp_path / "new" / f"out.{kind}" for kind in ("csv", "srt", "vtt", "mp4")}
    flags = [word for kind, path in files.items() for word in (f"--{'video' if kind == 'mp4' else kind}", str(path))]
    assert run(["watch", str(folder / "actions"), str(folder / "long.mp4"), *flags]) == 0
    said = capsys.readouterr()
    lines = said.out.strip().splitlines()
    rows = table(files["csv"])
    assert rows[0]["label"] == "wave"
    assert rows[-1]["label"] == "pull up"
    assert len(lines) == len(rows) == files["srt"].read_text().count(" --> ") == files["vtt"].read_text().count(" --> ")
    assert all(row["label"] in line for row, line in zip(rows, lines, strict=True))
    assert "x real time" in said.err
    assert "out.mp4, without sound: the video has none" in said.err
    assert duration(files["mp4"]) == pytest.approx(duration(folder / "long.mp4"), abs=0.05)
    assert {one.name for one in (tmp_path / "new").iterdir()} == {path.name for path in files.values()}


def test_json_ends_with_how_much_was_watched(folder, watched):
    lines, _ = watched("long.mp4")
    assert lines[-1]["kind"] == "end"
    assert lines[-1]["seconds"] == pytest.approx(duration(folder / "long.mp4"), abs=0.05)
    assert labels(lines)[0] == "wave"


def test_standard_input_gives_the_same_and_its_video_is_drawn_too(folder, tmp_path, watched):
    process = spawn(folder, "-", "--json", "--video", tmp_path / "seen.mp4")
    said, aside = process.communicate((folder / "long.ts").read_bytes(), timeout=60)
    assert process.returncode == 0, aside.decode()
    assert labels(map(json.loads, said.splitlines())) == labels(watched("long.ts")[0])
    assert duration(tmp_path / "seen.mp4") == pytest.approx(duration(folder / "long.mp4"), abs=0.1)
    assert [one.name for one in tmp_path.iterdir()] == ["seen.mp4"]


def test_a_url_of_this_machine_is_watched_and_leads_nowhere_else(folder, watched):
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_GET(self):
            if self.path != "/away":
                return super().do_GET()
            self.send_response(302)
            self.send_header("Location", "/long.ts")
            return self.end_headers()

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        here = f"http://127.0.0.1:{server.server_port}"
        assert labels(watched(f"{here}/long.ts")[0]) == labels(watched("long.ts")[0])
        for place in ("away", "absent.ts"):
            assert f"lga: {here}/{place}: no video" in watched(f"{here}/{place}", code=1)[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_ctrl_c_ends_a_stream_in_good_order_and_keeps_what_was_found(folder, tmp_path):
    files = ["--csv", tmp_path / "a.csv", "--video", tmp_path / "a.mp4"]
    process = spawn(folder, "-", "--json", "--timeout", "60", "--windows", "1.0", *files)
    process.stdin.write((folder / "long.ts").read_bytes() * 2)
    process.stdin.flush()  # and no end: the stream goes silent
    first = json.loads(process.stdout.readline())
    process.send_signal(signal.SIGINT)
    said, aside = process.communicate(timeout=60)
    assert process.returncode == 0, aside.decode()
    assert first["label"] == "wave"
    assert json.loads(said.splitlines()[-1])["kind"] == "end"
    assert "stopped" in aside.decode()
    assert table(tmp_path / "a.csv")[0]["label"] == "wave"
    assert duration(tmp_path / "a.mp4") > 1


def test_a_stream_that_stalls_is_an_error_that_keeps_what_was_found(folder, tmp_path, watched):
    os.mkfifo(folder / "silent")
    end = os.open(folder / "silent", os.O_RDWR)  # held open: it goes silent instead of ending
    thread = threading.Thread(target=lambda: os.write(end, (folder / "long.ts").read_bytes()))
    thread.start()
    lines, aside = watched("silent", "--timeout", "1", "--srt", str(tmp_path / "a.srt"), code=1)
    thread.join()
    os.close(end)
    assert "silent: no picture for 1 s" in aside
    assert labels(lines)[0] == "wave"
    assert "wave" in (tmp_path / "a.srt").read_text()


def test_a_damaged_passage_is_named_and_counted_and_watching_goes_on(folder, tmp_path, watched):
    data = bytearray((folder / "long.mp4").read_bytes())
    middle = slice(len(data) * 45 // 100, len(data) * 55 // 100)
    data[middle] = bytes(len(data[middle]))
    (folder / "bad.mp4").write_bytes(data)
    lines, aside = watched("bad.mp4")
    damage = [line for line in lines if line["kind"] == "damage"]
    assert damage
    assert f"{len(damage)} damaged passage" in aside
    assert labels(lines)[0] == "wave"
    assert lines[-1]["seconds"] == pytest.approx(duration(folder / "long.mp4"), abs=0.2)


def test_wrong_usage_is_one_line_and_exits_with_2(folder, watched, tmp_path):
    shutil.copy(folder / "long.mp4", folder / "mine.mp4")
    before = (folder / "mine.mp4").read_bytes()
    for source, *flags in (
        ("http://example.com/a.mp4",),
        ("mine.mp4", "--video", str(folder / "mine.mp4")),
        ("mine.mp4", "--rate", "0"),
        ("mine.mp4", "--windows", "0.1"),
        ("mine.mp4", "--accept", "7"),
    ):
        lines, aside = watched(source, *flags, code=2)
        assert not lines
        assert aside.startswith("lga: ")
        assert len(aside.strip().splitlines()) == 1
    assert (folder / "mine.mp4").read_bytes() == before


def test_a_missing_video_is_one_line_and_exits_with_1(watched):
    lines, aside = watched("absent.mp4", code=1)
    assert not lines
    assert "no such file" in aside
