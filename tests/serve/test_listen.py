"""The real server in a process of its own."""

import json
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from urllib.parse import urlsplit

import httpx
import pytest

from lga.errors import LGAError
from lga.serve import guard, listen
from lga.serve.settings import ServeConfig
from lga.store.folder import load_actions

HEAD = b"POST /recognize HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\n"


def dial(address, sent, later=b""):
    """Send raw bytes, and more after the first answer, and read until the server hangs up."""
    place = urlsplit(address)
    with closing(socket.create_connection((place.hostname, place.port), timeout=20)) as line:
        answer = b""
        with suppress(ConnectionError):  # that is a way to hang up, too
            line.sendall(sent)
            while part := line.recv(65536):
                answer += part
                line.sendall(later)
                later = b""
        return answer


@pytest.fixture
def listening(serve):
    """`with listening(**settings) as address:` the same server, in a thread."""

    @contextmanager
    def start(**settings):
        with closing(listen.open_port(ServeConfig(port=0))) as port, serve(**settings) as client:
            server = listen.make_server(client.app, ServeConfig(**settings))
            port.listen()
            thread = threading.Thread(target=server.run, args=([port],))
            thread.start()
            try:
                yield listen.address_of(port)
            finally:
                server.should_exit = True
                thread.join(30)

    return start


def test_eight_clients_teach_and_recognise_at_once_and_a_restart_knows_what_they_taught(
    listening, serve, clips, upload
):
    with listening(queue=32) as address, httpx.Client(base_url=address, timeout=60) as client:

        def work(number):
            label = f"action {number}"
            for clip in clips["sweep left"][:2]:
                answer = client.post(f"/actions/{label}/examples", files=upload("clips", clip))
                assert answer.status_code in (200, 201), answer.text
                answer = client.post("/recognize", files=upload("clip", clips["sweep right"][3]))
                assert answer.status_code == 200, answer.text
            return label

        with ThreadPoolExecutor(8) as pool:
            labels = set(pool.map(work, range(8)))
        listed = client.get("/actions").json()["actions"]
        assert {one["label"] for one in listed} == labels | set(clips)
        assert client.get(listed[-1]["examples"][0]["strip"]).headers["content-type"] == "image/jpeg"
    with serve() as client:
        assert client.get("/actions").json()["actions"] == listed


@pytest.mark.slow
def test_a_killed_server_loses_nothing_that_was_acknowledged(process, folder, clips, upload):
    """Ended with SIGKILL in the middle of writes, twice, at moments of chance."""
    acknowledged, seen = set(load_actions(folder).labels), None
    for turn in range(2):
        with process(folder) as (address, one):
            with httpx.Client(base_url=address, timeout=30) as client:
                seen = {each["label"] for each in client.get("/actions").json()["actions"]}
                assert acknowledged <= seen
                acknowledged = seen
                killer = threading.Timer(0.1 + 0.1 * turn, one.kill)
                for number in range(1000):
                    if number == 2:
                        killer.start()
                    label = f"turn {turn} number {number}"
                    try:
                        files = upload("clips", clips["sweep left"][number % 4])
                        answer = client.post(f"/actions/{label}/examples", files=files)
                    except httpx.TransportError:
                        break
                    assert answer.status_code == 201
                    acknowledged.add(label)
                killer.join()
            one.wait(10)
            assert one.returncode == -signal.SIGKILL
    assert len(acknowledged) > 4
    with process(folder) as (address, _):
        actions = httpx.get(f"{address}/actions").json()["actions"]
        assert acknowledged <= {each["label"] for each in actions}
        assert all(each["strip"] for action in actions for each in action["examples"])
        assert httpx.delete(f"{address}/actions/{actions[-1]['label']}").status_code == 204
    kept = {one.stem for one in (folder / "clips").iterdir()}
    assert kept <= {one.digest for one in load_actions(folder).examples}


