"""`lga actions`: show taught actions, change them without teaching the rest again, and pass them on."""

from collections.abc import Callable, Collection
from contextlib import closing
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
    stderr,
    stdout,
)
from lga.errors import ActionsError, SettingsError

if TYPE_CHECKING:
    from lga.actions import Actions
    from lga.features.extract import Skipped
    from lga.recognizer import Recognizer
    from lga.store.folder import ActionsFolder
    from lga.taught import TaughtActions


@dataclass(frozen=True)
class List:
    """List the taught actions, with their examples and where their sentences come from."""

    actions: Positional[Path]
    """folder that `lga teach` wrote"""
    search: Annotated[str | None, tyro.conf.arg(metavar="TEXT")] = None
    """list only actions with this in their name; capitals and signs between words do not matter"""
    limit: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """list so many at most"""
    json: Flag = False
    """print one JSON document instead of a table"""

    def run(self) -> int:
        """Print one row an action."""
        from lga.cli.show import actions_table
        from lga.store.listing import read_taught

        if self.limit is not None and self.limit < 1:
            raise SettingsError(f"--limit takes a number of actions from 1 on, not {self.limit}")
        actions = read_taught(self.actions)
        found = actions.search(self.search or "")
        listed = found[: self.limit]
        if self.json:
            rows = [
                {"label": one.label, "examples": len(actions.examples_of(one.label)), "origin": one.origin}
                for one in listed
            ]
            print_json({"identity": actions.identity, "actions": rows})
        else:
            stdout().print(actions_table(actions, listed))
            if len(listed) < len(actions.labels):
                stderr().print(f"{len(listed)} of {plural(len(actions.labels), 'action')}", soft_wrap=True)
        return 0


@dataclass(frozen=True)
class Show:
    """Show one taught action, or all of them: their stages and where their examples came from."""

    actions: Positional[Path]
    """folder that `lga teach` wrote"""
    label: Positional[str | None] = None
    """the action; without it, all"""
    json: Flag = False
    """print one JSON document instead of tables"""

    def run(self) -> int:
        """Print the anatomy and the examples."""
        from lga.store.listing import read_taught

        actions = read_taught(self.actions)
        if self.json:
            print_json(_whole(actions) if self.label is None else _one(actions, actions.find(self.label)))
            return 0
        for label in actions.labels if self.label is None else (actions.find(self.label),):
            _print_action(actions, label)
        return 0


