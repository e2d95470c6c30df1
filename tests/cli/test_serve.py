"""`lga serve` before it listens: what it refuses, and how."""

import builtins
import socket
import subprocess
import sys
from contextlib import closing

import pytest

from lga.cli.main import run

TOKEN = "correct horse battery"


@pytest.fixture
def refuses(capsys, monkeypatch):
    """`refuses(code, word, *arguments)`: exits with the code and one line."""
    monkeypatch.delenv("LGA_TOKEN", raising=False)

    def check(code, word, *arguments):
        assert run(["serve", *map(str, arguments)]) == code
        *_, last = capsys.readouterr().err.strip().splitlines()
        assert last.startswith("lga: ")
        assert word in last

    return check


@pytest.fixture
def token_file(tmp_path):
    path = tmp_path / "token"
    path.write_text(TOKEN + "\n")
    return path


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.7", "example.org"])
def test_others_are_not_let_in_without_a_token(refuses, tmp_path, host):
    refuses(2, "--token-file", tmp_path / "a", "--host", host)


def test_a_token_that_is_missing_short_or_unprintable_is_refused(refuses, tmp_path, monkeypatch):
    refuses(2, "cannot be read", tmp_path / "a", "--token-file", tmp_path / "gone")
    for text in ("", "short", "x" * 15, "tab\tin the middle of it", "é" * 20):
        (tmp_path / "token").write_text(text)
        refuses(2, "16 printable", tmp_path / "a", "--token-file", tmp_path / "token")
    monkeypatch.setenv("LGA_TOKEN", "short")
    refuses(2, "16 printable", tmp_path / "a")


def test_a_port_that_is_taken_is_named(refuses, tmp_path):
    with closing(socket.socket()) as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        refuses(1, f"127.0.0.1:{taken}: cannot listen there", tmp_path / "a", "--port", taken)


def test_a_folder_of_something_else_is_refused(refuses, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "notes.txt").write_text("mine")
    refuses(1, "not a folder of taught actions", tmp_path / "a", "--port", 0, "--backbone", "tiny")


def test_a_setting_out_of_its_range_exits_with_2(refuses, tmp_path):
    refuses(2, "--port", tmp_path / "a", "--port", 70_000)


def test_without_the_web_framework_it_says_what_to_install(refuses, tmp_path, monkeypatch):
    real = builtins.__import__

    def absent(name, *rest):
        if name.startswith("lga.serve.app"):
            raise ModuleNotFoundError("No module named 'fastapi'", name="fastapi")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", absent)
    refuses(1, "needs fastapi: pip install 'lga[serve]'", tmp_path / "a")


def test_a_token_opens_the_door_to_others(token_file, monkeypatch):
    from lga.serve.settings import ServeConfig, read_token

    monkeypatch.delenv("LGA_TOKEN", raising=False)
    assert read_token(ServeConfig()) is None
    assert read_token(ServeConfig(host="::1")) is None
    assert read_token(ServeConfig(host="0.0.0.0", token_file=token_file)) == TOKEN
    monkeypatch.setenv("LGA_TOKEN", "another horse battery")
    assert read_token(ServeConfig()) == "another horse battery"
    assert read_token(ServeConfig(token_file=token_file)) == TOKEN


def test_its_help_waits_neither_for_torch_nor_for_the_web_framework():
    code = (
        "import sys\nfrom lga.cli.main import run\n"
        "try: run(['serve', '--help'])\nexcept SystemExit: pass\n"
        "assert not {'torch', 'fastapi', 'uvicorn'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
