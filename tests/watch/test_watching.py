import gc
import math
from dataclasses import fields, replace
from itertools import chain
from threading import Event

import av
import numpy as np
import pytest
import torch

from lga.config import BackboneConfig
from lga.errors import ActionsError, SettingsError, VideoError
from lga.recognition import Prepared, Rejection
from lga.recognizer import Recognizer
from lga.watch.address import find_address
from lga.watch.moments import Damage, Finish, Moment, Shown
from lga.watch.segments import Segment
from lga.watch.settings import WatchSettings
from lga.watch.source import Source
from lga.watch.watching import BATCH, Reading, Watcher, batched, encode, watch
from lga.watch.windows import Window

pytestmark = pytest.mark.usefixtures("one_thread")


class Counting:
    """A backbone that notes what it is asked to encode."""

    def __init__(self, backbone, spoil=()):
        self.backbone, self.shapes, self.spoil = backbone, [], spoil
        self.identity, self.space = backbone.identity, backbone.space
        self.preprocessing, self.motion_gap = backbone.preprocessing, backbone.motion_gap
        self.encode_text = backbone.encode_text

    def encode_frames(self, clips):
        first = sum(shape[1] for shape in self.shapes)
        self.shapes.append(tuple(clips.shape))
        tokens = self.backbone.encode_frames(clips)
        for row in range(tokens.shape[1]):
            if first + row in self.spoil:
                tokens[:, row] = float("nan")
        return tokens


def counting(scenes, spoil=()):
    return Recognizer(BackboneConfig(backbone="tiny"), encoder=Counting(scenes.recognizer.encoder, spoil))


def overlap(one, start, end):
    return max(0.0, min(one.end, end) - max(one.start, start)) / (max(one.end, end) - min(one.start, start))


SHORT = WatchSettings(windows=(1.4, 2.0))
"""Windows as short as the shortest scene, which the toy backbone sees no cut after."""


def test_what_happens_is_found_with_its_time(scenes):
    found = list(watch(scenes.recognizer, scenes.actions, str(scenes.video), SHORT))
    for start, end, label in scenes.truth:
        if label in scenes.actions.labels:
            assert any(one.label == label and overlap(one, start, end) > 0.5 for one in found), (label, found)
    assert found == sorted(found, key=lambda one: one.start)
    assert all(0 <= one.start < one.end <= scenes.truth[-1][1] + 1e-6 for one in found)


def test_every_moment_is_encoded_once_however_windows_overlap(scenes):
    recognizer = counting(scenes)
    settings = WatchSettings(windows=(1.0, 2.0, 4.0), stride=0.2, rate=5.0)
    list(watch(recognizer, scenes.actions, str(scenes.video), settings))
    shapes = recognizer.encoder.shapes
    moments = int((scenes.truth[-1][1] - 0.12) * 5) + 1
    assert sum(shape[1] for shape in shapes) == moments
    assert all(shape[0] == 1 and shape[1] <= BATCH and shape[2:] == (2, 32, 32, 3) for shape in shapes)


def test_a_video_that_was_encoded_once_is_watched_with_any_settings(scenes):
    address, backbone = find_address(str(scenes.video)), scenes.recognizer.encoder
    motion = scenes.recognizer.motion_encoder(scenes.actions)
    with Reading(address, backbone, WatchSettings(), Event(), None, motion) as reading:
        batches = [encode(backbone, batch) for batch in batched(reading.items())]
    for settings in (SHORT, WatchSettings(windows=(2.0,), stride=2.0, ignore_cuts=True, accept="always")):
        watcher = Watcher(scenes.recognizer.prepare(scenes.actions), settings)
        found = [*chain.from_iterable(map(watcher.take, batches)), *watcher.finish()]
        assert found == list(watch(scenes.recognizer, scenes.actions, str(scenes.video), settings))


