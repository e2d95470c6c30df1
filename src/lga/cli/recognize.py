"""`lga recognize`."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro
from tyro.conf import Positional

from lga.cli.options import (
    DEVICE,
    OUT_FILE,
    Accepting,
    Flag,
    existing,
    load_taught,
    print_json,
    progress,
    report_cache,
    report_motion,
    report_skipped,
    stderr,
    stdout,
    verbose,
)
from lga.errors import SettingsError
from lga.files import to_csv, write_atomically

if TYPE_CHECKING:
    from lga.cli.lines import ResultLines
    from lga.features.extract import Skipped
    from lga.progress import Bar
    from lga.recognition import Prepared, Recognition
    from lga.recognizer import Recognizer

ENDINGS = (".csv", ".jsonl", ".json")
LONG = 10.0
"""Seconds from which on a clip may hold more than one action."""


@dataclass(frozen=True)
class Recognize:
    """Say which of the taught actions new clips show, how surely, and why.

    Clips are video files, folders of frame pictures, or folders that are searched for clips. A line names the clip, its
    action, how sure that is, where the stages end in seconds, and the nearest example; -v shows all scores.

    An answer is called sure, likely or unsure by how often such answers are right, in docs/figures.md. What looks like
    nothing that was taught is "none of yours". That is learnt from the examples, each asked about with its own action
    left out, and takes at least two actions with two examples each; with less every clip counts as showing one.

    Example: lga recognize my_actions/ new_clip.mp4
    """

    actions: Positional[Path]
    """folder that `lga teach` wrote"""
    clips: Positional[Annotated[tuple[Path, ...], tyro.conf.arg(metavar="CLIP [CLIP ...]")]]
    """clips to recognise, or folders of them"""
    out: Annotated[Path | None, OUT_FILE] = None
    """file to write the answers to: .csv, .jsonl or .json, by its ending"""
    json: Flag = False
    """print one JSON document instead of lines"""
    top: Annotated[int, tyro.conf.arg(metavar="N")] = 3
    """how many labels -v and --json give for each clip"""
    pictures: Path | None = None
    """folder to write a picture of each decision to"""
    accept: Accepting = "suggested"
    """which clips count as a taught action: all (always), those that score at least the threshold that lets 90 % of
    such clips pass (suggested), or at least a number from 0 to 1: the score is the probability of showing a taught
    action if half of your clips do"""
    exact: Flag = False
    """compare clips in full with all examples, also where thousands are taught; slower, and seldom another answer"""
    device: Annotated[str, DEVICE] = "auto"
    """cpu, cuda, cuda:1, mps, or auto"""

    def run(self) -> int:
        """Recognise; exit 1 if no clip could be read."""
        if self.out is not None and self.out.suffix not in ENDINGS:
            raise SettingsError(f"--out {self.out}: the ending says the format; one of {', '.join(ENDINGS)} is wanted")
        with progress() as bars:
            bars.now("loading")
            from lga.recognizer import Recognizer

            actions = load_taught(self.actions, self.clips)
            report_motion(actions.method.motion, taught=True)
            clips = existing(self.clips)
            if not clips:
                raise SettingsError(f"{self.clips[0] if self.clips else 'nothing'}: no clips to recognise there")
            recognizer = Recognizer(actions.backbone.model_copy(update={"device": self.device}))
            prepared = recognizer.prepare(actions, exact=self.exact)
            bar = bars.add("recognising", len(clips))
            found, skipped = self._recognize(recognizer, prepared, clips, bar)
        self._close(found, skipped)
        if self.pictures is not None:
            self._draw(found, prepared, self.pictures)
        if found and found[0].known_score is None and self.accept == "suggested":
            stderr().print(f"every clip counts as a taught action: {found[0].rejection.why}", soft_wrap=True)
        report_skipped(skipped)
        report_cache(recognizer.cache)
        return 0 if found else 1

    def _recognize(
        self, recognizer: "Recognizer", prepared: "Prepared", clips: Sequence[Path], bar: "Bar"
    ) -> "tuple[list[Recognition], list[Skipped]]":
        from lga.cli.lines import ResultLines
        from lga.recognition import Recognition

        found: list[Recognition] = []
        skipped: list[Skipped] = []
        lines = ResultLines(stdout(), clips, prepared.actions.labels)
        for number, result in enumerate(recognizer.ask(prepared, clips, self.accept), 1):
            bar(number, len(clips))
            if isinstance(result, Recognition):
                found.append(result)
                if not self.json:
                    self._show(result, lines)
            else:
                skipped.append(result)
        return found, skipped

    def _show(self, result: "Recognition", lines: "ResultLines") -> None:
        """One line, or with -v everything in tables."""
        from lga.cli.show import headline, recognition_table, stages_table

        if verbose():
            stdout().print(headline(result), soft_wrap=True)
            stdout().print(recognition_table(result, self.top), stages_table(result), "")
        else:
            stdout().print(lines.line(result), soft_wrap=True)

    def _close(self, found: "Sequence[Recognition]", skipped: "Sequence[Skipped]") -> None:
        """Write or print the whole, and say how it went."""
        from lga.cli.lines import summary
        from lga.cli.show import answers_rows, recognition_value

        values = [recognition_value(result, self.top) for result in found]
        whole = {"results": values, "skipped": [{"path": str(one.path), "reason": one.reason} for one in skipped]}
        if self.out is not None:
            text = {
                ".csv": lambda: to_csv(answers_rows(found)),
                ".jsonl": lambda: "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in values),
                ".json": lambda: json.dumps(whole, indent=2, ensure_ascii=False) + "\n",
            }[self.out.suffix]()
            write_atomically(self.out, text.encode("utf-8", "backslashreplace"))
        if self.json:
            print_json(whole)
        elif len(found) + len(skipped) > 1 or self.out is not None:
            stderr().print(summary(found, len(skipped), self.out), soft_wrap=True)
        for one in found:
            if one.duration > LONG:
                long = f"{one.path} lasts {one.duration:.0f} s and was asked about as one clip"
                stderr().print(f"{long}; `lga watch` finds what happens when", soft_wrap=True)

    def _draw(self, found: "Sequence[Recognition]", prepared: "Prepared", folder: Path) -> None:
        from lga.explain.picture import draw_decision

        for number, result in enumerate(found, 1):
            draw_decision(result, prepared, folder / f"{number:03d}_{result.path.stem}.png")
        stderr().print(f"{len(found)} pictures in {folder}", soft_wrap=True)
