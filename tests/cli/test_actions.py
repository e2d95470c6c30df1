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


def labels(command, folder):
    return [one["label"] for one in json.loads(command("actions", "list", folder, "--json").stdout)["actions"]]


def test_a_list_is_searched_and_limited(command, changed):
    every = labels(command, changed)
    found = json.loads(command("actions", "list", changed, "--search", "KICK-ball", "--json").stdout)["actions"]
    assert [one["label"] for one in found] == ["kick ball"]
    short = command("actions", "list", changed, "--limit", "2")
    assert [label in short.stdout for label in every] == [True, True, False]
    assert "2 of 3 actions" in short.stderr
    assert "from 1 on, not 0" in command("actions", "list", changed, "--limit", "0", code=2).stderr


def test_an_action_is_renamed(command, changed):
    before = json.loads(command("actions", "show", changed, "wave", "--json").stdout)
    command("actions", "rename", changed, "WAVE", "wink")
    after = json.loads(command("actions", "show", changed, "wink", "--json").stdout)
    assert after["anatomy"] == {**before["anatomy"], "label": "wink"}
    assert [one["digest"] for one in after["examples"]] == [one["digest"] for one in before["examples"]]
    assert "is taught already" in command("actions", "rename", changed, "wink", "kick ball", code=1).stderr
    assert "holds a control character" in command("actions", "rename", changed, "wink", "a\nb", code=1).stderr


def test_all_actions_are_shown_at_once(command, changed):
    whole = json.loads(command("actions", "show", changed, "--json").stdout)
    assert whole.keys() == {"backbone", "identity", "method", "actions"}
    assert [one["anatomy"]["label"] for one in whole["actions"]] == labels(command, changed)
    told = command("actions", "show", changed).stdout
    assert all(label in told for label in labels(command, changed))


def test_actions_are_passed_on_in_one_file(command, changed, clips, tmp_path):
    file, place = tmp_path / "shared.safetensors", tmp_path / "theirs"
    assert "exported 3 actions with 5 examples" in command("actions", "export", changed, file).stdout
    command("actions", "import", file, place)
    assert labels(command, place) == labels(command, changed)
    asked = ("--json", clips / "wave" / "2.mp4")
    answers = [json.loads(command("recognize", folder, *asked).stdout)["results"] for folder in (changed, place)]
    assert answers[0][0]["candidates"] == answers[1][0]["candidates"]
    assert "--merge adds to them" in command("actions", "import", file, place, code=1).stderr
    command("actions", "remove", place, "wave")
    command("actions", "add", place, "jump", clips / "pull_up" / "5.mp4")
    command("actions", "import", file, place, "--merge")
    assert labels(command, place) == [*(one for one in labels(command, changed) if one != "wave"), "jump", "wave"]
    file.write_bytes(file.read_bytes()[:-1])
    assert "damaged" in command("actions", "import", file, place, "--merge", code=1).stderr


def test_clips_are_kept_where_that_is_asked_for(command, changed, clips, tmp_path):
    command("actions", "add", changed, "jump", clips / "pull_up" / "5.mp4", "--keep-clips")
    shown = json.loads(command("actions", "show", changed, "jump", "--json").stdout)["examples"][0]
    assert shown["path"] == str(changed.absolute() / "clips" / f"{shown['digest']}.mp4")
    assert shown["name"] == "5.mp4"
    command("actions", "remove", changed, "--example", shown["path"])
    assert not list((changed / "clips").iterdir())
    taught = tmp_path / "all"
    command("teach", clips, "--out", taught, "--backbone", "tiny", "--keep-clips")
    whole = json.loads(command("actions", "show", taught, "--json").stdout)
    kept = {one["path"] for action in whole["actions"] for one in action["examples"]}
    assert kept == {str(path) for path in (taught.absolute() / "clips").iterdir()}


def test_a_folder_that_is_none_is_refused_in_one_line(command, tmp_path):
    for arguments in (("remove", tmp_path / "none", "wave"), ("add", tmp_path / "none", "wave")):
        assert command("actions", *arguments, code=1).stderr.count("\n") == 1
    assert not (tmp_path / "none").exists()


def test_adding_no_usable_clip_changes_nothing_and_exits_with_1(command, changed, clips, tmp_path):
    (tmp_path / "bad.mp4").write_bytes(b"no video")
    before = command("actions", "list", changed, "--json").stdout
    for clip in (tmp_path / "bad.mp4", clips / "wave" / "1.mp4"):
        said = command("actions", "add", changed, "wave", clip, code=1).stderr
        assert "nothing was added" in said.splitlines()[-1]
    assert "is 'open door' meant?" in command("actions", "add", changed, "opening a door", code=1).error
    assert command("actions", "list", changed, "--json").stdout == before
