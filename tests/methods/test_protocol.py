import torch
from torch import cosine_similarity

from lga.methods.protocol import name_similarity, seen_clips, seen_frames


def test_sight_is_the_visual_part_and_meaning_the_semantic(make_dataset):
    dataset = make_dataset(0)
    assert torch.equal(seen_frames(dataset), dataset.frames[..., :11])
    torch.testing.assert_close(seen_clips(dataset)[3], sum(dataset.frames[3, t, :11] for t in range(5)) / 5)
    wanted = cosine_similarity(dataset.frames[3, :, 11:].mean(0), dataset.names[2, 11:], dim=0)
    torch.testing.assert_close(name_similarity(dataset)[3, 2], wanted)
