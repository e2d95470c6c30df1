import pytest
from hypothesis import given
from hypothesis import strategies as st

from lga.datasets.benchmarks import clip_key, find_clips, source_group
from lga.errors import ManifestError

ID = st.text("ABCxyz019_-", min_size=11, max_size=11)


def plant(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


def names_of(folder):
    return [(str(clip.path.relative_to(folder)), clip.stem, clip.folder) for clip in find_clips(folder)]


def test_clips_are_found_at_any_depth_in_order_and_other_files_are_not(tmp_path):
    plant(tmp_path, "b/2.avi", "a/x/1.MP4", "a/notes.txt", ".hidden/3.mp4", "a/.4.mp4", "$(rm) *.mkv", "-c.d.webm")
    assert names_of(tmp_path) == [
        ("$(rm) *.mkv", "$(rm) *", tmp_path.name),
        ("-c.d.webm", "-c.d", tmp_path.name),
        ("a/x/1.MP4", "1", "x"),
        ("b/2.avi", "2", "b"),
    ]


def test_a_folder_of_pictures_is_a_clip_and_a_folder_with_anything_else_is_not(tmp_path):
    plant(tmp_path, "wave/one.two/1.jpg", "wave/one.two/2.png", "wave/mixed/1.jpg", "wave/mixed/a.txt", "wave/m/1.mp4")
    assert names_of(tmp_path) == [("wave/m/1.mp4", "1", "m"), ("wave/one.two", "one.two", "wave")]


def test_links_are_followed_and_circles_end(tmp_path):
    plant(tmp_path / "far", "wave/1.mp4")
    (tmp_path / "near").mkdir()
    (tmp_path / "near/link").symlink_to(tmp_path / "far")
    (tmp_path / "far/back").symlink_to(tmp_path / "near")
    assert names_of(tmp_path / "near") == [("link/wave/1.mp4", "1", "wave")]


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(ManifestError, match="none: cannot be listed"):
        find_clips(tmp_path / "none")


@given(ID, st.sampled_from(["", "_000012_000022", "_1_2"]))
def test_a_youtube_id_is_read_with_and_without_time_stamps(name, stamps):
    assert clip_key("kinetics", name + stamps) == name


@pytest.mark.parametrize("stem", ["", "short", "abcdefghijkl", "abcdefghijk_1", "abc efghijk", "abcdefghijk\n"])
def test_what_is_no_youtube_id_has_no_key(stem):
    assert clip_key("kinetics", stem) is None


def test_the_other_keys_are_the_number_and_the_name():
    assert clip_key("ssv2", "51958") == "51958"
    assert clip_key("ssv2", "５") is None
    assert clip_key("ssv2", "a1") is None
    assert clip_key("hmdb51", "a_wave_b") == "a_wave_b"


@pytest.mark.parametrize(
    ("videos", "folder", "stem", "group"),
    [
        ("hmdb51", "brush_hair", "April_09_brush_hair_u_nm_np1_ba_goo_0", "April_09"),
        ("hmdb51", "brush hair", "April_09_brush_hair_u_nm_np1_ba_goo_0", "April_09"),
        ("hmdb51", "sword", "Medieval_sword_fight_sword_f_cm_np2_ba_med_0", "Medieval_sword_fight"),
        ("hmdb51", "walk", "prelinger_1_walk_f_cm_np10_ri_med_2", "prelinger_1"),
        ("hmdb51", "cartwheel", "(Rad)Schlag_die_Bank!_cartwheel_f_cm_np1_le_med_0", "(Rad)Schlag_die_Bank!"),
        ("hmdb51", "wave", "mine", "mine"),
        ("hmdb51", "wave", "x_run_f_cm_np1_le_med_0", "x_run_f_cm_np1_le_med_0"),
        ("ucf101", "HandstandPushups", "v_HandStandPushups_g01_c02", "HandstandPushups_g01"),
        ("ucf101", "Archery", "v_Archery_g01_c02", "Archery_g01"),
        ("ucf101", "Archery", "mine", "mine"),
        ("kinetics", "bowling", "-VtLx-mcPds_000012_000022", "-VtLx-mcPds"),
        ("ssv2", "any", "51958", "51958"),
    ],
)
def test_the_source_is_read_from_the_name(videos, folder, stem, group):
    assert source_group(videos, stem, folder) == group
