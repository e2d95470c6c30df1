"""`lga extract`."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro
from tyro.conf import Positional

from lga.cli.options import Flag, print_json, progress_bar, report_cache, report_motion, report_skipped, stdout
from lga.config import BackboneConfig, MethodConfig, Motion


@dataclass(frozen=True)
class Extract:
    """Fill the feature cache with the clips of a manifest, so that later runs need no video.

    An interrupted run goes on where it stopped. The cache lies in $LGA_CACHE or ~/.cache/lga.

    Example: lga extract clips.csv
    """

    manifest: Positional[Path]
    """CSV with the columns path,label[,group][,split]; paths relative to it"""
    frames: Annotated[int, tyro.conf.arg(metavar="T")] = 8
    """frames sampled from each clip; a checkpoint given as --model brings its own number"""
    motion: Motion = "flow+pose"
    """what of the clips' motion is measured too"""
    json: Flag = False
    """print one JSON document instead of a line"""
    backbone: BackboneConfig = field(default_factory=BackboneConfig)

    def run(self) -> int:
        """Encode what is not yet in the cache; exit 1 if no clip could be read."""
        from lga.datasets.manifest import read_manifest
        from lga.errors import LGAError
        from lga.features.cache import default_cache
        from lga.features.extract import Skipped, extract_features
        from lga.model.pretrained import load_pretrained
        from lga.motion.encoder import find_encoder

        wish = MethodConfig(frames=self.frames, stages=1)
        clips, cache, source = read_manifest(self.manifest), default_cache(), load_pretrained(self.backbone)
        encoder, frames = source.backbone, source.method(wish).frames
        with progress_bar("encoding") as (bar,):
            paths = [clip.path for clip in clips]
            measure = find_encoder(self.motion)
            found = extract_features(paths, encoder, frames=frames, cache=cache, motion=measure, progress=bar)
            skipped = [one for one in found if isinstance(one, Skipped)]
        if cache.store is not None and cache.store.troubles:
            raise LGAError(f"{cache.store.troubles[0]} (the feature cache: LGA_CACHE=FOLDER moves it)")
        done = len(clips) - len(skipped)
        if self.json:
            reasons = [{"path": str(one.path), "reason": one.reason} for one in skipped]
            value = {"encoded": done, "skipped": reasons, "cache": str(cache.folder), "identity": encoder.identity}
            print_json(value)
        else:
            stdout().print(f"{done} of {len(clips)} clips are in the cache {cache.folder}", soft_wrap=True)
        report_motion(self.motion)
        report_skipped(skipped)
        report_cache(cache)
        return 0 if done else 1
