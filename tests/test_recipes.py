"""The shipped settings: complete, valid, and the published values where there are some."""

import re
import tomllib
from importlib.resources import files

import pytest

from lga.config import BackboneConfig, MethodConfig, TrainConfig

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


def test_the_recipe_for_frozen_features_is_the_defaults():
    assert read("offline-1shot") == {table: group().model_dump(by_alias=False) for table, group in GROUPS.items()}
