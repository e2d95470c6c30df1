"""The front door: teach a model from example clips, or load one, and ask it about new video."""

from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from lga.actions import Actions
from lga.anatomy.descriptions import Descriptions, read_descriptions
from lga.backbone.protocol import Backbone
from lga.config import BackboneConfig, MethodConfig
from lga.datasets.manifest import read_examples
from lga.errors import SettingsError, VideoError
from lga.explain.explanation import Explanation, explain_features
from lga.explain.page import write_page
from lga.features.extract import Skipped, not_a_clip
from lga.recognition import Accept, Prepared, Recognition
from lga.recognizer import Recognizer
from lga.store.folder import ActionsFolder, load_actions, save_actions
from lga.store.merge import merge
from lga.watch.moments import Damage
from lga.watch.segments import Segment
from lga.watch.settings import WatchSettings
from lga.watch.watching import watch

Place = str | Path


@dataclass(frozen=True, slots=True, repr=False)
class ClipExplanation:
    """Why a clip was recognised as what it was, ready to be saved as a page."""

    explanation: Explanation

    @property
    def recognition(self) -> Recognition:
        """The answer that is explained."""
        return self.explanation.recognition

    def save(self, path: Place) -> None:
        """Write one HTML file that opens in any browser and needs nothing else; an earlier one is replaced.

        Raises:
            LGAError: the file cannot be written.
        """
        write_page(self.explanation, Path(path))

    def __repr__(self) -> str:
        """On one line."""
        return f"ClipExplanation({str(self.recognition.path)!r}: {self.recognition.label!r})"


@dataclass(frozen=True, slots=True, repr=False)
class Model:
    """Taught actions with the backbone that reads clips for them. `add` and `remove` give another model.

    >>> model = lga.teach({"open door": ["a.mp4", "b.mp4"], "wave": ["c.mp4"]})
    >>> model.recognize("new.mp4").label
    'wave'
    """

    recognizer: Recognizer
    prepared: Prepared
    skipped: tuple[Skipped, ...] = ()
    """example clips that could not be used, each with the reason"""
    origin: tuple[Path, Actions] | None = None
    """the folder that it was loaded from, and what was in it then"""

    @property
    def actions(self) -> Actions:
        """What is taught, as a value."""
        return self.prepared.actions

    @property
    def labels(self) -> tuple[str, ...]:
        """The taught labels, in the order in which they were taught."""
        return self.actions.labels

    def recognize(self, clip: Place, *, accept: Accept = "suggested") -> Recognition:
        """Say what one clip shows.

        `accept` says when it counts as one of the taught actions: always, from the threshold on that the examples
        suggest, or from a score of your own on (0 to 1).

        Raises:
            VideoError: the clip cannot be read.
            SettingsError: the threshold is not from 0 to 1, or there is no score to hold against it.
        """
        (found,) = self.recognize_all([_one_place(clip)], accept=accept)
        if isinstance(found, Skipped):
            raise VideoError(found.reason)
        return found

    def recognize_all(
        self, clips: Iterable[Place], *, accept: Accept = "suggested"
    ) -> Generator[Recognition | Skipped]:
        """Say what each clip shows, in order; a clip that cannot be read comes back as skipped, with the reason.

        Raises:
            LGAError: a single path is given in place of a list.
            SettingsError: the threshold is not from 0 to 1, or there is no score to hold against it.
        """
        return self.recognizer.ask(self.prepared, clips, accept)

    def explain(self, clip: Place, *, top: int = 3, accept: Accept = "suggested") -> ClipExplanation:
        """Say what one clip shows and why, for the `top` likeliest labels.

        Raises:
            VideoError: the clip cannot be read.
            SettingsError: `top` is below 1, or `accept` is not possible.
        """
        path = _one_place(clip)
        (features,) = self.recognizer.encode(self.actions, [path])
        if isinstance(features, Skipped):
            raise VideoError(features.reason)
        return ClipExplanation(explain_features(self.prepared, features, path, top=top, accept=accept))

    def watch(self, source: Place, settings: WatchSettings | None = None) -> Generator[Segment | Damage]:
        """Say what happens when in a long video: a file, a URL on this machine, a camera (/dev/video0) or - for stdin.

        Segments come as soon as they are certain; a passage that cannot be decoded comes as damage.

        Raises:
            SettingsError: the source is a URL of another machine.
            VideoError: the source cannot be read, or breaks off.
        """
        return watch(self.recognizer, self.actions, str(source), settings)

    def add(self, label: str, clips: Sequence[Place], *, descriptions: Descriptions | Place | None = None) -> "Model":
        """A model with more examples of a label, known or new; nothing else is encoded again.

        Raises:
            ActionsError: none of a new label's clips can be used, or sentences are given for a label that has some.
            LGAError: a single path is given in place of a list.
        """
        told = _descriptions(descriptions, self.actions.method)
        actions, skipped = self.recognizer.add(self.actions, label, clips, descriptions=told)
        return Model(self.recognizer, self.recognizer.prepare(actions), skipped, self.origin)

    def remove(self, label: str) -> "Model":
        """A model without a label and its examples.

        Raises:
            ActionsError: no such label is taught, or it is the last one.
        """
        actions = self.actions.without(label)
        return Model(self.recognizer, self.recognizer.prepare(actions), origin=self.origin)

    def save(self, folder: Place) -> None:
        """Write a folder that holds everything but the backbone, in place of what was taught there before.

        Into the folder that it was loaded from go the changes since, so that what others have changed meanwhile stays.

        Raises:
            LGAError: the folder is something else, or cannot be written.
        """
        place = Path(folder)
        if self.origin is None or place.resolve() != self.origin[0]:
            save_actions(self.actions, place)
            return
        base = self.origin[1]
        with closing(ActionsFolder(place)) as store:
            store.change(lambda now: merge(base, self.actions, now))

    def __repr__(self) -> str:
        """On one line."""
        return f"Model({self.actions!r})"


