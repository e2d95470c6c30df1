from pathlib import Path

import pytest
from pydantic import BaseModel

from lga import config
from lga.config import BackboneConfig, MethodConfig, ProtocolConfig, TrainConfig
from lga.core.segment import SEGMENTERS
from lga.errors import SettingsError

GROUPS = [BackboneConfig, MethodConfig, ProtocolConfig, TrainConfig]


@pytest.mark.parametrize("group", GROUPS, ids=lambda one: one.__name__)
def test_every_setting_says_what_it_is(group):
    source = Path(config.__file__).read_text(encoding="utf-8")
    body = source[source.index(f"class {group.__name__}") :]
    for name in group.model_fields:
        after = body[body.index(f"\n    {name}: ") :].split("\n")[2]
        assert after.strip().startswith('"""'), name


@pytest.mark.parametrize("group", GROUPS, ids=lambda one: one.__name__)
def test_settings_cannot_be_changed_or_misspelt(group):
    first = next(iter(group.model_fields))
    with pytest.raises(ValueError, match="frozen"):
        setattr(group(), first, None)
    with pytest.raises(SettingsError, match="Extra inputs are not permitted"):
        group(**{first + "x": 1})


@pytest.mark.parametrize(
    ("group", "wrong"),
    [
        (MethodConfig, {"stages": 0}),
        (MethodConfig, {"stages": 4, "frames": 3}),
        (MethodConfig, {"alpha": 1.5}),
        (MethodConfig, {"temperature": 0.0}),
        (MethodConfig, {"hub_correction": -0.1}),
        (ProtocolConfig, {"ways": 1}),
        (ProtocolConfig, {"shots": -1}),
        (ProtocolConfig, {"episodes": 1}),
        (BackboneConfig, {"precision": "float8"}),
        (TrainConfig, {"learning_rate": 0.0}),
        (TrainConfig, {"ways": 1}),
        (TrainConfig, {"crop_scale": 0.0}),
        (TrainConfig, {"validation_episodes": 99}),
        (TrainConfig, {"optimizer": "sgd"}),
        (TrainConfig, {"validate_every": 6, "accumulate": 4}),
    ],
)
def test_a_wrong_setting_is_refused_in_one_line_that_names_it(group: type[BaseModel], wrong):
    with pytest.raises(SettingsError) as caught:
        group(**wrong)
    assert "\n" not in str(caught.value)
    assert any(name in str(caught.value) for name in wrong)


def test_the_segmenters_on_offer_are_the_ones_there_are():
    offered = MethodConfig.model_fields["segmenter"].annotation
    assert set(offered.__args__) == set(SEGMENTERS)


def test_what_differs_from_the_defaults_is_known():
    assert TrainConfig().changed == {}
    assert MethodConfig(stages=2, alpha="shots").changed == {"stages": 2}


def test_a_look_at_the_validation_classes_comes_between_two_steps():
    assert TrainConfig(validate_every=12, accumulate=4).validate_every == 12
    with pytest.raises(SettingsError, match=r"--validate-every 6 must be a multiple of --accumulate 4"):
        TrainConfig(validate_every=6, accumulate=4)
