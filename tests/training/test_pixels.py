from itertools import count, islice
from random import Random

import pytest
import torch
from PIL import Image

from lga.backbone.protocol import Preprocessing
from lga.errors import VideoError
from lga.training import pixels as pixels_module
from lga.training.pixels import AHEAD, TrainingClips
from lga.video.clip import jittered_times
from lga.video.transform import Augmentation, draw_augmentation

HOW = Preprocessing(short_side=20, crop=16)


@pytest.fixture(scope="module")
def clips(tmp_path_factory, write_video, video_files):
    """Three videos of 2 seconds, and a folder of pictures that all show the same slope."""
    place = tmp_path_factory.mktemp("clips")
    videos = [write_video(place / f"{name}.mp4", video_files.numbered(20, 32, 48)) for name in "abc"]
    still = place / "still"
    still.mkdir()
    slope = torch.arange(48).mul(5).expand(32, 48)[..., None].expand(32, 48, 3).to(torch.uint8).numpy()
    for number in range(20):
        Image.fromarray(slope).save(still / f"frame{number:02}.png")
    return (*videos, still)


def training(paths, *, seed: int = 7, frames: int = 5, augmentation: Augmentation | None = None) -> TrainingClips:
    return TrainingClips(tuple(paths), frames, HOW, augmentation or Augmentation(0.5), seed)


def test_one_moment_of_each_equal_part_is_shown(clips, video_files):
    source = training(clips)
    generator = Random("7 3 1")
    draw_augmentation(source.augmentation, generator)
    times = jittered_times(2.0, 5, generator=generator)
    assert [video_files.number_of(frame) for frame in source.watch(3, 1)] == [int(time * 10) for time in times]


def test_a_task_is_its_clips_in_order_and_the_tasks_come_in_order(clips):
    source, plan = training(clips), [(4, [2, 0]), (5, [3]), (9, [1, 1, 0])]
    for (task, numbers), pixels in zip(plan, source.fetch(plan), strict=True):
        assert pixels.shape == (len(numbers), 5, 16, 16, 3)
        assert torch.equal(pixels, torch.stack([source.watch(task, clip) for clip in numbers]))


def test_the_same_seed_task_and_clip_show_the_same_whatever_came_before(clips, monkeypatch):
    whole = list(training(clips).fetch((task, [0, 3]) for task in range(6)))
    monkeypatch.setattr(pixels_module, "DECODERS", 1)
    assert torch.equal(next(training(clips).fetch([(5, [0, 3])])), whole[5])


def test_another_seed_or_task_shows_something_else(clips):
    shown = [training(clips, seed=seed).watch(task, 3) for seed in (1, 2) for task in (1, 2)]
    assert not any(torch.equal(one, other) for at, one in enumerate(shown) for other in shown[:at])


def test_all_frames_of_a_clip_are_cut_alike_and_clips_differently(clips):
    source = training(clips, augmentation=Augmentation(0.3, flip=True, colour=0.2))
    seen = [source.watch(task, 3) for task in range(8)]
    assert all(torch.equal(frame, watched[0]) for watched in seen for frame in watched)
    assert len({watched.numpy().tobytes() for watched in seen}) == 8


def test_an_endless_plan_is_read_only_a_little_ahead(clips):
    asked = []

    def plan():
        for task in count():
            asked.append(task)
            yield task, [0]

    tasks = training(clips).fetch(plan())
    for number, _ in enumerate(islice(tasks, 3)):
        assert len(asked) == number + 1 + AHEAD
    tasks.close()


def test_a_broken_clip_is_an_error_that_names_it_when_its_task_is_asked_for(clips, tmp_path):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"not a video")
    tasks = training((*clips, broken)).fetch([(0, [0]), (1, [1, 4]), (2, [2])])
    assert next(tasks).shape == (1, 5, 16, 16, 3)
    with pytest.raises(VideoError, match=f"^{broken}.*lga data check --fix"):
        next(tasks)


def test_a_task_without_clips_or_with_an_unknown_one_is_refused(clips):
    with pytest.raises(ValueError, match="task 8 has no clips"):
        next(training(clips).fetch([(8, [])]))
    with pytest.raises(IndexError):
        next(training(clips).fetch([(8, [4])]))
