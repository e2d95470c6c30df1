"""Turns actions, recognitions and explanations into the values of answers."""

import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from lga.actions import Actions
from lga.explain.explanation import ExampleReport, Explanation, LabelReport
from lga.recognition import Recognition
from lga.serve.clips import clip_address, example_address
from lga.serve.pictures import is_there, show_frames
from lga.serve.schema import (
    ActionValue,
    BestExample,
    CandidateValue,
    ExampleValue,
    MatchValue,
    Result,
    StageValue,
    Why,
    WhyExample,
    WhyLabel,
)
from lga.taught import Example


def action_value(actions: Actions, label: str) -> ActionValue:
    """A taught action; `label` is spelt as the actions spell it."""
    anatomy = actions.anatomies[actions.labels.index(label)]
    return ActionValue(
        label=label,
        origin=anatomy.origin,
        detail=anatomy.detail,
        stages=anatomy.stages,
        examples=[_example(actions.examples[number]) for number in actions.examples_of(label)],
    )


def result_value(actions: Actions, recognition: Recognition, name: str, *, top: int, why: Why | None) -> Result:
    """What a clip shows; `name` is what its sender calls it."""
    best = None if recognition.best_example is None else _taught(actions, recognition.label, recognition.best_example)
    return Result(
        name=name,
        duration=recognition.duration,
        label=recognition.label,
        probability=recognition.probability,
        confidence=recognition.confidence,
        word=recognition.word,
        known=recognition.known,
        known_score=recognition.known_score,
        threshold=recognition.threshold,
        matched=recognition.matched,
        candidates=[CandidateValue.model_validate(asdict(candidate)) for candidate in recognition.candidates[:top]],
        stages=[StageValue.model_validate(asdict(stage)) for stage in recognition.stages],
        best_example=None
        if best is None
        else BestExample(
            label=best.label, name=best.called, digest=best.digest, distance=recognition.best_distance or 0.0
        ),
        why=why,
    )


def why_value(actions: Actions, explanation: Explanation) -> Why:
    """What led to a recognition, with pictures of the clip and of the nearest examples."""
    by_video = explanation.by_video
    return Why(
        video_share=explanation.video_share,
        by_video=None if by_video is None else by_video.label,
        by_text=explanation.by_text.label,
        note=explanation.recognition.rejection.why,
        frames=show_frames(explanation.frames_shown, there=True),
        labels=[_label(actions, one) for one in explanation.labels],
    )


def _example(example: Example) -> ExampleValue:
    path = Path(example.path)
    there = path.is_absolute() and os.path.exists(path) and "/" not in example.label
    return ExampleValue(
        digest=example.digest,
        name=example.called,
        duration=example.duration,
        strip=f"{example_address(example)}/strip" if there else None,
        clip=clip_address(example) if there else None,
    )


def _label(actions: Actions, report: LabelReport) -> WhyLabel:
    return WhyLabel(
        **asdict(report.candidate),
        sentences=list(report.sentences),
        similarity=list(report.similarity),
        examples=report.examples,
        example=None if report.example is None else _nearest(actions, report.candidate.label, report.example),
    )


def _nearest(actions: Actions, label: str, report: ExampleReport) -> WhyExample:
    example = _taught(actions, label, str(report.frames_shown.path))
    there = is_there(example)
    return WhyExample(
        name=example.called,
        digest=example.digest,
        duration=example.duration,
        clip=clip_address(example) if there else None,
        distance=report.distance,
        stage_distance=list(report.stage_distance),
        motion=report.motion,
        frames=show_frames(report.frames_shown, there=there),
        distance_map=[
            _compared(row, shared)
            for row, shared in zip(report.map.distance.tolist(), report.map.shared.tolist(), strict=True)
        ],
        matches=[MatchValue.model_validate(asdict(one)) for one in report.map.matches],
    )


def _compared(row: Sequence[float], shared: Sequence[bool]) -> list[float | None]:
    return [value if both else None for value, both in zip(row, shared, strict=True)]


def _taught(actions: Actions, label: str, path: str) -> Example:
    return next(one for one in actions.examples if one.label == label and one.path == path)