def test_a_stream_of_the_same_pictures_gives_the_same_as_the_file(scenes, stream_file):
    whole = list(watch(scenes.recognizer, scenes.actions, str(scenes.video)))
    streamed = list(watch(scenes.recognizer, scenes.actions, str(stream_file)))
    assert [one.label for one in streamed] == [one.label for one in whole]


def window(start, end, **more):
    times = tuple(start + (number + 0.5) * (end - start) / 8 for number in range(8))
    return Window(start, end, times, torch.ones(8, 64), None, **more)


class Planted(Prepared):
    """Prepared actions whose scores depend on when a window ends, and on nothing else."""

    def score(self, clips):
        return torch.stack([torch.tensor(PLANTED[clip.duration]) for clip in clips])


PLANTED = {1.0: (9.0, 0.0, 0.0), 1.4: (1.0, 4.0, 0.0), 2.0: (0.0, 5.0, 0.0), 2.4: (2.0, 3.0, 0.0)}


def planted(scenes, settings):
    prepared = scenes.recognizer.prepare(scenes.actions)
    rejection = Rejection(slope=1.5, offset=0.5)
    values = {one.name: getattr(prepared, one.name) for one in fields(prepared)}
    return Watcher(Planted(**values | {"rejection": rejection}), settings)


def test_a_window_is_judged_by_the_mean_score_of_itself_and_its_parts(scenes):
    watcher = planted(scenes, WatchSettings())
    outside, first = window(0.0, 1.0, part=True), window(0.4, 1.4, part=True)
    assert watcher._hits([outside, first]) == []
    (hit,) = watcher._hits([window(1.0, 2.0, part=True), window(0.4, 2.4)])
    mean = torch.tensor([(1 + 0 + 2) / 3, (4 + 5 + 3) / 3, 0.0])
    assert (hit.start, hit.end, hit.label) == (0.4, 2.4, scenes.actions.labels[1])
    assert hit.score == pytest.approx(1 / (1 + math.exp(-1.5 * (4.0 - 0.5))) * float(mean.softmax(0)[1]))


def test_a_picture_that_stands_still_shows_nothing(scenes):
    watcher = planted(scenes, WatchSettings(accept="always"))
    assert watcher._hits([window(0.0, 2.0, speed=0.0)]) == []
    assert len(watcher._hits([window(0.0, 2.0, speed=0.1)])) == 1


def test_segments_come_while_the_video_runs(scenes):
    seen = []
    told = scenes.recognizer, scenes.actions, str(scenes.video), SHORT
    for _ in watch(*told, progress=lambda now, whole: seen.append((now, whole))):
        break
    assert seen[-1][0] < scenes.truth[-1][1] - 2
    assert seen[-1][1] == pytest.approx(scenes.truth[-1][1], abs=0.05)


def test_progress_ends_at_the_end(scenes):
    seen = []
    list(watch(scenes.recognizer, scenes.actions, str(scenes.video), progress=lambda now, _: seen.append(now)))
    assert seen == sorted(seen)
    assert seen[-1] == pytest.approx(scenes.truth[-1][1])


def test_stopping_gives_what_was_found_so_far(scenes):
    stop, found = Event(), []
    for one in watch(
        scenes.recognizer,
        scenes.actions,
        str(scenes.video),
        stop=stop,
        progress=lambda now, _: stop.set() if now > 3 else None,
    ):
        found.append(one)
    assert [one.label for one in found][:1] == ["wave"]
    assert found[-1].end < scenes.truth[-1][1] - 1


def test_moments_without_finite_features_are_skipped_and_named(scenes):
    found = list(watch(counting(scenes, spoil=(10,)), scenes.actions, str(scenes.video)))
    assert [one for one in found if isinstance(one, Damage)] == [
        Damage(2.0, 2.2, "its features are not finite numbers")
    ]
    assert any(isinstance(one, Segment) for one in found)


