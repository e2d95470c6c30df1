"""`lga explain`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from tyro.conf import Positional

from lga.cli.options import OUT_FILE, Accepting, load_taught, progress, report_cache, report_motion, stderr, stdout


@dataclass(frozen=True)
class Explain:
    """Show why a clip is recognised as what it is, on one page that opens in any browser.

    The page holds the clip and the nearest examples of the likeliest labels as film strips with their stages, the
    scores of video and words stage by stage, which frame was matched with which, and whether the clip shows a taught
    action at all. It loads nothing from elsewhere.

    Example: lga explain my_actions/ new_clip.mp4 --out report.html
    """

    actions: Positional[Path]
    """folder that `lga teach` wrote"""
    clip: Positional[Path]
    """clip to explain: a video file or a folder of frame pictures"""
    out: Annotated[Path, OUT_FILE]
    """HTML file to write; an earlier one is replaced"""
    png: Path | None = None
    """folder to write the pictures to as PNG files"""
    top: Annotated[int, tyro.conf.arg(metavar="N")] = 3
    """how many labels to explain"""
    accept: Accepting = "suggested"
    """which clips count as a taught action; see `lga recognize --help`"""
    device: str = "auto"
    """cpu, cuda, cuda:1, mps, or auto"""

    def run(self) -> int:
        """Explain, write, and say the answer."""
        from lga.cli.show import headline
        from lga.explain.explanation import explain_clip
        from lga.explain.page import write_page, write_pictures

        with progress() as bars:
            bars.now("loading")
            from lga.recognizer import Recognizer

            actions = load_taught(self.actions, [self.clip])
            report_motion(actions.method.motion, taught=True)
            recognizer = Recognizer(actions.backbone.model_copy(update={"device": self.device}))
            bars.now("explaining")
            explanation = explain_clip(recognizer, actions, self.clip, top=self.top, accept=self.accept)
            write_page(explanation, self.out)
        stdout().print(headline(explanation.recognition), soft_wrap=True)
        stdout().print(f"why: {self.out}", soft_wrap=True)
        if self.png is not None:
            names = write_pictures(explanation, self.png)
            stdout().print(f"pictures: {', '.join(names)} in {self.png}", soft_wrap=True)
        if explanation.recognition.known_score is None:
            stderr().print(
                f"every clip counts as a taught action: {explanation.recognition.rejection.why}", soft_wrap=True
            )
        report_cache(recognizer.cache)
        return 0
