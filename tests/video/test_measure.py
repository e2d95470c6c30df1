import av
import numpy as np
import pytest

from lga.errors import ClipWarning, VideoError
from lga.video.clip import uniform_times
from lga.video.decode import open_clip
from lga.watch.address import find_address
from lga.watch.moments import Damage, Shown
from lga.watch.source import open_source


def copied(path, out, *, shift=0.0, leave=(), template=None, options=None):
    """The same packets in another file: `shift` seconds later, without those whose numbers are left out."""
    with av.open(str(path)) as source, av.open(str(out), "w", options=options or {}) as copy:
        stream = source.streams.video[0]
        target = copy.add_stream_from_template(stream)
        for number, packet in enumerate(source.demux(stream)):
            if packet.dts is None or number in leave:
                continue
            ticks = round(shift / packet.time_base)
            packet.pts, packet.dts = packet.pts + ticks, packet.dts + ticks
            packet.stream = target
            copy.mux(packet)
    return out


def numbers(path, video_files, count=8):
    with open_clip(path) as clip:
        return [video_files.count_of(one) for one in clip.pictures_at(uniform_times(clip.duration, count))]


def watched(path):
    with open_source(find_address(str(path)), 5.0) as source:
        return source.duration, list(source.shown())


def length(path):
    with open_clip(path) as clip:
        return clip.duration, clip.last


@pytest.fixture
def plain(tmp_path, write_video, video_files):
    """Four seconds of counted pictures, some of them decoded in another order than they are shown."""
    pictures = [video_files.counted(number) for number in range(40)]
    return write_video(tmp_path / "plain.mp4", pictures, key_every=20, encoder={"bf": "2", "sc_threshold": "0"})


WANTED = [2, 7, 12, 17, 22, 27, 32, 37]


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".ts"])
@pytest.mark.parametrize("shift", [0.0, 0.32, 7.32, 4000.0])
def test_a_file_may_begin_at_any_time(tmp_path, plain, video_files, suffix, shift):
    path = copied(plain, tmp_path / f"a{suffix}", shift=shift)
    assert length(path) == pytest.approx((4.0, 3.9), abs=0.01)
    assert numbers(path, video_files) == WANTED


@pytest.mark.parametrize("claimed", [4.0, 11.32, 3.9])
def test_matroska_may_promise_the_end_or_the_length(tmp_path, plain, video_files, claimed):
    path = copied(plain, tmp_path / "a.mkv", shift=7.32)
    set_duration(path, claimed)
    assert numbers(path, video_files) == WANTED


@pytest.mark.parametrize(("shift", "claimed"), [(0.0, 9.0), (7.32, 16.32)])
def test_matroska_that_falls_short_of_both_is_cut_short(tmp_path, plain, shift, claimed):
    path = copied(plain, tmp_path / "a.mkv", shift=shift)
    set_duration(path, claimed)
    with pytest.raises(VideoError, match=r"cut short: 4\.0 s of the promised 9\.0 s are there"):
        length(path)


def set_duration(path, seconds):
    """Write another duration (thousandths, eight bytes) into a Matroska header."""
    content = bytearray(path.read_bytes())
    place = content.index(b"\x44\x89\x88") + 3
    content[place : place + 8] = np.array(seconds * 1000, ">f8").tobytes()
    path.write_bytes(content)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_a_still_among_reordered_pictures_is_not_counted_twice(tmp_path, write_video, video_files, suffix):
    times = [number / 10 + (8.03 if number >= 20 else 0.0) for number in range(40)]
    pictures = [video_files.counted(number) for number in range(40)]
    path = write_video(tmp_path / f"a{suffix}", pictures, times=times, encoder={"bf": "3", "b_strategy": "0"})
    assert length(path) == pytest.approx((12.03, 11.93), abs=0.07)
    assert numbers(path, video_files, 6) == [10, 19, 19, 19, 19, 29]


def test_sound_that_begins_earlier_does_not_move_a_clips_pictures(tmp_path, plain, video_files):
    path = video_files.with_sound(plain, tmp_path / "a.mp4", later=3.0)
    assert length(path) == pytest.approx((4.0, 3.9), abs=0.01)
    assert numbers(path, video_files) == WANTED


def joined(plain, out, *shifts):
    """Transport streams of the same pictures one after the other, each with time stamps of its own."""
    parts = [copied(plain, out.with_name(f"{number}.ts"), shift=shift) for number, shift in enumerate(shifts)]
    out.write_bytes(b"".join(part.read_bytes() for part in parts))
    return out


@pytest.mark.parametrize("shifts", [(0.0, 5000.0, 0.0), (0.0, 0.0, 0.0), (90_000.0, 10.0, 50.0)])
def test_time_stamps_that_leap_go_on_where_the_last_ones_ended(tmp_path, plain, video_files, shifts):
    path = joined(plain, tmp_path / "a.ts", *shifts)
    assert length(path) == pytest.approx((12.0, 11.9), abs=0.1)
    assert numbers(path, video_files, 6) == [10, 30, 10, 30, 10, 30]
    with open_clip(path) as clip:
        for _ in range(2):  # it can be looked through again
            assert [video_files.count_of(one) for one in clip.pictures_at([4.05, 11.95])] == [0, 39]


