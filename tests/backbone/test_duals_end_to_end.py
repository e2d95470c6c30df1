"""Duals of other kinds than CLIP do the whole job, from clips of any shape."""

import pytest

import lga
from lga.config import BackboneConfig, MethodConfig
from lga.store.folder import load_actions
from lga.synthetic.render import render_clip, write_clip


@pytest.fixture(scope="module")
def clips(tmp_path_factory, write_video, video_files):
    """Three clips, one of them higher than wide."""
    place = tmp_path_factory.mktemp("clips")
    for number, label in enumerate(("wave", "pull up")):
        write_clip(render_clip(label, seed=number), place / f"{label}.mp4")
    write_video(place / "count.mp4", video_files.numbered(20, 128, 72))
    return {path.stem: [path] for path in sorted(place.iterdir())}


@pytest.mark.parametrize("kind", ["siglip2", "align", "chinese_clip"])
def test_a_checkpoint_folder_teaches_saves_and_recognises(kind, model_folder, clips, tmp_path, monkeypatch):
    monkeypatch.setenv("LGA_CACHE", str(tmp_path / "cache"))
    backbone = BackboneConfig(backbone="clip", model=str(model_folder(kind)))
    method = MethodConfig(text_injection=0.0, alpha=1.0, hub_correction=0.0)
    model = lga.teach(clips, backbone=backbone, method=method)
    assert not model.skipped
    model.save(tmp_path / "actions")
    assert load_actions(tmp_path / "actions").backbone.model == str(model_folder(kind))
    again = lga.load(tmp_path / "actions")
    assert [again.recognize(paths[0]).label for paths in clips.values()] == list(clips)
    assert [again.recognize(paths[0]).best_distance for paths in clips.values()] == pytest.approx([0] * 3, abs=1e-3)
