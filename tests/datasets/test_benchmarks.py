import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lga.datasets import benchmarks
from lga.datasets.benchmarks import (
    BenchmarkClip,
    FoundClip,
    Imported,
    clip_key,
    find_clips,
    import_benchmark,
    named_benchmark,
    source_group,
    write_benchmark,
)
from lga.datasets.manifest import read_manifest
from lga.datasets.partition import SPLITS, ActionClass, read_partition
from lga.errors import ManifestError, SettingsError
from lga.evaluation.leakage import read_seen_clips, refuse_overlap, shared_clips

KINETICS = (
    ("train0//train_256/air_drumming/-VtLx-mcPds_000012_000022.mp4", "train_256/air_drumming/-VtLx-mcPds.mp4"),
    ("train1//train_256/arm_wrestling/--abcdefgh1.mkv", "train_256/arm_wrestling/--abcdefgh1_000001_000011.webm"),
    ("val0//val_256/baking_cookies/-514AQUrSow.mp4", "train_256/baking_cookies/-514AQUrSow_000012_000022.mkv"),
    ("test10//train_256/hurling_(sport)/_-xMKp51400.mp4", "train_256/hurling_(sport)/_-xMKp51400.MP4"),
)
SSV2 = ("train0/51958", "train1/511", "val0/46768", "test0/88644")