def teach(
    examples: Mapping[str, Sequence[Place]] | Place,
    *,
    method: MethodConfig | None = None,
    backbone: Backbone | BackboneConfig | str | None = None,
    descriptions: Descriptions | Place | None = None,
) -> Model:
    """Teach a model from labels with their example clips, from a folder with one folder a label, or from a CSV.

    The backbone is `offline` unless another one is named, set up or given as an object. `descriptions` brings your own
    stage sentences. Clips that cannot be read are named in `model.skipped`.

    Raises:
        ActionsError: there are no labels, or clips are given and none can be used.
        AnatomyError: a label is not one.
        BackboneError: the backbone cannot be loaded.
        ManifestError: the folder or CSV cannot be read, or two labels are spellings of the same action.
    """
    ignored: tuple[Skipped, ...] = ()
    if isinstance(examples, str | Path):
        given = read_examples(Path(examples))
        ignored = tuple(not_a_clip(path) for path in given.ignored)
        examples = {label: [clip.path for clip in given.clips if clip.label == label] for label in given.labels}
    recognizer = _recognizer(backbone)
    settings = method or MethodConfig()
    actions, skipped = recognizer.teach(examples, method=settings, descriptions=_descriptions(descriptions, settings))
    return Model(recognizer, recognizer.prepare(actions), ignored + skipped)


def load(folder: Place, *, device: str = "auto", backbone: Backbone | None = None) -> Model:
    """Load the model that a folder of taught actions holds; it finds its own backbone.

    Only a backbone of your own has to be given again, as the object it is.

    Raises:
        ActionsError: the folder is missing, damaged or changed by hand, or belongs to another backbone.
        BackboneError: the backbone cannot be loaded.
    """
    place = Path(folder).resolve()
    actions = load_actions(Path(folder))
    recognizer = Recognizer(actions.backbone.model_copy(update={"device": device}), encoder=backbone)
    return Model(recognizer, recognizer.prepare(actions), origin=(place, actions))


def _recognizer(backbone: Backbone | BackboneConfig | str | None) -> Recognizer:
    if isinstance(backbone, str):
        return Recognizer(BackboneConfig(backbone=backbone))
    if backbone is None or isinstance(backbone, BackboneConfig):
        return Recognizer(backbone)
    return Recognizer(encoder=backbone)


def _descriptions(given: Descriptions | Place | None, method: MethodConfig) -> Descriptions | None:
    return read_descriptions(Path(given), stages=method.stages) if isinstance(given, str | Path) else given


def _one_place(clip: object) -> Path:
    if not isinstance(clip, str | Path):
        raise SettingsError(f"one clip's path is wanted, not {clip!r}; recognize_all takes several")
    return Path(clip)
