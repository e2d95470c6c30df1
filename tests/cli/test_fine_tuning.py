"""A vision tower that must be trained: it is blind to the colour that its clips differ by."""

import json

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import load_file, save_file

from lga.backbone.clip import ClipBackbone
from lga.model.checkpoint import load_checkpoint
from lga.store.folder import load_actions

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_thread")]

CLASSES = {"train": 40, "val": 8, "test": 6}
CLIPS, PICTURES, SIDE = 6, 4, 32
TUNED = (
    *("--backbone", "clip", "--model", "clip", "--device", "cpu", "--motion", "none", "--head", "none"),
    *("--frames", PICTURES, "--ways", 3, "--queries", 2, "--heads", 1, "--width", 0, "--validation-episodes", 300),
    *("--learning-rate", 1e-3, "--crop-scale", 0.9, "--contrast", 0),
    *("--tasks", 160, "--validate-every", 80, "--gradient-checkpointing"),
)
BLUE = 2
FIRST = "vision_model.embeddings.patch_embedding.weight"


def patterns(random, *shape):
    """Grey levels of 2 x 2 blocks, grown to whole pictures."""
    return np.kron(random.integers(0, 256, (*shape, 2, 2)), np.ones((SIDE // 2, SIDE // 2), int))


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    """Folders of pictures: what is blue in them is their class's, what is red and green every clip's own."""
    folder, random = tmp_path_factory.mktemp("coloured"), np.random.default_rng(5)
    rows = ["path,label,split"]
    for split, classes in CLASSES.items():
        for number, blue in enumerate(patterns(random, classes)):
            for clip, loud in enumerate(patterns(random, CLIPS, 2)):
                place = folder / f"{split} {number} {clip}"
                place.mkdir()
                for at in range(PICTURES):
                    whole = np.stack([*loud, blue], -1) + random.integers(-20, 21, (SIDE, SIDE, 3))
                    Image.fromarray(whole.clip(0, 255).astype(np.uint8)).save(place / f"{at}.png")
                rows.append(f"{place.name},{split} action {number},{split}")
    (folder / "clips.csv").write_text("\n".join(rows))
    return folder / "clips.csv"


@pytest.fixture
def blind(tmp_path, random_clips):
    """A random CLIP whose first layer takes no notice of blue."""
    folder = random_clips.write_random(tmp_path / "clip", "clip", side=SIDE, patch_size=8, seed=3)
    weights = load_file(folder / "model.safetensors")
    weights[FIRST][:, BLUE] = 0
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    return folder


@pytest.fixture(autouse=True)
def beside_the_model(tmp_path, monkeypatch):
    """Commands run in the blind model's folder."""
    monkeypatch.chdir(tmp_path)


def sighted(row):
    """Whether a checkpoint sees what the training-free method is blind to, by the interval over the test classes."""
    return row["free"]["mean"] < 0.45 and row["trained"]["mean"] > 0.6 and row["difference"]["classes"][0] > 0


def test_what_a_tower_learns_to_see_is_accepted_tested_taught_and_recognised(lga, manifest, blind, tmp_path):
    head, taught = tmp_path / "head", tmp_path / "taught"
    lga("train", manifest, "--out", head, *TUNED, "--backbone-rate", 3e-3)
    found = load_checkpoint(head)
    assert found.record.selection.head_weight > 0
    assert found.record.identity != found.record.frozen_identity
    assert not load_file(blind / "model.safetensors")[FIRST][:, BLUE].any()
    assert bool(found.vision[FIRST.replace("vision_model", "tower")][:, BLUE].any())

    rows = [row for row in json.loads((head / "test.json").read_text())["rows"] if row["match"] == "video"]
    assert [row["shots"] for row in rows] == [1, 5]
    assert all(sighted(row) for row in rows)
    protocol = ("--split", "test", "--shots", 1, "--ways", 3, "--episodes", 300, "--device", "cpu", "--json")
    value = json.loads(lga("evaluate", manifest, "--model", head, *protocol))
    assert value["backbone"]["identity"] == found.record.identity

    clips = [(f"test {one} {clip}", f"test action {one}") for one in range(CLASSES["test"]) for clip in range(CLIPS)]
    examples, asked = clips[0::2], clips[1::2]
    (manifest.parent / "examples.csv").write_text("\n".join(["path,label", *(",".join(one) for one in examples)]))
    lga("teach", manifest.parent / "examples.csv", "--out", taught, "--model", head, "--device", "cpu")
    assert load_actions(taught).identity == found.record.identity
    said = lga("recognize", taught, *(manifest.parent / path for path, _ in asked), "--device", "cpu", "--json")
    best = [result["label"] for result in json.loads(said)["results"]]
    assert sum(one == label for one, (_, label) in zip(best, asked, strict=True)) > len(asked) / 3  # chance is a sixth


def test_a_head_alone_learns_nothing_of_what_its_tower_is_blind_to(lga, manifest, blind, tmp_path):
    lga("train", manifest, "--out", tmp_path, *TUNED, "--test", "no")
    found = load_checkpoint(tmp_path)
    assert found.record.selection.head_weight == 0
    assert not found.vision


def test_only_the_clips_that_choose_are_encoded_before_training(lga, manifest, blind, tmp_path, monkeypatch):
    encoded, encode = [], ClipBackbone.encode_frames

    def counted(backbone, clips):
        encoded.append(len(clips))
        return encode(backbone, clips)

    monkeypatch.setattr(ClipBackbone, "encode_frames", counted)
    few = ("--backbone-rate", 3e-3, "--tasks", 2, "--validate-every", 2, "--test", "no")
    lga("train", manifest, "--out", tmp_path / "dry", *TUNED, *few, "--dry-run")
    assert not encoded
    lga("train", manifest, "--out", tmp_path / "head", *TUNED, *few)
    assert sum(encoded) == CLASSES["val"] * CLIPS
