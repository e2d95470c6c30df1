"""`lga actions list | show | add | remove | describe`: change taught actions without teaching the rest again."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro
from tyro.conf import Positional

from lga.cli.options import (
    Flag,
    existing,
    light_table,
    plural,
    print_json,
    progress_bar,
    report_cache,
    report_motion,
    report_skipped,
    report_unknown,
    stdout,
)
from lga.errors import ActionsError

if TYPE_CHECKING:
    from lga.actions import Actions
    from lga.recognizer import Recognizer


@dataclass(frozen=True)
class List:
    """List the taught actions, with their examples and where their sentences come from."""

    actions: Positional[Path]
    """folder that `lga teach` wrote"""
    json: Flag = False
    """print one JSON document instead of a table"""

    def run(self) -> int:
        """Print one row an action."""
        from lga.actions import load_actions
        from lga.cli.show import actions_table

        actions = load_actions(self.actions)
        if self.json:
            counts = [sum(one.label == label for one in actions.examples) for label in actions.labels]
            rows = [
                {"label": one.label, "examples": count, "origin": one.origin}
                for one, count in zip(actions.anatomies, counts, strict=True)
            ]
            print_json({"identity": actions.identity, "actions": rows})
        else:
            stdout().print(actions_table(actions))
        return 0


@dataclass(frozen=True)
class Show:
    """Show one taught action: its stages and where its examples came from."""

    actions: Positional[Path]
    """folder that `lga teach` wrote"""
    label: Positional[str]
    """the action"""
    json: Flag = False
    """print one JSON document instead of tables"""

    def run(self) -> int:
        """Print the anatomy and the examples."""
        from lga.actions import load_actions
        from lga.cli.show import anatomy_table

        actions = load_actions(self.actions)
        label = actions.find(self.label)
        anatomy = next(one for one in actions.anatomies if one.label == label)
        examples = [one for one in actions.examples if one.label == label]
        if self.json:
            value = {
                "anatomy": anatomy.model_dump(mode="json"),
                "examples": [one.model_dump(mode="json") for one in examples],
            }
            print_json(value)
            return 0
        table = light_table("example", "seconds", "sha256")
        for one in examples:
            table.add_row(one.path, f"{one.duration:.2f}", one.digest[:12])
        stdout().print(anatomy_table(anatomy), table)
        return 0


@dataclass(frozen=True)
class Add:
    """Add an action, or more examples to one; nothing else is encoded again.

    Example: lga actions add my_actions/ "ride a bike" bike1.mp4 bike2.mp4
    """

    actions: Positional[Path]
    """folder that `lga teach` wrote"""
    label: Positional[str]
    """the action, new or known"""
    clips: Positional[Annotated[tuple[Path, ...], tyro.conf.arg(metavar="[CLIP ...]")]] = ()
    """example clips; without any, a new action is taught by its words alone"""
    descriptions: Path | None = None
    """JSON file with your own stage sentences"""

    def run(self) -> int:
        """Add and save."""
        from lga.actions import load_actions
        from lga.anatomy.descriptions import read_descriptions

        actions = load_actions(self.actions)
        report_motion(actions.method.motion)
        stages = actions.method.stages
        descriptions = read_descriptions(self.descriptions, stages=stages) if self.descriptions else None
        clips = existing(self.clips)
        if descriptions is None and actions.spelling(self.label) is None:
            report_unknown([self.label], clips={self.label: clips})
        with progress_bar("adding") as (bar,):
            recognizer = _recognizer(actions)
            changed, skipped = recognizer.add(actions, self.label, clips, descriptions=descriptions, progress=bar)
        if clips and len(changed.examples) == len(actions.examples):
            report_skipped(skipped)
            raise ActionsError(f"none of the {plural(len(clips), 'clip')} can be used; nothing was added")
        _save(changed, self.actions)
        report_skipped(skipped)
        report_cache(recognizer.cache)
        return 0


@dataclass(frozen=True)
class Remove:
    """Remove an action with its examples, or one example.

    Example: lga actions remove my_actions/ "ride a bike"
    """

    actions: Positional[Path]
    """folder that `lga teach` wrote"""
    label: Positional[str | None] = None
    """the action to remove"""
    example: str | None = None
    """remove this example only: its path as `lga actions show` prints it"""

    def run(self) -> int:
        """Remove and save; needs no backbone."""
        from lga.actions import load_actions
        from lga.errors import SettingsError

        if (self.label is None) == (self.example is None):
            raise SettingsError("name either an action or, with --example, one example to remove")
        actions = load_actions(self.actions)
        changed = actions.without_example(self.example) if self.example else actions.without(self.label or "")
        _save(changed, self.actions)
        return 0


@dataclass(frozen=True)
class Describe:
    """Replace the sentences of taught actions by your own.

    Example: lga actions describe my_actions/ sentences.json
    """

    actions: Positional[Path]
    """folder that `lga teach` wrote"""
    descriptions: Positional[Path]
    """JSON file: {label: [sentence, sentence, sentence]}"""

    def run(self) -> int:
        """Describe and save."""
        from lga.actions import load_actions
        from lga.anatomy.descriptions import read_descriptions

        actions = load_actions(self.actions)
        descriptions = read_descriptions(self.descriptions, stages=actions.method.stages)
        _save(_recognizer(actions).describe(actions, descriptions), self.actions)
        return 0


def _recognizer(actions: "Actions") -> "Recognizer":
    from lga.recognizer import Recognizer

    return Recognizer(actions.backbone)


def _save(actions: "Actions", folder: Path) -> None:
    from lga.actions import save_actions
    from lga.cli.show import actions_table

    save_actions(actions, folder)
    stdout().print(actions_table(actions))
