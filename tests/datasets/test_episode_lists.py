import json
from contextlib import suppress

import numpy as np
import pytest

from lga.config import ProtocolConfig
from lga.datasets.episode_lists import ClipContent, read_episodes, write_episodes
from lga.datasets.episodes import plan_episodes
from lga.errors import LGAError, ManifestError

NAMES = ("climb", "jump", "wave")
LABEL = np.arange(17) % 3
CLIPS = tuple(ClipContent(f"{number:064x}", NAMES[one]) for number, one in enumerate(LABEL))
PROTOCOL = ProtocolConfig(ways=2, shots=2, queries=1, episodes=5, seed=7)
PLAN = plan_episodes(LABEL, None, PROTOCOL)


@pytest.fixture
def file(tmp_path):
    write_episodes(tmp_path / "new" / "list.jsonl", PLAN, PROTOCOL, CLIPS)
    return tmp_path / "new" / "list.jsonl"


def same(one, other):
    return all(np.array_equal(getattr(one, part), getattr(other, part)) for part in ("classes", "query", "support"))


def test_what_is_written_is_read(file):
    found, protocol = read_episodes(file, CLIPS)
    assert same(found, PLAN)
    assert protocol == PROTOCOL
    assert len(file.read_text().splitlines()) == 6


def test_clips_are_found_by_content_in_another_order_among_others(file):
    order = np.random.default_rng(1).permutation(17)
    more = [ClipContent("f" * 64, "abseil"), *(CLIPS[one] for one in order)]
    found, _ = read_episodes(file, more)
    assert [more[one] for one in found.query.flat] == [CLIPS[one] for one in PLAN.query.flat]
    assert [more[one] for one in found.support.flat] == [CLIPS[one] for one in PLAN.support.flat]
    assert np.array_equal(found.classes, PLAN.classes + 1)


def test_episodes_without_examples_are_kept_too(tmp_path):
    protocol = PROTOCOL.model_copy(update={"shots": 0})
    plan = plan_episodes(LABEL, None, protocol)
    write_episodes(tmp_path / "list", plan, protocol, CLIPS)
    assert same(read_episodes(tmp_path / "list", CLIPS)[0], plan)


def test_a_clip_that_no_episode_needs_may_be_absent(file):
    needed = {*PLAN.query.flat, *PLAN.support.flat}
    read_episodes(file, [clip for number, clip in enumerate(CLIPS) if number in needed])


def test_an_absent_or_changed_clip_is_named(file):
    number = int(PLAN.query[0, 0, 0])
    without = [*CLIPS[:number], ClipContent("a" * 64, CLIPS[number].label), *CLIPS[number + 1 :]]
    with pytest.raises(ManifestError, match=rf"{CLIPS[number].label}.*{CLIPS[number].sha256[:12]} is not in"):
        read_episodes(file, without)


def test_a_clip_with_another_label_is_named(file):
    number = int(PLAN.query[0, 0, 0])
    renamed = [*CLIPS[:number], ClipContent(CLIPS[number].sha256, "sneeze"), *CLIPS[number + 1 :]]
    with pytest.raises(ManifestError, match=r"sneeze.* in the manifest"):
        read_episodes(file, renamed)


@pytest.mark.parametrize("text", ["", "no", "{}\n", '{"format": "lga episodes 2"}\n', "\udcff"])
def test_another_file_is_refused(tmp_path, text):
    (tmp_path / "list").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(ManifestError, match="not an episode list"):
        read_episodes(tmp_path / "list", CLIPS)
    with pytest.raises(ManifestError, match="cannot be read"):
        read_episodes(tmp_path / "nothing", CLIPS)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda one: one["query"].pop(), "not all alike"),
        (lambda one: one["support"][0].append(3), "not all alike"),
        (lambda one: one["query"][0].__setitem__(0, 99), "has not"),
        (lambda one: one["classes"].__setitem__(0, one["classes"][1]), "twice"),
        (lambda one: one["query"].__setitem__(0, one["support"][0][:1]), "twice"),
        (lambda one: one["query"].reverse(), "another class"),
    ],
)
def test_an_altered_list_is_refused(file, change, said):
    lines = file.read_text().splitlines()
    episode = json.loads(lines[2])
    change(episode)
    lines[2] = json.dumps(episode)
    write_lines(file, lines)
    with pytest.raises(ManifestError, match=said):
        read_episodes(file, CLIPS)


def test_a_shortened_list_is_refused(file):
    lines = file.read_text().splitlines()[:-1]
    write_lines(file, lines)
    with pytest.raises(ManifestError, match="not all alike"):
        read_episodes(file, CLIPS)
    write_lines(file, lines, checksum={"checksum": "0" * 64})
    with pytest.raises(ManifestError, match="was damaged or changed"):
        read_episodes(file, CLIPS)


def write_lines(file, lines, *, checksum=None):
    """A list as version 0.1.0 wrote it, without a checksum, or with this one."""
    header = {name: value for name, value in json.loads(lines[0]).items() if name != "checksum"}
    file.write_text("\n".join([json.dumps({**header, **(checksum or {})}), *lines[1:]]))


def test_a_list_of_the_first_version_is_read(file):
    write_lines(file, file.read_text().splitlines())
    assert same(read_episodes(file, CLIPS)[0], PLAN)


def test_no_flipped_bit_is_taken_for_a_list(file):
    data = file.read_bytes()
    for place in range(len(data)):
        file.write_bytes(data[:place] + bytes([data[place] ^ 1 << place % 8]) + data[place + 1 :])
        with suppress(ManifestError):
            found, protocol = read_episodes(file, CLIPS)
            assert same(found, PLAN)
            assert protocol == PROTOCOL


def test_a_place_that_cannot_be_written_is_an_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(LGAError, match="cannot be written"):
        write_episodes(tmp_path / "file" / "list", PLAN, PROTOCOL, CLIPS)


@pytest.mark.parametrize("place", [2**31, 2**63, 2**64, 10**400])
@pytest.mark.parametrize("part", ["classes", "query", "support"])
def test_a_place_beyond_all_lists_is_refused(file, part, place):
    first, line, *others = file.read_text().splitlines()
    value = json.loads(line)
    row = value[part] if part == "classes" else value[part][0]
    row[0] = place
    file.write_text("\n".join([first, json.dumps(value), *others]))
    with pytest.raises(ManifestError, match="not an episode list"):
        read_episodes(file, CLIPS)
