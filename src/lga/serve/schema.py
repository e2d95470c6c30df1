"""What is said over HTTP, version 1: every request and every answer."""

from typing import Annotated, Literal

from pydantic import Field

from lga.anatomy.schema import Origin, Stage
from lga.confidence import Word
from lga.config import FrozenModel, StageCount


class Value(FrozenModel):
    """A part of a request or of an answer."""


class Answer(Value):
    """What every answer is."""

    version: Literal[1] = 1


class Failure(Answer):
    """Why a request was refused: what was wanted, what came and what to do, in one line."""

    error: str


class Health(Answer):
    """That the server lives, and what it knows."""

    status: Literal["ok"] = "ok"
    lga: str
    backbone: str
    actions: int
    examples: int


class LimitsValue(Value):
    """What is refused beyond."""

    bytes: int
    """of one request"""
    seconds: float
    """of a clip"""
    pixels: int
    """of a picture"""
    examples: int
    """of all actions"""
    clips: int
    """in one request"""
    actions: int


class SettingsAnswer(Answer):
    """What a page must know of the server."""

    stages: StageCount
    frames: int
    limits: LimitsValue
    token_needed: bool
    paths: bool
    """whether clips may be named by their path on the server"""


class NewAction(Value):
    """An action to teach, by its words alone at first."""

    label: str
    sentences: list[str] | None = None


class ChangedAction(Value):
    """What is to be different about an action; what is null stays."""

    label: str | None = None
    sentences: list[str] | None = None


class ClipPath(Value):
    """A clip on the server."""

    path: str
    """below the folder that the server was started with"""


class ExampleValue(Value):
    """A taught clip."""

    digest: str
    name: str
    duration: float
    strip: str | None
    """where its pictures are, if its clip is still there"""
    clip: str | None
    """where its clip is, if the folder of actions keeps it"""


class ActionValue(Value):
    """A taught action."""

    label: str
    origin: Origin
    detail: str
    stages: tuple[Stage, ...]
    examples: list[ExampleValue]


class OneAction(Answer):
    """An action."""

    action: ActionValue


class AllActions(Answer):
    """All actions, or some of them."""

    actions: list[ActionValue]
    total: int
    """how many actions the search finds, listed here or not"""


class SkippedValue(Value):
    """A clip that was not taught."""

    name: str
    reason: str


class Taught(OneAction):
    """An action after examples were added to it."""

    added: int
    skipped: list[SkippedValue]


class CandidateValue(Value):
    """A label's probabilities, 0 to 1: by both matches, and by each alone."""

    label: str
    probability: float
    video: float
    text: float


class StageValue(Value):
    """A stage of the clip as the winning label explains it, in seconds."""

    start: float
    end: float
    sentence: str
    similarity: Annotated[float, Field(alias="likeness")]


class BestExample(Value):
    """The winner's nearest example."""

    label: str
    name: str
    digest: str
    distance: float


class FrameValue(Value):
    """A sampled frame."""

    time: float
    """seconds"""
    stage: int
    picture: str | None
    """a data: URI"""


class MatchValue(Value):
    """A frame of the clip and a frame of the example, nearest to each other within a stage; `forth` from the clip."""

    frame: int
    other: int
    stage: int
    distance: float
    forth: bool


class WhyExample(Value):
    """A label's nearest example beside the clip."""

    name: str
    digest: str
    duration: float
    """seconds"""
    clip: str | None
    """where it is, if the folder of actions keeps it"""
    distance: float
    stage_distance: list[float]
    motion: float = 0.0
    frames: list[FrameValue]
    distance_map: list[list[float | None]]
    """a row a frame of the clip; null where no stage sees both"""
    matches: list[MatchValue]


class WhyLabel(CandidateValue):
    """One of the likeliest labels."""

    sentences: list[str]
    similarity: Annotated[list[float], Field(alias="likeness")]
    examples: int
    example: WhyExample | None


class Why(Value):
    """What led to a recognition."""

    video_share: Annotated[float, Field(alias="alpha")]
    """how much of the spread of the scores comes from the video, 0 to 1; the rest from the text"""
    by_video: str | None
    by_text: str
    note: str
    frames: list[FrameValue]
    labels: list[WhyLabel]


class Result(Value):
    """What a clip shows."""

    name: str
    duration: float
    label: str
    probability: float
    confidence: float
    """how likely the answer is right, 0 to 1"""
    word: Word
    """the same in a word"""
    known: bool
    known_score: float | None
    threshold: float | None
    matched: int
    """with the examples of how many actions the clip was compared in full"""
    candidates: list[CandidateValue]
    stages: list[StageValue]
    best_example: BestExample | None
    why: Why | None


class Recognised(Answer):
    """What a clip shows."""

    result: Result
