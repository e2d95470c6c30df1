"""Teaching in a real browser."""

import re
import shutil

import pytest

pytestmark = pytest.mark.web
TINY = ("--backbone", "tiny")


@pytest.fixture(scope="module")
def server(serve, taught):
    with serve(taught(), *TINY) as server:
        yield server


def card(page, label):
    return page.locator("details.card", has=page.get_by_role("heading", name=label, exact=True))


def unfold(page, label):
    found = card(page, label)
    found.locator(":scope > summary").click()
    return found


def reload(page):
    page.reload()
    page.locator("body[data-ready]").wait_for()


def test_an_empty_page_says_what_to_do_and_the_first_action_can_be_added(serve, visit, tmp_path):
    with serve(tmp_path / "actions", *TINY) as server:
        page = visit(server)
        assert page.locator("#steps li").count() == 3
        assert page.get_by_text("Teach an action first").is_visible()
        page.get_by_label("Name of an action").fill("zzz wobble")
        page.keyboard.press("Enter")
        added = card(page, "zzz wobble")
        added.get_by_text("Nobody has written sentences").wait_for()
        assert added.get_by_text("not written yet").is_visible()
        assert page.locator(":focus").get_attribute("aria-label") == "Choose clips of zzz wobble"
        assert not page.locator("#steps").is_visible()
        added.get_by_role("button", name="Remove").click()
        page.keyboard.press("Enter")
        page.locator("#steps").wait_for()


def test_a_sentence_is_edited_and_is_still_there_after_a_reload(server, visit):
    page = visit(server)
    field = unfold(page, "jump").get_by_label("jump, stage 2")
    field.fill("A person is high up in the air.")
    card(page, "jump").get_by_role("button", name="Save sentences").click()
    card(page, "jump").get_by_text("You wrote these sentences").wait_for()
    reload(page)
    assert unfold(page, "jump").get_by_label("jump, stage 2").input_value() == "A person is high up in the air."


def test_changes_to_sentences_can_be_undone_before_they_are_saved(server, visit):
    page = visit(server)
    field = unfold(page, "wave").get_by_label("wave, stage 1")
    before = field.input_value()
    field.fill("something else")
    card(page, "wave").get_by_role("button", name="Undo changes").click()
    assert field.input_value() == before


def test_several_clips_are_dropped_and_a_broken_one_is_named(serve, taught, clips, visit, drop, tmp_path):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"this is no video")
    with serve(taught(), *TINY) as server:
        page = visit(server)
        jump = unfold(page, "jump")
        drop(jump.locator(".intake"), clips["jump"][2], broken, clips["drink from cup"][0])
        jump.get_by_text("4 clips", exact=True).wait_for()
        assert "left out" in jump.locator(".sending", has_text="broken.mp4").inner_text()
        assert jump.locator("img.film:visible").count() == 4
        jump.get_by_role("button", name="Dismiss broken.mp4").click()
        assert jump.locator(".sending").count() == 0
        jump.get_by_role("button", name="Remove drink_from_cup_7.mp4").click()
        page.keyboard.press("Enter")
        jump.get_by_text("3 clips", exact=True).wait_for()


def test_files_are_chosen_on_a_folded_card_of_a_new_action(server, clips, visit):
    page = visit(server)
    page.get_by_label("Name of an action").fill("drink from cup")
    page.get_by_role("button", name="Add").click()
    new = card(page, "drink from cup")
    new.locator("input[type=file]").set_input_files(clips["drink from cup"])
    new.get_by_text("1 clip", exact=True).wait_for()
    film = new.locator(".examples img.film")
    film.wait_for()
    page.wait_for_function("(image) => image.naturalWidth > 0", arg=film.element_handle())


def test_an_empty_file_is_refused_before_it_is_sent(server, visit, tmp_path):
    page = visit(server)
    (tmp_path / "nothing.mp4").touch()
    jump = unfold(page, "jump")
    jump.locator("input[type=file]").set_input_files(tmp_path / "nothing.mp4")
    jump.get_by_text("the file is empty").wait_for()


def test_renaming_and_removing_need_only_the_keyboard(serve, taught, visit):
    with serve(taught(), *TINY) as server:
        page = visit(server)
        summary = card(page, "jump").locator(":scope > summary")
        summary.focus()
        page.keyboard.press("Enter")
        _tab_to(page, "Rename")
        page.keyboard.press("Enter")
        page.keyboard.type("leap up high")
        page.keyboard.press("Enter")
        leap = card(page, "leap up high")
        leap.wait_for()
        assert leap.get_by_text("2 clips", exact=True).is_visible()
        _tab_to(page, "Remove", backwards=False)
        page.keyboard.press("Enter")
        page.keyboard.press("Escape")
        assert page.locator(":focus").inner_text() == "Remove"
        page.keyboard.press("Enter")
        assert leap.get_by_text("Remove “leap up high” and 2 clips?").is_visible()
        page.keyboard.press("Enter")
        leap.wait_for(state="detached")
        assert [one["label"] for one in server.ask("GET", "/actions")["actions"]] == ["wave"]
        assert page.locator(":focus").evaluate("(one) => one.tagName") == "SUMMARY"


