import numpy as np
import pytest

from lga.synthetic.actions import ACTIONS
from lga.synthetic.motion import Build, poses_at


@pytest.mark.parametrize(("label", "opposite"), [("sit down", "stand up"), ("pick up", "put down")])
def test_a_pair_differs_only_in_the_order_of_its_key_poses(label, opposite):
    forth, back = ACTIONS[label], ACTIONS[opposite]
    assert [pose for _, pose in forth.keys] == [pose for _, pose in reversed(back.keys)]
    assert [time for time, _ in forth.keys] == pytest.approx([1 - time for time, _ in reversed(back.keys)])
    assert forth.borders == pytest.approx((1 - back.borders[1], 1 - back.borders[0]))
    assert (forth.things, forth.fixtures, forth.frame) == (back.things, back.fixtures, back.frame)


@pytest.mark.parametrize(("label", "opposite"), [("sit down", "stand up"), ("pick up", "put down")])
def test_a_reversed_action_moves_along_the_same_curves(label, opposite):
    moments = np.linspace(0, 1, 31)
    forth = poses_at(ACTIONS[label], Build(), moments)
    back = poses_at(ACTIONS[opposite], Build(), moments[::-1])
    for one, other in zip(forth, back, strict=True):
        assert one.hip == pytest.approx(other.hip)
        assert one.hands[0] == pytest.approx(other.hands[0])
        assert np.array(one.things) == pytest.approx(np.array(other.things))


@pytest.mark.parametrize("label", ACTIONS)
def test_key_poses_are_in_order_and_place_every_thing(label):
    action = ACTIONS[label]
    times = [time for time, _ in action.keys]
    assert times == sorted(set(times))
    assert (times[0], times[-1]) == (0, 1)
    assert 0 < action.borders[0] < action.borders[1] < 1
    assert all(len(pose.places) == len(action.things) for _, pose in action.keys)


def test_a_pose_passes_through_its_key_poses():
    action = ACTIONS["kick ball"]
    poses = poses_at(action, Build(), np.array([time for time, _ in action.keys]))
    for pose, (_, key) in zip(poses, action.keys, strict=True):
        assert pose.hip == pytest.approx(key.hip)
        assert pose.feet[0] == pytest.approx((key.near_foot.x, key.near_foot.y, key.near_foot.pitch))
        assert pose.things[0] == pytest.approx((key.places[0].x, key.places[0].y, key.places[0].turn))


def test_hands_do_not_slip_from_the_bar():
    poses = poses_at(ACTIONS["pull up"], Build(), np.linspace(0.3, 1, 23))
    assert np.array([pose.hands[0] for pose in poses]) == pytest.approx(np.array([(0.19, 1.18)] * 23), abs=1e-9)


def test_a_lifted_box_goes_with_the_hands():
    for pose in poses_at(ACTIONS["pick up"], Build(), np.linspace(0.43, 1, 19)):
        middle = np.mean(pose.hands, axis=0)
        assert np.array(pose.things[0][:2]) - middle == pytest.approx((0.09, -0.01))