def test_what_is_held_does_not_grow_with_the_video(scenes, monkeypatch):
    frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), "rgb24")
    held = {}

    def shown(_):
        yield from (Shown(number / 5, frame) for number in range(500))
        yield Finish(100.0)

    def weigh(now, _):
        if round(now) in (40, 90):
            gc.collect()
            held[round(now)] = sum(one.nbytes for one in gc.get_objects() if type(one) is torch.Tensor)

    monkeypatch.setattr(Source, "shown", shown)
    settings = WatchSettings(windows=(2.0,), stride=2.0)
    for _ in watch(scenes.recognizer, scenes.actions, str(scenes.video), settings, progress=weigh):
        pass
    moment = 2 * 32 * 32 * 3
    assert held[90] - held[40] < 20 * moment  # 250 were decoded between


def test_refusals_come_before_anything_is_opened(scenes, tmp_path):
    with pytest.raises(VideoError, match="no such file"):
        next(watch(scenes.recognizer, scenes.actions, str(tmp_path / "absent.mp4")))
    with pytest.raises(SettingsError):
        next(watch(scenes.recognizer, scenes.actions, "http://example.com/a.mp4"))
    with pytest.raises(ActionsError, match="taught with the backbone"):
        next(watch(scenes.recognizer, replace(scenes.actions, identity="other"), str(scenes.video)))
    few, _ = scenes.recognizer.teach({"wave": [], "jump": []})
    with pytest.raises(SettingsError, match="needs scores"):
        next(watch(scenes.recognizer, few, str(scenes.video), WatchSettings(accept=0.5)))


def test_words_alone_can_be_watched_for(scenes):
    few, _ = scenes.recognizer.teach({"wave": [], "jump": []})
    assert all(one.label in ("wave", "jump") for one in watch(scenes.recognizer, few, str(scenes.video)))


def test_an_error_in_the_middle_comes_after_what_was_found(scenes, stream_file):
    import socket
    from threading import Thread

    server = socket.create_server(("127.0.0.1", 0))

    def serve():
        client, _ = server.accept()
        with client:
            client.sendall(stream_file.read_bytes()[: stream_file.stat().st_size * 3 // 4])
            done.wait(20)

    done = Event()
    thread = Thread(target=serve)
    thread.start()
    source = f"tcp://127.0.0.1:{server.getsockname()[1]}"
    found = []
    watching = watch(scenes.recognizer, scenes.actions, source, WatchSettings(timeout=1.5))
    with pytest.raises(VideoError, match=r"stalled|broke off"):
        found.extend(watching)
    done.set()
    thread.join()
    server.close()
    assert found[0].label == "wave"


def test_batches_hold_moments_up_to_a_limit_and_anything_else_alone():
    moments = [Moment(float(number), torch.zeros(1, 2, 2, 3, dtype=torch.uint8)) for number in range(BATCH + 3)]
    damage = Damage(1.0, 2.0, "why")
    items = [*moments[: BATCH + 1], damage, *moments[BATCH + 1 :]]
    sizes = [[type(one).__name__ for one in some] for some in batched(items)]
    assert sizes == [["Moment"] * BATCH, ["Moment"], ["Damage"], ["Moment"] * 2]


@pytest.mark.parametrize(("windows", "rate", "part"), [((4.0, 2.0), 5.0, 1.0), ((1.0,), 4.0, 0.5), ((2.0,), 1.0, None)])
def test_parts_are_half_the_shortest_window_where_that_holds_two_moments(windows, rate, part):
    assert WatchSettings(windows=windows, rate=rate).part == part


@pytest.mark.parametrize(
    "wrong", [{"rate": 0.0}, {"windows": ()}, {"windows": (0.1,)}, {"stride": 0.0}, {"accept": 2.0}, {"timeout": -1.0}]
)
def test_settings_out_of_their_range_are_refused(wrong):
    with pytest.raises(SettingsError):
        WatchSettings(**wrong)
