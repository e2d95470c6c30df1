import numpy as np
import pytest

from lga.motion import blazepose
from lga.motion.blazepose import CENTRE, DETECTOR_SIDE, RIM, BodyTracker, Square
from lga.motion.encoder import MotionEncoder
from lga.motion.pose import LANDMARKS
from lga.video.decode import open_clip

cv2 = pytest.importorskip("cv2", reason="OpenCV is not installed: pip install 'lga[motion]'")

OTHER_SIDE = [0, 4, 5, 6, 1, 2, 3, 8, 7, 10, 9, *(one + 1 if one % 2 else one - 1 for one in range(11, LANDMARKS))]
"""Where the landmarks are found in a mirrored picture: a left hand is a right one there."""


def spot(picture, colour):
    """Where the picture is brightest in a colour, in pixels."""
    amount = picture[..., colour] * (picture[..., colour] > 0.5 * picture[..., colour].max())
    y, x = np.mgrid[: picture.shape[0], : picture.shape[1]]
    return np.array([(amount * x).sum(), (amount * y).sum()]) / max(amount.sum(), 1e-9)


class MadeUpNetworks:
    """Networks that find a red spot, and say that the body's centre is there and a point of its rim at the green one.

    They say so as the real ones do: boxes counted from anchors, landmarks in pixels of the square that was cut.
    """

    def __init__(self):
        self.detected, self.score, self.seen = 0, 1.0, []

    def detector(self, picture):
        self.detected += 1
        self.seen.append(picture)
        anchors = blazepose._anchors() * DETECTOR_SIDE
        boxes, logits = np.zeros((len(anchors), 12), np.float32), np.full((len(anchors), 1), -20, np.float32)
        centre, rim = spot(picture + 1, 0), spot(picture + 1, 1)
        nearest = np.argsort(np.hypot(*(anchors - centre).T))[:6]
        boxes[nearest, 2:4] = 60
        boxes[nearest, 4:6], boxes[nearest, 6:8] = centre - anchors[nearest], rim - anchors[nearest]
        logits[nearest, 0] = 3 if picture.max() > 0 else -20
        return boxes, logits

    def landmarks(self, picture):
        points = np.zeros((39, 5), np.float32)
        points[:, :2] = spot(picture, 0)
        points[RIM, :2] = spot(picture, 1)
        return points.reshape(-1), np.array([self.score], np.float32)


@pytest.fixture
def networks(monkeypatch, tmp_path):
    made_up = MadeUpNetworks()
    monkeypatch.setattr(
        blazepose, "_network", lambda path: made_up.detector if "detector" in path.name else made_up.landmarks
    )
    return made_up, BodyTracker(tmp_path / "detector", tmp_path / "landmarks")


def spots(centre, rim, height=240, width=320):
    picture = np.zeros((height, width, 3), np.uint8)
    for colour, (x, y) in enumerate((centre, rim)):
        cv2.circle(picture, (x, y), 6, [255 * (one == colour) for one in range(3)], -1)
    return picture


@pytest.mark.parametrize(
    ("size", "centre", "rim"),
    [
        ((240, 320), (160, 120), (160, 60)),
        ((240, 320), (100, 150), (150, 150)),
        ((320, 180), (60, 200), (100, 240)),
        ((480, 640), (400, 200), (330, 130)),
    ],
)
def test_points_are_found_where_they_are_in_the_picture_however_it_is_cut_and_turned(networks, size, centre, rim):
    _, tracker = networks
    points, square = tracker.step(spots(centre, rim, *size), None)
    np.testing.assert_allclose(points[0], centre, atol=1.5)
    np.testing.assert_allclose(points[RIM], rim, atol=1.5)
    np.testing.assert_allclose(square.centre, points[CENTRE])
    assert square.side == pytest.approx(2.5 * np.hypot(*np.subtract(rim, centre)), rel=0.05)


def test_detections_of_one_body_are_one(networks):
    _, tracker = networks
    (found,) = tracker.detect(spots((100, 90), (100, 40)))
    np.testing.assert_allclose(found.centre, (100, 90), atol=2)
    assert found.score == pytest.approx(1 / (1 + np.exp(-3)))


