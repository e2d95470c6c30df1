"""Recognising in a real browser."""

import json

import pytest

pytestmark = pytest.mark.web
TINY = ("--backbone", "tiny")


@pytest.fixture(scope="module")
def server(serve, taught):
    with serve(taught(), *TINY) as server:
        yield server


def ask(page, *clips):
    """Choose clips under Recognise and wait for as many results."""
    page.locator("#ask input[type=file]").set_input_files(clips)
    page.locator("details.result").nth(len(clips) - 1).wait_for()
    return page.locator("details.result").first


def test_a_whole_journey_with_the_offline_backbone(serve, clips, visit, tmp_path):
    with serve(tmp_path / "actions") as server:
        page = visit(server)
        for label in ("wave", "jump"):
            page.get_by_label("Name of an action").fill(label)
            page.keyboard.press("Enter")
            card = page.locator("details.card", has=page.get_by_role("heading", name=label))
            card.locator("input[type=file]").set_input_files(clips[label][:2])
            card.get_by_text("2 clips", exact=True).wait_for()
        result = ask(page, clips["jump"][2])
        assert result.get_by_role("heading", name="jump").is_visible()
        assert result.locator(".word").inner_text() in ("sure", "likely", "unsure")
        assert "jump" in page.locator("#status").inner_text()
        stages = result.locator(".told").first.get_by_role("listitem")
        assert "A person jumps off the ground" in stages.nth(1).inner_text()


def test_a_clip_is_dropped_and_one_dropped_beside_every_target_does_not_replace_the_page(server, clips, visit, drop):
    page = visit(server)
    drop(page.locator("h1"), clips["jump"][2])
    drop(page.locator("#ask .intake"), clips["jump"][2])
    page.locator("details.result").wait_for()
    assert page.locator("#results > li").count() == 1
    stopped = "() => !document.body.dispatchEvent(new DragEvent('drop', { bubbles: true, cancelable: true }))"
    assert page.evaluate(stopped)


def why(result):
    """Open what stands behind an answer."""
    result.get_by_text("Why?").click()
    result.locator(".reasons > *").first.wait_for()
    return result.locator(".reasons")


def test_under_why_are_strip_candidates_and_the_map(server, clips, visit):
    page = visit(server)
    result = ask(page, clips["jump"][2])
    assert result.locator(".told").first.get_by_role("listitem").count() == 3
    assert result.locator(".candidates").count() == 0
    why(result)
    strip = result.get_by_role("list", name="Frames of jump_3.mp4")
    assert strip.get_by_role("listitem").count() == 8
    colours = strip.locator("li").evaluate_all("(all) => all.map((one) => getComputedStyle(one).backgroundColor)")
    assert list(dict.fromkeys(colours)) == ["rgb(38, 103, 181)", "rgb(222, 130, 24)", "rgb(31, 145, 104)"]
    assert result.locator(".candidates li").count() == 2
    assert result.locator(".candidates .bar").count() == 6
    for said in (
        "How sure",
        "Video alone says",
        "Words alone say",
        "Both together",
        "Is it one of your actions at all?",
    ):
        assert result.get_by_text(said).is_visible()
    grid = result.get_by_role("img", name="How far apart the frames")
    assert grid.locator("rect.cell").count() == 64
    assert grid.locator("circle.forth").count() >= 8
    result.get_by_text("The matches as a table").click()
    assert result.locator(".matches tbody tr").count() >= 8


def test_another_action_is_compared_with_the_arrow_keys(server, clips, visit):
    page = visit(server)
    result = ask(page, clips["jump"][2])
    why(result)
    first = result.locator(".compared").inner_text()
    result.get_by_role("radio").first.focus()
    page.keyboard.press("ArrowRight")
    assert result.get_by_role("radio").nth(1).is_checked()
    assert result.locator(".compared").inner_text() != first


def test_the_full_report_is_saved(server, clips, visit):
    page = visit(server)
    result = ask(page, clips["jump"][2])
    with page.expect_download() as download:
        result.get_by_role("button", name="Save the full report").click()
    assert download.value.suggested_filename == "jump_3.why.html"
    assert "The clip, cut into stages" in download.value.path().read_text(encoding="utf-8")


