import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lga.errors import VideoError
from lga.video.clip import uniform_times
from lga.video.decode import open_clip
from lga.video.order import MOST_REORDERED, ShownOrder, says_decoding_only, stamp_of
from lga.watch.address import find_address
from lga.watch.moments import Shown
from lga.watch.source import open_source

REORDERED = {
    "one in between": ("libx264", {"bf": "1", "sc_threshold": "0"}),
    "a pyramid": ("libx264", {"bf": "3", "b_strategy": "0", "sc_threshold": "0"}),
    "MPEG-4": ("mpeg4", {"bf": "2"}),
    "none": ("libx264", {"bf": "0"}),
}


@pytest.fixture(params=REORDERED)
def reordered(request, tmp_path, write_video, video_files):
    """Four seconds of counted pictures in an AVI, decoded in another order than they are shown."""
    codec, encoder = REORDERED[request.param]
    pictures = [video_files.counted(number) for number in range(40)]
    return write_video(tmp_path / "a.avi", pictures, codec=codec, key_every=12, encoder={"threads": "1", **encoder})


def test_an_avi_shows_its_pictures_in_order_and_in_time(reordered, video_files):
    with open_clip(reordered) as clip:
        assert (clip.duration, clip.last) == pytest.approx((4.0, 3.9), abs=0.01)
        for times, numbers in ((uniform_times(4.0, 40), list(range(40))), ([0.35, 3.05], [3, 30]), ([2.75], [27])):
            assert [video_files.count_of(one) for one in clip.pictures_at(times)] == numbers


def test_an_avi_is_watched_in_order_and_in_time(reordered, video_files):
    with open_source(find_address(str(reordered)), 5.0) as source:
        shown = [one for one in source.shown() if isinstance(one, Shown)]
    assert [video_files.count_of(one.picture()) for one in shown] == list(range(40))
    first = shown[1].time - 0.1
    assert [one.time for one in shown[1:]] == pytest.approx([first + number / 10 for number in range(1, 40)], abs=0.001)


def packet(dts):
    one = av.Packet(1)
    one.dts = dts
    return one


def frame(pts):
    one = av.VideoFrame(16, 16, "gray")
    one.pts = pts
    return one


@given(st.permutations(range(24)), st.integers(0, MOST_REORDERED))
def test_the_nth_picture_shown_has_the_nth_stamp_however_long_it_is_held_back(guessed, held):
    order, frames = ShownOrder(anew=True), [frame(one) for one in guessed]
    for number in range(24 + held):
        sent = packet(number if number < 24 else None)
        order.stamped(sent, frames[number - held : number - held + 1] if number >= held else [])
    assert [one.pts for one in frames] == list(range(24))


def test_pictures_that_are_lost_do_not_put_off_all_later_ones():
    order, last = ShownOrder(anew=True), frame(0)
    for number in range(100):
        order.stamped(packet(number), [])
    order.stamped(packet(100), [last])
    assert 100 - last.pts <= MOST_REORDERED


def test_where_the_file_says_when_pictures_are_shown_it_is_believed():
    one = frame(7)
    ShownOrder(anew=False).stamped(packet(3), [one])
    assert one.pts == 7


def test_pictures_that_nobody_can_decode_are_refused_in_one_line(tmp_path, write_video, video_files):
    path = write_video(tmp_path / "a.avi", video_files.numbered(10))
    path.write_bytes(path.read_bytes().replace(b"FMP4", b"zzzz"))
    with av.open(str(path)) as container:
        assert container.streams.video[0].codec_context is None
        assert not says_decoding_only(container.streams.video[0])
        assert [stamp_of(packet) for packet in container.demux(video=0)][:3] == [0, 1, 2]
    with pytest.raises(VideoError), open_clip(path):
        pass
    with pytest.raises(VideoError), open_source(find_address(str(path)), 5.0):
        pass
