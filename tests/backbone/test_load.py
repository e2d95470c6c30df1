import subprocess
import sys

import pytest

from lga.backbone import clip, offline
from lga.backbone.load import load_backbone
from lga.backbone.protocol import Backbone
from lga.backbone.tiny import TinyBackbone
from lga.cli.main import run
from lga.config import BackboneConfig
from lga.errors import BackboneError, SettingsError


def test_the_toy_backbone_is_loaded():
    loaded = load_backbone(BackboneConfig(backbone="tiny"))
    assert isinstance(loaded, TinyBackbone)
    assert isinstance(loaded, Backbone)


@pytest.mark.parametrize(
    ("module", "name", "config", "wanted"),
    [
        (offline, "load_offline", {}, ((), {"device": "auto", "precision": "auto"})),
        (
            offline,
            "load_offline",
            {"backbone": "offline", "device": "cpu", "precision": "bfloat16"},
            ((), {"device": "cpu", "precision": "bfloat16"}),
        ),
        (
            clip,
            "load_clip",
            {"backbone": "clip", "model": "somebody/clip", "device": "cpu", "precision": "float32"},
            (("somebody/clip",), {"device": "cpu", "precision": "float32"}),
        ),
    ],
)
def test_the_settings_reach_the_loader(module, name, config, wanted, monkeypatch):
    calls = []

    def loader(*args, **kwargs):
        calls.append((args, kwargs))
        return TinyBackbone()

    monkeypatch.setattr(module, name, loader)
    load_backbone(BackboneConfig(**config))
    assert calls == [wanted]


def test_the_libraries_of_the_other_backbones_are_not_imported():
    script = (
        "import sys\n"
        "from lga.backbone.load import load_backbone\n"
        "from lga.config import BackboneConfig\n"
        "load_backbone(BackboneConfig(backbone='tiny'))\n"
        "heavy = {'transformers', 'sentence_transformers', 'efficientnet_lite_pytorch'}\n"
        "print(sorted(heavy & sys.modules.keys()))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """Install a package for one test: `plugin(source, name="module:thing")` names its backbones."""

    def install(source, **backbones):
        number = len(list(tmp_path.iterdir()))
        info = tmp_path / f"plugin{number}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: plugin{number}\nVersion: 1.0\n")
        lines = [f"{name} = {value}" for name, value in backbones.items()]
        (info / "entry_points.txt").write_text("\n".join(["[lga.backbones]", *lines]) + "\n")
        (tmp_path / f"lga_test_plugin_{number}.py").write_text(source)
        monkeypatch.syspath_prepend(tmp_path)
        return f"lga_test_plugin_{number}"

    yield install
    for name in [name for name in sys.modules if name.startswith("lga_test_plugin_")]:
        del sys.modules[name]


MINE = """
from dataclasses import dataclass
from lga.backbone.tiny import TinyBackbone

@dataclass(frozen=True)
class Mine(TinyBackbone):
    identity: str = "mine 1 float32"

def load(config):
    return Mine(identity=f"mine 1 {config.model} {config.device}")
"""


def test_an_installed_package_adds_a_backbone_and_is_given_the_settings(plugin):
    plugin(MINE, mine="lga_test_plugin_0:load")
    found = load_backbone(BackboneConfig(backbone="mine", model="large", device="cpu"))
    assert isinstance(found, Backbone)
    assert found.identity == "mine 1 large cpu"


def test_a_plugin_takes_no_name_that_comes_with_lga(plugin):
    plugin(MINE, tiny="lga_test_plugin_0:load")
    assert load_backbone(BackboneConfig(backbone="tiny")) == TinyBackbone()


def test_an_unknown_name_is_refused_with_the_names_that_are_known(plugin):
    plugin(MINE, mine="lga_test_plugin_0:load", tiny="lga_test_plugin_0:load")
    with pytest.raises(SettingsError) as caught:
        load_backbone(BackboneConfig(backbone="mien"))
    assert str(caught.value) == (
        "--backbone 'mien': there is no such backbone; there are offline, clip, tiny, mine; "
        "a package adds one by the entry point group lga.backbones"
    )


def test_custom_without_an_identity_is_no_name():
    with pytest.raises(SettingsError, match="no such backbone"):
        load_backbone(BackboneConfig(backbone="custom"))


@pytest.mark.parametrize(
    ("source", "value", "why"),
    [
        (MINE, "lga_test_plugin_0:lod", "AttributeError: .*lod"),
        (MINE, "no_such_module:load", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("import no_such_module", "lga_test_plugin_0:load", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("def load(:", "lga_test_plugin_0:load", "SyntaxError: "),
        ("def load(): ...", "lga_test_plugin_0:load", "TypeError: "),
        ("def load(config):\n    raise OSError('first\\nsecond')", "lga_test_plugin_0:load", "OSError: first second"),
        ("load = 3", "lga_test_plugin_0:load", "TypeError: 'int' object is not callable"),
    ],
)
def test_a_broken_plugin_is_one_line_that_names_it(plugin, source, value, why):
    plugin(source, broken=value)
    with pytest.raises(BackboneError, match=f"^the plugin 'broken' .*{why}") as caught:
        load_backbone(BackboneConfig(backbone="broken"))
    assert "\n" not in str(caught.value)


def test_a_plugin_that_gives_something_else_is_refused(plugin):
    plugin("def load(config):\n    return 3", number="lga_test_plugin_0:load")
    with pytest.raises(BackboneError, match="gives int, which is no Backbone"):
        load_backbone(BackboneConfig(backbone="number"))


def test_an_error_that_a_plugin_words_itself_is_passed_on(plugin):
    source = "from lga.errors import BackboneError\ndef load(config):\n    raise BackboneError('log in first')"
    plugin(source, mine="lga_test_plugin_0:load")
    with pytest.raises(BackboneError, match=r"^log in first$"):
        load_backbone(BackboneConfig(backbone="mine"))


def test_a_plugin_serves_the_command_line_and_a_wrong_name_is_wrong_usage(plugin, tmp_path, capsys):
    plugin(MINE, mine="lga_test_plugin_0:load")
    clip = ["lexicon", "check", "builtin:everyday", "--sense", "--json"]
    assert run([*clip, "--backbone", "mine", "--model", "small", "--device", "cpu"]) in (0, 1)
    assert '"sense"' in capsys.readouterr().out
    assert run([*clip, "--backbone", "mien"]) == 2
    assert "there are offline, clip, tiny, mine" in capsys.readouterr().err