def test_several_clips_give_a_list_in_their_order_and_a_broken_one_says_why(server, clips, visit, watched, tmp_path):
    watched.allowed = r"status of 422"
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"this is no video")
    page = visit(server)
    page.locator("#ask input[type=file]").set_input_files([clips["jump"][2], broken, clips["wave"][2]])
    page.locator("details.result").nth(1).wait_for()
    results = page.locator("#results > li")
    assert [name in results.nth(place).inner_text() for place, name in enumerate(("jump_3", "broken", "wave_3"))]
    assert results.nth(1).get_by_role("alert").inner_text()
    assert page.locator("details.result[open]").count() == 1
    results.nth(2).locator("summary").first.focus()
    page.keyboard.press("Enter")
    assert page.locator("details.result[open]").count() == 2


def test_a_clip_that_shows_none_of_the_actions_says_so_and_what_is_closest(server, clips, visit):
    page = visit(server)
    result = answered(
        page, clips["drink from cup"][0], known=False, known_score=0.12, threshold=0.5, word="none of yours"
    )
    assert result.get_by_role("heading", name="None of yours closest:").is_visible()
    colours = [page.locator(one).evaluate("(one) => getComputedStyle(one).color") for one in (".result h3 span", "h1")]
    assert colours[0] == colours[1]
    assert result.get_by_role("button", name="Right").count() == 0
    assert "No: 12" in why(result).locator(".part").first.inner_text()


def test_too_few_examples_say_that_nothing_can_be_called_unknown(server, clips, visit):
    page = visit(server)
    result = answered(page, clips["jump"][2], known=True, known_score=None, threshold=None)
    assert why(result).get_by_text("That cannot be said yet").is_visible()


def test_an_action_without_examples_is_compared_by_its_words(server, clips, visit):
    page = visit(server)
    told = {"alpha": 0.0, "by_video": None, "by_text": "hop", "note": "", "frames": [], "labels": []}
    words = {"label": "hop", "probability": 1.0, "video": 1.0, "text": 1.0, "sentences": ["up", "down"]}
    told["labels"] = [{**words, "likeness": [0.1, -0.001], "examples": 0, "example": None}]
    result = answered(page, clips["jump"][2], why=told)
    why(result)
    assert result.get_by_text("its words decide alone").is_visible()
    assert result.get_by_text("nothing: there are no examples").is_visible()
    assert result.get_by_text("similarity 0.10").is_visible()
    assert "-0.00" not in result.locator(".compare").inner_text()


def answered(page, clip, **changes):
    """Ask the server, and show its answer once more with some changes."""
    with page.expect_response("**/recognize?*") as reply:
        ask(page, clip)
    body = {"version": 1, "result": {**reply.value.json()["result"], **changes}}
    page.route("**/recognize?*", lambda route: route.fulfill(json=body))
    page.get_by_role("button", name="Ask again").click()
    page.locator("#results .sending").wait_for(state="detached")
    page.locator("details.result").wait_for()
    return page.locator("details.result")


def test_a_busy_server_is_asked_again_when_it_says(server, clips, visit, watched):
    watched.allowed = r"status of 503"
    page = visit(server)
    asked = []

    def busy(route):
        asked.append(route.request.url)
        body = json.dumps({"version": 1, "error": "busy"})
        if len(asked) > 1:
            route.continue_()
        else:
            route.fulfill(status=503, headers={"Retry-After": "1"}, content_type="application/json", body=body)

    page.route("**/recognize?*", busy)
    page.locator("#ask input[type=file]").set_input_files(clips["jump"][2])
    page.get_by_text("the server is busy; again in 1").wait_for()
    page.locator("details.result").wait_for()
    assert len(asked) == 2


def test_a_server_that_is_gone_is_said_in_one_line(server, clips, visit, watched):
    watched.allowed = r"net::ERR"
    page = visit(server)
    page.route("**/recognize?*", lambda route: route.abort())
    page.locator("#ask input[type=file]").set_input_files(clips["jump"][2])
    page.get_by_text("the server does not answer").wait_for()


