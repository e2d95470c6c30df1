import os
import random
import socket
import threading
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lga.errors import VideoError
from lga.watch.address import find_address
from lga.watch.moments import Damage, Finish, Shown
from lga.watch.source import LONGEST_STILL, Timeline, open_source

from .conftest import copy_as


def placed(line, stamps):
    return [None if one is None else round(one.time, 6) for one in map(line.place, stamps)]


def test_usual_time_stamps_begin_at_0_and_stay():
    assert placed(Timeline(), [5.0, 5.04, 5.08, 5.5]) == [0, 0.04, 0.08, 0.5]


def test_a_file_whose_first_pictures_are_lost_keeps_its_time():
    assert placed(Timeline(1.0, duration=9.0), [3.0, 3.04]) == [2.0, 2.04]


def test_time_stamps_that_go_back_go_on_one_picture_after_the_last():
    assert placed(Timeline(), [0.0, 0.1, 0.2, -70.0, -69.9]) == [0, 0.1, 0.2, pytest.approx(0.3), pytest.approx(0.4)]


def test_a_jump_ahead_is_closed_in_a_stream_and_believed_in_a_file_that_is_that_long():
    ahead = [0.0, 0.1, 95_000.0, 95_000.1]
    assert placed(Timeline(), ahead) == [0, 0.1, pytest.approx(0.2), pytest.approx(0.3)]
    line = Timeline(0.0, duration=100.0)
    assert line.place(0.0).gap is None
    found = line.place(60.0)
    assert (found.time, found.gap) == (60.0, pytest.approx(0.04))


def test_a_picture_that_comes_a_little_late_or_twice_is_left_out():
    assert placed(Timeline(), [0.0, 0.1, 0.1, 0.05, 0.2]) == [0, 0.1, None, None, 0.2]


def test_the_last_picture_from_before_a_gap_comes_too_late_after_the_first_one_behind_it():
    assert placed(Timeline(), [0.0, 0.1, 3.2, 0.2, 3.3]) == [0, 0.1, 3.2, None, 3.3]


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40), st.none() | st.floats(1, 1e6))
def test_time_always_goes_on_and_never_leaps_without_saying_so(stamps, duration):
    line, before = Timeline(0.0 if duration else None, duration), None
    for stamp in stamps:
        found = line.place(stamp)
        if found is None:
            continue
        if before is not None:
            assert found.time > before
            assert found.gap is not None or found.time - before <= LONGEST_STILL + 1e-3
        before = found.time
    assert line.end > (before or 0)


def read(path):
    with open_source(find_address(str(path)), 5.0) as source:
        return source.duration, list(source.shown())


def spoilt(path, begin, end):
    data = bytearray(path.read_bytes())
    part = slice(int(begin * len(data)), int(end * len(data)))
    data[part] = random.Random(1).randbytes(part.stop - part.start)
    path.write_bytes(data)
    return path


def test_every_picture_comes_once_in_order_with_its_time(tmp_path, write_video, video_files):
    path = write_video(tmp_path / "a.mp4", video_files.numbered(12))
    duration, found = read(path)
    assert duration == pytest.approx(1.2)
    assert [round(one.time, 3) for one in found[:-1]] == [number / 10 for number in range(12)]
    assert [video_files.number_of(one.frame.to_ndarray(format="rgb24")) for one in found[:-1]] == list(range(12))
    assert found[-1].time == pytest.approx(1.2)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
def test_a_damaged_passage_is_named_and_the_rest_is_shown(scenes, tmp_path, suffix):
    path = spoilt(copy_as(scenes.video, tmp_path / f"a{suffix}"), 0.5, 0.6)
    _, found = read(path)
    whole = scenes.truth[-1][1]
    damage = [one for one in found if isinstance(one, Damage)]
    times = [one.time for one in found if isinstance(one, Shown)]
    assert damage
    assert all(0.3 * whole < one.start <= one.end < 0.9 * whole for one in damage)
    assert min(times) == 0
    assert max(times) > whole - 0.2
    assert isinstance(found[-1], Finish)


