import csv
import errno
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lga.datasets.manifest import (
    MAX_BYTES,
    LabelledClip,
    manifest_path,
    read_examples,
    read_manifest,
    read_table,
    write_table,
)
from lga.errors import LGAError, ManifestError

CELL = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=9)


@settings(max_examples=50)
@given(st.lists(st.tuples(CELL, CELL, CELL), max_size=5))
def test_what_is_written_is_read_back(tmp_path_factory, rows):
    path = tmp_path_factory.getbasetemp() / "table.csv"
    write_table(path, ("path", "label", "note"), rows)
    table = read_table(path)
    assert table.columns == ("path", "label", "note")
    assert [row.cells for row in table.rows] == rows


def test_a_cell_is_stripped_and_what_is_missing_is_empty(tmp_path):
    path = tmp_path / "m.csv"
    path.write_text("path,label,split\n a.mp4 ,wave\n\nb.mp4,wave,test,more\n")
    table = read_table(path)
    assert [row.line for row in table.rows] == [2, 4]
    assert table.cell(table.rows[0], "path") == "a.mp4"
    assert table.cell(table.rows[0], "split") == ""
    assert table.cell(table.rows[1], "split") == "test"
    assert table.cell(table.rows[1], "group") == ""


@pytest.mark.parametrize("content", [b"", b"path\na\n", b"\xff\xfe", b'path,label\n"a'])
def test_what_is_no_manifest_is_refused_in_the_words_of_the_manifest_reader(tmp_path, content):
    path = tmp_path / "m.csv"
    path.write_bytes(content)
    with pytest.raises(ManifestError) as here:
        read_table(path)
    with pytest.raises(ManifestError) as there:
        read_manifest(path)
    assert str(here.value) == str(there.value)


def test_a_missing_and_a_huge_file_are_refused(tmp_path):
    with pytest.raises(ManifestError, match="cannot be read"):
        read_table(tmp_path / "none.csv")
    with (tmp_path / "huge.csv").open("wb") as file:
        file.truncate(2**29)
    with pytest.raises(ManifestError, match="larger than 256 MiB"):
        read_table(tmp_path / "huge.csv")


def test_a_name_that_is_not_utf8_is_named_and_nothing_is_written(tmp_path):
    with pytest.raises(ManifestError, match=r"a\\udcff") as caught:
        write_table(tmp_path / "m.csv", ("path", "label"), [(os.fsdecode(b"a\xff.mp4"), "wave")])
    assert str(caught.value).isprintable()
    assert not list(tmp_path.iterdir())


def test_a_clip_beside_the_manifest_is_named_from_it_and_another_from_the_root(tmp_path, monkeypatch):
    manifest = tmp_path / "sets" / "m.csv"
    assert manifest_path(tmp_path / "sets/clips/-a.mp4", manifest) == "clips/-a.mp4"
    assert manifest_path(tmp_path / "other/a.mp4", manifest) == str(tmp_path / "other/a.mp4")
    monkeypatch.chdir(tmp_path)
    assert manifest_path(tmp_path.joinpath("a.mp4").relative_to(tmp_path), manifest) == str(tmp_path / "a.mp4")


@pytest.fixture
def write(tmp_path):
    """`write(text or bytes) -> path` of a manifest."""

    def to_file(content):
        path = tmp_path / "clips.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return to_file


@pytest.fixture
def tree(tmp_path):
    """`tree("jump/a.mp4", "wave/") -> folder` with these empty files and folders."""

    def plant(*names):
        for name in names:
            place = tmp_path / "examples" / name
            place.parent.mkdir(parents=True, exist_ok=True)
            if name.endswith("/"):
                place.mkdir()
            else:
                place.touch()
        return tmp_path / "examples"

    return plant


def refusal_of(read, source, **options):
    """The message of the refusal; every one is a line that starts with what is refused."""
    with pytest.raises(ManifestError) as caught:
        read(source, **options)
    message = str(caught.value)
    assert message.startswith(str(source))
    assert message.isprintable()
    return message.removeprefix(str(source))


def test_paths_are_relative_to_the_manifest(write, tmp_path):
    rows = read_manifest(write("path,label\na.mp4,jump\nsub/b.mp4,wave\n/abs/c.mp4,wave\n"))
    assert rows == (
        LabelledClip(tmp_path / "a.mp4", "jump"),
        LabelledClip(tmp_path / "sub" / "b.mp4", "wave"),
        LabelledClip(Path("/abs/c.mp4"), "wave"),
    )


def test_columns_come_in_any_order_and_others_are_ignored(write, tmp_path):
    (row,) = read_manifest(write("borders,split,label,,group,path\n0.5 1,test,jump,x,film 7,a.mp4\n"))
    assert row == LabelledClip(tmp_path / "a.mp4", "jump", "film 7", "test")