def test_broken_http_and_slow_bodies_do_not_hold_the_server(listening, monkeypatch):
    monkeypatch.setattr(guard, "LINGER_SECONDS", 0.3)
    with listening(upload_seconds=0.5, max_megabytes=1) as address:
        assert b" 400 " in dial(address, b"garbage\r\n\r\n")
        huge = dial(address, b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 1_000_000 + b"\r\n\r\n")
        assert huge == b"" or b" 400 " in huge
        assert b" 400 " in dial(address, b"GET / HTTP/1.1\r\n\r\n")
        assert b" 400 " in dial(address, HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello")
        began = time.monotonic()
        slow = dial(address, HEAD + b"Content-Length: 500\r\n\r\n--x\r\n")
        assert b" 408 " in slow
        assert json.loads(slow.split(b"\r\n\r\n")[1])["error"].startswith("the upload is too slow")
        assert time.monotonic() - began < 5
        large = dial(address, HEAD + b"Content-Length: 2000000\r\n\r\n" + b"x" * 2_000_000)
        assert b" 413 " in large
        chunk = b"%x\r\n" % 500_000 + b"x" * 500_000 + b"\r\n"
        start = b'--x\r\nContent-Disposition: form-data; name="clip"; filename="a.mp4"\r\n\r\n'
        first = b"%x\r\n" % len(start) + start + b"\r\n"
        large = dial(address, HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + first + 3 * chunk + b"0\r\n\r\n")
        assert b" 413 " in large
        assert httpx.get(f"{address}/healthz").status_code == 200


def test_a_head_that_never_ends_is_hung_up_on(listening, monkeypatch):
    monkeypatch.setattr(listen, "HEAD_SECONDS", 0.3)
    with listening() as address:
        began = time.monotonic()
        assert dial(address, b"GET / HTTP/1.1\r\nHost: local") == b""
        assert dial(address, b"") == b""
        whole = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
        assert dial(address, whole, b"GET / HTT").count(b"HTTP/1.1 200") == 1
        assert time.monotonic() - began < 5


def test_it_ends_cleanly_and_leaves_no_temporary_files(process, folder, tmp_path, monkeypatch):
    """Ended with SIGTERM; every other process here is ended as by Ctrl-C."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    token = "a token from the environment"
    with process(folder, token=token) as (address, one):
        assert httpx.get(f"{address}/actions").status_code == 401
        assert httpx.get(f"{address}/actions", headers={"Authorization": f"Bearer {token}"}).status_code == 200
        headers = httpx.get(f"{address}/").headers
        assert "server" not in headers
        assert list((tmp_path / "tmp").iterdir())
        one.terminate()
        assert one.wait(20) == 0
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.slow
def test_what_clients_sent_to_a_killed_server_is_gone_after_the_next_start(
    process, folder, tmp_path, clips, upload, monkeypatch
):
    """Killed while an upload comes in; one that lives keeps its folder, which nobody else may read."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))

    def left():
        return sorted(one.relative_to(tmp_path / "tmp").parts for one in (tmp_path / "tmp").rglob("*"))

    with process(tmp_path / "first") as (living, _):
        (own,) = left()
        assert (tmp_path / "tmp" / own[0]).stat().st_mode & 0o777 == 0o700
        for _ in range(2):
            with process(folder) as (address, one):
                assert len(left()) == 2
                place = urlsplit(address)
                with socket.create_connection((place.hostname, place.port)) as line:
                    line.sendall(HEAD + b"Content-Length: 100000\r\n\r\n--x\r\n")
                    while len(left()) < 3:
                        time.sleep(0.01)
                    one.kill()
                    one.wait(10)
            assert len(left()) == 3
        with process(folder) as (address, _):
            assert httpx.get(f"{address}/healthz").status_code == 200
            assert len(left()) == 2
            assert own in left()
        files = upload("clips", clips["sweep left"][0])
        assert httpx.post(f"{living}/actions/new/examples", files=files, timeout=30).status_code == 201
    assert left() == []


def test_a_port_that_is_taken_and_an_address_that_is_none_are_named():
    with closing(listen.open_port(ServeConfig(port=0))) as port:
        port.listen()
        taken = port.getsockname()[1]
        with pytest.raises(LGAError, match=f"127.0.0.1:{taken}: cannot listen there .Address already in use."):
            listen.open_port(ServeConfig(port=taken))
        assert listen.address_of(port) == f"http://127.0.0.1:{taken}"
    with pytest.raises(LGAError, match="cannot listen there"):
        listen.open_port(ServeConfig(host="host.invalid"))
