"""An explanation as one HTML file that needs nothing else, and as pictures."""

from pathlib import Path

from lga.explain.explanation import ExampleReport, Explanation, LabelReport
from lga.explain.heatmap import DARK, LIGHT, draw_heatmap, matched_pairs
from lga.explain.markup import (
    as_source,
    as_text,
    bar,
    document,
    encoded,
    film,
    meter,
    percent,
    section,
    settings_line,
    table,
)
from lga.explain.strip import Caption, draw_strip
from lga.files import write_atomically
from lga.recognition import Candidate


def write_page(explanation: Explanation, path: Path) -> None:
    """Write the page: no scripts, nothing from elsewhere; labels, sentences and paths are only ever text.

    Frames are read from the clip's and the examples' files again; where one is gone the page says so.

    Raises:
        LGAError: the file cannot be written.
    """
    write_atomically(path, page(explanation).encode())


def write_pictures(explanation: Explanation, folder: Path) -> tuple[str, ...]:
    """Write the same as PNG files: the clip, the nearest example of each label, and the map; the files' names.

    Raises:
        LGAError: the folder cannot be written.
    """
    best = explanation.labels[0]
    captions = [
        Caption(f"similarity {one:z.2f}", told) for one, told in zip(best.similarity, best.sentences, strict=True)
    ]
    pictures = {"clip.png": draw_strip(explanation.frames_shown, captions)}
    for number, one in enumerate(explanation.labels, 1):
        if one.example is not None:
            told = [Caption(f"stage {stage}", text) for stage, text in enumerate(one.sentences, 1)]
            pictures[f"example_{number}.png"] = draw_strip(one.example.frames_shown, told)
    if best.example is not None:
        pictures["map.png"] = draw_heatmap(best.example.map, explanation.frames_shown, best.example.frames_shown)
    for name, picture in pictures.items():
        write_atomically(folder / name, encoded(picture, "PNG"))
    return tuple(pictures)


def page(explanation: Explanation) -> str:
    """The page as text."""
    best = explanation.labels[0]
    parts = [
        _head(explanation),
        section("Is it one of the taught actions at all?", _known(explanation)),
        section("The clip, cut into stages", _clip(explanation, best)),
        section("The likeliest labels", _scores(explanation)),
        *([] if best.example is None else [section("Frame by frame", _frames(explanation, best, best.example))]),
        *(section(f"Nearest example of “{as_text(one.candidate.label)}”", _example(one)) for one in explanation.labels),
        _foot(explanation),
    ]
    return document(f"{explanation.recognition.path.name}: why", parts)


def _head(explanation: Explanation) -> str:
    result = explanation.recognition
    closest = f"{as_text(result.label)} <span class=faint>{percent(result.probability)}</span>"
    said = closest if result.known else f"<span class=unknown>None of these</span> <small>(closest: {closest})</small>"
    by_video, by_text = explanation.by_video, explanation.by_text
    video = "nothing: there are no examples" if by_video is None else _named(by_video, by_video.video)
    parts = {
        "Video alone says": video,
        "Words alone say": _named(by_text, by_text.text),
        "Both together": f"{_named(result.candidates[0], result.probability)}; the video counts "
        f"{percent(explanation.alpha)}, the words {percent(1 - explanation.alpha)}",
    }
    told = "".join(f"<dt>{what}</dt><dd>{value}</dd>" for what, value in parts.items())
    where = f"{as_text(result.path)}, {result.duration:.2f} s"
    return f"<header><h1>{said}</h1><p class=faint>{where}</p></header><section><dl>{told}</dl></section>"


def _known(explanation: Explanation) -> str:
    result = explanation.recognition
    if result.known_score is None:
        return f"<p>Not known: {as_text(result.rejection.why)}. Every clip counts as one of them.</p>"
    fill = "var(--good)" if result.known else "var(--bad)"
    mark = "" if result.threshold is None else _threshold(result.threshold)
    gauge = f'<div class=gauge><i style="--share:{100 * result.known_score:.1f}%;--fill:{fill}"></i>{mark}</div>'
    foretold = result.rejection.false_accept_rate
    rule = (
        "Every clip is accepted, as asked."
        if result.threshold is None
        else f"Accepted from {percent(result.threshold)} on; so this clip is "
        + ("one of them." if result.known else "none of them.")
    )
    if result.threshold == result.rejection.threshold and foretold is not None and result.rejection.recall is not None:
        rule += (
            f" That threshold should let at least {percent(result.rejection.recall)} of the taught actions' clips "
            f"pass; of the examples asked about as if their own action were not taught, {percent(foretold)} passed."
        )
    score = f"{percent(result.known_score)}: how likely, if half of all clips asked about show a taught action."
    return f"{gauge}<p><strong>{score}</strong></p><p>{rule}</p>"