@pytest.mark.parametrize(
    "content",
    [
        b"path,label\na.mp4,jump\n",
        b"path,label\r\na.mp4,jump\r\n",
        b"\xef\xbb\xbfpath,label\r\na.mp4,jump",
        b'"path","label"\n"a.mp4","jump"\n',
        b"path,label\n  a.mp4 , jump \n",
        b"path,label\n\na.mp4,jump\n\n\n",
        b"path,label\na.mp4,jump,left,over\n",
        b"path,label,group\na.mp4,jump\n",
    ],
    ids=["plain", "CRLF", "BOM", "quoted", "blanks", "empty lines", "long row", "short row"],
)
def test_spellings_of_one_manifest_read_alike(write, tmp_path, content):
    assert read_manifest(write(content)) == (LabelledClip(tmp_path / "a.mp4", "jump"),)


def test_quoted_commas_and_quotes_belong_to_the_name(write, tmp_path):
    (row,) = read_manifest(write('path,label\n"a, ""b"".mp4","put down, slowly"\n'))
    assert row == LabelledClip(tmp_path / 'a, "b".mp4', "put down, slowly")


def test_empty_groups_and_splits_are_none(write):
    (row,) = read_manifest(write("path,label,group,split\na.mp4,jump, ,\n"))
    assert (row.group, row.split) == (None, None)


NAME = st.text(
    st.characters(exclude_categories=["Cc", "Cf", "Cs", "Zl", "Zp", "Zs"], exclude_characters="/"),
    min_size=1,
    max_size=9,
)


@settings(max_examples=50)
@given(st.lists(NAME, min_size=1, max_size=5))
def test_what_a_csv_writer_writes_is_read_back(tmp_path_factory, names):
    path = tmp_path_factory.getbasetemp() / "clips.csv"
    rows = [(f"{name}.mp4", f"label {name.casefold()} {number}") for number, name in enumerate(names)]
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("path", "label"), *rows])
    read = read_manifest(path)
    assert [(str(row.path.relative_to(path.parent)), row.label) for row in read] == rows


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("heading", ["{}", "sep={}\r\n", '"sep={}"\n'])
@pytest.mark.parametrize("names", ["path{}label{}Group", ' Path {}LABEL{}" group "'])
def test_tables_of_all_spreadsheets_are_one_table(write, delimiter, encoding, heading, names):
    first = "" if heading == "{}" else heading.format(delimiter)
    rows = f'{names.format(delimiter, delimiter)}\r\n"a, b; c.mp4"{delimiter}jüngst{delimiter}g\r\n'
    path = write((first + rows).encode(encoding))
    (row,) = read_manifest(path)
    assert row == LabelledClip(path.parent / "a, b; c.mp4", "jüngst", "g")
    assert read_table(path).rows[0].line == 2 + bool(first)


def test_columns_that_mean_nothing_here_keep_their_names(write):
    assert read_table(write("Path,Label,My Note\na.mp4,jump,x\n")).columns == ("path", "label", "My Note")


def test_a_split_leaves_its_rows_only(write):
    path = write("path,label,split\na.mp4,jump,train\nb.mp4,jump,test\nc.mp4,wave,test\n")
    assert [row.path.name for row in read_manifest(path, split="test")] == ["b.mp4", "c.mp4"]
    assert len(read_manifest(path)) == 3


