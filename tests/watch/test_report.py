import csv
import io
import json
import re

from hypothesis import given
from hypothesis import strategies as st

from lga.watch.moments import Damage
from lga.watch.report import clock, to_csv, to_json, to_srt
from lga.watch.segments import Segment

FOUND = [Segment(62.5, 3725.25, 'say "hi", wave', 0.754), Segment(0.0, 1.4, "jump", 1.0)]
STAMP = r"\d\d:\d\d:\d\d,\d{3}"


def test_subtitles_are_numbered_blocks_in_order():
    blocks = to_srt(FOUND).strip().split("\n\n")
    assert blocks[0] == "1\n00:00:00,000 --> 00:00:01,400\njump  100%"
    assert blocks[1].startswith("2\n00:01:02,500 --> 01:02:05,250\n")
    assert all(re.fullmatch(rf"\d+\n{STAMP} --> {STAMP}\n.+", block) for block in blocks)


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
