from collections.abc import Container
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import av
import numpy as np
import pytest

from lga.actions import Actions
from lga.config import BackboneConfig
from lga.features.cache import FeatureCache
from lga.recognizer import Recognizer
from lga.store.folder import save_actions
from lga.synthetic.render import render_clip, write_clip

SCENES = (("wave", 1), ("open door", 50), ("pull up", 12), ("kick ball", 21), ("wave", 2))


@dataclass(frozen=True, slots=True)
class Scenes:
    """Three actions taught by the toy backbone, and a video of several scenes, some of them taught ones."""

    recognizer: Recognizer
    actions: Actions
    folder: Path
    """the actions on disk"""
    video: Path
    truth: tuple[tuple[float, float, str], ...]
    """when each scene begins and ends, and what it shows"""


def copy_as(video: Path, path: Path, *, shift: float = 0.0, leave: Container[int] = ()) -> Path:
    """The same pictures in another kind of file, `shift` seconds later, without the packets that are left out."""
    with av.open(str(video)) as source, av.open(str(path), "w") as copy:
        stream = source.streams.video[0]
        target = copy.add_stream_from_template(stream)
        for number, packet in enumerate(source.demux(stream)):
            if packet.dts is not None and number not in leave:
                ticks = round(shift / packet.time_base)
                packet.pts, packet.dts, packet.stream = packet.pts + ticks, packet.dts + ticks, target
                copy.mux(packet)
    return path


@pytest.fixture(scope="session")
def scenes(tmp_path_factory) -> Scenes:
    folder = tmp_path_factory.mktemp("watched")
    examples: dict[str, list[Path]] = {"wave": [], "pull up": [], "kick ball": []}
    rendered = cache(lambda label, seed: render_clip(label, seed=seed))
    for number, (label, paths) in enumerate(examples.items()):
        for seed in (1, 2):
            paths.append(folder / f"{label} {seed}.mp4")
            write_clip(rendered(label, seed + 10 * number), paths[-1])
    clips = [rendered(label, seed) for label, seed in SCENES]
    ends = np.cumsum([len(clip.frames) for clip in clips]) / 25
    write_clip(replace(clips[0], frames=np.concatenate([clip.frames for clip in clips])), folder / "long.mp4")
    recognizer = Recognizer(BackboneConfig(backbone="tiny"), cache=FeatureCache(folder / "cache"))
    actions, _ = recognizer.teach(examples)
    save_actions(actions, folder / "actions")
    truth = tuple(
        (float(start), float(end), label) for start, end, (label, _) in zip([0, *ends], ends, SCENES, strict=False)
    )
    return Scenes(recognizer, actions, folder / "actions", folder / "long.mp4", truth)


@pytest.fixture(scope="session")
def stream_file(scenes) -> Path:
    """The same video as an MPEG transport stream, which can be read from a pipe."""
    return copy_as(scenes.video, scenes.video.with_name("long.ts"))
