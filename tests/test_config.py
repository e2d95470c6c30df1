import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from lga import config
from lga.config import BackboneConfig, MethodConfig, ProtocolConfig, TrainConfig
from lga.core.distance import MATCHERS
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


def test_what_the_settings_name_is_what_there_is():
    assert tuple(SEGMENTERS) == config.SEGMENTERS
    assert tuple(MATCHERS) == config.MATCHERS


@pytest.mark.parametrize(("setting", "table"), [("segmenter", SEGMENTERS), ("matcher", MATCHERS)])
def test_a_function_of_ones_own_is_known_by_its_name_and_others_are_refused_with_those_there_are(
    setting, table, monkeypatch
):
    with pytest.raises(SettingsError, match=f"no such {setting}; there are {', '.join(table)}"):
        MethodConfig(**{setting: "mine"})
    monkeypatch.setitem(table, "mine", next(iter(table.values())))
    assert MethodConfig(**{setting: "mine"}).changed == {setting: "mine"}


def test_names_are_checked_before_torch_is_loaded():
    code = "import lga.config, sys; lga.config.MethodConfig(segmenter='mine')"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "there is no such segmenter; there are motion, centred, cluster, hard, twfinch" in found.stderr


@pytest.mark.parametrize(("shots", "weight"), [(0, 0.0), (1, 0.2), (4, 0.5), (12, 0.75)])
def test_the_video_counts_more_with_every_example(shots, weight):
    assert MethodConfig().video_weight(shots) == weight


@given(st.floats(0, 1e3), st.floats(0.1, 100))
def test_as_many_examples_as_text_shots_count_as_the_text(shots, constant):
    method = MethodConfig(text_shots=constant)
    assert method.video_weight(constant) == 0.5
    assert 0 <= method.video_weight(shots) < method.video_weight(shots + 1) < 1


def test_less_than_no_example_is_refused():
    with pytest.raises(ValueError, match="not -1"):
        MethodConfig().video_weight(-1)


def test_a_fixed_alpha_holds_from_the_first_example_on():
    assert [MethodConfig(alpha=0.7).video_weight(shots) for shots in (0, 1, 5)] == [0.0, 0.7, 0.7]
    assert MethodConfig(alpha=1.0).video_weight(0) == 0.0  # without any example there is only the text
    assert MethodConfig(alpha=0.0).video_weight(3) == 0.0


def test_what_differs_from_the_defaults_is_known():
    assert TrainConfig().changed == {}
    assert MethodConfig(stages=2, alpha="fitted").changed == {"stages": 2}


def test_a_validation_comes_between_two_steps():
    assert TrainConfig(validate_every=12, accumulate=4).validate_every == 12
    with pytest.raises(SettingsError, match=r"--validate-every 6 must be a multiple of --accumulate 4"):
        TrainConfig(validate_every=6, accumulate=4)


def test_a_training_reads_auto_as_float32_and_keeps_what_is_asked_for():
    assert BackboneConfig(device="cpu").for_training() == BackboneConfig(device="cpu", precision="float32")
    for precision in ("float32", "bfloat16"):
        asked = BackboneConfig(precision=precision)
        assert asked.for_training() == asked
