import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lga.episodes.manifest import read_manifest
from lga.episodes.sheet import manifest_path, read_sheet, write_sheet
from lga.errors import ManifestError

CELL = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=9)


@settings(max_examples=50)
@given(st.lists(st.tuples(CELL, CELL, CELL), max_size=5))
def test_what_is_written_is_read_back(tmp_path_factory, rows):
    path = tmp_path_factory.getbasetemp() / "sheet.csv"
    write_sheet(path, ("path", "label", "note"), rows)
    sheet = read_sheet(path)
    assert sheet.columns == ("path", "label", "note")
    assert [row.cells for row in sheet.rows] == rows


def test_a_cell_is_stripped_and_what_is_missing_is_empty(tmp_path):
    path = tmp_path / "m.csv"
    path.write_text("path,label,split\n a.mp4 ,wave\n\nb.mp4,wave,test,more\n")
    sheet = read_sheet(path)
    assert [row.line for row in sheet.rows] == [2, 4]
    assert sheet.cell(sheet.rows[0], "path") == "a.mp4"
    assert sheet.cell(sheet.rows[0], "split") == ""
    assert sheet.cell(sheet.rows[1], "split") == "test"
    assert sheet.cell(sheet.rows[1], "group") == ""


@pytest.mark.parametrize("content", [b"", b"path\na\n", b"\xff\xfe", b'path,label\n"a'])
def test_what_is_no_manifest_is_refused_in_the_words_of_the_manifest_reader(tmp_path, content):
    path = tmp_path / "m.csv"
    path.write_bytes(content)
    with pytest.raises(ManifestError) as here:
        read_sheet(path)
    with pytest.raises(ManifestError) as there:
        read_manifest(path)
    assert str(here.value) == str(there.value)


def test_a_missing_and_a_huge_file_are_refused(tmp_path):
    with pytest.raises(ManifestError, match="cannot be read"):
        read_sheet(tmp_path / "none.csv")
    with (tmp_path / "huge.csv").open("wb") as file:
        file.truncate(2**29)
    with pytest.raises(ManifestError, match="larger than 256 MiB"):
        read_sheet(tmp_path / "huge.csv")


def test_a_name_that_is_not_utf8_is_named_and_nothing_is_written(tmp_path):
    with pytest.raises(ManifestError, match=r"a\\udcff") as caught:
        write_sheet(tmp_path / "m.csv", ("path", "label"), [(os.fsdecode(b"a\xff.mp4"), "wave")])
    assert str(caught.value).isprintable()
    assert not list(tmp_path.iterdir())


def test_a_clip_beside_the_manifest_is_named_from_it_and_another_from_the_root(tmp_path, monkeypatch):
    manifest = tmp_path / "sets" / "m.csv"
    assert manifest_path(tmp_path / "sets/clips/-a.mp4", manifest) == "clips/-a.mp4"
    assert manifest_path(tmp_path / "other/a.mp4", manifest) == str(tmp_path / "other/a.mp4")
    monkeypatch.chdir(tmp_path)
    assert manifest_path(tmp_path.joinpath("a.mp4").relative_to(tmp_path), manifest) == str(tmp_path / "a.mp4")