def _tab_to(page, name, backwards=False):
    for _ in range(40):
        page.keyboard.press("Shift+Tab" if backwards else "Tab")
        if page.locator(":focus").inner_text().strip() == name:
            return
    raise AssertionError(f"no way to {name}")


def test_a_name_that_is_taken_is_refused_where_it_was_typed(server, visit, watched):
    watched.allowed = r"status of 409"
    page = visit(server)
    page.get_by_label("Name of an action").fill("WAVE")
    page.keyboard.press("Enter")
    page.locator("#add .error:not(:empty)").wait_for()
    assert page.get_by_label("Name of an action").input_value() == "WAVE"


def test_a_label_of_markup_is_only_text(server, visit):
    label = "<img src=x onerror=alert(1)>"
    page = visit(server)
    page.get_by_label("Name of an action").fill(label)
    page.keyboard.press("Enter")
    card(page, label).wait_for()
    reload(page)
    assert card(page, label).get_by_role("heading").inner_text() == label
    assert page.locator("img[src=x]").count() == 0


def test_a_clip_is_recorded_from_the_webcam(serve, taught, visit):
    with serve(taught(), *TINY) as server:
        page = visit(server)
        jump = unfold(page, "jump")
        jump.get_by_role("button", name="Record a clip of jump").click()
        dialog = page.get_by_role("dialog", name="Record a clip")
        dialog.get_by_label("Length").select_option("2")
        dialog.get_by_role("button", name="Record").click()
        dialog.get_by_text(re.compile("^3$")).wait_for()
        use = dialog.get_by_role("button", name="Use it")
        use.wait_for()
        assert dialog.get_by_label("What was recorded").is_visible()
        use.click()
        jump.get_by_text("3 clips", exact=True).wait_for()
        assert jump.get_by_text(re.compile(r"^webcam \d\d\.\d\d\.\d\d\.webm$")).is_visible()
        (seconds,) = [one["duration"] for one in _examples(server, "jump") if "webcam" in one["name"]]
        assert 1.5 < seconds < 4


def test_a_recording_can_be_discarded_and_the_camera_is_let_go(server, visit):
    page = visit(server)
    jump = unfold(page, "jump")
    jump.get_by_role("button", name="Record a clip of jump").click()
    dialog = page.get_by_role("dialog", name="Record a clip")
    page.wait_for_function("() => document.getElementById('live').srcObject?.active")
    page.keyboard.press("Escape")
    dialog.wait_for(state="hidden")
    page.wait_for_function("() => !document.getElementById('live').srcObject.active")
    assert jump.locator(".sending").count() == 0


def _examples(server, label):
    return next(one["examples"] for one in server.ask("GET", "/actions")["actions"] if one["label"] == label)


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ("delete window.MediaRecorder", "This browser cannot record"),
        ("navigator.mediaDevices.enumerateDevices = async () => []", "There is no camera here"),
        ("Object.defineProperty(window, 'isSecureContext', { value: false })", "Recording needs a secure page"),
    ],
)
def test_where_nothing_can_be_recorded_the_page_says_why(server, visit, missing, said):
    page = visit(server)
    page.add_init_script(missing)
    reload(page)
    assert page.locator("#ask").get_by_text(said).is_visible()
    assert page.get_by_role("button", name="Record").count() == 0


def test_everything_is_still_there_in_another_server_on_the_same_folder(serve, taught, clips, visit):
    folder = taught()
    with serve(folder, *TINY) as server:
        page = visit(server)
        unfold(page, "jump").locator("input[type=file]").set_input_files(clips["jump"][2])
        card(page, "jump").get_by_text("3 clips", exact=True).wait_for()
    shutil.copytree(folder, folder.with_name(folder.name + "_again"))
    with serve(folder.with_name(folder.name + "_again"), *TINY) as server:
        assert card(visit(server), "jump").get_by_text("3 clips", exact=True).is_visible()


def test_among_many_actions_one_is_found(serve, taught, visit):
    with serve(taught(), *TINY) as server:
        for label in ("open door", "close door", "sneeze", "juggle", "swim", "climb a tree"):
            server.ask("POST", "/actions", {"label": label, "sentences": None})
        page = visit(server)
        page.get_by_label("Find an action").fill("Door")
        assert page.locator("details.card:visible h3").all_inner_texts() == ["open door", "close door"]
