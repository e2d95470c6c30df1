import subprocess
import sys
from pathlib import Path

import pytest

import lga
from lga.backbone.tiny import TinyBackbone
from lga.errors import ActionsError, LGAError, SettingsError, VideoError
from lga.features.extract import Skipped


class Mine(TinyBackbone):
    """A backbone of one's own."""


@pytest.fixture(scope="module")
def clips(video_files, tmp_path_factory) -> dict[str, list[Path]]:
    """Two actions of three clips: getting brighter, and getting darker."""
    folder, pictures = tmp_path_factory.mktemp("clips"), video_files.numbered(16)
    found: dict[str, list[Path]] = {}
    for label, frames in (("brighten", pictures), ("darken", pictures[::-1])):
        (folder / label).mkdir()
        found[label] = [
            video_files.write_video(folder / label / f"{number}.mp4", frames[number : number + 12])
            for number in range(3)
        ]
    return found


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LGA_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def model(clips):
    return lga.teach({label: paths[:2] for label, paths in clips.items()}, backbone="tiny")


def one_line(value) -> bool:
    return "\n" not in repr(value) and len(repr(value)) < 160


def test_a_model_is_taught_saved_loaded_and_asked(model, clips, tmp_path):
    model.save(str(tmp_path / "actions"))
    again = lga.load(str(tmp_path / "actions"))
    asked = clips["darken"][2]
    assert again.labels == model.labels == ("brighten", "darken")
    assert again.recognize(str(asked)) == model.recognize(asked)
    assert model.recognize(asked).path == asked
    assert (model.skipped, one_line(model), one_line(model.prepared), one_line(model.actions)) == ((), True, True, True)


def test_every_value_that_is_handed_out_fits_on_a_line(model, clips):
    found = model.recognize(clips["darken"][2])
    values = (model.recognizer, model.prepared.lga, found, model.actions.method, model.actions.backbone)
    assert all(one_line(value) for value in values)
    assert repr(lga.MethodConfig(stages=2)) == "MethodConfig(stages=2)"
    assert repr(found).startswith("Recognition('2.mp4': 'darken', ")


def test_a_folder_and_a_csv_teach_the_same(clips, tmp_path):
    folder = clips["darken"][0].parents[1]
    (folder / "darken" / "notes.txt").write_text("no clip")
    table = tmp_path / "clips.csv"
    table.write_text("path,label\n" + "".join(f"{path},{label}\n" for label in clips for path in clips[label]))
    by_folder, by_table = lga.teach(str(folder), backbone="tiny"), lga.teach(table, backbone="tiny")
    assert [one.digest for one in by_folder.actions.examples] == [one.digest for one in by_table.actions.examples]
    assert [one.path.name for one in by_folder.skipped] == ["notes.txt"]
    (folder / "darken" / "notes.txt").unlink()


def test_several_clips_come_in_order_and_a_broken_one_is_named(model, clips, tmp_path):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    good = clips["brighten"][2]
    found = list(model.recognize_all([good, str(broken), good]))
    assert [type(one) for one in found] == [lga.Recognition, Skipped, lga.Recognition]
    with pytest.raises(VideoError, match=r"broken\.mp4"):
        model.recognize(broken)
    with pytest.raises(VideoError, match=r"broken\.mp4"):
        model.explain(broken)


def test_the_judgement_can_be_chosen(model, clips):
    assert model.recognize(clips["brighten"][0], accept="always").known
    with pytest.raises(SettingsError, match="from 0 to 1"):
        model.recognize(clips["brighten"][0], accept=2.0)


def test_an_explanation_is_a_page_of_its_own(model, clips, tmp_path):
    found = model.explain(str(clips["darken"][2]), top=1)
    found.save(str(tmp_path / "why.html"))
    assert found.recognition == model.recognize(clips["darken"][2])
    assert "darken" in (tmp_path / "why.html").read_text(encoding="utf-8")
    assert one_line(found)


def test_a_long_video_is_watched(model, video_files, tmp_path):
    frames = video_files.numbered(16)
    path = video_files.write_video(tmp_path / "long.mp4", (frames + frames[::-1]) * 2)
    found = list(model.watch(path))
    assert all(0 <= one.start < one.end for one in found)


def test_add_and_remove_give_another_model(model, clips):
    more = model.add("darken", clips["darken"][2:])
    assert (len(more.actions.examples), len(model.actions.examples)) == (5, 4)
    assert model.add("flicker", []).labels == (*model.labels, "flicker")
    assert more.remove("Brighten").labels == ("darken",)
    with pytest.raises(ActionsError, match="no action"):
        model.remove("jump")


def test_a_backbone_object_is_needed_again_when_its_actions_are_loaded(clips, tmp_path):
    mine = Mine(identity="mine 1")
    lga.teach({"darken": clips["darken"]}, backbone=mine).save(tmp_path / "actions")
    with pytest.raises(LGAError, match="mine 1"):
        lga.load(tmp_path / "actions")
    assert lga.load(tmp_path / "actions", backbone=mine).labels == ("darken",)
    with pytest.raises(LGAError, match="mine 2"):
        lga.load(tmp_path / "actions", backbone=Mine(identity="mine 2"))


def test_descriptions_may_be_a_file(clips, tmp_path):
    file = tmp_path / "own.json"
    file.write_text('{"darken": ["It is bright.", "It gets darker.", "It is dark."]}')
    found = lga.teach({"darken": clips["darken"]}, backbone="tiny", descriptions=str(file))
    assert found.actions.anatomies[0].sentences[2] == "It is dark."


def test_one_path_in_place_of_several_is_refused(model, clips):
    path = str(clips["darken"][0])
    for wrong in (
        lambda: lga.teach({"darken": path}, backbone="tiny"),
        lambda: model.add("darken", path),
        lambda: list(model.recognize_all(path)),
    ):
        with pytest.raises(LGAError, match=r"a list of paths is wanted, as in \['.*'\], not the single path"):
            wrong()


def test_a_path_in_place_of_actions_is_refused():
    code = "import lga; lga.Recognizer(lga.BackboneConfig(backbone='tiny')).prepare('my_actions')"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (
        "taught actions are wanted, as `teach` or `load_actions(folder)` returns them, not 'my_actions'" in found.stderr
    )


def test_a_clip_is_cut_fused_and_matched_once_for_the_answer_and_its_reasons(model, clips, monkeypatch):
    calls: list[str] = []
    for name in ("cut", "fuse", "distances", "similarities"):
        own = getattr(type(model.prepared.lga), name)

        def counted(*given, own=own, name=name):
            calls.append(name)
            return own(*given)

        monkeypatch.setattr(type(model.prepared.lga), name, counted)
    model.explain(clips["darken"][2])
    assert calls == ["cut", "fuse", "similarities", "distances"]


def test_what_others_changed_since_a_model_was_loaded_stays_when_it_is_saved(model, clips, tmp_path):
    model.save(tmp_path / "a")
    mine, theirs = lga.load(tmp_path / "a"), lga.load(tmp_path / "a")
    theirs.add("theirs", clips["brighten"][2:3]).save(tmp_path / "a")
    theirs.remove("brighten").save(tmp_path / "a")
    mine = mine.add("mine", clips["darken"][2:3])
    mine.save(tmp_path / "a")
    assert lga.load(tmp_path / "a").labels == ("darken", "theirs", "mine")
    mine.save(tmp_path / "b")
    assert lga.load(tmp_path / "b").labels == ("brighten", "darken", "mine")
