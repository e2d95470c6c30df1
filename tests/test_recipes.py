"""The shipped settings: complete, valid, and the published values where there are some."""

import re
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest

from lga.backbone.clip import load_clip
from lga.config import BackboneConfig, MethodConfig, TrainConfig
from lga.datasets.manifest import LabelledClip
from lga.training.memory import estimate

GROUPS = {"backbone": BackboneConfig, "method": MethodConfig, "train": TrainConfig}
RECIPES = {
    one.name.removesuffix(".toml"): one for one in files("lga.training.recipes").iterdir() if one.name.endswith(".toml")
}
PUBLISHED = {
    "hmdb51": (1e-5, 5000, 1.2),
    "ucf101": (2e-6, 3000, 1.5),
    "kinetics100": (1e-5, 5000, 1.5),
    "ssv2_small": (5e-5, 30000, 3.0),
    "ssv2_full": (5e-5, 30000, 3.0),
}
MODELS = {"": "openai/clip-vit-base-patch16", "-siglip2": "google/siglip2-base-patch16-224"}
"""What a recipe is for, by the end of its name."""
SIZES = ("ways", "queries", "shots", "width", "heads", "optimizer", "gradient_checkpointing")
NAMES = sorted(RECIPES)
FINE_TUNED = [name for name in NAMES if not name.startswith("offline")]


def read(name: str) -> dict[str, dict[str, object]]:
    return tomllib.loads(RECIPES[name].read_text(encoding="utf-8"))


def test_there_is_one_for_every_benchmark_model_and_number_of_shots():
    tuned = {f"{data}-{shots}shot{model}" for data in PUBLISHED for shots in (1, 5) for model in MODELS}
    assert set(RECIPES) == tuned | {"offline-1shot", "offline-5shot"}


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_writes_out_every_setting_and_no_other(name):
    recipe = read(name)
    assert recipe.keys() == GROUPS.keys()
    for table, group in GROUPS.items():
        assert recipe[table].keys() == group.model_fields.keys(), table
        assert group(**recipe[table]).model_dump(by_alias=False) == recipe[table]


@pytest.mark.parametrize("name", FINE_TUNED)
def test_a_recipe_says_of_every_value_where_it_comes_from(name):
    for line in RECIPES[name].read_text(encoding="utf-8").splitlines():
        if re.match(r"\w+ = ", line):
            assert re.search(r"  # \[(paper|code|fsar|ours)\]", line), line


@pytest.mark.parametrize("name", FINE_TUNED)
def test_a_recipe_holds_the_published_values(name):
    recipe = read(name)
    rate, tasks, contrast = PUBLISHED[name.split("-")[0]]
    model = MODELS["-siglip2" if name.endswith("-siglip2") else ""]
    assert recipe["backbone"] | {"backbone": "clip", "model": model} == recipe["backbone"]
    assert (recipe["train"]["backbone_rate"], recipe["train"]["learning_rate"]) == (rate, rate)
    assert (recipe["train"]["tasks"], recipe["train"]["contrast"]) == (tasks, contrast)
    assert [recipe["train"][key] for key in ("optimizer", "accumulate", "ways", "queries")] == ["adam", 4, 5, 5]
    assert (recipe["method"]["frames"], recipe["method"]["stages"]) == (8, 3)
    assert (recipe["method"]["segmenter"], recipe["method"]["matcher"]) == ("cluster", "ab_mhm")


@pytest.mark.parametrize(
    ("data", "model"), [*((data, model) for data in PUBLISHED for model in MODELS), ("offline", "")]
)
def test_one_and_five_shots_differ_in_the_shots_alone(data, model):
    one, five = read(f"{data}-1shot{model}"), read(f"{data}-5shot{model}")
    assert (one["train"].pop("shots"), five["train"].pop("shots")) == (1, 5)
    assert one == five


@pytest.mark.parametrize("data", PUBLISHED)
@pytest.mark.parametrize("shots", [1, 5])
def test_two_models_differ_in_the_model_alone(data, shots):
    one, other = (read(f"{data}-{shots}shot{model}") for model in MODELS)
    assert one["backbone"].pop("model") != other["backbone"].pop("model")
    assert one == other


@pytest.mark.parametrize("name", FINE_TUNED)
def test_what_the_memory_depends_on_is_the_same_for_all_benchmarks(name):
    own, first = read(name), read("hmdb51-" + name.split("-", 1)[1])
    assert own["backbone"] == first["backbone"]
    assert own["method"] == first["method"]
    assert all(own["train"][one] == first["train"][one] for one in SIZES)
    assert own["train"]["gradient_checkpointing"]


@pytest.fixture(scope="module", params=MODELS)
def published_size(request, tmp_path_factory, random_clips):
    """The end of a recipe's name, and its model in the published size with random weights."""
    tower = {"patch_size": 16, "hidden_size": 768, "intermediate_size": 3072}
    folder = random_clips.write_random(
        tmp_path_factory.mktemp("published") / "model",
        {"": "clip", "-siglip2": "siglip"}[request.param],
        side=224,
        seed=1,
        projection=512,
        num_hidden_layers=12,
        num_attention_heads=12,
        **tower,
    )
    return request.param, load_clip(str(folder), device="cpu", precision="float32")


@pytest.mark.slow
@pytest.mark.parametrize("shots", [1, 5])
def test_a_fine_tuning_fits_into_24_gb_by_its_recipe_alone(published_size, shots):
    model, backbone = published_size
    recipe = read(f"hmdb51-{shots}shot{model}")
    method, settings = MethodConfig(**recipe["method"]), TrainConfig(**recipe["train"])
    clips = [LabelledClip(Path("a.mp4"), f"class {number % 64}") for number in range(10_000)]
    fits = estimate(clips, clips[:2000], backbone, method, settings)
    assert fits.memory < 12 * 2**30, "half is left for what kernels borrow and for the sentences' tower"
    plain = settings.model_copy(update={"gradient_checkpointing": False})
    assert estimate(clips, clips[:2000], backbone, method, plain).memory > 24e9


def test_the_recipe_for_frozen_features_is_the_defaults():
    assert read("offline-1shot") == {table: group().model_dump(by_alias=False) for table, group in GROUPS.items()}
