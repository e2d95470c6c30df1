"""A recipe of every benchmark from a folder of videos to an answer, on rendered clips and a small random CLIP."""

import json

import pytest

from lga.datasets.manifest import read_manifest
from lga.datasets.partition import SPLITS, read_partition
from lga.model.checkpoint import load_checkpoint
from lga.store.folder import load_actions

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_thread")]

CLASSES = {"train": 2, "val": 2, "test": 5}
CLIPS = 3
SCENES = (
    *(61, 138, 244, 302, 389, 57, 30, 279, 128, 148, 246),
    *(174, 200, 80, 94, 377, 85, 357, 81, 28, 90),
    *(3, 12, 19, 22, 35, 41),
)
"""The seeds of short clips, one for each."""
RECIPES = {
    "hmdb51": "hmdb51-1shot",
    "ucf101": "ucf101-1shot-siglip2",
    "kinetics100": "kinetics100-1shot",
    "ssv2_small": "ssv2_small-1shot-siglip2",
    "ssv2_full": "ssv2_full-1shot",
}
SHORT = (
    *("--device", "cpu", "--heads", 1, "--ways", 2, "--queries", 1, "--tasks", 4, "--accumulate", 2),
    *("--validate-every", 2, "--validation-episodes", 100),
)


def file_of(benchmark, folder, number):
    """What the benchmark calls a clip of a class, as it is published."""
    return {
        "hmdb51": f"{folder}/film{number}_{folder}_u_nm_np1_ba_goo_0.mp4",
        "ucf101": f"{folder}/v_{folder}_g{number:02}_c01.mp4",
        "kinetics100": f"{folder}/id{number:09}_000001_000011.mp4",
    }.get(benchmark, f"{1000 + number}.mp4")


@pytest.fixture
def published(request, tmp_path, draw_clip):
    """The folder of a few classes' videos as they are published, and one of lists where the benchmark has some."""
    benchmark, number = request.param, 0
    videos, lists = tmp_path / "videos", tmp_path / "lists"
    lists.mkdir()
    for split in SPLITS:
        lines = []
        for place, action in enumerate(read_partition(benchmark).splits[split].classes[: CLASSES[split]]):
            for _ in range(CLIPS):
                path = videos / file_of(benchmark, action.folder, number)
                path.parent.mkdir(parents=True, exist_ok=True)
                draw_clip("wave" if place % 2 else "kick ball", SCENES[number], path)
                lines.append(f"{split}{place}/{path.relative_to(videos)}")
                number += 1
        (lists / f"{split}.txt").write_text("\n".join(lines))
    return benchmark, videos, () if benchmark in ("hmdb51", "ucf101") else ("--split-lists", lists, "--any-lists")


@pytest.mark.parametrize("published", RECIPES, indirect=True)
def test_from_a_folder_of_videos_to_an_answer(published, lga, tmp_path, random_clips):
    benchmark, videos, lists = published
    manifest, head, taught = tmp_path / "clips.csv", tmp_path / "head", tmp_path / "taught"
    recipe = RECIPES[benchmark]
    family = "siglip" if recipe.endswith("-siglip2") else "clip"
    model = random_clips.write_random(tmp_path / "model", family, side=32, patch_size=8, seed=1)
    train = ("train", manifest, "--recipe", recipe, "--model", model, *SHORT, "--out", head)

    lga("data", "import", benchmark, "--videos", videos, *lists, "--partial", "--out", manifest)
    clips = read_manifest(manifest)
    assert [sum(clip.split == split for clip in clips) for split in SPLITS] == [
        CLIPS * many for many in CLASSES.values()
    ]

    lga("data", "check", manifest, "--ways", 2, "--shots", 1)

    assert "activations of an episode" in lga(*train, "--dry-run")
    assert not (tmp_path / "cache").exists()

    lga(*train)
    record = load_checkpoint(head).record
    assert record.provenance.benchmark == benchmark
    assert (record.train.tasks, record.train.optimizer, record.method.segmenter) == (4, "adam", "cluster")
    tested = json.loads((head / "test.json").read_text())
    assert (len(tested["classes"]), tested["clips"]) == (5, 5 * CLIPS)

    asked = ("--split", "test", "--ways", 2, "--queries", 1, "--episodes", 50, "--device", "cpu", "--json")
    value = json.loads(lga("evaluate", manifest, "--model", head, *asked))
    assert value["backbone"]["identity"] == record.identity

    settings = ("--backbone", "clip", "--model", model, "--device", "cpu")
    table = json.loads(lga("table", "main", manifest, *asked[:2], *settings, "--shots", 1, *asked[6:8], "--json"))
    assert table["benchmark"] == benchmark
    assert benchmark in {where for one in table["published"] for where in one["accuracy"]}

    shown = {label: [clip.path for clip in clips if clip.label == label] for label in tested["classes"]}
    rows = [f"{paths[number]},{label}" for label, paths in shown.items() for number in (0, 1)]
    (tmp_path / "examples.csv").write_text("\n".join(["path,label", *rows]))
    lga("teach", tmp_path / "examples.csv", "--out", taught, "--model", head, "--device", "cpu")
    assert load_actions(taught).identity == record.identity

    said = lga("recognize", taught, *(paths[2] for paths in shown.values()), "--device", "cpu", "--top", 5, "--json")
    for result in json.loads(said)["results"]:
        assert {one["label"] for one in result["candidates"]} == set(shown)
        assert sum(one["probability"] for one in result["candidates"]) == pytest.approx(1, abs=1e-4)