@dataclass(frozen=True)
class Add:
    """Add an action, or more examples to one; nothing else is encoded again.

    Others may change the same folder meanwhile.

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
    keep_clips: Flag = False
    """copy the clips into the folder, so that they can be shown later; folders of pictures stay where they are"""

    def run(self) -> int:
        """Encode, add and save."""
        from lga.anatomy.descriptions import read_descriptions
        from lga.store.clips import as_text

        with _open(self.actions) as store:
            actions = store.load_taught()
            report_motion(actions.method.motion)
            stages = actions.method.stages
            descriptions = read_descriptions(self.descriptions, stages=stages) if self.descriptions else None
            given = existing(self.clips)
            if descriptions is None and actions.spelling(self.label) is None:
                report_unknown([self.label], clips={self.label: given})
            skipped = list["Skipped"]()
            with progress_bar("adding") as (bar,):
                recognizer = _recognizer(actions)
                clips = recognizer.encode_clips(actions.method, given, progress=bar)

            def add(now: "Actions") -> "Actions":
                after, left_out = recognizer.add(now, self.label, clips, descriptions=descriptions)
                skipped[:] = left_out
                if given and len(after.examples) == len(now.examples):
                    report_skipped(skipped)
                    raise ActionsError(f"none of the {plural(len(given), 'clip')} can be used; nothing was added")
                return after

            keep = {as_text(path.absolute()) for path in clips.paths} if self.keep_clips else set[str]()
            _change(store, add, keep=keep)
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
        if (self.label is None) == (self.example is None):
            raise SettingsError("name either an action or, with --example, one example to remove")
        label, example = self.label or "", self.example
        with _open(self.actions) as store:
            _change(store, lambda now: now.without(label) if example is None else now.without_example(example))
        return 0


@dataclass(frozen=True)
class Rename:
    """Give an action another name; its sentences and examples stay.

    Example: lga actions rename my_actions/ "ride a bike" cycling
    """

    actions: Positional[Path]
    """folder that `lga teach` wrote"""
    label: Positional[str]
    """the action"""
    name: Positional[str]
    """its new name"""

    def run(self) -> int:
        """Rename and save."""
        with _open(self.actions) as store:
            recognizer = _recognizer(store.load_taught())
            _change(store, lambda now: recognizer.rename(now, self.label, self.name))
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
        from lga.anatomy.descriptions import read_descriptions

        with _open(self.actions) as store:
            actions = store.load_taught()
            descriptions = read_descriptions(self.descriptions, stages=actions.method.stages)
            recognizer = _recognizer(actions)
            _change(store, lambda now: recognizer.describe(now, descriptions))
        return 0


@dataclass(frozen=True)
class ExportActions:
    """Write taught actions to one file to be passed on: sentences and features, without any clip.

    Example: lga actions export my_actions/ my_actions.safetensors
    """

    actions: Positional[Path]
    """folder that `lga teach` wrote"""
    file: Positional[Path]
    """file to write; an earlier one is replaced"""

    def run(self) -> int:
        """Read and write."""
        from lga.store.folder import load_actions
        from lga.store.share import export_actions

        actions = load_actions(self.actions)
        export_actions(actions, self.file)
        what = f"{plural(len(actions.labels), 'action')} with {plural(len(actions.examples), 'example')}"
        stdout().print(f"exported {what}: {self.file}", soft_wrap=True)
        return 0


@dataclass(frozen=True)
class ImportActions:
    """Read a file that `lga actions export` wrote into a folder.

    Example: lga actions import my_actions.safetensors my_actions/
    """

    file: Positional[Path]
    """file to read"""
    actions: Positional[Path]
    """folder for the taught actions, new or empty"""
    merge: Flag = False
    """add to what is taught in the folder; an action that is in both keeps the folder's sentences"""

    def run(self) -> int:
        """Read, check and save."""
        from lga.cli.show import actions_table
        from lga.store.merge import merge
        from lga.store.share import import_actions

        shared = import_actions(self.file)

        def add(now: "Actions | None") -> "Actions | None":
            if now is not None and not self.merge:
                raise ActionsError(f"{self.actions}: actions are taught there; --merge adds to them")
            return merge(None, shared, now)

        with _open(self.actions) as store:
            after = store.change(add) or shared
        stdout().print(actions_table(after))
        return 0


def _whole(actions: "TaughtActions") -> dict[str, object]:
    return {
        "backbone": actions.backbone.model_dump(mode="json"),
        "identity": actions.identity,
        "method": actions.method.model_dump(mode="json"),
        "actions": [_one(actions, label) for label in actions.labels],
    }


def _one(actions: "TaughtActions", label: str) -> dict[str, object]:
    return {
        "anatomy": actions.anatomies[actions.labels.index(label)].model_dump(mode="json"),
        "examples": [one.model_dump(mode="json") for one in actions.examples if one.label == label],
    }


def _print_action(actions: "TaughtActions", label: str) -> None:
    from lga.cli.show import anatomy_table

    table = light_table("example", "seconds", "sha256")
    for one in actions.examples:
        if one.label == label:
            table.add_row(one.path, f"{one.duration:.2f}", one.digest[:12])
    stdout().print(anatomy_table(actions.anatomies[actions.labels.index(label)]), table)


def _recognizer(actions: "Actions") -> "Recognizer":
    from lga.recognizer import Recognizer

    return Recognizer(actions.backbone)


def _open(folder: Path) -> "closing[ActionsFolder]":
    """A folder of taught actions, read once: what `_change` changes is read again only if others have changed it."""
    from lga.store.folder import ActionsFolder

    return closing(ActionsFolder(folder))


def _change(store: "ActionsFolder", edit: "Callable[[Actions], Actions]", *, keep: Collection[str] = ()) -> None:
    """Change what is taught in a folder by then, and print it."""
    from lga.cli.show import actions_table

    def change(now: "Actions | None") -> "Actions":
        if now is None:
            raise ActionsError(f"{store.folder}: nothing is taught there; give the folder that `lga teach` wrote")
        return edit(now)

    after = store.change(change, keep=keep)
    if after is not None:
        stdout().print(actions_table(after))
