"""Teach a computer new human actions from a handful of example clips, and recognise them in new video."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lga.actions import Actions as Actions
    from lga.anatomy.lexicon import anatomize as anatomize
    from lga.api import Model as Model
    from lga.api import load as load
    from lga.api import teach as teach
    from lga.config import BackboneConfig as BackboneConfig
    from lga.config import MethodConfig as MethodConfig
    from lga.errors import LGAError as LGAError
    from lga.features.extract import Skipped as Skipped
    from lga.recognition import Recognition as Recognition
    from lga.recognizer import Recognizer as Recognizer

_HOMES = {
    "teach": "lga.api",
    "load": "lga.api",
    "Model": "lga.api",
    "Actions": "lga.actions",
    "load_actions": "lga.store.folder",
    "save_actions": "lga.store.folder",
    "anatomize": "lga.anatomy.lexicon",
    "BackboneConfig": "lga.config",
    "MethodConfig": "lga.config",
    "Skipped": "lga.features.extract",
    "LGAError": "lga.errors",
    "Recognition": "lga.recognition",
    "Recognizer": "lga.recognizer",
}
__all__ = list(_HOMES)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> object:
    """Import a public name when it is first used: `lga --help` must not wait for torch."""
    if name not in _HOMES:
        raise AttributeError(f"module 'lga' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
