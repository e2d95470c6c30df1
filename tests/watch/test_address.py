import os

import pytest

from lga.errors import SettingsError, VideoError
from lga.watch.address import find_address


@pytest.mark.parametrize(
    ("source", "name", "protocols"),
    [
        ("http://127.0.0.1:8000/a.mp4?x=1", "http://127.0.0.1:8000/a.mp4?x=1", "http,tcp"),
        ("HTTP://LOCALHOST/a.ts", "http://localhost/a.ts", "http,tcp"),
        ("https://[::1]:8443/live", "https://[::1]:8443/live", "https,tls,tcp"),
        ("rtsp://127.0.0.1:8554/cam", "rtsp://127.0.0.1:8554/cam", "tcp"),
        ("udp://localhost:1234", "udp://localhost:1234?localaddr=127.0.0.1", "udp"),
        ("tcp://127.0.0.1:9000?listen=1", "tcp://127.0.0.1:9000?listen=1", "tcp"),
    ],
)
def test_a_stream_of_this_machine_is_put_together_anew_with_its_own_protocols_alone(source, name, protocols):
    found = find_address(source)
    assert (found.kind, found.name, found.protocols) == ("url", name, protocols)
    assert found.live


@pytest.mark.parametrize(
    "source",
    [
        "http://example.com/a.mp4",
        "http://127.0.0.1.example.com/a.mp4",
        "http://127.0.0.1@example.com/a.mp4",
        "http://user:word@127.0.0.1/a.mp4",
        "http://example.com#@127.0.0.1/",
        "http://127.0.0.1\\@example.com/",
        "http://127.0.0.1/a b",
        "http://127.0.0.1:99999999/",
        "http://[::1/",
        "http://10.0.0.1/",
        "http:///a.mp4",
        "udp://127.0.0.1",
        "udp://127.0.0.1:5000?sources=10.0.0.1",
        "tcp://127.0.0.1:5000?timeout=0&listen=2",
        "tcp://127.0.0.1:5000/a",
        "file:///etc/passwd",
        "concat://a|b",
        "ftp://127.0.0.1/a",
        "data://,x",
    ],
)
def test_other_machines_and_other_kinds_of_addresses_are_refused_in_one_line(source):
    with pytest.raises(SettingsError) as error:
        find_address(source)
    assert "\n" not in str(error.value)


def test_a_file_a_pipe_a_camera_and_standard_input_are_told_apart(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"x")
    os.mkfifo(tmp_path / "pipe")
    found = [find_address(str(one)) for one in (tmp_path / "a.mp4", tmp_path / "pipe", "/dev/video0", "-")]
    assert [one.kind for one in found] == ["file", "pipe", "camera", "pipe"]
    assert [one.live for one in found] == [False, True, True, True]
    assert found[0].protocols == "none"


@pytest.mark.parametrize("name", ["absent.mp4", "", "empty.mp4"])
def test_what_is_no_video_file_is_refused(tmp_path, name):
    (tmp_path / "empty.mp4").touch()
    with pytest.raises(VideoError):
        find_address(str(tmp_path / name))
