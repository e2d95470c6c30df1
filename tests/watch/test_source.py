import os
import random
import socket
import threading
from contextlib import suppress

import pytest

from lga.errors import VideoError
from lga.watch.address import find_address
from lga.watch.moments import Damage, Finish, Shown
from lga.watch.source import open_source

from .conftest import copy_as


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


@pytest.mark.parametrize(("shift", "suffix"), [(0.0, ".mp4"), (7.32, ".mkv"), (7.32, ".ts")])
def test_time_is_counted_from_the_first_of_sound_and_pictures(tmp_path, write_video, video_files, shift, suffix):
    plain = write_video(tmp_path / "plain.mp4", [video_files.counted(number) for number in range(20)])
    begun = copy_as(plain, tmp_path / f"a{suffix}", shift=shift)
    for path, first in ((begun, 0.0), (video_files.with_sound(plain, tmp_path / f"b{suffix}", later=3.0), 3.0)):
        duration, found = read(path)
        assert not [one for one in found if isinstance(one, Damage)]
        assert [one.time for one in found[:-1]] == pytest.approx([first + n / 10 for n in range(20)], abs=0.15)
        assert [video_files.count_of(one.picture()) for one in found[:-1]] == list(range(20))
        if suffix != ".ts":  # which promises nothing
            assert duration == pytest.approx(first + 2.0, abs=0.05)


def test_a_little_sound_before_the_first_picture_leaves_no_hole(tmp_path, write_video, video_files):
    plain = write_video(tmp_path / "plain.mp4", video_files.numbered(5))
    _, found = read(video_files.with_sound(plain, tmp_path / "b.mp4", later=0.2))
    assert [one.time for one in found[:-1]] == pytest.approx([0.0, 0.3, 0.4, 0.5, 0.6], abs=0.01)


@pytest.mark.parametrize("leaps", [(0.0, 5000.0, 0.0), (0.0, 0.0, 0.0)])
def test_joined_recordings_go_on_without_a_word_of_damage(tmp_path, write_video, video_files, leaps):
    pictures = [video_files.counted(number) for number in range(20)]
    plain = write_video(tmp_path / "plain.mp4", pictures, encoder={"bf": "2"})
    parts = [copy_as(plain, tmp_path / f"{number}.ts", shift=shift) for number, shift in enumerate(leaps)]
    (tmp_path / "a.ts").write_bytes(b"".join(part.read_bytes() for part in parts))
    duration, found = read(tmp_path / "a.ts")
    assert duration is None
    assert not [one for one in found if isinstance(one, Damage)]
    assert [video_files.count_of(one.picture()) for one in found[:-1]] == list(range(20)) * 3
    assert found[-1].time == pytest.approx(6.0, abs=0.05)


@pytest.mark.parametrize("suffix", [".mkv", ".ts"])
def test_pictures_without_their_key_frame_are_damage(tmp_path, write_video, video_files, suffix):
    pictures = [video_files.counted(number) for number in range(40)]
    plain = write_video(tmp_path / "plain.mp4", pictures, key_every=20, encoder={"sc_threshold": "0"})
    _, found = read(copy_as(plain, tmp_path / f"a{suffix}", leave={0}))
    damage, first = found[0], found[1]
    assert isinstance(damage, Damage)
    assert (damage.start, damage.end) == pytest.approx((0.0, 1.9), abs=0.25)
    assert video_files.count_of(first.picture()) == 20


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "first", "end"),
    [
        ("first_pts_7_3.mkv", 0.0, 4.0),
        ("nvr_segment_2.mkv", 0.0, 2.0),
        ("still_8s_inside.mp4", 0.0, 12.0),
        ("video_3s_after_audio.mp4", 3.0, 7.0),
        ("ts_discontinuity.ts", 0.0, 12.0),
        ("ts_named_mp4.mp4", 0.0, 12.0),
    ],
)
def test_odd_files_are_watched_in_their_own_time(shared, name, first, end):
    _, found = read(shared / "data/odd/video" / name)
    assert all(isinstance(one, Shown) for one in found[:-1])
    assert (found[0].time, found[-1].time) == pytest.approx((first, end), abs=0.01)


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


@pytest.mark.parametrize("scheme", ["rtsp", "http"])
@pytest.mark.parametrize("to", ["rtsp", "rtsps", "tcp", "http", "udp"])
def test_nobody_is_asked_whom_a_redirect_names(scheme, to):
    """FFmpeg before 8.1.2 goes wherever an RTSP server sends it, whatever protocols it is allowed."""
    with socket.create_server(("127.0.0.1", 0)) as asked, socket.create_server(("127.0.0.1", 0)) as elsewhere:
        place = f"Location: {to}://127.0.0.1:{elsewhere.getsockname()[1]}/cam"

        def serve():
            with suppress(OSError), asked.accept()[0] as line, line.makefile("rb") as lines:
                head = [*iter(lines.readline, b"\r\n")]
                number = [one.decode().strip() for one in head if one.lower().startswith(b"cseq")]
                version = "RTSP/1.0" if scheme == "rtsp" else "HTTP/1.1"
                line.sendall("\r\n".join([f"{version} 302 Moved", *number, place, "", ""]).encode())

        threading.Thread(target=serve, daemon=True).start()
        address = find_address(f"{scheme}://127.0.0.1:{asked.getsockname()[1]}/cam")
        with pytest.raises(VideoError, match="no video that can be watched"), open_source(address, 5.0):
            pass
        elsewhere.settimeout(0.2)
        with pytest.raises(TimeoutError):
            elsewhere.accept()
