"""`lga teach`."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional

from lga.cli.options import (
    OUT_FOLDER,
    Flag,
    plural,
    progress,
    report_cache,
    report_motion,
    report_skipped,
    report_unknown,
    stderr,
    stdout,
)
from lga.config import BackboneConfig, MethodConfig


@dataclass(frozen=True)
class Teach:
    """Teach actions from example clips.

    EXAMPLES is a folder with one folder of clips for each action (the folder's name is the label), or a CSV with the
    columns path,label. A few clips for each action are enough, one works, none means: by its words alone. A clip is a
    video file (mp4, mov, 3gp, avi, mkv, webm, mpg, wmv, flv, gif ...) or a folder of frame pictures.

    Example: lga teach my_clips/ --out my_actions/
    """

    examples: Positional[Path]
    """folder with one folder of clips for each action, or a CSV with path,label"""
    out: Annotated[Path, OUT_FOLDER]
    """folder to write the taught actions to; an earlier one is replaced"""
    descriptions: Path | None = None
    """JSON file with your own stage sentences: {label: [sentence, sentence, sentence]}"""
    keep_clips: Flag = False
    """copy the clips into the folder, so that they can be shown later; folders of pictures stay where they are"""
    backbone: BackboneConfig = field(default_factory=BackboneConfig)
    method: MethodConfig = field(default_factory=MethodConfig)

    def run(self) -> int:
        """Teach, save, and say what was learnt from what; exit 1 if that is nothing."""
        from lga.anatomy.descriptions import read_descriptions
        from lga.cli.show import actions_table
        from lga.datasets.manifest import read_examples
        from lga.features.extract import not_a_clip
        from lga.store.folder import save_actions

        with progress() as bars:
            bars.now("looking for clips")
            told = read_descriptions(self.descriptions, stages=self.method.stages) if self.descriptions else None
            given = read_examples(self.examples)
            clips = {label: [clip.path for clip in given.clips if clip.label == label] for label in given.labels}
            report_unknown([label for label in given.labels if told is None or told.find(label) is None], clips=clips)
            bars.now("loading")
            from lga.recognizer import Recognizer

            recognizer = Recognizer(self.backbone)
            report_motion(self.method.motion)
            bars.now("reading sentences")
            bar = bars.add("teaching")
            actions, skipped = recognizer.teach(clips, method=self.method, descriptions=told, progress=bar)
            bars.now("saving")
            kept = {one.path for one in actions.examples} if self.keep_clips else set[str]()
            actions = save_actions(actions, self.out, keep=kept)
        stdout().print(actions_table(actions))
        ignored = tuple(not_a_clip(path) for path in given.ignored)
        report_skipped(ignored + skipped)
        report_cache(recognizer.cache)
        for label in sorted({clip.label for clip in given.clips} - {one.label for one in actions.examples}):
            stderr().print(f"{label}: none of its clips could be used, so it is taught by its words", soft_wrap=True)
        what = f"{plural(len(actions.labels), 'action')} from {plural(len(actions.examples), 'clip')}"
        stdout().print(f"taught {what}: {self.out}", soft_wrap=True)
        return 0
