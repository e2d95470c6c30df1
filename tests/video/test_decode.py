import av
import numpy as np
import pytest
from PIL import Image

from lga.errors import ClipWarning, VideoError
from lga.video import decode
from lga.video.decode import VideoFile, open_clip, picture_stream
from lga.video.files import Limits

FORMATS = [".mp4", ".mov", ".m4v", ".mkv", ".avi", ".webm", ".gif"]


def seen(path, times, video_files):
    with open_clip(path) as clip:
        return [video_files.number_of(picture) for picture in clip.pictures_at(times)]


def length(path):
    with open_clip(path) as clip:
        return clip.duration, clip.last


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_format_shows_the_right_frame_at_every_moment(tmp_path, write_video, video_files, suffix):
    path = write_video(tmp_path / f"a{suffix}", video_files.numbered(20))
    assert length(path) == pytest.approx((2.0, 1.9), abs=0.01)
    assert seen(path, [number / 10 + 0.05 for number in range(20)], video_files) == list(range(20))
    assert seen(path, [0.35, 0.36, 1.75], video_files) == [3, 3, 17]
    assert seen(path, [1.95], video_files) == [19]


def test_a_frame_is_on_screen_from_its_own_time_on(tmp_path, write_video, video_files):
    path = write_video(tmp_path / "a.mp4", video_files.numbered(20))
    assert seen(path, [0.0, 0.0999, 0.1, 0.1999, 0.3, 5.0], video_files) == [0, 0, 1, 1, 3, 19]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])
