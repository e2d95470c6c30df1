"""Changes to taught actions that are asked for over HTTP, as functions from the old value to the new one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from starlette.exceptions import HTTPException

from lga.actions import Actions
from lga.anatomy.descriptions import Descriptions, parse_stages
from lga.anatomy.lexicon import anatomize
from lga.config import MethodConfig
from lga.errors import ActionsError, AnatomyError
from lga.labels import checked_label, lookup_key
from lga.recognizer import EncodedClips, Recognizer
from lga.serve.intake import Upload
from lga.serve.schema import SkippedValue
from lga.serve.settings import ServeConfig

SOURCE = "given over HTTP"


@dataclass(frozen=True, slots=True)
class Editor:
    """Makes new actions from old ones as requests ask for it; the old ones stay as they are."""

    recognizer: Recognizer
    method: MethodConfig
    config: ServeConfig

    def create(self, actions: Actions | None, label: str, sentences: Sequence[str] | None) -> Actions:
        """Teach a new action by its words.

        Raises:
            LGAError: it can't be a label, or these can't be its sentences.
            HTTPException: it is taught already, or there are too many.
        """
        label = servable(label)
        if actions is not None and actions.spelling(label) is not None:
            raise HTTPException(409, f"{actions.find(label)!r} is taught already; add examples to it")
        return self._with_words(actions, label, described(label, sentences))

    def encode(self, actions: Actions | None, uploads: Sequence[Upload]) -> EncodedClips:
        """The uploads that may be clips, encoded for these actions; the slow part of `add`."""
        method = self.method if actions is None else actions.method
        paths = [upload.path for upload in uploads if not upload.refused]
        return self.recognizer.encode_clips(method, paths, limits=self.config.limits)

    def add(
        self, actions: Actions | None, label: str, uploads: Sequence[Upload], clips: EncodedClips
    ) -> tuple[Actions, int, list[SkippedValue]]:
        """Add examples to an action, new or known: the new actions, how many were added, and the clips left out.

        Raises:
            LGAError: the label is new and can't be one, or none of its clips can be used.
            HTTPException: there are too many examples or actions.
        """
        held = 0 if actions is None else len(actions.examples)
        if held + len(uploads) > self.config.max_examples:
            raise HTTPException(409, f"{held} examples are taught, at most {self.config.max_examples}; remove some")
        known = None if actions is None else actions.spelling(label)
        if actions is None or known is None:
            label = servable(label)
            before = self._with_words(actions, label, None)
        else:
            label, before = known, actions
        after, skipped = self.recognizer.add(before, label, clips)
        reasons = {clip.path: clip.reason for clip in skipped}
        left_out = [
            SkippedValue(name=upload.name, reason=upload.refused or upload.reason(reasons[upload.path]))
            for upload in uploads
            if upload.refused or upload.path in reasons
        ]
        if known is None and len(after.examples) == held:
            first = left_out[0]
            raise ActionsError(f"none of the {len(uploads)} clips can be used; the first: {first.name}: {first.reason}")
        return self._named(after, uploads), len(after.examples) - held, left_out

    def change(self, actions: Actions, label: str, name: str | None, sentences: Sequence[str] | None) -> Actions:
        """Give an action another name, other sentences, or both.

        Raises:
            LGAError: it can't be a label, or these can't be its sentences.
            HTTPException: the new name is another action's.
        """
        old = actions.anatomies[actions.labels.index(actions.find(label))]
        name = old.label if name is None else servable(name)
        if actions.spelling(name) not in (None, old.label):
            raise HTTPException(409, f"{actions.find(name)!r} is taught already; choose another name")
        descriptions = described(name, sentences)
        if descriptions is None:
            return self.recognizer.rename(actions, old.label, name)
        new = anatomize(name, stages=actions.method.stages, descriptions=descriptions)
        return self.recognizer.reword(actions, old.label, new)

    def _with_words(self, actions: Actions | None, label: str, descriptions: Descriptions | None) -> Actions:
        """These actions and a new one, which has no examples yet."""
        if actions is None:
            return self.recognizer.teach({label: ()}, method=self.method, descriptions=descriptions)[0]
        if len(actions.labels) >= self.config.max_actions:
            raise HTTPException(409, f"{len(actions.labels)} actions are taught, which is the most; remove some")
        return self.recognizer.add(actions, label, (), descriptions=descriptions)[0]

    def _named(self, actions: Actions, uploads: Sequence[Upload]) -> Actions:
        """If clips are not kept, of new examples the name alone; else the folder takes them from where they are."""
        if not self.config.forget_clips:
            return actions
        names = {str(upload.path): upload.name for upload in uploads}
        examples = (one.model_copy(update={"path": names.get(one.path, one.path)}) for one in actions.examples)
        return replace(actions, examples=tuple(examples))


def without_action(actions: Actions, label: str) -> Actions | None:
    """These actions less one; None if it was the last."""
    return None if len(actions.labels) == 1 else actions.without(label)


def without_example(actions: Actions, label: str, digest: str) -> Actions:
    """These actions less one example of one label; the same clip may be an example of another."""
    kept = [
        number for number, example in enumerate(actions.examples) if (example.label, example.digest) != (label, digest)
    ]
    return actions.with_examples(kept)


def servable(label: str) -> str:
    """A new label, checked: the server's addresses contain it, so some labels that files allow are refused.

    Raises:
        AnatomyError: it can't be a label, or not part of an address.
    """
    label = checked_label(label)
    if "/" in label or label in (".", ".."):
        raise AnatomyError(
            f"a label is part of an address here, so it has no slash and is more than dots, not {label!r}"
        )
    return label


def described(label: str, sentences: Sequence[str] | None) -> Descriptions | None:
    """One label's sentences as if they came from a file."""
    if sentences is None:
        return None
    return Descriptions(SOURCE, (label,), {lookup_key(label): parse_stages(label, list(sentences))})
