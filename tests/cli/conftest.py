"""The command line in this process, and clips and taught actions that the tests of several commands share."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from lga.cli.main import main, run
from lga.synthetic.render import render_clip, write_clip

TAUGHT = {"wave": (1, 2), "kick ball": (3, 4), "pull up": (5,)}


@dataclass(frozen=True, slots=True)
class Done:
    """What a command printed."""

    stdout: str
    stderr: str

    @property
    def error(self) -> str:
        """Its error, which is one line."""
        lines = self.stderr.strip().splitlines()
        assert len(lines) == 1, self.stderr
        assert lines[0].startswith("lga: ")
        return lines[0]


@pytest.fixture(scope="session")
def clips(tmp_path_factory):
    """A folder with a folder of rendered clips for each action; for reading only."""
    folder = tmp_path_factory.mktemp("clips")
    for label, seeds in TAUGHT.items():
        (folder / label.replace(" ", "_")).mkdir()
        for seed in seeds:
            write_clip(render_clip(label, seed=seed), folder / label.replace(" ", "_") / f"{seed}.mp4")
    return folder


@pytest.fixture(scope="session")
def actions(clips, tmp_path_factory):
    """A folder of actions that the toy backbone was taught from all clips; for reading only."""
    folder = tmp_path_factory.mktemp("taught")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LGA_CACHE", str(folder / "cache"))
        assert run(["teach", str(clips), "--out", str(folder / "actions"), "--backbone", "tiny"]) == 0
    return folder / "actions"


@pytest.fixture
def changed(actions, tmp_path):
    """A copy of the taught actions that a test may spoil."""
    return Path(shutil.copytree(actions, tmp_path / "actions"))


@pytest.fixture
def command(actions, monkeypatch, capsys):
    """`command(*arguments, code=0, **environment)` runs `lga` in this process, with the cache of the taught actions."""
    monkeypatch.setenv("LGA_CACHE", str(actions.parent / "cache"))

    def command(*arguments, code=0, **environment):
        capsys.readouterr()
        with pytest.MonkeyPatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            with pytest.raises(SystemExit) as ended:
                main([str(one) for one in arguments])
        done = Done(*capsys.readouterr())
        assert ended.value.code == code, done.stderr + done.stdout
        assert "Traceback" not in done.stderr + done.stdout
        return done

    return command


@pytest.fixture
def start(tmp_path):
    """`start(*arguments, **environment)` starts `lga` in a process of its own; it is dead after the test."""
    running = []

    def start(*arguments, **environment):
        line = [sys.executable, "-m", "lga.cli", *map(str, arguments)]
        env = {**os.environ, "LGA_CACHE": str(tmp_path / "cache"), "HF_HUB_OFFLINE": "1", **environment}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        running.append(subprocess.Popen(line, env=env, **pipes))
        return running[-1]

    yield start
    for one in running:
        one.kill()
        one.communicate()


@pytest.fixture
def lga(tmp_path, monkeypatch, capsys):
    """`lga(*arguments)` runs a command in this process and returns what it printed."""
    monkeypatch.setenv("LGA_CACHE", str(tmp_path / "cache"))

    def lga(*arguments):
        found = run([str(one) for one in arguments])
        said = capsys.readouterr()
        assert found == 0, said.err
        return said.out

    return lga
