import numpy as np
import pytest
from PIL import Image

from lga.config import ProtocolConfig
from lga.datasets.check import check_manifest, inspect_clips
from lga.datasets.manifest import read_table
from lga.errors import ManifestError

PROTOCOL = ProtocolConfig(ways=2, shots=1, queries=1)


@pytest.fixture(scope="module")
def clips(tmp_path_factory, video_files):
    """Nine different clips of 12 to 20 frames, `copy.mp4` like `0.mp4`, a broken and an empty one."""
    folder = tmp_path_factory.mktemp("clips")
    for number in range(9):
        video_files.write_video(folder / f"{number}.mp4", video_files.numbered(12 + number))
    (folder / "copy.mp4").write_bytes((folder / "0.mp4").read_bytes())
    (folder / "broken.mp4").write_bytes((folder / "1.mp4").read_bytes()[:300])
    (folder / "empty.mp4").touch()
    return folder


@pytest.fixture
def check(clips):
    """`check(text of a manifest, ...) -> ManifestReport`."""

    def reported(text, protocol=PROTOCOL, **options):
        (clips / "m.csv").write_text(text)
        return check_manifest(read_table(clips / "m.csv"), protocol, **options)

    return reported


def kinds(report):
    return [(one.kind, one.line) for one in report.findings]


GOOD = "path,label,split\n0.mp4,wave,train\n1.mp4,wave,train\n2.mp4,clap,train\n3.mp4,clap,train\n"


def test_a_good_manifest_has_no_findings(check):
    report = check(GOOD)
    assert report.findings == ()
    assert [(one.split, one.classes, one.clips, one.usable) for one in report.splits] == [("train", 2, 4, 2)]
    assert report.examined == 4


