import subprocess

import pytest

from lga.motion import weights


@pytest.fixture
def no_index(monkeypatch):
    """pip reaches no index."""
    told = subprocess.CompletedProcess([], 1, "", "ERROR: no matching distribution found\n")
    monkeypatch.setattr(weights.subprocess, "run", lambda *_, **__: told)


def test_show_says_what_can_be_measured_here_and_what_is_missing(command, tmp_path):
    done = command("motion", "show", LGA_POSE=str(tmp_path))
    assert "motion: flow\n" in done.stdout
    assert f"networks: {tmp_path}\n" in done.stdout
    assert "lga motion fetch" in done.stdout


def test_networks_that_cannot_be_had_are_one_line(command, no_index, tmp_path):
    done = command("motion", "fetch", code=1, LGA_POSE=str(tmp_path / "pose"))
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert "no matching distribution found" in done.stderr
    assert not (tmp_path / "pose").exists()


def test_setting_up_goes_on_without_networks(command, no_index, tmp_path):
    done = command("motion", "fetch", "--optional", LGA_POSE=str(tmp_path / "pose"))
    assert "flow alone is compared" in done.stderr


def test_networks_that_are_there_are_not_fetched_again(command, no_index, tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "find_weights", lambda: tmp_path)
    assert str(tmp_path) in command("motion", "fetch").stdout


def test_what_is_missing_is_said_once(command, clips, tmp_path):
    done = command("teach", clips, "--out", tmp_path / "taught", "--backbone", "tiny")
    assert done.stderr.count("of motion, flow alone is compared") == 1