def test_a_variable_frame_rate_goes_by_the_timestamps(tmp_path, write_video, video_files, suffix):
    times = [0.0, 0.05, 0.1, 1.0, 1.04, 3.0]
    path = write_video(tmp_path / f"a{suffix}", video_files.numbered(6), times=times)
    assert length(path)[1] == pytest.approx(3.0, abs=0.01)
    assert seen(path, [0.02, 0.07, 0.9, 1.02, 1.1, 2.9, 3.0], video_files) == [0, 1, 2, 3, 4, 4, 5]


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("angle", [0, 90, 180, 270])
def test_pictures_come_upright(tmp_path, write_video, suffix, angle, mirror):
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:24, :32] = 200  # a light in the top left corner
    path = write_video(tmp_path / f"a{suffix}", [picture] * 3, rotation=angle, mirror=mirror)
    with open_clip(path) as clip:
        upright = next(iter(clip.pictures_at([0.1]))).numpy()
    wanted = np.rot90(picture, angle // 90)
    wanted = wanted[:, ::-1] if mirror else wanted
    assert upright.shape == wanted.shape
    assert np.abs(upright.astype(int) - wanted).mean() < 10


def test_one_frame_is_on_screen_all_the_time(tmp_path, write_video, video_files):
    for suffix in FORMATS:
        path = write_video(tmp_path / f"a{suffix}", video_files.numbered(1))
        assert length(path)[0] > 0
        assert seen(path, [0.0, 0.05, 7.0], video_files) == [0, 0, 0]


def test_sound_that_outlasts_the_pictures_does_not_count(tmp_path, write_video, video_files):
    for suffix in (".mp4", ".mkv"):
        path = write_video(tmp_path / f"a{suffix}", video_files.numbered(20), sound=True)
        assert length(path) == pytest.approx((2.0, 1.9), abs=0.02)


def test_a_recording_without_index_or_duration_is_measured(tmp_path, write_video, video_files):
    path = write_video(tmp_path / "a.webm", video_files.numbered(20), muxer={"live": "1"})
    assert length(path) == pytest.approx((2.0, 1.9), abs=0.01)
    assert seen(path, [0.25, 1.75], video_files) == [2, 17]


def test_only_what_is_near_the_wanted_moments_is_decoded(tmp_path, write_video, video_files, monkeypatch):
    pictures = video_files.numbered(20)
    path = write_video(tmp_path / "hour.mp4", [pictures[number // 180] for number in range(3600)], fps=1, key_every=10)
    decoded = 0
    plainly = VideoFile._frames

    def counting(self):
        nonlocal decoded
        for frame in plainly(self):
            decoded += 1
            yield frame

    monkeypatch.setattr(VideoFile, "_frames", counting)
    assert length(path) == pytest.approx((3600, 3599))
    assert decoded == 0
    assert seen(path, [100.0, 1000.0, 1001.0, 3500.0], video_files) == [0, 5, 5, 19]
    assert decoded <= 3 * 12


@pytest.mark.parametrize("name", ["-i.mp4", "http:a.mp4", "concat:a|b.mp4", "a%d.mp4", "ü $(x);.mp4", "a\nb.mp4"])
def test_a_name_is_only_a_name(tmp_path, write_video, video_files, monkeypatch, name):
    write_video(tmp_path / "a.mp4", video_files.numbered(3)).rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert seen(tmp_path.__class__(name), [0.15], video_files) == [1]


def cut(path, share):
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    return path


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi", ".webm"])
def test_a_file_cut_short_says_how_much_of_it_is_there(tmp_path, write_video, suffix):
    noise = np.random.default_rng(0).integers(0, 255, (40, 48, 64, 3), np.uint8)
    muxer = {"movflags": "faststart"} if suffix == ".mp4" else {}
    path = cut(write_video(tmp_path / f"a{suffix}", noise, muxer=muxer), 0.6)
    with pytest.raises(VideoError, match=r"cut short: [12]\.\d s of the promised 4\.0 s are there"):
        length(path)


def test_an_mp4_that_lost_its_index_is_refused(tmp_path, write_video, video_files):
    path = cut(write_video(tmp_path / "a.mp4", video_files.numbered(20)), 0.7)
    with pytest.raises(VideoError, match=r"a\.mp4: .*cut short"):
        length(path)


def test_a_damaged_stretch_is_refused_where_it_is_wanted(tmp_path, write_video):
    noise = np.random.default_rng(0).integers(0, 255, (20, 48, 64, 3), np.uint8)
    path = write_video(tmp_path / "a.webm", noise, key_every=5)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 6000] = bytes(6000)
    path.write_bytes(content)
    with open_clip(path) as clip:
        assert len(list(clip.pictures_at([0.05]))) == 1


@pytest.mark.parametrize(("suffix", "codec"), [(".ts", "mpeg2video"), (".mpg", "mpeg1video")])
def test_a_picture_that_the_decoder_mends_is_named_as_are_those_that_build_on_it(tmp_path, write_video, suffix, codec):
    noise = np.random.default_rng(0).integers(0, 255, (25, 48, 64, 3), np.uint8)
    options = {"sc_threshold": "1000000000"}
    path = write_video(tmp_path / f"a{suffix}", noise, 25, codec=codec, pixels="yuv420p", key_every=10, encoder=options)
    content, place = bytearray(path.read_bytes()), 0
    for _ in range(14):
        place = content.index(b"\0\0\1\0", place + 1)  # a picture begins
    content[place + 60 : place + 100] = b"\xff" * 40
    path.write_bytes(content)
    with open_clip(path) as clip:
        assert len(list(clip.pictures_at([0.1, 0.3]))) == 2  # before it nothing is said
        with pytest.warns(ClipWarning, match=r"damaged: what is shown at 0\.\d s, and perhaps later"):
            list(clip.pictures_at([0.7]))


def test_a_key_frame_that_cannot_be_decoded_is_named(tmp_path, write_video, video_files):
    path = write_video(tmp_path / "a.mov", video_files.numbered(20), codec="png", pixels="rgb24")
    content = path.read_bytes()
    path.write_bytes(content.replace(b"\x89PNG", b"\0\0\0\0", 1))
    with pytest.warns(ClipWarning, match="damaged: a picture cannot be decoded"):
        assert seen(path, [0.05, 0.55], video_files) == [1, 5]


@pytest.mark.parametrize("suffix", [".gif", ".avi", ".mp4"])
def test_a_file_that_lacks_its_end_says_so(tmp_path, write_video, video_files, suffix):
    path = write_video(tmp_path / f"a{suffix}", video_files.numbered(20))
    assert seen(path, [0.05], video_files) == [0]
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.warns(ClipWarning, match="its end is missing"):
        assert seen(path, [0.05, 1.55], video_files) == [0, 15]


@pytest.mark.parametrize("suffix", [".mp4", ".avi", ".webm"])
def test_pictures_are_decoded_in_one_thread_on_every_machine(tmp_path, write_video, video_files, suffix):
    path = write_video(tmp_path / f"a{suffix}", video_files.numbered(3))
    with av.open(str(path)) as container:
        stream = picture_stream(path, container)
        assert len([frame for packet in container.demux(stream) for frame in packet.decode()]) == 3
        assert stream.codec_context.thread_count == 1


def test_damage_near_the_end_is_refused_too(tmp_path, write_video, video_files):
    path = write_video(tmp_path / "a.mp4", video_files.numbered(20), key_every=20, encoder={"threads": "1"})
    with av.open(str(path)) as container:
        places = [(one.pos, one.size) for one in container.demux(container.streams.video[0]) if one.size]
    begin, size = places[-3]
    content = bytearray(path.read_bytes())
    content[begin : begin + size] = b"\xff" * size
    path.write_bytes(content)
    with open_clip(path) as clip, pytest.raises(VideoError, match="damaged"):
        list(clip.pictures_at([0.05, clip.last]))


BAD_CONTENT = {
    "nothing": (b"", "the file is empty"),
    "text": (b"hello world\n" * 99, "not a readable"),
    "noise": (np.random.default_rng(1).bytes(5000), "not a readable"),
    "an hls playlist": (
        b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\na.mp4\n#EXT-X-ENDLIST\n",
        "not a readable",
    ),
    "a concat list": (b"ffconcat version 1.0\nfile 'a.mp4'\n", "not a readable"),
}


@pytest.mark.parametrize("kind", BAD_CONTENT)
def test_what_is_no_video_is_refused(tmp_path, write_video, video_files, capfd, kind):
    write_video(tmp_path / "a.mp4", video_files.numbered(3))
    content, why = BAD_CONTENT[kind]
    (tmp_path / "b.mp4").write_bytes(content)
    capfd.readouterr()
    with pytest.raises(VideoError) as error:
        length(tmp_path / "b.mp4")
    assert str(error.value).startswith(f"{tmp_path / 'b.mp4'}: {why}")
    assert "\n" not in str(error.value)
    assert capfd.readouterr() == ("", "")


def test_an_unknown_coding_is_refused(tmp_path, write_video, video_files):
    path = write_video(tmp_path / "a.mp4", video_files.numbered(3))
    path.write_bytes(path.read_bytes().replace(b"avc1", b"zzzz"))
    with pytest.raises(VideoError, match="a coding that is not known here"):
        length(path)


def test_sound_alone_is_refused(tmp_path, video_files):
    for suffix in (".mp4", ".mkv"):
        with pytest.raises(VideoError, match="only sound in it"):
            length(video_files.write_sound(tmp_path / f"a{suffix}"))


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi"])
def test_a_video_without_frames_is_refused(tmp_path, write_video, suffix):
    with pytest.raises(VideoError, match=r": (the video holds no frames|no video stream in it|not a readable)"):
        length(write_video(tmp_path / f"a{suffix}", []))


def test_what_is_missing_or_no_file_is_refused(tmp_path):
    with pytest.raises(VideoError, match=r"gone\.mp4: no such file"):
        length(tmp_path / "gone.mp4")
    with pytest.raises(VideoError, match="a folder without frame pictures"):
        length(tmp_path)
    with pytest.raises(VideoError, match="neither a file nor a folder"):
        length(tmp_path.__class__("/dev/zero"))


def test_a_file_that_may_not_be_read_is_refused(tmp_path, write_video, video_files, monkeypatch):
    path = write_video(tmp_path / "a.mp4", video_files.numbered(3))

    def forbidden(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", forbidden)
    with pytest.raises(VideoError, match=r"a\.mp4: cannot be read \(Permission denied\)"):
        length(path)


@pytest.mark.parametrize("side", [12_000, 65_535])
def test_an_absurdly_large_picture_is_never_decoded(tmp_path, video_files, side):
    (tmp_path / "a.gif").write_bytes(video_files.huge_gif(side))
    with pytest.raises(VideoError, match=r"a\.gif: its pictures are too large"):
        length(tmp_path / "a.gif")


def test_an_error_of_the_callers_own_passes_through(tmp_path, write_video, video_files):
    path = write_video(tmp_path / "a.mp4", video_files.numbered(3))
    with pytest.raises(OSError, match="mine"), open_clip(path):
        raise OSError("mine")
    with pytest.raises(av.FFmpegError, match="mine"), open_clip(path):
        raise av.FFmpegError(1, "mine")


def test_a_clip_is_refused_beyond_the_limits_and_read_at_them(tmp_path, write_video, video_files):
    path = write_video(tmp_path / "a.mp4", video_files.numbered(20))
    pixels = 48 * 64
    with open_clip(path, Limits(seconds=2.0, pixels=pixels, patience=60.0)) as clip:
        assert len(list(clip.pictures_at([0.0, 1.0]))) == 2
    for limits, told in (
        (Limits(seconds=1.9), "2.0 s long; at most 1.9 s"),
        (Limits(pixels=pixels - 1), "64 x 48 pixels; at most 3071"),
        (Limits(patience=-1.0), "takes longer to read"),
    ):
        with pytest.raises(VideoError, match=told), open_clip(path, limits):
            pass


def test_time_runs_out_while_frames_are_decoded(tmp_path, write_video, video_files, monkeypatch):
    path = write_video(tmp_path / "a.mp4", video_files.numbered(20))
    with open_clip(path, Limits(patience=60.0)) as clip:
        monkeypatch.setattr(decode, "monotonic", lambda: float("inf"))
        with pytest.raises(VideoError, match="than the 60 s that are allowed"):
            list(clip.pictures_at([1.0]))


def test_a_folder_of_pictures_can_be_too_long(tmp_path):
    for number in range(3):
        Image.new("RGB", (8, 8)).save(tmp_path / f"{number}.png")
    with pytest.raises(VideoError, match=r"at most 0\.1 s"), open_clip(tmp_path, Limits(seconds=0.1)):
        pass
