"""What people hold: teach actions from example clips, recognise them in new ones."""

import os
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from lga.actions import Actions, check_actions
from lga.anatomy.descriptions import Descriptions
from lga.anatomy.lexicon import anatomize
from lga.anatomy.schema import Anatomy, template_anatomy
from lga.backbone.protocol import Backbone
from lga.config import BackboneConfig, MethodConfig, Motion
from lga.datasets.manifest import LabelledClip
from lga.errors import ActionsError
from lga.features.cache import ClipFeatures, FeatureCache, default_cache
from lga.features.extract import BATCH, Progress, Skipped, encode_stages, extract_features, sift
from lga.files import as_paths
from lga.labels import check_unique_labels, checked_label
from lga.model.pretrained import load_pretrained, portable
from lga.motion.descriptor import NUMBERS, stages_of
from lga.motion.encoder import MotionEncoder, find_encoder
from lga.recognition import Accept, Prepared, Recognition, prepare
from lga.taught import Example
from lga.video.files import UNLIMITED, Limits


@dataclass(frozen=True, slots=True)
class EncodedClips:
    """Clips that are encoded, ready to be added to actions that are taught by the same settings."""

    paths: tuple[Path, ...]
    found: tuple[ClipFeatures | Skipped, ...]
    """what each is, or why it cannot be read"""
    method: MethodConfig