def test_an_unknown_split_is_refused_with_those_there_are(write):
    path = write("path,label,split\na.mp4,jump,train\nb.mp4,jump,test\n")
    assert refusal_of(read_manifest, path, split="val") == ": no row has split 'val'; it has test, train"
    path = write("path,label\na.mp4,jump\n")
    assert refusal_of(read_manifest, path, split="val") == ": no row has split 'val'; it has no splits"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no column path and label"),
        (b"label,group\njump,1\n", "no column path in its first line; it needs path,label"),
        (b"path\na.mp4\n", "no column label"),
        (b"path,label\n", "the manifest has a header and no clips"),
        ("path,label\na.mp4,žába\n".encode("latin2"), "not a CSV in UTF-8"),
        ("path,label\na.mp4,jump\n".encode("utf-16")[:-1], "not a CSV in UTF-8"),
        (b"Label,path,label\na,b,c\n", "two columns label in its first line; take one out"),
        (b'path,label\n"a.mp4,jump\n', "not a CSV in UTF-8"),
        (b"path,label\n" + b"a" * 200_000 + b",jump\n", "not a CSV in UTF-8"),
        (bytes(range(256)) * 8, "not a CSV in UTF-8"),
        (b"\0" * 100, "no column path and label"),
    ],
    ids=["empty", "no path", "no label", "header", "latin", "half", "twice", "quote", "long", "bytes", "zeros"],
)
def test_what_is_no_manifest_is_refused(write, content, message):
    assert refusal_of(read_manifest, write(content)).startswith(f": {message}")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("a.mp4,jump\n,wave\n", ", line 3: the path is empty or not a path"),
        ("a.mp4,jump\n  ,wave\n", ", line 3: the path is empty or not a path"),
        ("a.mp4,jump\nb\0.mp4,wave\n", ", line 3: the path is empty or not a path"),
        ("a.mp4,jump\nb.mp4,\n", ", line 3: a label names an action; '' is blank"),
        ("a.mp4,jump\nb.mp4\n", ", line 3: a label names an action; '' is blank"),
        ("a.mp4,\0\n", ", line 2: a label is one line of visible text; '\\x00' holds a control character"),
        ('a.mp4,"two\nlines"\n', ", line 3: a label is one line of visible text; 'two\\nlines' holds a control"),
        ("a.mp4," + "x" * 201 + "\n", ", line 2: a label has at most 200 characters"),
    ],
)
def test_a_bad_row_is_refused_with_its_line(write, rows, message):
    assert refusal_of(read_manifest, write("path,label\n" + rows)).startswith(message)


def test_two_spellings_of_a_label_are_refused(write):
    path = write("path,label\na.mp4,Brush Hair\nb.mp4,jump\nc.mp4,brush_hair\n")
    assert refusal_of(read_manifest, path) == (
        ": 'Brush Hair' and 'brush_hair' are the same action; merge them or rename one"
    )


def test_a_huge_file_is_refused_unread(tmp_path):
    path = tmp_path / "clips.csv"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    assert refusal_of(read_manifest, path) == ": larger than 256 MiB; this is not a manifest"


def test_a_missing_manifest_and_a_folder_are_refused(tmp_path):
    message = refusal_of(read_manifest, tmp_path / "none.csv")
    assert message == ": cannot be read (No such file or directory); give a CSV with the columns path,label"
    assert ": cannot be read (Is a directory)" in refusal_of(read_manifest, tmp_path)


def test_a_folder_of_folders_is_read_in_order(tree):
    source = tree("wave/b.mp4", "wave/a.MP4", "jump_into pool/c.webm")
    found = read_examples(source)
    assert found.labels == ("jump into pool", "wave")
    assert found.clips == (
        LabelledClip(source / "jump_into pool" / "c.webm", "jump into pool"),
        LabelledClip(source / "wave" / "a.MP4", "wave"),
        LabelledClip(source / "wave" / "b.mp4", "wave"),
    )
    assert found.ignored == ()


def test_a_folder_of_frame_pictures_in_an_action_is_a_clip(tree):
    source = tree("jump/film/frame1.jpg", "jump/film/frame2.jpg", "jump/b.mp4")
    assert [clip.path.name for clip in read_examples(source).clips] == ["b.mp4", "film"]


def test_what_is_no_clip_is_told(tree):
    source = tree("jump/a.mp4", "jump/notes.txt", "jump/mixed/1.jpg", "jump/mixed/1.txt", "jump/empty/", "readme.txt")
    found = read_examples(source)
    assert [clip.path.name for clip in found.clips] == ["a.mp4"]
    assert [path.name for path in found.ignored] == ["empty", "mixed", "notes.txt"]


def test_hidden_files_and_folders_are_passed_over(tree):
    found = read_examples(tree("jump/a.mp4", "jump/._a.mp4", "jump/.DS_Store", ".git/x.mp4"))
    assert found.labels == ("jump",)
    assert [clip.path.name for clip in found.clips] == ["a.mp4"]
    assert found.ignored == ()


def test_an_empty_action_folder_is_taught_by_its_words(tree):
    found = read_examples(tree("jump/a.mp4", "wave/"))
    assert found.labels == ("jump", "wave")
    assert {clip.label for clip in found.clips} == {"jump"}


@pytest.mark.parametrize("name", ["__MACOSX", "@eaDir", "$RECYCLE.BIN", "System Volume Information", "lost+found",
                                  "RECYCLER", "@Recycle", "#recycle"])  # fmt: skip
def test_what_a_system_leaves_is_no_action_and_no_clip(tree, name):
    left = (f"jump/{name}/b.mp4", f"{name}/jump/c.mp4", f"{name}/d.mp4", "Thumbs.db", "jump/Thumbs.db")
    source = tree("jump/a.mp4", "jump/film/1.jpg", "jump/film/thumbs.DB", "jump/film/Desktop.ini", *left)
    found = read_examples(source)
    assert found.labels == ("jump",)
    assert [clip.path.name for clip in found.clips] == ["a.mp4", "film"]
    assert found.ignored == ()


