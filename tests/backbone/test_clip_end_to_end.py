"""A CLIP and a SigLIP from a folder do the whole job: teach, keep, recognise, evaluate both matches."""

import pytest
import torch

from lga.config import BackboneConfig, MethodConfig
from lga.errors import ActionsError
from lga.features.cache import FeatureCache
from lga.recognizer import Recognizer
from lga.store.folder import load_actions, save_actions


def test_a_checkpoint_folder_teaches_and_recognises(folder, clips, tmp_path):
    recognizer = Recognizer(BackboneConfig(backbone="clip", model=str(folder)), cache=FeatureCache(tmp_path / "cache"))
    method = MethodConfig(text_injection=0.0, alpha=1.0, hub_correction=0.0)
    actions, skipped = recognizer.teach(clips, method=method)
    assert not skipped
    save_actions(actions, tmp_path / "actions")
    again = load_actions(tmp_path / "actions")
    assert again.backbone.model == str(folder)
    results = list(recognizer.recognize(again, [clips["wave"][0], clips["pull up"][0]]))
    assert [result.label for result in results] == ["wave", "pull up"]
    assert [result.best_distance for result in results] == pytest.approx([0, 0], abs=1e-3)


def test_text_enters_the_video_match_where_the_space_is_shared(folder, clips, tmp_path):
    recognizer = Recognizer(BackboneConfig(backbone="clip", model=str(folder)), cache=FeatureCache(None))
    found = []
    for strength in (0.0, 1.0):
        actions, _ = recognizer.teach(clips, method=MethodConfig(text_injection=strength))
        [result] = recognizer.recognize(actions, clips["wave"])
        found.append(result.best_distance)
    assert found[0] != pytest.approx(found[1])


def test_actions_of_one_checkpoint_are_refused_by_another(folders, clips):
    first, second = (
        Recognizer(BackboneConfig(backbone="clip", model=str(folders[kind])), cache=FeatureCache(None))
        for kind in ("clip", "siglip")
    )
    actions, _ = first.teach({"wave": clips["wave"]})
    assert torch.isfinite(actions.frames).all()
    with pytest.raises(ActionsError, match="taught with the backbone"):
        next(second.recognize(actions, clips["wave"]))