def plant(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


def write_lists(folder, lines):
    folder.mkdir(exist_ok=True)
    for split in SPLITS:
        (folder / f"{split}.txt").write_text("".join(f"{line}\n" for line in lines if line.startswith(split)))
    return folder


def one_clip_a_class(benchmark, name):
    return [name(one.folder) for _, one in read_partition(benchmark).by_folder().values()]


def rows_of(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def counts(imported):
    return tuple(
        (len({one.action.published for one in imported.clips if one.split == split}), clips)
        for split, clips in ((split, sum(one.split == split for one in imported.clips)) for split in SPLITS)
    )


def test_hmdb51_needs_its_class_folders_only(tmp_path):
    names = one_clip_a_class("hmdb51", lambda folder: f"{folder}/film_(x)!_{folder}_u_nm_np1_ba_goo_0.avi")
    videos = plant(
        tmp_path / "hmdb51_org", *names, "notes/readme.avi", "draw_sword/-$(rm)_draw_sword_f_cm_np2_le_bad_1.avi"
    )
    imported = import_benchmark("hmdb51", videos)
    assert counts(imported) == ((31, 32), (10, 10), (10, 10))
    assert imported.lists == "class partition"
    assert imported.wanted == {"train": 4280, "val": 1194, "test": 1292}
    assert (imported.missing, imported.empty, imported.doubles, imported.unused) == ((), (), (), 1)
    write_benchmark(imported, tmp_path / "sets" / "m.csv")
    found = {row["path"]: row for row in rows_of(tmp_path / "sets" / "m.csv")}
    strange = found[str(videos / "draw_sword/-$(rm)_draw_sword_f_cm_np2_le_bad_1.avi")]
    assert (strange["label"], strange["published"]) == ("draw sword", "draw_sword")
    assert strange["group"] == "'-$(rm)", "no spreadsheet reads a formula"
    assert strange["id"] == "hmdb51/draw_sword/-$(rm)_draw_sword_f_cm_np2_le_bad_1"
    assert len({clip.path for clip in read_manifest(tmp_path / "sets/m.csv") if clip.path.is_file()}) == 52


def test_ucf101_knows_the_folder_whose_files_are_spelt_otherwise(tmp_path):
    names = one_clip_a_class("ucf101", lambda folder: f"{folder}/v_{folder}_g01_c01.avi")
    names.append("HandstandPushups/v_HandStandPushups_g07_c01.avi")
    imported = import_benchmark("ucf101", plant(tmp_path / "UCF-101", *names))
    assert counts(imported) == ((70, 70), (10, 11), (21, 21))
    assert len({clip.group for clip in imported.clips}) == 102  # g01 of two classes are two videos
    write_benchmark(imported, tmp_path / "m.csv", names="published")
    rows = {row["path"]: row for row in rows_of(tmp_path / "m.csv")}
    row = rows["UCF-101/HandstandPushups/v_HandStandPushups_g07_c01.avi"]
    assert (row["label"], row["group"]) == ("Handstand Pushups", "HandstandPushups_g07")
    assert (row["split"], row["benchmark"], row["lists"]) == ("val", "ucf101", "class partition")


@pytest.mark.parametrize("benchmark", ["hmdb51", "ucf101"])
def test_a_manifest_says_which_benchmark_it_is_of(benchmark, tmp_path):
    names = one_clip_a_class(benchmark, lambda folder: f"{folder}/v_{folder}_g01_c01.avi")
    write_benchmark(import_benchmark(benchmark, plant(tmp_path / "v", *names)), tmp_path / "m.csv")
    assert named_benchmark(tmp_path / "m.csv") == (benchmark, "class partition")


@pytest.mark.parametrize(
    "cells", [["hmdb51,a", "hmdb51,b"], ["hmdb51,a", "ucf101,a"], ["hmdb51,a", ","], ["mine,a"], []]
)
def test_a_manifest_of_several_things_or_of_none_is_of_no_benchmark(cells, tmp_path):
    rows = [f"{number}.mp4,wave,{each}" for number, each in enumerate(cells)]
    (tmp_path / "m.csv").write_text("\n".join(["path,label,benchmark,lists", *rows]))
    assert named_benchmark(tmp_path / "m.csv") is None


def test_a_benchmark_from_outside_is_imported_by_its_name(tmp_path, monkeypatch):
    def import_mine(videos, *, lists, any_lists):
        clips = [
            BenchmarkClip(
                one, f"mine/{one.stem}", one.stem, "test", ActionClass(published="x", cleaned=one.parent.name)
            )
            for one in sorted(videos.rglob("*.avi"))
        ]
        return Imported("mine", "folders", tuple(clips))

    monkeypatch.setitem(benchmarks.IMPORTERS, "mine", import_mine)
    imported = import_benchmark("mine", plant(tmp_path / "v", "wave/a.avi", "jump/b.avi", "notes.txt"))
    write_benchmark(imported, tmp_path / "m.csv")
    assert [(row["path"], row["label"], row["split"], row["benchmark"]) for row in rows_of(tmp_path / "m.csv")] == [
        ("v/jump/b.avi", "jump", "test", "mine"),
        ("v/wave/a.avi", "wave", "test", "mine"),
    ]
    with pytest.raises(ManifestError, match="none of its 0 clips belongs to mine"):
        import_benchmark("mine", tmp_path / "nowhere")
    with pytest.raises(SettingsError, match=r"there is no benchmark 'yours'; there are hmdb51, .*, mine$"):
        import_benchmark("yours", tmp_path)


def test_lists_leave_clips_out_that_are_not_on_them(tmp_path):
    videos = plant(tmp_path / "v", "Archery/v_Archery_g01_c01.avi", "Archery/v_Archery_g01_c02.avi")
    lists = write_lists(tmp_path / "l", ["train1//videos/Archery/v_Archery_g01_c02.avi"])
    imported = import_benchmark("ucf101", videos, lists=lists, any_lists=True, partial=True)
    assert [clip.path.name for clip in imported.clips] == ["v_Archery_g01_c02.avi"]
    assert imported.unused == 1
    assert imported.lists.startswith("other lists: sha256 ")


@pytest.mark.parametrize("flat", [False, True])
def test_kinetics_clips_are_known_by_their_id(tmp_path, flat):
    names = [name.rsplit("/", 1)[1] if flat else name for _, name in KINETICS]
    videos = plant(tmp_path / "v", *names, "other/notanid.mp4")
    lists = write_lists(tmp_path / "l", [line for line, _ in KINETICS])
    imported = import_benchmark("kinetics100", videos, lists=lists, any_lists=True, partial=True)
    assert [str(clip.path.relative_to(videos)) for clip in imported.clips] == names
    assert [clip.id for clip in imported.clips] == [
        "kinetics/-VtLx-mcPds", "kinetics/--abcdefgh1", "kinetics/-514AQUrSow", "kinetics/_-xMKp51400"
    ]  # fmt: skip
    assert [clip.group for clip in imported.clips] == [clip.id.removeprefix("kinetics/") for clip in imported.clips]
    assert [clip.action.cleaned for clip in imported.clips][-1] == "hurling"
    assert imported.unused == 1


def test_of_two_files_of_one_clip_the_one_in_the_class_folder_under_the_very_name_is_taken(tmp_path):
    line = KINETICS[0][0]
    right = "train_256/air_drumming/-VtLx-mcPds_000012_000022.mkv"
    videos = plant(tmp_path / "v", "a/-VtLx-mcPds_000012_000022.mp4", "train_256/air_drumming/-VtLx-mcPds.mp4", right)
    imported = import_benchmark(
        "kinetics100", videos, lists=write_lists(tmp_path / "l", [line]), any_lists=True, partial=True
    )
    assert [clip.path for clip in imported.clips] == [videos / right]
    assert len(imported.doubles) == 2
    assert imported.unused == 0


@pytest.mark.parametrize("suffix", [".webm", ".mp4"])
@pytest.mark.parametrize("benchmark", ["ssv2_small", "ssv2_full"])
def test_something_something_clips_are_numbers_in_one_folder(tmp_path, benchmark, suffix):
    videos = plant(tmp_path / "v", *(f"{line.split('/')[1]}{suffix}" for line in SSV2), "1.webm")
    imported = import_benchmark(
        benchmark, videos, lists=write_lists(tmp_path / "l", SSV2), any_lists=True, partial=True
    )
    assert [clip.id for clip in imported.clips] == ["ssv2/51958", "ssv2/511", "ssv2/46768", "ssv2/88644"]
    assert len({clip.group for clip in imported.clips}) == 4
    first = read_partition(benchmark).splits["train"].classes[0]
    assert imported.clips[0].action == first
    assert imported.unused == 1


def test_frame_folders_are_clips_too(tmp_path):
    videos = plant(tmp_path / "v", "51958/1.jpg", "51958/2.jpg", "511/1.jpg")
    lists = write_lists(tmp_path / "l", SSV2[:2])
    imported = import_benchmark("ssv2_small", videos, lists=lists, any_lists=True, partial=True)
    assert [clip.path.name for clip in imported.clips] == ["51958", "511"]


def test_missing_clips_are_named_and_a_class_without_any_stops_the_import(tmp_path):
    videos = plant(tmp_path / "v", "51958.webm")
    lists = write_lists(tmp_path / "l", SSV2)
    with pytest.raises(ManifestError, match=r"99 classes of ssv2_small without a clip .* --partial"):
        import_benchmark("ssv2_small", videos, lists=lists, any_lists=True)
    imported = import_benchmark("ssv2_small", videos, lists=lists, any_lists=True, partial=True)
    assert imported.missing == ("511", "46768", "88644")
    assert len(imported.empty) == 99
    assert imported.wanted == {"train": 2, "val": 1, "test": 1}


def test_a_folder_without_any_clip_of_the_benchmark_is_refused(tmp_path):
    with pytest.raises(ManifestError, match=r"none of its 1 clips belongs to ucf101"):
        import_benchmark("ucf101", plant(tmp_path, "wave/1.mp4"), partial=True)


@pytest.mark.parametrize("benchmark", ["kinetics100", "ssv2_small", "ssv2_full"])
def test_a_list_of_clips_needs_its_lists(tmp_path, benchmark):
    with pytest.raises(ManifestError, match=f"{benchmark} is a list of clips: .*--split-lists"):
        import_benchmark(benchmark, tmp_path)


def test_a_clip_on_the_lists_twice_is_refused(tmp_path):
    videos = plant(tmp_path / "v", "51958.webm")
    lists = write_lists(tmp_path / "l", [*SSV2, "train1/51958"])
    with pytest.raises(ManifestError, match="name '51958' twice"):
        import_benchmark("ssv2_small", videos, lists=lists, any_lists=True, partial=True)


@pytest.mark.shared
@pytest.mark.parametrize("benchmark", ["hmdb51", "ucf101", "kinetics100"])
def test_the_numbers_of_the_lists_are_the_places_of_the_classes(shared, benchmark):
    for split in SPLITS:
        classes = read_partition(benchmark).splits[split].classes
        for line in (shared / "data/splits" / benchmark / f"{split}.txt").read_text().splitlines():
            number, folder = line.split("/")[0].removeprefix(split), line.split("/")[-2]
            assert classes[int(number)].folder == folder


@pytest.mark.shared
@pytest.mark.slow
def test_the_longest_lists_are_imported_whole(shared, monkeypatch):
    """Without the 71,796 files, which take longer to make than to import; the command's tests make the others'."""
    lists = shared / "data/splits/ssv2_full"
    numbers = [line.split("/")[1] for split in SPLITS for line in (lists / f"{split}.txt").read_text().split()]
    found = tuple(FoundClip(Path(f"/v/{number}.webm"), number, "v") for number in numbers)
    monkeypatch.setattr(benchmarks, "find_clips", lambda _: found)
    imported = import_benchmark("ssv2_full", Path("/v"), lists=lists)
    assert counts(imported) == ((64, 67013), (12, 1926), (24, 2857))
    assert (imported.missing, imported.empty, imported.doubles, imported.unused) == ((), (), (), 0)


@pytest.mark.shared
def test_weights_of_the_full_list_have_seen_568_test_clips_of_the_small_one(shared, tmp_path):
    parts = {}
    for benchmark, split in (("ssv2_full", "train"), ("ssv2_small", "test")):
        names = [line.split("/")[1] for line in (shared / f"data/splits/{benchmark}/{split}.txt").read_text().split()]
        path = tmp_path / f"{benchmark}.csv"
        path.write_text("path,label,id\n" + "".join(f"{name}.webm,x,ssv2/{name}\n" for name in names))
        parts[benchmark] = read_seen_clips(path)
    assert len(shared_clips(parts["ssv2_full"].ids, parts["ssv2_small"].ids)) == 568
    with pytest.raises(ManifestError, match="568 of its 2400 clips"):
        refuse_overlap(parts["ssv2_full"], parts["ssv2_small"])


ID = st.text("ABCxyz019_-", min_size=11, max_size=11)


def spread(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


def names_of(folder):
    return [(str(clip.path.relative_to(folder)), clip.stem, clip.folder) for clip in find_clips(folder)]


def test_clips_are_found_at_any_depth_in_order_and_other_files_are_not(tmp_path):
    spread(tmp_path, "b/2.avi", "a/x/1.MP4", "a/notes.txt", ".hidden/3.mp4", "a/.4.mp4", "$(rm) *.mkv", "-c.d.webm")
    assert names_of(tmp_path) == [
        ("$(rm) *.mkv", "$(rm) *", tmp_path.name),
        ("-c.d.webm", "-c.d", tmp_path.name),
        ("a/x/1.MP4", "1", "x"),
        ("b/2.avi", "2", "b"),
    ]


def test_a_folder_of_pictures_is_a_clip_and_a_folder_with_anything_else_is_not(tmp_path):
    spread(tmp_path, "wave/one.two/1.jpg", "wave/one.two/2.png", "wave/mixed/1.jpg", "wave/mixed/a.txt", "wave/m/1.mp4")
    assert names_of(tmp_path) == [("wave/m/1.mp4", "1", "m"), ("wave/one.two", "one.two", "wave")]


def test_links_are_followed_and_circles_end(tmp_path):
    spread(tmp_path / "far", "wave/1.mp4")
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