def test_links_to_clips_and_folders_count_and_those_that_lead_nowhere_or_back_do_not(tree, tmp_path):
    source, far = tree("wave/a.mp4"), tmp_path / "far"
    (far / "jump").mkdir(parents=True)
    (far / "jump/b.mp4").touch()
    (source / "jump").symlink_to(far / "jump")
    (source / "wave/c.mp4").symlink_to(far / "jump/b.mp4")
    (source / "wave/gone.mp4").symlink_to(far / "none.mp4")
    (source / "self").symlink_to(source / "self")
    (source / "back").symlink_to(source)
    found = read_examples(source)
    assert found.labels == ("jump", "wave")
    assert [clip.path.name for clip in found.clips] == ["b.mp4", "a.mp4", "c.mp4"]
    assert [path.name for path in found.ignored] == ["gone.mp4"]


@pytest.mark.parametrize(
    ("files", "given", "meant"),
    [
        (["all/train/jump/a.mp4", "all/train/wave/b.mp4", "all/test/jump/c.mp4"], "all", "all/test"),
        (["all/x/train/jump/a.mp4"], "all", "all/x/train"),
        (["all/train/jump/film/1.jpg", "all/train/jump/film/2.jpg"], "all", "all/train"),
        (["set/jump/film/1.jpg", "set/jump/other/1.jpg"], "set/jump", "set"),
        (["set/jump/a.mp4", "set/jump/b.mp4"], "set/jump", "set"),
        (["set/jump/1.jpg", "set/jump/2.jpg"], "set/jump", "set"),
    ],
)
def test_a_folder_a_level_too_high_or_too_low_is_refused_with_the_level_meant(tree, files, given, meant):
    source = tree(*files)
    message = refusal_of(read_examples, source / given)
    assert f"give {source / meant}" in message


def test_action_folders_with_nothing_but_what_is_no_clip_are_refused_with_the_first_reason(tree):
    message = refusal_of(read_examples, tree("jump/a.heic", "wave/b.zip"))
    assert "nothing in its folders is a clip; the first is" in message
    assert "a.heic: its name does not end as a video's does" in message


@pytest.mark.parametrize("other", ["Brush Hair", "brush hair", "BrushHair", "brush-hair"])
def test_two_folders_of_one_action_are_refused(tree, other):
    message = refusal_of(read_examples, tree("brush_hair/a.mp4", f"{other}/b.mp4"))
    assert "'brush_hair'" in message
    assert repr(other) in message
    assert message.endswith(" are the same action; merge them or rename one")


@pytest.mark.parametrize(
    "name", ["跳水", "žába skáče", "a; rm -rf ~", "$(reboot)", "`x`", 'it\'s "so"', "--help", "a&b|c", "%d", "*"]
)
def test_any_visible_name_is_a_name(tree, name):
    source = tree(f"{name}/{name}.mp4")
    assert read_examples(source).clips == (LabelledClip(source / name / f"{name}.mp4", name),)


@pytest.mark.parametrize("name", ["a\nb", "\x1b[31mred", "tab\tbed", os.fsdecode(b"\xff"), "_", "x" * 201])
def test_a_folder_name_that_is_no_label_is_refused_in_one_printable_line(tree, name):
    assert ": a label " in refusal_of(read_examples, tree(f"{name}/a.mp4"))


def test_a_csv_is_read_as_examples_too(write, tmp_path):
    found = read_examples(write("path,label\nb.mp4,wave\na.mp4,jump\nc.mp4,wave\n"))
    assert found.labels == ("wave", "jump")
    assert [clip.path for clip in found.clips] == [tmp_path / name for name in ("b.mp4", "a.mp4", "c.mp4")]


def test_a_source_without_actions_is_refused(tree, tmp_path):
    assert ": no folders in it; put the clips of each action" in refusal_of(read_examples, tree("a.mp4"))
    assert refusal_of(read_examples, tmp_path / "none").startswith(": no such folder or CSV; give a folder with")


def test_a_folder_that_may_not_be_listed_is_refused(tree, monkeypatch):
    source = tree("jump/a.mp4")
    listed = Path.iterdir

    def refuse(self):
        if self == source / "jump":
            raise OSError(errno.EACCES, os.strerror(errno.EACCES))
        return listed(self)

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(LGAError) as caught:
        read_examples(source)
    assert str(caught.value) == (f"{source / 'jump'}: cannot be listed (Permission denied); check that you may read it")