def test_a_transport_stream_promises_nothing_and_is_searched(tmp_path, plain, video_files):
    path = copied(plain, tmp_path / "a.ts")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2 // 188 * 188])
    assert 1.0 < length(path)[0] < 3.0


@pytest.mark.parametrize("suffix", [".mkv", ".ts", ".mp4", ".avi"])
def test_a_clip_begins_where_its_pictures_do_and_says_so(tmp_path, plain, write_video, video_files, suffix):
    if suffix == ".avi":
        pictures = [video_files.counted(number) for number in range(40)]
        plain = write_video(tmp_path / "plain.avi", pictures, key_every=20)
    path = copied(plain, tmp_path / f"a{suffix}", leave={0})
    with pytest.warns(ClipWarning, match=r"its first \d\.\d s cannot be decoded, their key frame is missing"):
        found = length(path)
    assert found == pytest.approx((2.0, 1.9), abs=0.02)
    with pytest.warns(ClipWarning):
        assert numbers(path, video_files, 4) == [22, 27, 32, 37]


@pytest.mark.parametrize(("suffix", "codec"), [(".asf", "wmv2"), (".flv", "flv")])
@pytest.mark.parametrize("shift", [0.0, 7.32, 4000.0])
def test_other_recordings_may_begin_at_any_time_too(tmp_path, write_video, video_files, suffix, codec, shift):
    pictures = [video_files.counted(number) for number in range(40)]
    plain = write_video(tmp_path / f"plain{suffix}", pictures, codec=codec, pixels="yuv420p")
    path = copied(plain, tmp_path / f"a{suffix}", shift=shift)
    assert length(path) == pytest.approx((4.0, 3.9), abs=0.01)
    assert numbers(path, video_files) == WANTED


@pytest.mark.parametrize(("suffix", "codec"), [(".asf", "wmv2"), (".mkv", "mpeg4"), (".avi", "mpeg4")])
def test_sound_that_outlasts_the_pictures_is_no_cut(tmp_path, video_files, suffix, codec):
    pictures = [video_files.counted(number) for number in range(20)]
    path = video_files.heard_for(tmp_path / f"a{suffix}", pictures, 5.0, codec=codec)
    assert length(path) == pytest.approx((2.0, 1.9), abs=0.05)
    assert numbers(path, video_files, 4) == [2, 7, 12, 17]
    _, found = watched(path)
    assert not [one for one in found if isinstance(one, Damage)]


@pytest.mark.parametrize(("suffix", "codec"), [(".mp4", "mpeg4"), (".mkv", "libx264")])
def test_pictures_long_after_the_sound_lack_nothing(tmp_path, write_video, video_files, suffix, codec):
    pictures = [video_files.counted(number) for number in range(40)]
    plain = write_video(tmp_path / f"plain{suffix}", pictures, codec=codec, encoder={"bf": "0"})
    path = video_files.with_sound(plain, tmp_path / f"a{suffix}", later=20.0)
    assert length(path) == pytest.approx((4.0, 3.9), abs=0.05)
    assert numbers(path, video_files) == WANTED
    _, found = watched(path)
    assert not [one for one in found if isinstance(one, Damage)]
    assert [one.time for one in found if isinstance(one, Shown)][1:] == pytest.approx(
        [20 + number / 10 for number in range(1, 40)], abs=0.01
    )


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "seconds", "right"),
    [
        ("plain.mp4", 4.0, (6, 18, 31, 43, 56, 68, 81, 93)),
        ("first_pts_7_3.mkv", 4.0, (6, 18, 31, 43, 56, 68, 81, 93)),
        ("nvr_segment_2.mkv", 2.0, (53, 59, 65, 71, 78, 84, 90, 96)),
        ("video_3s_after_audio.mp4", 4.0, (6, 18, 31, 43, 56, 68, 81, 93)),
        ("still_8s_inside.mp4", 12.0, (18, 49, 49, 49, 49, 49, 49, 81)),
        ("vfr_phone.mp4", 6.314, (11, 35, 50, 52, 54, 56, 58, 76)),
        ("ts_discontinuity.ts", 12.0, (18, 56, 93, 31, 68, 6, 43, 81)),
        ("ts_named_mp4.mp4", 12.0, (18, 56, 93, 31, 68, 6, 43, 81)),
    ],
)
def test_odd_files_show_the_right_pictures(shared, video_files, name, seconds, right):
    path = shared / "data/odd/video" / name
    assert length(path)[0] == pytest.approx(seconds, abs=0.001)
    assert tuple(numbers(path, video_files)) == right


@pytest.mark.shared
def test_an_odd_file_without_its_first_key_frame_begins_in_the_middle(shared, video_files):
    path = shared / "data/odd/video/no_first_key.mkv"
    with pytest.warns(ClipWarning, match=r"no_first_key\.mkv: its first 1\.8 s"):
        assert numbers(path, video_files) == [53, 59, 65, 71, 78, 84, 90, 96]