def _clip(explanation: Explanation, best: LabelReport) -> str:
    notes = [
        f'{as_text(told)} <span class="faint whole">(similarity {one:z.2f})</span>'
        for told, one in zip(best.sentences, best.similarity, strict=True)
    ]
    about = "Under each stage the sentence of the likeliest label, and how well its frames fit it, -1 to 1."
    return f"<p class=faint>{about}</p>{film(explanation.frames_shown, notes)}"


def _scores(explanation: Explanation) -> str:
    """A table of the labels with bars, and one of their scores stage by stage."""
    rows = [
        [as_text(one.candidate.label), *(meter(value, fill) for value, fill in _shares(one.candidate))]
        for one in explanation.labels
    ]
    whole = table(("label", "probability", "video alone", "words alone"), rows)
    stages = len(explanation.labels[0].similarity)
    most = max((max(one.example.stage_distance) for one in explanation.labels if one.example), default=1.0) or 1.0
    parts: list[list[str]] = []
    for one in explanation.labels:
        costs = () if one.example is None else one.example.stage_distance
        for stage in range(stages):
            cost = "" if stage >= len(costs) else f"{costs[stage]:.2f}{bar(costs[stage] / most, 'var(--video)')}"
            like = one.similarity[stage]
            parts.append(
                [
                    as_text(one.candidate.label) if stage == 0 else "",
                    str(stage + 1),
                    cost or ("no example" if one.example is None else ""),
                    f"{like:z.2f}{bar(max(0.0, like), 'var(--text)')}",
                ]
            )
    head = ("label", "stage", "video: distance", "words: similarity")
    note = "Smaller distances to its nearest example and larger similarities to its words speak for a label."
    if explanation.method.matcher == "bi_mhm":
        note += " These clips were matched as a whole, so there is one distance for all stages."
    return f"{whole}<p class=faint>{note}</p>{table(head, parts)}"


def _frames(explanation: Explanation, best: LabelReport, example: ExampleReport) -> str:
    maps = [
        as_source(draw_heatmap(example.map, explanation.frames_shown, example.frames_shown, shades=shades), "PNG")
        for shades in (LIGHT, DARK)
    ]
    told = f"Distances between the frames of the clip and of the nearest example of {best.candidate.label}, and matches"
    image = (
        f'<picture><source media="(prefers-color-scheme: dark)" srcset="{maps[1]}">'
        f'<img class=map src="{maps[0]}" alt="{as_text(told)}"></picture>'
    )
    here, there = explanation.frames_shown.times, example.frames_shown.times
    chosen = {(True, True): "each other's", (True, False): "the clip's", (False, True): "the example's"}
    rows = [
        [f"{here[row]:.2f} s", f"{there[column]:.2f} s", f"{example.map.distance[row, column]:.2f}", chosen[how]]
        for (row, column), how in matched_pairs(example.map.matches).items()
    ]
    listed = table(("clip at", "example at", "distance", "nearest to"), rows)
    about = "Each frame is matched with the nearest of the same stage, in both directions. Stages share border frames."
    return f"<p class=faint>{about}</p>{image}<details><summary>The matches as a table</summary>{listed}</details>"


def _example(label: LabelReport) -> str:
    if label.example is None:
        told = "".join(f"<li>{as_text(one)}</li>" for one in label.sentences)
        return f"<p>No example of it was taught: its words decide alone.</p><ol>{told}</ol>"
    where = f"{as_text(label.example.frames_shown.path)}, distance {label.example.distance:.2f}"
    of = f"the nearest of {label.examples}" if label.examples > 1 else "its only example"
    notes = [as_text(told) for told in label.sentences]
    return f"<p class=faint>{where}, {of}</p>{film(label.example.frames_shown, notes)}"


def _foot(explanation: Explanation) -> str:
    method = explanation.method
    heat = f"temperature used {explanation.recognition.rejection.temperature:.2f}"
    made = f"Backbone: {as_text(explanation.identity)}. Settings: {as_text(settings_line(method))}; {heat}."
    return f"<footer><p>{made} Made with lga.</p></footer>"


def _threshold(share: float) -> str:
    return f'<b style="--share:{100 * share:.1f}%"><span>threshold {percent(share)}</span></b>'


def _shares(candidate: Candidate) -> tuple[tuple[float, str], ...]:
    pairs = ((candidate.probability, "together"), (candidate.video, "video"), (candidate.text, "text"))
    return tuple((value, f"var(--{name})") for value, name in pairs)


def _named(candidate: Candidate, share: float) -> str:
    return f"{as_text(candidate.label)}, {percent(share)}"
