import subprocess
import sys

import pytest

import lga

NAMES = {
    "Actions",
    "BackboneConfig",
    "LGAError",
    "MethodConfig",
    "Model",
    "Recognition",
    "Recognizer",
    "Skipped",
    "anatomize",
    "load",
    "load_actions",
    "save_actions",
    "teach",
}


def test_these_names_are_public():
    assert set(lga.__all__) == NAMES
    assert len(lga.__all__) == len(NAMES)


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_public_name_is_what_its_home_calls_so(name):
    assert getattr(lga, name).__name__ == name


def test_a_star_import_brings_the_public_names():
    space: dict[str, object] = {}
    exec("from lga import *", space)
    assert space.keys() >= NAMES


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'lga' has no attribute 'Recogniser'"):
        _ = lga.Recogniser


@pytest.mark.parametrize("module", ["lga", "lga.config", "lga.errors"])
def test_an_import_leaves_torch_out(module):
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
