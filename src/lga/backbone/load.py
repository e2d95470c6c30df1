"""From settings to a backbone: the ones that come with lga, and those of installed plugins."""

from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points

from lga.backbone.protocol import Backbone
from lga.config import BackboneConfig
from lga.errors import BackboneError, SettingsError

Loader = Callable[[BackboneConfig], Backbone]
PLUGINS = "lga.backbones"
"""the entry point group in which a package offers backbones: each entry is a name and a `Loader`"""
CUSTOM = "custom"
"""the name under which results of a backbone object are saved; `model` is then the object's identity"""


def load_backbone(config: BackboneConfig) -> Backbone:
    """Load the backbone that the settings name; its libraries are imported only when it is the one.

    The names in `BACKBONES` come before those of plugins. With `config.sight` a second model stands beside it.

    Raises:
        SettingsError: no backbone has this name.
        BackboneError: its packages or weights are missing, damaged or unreachable, or its plugin is broken; or it was
            an object made in Python, which no settings can bring back.
        LGAError: this machine has no such device.
    """
    found = _load_one(config)
    if not config.sight:
        return found
    from lga.backbone.sight import load_sight, put_beside

    return put_beside(found, load_sight(config.sight, device=config.device, precision=config.precision))


def _load_one(config: BackboneConfig) -> Backbone:
    if (loader := BACKBONES.get(config.backbone)) is not None:
        return loader(config)
    if config.backbone == CUSTOM and "model" in config.changed:
        raise BackboneError(
            f"a backbone object of your own is needed, with the identity {config.model!r}; "
            "make it in Python and pass it as backbone=..."
        )
    plugins = {plugin.name: plugin for plugin in entry_points(group=PLUGINS)}
    if config.backbone not in plugins:
        names = ", ".join([*BACKBONES, *sorted(plugins.keys() - BACKBONES.keys())])
        raise SettingsError(
            f"--backbone {config.backbone!r}: there is no such backbone; there are {names}; "
            f"a package adds one by the entry point group {PLUGINS}"
        )
    return _load_plugin(plugins[config.backbone], config)


def _load_plugin(plugin: EntryPoint, config: BackboneConfig) -> Backbone:
    """Call a plugin's loader; whatever it raises becomes one line that names the plugin."""
    try:
        found = plugin.load()(config)
    except (
        ArithmeticError,
        AttributeError,
        ImportError,
        LookupError,
        NameError,
        OSError,
        RuntimeError,
        SyntaxError,
        TypeError,
        ValueError,
    ) as error:
        why = " ".join(f"{type(error).__name__}: {error}".split())
        raise BackboneError(
            f"the plugin {plugin.name!r} ({plugin.value}) cannot be loaded ({why}); mend or reinstall its package"
        ) from error
    if not isinstance(found, Backbone):
        raise BackboneError(
            f"the plugin {plugin.name!r} ({plugin.value}) gives {type(found).__name__}, which is no Backbone; "
            "see lga.backbone.protocol for what one has"
        )
    return found


def _load_offline(config: BackboneConfig) -> Backbone:
    from lga.backbone.offline import load_offline

    return load_offline(device=config.device, precision=config.precision)


def _load_clip(config: BackboneConfig) -> Backbone:
    from lga.backbone.clip import load_clip

    return load_clip(config.model, device=config.device, precision=config.precision)


def _load_tiny(config: BackboneConfig) -> Backbone:
    from lga.backbone.tiny import TinyBackbone

    return TinyBackbone()


BACKBONES: dict[str, Loader] = {"offline": _load_offline, "clip": _load_clip, "tiny": _load_tiny}
"""the backbones that need no plugin, by name"""
