"""Changes to taught actions that are asked for over HTTP, as functions from the old value to the new one."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from starlette.exceptions import HTTPException

from lga.actions import Actions
from lga.anatomy.descriptions import Descriptions, parse_stages
from lga.anatomy.lexicon import anatomize
from lga.config import MethodConfig
from lga.errors import ActionsError, AnatomyError
from lga.features.extract import Skipped, encode_stages, extract_features
from lga.labels import checked_label, lookup_key
from lga.recognizer import Recognizer
from lga.serve.intake import Upload
from lga.serve.schema import SkippedValue
from lga.serve.settings import ServeConfig
from lga.serve.store import ExampleStore

SOURCE = "given over HTTP"


@dataclass(frozen=True, slots=True)
class Editor:
    """Everything that a change needs besides the actions; one change at a time, for the cache's sake."""

    recognizer: Recognizer
    """its cache is a folder of the server's own, emptied after every change"""
    method: MethodConfig
    config: ServeConfig
    example_store: ExampleStore

    def create(self, actions: Actions | None, label: str, sentences: Sequence[str] | None) -> Actions:
        """Teach a new action by its words.

        Raises:
            LGAError: it can't be a label, or these can't be its sentences.
            HTTPException: it is taught already, or there are too many.
        """
        label = servable(label)
        if actions is not None and actions.spelling(label) is not None:
            raise HTTPException(409, f"{actions.find(label)!r} is taught already; add examples to it")
        return self._teach(actions, label, (), described(label, sentences))[0]

    def add(
        self, actions: Actions | None, label: str, uploads: Sequence[Upload]
    ) -> tuple[Actions, int, list[SkippedValue]]:
        """Add examples to an action, new or known; how many were, and which were not.

        Raises:
            LGAError: the label is new and can't be one, or none of its clips can be used.
            HTTPException: there are too many examples.
        """
        held = 0 if actions is None else len(actions.examples)
        if held + len(uploads) > self.config.max_examples:
            raise HTTPException(409, f"{held} examples are taught, at most {self.config.max_examples}; remove some")
        label = servable(label) if actions is None or actions.spelling(label) is None else actions.find(label)
        told = self._look_over(uploads)
        good = [one for one in uploads if one not in told]
        new = actions is None or actions.spelling(label) is None
        if new and not good:
            first = next(iter(told))
            raise ActionsError(f"none of the {len(uploads)} clips can be used; the first: {first.name}: {told[first]}")
        if actions is not None and not good:
            return actions, 0, _left_out(uploads, told)
        after, skipped = self._teach(actions, label, [one.path for one in good], None)
        told |= {one: one.reason(why.reason) for one in good for why in skipped if why.path == one.path}
        added = len(after.examples) - held
        return self._keep(after, good), added, _left_out(uploads, told)

    def retell(self, actions: Actions, label: str, name: str | None, sentences: Sequence[str] | None) -> Actions:
        """Give an action another name, other sentences, or both.

        Raises:
            LGAError: it can't be a label, or these can't be its sentences.
            HTTPException: the new name is another action's.
        """
        old = actions.anatomies[actions.labels.index(actions.find(label))]
        name = old.label if name is None else servable(name)
        if actions.spelling(name) not in (None, old.label):
            raise HTTPException(409, f"{actions.find(name)!r} is taught already; choose another name")
        told = described(name, sentences)
        stages = actions.method.stages
        new = (
            old.model_copy(update={"label": name})
            if told is None
            else anatomize(name, stages=stages, descriptions=told)
        )
        text = encode_stages([new], actions.method.wording, self.recognizer.encoder, self.recognizer.cache)
        self._forget_features()
        return actions.retold(old.label, new, text[0])

    def _teach(
        self, actions: Actions | None, label: str, paths: Sequence[Path], told: Descriptions | None
    ) -> tuple[Actions, tuple[Skipped, ...]]:
        if actions is not None and actions.spelling(label) is None and len(actions.labels) >= self.config.max_actions:
            raise HTTPException(409, f"{len(actions.labels)} actions are taught, which is the most; remove some")
        try:
            if actions is None:
                return self.recognizer.teach({label: paths}, method=self.method, descriptions=told)
            return self.recognizer.add(actions, label, paths, descriptions=told)
        finally:
            self._forget_features()

    def _look_over(self, uploads: Sequence[Upload]) -> dict[Upload, str]:
        """Which clips can't be used, and why; the others' features wait in the cache."""
        told = {one: one.refused for one in uploads if one.refused}
        rest = [one for one in uploads if one not in told]
        paths = [one.path for one in rest]
        encoder, cache = self.recognizer.encoder, self.recognizer.cache
        found = extract_features(paths, encoder, frames=self.method.frames, cache=cache, limits=self.config.limits)
        wrong = zip(rest, found, strict=True)
        return told | {one: one.reason(why.reason) for one, why in wrong if isinstance(why, Skipped)}

    def _keep(self, actions: Actions, uploads: Sequence[Upload]) -> Actions:
        """Move the new examples' clips to the example_store, and say so in the actions."""
        came = {str(one.path): one for one in uploads}
        kept = list(actions.examples)
        for number, one in enumerate(kept):
            if one.path in came:
                place = self.example_store.place(one.digest, came[one.path].name)
                self.example_store.put(came[one.path].path, place)
                kept[number] = one.model_copy(update={"path": str(place)})
        return replace(actions, examples=tuple(kept))

    def _forget_features(self) -> None:
        if self.recognizer.cache.folder is not None:
            shutil.rmtree(self.recognizer.cache.folder, ignore_errors=True)


def without_action(actions: Actions, label: str) -> Actions | None:
    """These actions less one; None if it was the last."""
    return None if len(actions.labels) == 1 else actions.without(label)


def without_example(actions: Actions, label: str, digest: str) -> Actions:
    """These actions less one example of one label; the same clip may be an example of another."""
    kept = (number for number, one in enumerate(actions.examples) if (one.label, one.digest) != (label, digest))
    return actions.with_examples(tuple(kept))


def servable(label: str) -> str:
    """A new label, if it can be one and stand in an address.

    Raises:
        AnatomyError: it can't.
    """
    label = checked_label(label)
    if "/" in label or label in (".", ".."):
        raise AnatomyError(
            f"a label stands in an address here, so it has no slash and is more than dots, not {label!r}"
        )
    return label


def described(label: str, sentences: Sequence[str] | None) -> Descriptions | None:
    """One label's sentences as if they came from a file."""
    if sentences is None:
        return None
    return Descriptions(SOURCE, (label,), {lookup_key(label): parse_stages(label, list(sentences))})


def _left_out(uploads: Sequence[Upload], told: dict[Upload, str]) -> list[SkippedValue]:
    return [SkippedValue(name=one.name, reason=told[one]) for one in uploads if one in told]