class Recognizer:
    """A backbone and a feature cache, ready to teach and to recognise; the taught actions are a value it returns.

    >>> recognizer = Recognizer()
    >>> actions, skipped = recognizer.teach({"jump into pool": ["a.mp4"], "ride a bike": ["b.mp4"]})
    >>> for result in recognizer.recognize(actions, ["new.mp4"]):
    ...     print(result.label, result.probability)
    """

    def __init__(
        self,
        backbone: BackboneConfig | None = None,
        *,
        cache: FeatureCache | None = None,
        encoder: Backbone | None = None,
    ):
        """Load the backbone (default: `offline`); `encoder` brings one of your own, `cache` another feature cache."""
        self.cache = cache or default_cache()
        self.source = load_pretrained(backbone, encoder)
        self.config, self.encoder = self.source.config, self.source.backbone
        self._encoders: dict[Motion, MotionEncoder | None] = {}

    def __repr__(self) -> str:
        """On one line."""
        return f"Recognizer({self.encoder.identity!r})"

    def teach(
        self,
        examples: Mapping[str, Sequence[str | Path]],
        *,
        method: MethodConfig | None = None,
        descriptions: Descriptions | None = None,
        progress: Progress | None = None,
    ) -> tuple[Actions, tuple[Skipped, ...]]:
        """Turn labels with their example clips into taught actions; clips that cannot be read are returned as skipped.

        A label without a usable clip is taught by its words alone. With stages auto, a label of which neither
        `descriptions` nor a lexicon speaks gets as many stages as the motion of its examples shows.

        Raises:
            AnatomyError: a label is not one, or a label is described that is not among them.
            ActionsError: there are no labels, or clips are given and none can be used.
            ManifestError: two labels are spellings of the same action.
        """
        if not examples:
            raise ActionsError("nothing to teach: give at least one label")
        check_unique_labels("the examples", tuple(examples))
        method = self.source.method(method or MethodConfig())
        method = method.updated({"motion": self._measurable(method.motion)})
        if descriptions is not None:
            descriptions.check_used(examples)
        anatomies, text = self._read(tuple(examples), method, descriptions)
        empty = torch.zeros(0, method.frames, self.encoder.space.dim)
        actions = Actions(
            backbone=portable(self.config, self.encoder),
            identity=self.encoder.identity,
            method=method,
            anatomies=anatomies,
            examples=(),
            text=text,
            frames=empty,
            head=self.source.head,
            motion=None if method.motion == "none" else torch.zeros(0, NUMBERS),
        )
        spelt = zip(examples.values(), (one.label for one in anatomies), strict=True)
        clips = [LabelledClip(path, label) for paths, label in spelt for path in as_paths(paths)]
        encoded = self.encode_clips(method, [clip.path for clip in clips], progress=progress)
        actions, skipped = self._with_clips(actions, clips, encoded)
        if clips and not actions.examples:
            raise _unusable(skipped)
        return self._staged_by_examples(actions, actions.labels), skipped

    def add(
        self,
        actions: Actions,
        label: str,
        clips: Sequence[str | Path] | EncodedClips,
        *,
        descriptions: Descriptions | None = None,
        limits: Limits = UNLIMITED,
        progress: Progress | None = None,
    ) -> tuple[Actions, tuple[Skipped, ...]]:
        """These actions and more examples of a label, new or known; nothing else is encoded again.

        Clips that cannot be used or are beyond the limits are returned as skipped. Where the label's number of stages
        comes from the motion of its examples, it is chosen again.

        Raises:
            ActionsError: the actions were taught with another backbone, or by other settings than the clips were
                encoded by; none of a new label's clips can be used; or sentences are given for a label that has some.
            AnatomyError: the label is not one, or another one is described.
        """
        self.check(actions)
        if not isinstance(clips, EncodedClips):
            clips = self.encode_clips(actions.method, clips, limits=limits, progress=progress)
        if self._reading(clips.method) != self._reading(actions.method):
            raise ActionsError("these actions have been taught anew meanwhile, by other settings; try again")
        known = actions.spelling(label)
        new = known is None
        if known is None:
            if descriptions is not None:
                descriptions.check_used((label,), taught=actions.labels)
            anatomies, text = self._read((label,), actions.method, descriptions)
            known = anatomies[0].label
            actions = actions.with_action(anatomies[0], text[0])
        elif descriptions is not None:
            raise ActionsError(f"{known!r} is already taught; give it other sentences with `lga actions describe`")
        more, skipped = self._with_clips(actions, [LabelledClip(path, known) for path in clips.paths], clips)
        if new and clips.paths and len(more.examples) == len(actions.examples):
            raise _unusable(skipped)
        return self._staged_by_examples(more, (known,)), skipped

    def describe(self, actions: Actions, descriptions: Descriptions) -> Actions:
        """These actions with the sentences of a descriptions file; labels that it does not name stay as they are.

        Raises:
            ActionsError: the actions were taught with another backbone, or the file names a label that is not taught.
        """
        self.check(actions)
        for label in descriptions.labels:
            actions.find(label)
        for old in actions.anatomies:
            new = anatomize(old.label, stages=actions.method.stages, descriptions=descriptions)
            if new.origin == "file":
                actions = self.reword(actions, old.label, new)
        return actions

    def reword(self, actions: Actions, label: str, anatomy: Anatomy) -> Actions:
        """These actions with another name or other sentences for one of them.

        Raises:
            ActionsError: the actions were taught with another backbone, no such label is taught, or the new name is
                that of another action.
        """
        self.check(actions)
        return actions.with_anatomy(label, anatomy, self._encode([anatomy], actions.method)[0])

    def rename(self, actions: Actions, label: str, name: str) -> Actions:
        """These actions with another name for one of them; its sentences and examples stay.

        Raises:
            ActionsError: as `reword`.
            AnatomyError: the name cannot be a label.
        """
        old = actions.anatomies[actions.labels.index(actions.find(label))]
        return self.reword(actions, old.label, old.model_copy(update={"label": checked_label(name)}))

    def recognize(self, actions: Actions, paths: Iterable[str | Path]) -> Generator[Recognition | Skipped]:
        """Say what each clip shows, in order; a clip that cannot be read comes back as skipped.

        Raises:
            ActionsError: the actions were taught with another backbone.
        """
        yield from self.ask(self.prepare(actions), paths)

    def ask(
        self, prepared: Prepared, paths: Iterable[str | Path], accept: Accept = "suggested"
    ) -> Generator[Recognition | Skipped]:
        """The same with actions that are prepared already, by this recognizer; `accept` says what counts as known.

        Raises:
            SettingsError: the threshold is not from 0 to 1, or there is no score to hold against it.
        """
        places = as_paths(paths)
        encoded = zip(places, self.encode(prepared.actions, places), strict=True)
        while batch := list(islice(encoded, BATCH)):
            answers = iter(prepared.answer([clip for _, clip in batch if isinstance(clip, ClipFeatures)], accept))
            for path, clip in batch:
                yield clip if isinstance(clip, Skipped) else replace(next(answers), path=path)

    def prepare(self, actions: Actions, *, exact: bool = False) -> Prepared:
        """Cut and fuse the taught examples, once for all clips that are asked about.

        Of thousands of examples a clip is compared with those of its best actions, or with all if `exact`.

        Raises:
            ActionsError: the actions were taught with another backbone.
        """
        self.check(actions)
        return prepare(actions, self.encoder.space, self._measurable(actions.method.motion), exact=exact)

    def encode(
        self, actions: Actions, paths: Iterable[str | Path], *, limits: Limits = UNLIMITED
    ) -> Generator[ClipFeatures | Skipped]:
        """Each clip's features as these actions need them, in order, or why it cannot be read or is beyond limits."""
        return self._extract(actions.method, as_paths(paths), limits, None)

    def encode_clips(
        self,
        method: MethodConfig,
        paths: Iterable[str | Path],
        *,
        limits: Limits = UNLIMITED,
        progress: Progress | None = None,
    ) -> EncodedClips:
        """Clips ready to be added to actions that are taught by these settings; the slow part of `add`."""
        places = as_paths(paths)
        return EncodedClips(tuple(places), tuple(self._extract(method, places, limits, progress)), method)

    def motion_encoder(self, actions: Actions) -> MotionEncoder | None:
        """What measures the motion that these actions compare, as far as it can be measured here; kept for the next."""
        return self._find_encoder(actions.method.motion)

    def _extract(
        self, method: MethodConfig, paths: Sequence[Path], limits: Limits, progress: Progress | None
    ) -> Generator[ClipFeatures | Skipped]:
        return extract_features(
            paths,
            self.encoder,
            frames=method.frames,
            cache=self.cache,
            motion=self._find_encoder(method.motion),
            limits=limits,
            progress=progress,
        )

    def _find_encoder(self, wanted: Motion) -> MotionEncoder | None:
        if wanted not in self._encoders:
            self._encoders[wanted] = find_encoder(wanted)
        return self._encoders[wanted]

    def _reading(self, method: MethodConfig) -> tuple[int, Motion]:
        """What of the settings a clip's features depend on, here."""
        return method.frames, self._measurable(method.motion)

    def _measurable(self, wanted: Motion) -> Motion:
        encoder = self._find_encoder(wanted)
        return "none" if encoder is None else encoder.motion

    def _with_clips(
        self, actions: Actions, clips: Sequence[LabelledClip], encoded: EncodedClips
    ) -> tuple[Actions, tuple[Skipped, ...]]:
        taught = {(example.label, example.digest) for example in actions.examples}

        def refuse(place: int, features: ClipFeatures) -> str | None:
            label = clips[place].label
            if (label, features.digest) in taught:
                return f"the same clip already is an example of {label!r}"
            taught.add((label, features.digest))
            return None

        paths = encoded.paths
        found, skipped = sift(paths, encoded.found, refuse)
        examples = tuple(
            Example(
                label=clips[place].label,
                path=os.fsencode(paths[place].absolute()).decode("utf-8", "backslashreplace"),
                digest=features.digest,
                times=features.times,
                duration=features.duration,
            )
            for place, features in found
        )
        tokens = torch.cat([actions.frames, *(features.frames[None] for _, features in found)])
        return replace(
            actions, examples=actions.examples + examples, frames=tokens, motion=_grown(actions, found)
        ), tuple(skipped)

    def _staged_by_examples(self, actions: Actions, labels: Sequence[str]) -> Actions:
        """With stages auto, as many for each of these labels as its examples show, where no text says how many."""
        motion = actions.motion
        if actions.method.stages != "auto" or motion is None:
            return actions
        for old in actions.anatomies:
            if old.origin != "template" or old.label not in labels:
                continue
            stages = stages_of(motion[list(actions.examples_of(old.label))])
            if stages is not None and stages != len(old.stages):
                new = template_anatomy(old.label, stages)
                actions = actions.with_anatomy(old.label, new, self._encode([new], actions.method)[0])
        return actions

    def _read(
        self, labels: Sequence[str], method: MethodConfig, descriptions: Descriptions | None
    ) -> tuple[tuple[Anatomy, ...], Float[Tensor, "way stages dim"]]:
        anatomies = tuple(anatomize(label, stages=method.stages, descriptions=descriptions) for label in labels)
        return anatomies, self._encode(anatomies, method)

    def _encode(self, anatomies: Sequence[Anatomy], method: MethodConfig) -> Float[Tensor, "way stages dim"]:
        return encode_stages(anatomies, method.wording, self.encoder, self.cache)

    def check(self, actions: object) -> None:
        """Make sure that these are actions that this recognizer can use.

        Raises:
            ActionsError: they were taught with another backbone, or are damaged.
        """
        if not isinstance(actions, Actions):
            raise ActionsError(
                f"taught actions are wanted, as `teach` or `load_actions(folder)` returns them, not {actions!r}"
            )
        if actions.identity != self.encoder.identity:
            raise ActionsError(
                f"these actions were taught with the backbone {actions.identity!r}, this one is "
                f"{self.encoder.identity!r}; use the same backbone and precision or teach them again"
            )
        if actions.text.shape[-1] != self.encoder.space.dim:
            raise ActionsError(
                f"these actions' features are not {self.encoder.space.dim} numbers each, as the backbone "
                f"{actions.identity!r} makes them; restore a copy of them"
            )
        try:
            check_actions(actions)
        except ActionsError as error:
            raise ActionsError(f"these actions cannot be used: {error}; restore a copy of them") from error


def _grown(actions: Actions, found: Sequence[tuple[int, ClipFeatures]]) -> Float[Tensor, "examples numbers"] | None:
    """The examples' motion and that of new ones; rows of zeros where it cannot be measured here."""
    if actions.motion is None:
        return None
    new = [torch.zeros(NUMBERS) if one.motion is None else one.motion for _, one in found]
    return torch.cat([actions.motion, *(one[None] for one in new)])


def _unusable(skipped: Sequence[Skipped]) -> ActionsError:
    return ActionsError(f"none of the {len(skipped)} example clips can be used; the first: {skipped[0].reason}")
