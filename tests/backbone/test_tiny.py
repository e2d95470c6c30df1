import os
import subprocess
import sys

import pytest
import torch
from torch.testing import assert_close

from lga.backbone.tiny import TinyBackbone

TINY = TinyBackbone()
SENTENCES = ["A man runs.", "the door", "", "a MAN runs"]


def some_clips(batch: int = 3, frames: int = 5, views: int = 2) -> torch.Tensor:
    generator = torch.Generator().manual_seed(7)
    return torch.randint(0, 256, (batch, frames, views, 32, 32, 3), dtype=torch.uint8, generator=generator)


def test_features_have_the_promised_shape_and_format():
    frames, text = TINY.encode_frames(some_clips()), TINY.encode_text(SENTENCES)
    assert frames.shape == (3, 5, TINY.space.dim)
    assert text.shape == (4, TINY.space.dim)
    assert frames.dtype == text.dtype == torch.float32
    assert TINY.motion_gap > 0
    assert TINY.preprocessing.crop == 32


def test_the_parts_of_a_token_are_disjoint_and_cover_it():
    visual, semantic = torch.arange(TINY.space.dim)[TINY.space.visual], torch.arange(48)[TINY.space.semantic]
    assert [*visual.tolist(), *semantic.tolist()] == list(range(48))


def test_a_sentence_is_zero_outside_the_semantic_part():
    text = TINY.encode_text(SENTENCES)
    assert not text[:, TINY.space.visual].any()
    assert text[0, TINY.space.semantic].any()


def test_case_and_punctuation_of_a_sentence_do_not_matter_but_its_words_do():
    text = TINY.encode_text(SENTENCES)
    assert_close(text[0], text[3])
    assert not torch.equal(text[0], text[1])
    assert not text[2].any()


def test_a_batch_equals_its_clips_one_by_one():
    clips = some_clips()
    assert_close(TINY.encode_frames(clips), torch.cat([TINY.encode_frames(clip[None]) for clip in clips]))


def test_the_second_view_is_seen():
    clips = some_clips()
    still = clips.clone()
    still[:, :, 1] = still[:, :, 0]
    assert not torch.equal(TINY.encode_frames(clips), TINY.encode_frames(still))
    assert_close(TINY.encode_frames(still), TINY.encode_frames(clips[:, :, :1]))


@pytest.mark.parametrize("shape", [(0, 5, 2, 32, 32, 3), (3, 0, 2, 32, 32, 3)])
def test_nothing_gives_nothing(shape):
    assert TINY.encode_frames(torch.zeros(shape, dtype=torch.uint8)).shape == (*shape[:2], 48)
    assert TINY.encode_text([]).shape == (0, 48)


def test_another_process_gives_the_same_features():
    """Python's own hash of a word differs from process to process."""
    code = (
        "import torch; from lga.backbone.tiny import TinyBackbone as T;"
        "c = torch.arange(6144).remainder(251).to(torch.uint8).reshape(1, 1, 2, 32, 32, 3);"
        "print(T().encode_frames(c).tolist(), T().encode_text(['a man runs']).tolist())"
    )
    seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    command, env = [sys.executable, "-c", code], {**os.environ, "PYTHONHASHSEED": seed}
    theirs = subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout
    clip = torch.arange(6144).remainder(251).to(torch.uint8).reshape(1, 1, 2, 32, 32, 3)
    assert theirs == f"{TINY.encode_frames(clip).tolist()} {TINY.encode_text(['a man runs']).tolist()}\n"
