"""`lga.features.former`: the cache of 0.1.0 is known by its names, and nothing else is touched."""

import pytest

from lga.errors import LGAError
from lga.features.former import clear_former, former_entries, has_former

OWN = ("clips/ab/mine.mp4", "clips/wave/1.mp4", "text/notes.txt", "clips/ab/" + "f" * 62 + ".mp4", "pose/net.tflite")
FORMER = tuple(f"{kind}/{n:02x}/{n:062x}.safetensors" for kind in ("clips", "motion", "text") for n in (0, 171))


def write(folder, names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


def files(folder):
    return sorted(one.relative_to(folder).as_posix() for one in folder.rglob("*") if one.is_file())


def test_its_files_and_no_others_are_found_and_cleared(tmp_path):
    write(tmp_path, OWN + FORMER)
    assert sorted(one.relative_to(tmp_path).as_posix() for one in former_entries(tmp_path)) == sorted(FORMER)
    assert clear_former(tmp_path) == len(FORMER)
    assert files(tmp_path) == sorted(OWN)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["clips", "pose", "text"]


def test_where_there_is_none_nothing_is_done(tmp_path):
    write(tmp_path, OWN)
    for folder in (tmp_path, tmp_path / "missing", tmp_path / OWN[0]):
        assert not has_former(folder)
        assert clear_former(folder) == 0
    assert files(tmp_path) == sorted(OWN)


def test_a_link_to_somewhere_else_is_not_followed(tmp_path):
    write(tmp_path / "other", FORMER)
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "clips").symlink_to(tmp_path / "other" / "clips")
    assert not has_former(tmp_path / "cache")


def test_a_file_that_cannot_be_removed_is_named(tmp_path, monkeypatch):
    write(tmp_path, FORMER)

    def refuse(self, missing_ok=False):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr("pathlib.Path.unlink", refuse)
    with pytest.raises(LGAError, match=r"cannot be removed \(Permission denied\)"):
        clear_former(tmp_path)