def test_right_teaches_the_clip_and_undo_takes_it_back(serve, taught, clips, visit):
    with serve(taught(), *TINY) as server:
        page = visit(server)
        page.get_by_label("If a clip shows none of the actions,").select_option("always")
        result = ask(page, clips["jump"][2])
        label = result.locator("h3 span").first.inner_text()
        result.get_by_role("button", name="Right").click()
        result.get_by_text(f"jump_3.mp4 is an example of “{label}” now.").wait_for()
        card = page.locator("details.card", has=page.get_by_role("heading", name=label))
        assert card.get_by_text("3 clips", exact=True).is_visible()
        assert result.get_by_text("Your actions have changed since this answer.").is_visible()
        assert page.evaluate("document.activeElement.textContent") == "Undo"
        page.keyboard.press("Enter")
        card.get_by_text("2 clips", exact=True).wait_for()
        result.get_by_text("Your actions have changed since this answer.").wait_for(state="hidden")
        assert page.evaluate("document.activeElement.textContent") == "It is …"
        result.get_by_role("button", name="Ask again").last.click()
        page.locator("#results .sending").wait_for(state="detached")
        page.locator("details.result").wait_for()
        page.get_by_role("button", name="Dismiss").click()
        assert page.locator("#results > li").count() == 0


def test_a_wrong_answer_is_corrected_by_a_new_name_and_undone(serve, taught, clips, visit):
    with serve(taught(), *TINY) as server:
        page = visit(server)
        result = ask(page, clips["drink from cup"][0])
        result.get_by_role("button", name="It is …").click()
        field = result.get_by_label("What drink_from_cup_7.mp4 shows")
        page.keyboard.press("Escape")
        assert not field.is_visible()
        result.get_by_role("button", name="It is …").click()
        field.fill("drink from cup")
        page.keyboard.press("Enter")
        result.get_by_text("is an example of “drink from cup” now.").wait_for()
        assert [one["label"] for one in server.ask("GET", "/actions")["actions"]][-1] == "drink from cup"
        result.get_by_role("button", name="Undo").click()
        result.get_by_role("button", name="It is …").wait_for()
        assert [one["label"] for one in server.ask("GET", "/actions")["actions"]] == ["jump", "wave"]


def test_results_outlive_a_reload_and_are_marked_when_the_actions_have_changed(serve, taught, clips, visit):
    with serve(taught(), *TINY) as server:
        page = visit(server)
        ask(page, clips["jump"][2], clips["wave"][2])
        told = page.locator("#results h3").all_inner_texts()
        page.reload()
        page.locator("details.result").nth(1).wait_for()
        assert page.locator("#results h3").all_inner_texts() == told
        names = page.locator("#results li .name").all_inner_texts()
        assert [one.split(",")[0] for one in names] == ["jump_3.mp4", "wave_3.mp4"]
        first = page.locator("details.result").first
        first.locator("summary").first.click()
        changed = first.get_by_text("Your actions have changed since this answer.")
        assert not changed.is_visible()
        page.wait_for_function("() => document.querySelector('.shown video').videoWidth > 0")
        server.ask("POST", "/actions", {"label": "clap", "sentences": None})
        page.reload()
        page.locator("details.result").nth(1).wait_for()
        page.locator("details.result").first.locator("summary").first.click()
        changed.wait_for()
        first.get_by_role("button", name="Ask again").first.click()
        page.locator("#results .sending").wait_for(state="detached")
        changed.wait_for(state="hidden")
        page.get_by_role("button", name="Dismiss").click()
        page.reload()
        page.locator("details.result").wait_for()
        assert page.locator("details.result").count() == 1


def shown(page):
    """What moves: the position, whether it plays, and the moment of each video."""
    return page.evaluate("""() => ({
      position: Number(document.querySelector('.track input').value),
      plays: document.querySelector('.play').dataset.playing,
      videos: [...document.querySelectorAll('.shown video')].map(
        (one) => [one.videoWidth > 0, one.currentTime, one.paused]
      ),
    })""")