def test_a_file_that_breaks_off_is_shown_as_far_as_it_goes(scenes, tmp_path):
    path = copy_as(scenes.video, tmp_path / "a.mkv")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    duration, found = read(path)
    assert isinstance(found[-2], Damage)
    assert "cut short" in found[-2].reason
    assert found[-2].end == pytest.approx(duration)
    assert 0.3 * duration < found[-1].time < 0.7 * duration


def test_two_streams_one_after_the_other_are_one_time_line(scenes, stream_file, tmp_path):
    (tmp_path / "two.ts").write_bytes(stream_file.read_bytes() * 2)
    _, found = read(tmp_path / "two.ts")
    times = [one.time for one in found if isinstance(one, Shown)]
    assert times == sorted(times)
    assert times[-1] == pytest.approx(2 * scenes.truth[-1][1], abs=0.5)


def test_a_pipe_is_read_without_going_back(scenes, stream_file, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    if os.fork() == 0:
        with pipe.open("wb") as file:
            file.write(stream_file.read_bytes())
        os._exit(0)
    duration, found = read(pipe)
    os.wait()
    assert duration is None
    assert found[-1].time == pytest.approx(scenes.truth[-1][1], abs=0.1)


@pytest.mark.parametrize(
    "data", [b"no video", b"#EXTM3U\nhttp://example.com/a.ts\n", b"ffconcat version 1.0\nfile a\n"]
)
def test_what_is_no_video_is_refused_in_one_line(tmp_path, data):
    (tmp_path / "a.mp4").write_bytes(data)
    with pytest.raises(VideoError, match=r"a\.mp4: no video") as error:
        read(tmp_path / "a.mp4")
    assert "\n" not in str(error.value)


def test_sound_alone_and_absurd_pictures_are_refused(tmp_path, video_files):
    video_files.write_sound(tmp_path / "a.mp4")
    (tmp_path / "a.gif").write_bytes(video_files.huge_gif(60_000))
    for name in ("a.mp4", "a.gif"):
        with pytest.raises(VideoError, match=r"only sound|too large|implausible|no video"):
            read(tmp_path / name)


def test_an_address_where_nobody_answers_is_refused():
    nobody = find_address("tcp://127.0.0.1:9")
    with pytest.raises(VideoError, match=r"tcp://127\.0\.0\.1:9"), open_source(nobody, 2.0):
        pass


SDP = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"


@pytest.mark.parametrize("answer", ["RTP/AVP/UDP;unicast;client_port=5000-5001;server_port=1-2;source=192.0.2.1", None])
def test_rtsp_asks_for_tcp_alone_whatever_the_server_offers(answer):
    asked = []

    def serve(listener):
        with suppress(OSError), listener.accept()[0] as line, line.makefile("rb") as lines:
            for first in lines:
                head = {name.lower(): value.strip() for name, _, value in (
                    one.decode().partition(":") for one in iter(lines.readline, b"\r\n"))}  # fmt: skip
                body, more = "", ""
                if first.startswith(b"DESCRIBE"):
                    body, more = SDP, "Content-Type: application/sdp\r\n"
                if first.startswith(b"SETUP"):
                    asked.append(head["transport"])
                    more = f"Session: 1\r\nTransport: {answer or head['transport']}\r\n"
                status = "404 No" if first.startswith(b"PLAY") else "200 OK"
                said = f"RTSP/1.0 {status}\r\nCSeq: {head['cseq']}\r\n{more}Content-Length: {len(body)}\r\n\r\n{body}"
                line.sendall(said.encode())

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        address = find_address(f"rtsp://127.0.0.1:{listener.getsockname()[1]}/cam")
        with pytest.raises(VideoError, match="no video that can be watched"), open_source(address, 5.0):
            pass
    assert asked
    assert all(one.startswith("RTP/AVP/TCP;") for one in asked)
