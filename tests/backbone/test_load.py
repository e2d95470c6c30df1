import subprocess
import sys

import pytest

from lga.backbone import clip, offline
from lga.backbone.load import load_backbone
from lga.backbone.protocol import Backbone
from lga.backbone.tiny import TinyBackbone
from lga.config import BackboneConfig


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