def test_a_body_that_is_followed_is_not_looked_for_again_until_it_is_lost(networks):
    made_up, tracker = networks
    square = None
    for x in (100, 106, 112):
        points, square = tracker.step(spots((x, 120), (x, 60)), square)
        assert abs(points[0, 0] - x) < 1.5
    assert made_up.detected == 1
    made_up.score = 0.1
    assert tracker.step(spots((112, 120), (112, 60)), square) == (None, None)
    made_up.score = 1.0
    points, _ = tracker.step(spots((112, 120), (112, 60)), None)
    assert points is not None
    assert made_up.detected == 2


def test_of_two_bodies_none_is_followed(networks, monkeypatch):
    _, tracker = networks
    (one,) = tracker.detect(spots((100, 90), (100, 40)))
    monkeypatch.setattr(tracker, "detect", lambda _: [one, one])
    assert tracker.step(spots((100, 90), (100, 40)), None) == (None, None)
    monkeypatch.setattr(tracker, "detect", lambda _: [one])
    assert tracker.step(spots((100, 90), (100, 40)), None)[0] is not None


def test_an_upright_body_is_cut_upright_and_a_lying_one_is_turned(networks):
    _, tracker = networks
    for rim, angle in (((160, 60), 0.0), ((220, 120), np.pi / 2), ((100, 120), -np.pi / 2)):
        _, square = tracker.step(spots((160, 120), rim), None)
        turned = square.angle - angle
        assert np.cos(turned) == pytest.approx(1.0, abs=0.01)


def test_nobody_is_found_in_the_dark_and_a_score_that_is_no_number_does_not_count(networks):
    made_up, tracker = networks
    assert tracker.step(np.zeros((40, 600, 3), np.uint8), None) == (None, None)
    made_up.score = np.nan
    assert tracker.step(spots((160, 120), (160, 60)), None) == (None, None)


def test_a_body_that_shrinks_to_a_dot_is_looked_for_anew(networks):
    _, tracker = networks
    points, square = tracker.step(np.zeros((40, 60, 3), np.uint8), Square(np.array([30.0, 20.0]), 20.0, 0.0))
    assert np.isfinite(points).all()
    assert square is None


@pytest.fixture(scope="module")
def tracker(pose):
    return MotionEncoder("flow+pose").tracker


def moments(path, count=8):
    with open_clip(path) as clip:
        times = [(part + 0.5) * clip.duration / count for part in range(count)]
        return [picture.numpy() for picture in clip.pictures_at(times)]


@pytest.mark.shared
@pytest.mark.parametrize(
    "name", ["golf/golf_g038_c01", "golf/golf_g046_c01", "pullup/pullup_g001_c02", "pullup/pullup_g003_c01"]
)
def test_a_real_body_is_found_at_most_moments(shared, tracker, name):
    square, found = None, []
    for picture in moments(shared / f"data/jhmdb16/{name}.mp4"):
        points, square = tracker.step(picture, square)
        if points is not None:
            found.append(points)
    assert len(found) >= 6
    for points in found:
        assert np.isfinite(points).all()
        assert np.hypot(*(points[CENTRE] - points[RIM])) > 30


@pytest.mark.shared
@pytest.mark.parametrize("name", ["golf/golf_g038_c01", "golf/golf_g046_c01", "pullup/pullup_g001_c02"])
def test_a_mirrored_picture_has_mirrored_points(shared, tracker, name):
    picture = moments(shared / f"data/jhmdb16/{name}.mp4")[4]
    points, _ = tracker.step(picture, None)
    mirrored, _ = tracker.step(np.ascontiguousarray(picture[:, ::-1]), None)
    back = mirrored[OTHER_SIDE] * (-1, 1) + (picture.shape[1] - 1, 0)
    apart = np.hypot(*(back - points[:LANDMARKS]).T)
    assert np.median(apart) < 0.07 * np.hypot(*(points[CENTRE] - points[RIM]))


def test_nobody_is_found_in_pictures_without_one(tracker):
    for height, width in ((16, 16), (16, 600), (240, 320)):
        assert tracker.step(np.zeros((height, width, 3), np.uint8), None) == (None, None)
