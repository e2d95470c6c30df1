import os

import pytest

from lga.config import ProtocolConfig
from lga.datasets.check import check_manifest, refuse_to_overwrite, write_fixed
from lga.datasets.manifest import read_manifest, read_table
from lga.errors import ManifestError, SettingsError

ROWS = """path,note,label,split
0.mp4," a, b",wave,train
1.mp4,,wave,train
copy.mp4,,eat,test
2.mp4,x,Eat,test,left,over
3.mp4,y,eat,test
gone.mp4,,run,test
4.mp4,z,run,test
5.mp4,z,run,test
"""
PROTOCOL = ProtocolConfig(ways=2, shots=1, queries=1)


@pytest.fixture(scope="module")
def clips(tmp_path_factory, video_files):
    folder = tmp_path_factory.mktemp("clips")
    for number in range(6):
        video_files.write_video(folder / f"{number}.mp4", video_files.numbered(12 + number))
    (folder / "copy.mp4").write_bytes((folder / "0.mp4").read_bytes())
    (folder / "m.csv").write_text(ROWS)
    return folder


def test_what_is_wrong_is_left_out_and_the_other_rows_are_as_they_were(clips):
    table = read_table(clips / "m.csv")
    fixed = write_fixed(table, check_manifest(table, PROTOCOL), clips / "clean.csv")
    assert [(one.kind, one.line) for one in fixed.left_out] == [("missing", 7), ("clip in two splits", 2)]
    assert (fixed.kept, fixed.respelt) == (6, {"Eat": "eat"})
    assert (clips / "clean.csv").read_text() == (
        "path,note,label,split\n1.mp4,,wave,train\ncopy.mp4,,eat,test\n2.mp4,x,eat,test,left,over\n"
        "3.mp4,y,eat,test\n4.mp4,z,run,test\n5.mp4,z,run,test\n"
    )
    again = check_manifest(read_table(clips / "clean.csv"), PROTOCOL, split="test")
    assert again.findings == ()


def test_in_another_folder_the_paths_still_lead_to_the_clips(clips, tmp_path):
    table = read_table(clips / "m.csv")
    write_fixed(table, check_manifest(table, PROTOCOL), tmp_path / "clean.csv")
    assert {clip.path for clip in read_manifest(tmp_path / "clean.csv")} == {
        clips / f"{name}.mp4" for name in ("1", "2", "3", "4", "5", "copy")
    }


def test_rows_that_were_not_looked_at_are_kept(clips, tmp_path):
    table = read_table(clips / "m.csv")
    fixed = write_fixed(table, check_manifest(table, PROTOCOL, split="train"), tmp_path / "clean.csv")
    assert (fixed.kept, fixed.left_out) == (8, ())


def test_the_manifest_itself_is_refused_under_any_name(clips, tmp_path):
    table = read_table(clips / "m.csv")
    (tmp_path / "soft.csv").symlink_to(clips / "m.csv")
    os.link(clips / "m.csv", clips / "hard.csv")
    for name in (clips / "m.csv", clips / ".." / clips.name / "m.csv", tmp_path / "soft.csv", clips / "hard.csv"):
        with pytest.raises(SettingsError, match="never overwritten"):
            refuse_to_overwrite(table.path, name)
    assert (clips / "m.csv").read_text() == ROWS


def test_a_manifest_of_bad_rows_only_is_refused(tmp_path):
    (tmp_path / "m.csv").write_text("path,label\ngone.mp4,wave\n")
    table = read_table(tmp_path / "m.csv")
    with pytest.raises(ManifestError, match="no row is left"):
        write_fixed(table, check_manifest(table, PROTOCOL), tmp_path / "clean.csv")
    assert not (tmp_path / "clean.csv").exists()