def test_the_clip_plays_beside_the_nearest_example_and_the_scrubber_moves_both(serve, taught, clips, visit):
    with serve(taught(), *TINY) as server:
        page = visit(server)
        first = ask(page, clips["jump"][1])
        first.get_by_role("button", name="It is …").click()
        first.get_by_label("What jump_2.mp4 shows").fill("hop")
        page.keyboard.press("Enter")
        first.get_by_text("is an example of “hop” now.").wait_for()
        page.get_by_role("button", name="Dismiss").click()
        result = ask(page, clips["jump"][1])  # the very clip that is kept: it is its own nearest example
        page.wait_for_function(
            "() => [...document.querySelectorAll('.shown video')].filter((one) => one.videoWidth > 0).length == 2"
        )
        before = shown(page)
        page.wait_for_function(
            "(was) => Number(document.querySelector('.track input').value) != was", arg=before["position"]
        )
        assert before["plays"] == "true"
        result.get_by_role("button", name="Pause jump_2.mp4").click()
        result.locator("button.sentence").nth(1).click()
        start = float(result.locator(".told .clock").nth(1).inner_text().split()[0])
        page.wait_for_timeout(300)
        still = shown(page)
        assert still["position"] == pytest.approx(start, abs=0.03)
        assert all(paused for _, _, paused in still["videos"])
        assert [moment for _, moment, _ in still["videos"]] == pytest.approx([start, start], abs=0.1)
        assert result.locator(".told li[data-now]").get_attribute("class") == "stage-1"
        slider = result.get_by_role("slider", name="Position in jump_2.mp4")
        slider.focus()
        page.keyboard.press("End")
        assert slider.get_attribute("aria-valuetext").endswith("stage 3 of 3")


def test_what_a_browser_cannot_play_and_what_is_not_kept_is_shown_by_its_frames(server, clips, visit, tmp_path):
    page = visit(server, reduced_motion="reduce")
    page.add_init_script("HTMLMediaElement.prototype.load = () => {}")
    page.reload()
    result = ask(page, clips["jump"][2])
    pictures = result.locator(".shown img")
    assert pictures.count() == 2
    assert pictures.nth(1).is_visible()
    first = pictures.nth(1).get_attribute("src")
    assert shown(page)["plays"] == "false"
    result.locator("button.sentence").last.click()
    assert pictures.nth(1).get_attribute("src") != first
    result.get_by_role("button", name="Play jump_3.mp4").click()
    page.wait_for_function("() => Number(document.querySelector('.track input').value) > 0")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 768, 1360])
def test_nothing_is_cut_off_at_any_width(server, clips, visit, scheme, width):
    page = visit(server, viewport={"width": width, "height": 800}, color_scheme=scheme, reduced_motion="reduce")
    page.locator("details.card > summary").first.click()
    ask(page, clips["jump"][2])
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == ("rgb(246, 247, 249)" if scheme == "light" else "rgb(16, 20, 25)")


def test_the_token_is_asked_for_once_and_again_when_it_is_wrong(serve, taught, clips, visit, watched, tmp_path):
    watched.allowed = r"status of 401"
    (tmp_path / "token").write_text("open-sesame-open-sesame\n")
    with serve(taught(), *TINY, "--token-file", str(tmp_path / "token")) as server:
        page = visit(server, ready=False)
        dialog = page.get_by_role("dialog", name="This server wants its token")
        dialog.get_by_label("Token").fill("guess")
        page.keyboard.press("Enter")
        dialog.get_by_text("does not know that token").wait_for()
        dialog.get_by_label("Token").fill("open-sesame-open-sesame")
        page.keyboard.press("Enter")
        page.locator("details.card").nth(1).wait_for()
        ask(page, clips["jump"][2])
        film = page.locator("img.film").first
        page.wait_for_function("(image) => image.naturalWidth > 0", arg=film.element_handle())
        page.reload()
        page.locator("details.card").nth(1).wait_for()
        assert not dialog.is_visible()


def test_a_clip_that_waits_its_turn_can_be_put_away(server, clips, visit):
    page = visit(server)
    held = []
    page.route("**/recognize?*", lambda route: held.append(route))
    page.locator("#ask input[type=file]").set_input_files([clips["jump"][2], clips["wave"][2]])
    page.get_by_role("button", name="Dismiss wave_3.mp4").click()
    held[0].continue_()
    page.locator("details.result").wait_for()
    assert page.locator("#results .sending").count() == 0
    assert len(held) == 1
