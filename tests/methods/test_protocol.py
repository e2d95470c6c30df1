import torch
from torch import cosine_similarity

from lga.methods.protocol import name_likeness, seen_clips, seen_frames


def test_sight_is_the_visual_part_and_meaning_the_semantic(make_bench):
    bench = make_bench(0)
    assert torch.equal(seen_frames(bench), bench.frames[..., :11])
    torch.testing.assert_close(seen_clips(bench)[3], sum(bench.frames[3, t, :11] for t in range(5)) / 5)
    wanted = cosine_similarity(bench.frames[3, :, 11:].mean(0), bench.names[2, 11:], dim=0)
    torch.testing.assert_close(name_likeness(bench)[3, 2], wanted)
