import pytest

from lga.cli.commands import COMMANDS
from lga.cli.main import run, settings_of
from lga.cli.recipe import read_recipe
from lga.config import BackboneConfig, MethodConfig, TrainConfig
from lga.errors import SettingsError

TRAIN = ("train", "clips.csv", "--out", "head")


def parsed(arguments):
    return settings_of("lga train", COMMANDS["train"], arguments[1:])


@pytest.fixture
def own(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text('[train]\ntasks = 7\naccumulate = 2\n\n[backbone]\nbackbone = "tiny"\n')
    return path


def test_without_a_recipe_the_defaults_hold():
    found = parsed(TRAIN)
    assert (found.backbone, found.method, found.train) == (BackboneConfig(), MethodConfig(), TrainConfig())


def test_a_shipped_recipe_is_found_by_its_name():
    found = parsed([*TRAIN, "--recipe", "hmdb51-1shot"])
    assert (found.backbone.backbone, found.train.tasks, found.train.accumulate) == ("clip", 5000, 4)


@pytest.mark.parametrize("flags", [("--recipe", "{}"), ("--recipe={}",)])
def test_a_file_changes_what_it_names_and_flags_come_on_top(own, flags):
    flags = [one.format(own) for one in flags]
    found = parsed([*TRAIN, *flags, "--tasks", "9", "--stages", "2"])
    assert found.train == TrainConfig(tasks=9, accumulate=2)
    assert found.method == MethodConfig(stages=2)
    assert found.backbone == BackboneConfig(backbone="tiny")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[train]\ntaks = 7\n", "taks"),
        ("[train]\ntasks = -7\n", "--tasks -7"),
        ("[train]\nvalidate_every = 7\naccumulate = 2\n", "must be a multiple of --accumulate 2"),
        ("[training]\ntasks = 7\n", "the tables backbone, method and train and nothing else"),
        ("train = 7\n", "the tables backbone, method and train and nothing else"),
        ("[train\n", "not TOML"),
        ("\udcff", "no such file"),
    ],
)
def test_a_recipe_that_is_none_is_refused(tmp_path, text, words):
    (tmp_path / "own.toml").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(SettingsError) as caught:
        read_recipe(str(tmp_path / "own.toml"))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_name_lists_the_shipped_ones(capsys):
    assert run([*TRAIN, "--recipe", "hmdb-1shot"]) == 2
    assert "the shipped recipes are" in capsys.readouterr().err


def test_a_flag_without_its_value_is_wrong_usage(capsys):
    assert run([*TRAIN, "--recipe"]) == 2
    assert "recipe" in capsys.readouterr().err


@pytest.mark.parametrize(
    "text",
    [
        "[train]\nself = 1\n",
        f"[train]\nseed = {'9' * 5000}\n",
        f"[train]\nseed = {10**30}\n",
        f"[train]\nways = {2**63}\n",
        f"[train]\ntasks = {'[' * 3000}{']' * 3000}\n",
        "[train]\nlearning_rate = inf\n",
        "[method]\ntemperature = nan\n",
        "[method]\nself = 1\n",
        "[backbone]\nself = 1\n",
    ],
)
def test_numbers_and_keys_that_nothing_can_take_are_one_line(tmp_path, text):
    (tmp_path / "own.toml").write_text(text)
    with pytest.raises(SettingsError) as caught:
        read_recipe(str(tmp_path / "own.toml"))
    assert str(caught.value).isprintable()
