import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from lga.errors import LGAError
from lga.explain.explanation import explain_clip
from lga.explain.page import page, write_page, write_pictures

pytestmark = pytest.mark.usefixtures("one_thread")
VOID = {"meta", "img", "source", "br"}


class Reader(HTMLParser):
    """Collects tags, the values of their attributes and the text, and checks that every tag is closed."""

    def __init__(self):
        super().__init__()
        self.tags, self.links, self.text, self.open = [], [], "", []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in ("src", "srcset", "href", "action")]
        assert not [name for name, _ in attrs if name.startswith("on")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data if not self.open or self.open[-1] != "style" else ""


def read(text):
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == []
    return reader


@pytest.fixture(scope="module")
def explanation(taught):
    return explain_clip(taught.recognizer, taught.actions, taught.clip, top=4)


def test_the_page_loads_nothing_and_runs_nothing(explanation):
    text = page(explanation)
    found = read(text)
    assert not {"script", "iframe", "link", "object", "form", "a"} & set(found.tags)
    assert found.links
    assert all(link.startswith("data:image/") for link in found.links)
    assert "url(" not in text
    assert "@import" not in text
    assert "default-src 'none'" in text


def test_labels_and_paths_that_look_like_html_are_shown_as_they_are(explanation, taught):
    found = read(page(explanation))
    hostile = next(label for label in taught.actions.labels if "script" in label)
    assert hostile in found.text
    assert "<b>&'new'.mp4" in found.text


def test_names_are_shown_in_place_of_paths(explanation, tmp_path):
    paths = [
        explanation.frames_shown.path,
        *(one.example.frames_shown.path for one in explanation.labels if one.example),
    ]
    names = {path: f"<i>clip {number}" for number, path in enumerate(paths)}
    found = read(page(explanation, names=names))
    assert all(str(path) not in found.text and path.name not in found.text for path in paths)
    assert all(name in found.text for name in names.values())
    assert "<i>clip 0: why" in found.text
    some = read(page(explanation, names={paths[0]: "upload"})).text
    assert "upload, " in some
    assert str(paths[0]) not in some
    assert all(str(path) in some for path in paths[1:])


def test_why_a_clip_cannot_be_shown_names_it_as_the_page_does(explanation, tmp_path):
    pictures = tmp_path / "secret"
    pictures.mkdir()
    (pictures / "1.jpg").write_bytes(b"no picture")
    (pictures / "2.jpg").write_bytes(b"no picture")
    moved = replace(explanation, frames_shown=replace(explanation.frames_shown, path=pictures))
    assert str(pictures) in page(moved)
    assert "secret" not in page(moved, names={pictures: "upload"})


def test_a_path_that_is_no_text_is_still_shown(explanation, tmp_path):
    named = replace(explanation.recognition, path=Path("/clips/\udce9\x00\n.mp4"))
    write_page(replace(explanation, recognition=named), tmp_path / "page.html")
    assert "/clips/?? .mp4" in read((tmp_path / "page.html").read_text(encoding="utf-8")).text


def test_everything_that_decided_is_on_the_page(explanation):
    text = read(page(explanation)).text
    result = explanation.recognition
    for one in explanation.labels:
        assert one.candidate.label in text
        assert all(sentence in text for sentence in one.sentences)
        assert one.example is None or f"distance {one.example.distance:.2f}" in text
    for words in ("Video alone says", "Words alone say", "Is it one of the taught actions at all?", "Stage 3:"):
        assert words in text
    assert f"{100 * result.known_score:.0f} %" in text
    assert "No example of it was taught" in text


def test_frames_are_pictures_and_gone_clips_say_so(explanation, tmp_path):
    whole = read(page(explanation)).tags.count("img")
    assert whole == 4 * 8
    best = explanation.labels[0]
    moved = replace(best.example, frames_shown=replace(best.example.frames_shown, path=tmp_path / "moved.mp4"))
    found = read(page(replace(explanation, labels=(replace(best, example=moved), *explanation.labels[1:]))))
    assert found.tags.count("img") == whole - 8
    assert "This clip cannot be shown: no such file" in found.text


def test_none_of_these_is_the_headline_of_an_unknown_clip(explanation):
    strange = explanation.recognition.accepting(1.0)
    text = read(page(replace(explanation, recognition=replace(strange, known=False)))).text
    assert "None of yours" in text
    assert "so this clip is none of them" in text
    assert (
        "Every clip is accepted"
        in read(page(replace(explanation, recognition=explanation.recognition.accepting("always")))).text
    )


def test_words_alone_and_too_few_examples_make_a_page_too(taught):
    words, _ = taught.recognizer.teach({"wave": [], "jump": []})
    text = read(page(explain_clip(taught.recognizer, words, taught.clip))).text
    assert "nothing: there are no examples" in text
    assert "two actions with two examples each" in text
    assert "Frame by frame" not in text


def test_every_stage_s_bar_lies_between_nothing_and_everything(explanation):
    shares = [float(one) for one in re.findall(r"--share:([-\d.e]+)%", page(explanation))]
    assert shares
    assert all(0 <= one <= 100 for one in shares)


def test_the_same_comes_as_pictures(explanation, tmp_path):
    names = write_pictures(explanation, tmp_path / "pictures")
    assert set(names) >= {"clip.png", "map.png"}
    for name in names:
        with Image.open(tmp_path / "pictures" / name) as picture:
            assert picture.format == "PNG"


def test_a_place_that_cannot_be_written_is_named(explanation, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(LGAError, match="cannot be written"):
        write_page(explanation, tmp_path / "file" / "page.html")
