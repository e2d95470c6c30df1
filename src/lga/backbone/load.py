"""From settings to a backbone."""

from lga.backbone.protocol import Backbone
from lga.config import BackboneConfig


def load_backbone(config: BackboneConfig) -> Backbone:
    """Load the backbone that the settings name; its libraries are only imported when it is the one.

    Raises:
        BackboneError: its packages or weights are missing, damaged or unreachable.
        LGAError: this machine has no such device.
    """
    match config.backbone:
        case "offline":
            from lga.backbone.offline import load_offline

            return load_offline(device=config.device, precision=config.precision)
        case "clip":
            from lga.backbone.clip import load_clip

            return load_clip(config.model, device=config.device, precision=config.precision)
        case "tiny":
            from lga.backbone.tiny import TinyBackbone

            return TinyBackbone()
