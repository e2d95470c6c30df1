"""A decision as one HTML file that needs nothing else, and as pictures."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from lga.explain.explanation import ExampleReport, Explanation, LabelReport
from lga.explain.heatmap import arrange_heatmap, draw_heatmap, matched_pairs
from lga.explain.lettering import printable
from lga.explain.markup import Film, encoded, make_film, render, settings_line
from lga.explain.strip import Caption, FrameTiles, draw_strip
from lga.files import write_atomically
from lga.recognition import Candidate, Recognition

_NEAREST_TO = {(True, True): "each other's", (True, False): "the clip's", (False, True): "the example's"}
"""which frame a matched pair's other frame is the nearest to"""


@dataclass(frozen=True, slots=True)
class StageScore:
    """How well one stage of the clip fits a label."""

    distance: float | None
    """to the nearest example; None without one, and beyond the first stage where clips are matched as a whole"""
    similarity: float
    """cosine with the label's sentence, -1 to 1"""


@dataclass(frozen=True, slots=True)
class LabelSection:
    """What the page shows of one label; without an example, `film` is None."""

    candidate: Candidate
    sentences: tuple[str, ...]
    stages: tuple[StageScore, ...]
    examples: int
    distance: float
    motion: float
    where: str
    film: Film | None


@dataclass(frozen=True, slots=True)
class MatchRow:
    """A matched pair of frames, at their moments in seconds."""

    clip_time: float
    example_time: float
    distance: float
    nearest_to: str


@dataclass(frozen=True, slots=True)
class Expected:
    """What to expect of the suggested threshold: shares of clips that pass, 0 to 1."""

    recall: float
    false_accepts: float


def write_page(explanation: Explanation, path: Path, *, names: Mapping[Path, str] | None = None) -> None:
    """Write the page; see `page`.

    Raises:
        LGAError: the file cannot be written.
    """
    write_atomically(path, page(explanation, names=names).encode())


def page(explanation: Explanation, *, names: Mapping[Path, str] | None = None) -> str:
    """The page as text: no scripts, nothing from elsewhere; labels, sentences and paths are only ever text.

    `names` are shown in place of the paths of the clip and of examples; any other path is shown as it is. Frames are
    read from the clip's and the examples' files again; where one is gone the page says so.
    """
    names = names or {}
    result, labels = explanation.recognition, explanation.labels
    best = labels[0].example
    captions = [
        Caption(f"similarity {similarity:z.2f}", sentence)
        for sentence, similarity in zip(labels[0].sentences, labels[0].similarity, strict=True)
    ]
    distances = [distance for label in labels if label.example for distance in label.example.stage_distance]
    return render(
        "decision.html",
        name=names.get(result.path, result.path.name),
        where=_shown(result.path, names),
        result=result,
        by_video=explanation.by_video,
        by_text=explanation.by_text,
        video_share=explanation.video_share,
        why_unknown=result.rejection.why,
        expected=_expected(result),
        clip=_film(explanation.frames_shown, captions, names),
        labels=[_label_section(label, names) for label in labels],
        farthest=max(distances, default=1.0) or 1.0,
        matched_as_a_whole=explanation.method.matcher == "bi_mhm",
        map=None if best is None else arrange_heatmap(best.map, explanation.frames_shown, best.frames_shown),
        matches=[] if best is None else _match_rows(explanation.frames_shown, best),
        backbone=explanation.identity,
        settings=settings_line(explanation.method),
    )


def write_pictures(explanation: Explanation, folder: Path) -> tuple[str, ...]:
    """Write the same as PNG files: the clip, the nearest example of each label, and the map; the files' names.

    Raises:
        LGAError: the folder cannot be written.
    """
    best = explanation.labels[0]
    captions = [
        Caption(f"similarity {similarity:z.2f}", sentence)
        for similarity, sentence in zip(best.similarity, best.sentences, strict=True)
    ]
    pictures = {"clip.png": draw_strip(explanation.frames_shown, captions)}
    for number, label in enumerate(explanation.labels, 1):
        if label.example is not None:
            captions = [Caption(f"stage {stage}", sentence) for stage, sentence in enumerate(label.sentences, 1)]
            pictures[f"example_{number}.png"] = draw_strip(label.example.frames_shown, captions)
    if best.example is not None:
        pictures["map.png"] = draw_heatmap(best.example.map, explanation.frames_shown, best.example.frames_shown)
    for name, picture in pictures.items():
        write_atomically(folder / name, encoded(picture, "PNG"))
    return tuple(pictures)


def _shown(path: Path, names: Mapping[Path, str]) -> str:
    return names.get(path, str(path))


def _film(clip: FrameTiles, captions: list[Caption], names: Mapping[Path, str]) -> Film:
    """The film; should the reason why it cannot be shown name the file, it names it as the page does."""
    film = make_film(clip, captions)
    return replace(film, missing=film.missing.replace(printable(str(clip.path)), _shown(clip.path, names)))


def _expected(result: Recognition) -> Expected | None:
    """What the suggested threshold promises, if that is the one used and its effect is known."""
    recall, false_accepts = result.rejection.recall, result.rejection.false_accept_rate
    if result.threshold != result.rejection.threshold or recall is None or false_accepts is None:
        return None
    return Expected(recall, false_accepts)


def _label_section(label: LabelReport, names: Mapping[Path, str]) -> LabelSection:
    example = label.example
    distances = () if example is None else example.stage_distance
    stages = tuple(
        StageScore(distances[stage] if stage < len(distances) else None, similarity)
        for stage, similarity in enumerate(label.similarity)
    )
    if example is None:
        return LabelSection(label.candidate, label.sentences, stages, 0, 0.0, 0.0, "", None)
    film = _film(example.frames_shown, [Caption("", sentence) for sentence in label.sentences], names)
    where = _shown(example.frames_shown.path, names)
    return LabelSection(
        label.candidate, label.sentences, stages, label.examples, example.distance, example.motion, where, film
    )


def _match_rows(clip: FrameTiles, example: ExampleReport) -> list[MatchRow]:
    return [
        MatchRow(
            clip.times[row],
            example.frames_shown.times[column],
            float(example.map.distance[row, column]),
            _NEAREST_TO[chosen],
        )
        for (row, column), chosen in matched_pairs(example.map.matches).items()
    ]