def test_progress_counts_every_clip(check):
    told = []
    check(GOOD, progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_bad_rows_and_clips_are_found_with_line_and_path(check, clips):
    report = check(
        GOOD + "broken.mp4,wave,train\nempty.mp4,wave,train\ngone.mp4,wave,train\n,wave,train\n4.mp4,,train\n"
    )
    assert kinds(report) == [
        ("bad row", 9),
        ("bad row", 10),
        ("undecodable", 6),
        ("undecodable", 7),
        ("missing", 8),
    ]
    assert all(one.serious for one in report.findings)
    assert report.findings[2].path == clips / "broken.mp4"
    assert report.findings[0].message == f"{clips / 'm.csv'}, line 9: the path is empty or not a path"
    assert "no such file" in report.findings[4].message


def test_a_clip_with_fewer_different_frames_than_are_looked_at_is_too_short(check):
    report = check(GOOD, frames=14)
    assert kinds(report)[:2] == [("too short", 2), ("too short", 3)]
    assert "12 different frames where 14 are looked at" in report.findings[0].message
    assert check(GOOD, frames=12).findings == ()


@pytest.mark.parametrize(
    ("level", "shown"), [(0, "all black"), (255, "all white"), (120, "one still picture")], ids=str
)
def test_a_clip_whose_pictures_are_all_alike_is_named(check, clips, video_files, level, shown):
    still = np.full((48, 64, 3), level, np.uint8)
    video_files.write_video(clips / "still.mp4", [still] * 12)
    report = check(GOOD + "still.mp4,wave,train\n")
    assert kinds(report) == [("all alike", 6)]
    assert report.findings[0].message == (
        f"{clips / 'still.mp4'}: its 8 pictures are all alike ({shown}): nothing happens"
    )
    assert report.findings[0].serious


def test_a_small_thing_that_moves_makes_a_clip(check, clips, video_files):
    pictures = np.zeros((12, 96, 128, 3), np.uint8)
    for number, picture in enumerate(pictures):
        picture[40:44, 8 * number : 8 * number + 4] = 255
    video_files.write_video(clips / "dot.mp4", pictures)
    assert check(GOOD + "dot.mp4,wave,train\n").findings == ()


def test_a_folder_of_one_picture_over_and_over_is_named(check, clips):
    (clips / "white").mkdir(exist_ok=True)
    for number in range(12):
        Image.new("RGB", (32, 24), "white").save(clips / "white" / f"{number}.png")
    assert kinds(check(GOOD + "white,wave,train\n")) == [("all alike", 6)]


def test_the_number_of_different_frames_is_the_number_there_are(clips):
    paths = [clips / f"{number}.mp4" for number in range(9)]
    assert [one.distinct for one in inspect_clips(paths, frames=200)] == list(range(12, 21))
    assert [one.distinct for one in inspect_clips(paths, frames=5)] == [5] * 9


def test_a_copy_in_the_same_split_is_a_duplicate_and_the_first_stays(check):
    report = check(GOOD + "copy.mp4,wave,train\n0.mp4,clap,train\n")
    assert kinds(report) == [("duplicate", 6), ("duplicate", 7)]
    assert "there labelled 'wave' and here 'clap'" in report.findings[1].message


@pytest.mark.parametrize(("split", "line"), [("test", 2), ("val", 2), ("other", 6)])
def test_a_copy_in_two_splits_leaks_and_leaves_the_split_that_trains(check, split, line):
    report = check(GOOD + f"copy.mp4,eat,{split}\n")
    assert ("clip in two splits", line) in kinds(report)


def test_a_class_in_two_splits_leaves_the_one_that_trains_in_any_spelling(check):
    report = check(GOOD + "4.mp4,Wave,test\n5.mp4,eat,test\n")
    assert [one for one in kinds(report) if one[0] == "class in two splits"] == [
        ("class in two splits", 2),
        ("class in two splits", 3),
    ]


GROUPS = (
    "path,label,split,group\n0.mp4,wave,train,a\n1.mp4,wave,train,b\n2.mp4,clap,train,\n3.mp4,clap,train,\n"
    "4.mp4,eat,test,a\n5.mp4,eat,test,c\n6.mp4,run,test,\n7.mp4,run,test,\n"
)


def test_a_group_in_two_splits_is_noted_and_wrong_where_sources_must_be_disjoint(check):
    [noted] = check(GROUPS).findings
    assert (noted.kind, noted.serious, noted.line) == ("group in two splits", False, None)
    wrong, *others = check(GROUPS, PROTOCOL.model_copy(update={"source_disjoint": True})).findings
    assert (wrong.kind, wrong.serious, wrong.line) == ("group in two splits", True, 2)
    assert [one.kind for one in others] == ["too few classes", "small class"]


def test_two_spellings_of_a_label_are_one_class(check):
    report = check("path,label\n0.mp4,Brush Hair\n1.mp4,brush_hair\n2.mp4,brush_hair\n3.mp4,eat\n4.mp4,eat\n")
    assert kinds(report) == [("spelling", None)]
    assert report.spelling == {"Brush Hair": "brush_hair"}
    assert report.splits[0].classes == 2


def test_too_few_classes_and_small_ones_are_found_by_split(check):
    report = check(GOOD + "4.mp4,eat,test\n5.mp4,run,test\n6.mp4,run,test\n")
    assert [(one.kind, one.serious) for one in report.findings] == [
        ("too few classes", True),
        ("small class", False),
    ]
    assert "2-way episode needs 2 classes with 1+1 clips each, only 1 of 2 have them" in report.findings[0].message
    assert "'eat' has 1 of 2 clips" in report.findings[1].message


def test_a_split_whose_clips_are_all_bad_has_too_few_classes(check):
    report = check(GOOD + "gone.mp4,eat,test\n")
    assert ("too few classes", None) in kinds(report)
    assert [(one.split, one.clips) for one in report.splits] == [("test", 0), ("train", 4)]


def test_a_label_that_no_lexicon_knows_is_noted(check):
    [noted] = check(GOOD.replace("clap", "frobnicate")).findings
    assert (noted.kind, noted.serious) == ("no lexicon entry", False)


def test_one_split_is_looked_at_alone(check):
    text = GOOD + "gone.mp4,eat,test\n"
    assert check(text, split="train").findings == ()
    with pytest.raises(ManifestError, match=r"no row has split 'val'; it has test, train"):
        check(text, split="val")
    with pytest.raises(ManifestError, match="no rows; it has no splits"):
        check("path,label\n")
