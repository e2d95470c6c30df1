"""`lga.store.clips`: a clip goes when nobody needs it and somebody has said so, and never else."""

import fcntl
import os
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from lga.errors import LGAError
from lga.store.clips import ClipMark, Comings, KeptClips, kept_name
from lga.store.folder import DATABASE, ActionsFolder

NAMES = [sha256(text).hexdigest() + ".mp4" for text in (b"a", b"b", b"c")]


def change(folder):
    ActionsFolder(folder).change(lambda now: now.with_examples(range(len(now.examples) - 1)))


def lie(folder, *names):
    (folder / "clips").mkdir(exist_ok=True)
    for name in names:
        (folder / "clips" / name).write_bytes(b"a")


def there(folder):
    return sorted(one.name for one in (folder / "clips").iterdir())


def test_what_a_killed_change_has_named_goes_with_the_next_change_and_nothing_else(folder):
    mark = "." + "0" * 32
    lie(folder, *NAMES, "notes.txt", f"{mark}.{NAMES[0]}.part", f".{'1' * 32}.{NAMES[0]}.part")
    (folder / "clips" / f"{mark}.mark").write_text(f"{NAMES[0]}\n../{DATABASE}\nnotes.txt\n{NAMES[1]}")
    ActionsFolder(folder).load()
    assert len(there(folder)) == 7
    change(folder)
    assert there(folder) == sorted([NAMES[2], "notes.txt", f".{'1' * 32}.{NAMES[0]}.part"])
    assert (folder / DATABASE).exists()


def test_a_mark_that_somebody_holds_is_left_alone(folder):
    lie(folder, NAMES[0])
    path = folder / "clips" / f".{'0' * 32}.mark"
    path.write_text(NAMES[0])
    with path.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        change(folder)
        assert ClipMark.take(path) is None
        assert there(folder) == sorted([path.name, NAMES[0]])
    change(folder)
    assert there(folder) == []


def test_a_clip_that_an_example_needs_stays_whatever_a_mark_says(taught, folder, tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"a")

    def add(now):
        after = taught.added(now, "wave", 1)
        one = after.examples[-1].model_copy(update={"path": str(tmp_path / "a.mp4"), "digest": NAMES[0][:64]})
        return replace(after, examples=(one, *after.examples[:-1]))

    ActionsFolder(folder).change(add, keep=[str(tmp_path / "a.mp4")])
    assert there(folder) == [NAMES[0]]
    (folder / "clips" / f".{'0' * 32}.mark").write_text(NAMES[0])
    change(folder)
    assert there(folder) == [NAMES[0]]


@pytest.mark.parametrize(
    ("name", "kept"),
    [("a.mp4", ".mp4"), ("a.MP4", ".mp4"), ("a", ""), ("a.b c", ""), ("a.toolongsuffix", ""), ("a.é", "")],
)
def test_names_are_harmless(tmp_path, name, kept):
    (tmp_path / name).write_bytes(b"a")
    assert kept_name(tmp_path / name, "0" * 64) == "0" * 64 + kept
    assert kept_name(tmp_path / name, "../../x") is None
    assert kept_name(tmp_path, "0" * 64) is None


def test_a_change_that_cannot_settle_leaves_its_mark_to_the_next(folder, tmp_path):
    def fail(_):
        raise LGAError("no")

    (tmp_path / "a.mp4").write_bytes(b"a")
    with Comings(KeptClips(folder), fail) as comings:
        comings.copy(tmp_path / "a.mp4", NAMES[0])
        comings.place()
    assert len(there(folder)) == 2
    change(folder)
    assert there(folder) == []


def test_a_disk_that_refuses_is_told(folder, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    (tmp_path / "a.mp4").write_bytes(b"a")
    monkeypatch.setattr(os, "fsync", full)
    comings = Comings(KeptClips(folder), lambda marks: None)
    with comings, pytest.raises(LGAError, match=r"cannot be written \(No space left on device\); free some space"):
        comings.copy(Path(tmp_path / "a.mp4"), NAMES[0])
