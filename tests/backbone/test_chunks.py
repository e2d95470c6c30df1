import torch

from lga.backbone.chunks import encode_in_chunks


def test_every_chunk_has_the_same_shape_and_what_fills_it_up_is_left_out():
    sizes = []

    def encode(pictures):
        sizes.append(len(pictures))
        return pictures.flatten(1)[:, :1].float()

    pictures = torch.arange(1, 6, dtype=torch.uint8)[:, None, None].expand(5, 2, 3)
    assert encode_in_chunks(encode, pictures, 4).flatten().tolist() == [1, 2, 3, 4, 5]
    assert encode_in_chunks(encode, pictures[:4], 4).flatten().tolist() == [1, 2, 3, 4]
    assert encode_in_chunks(encode, pictures[:0], 4).shape == (0, 1)
    assert sizes == [4] * 4
