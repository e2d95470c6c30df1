import os
import stat

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lga.anatomy.journal import Journal, JournalQuestion, Line, Reply, now
from lga.errors import LGAError

QUESTION = JournalQuestion(model="toy", prompt=1, label="jump", stages=3, temperature=0.7, sample=1, attempt=1)
REPLY = Reply(text="{}\n\u2028é", input_tokens=5, output_tokens=7, date=now())


def other(**changed):
    return QUESTION.model_copy(update=changed)


def test_a_reply_is_found_again_and_only_for_its_own_question(tmp_path):
    path = tmp_path / "new" / "journal"
    Journal(path).keep(QUESTION, REPLY)
    journal = Journal(path)
    assert journal.find(QUESTION) == REPLY
    changes = [("model", "big"), ("prompt", 2), ("label", "run"), ("stages", "auto"), ("temperature", 0.0),
               ("sample", 2), ("attempt", 2)]  # fmt: skip
    assert len(changes) == len(JournalQuestion.model_fields)
    for name, value in changes:
        assert journal.find(other(**{name: value})) is None


def test_the_first_of_two_replies_to_one_question_counts(tmp_path):
    path = tmp_path / "journal"
    first, second = Journal(path), Journal(path)
    first.keep(QUESTION, REPLY)
    second.keep(QUESTION, REPLY.model_copy(update={"text": "later"}))
    assert Journal(path).find(QUESTION) == REPLY


@settings(max_examples=25)
@given(cut=st.integers(0, 600))
def test_a_journal_that_was_cut_anywhere_keeps_whole_lines_and_can_be_continued(tmp_path_factory, cut):
    path = tmp_path_factory.mktemp("cut") / "journal"
    journal = Journal(path)
    for sample in (1, 2, 3):
        journal.keep(other(sample=sample), REPLY)
    data = path.read_bytes()[:cut]
    path.write_bytes(data)
    journal = Journal(path)
    whole = sum(data.startswith(b"".join(data.splitlines(keepends=True)[:n])) and n <= data.count(b"\n")
                for n in (1, 2, 3))  # fmt: skip
    known = [sample for sample in (1, 2, 3) if journal.find(other(sample=sample))]
    assert known[:whole] == list(range(1, whole + 1))
    assert len(known) <= whole + 1  # a line that lacks nothing but its end is whole
    journal.keep(other(sample=9), REPLY)
    again = Journal(path)
    assert again.find(other(sample=9)) == REPLY
    assert [sample for sample in (1, 2, 3) if again.find(other(sample=sample))] == known


def test_damaged_lines_are_passed_over_and_counted(tmp_path):
    path = tmp_path / "journal"
    Journal(path).keep(QUESTION, REPLY)
    path.write_bytes(b'\xff\xfe\n{"version": 9}\n[]\n\n' + path.read_bytes())
    journal = Journal(path)
    assert journal.damaged == [1, 2, 3]
    assert journal.find(QUESTION) == REPLY


def test_no_flipped_bit_is_taken_for_a_reply(tmp_path):
    path = tmp_path / "journal"
    Journal(path).keep(QUESTION, REPLY)
    data = path.read_bytes()
    for place in range(len(data)):
        path.write_bytes(data[:place] + bytes([data[place] ^ 1 << place % 8]) + data[place + 1 :])
        journal = Journal(path)
        assert journal._replies in ({}, {QUESTION: REPLY})
        assert journal._replies or journal.damaged


def test_lines_of_the_first_version_have_no_checksum_and_are_read(tmp_path):
    path = tmp_path / "journal"
    path.write_text(Line(version=1, question=QUESTION, reply=REPLY).model_dump_json(exclude={"checksum"}) + "\n")
    assert Journal(path).find(QUESTION) == REPLY


def test_after_a_full_disk_the_next_line_stands_apart_from_the_half_that_was_written(tmp_path, monkeypatch):
    path, journal = tmp_path / "journal", Journal(tmp_path / "journal")

    def half(place, data):
        place.write_bytes(data[: len(data) // 2])
        raise LGAError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr("lga.anatomy.journal.append_durably", half)
        with pytest.raises(LGAError):
            journal.keep(QUESTION, REPLY)
    journal.keep(other(sample=2), REPLY)
    again = Journal(path)
    assert again.damaged == [1]
    assert again.find(other(sample=2)) == REPLY


def test_nothing_is_kept_without_a_path():
    journal = Journal(None)
    journal.keep(QUESTION, REPLY)
    assert journal.find(QUESTION) == REPLY


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(LGAError, match="journal: cannot be written"):
        Journal(tmp_path / "file" / "journal").keep(QUESTION, REPLY)
    with pytest.raises(LGAError, match="the replies cannot be read"):
        Journal(tmp_path)


def test_a_journal_is_a_plain_file(tmp_path):
    path = tmp_path / "journal"
    Journal(path).keep(QUESTION, REPLY)
    assert stat.S_ISREG(os.stat(path).st_mode)
    assert path.read_bytes().count(b"\n") == 1
