"""`lga actions` on the command line."""

import json


def test_actions_can_be_changed_without_teaching_the_rest_again(command, changed, clips, tmp_path):
    command("actions", "add", changed, "jump", clips / "pull_up" / "5.mp4")
    command("actions", "remove", changed, "Pull-Up")
    command("actions", "remove", changed, "--example", str((clips / "wave" / "2.mp4").absolute()))
    own = tmp_path / "own.json"
    own.write_text(json.dumps({"jump": ["One bends.", "One flies.", "One lands."]}))
    command("actions", "describe", changed, own)
    listed = json.loads(command("actions", "list", changed, "--json").stdout)["actions"]
    assert {(one["label"], one["examples"], one["origin"]) for one in listed} == {
        ("kick ball", 2, "lexicon"),
        ("wave", 1, "lexicon"),
        ("jump", 1, "file"),
    }
    shown = json.loads(command("actions", "show", changed, "jump", "--json").stdout)
    assert [stage["sentence"] for stage in shown["anatomy"]["stages"]] == ["One bends.", "One flies.", "One lands."]


def test_adding_no_usable_clip_changes_nothing_and_exits_with_1(command, changed, clips, tmp_path):
    (tmp_path / "bad.mp4").write_bytes(b"no video")
    before = command("actions", "list", changed, "--json").stdout
    for clip in (tmp_path / "bad.mp4", clips / "wave" / "1.mp4"):
        said = command("actions", "add", changed, "wave", clip, code=1).stderr
        assert "nothing was added" in said.splitlines()[-1]
    assert "is 'open door' meant?" in command("actions", "add", changed, "opening a door", code=1).error
    assert command("actions", "list", changed, "--json").stdout == before
