"""`lga.features.entry`: what is packed comes back to the bit, and nothing that was altered does."""

from dataclasses import replace
from math import inf, nan

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from lga.database import seal
from lga.features.entry import Entry, Key, KnownPlace, is_sealed, pack, unpack
from lga.video.clip import READER_VERSION
from lga.video.stamp import Stamp

numbers = st.floats(width=32, allow_nan=False, allow_infinity=False)
moments = st.floats(0, 1e9)


@st.composite
def drawn(draw):
    count, dim = draw(st.integers(1, 5)), draw(st.integers(1, 7))
    rows = draw(st.lists(st.lists(numbers, min_size=dim, max_size=dim), min_size=count, max_size=count))
    times = tuple(draw(st.lists(moments, min_size=count, max_size=count))) if count > 1 or draw(st.booleans()) else ()
    kind, content = draw(st.sampled_from(["clip", "motion", "sentence"])), draw(st.binary(min_size=32, max_size=32))
    return (kind, content, draw(st.text()), draw(st.text()), draw(st.integers(0, 9))), rows, times, draw(moments)


def entry_of(parts):
    key, rows, times, duration = parts
    return Entry(Key(*key), torch.tensor(rows, dtype=torch.float32), times, duration)


def row_of(entry):
    row = pack(entry)
    assert row[:5] == entry.key.columns
    return row[5:]


@given(drawn())
def test_an_entry_comes_back_to_the_bit(parts):
    entry = entry_of(parts)
    found = unpack(entry.key, row_of(entry))
    assert found.features.numpy().tobytes() == entry.features.numpy().tobytes()
    assert found.features.shape == entry.features.shape
    assert replace(found, features=entry.features) == entry
    assert is_sealed(pack(entry)[:-1], pack(entry)[-1])


@given(drawn(), st.data())
def test_one_altered_bit_anywhere_is_damage(parts, data):
    entry = entry_of(parts)
    row = [bytearray(one) for one in row_of(entry)]
    altered = data.draw(st.sampled_from([one for one in row if one]))
    altered[data.draw(st.integers(0, len(altered) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    row = [bytes(one) for one in row]
    assert unpack(entry.key, tuple(row)) is None
    assert not is_sealed([*entry.key.columns, *row[:2]], row[2])


@given(drawn(), drawn())
def test_a_row_is_of_its_own_key_alone(one, other):
    one, other = entry_of(one), entry_of(other)
    if one.key != other.key:
        assert unpack(other.key, row_of(one)) is None


@given(drawn(), st.integers(0, 2), st.sampled_from([None, 7, "text", 1.5]))
def test_values_of_other_kinds_are_damage(parts, number, value):
    entry = entry_of(parts)
    row = list(row_of(entry))
    row[number] = value
    assert unpack(entry.key, tuple(row)) is None
    assert not is_sealed([*entry.key.columns, *row[:2]], row[2])


def test_what_is_sealed_and_yet_cannot_be_is_damage():
    key = Key("clip", b"c" * 32, "tiny")
    good = (np.array([2.0, 0.5], "<f8").tobytes(), np.array([1.0, 2.0], "<f4").tobytes())
    assert unpack(key, (*good, seal(*key.columns, *good))).times == (0.5,)
    wrong = [
        (b"", good[1]),
        (good[0][:-1], good[1]),
        (good[0], good[1][:-1]),
        (np.array([2.0, 0.5, 1.0, 1.5], "<f8").tobytes(), good[1]),
        *((np.array([2.0, one], "<f8").tobytes(), good[1]) for one in (nan, inf, -1.0)),
        *((np.array([one, 0.5], "<f8").tobytes(), good[1]) for one in (nan, inf, -1.0)),
        *((good[0], np.array([1.0, one], "<f4").tobytes()) for one in (nan, inf)),
    ]
    for times, data in wrong:
        assert unpack(key, (times, data, seal(*key.columns, times, data))) is None


def test_only_what_another_reader_made_is_stale():
    readers = {0: False, READER_VERSION: False, READER_VERSION + 1: True, READER_VERSION - 1: READER_VERSION > 1}
    for reader, stale in readers.items():
        assert Key("clip", b"", "tiny", "", reader).is_stale == stale


def test_a_place_is_named_by_its_absolute_path_whatever_the_bytes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    place = KnownPlace(tmp_path.relative_to(tmp_path) / "a\udce9.mp4", Stamp(b"", 0.0), "")
    assert place.name == bytes(tmp_path) + b"/a\xe9.mp4"
