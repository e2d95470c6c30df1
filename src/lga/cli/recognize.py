"""`lga recognize`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro
from tyro.conf import Positional

from lga.cli.options import (
    Accepting,
    Flag,
    existing,
    print_json,
    progress_bar,
    report_cache,
    report_motion,
    report_skipped,
    stderr,
    stdout,
)

if TYPE_CHECKING:
    from lga.features.extract import Skipped
    from lga.recognition import Prepared, Recognition
    from lga.recognizer import Recognizer


@dataclass(frozen=True)
class Recognize:
    """Say which of the taught actions new clips show, how surely, and why.

    Clips are video files, folders of frame pictures, or folders that are searched for clips. Probabilities add up to
    one over the taught actions: they say which of these it is, given that it is one of them. Whether it is one at all
    is learnt from the examples, each asked about with its own action left out; that takes at least two actions with
    two examples each, and with less every clip counts as showing one. What does not is "none of these".

    Example: lga recognize my_actions/ new_clip.mp4
    """

    actions: Positional[Path]
    """folder that `lga teach` wrote"""
    clips: Positional[Annotated[tuple[Path, ...], tyro.conf.arg(metavar="CLIP [CLIP ...]")]]
    """clips to recognise"""
    top: Annotated[int, tyro.conf.arg(metavar="N")] = 3
    """how many labels to show for each clip"""
    accept: Accepting = "suggested"
    """which clips count as a taught action: all (always), those that score at least the threshold that lets 90 % of
    such clips pass (suggested), or at least a number from 0 to 1: the score is the probability of showing a taught
    action if half of your clips do"""
    json: Flag = False
    """print one JSON document instead of tables"""
    pictures: Path | None = None
    """folder to write a picture of each decision to"""
    device: str = "auto"
    """cpu, cuda, cuda:1, mps, or auto"""

    def run(self) -> int:
        """Recognise; exit 1 if no clip could be read."""
        from lga.errors import LGAError, SettingsError
        from lga.recognizer import Recognizer
        from lga.store.folder import load_actions

        if self.top < 1:
            raise SettingsError(f"--top must be at least 1, not {self.top}")
        if not isinstance(self.accept, str) and not 0 <= self.accept <= 1:
            raise SettingsError(f"--accept takes always, suggested or a number from 0 to 1, not {self.accept}")
        actions = load_actions(self.actions)
        report_motion(actions.method.motion, taught=True)
        clips = existing(self.clips)
        if not clips:
            raise LGAError(f"{', '.join(map(str, self.clips)) or 'nothing'}: no clips to recognise there")
        recognizer = Recognizer(actions.backbone.model_copy(update={"device": self.device}))
        prepared = recognizer.prepare(actions)
        found, skipped = self._recognize(recognizer, prepared, clips)
        if self.json:
            self._print_json(found, skipped)
        if self.pictures is not None:
            self._draw(found, prepared, self.pictures)
        if found and found[0].known_score is None and self.accept == "suggested":
            stderr().print(f"every clip counts as a taught action: {found[0].rejection.why}", soft_wrap=True)
        report_skipped(skipped)
        report_cache(recognizer.cache)
        return 0 if found else 1

    def _recognize(
        self, recognizer: "Recognizer", prepared: "Prepared", clips: Sequence[Path]
    ) -> "tuple[list[Recognition], list[Skipped]]":
        from lga.cli.show import headline, recognition_table, stages_table
        from lga.recognition import Recognition

        found: list[Recognition] = []
        skipped: list[Skipped] = []
        with progress_bar("recognising") as (bar,):
            for number, result in enumerate(recognizer.ask(prepared, clips, self.accept), 1):
                bar(number, len(clips))
                if isinstance(result, Recognition):
                    found.append(result)
                    if not self.json:
                        stdout().print(headline(result), soft_wrap=True)
                        stdout().print(recognition_table(result, self.top), stages_table(result), "")
                else:
                    skipped.append(result)
        return found, skipped

    def _print_json(self, found: "Sequence[Recognition]", skipped: "Sequence[Skipped]") -> None:
        from lga.cli.show import recognition_value

        value = {
            "results": [recognition_value(result, self.top) for result in found],
            "skipped": [{"path": str(one.path), "reason": one.reason} for one in skipped],
        }
        print_json(value)

    def _draw(self, found: "Sequence[Recognition]", prepared: "Prepared", folder: Path) -> None:
        from lga.explain.picture import draw_decision

        for number, result in enumerate(found, 1):
            draw_decision(result, prepared, folder / f"{number:03d}_{result.path.stem}.png")
        stderr().print(f"{len(found)} pictures in {folder}", soft_wrap=True)
