from random import Random

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageEnhance

from lga.backbone.protocol import Preprocessing
from lga.video.transform import Augmentation, AugmentParams, augment, draw_augmentation, resize_and_crop

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
    size = (how.short_side, how.short_side) if how.stretch else size
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


@given(st.integers(1, 200), st.integers(1, 200), st.integers(1, 300))
def test_naflex_takes_the_size_that_transformers_takes(height, width, patches):
    from transformers.models.siglip2.image_processing_pil_siglip2 import get_image_size_for_max_num_patches

    how = Preprocessing(4, 4, "bilinear", patch=4, patches=patches)
    found = resize_and_crop(torch.zeros(1, height, width, 3, dtype=torch.uint8), how).shape[1:3]
    assert tuple(found) == get_image_size_for_max_num_patches(height, width, 4, patches)
    assert found[0] * found[1] <= patches * 16


def test_naflex_cuts_nothing_and_matches_pillow():
    how, picture = Preprocessing(40, 40, "bilinear", patch=8, patches=25), scene(61, 97)
    ours = resize_and_crop(torch.from_numpy(picture)[None], how)[0].numpy()
    theirs = np.asarray(Image.fromarray(picture).resize(ours.shape[1::-1], Image.Resampling.BILINEAR))
    assert ours.shape[0] < ours.shape[1]
    assert np.abs(ours.astype(int) - theirs.astype(int)).max() <= 2


HOW = Preprocessing(short_side=24, crop=20)


def augmented_scene(height: int, width: int) -> torch.Tensor:
    down, across = np.mgrid[0:height, 0:width] / min(height, width)
    waves = 127 + 100 * np.sin(9 * down + 5 * across)
    slopes = [255 * down / down.max(), waves, 255 * across / across.max()]
    return torch.from_numpy(np.stack(slopes, axis=-1).astype(np.uint8))[None]


@pytest.mark.parametrize("stretch", [False, True])
@pytest.mark.parametrize("size", [(97, 131), (131, 97), (48, 48)], ids=str)
def test_the_default_view_is_the_plain_central_crop(size, stretch):
    how = Preprocessing(24, 20, stretch=stretch)
    apart = (
        augment(augmented_scene(*size), how, AugmentParams()).float()
        - resize_and_crop(augmented_scene(*size), how).float()
    )
    assert apart.abs().mean() < 2


def test_a_picture_of_the_right_size_is_untouched_augmented():
    assert torch.equal(
        augment(augmented_scene(20, 20), Preprocessing(20, 20), AugmentParams()), augmented_scene(20, 20)
    )


@pytest.mark.parametrize("resample", ["bicubic", "bilinear"])
def test_matches_pillow_for_a_window_in_a_corner(resample):
    how, picture = Preprocessing(24, 20, resample), augmented_scene(96, 128)
    ours = augment(picture, how, AugmentParams(side=0.75, down=1.0, across=0.0))[0].numpy()
    cut = Image.fromarray(picture[0].numpy()).crop((0, 36, 60, 96))
    theirs = np.asarray(cut.resize((20, 20), getattr(Image.Resampling, resample.upper())))
    assert np.abs(ours.astype(int) - theirs.astype(int)).max() <= 2


def test_the_window_lies_where_it_was_put():
    picture = torch.arange(60, dtype=torch.uint8).expand(1, 40, 60)[..., None].expand(1, 40, 60, 3)
    how = Preprocessing(40, 40)
    columns = [augment(picture, how, AugmentParams(across=at))[0, 0, :, 0].tolist() for at in (0.0, 0.5, 1.0)]
    assert columns == [list(range(start, start + 40)) for start in (0, 10, 20)]


def test_mirroring_turns_left_into_right():
    plain, mirrored = (
        augment(augmented_scene(31, 47), HOW, AugmentParams(mirrored=mirrored)) for mirrored in (False, True)
    )
    assert torch.equal(mirrored, plain.flip(2))
    assert not torch.equal(mirrored, plain)


@pytest.mark.parametrize(("name", "kind"), [("brightness", "Brightness"), ("saturation", "Color")])
@pytest.mark.parametrize("factor", [0.6, 1.3])
def test_brightness_and_saturation_match_pillow(name, kind, factor):
    picture, how = augmented_scene(37, 37), Preprocessing(37, 37)
    theirs = getattr(ImageEnhance, kind)(Image.fromarray(picture[0].numpy())).enhance(factor)
    ours = augment(picture, how, AugmentParams(**{name: factor}))[0].int()
    assert (ours - torch.from_numpy(np.asarray(theirs).astype(int))).abs().max() <= 1


def test_contrast_moves_grey_levels_away_from_the_middle():
    grey = torch.tensor([0, 100, 150, 255], dtype=torch.uint8)[None, :, None, None].expand(1, 4, 4, 3)
    seen = augment(grey, Preprocessing(4, 4), AugmentParams(contrast=1.4))
    assert seen[0, :, 0, 0].tolist() == [0, 89, 159, 255]


@given(
    st.integers(1, 60), st.integers(1, 60), st.floats(0.01, 1.0), st.booleans(), st.booleans(), st.integers(0, 2**31)
)
def test_every_draw_can_be_looked_at(height, width, scale, flip, stretch, seed):
    params = draw_augmentation(Augmentation(scale, flip, 0.3), Random(seed))
    assert scale - 1e-9 <= params.side**2 <= 1 + 1e-9
    assert flip or not params.mirrored
    pictures = torch.full((2, height, width, 3), 77, dtype=torch.uint8)
    seen = augment(pictures, Preprocessing(7, 5, stretch=stretch), params)
    assert seen.shape == (2, 5, 5, 3)
    assert torch.equal(seen[0], seen[1])


def test_draws_follow_the_generator_and_spread_over_all_there_is():
    augmentation = Augmentation(0.25, flip=True)
    draws = [draw_augmentation(augmentation, Random(seed)) for seed in range(200)]
    assert draws == [draw_augmentation(augmentation, Random(seed)) for seed in range(200)]
    assert 0.4 < sum(params.mirrored for params in draws) / 200 < 0.6
    for values, low, high in (
        ([params.side**2 for params in draws], 0.25, 1),
        ([params.down for params in draws], 0, 1),
        ([params.across for params in draws], 0, 1),
    ):
        assert min(values) < low + 0.1 * (high - low)
        assert max(values) > high - 0.1 * (high - low)


def test_by_default_only_the_place_of_the_crop_is_random():
    draws = [draw_augmentation(Augmentation(), Random(seed)) for seed in range(20)]
    assert {
        (params.side, params.mirrored, params.brightness, params.contrast, params.saturation) for params in draws
    } == {(1.0, False, 1.0, 1.0, 1.0)}
    assert len({(params.down, params.across) for params in draws}) == 20


@pytest.mark.parametrize("wrong", [{"crop_scale": 0.0}, {"crop_scale": 1.1}, {"colour": 1.0}, {"colour": -0.1}])
def test_what_cannot_be_drawn_is_refused(wrong):
    with pytest.raises(ValueError, match="share"):
        Augmentation(**wrong)


def test_a_crop_beyond_the_resized_picture_is_refused_augmented():
    with pytest.raises(ValueError, match="does not fit"):
        augment(augmented_scene(11, 13), Preprocessing(short_side=7, crop=8), AugmentParams())
