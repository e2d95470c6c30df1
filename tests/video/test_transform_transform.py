import numpy as np
import pytest
import torch
from PIL import Image

from lga.backbone.protocol import Preprocessing
from lga.video.transform import resize_and_crop

SIZES = [(240, 320), (97, 131), (131, 97), (1080, 1920), (33, 17), (223, 224), (224, 224), (501, 333)]


def scene(height: int, width: int) -> np.ndarray:
    """Slopes, waves and hard edges, as in a photograph; another one in each channel."""
    down, across = np.mgrid[0:height, 0:width] / min(height, width)
    waves = 127 + 100 * np.sin(9 * down + 5 * across)
    edges = 255 * ((7 * down).astype(int) + (5 * across).astype(int) & 1)
    return np.stack([255 * down / down.max(), waves, edges], axis=-1).astype(np.uint8)


def by_pillow(picture: np.ndarray, how: Preprocessing) -> np.ndarray:
    height, width = picture.shape[:2]
    short = min(height, width)
    size = (int(how.short_side * width / short), int(how.short_side * height / short))
    size = (how.crop, how.crop) if how.stretch else size
    resized = Image.fromarray(picture).resize(size, getattr(Image.Resampling, how.resample.upper()))
    left, top = (size[0] - how.crop) // 2, (size[1] - how.crop) // 2
    return np.asarray(resized.crop((left, top, left + how.crop, top + how.crop)))


@pytest.mark.parametrize("resample", ["bicubic", "bilinear"])
@pytest.mark.parametrize("stretch", [False, True])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_matches_pillow(size, stretch, resample):
    how = Preprocessing(short_side=61, crop=53, resample=resample, stretch=stretch)
    picture = scene(*size)
    ours = resize_and_crop(torch.from_numpy(picture)[None], how)[0].numpy()
    apart = np.abs(ours.astype(int) - by_pillow(picture, how).astype(int))
    assert apart.max() <= 2
    assert apart.mean() < 0.3


@pytest.mark.parametrize("size", [(19, 31), (31, 19)], ids=str)
def test_matches_pillow_when_scaling_up(size):
    how = Preprocessing(short_side=224, crop=224)
    ours = resize_and_crop(torch.from_numpy(scene(*size))[None], how)[0].numpy()
    assert np.abs(ours.astype(int) - by_pillow(scene(*size), how).astype(int)).max() <= 2


def test_a_picture_of_the_right_size_is_untouched():
    picture = torch.from_numpy(scene(37, 37))[None]
    assert torch.equal(resize_and_crop(picture, Preprocessing(37, 37)), picture)


def test_the_crop_is_central_and_an_odd_margin_goes_right():
    ramp = torch.arange(10, dtype=torch.uint8).expand(1, 7, 10)[..., None].expand(1, 7, 10, 3)
    assert resize_and_crop(ramp, Preprocessing(7, 7))[0, 0, :, 0].tolist() == [1, 2, 3, 4, 5, 6, 7]


def test_every_picture_of_a_batch_is_treated_alike():
    batch = torch.from_numpy(np.stack([scene(41, 67), 255 - scene(41, 67)]))
    how = Preprocessing(29, 23)
    together = resize_and_crop(batch, how)
    assert together.shape == (2, 23, 23, 3)
    assert torch.equal(together[1:], resize_and_crop(batch[1:], how))


def test_a_crop_beyond_the_resized_picture_is_refused():
    with pytest.raises(ValueError, match="does not fit"):
        resize_and_crop(torch.zeros(1, 11, 13, 3, dtype=torch.uint8), Preprocessing(short_side=7, crop=8))
