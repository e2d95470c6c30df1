import csv
import io
import json
import re
from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lga.video.decode import open_clip
from lga.video.write import VideoWriter
from lga.watch.address import find_address
from lga.watch.moments import Damage
from lga.watch.output import BAR, annotate, clock, lettered, to_csv, to_json, to_srt, to_vtt
from lga.watch.segments import Segment

FOUND = [Segment(62.5, 3725.25, 'say "hi", wave', 0.754), Segment(0.0, 1.4, "jump", 1.0)]
STAMP = r"\d\d:\d\d:\d\d,\d{3}"


def test_subtitles_are_numbered_blocks_in_order():
    blocks = to_srt(FOUND).strip().split("\n\n")
    assert blocks[0] == "1\n00:00:00,000 --> 00:00:01,400\njump  100%"
    assert blocks[1].startswith("2\n00:01:02,500 --> 01:02:05,250\n")
    assert all(re.fullmatch(rf"\d+\n{STAMP} --> {STAMP}\n.+", block) for block in blocks)


def test_subtitles_for_browsers_are_blocks_in_order_without_markup():
    found = to_vtt([Segment(2.0, 3.5, "a <b> & c", 0.5), Segment(0.0, 1.25, "wave", 0.9)])
    assert found == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.250\nwave  90%\n\n"
        "00:00:02.000 --> 00:00:03.500\na &lt;b&gt; &amp; c  50%\n"
    )
    assert to_vtt([]) == "WEBVTT\n"


def test_a_spreadsheet_reads_the_table_back():
    rows = list(csv.DictReader(io.StringIO(to_csv(FOUND))))
    assert [row["label"] for row in rows] == ["jump", 'say "hi", wave']
    assert float(rows[1]["end"]) == 3725.25
    assert float(rows[1]["confidence"]) == 0.754


def test_a_line_of_json_says_what_kind_it_is():
    assert json.loads(to_json(FOUND[1])) == {
        "kind": "segment",
        "start": 0,
        "end": 1.4,
        "label": "jump",
        "confidence": 1,
    }
    assert json.loads(to_json(Damage(1.0, 2.0, "why"))) == {"kind": "damage", "start": 1, "end": 2, "reason": "why"}
    assert "\n" not in to_json(Damage(1.0, 2.0, "a\nb"))


@given(st.floats(0, 360_000))
def test_a_clock_tells_the_time_to_a_thousandth(seconds):
    hours, minutes, rest = clock(seconds).split(":")
    assert abs(int(hours) * 3600 + int(minutes) * 60 + float(rest) - seconds) < 0.00051
    assert int(minutes) < 60
    assert float(rest) < 60


def test_nothing_found_is_an_empty_table_and_empty_subtitles():
    assert to_srt([]) == ""
    assert to_csv([]) == "start,end,label,confidence\n"


WAVE = Segment(0.4, 1.4, "wave", 0.8)


def test_the_annotated_video_lasts_as_long_and_changes_while_a_segment_lasts_only(tmp_path, write_video, video_files):
    video = write_video(tmp_path / "a.mp4", video_files.numbered(20, 96, 128))
    annotate(find_address(str(video)), [WAVE], tmp_path / "b.mp4")
    with open_clip(video) as before, open_clip(tmp_path / "b.mp4") as after:
        assert after.duration == pytest.approx(before.duration, abs=0.01)
        moments = [0.05, 0.65, 1.35, 1.65]
        pictures = list(zip(before.pictures_at(moments), after.pictures_at(moments), strict=True))
    changed = [float((left.float() - right.float()).abs()[80:].mean()) > 8 for left, right in pictures]
    assert changed == [False, True, True, False]
    assert all(float((left.float() - right.float()).abs()[:60].mean()) < 5 for left, right in pictures)
    assert {one.name for one in tmp_path.iterdir()} == {"a.mp4", "b.mp4"}


def test_the_annotated_video_keeps_the_shape_of_pixels_that_are_not_square(tmp_path, write_video, video_files):
    video = write_video(tmp_path / "a.mp4", video_files.numbered(20, 96, 64), ratio=Fraction(2))
    annotate(find_address(str(video)), [WAVE], tmp_path / "b.mp4")
    with open_clip(tmp_path / "b.mp4") as after:
        assert next(iter(after.pictures_at([0.1]))).shape == (96, 128, 3)


def test_the_bar_is_as_long_as_the_share_of_the_segment_that_is_over():
    picture = np.zeros((96, 100, 3), np.uint8)
    for share in (0.0, 0.25, 1.0):
        drawn = lettered(picture, [WAVE], 0.4 + share)
        bar = (drawn[-1] == np.array(BAR)).all(-1).sum()
        assert bar == pytest.approx(share * 100, abs=1.5)


def test_two_segments_at_once_have_a_strip_each():
    picture = np.full((96, 100, 3), 200, np.uint8)
    one, two = (lettered(picture, [WAVE] * count, 0.5) for count in (1, 2))
    assert (two != 200).any(-1).sum() == 2 * (one != 200).any(-1).sum()


@pytest.mark.parametrize("size", [(1, 1), (33, 17), (16, 1200)])
def test_pictures_of_odd_sizes_are_lettered_and_written(tmp_path, size):
    picture = np.zeros((*size, 3), np.uint8)
    with VideoWriter(tmp_path / "a.mp4") as writer:
        for number in range(3):
            writer.write(number / 10, lettered(picture, [WAVE], 0.5))
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) == 3
