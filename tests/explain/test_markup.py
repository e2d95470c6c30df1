from importlib.resources import files

import pytest
from jinja2 import UndefinedError

from lga.explain import markup
from lga.explain.markup import make_film, render
from lga.explain.strip import Caption, FrameTiles

HOSTILE = "</desc></svg><script>alert('x')</script> & \"sons\"\n\x1b\udcff"
SHOWN = "&lt;/desc&gt;&lt;/svg&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &#34;sons&#34; ??"


def rendered(source, **values):
    return markup._environment().from_string(source).render(values)


def test_values_are_text_on_one_line_in_elements_and_in_attributes():
    source = '<b title="{{ text }}">{{ text }}</b>'
    assert rendered(source, text=HOSTILE) == f'<b title="{SHOWN}">{SHOWN}</b>'


def test_values_that_pass_a_macro_are_escaped_once():
    source = '{% import "parts.html" as parts %}{% call parts.table([text]) %}{{ text }}{% endcall %}'
    found = rendered(source, text=HOSTILE)
    assert found.count(SHOWN) == 2
    assert "<script" not in found
    assert "<th scope=col>" in found


@pytest.mark.parametrize("template", ["decision.html", "evaluation.html", "heatmap.html"])
def test_a_value_that_is_missing_is_an_error(template):
    with pytest.raises(UndefinedError):
        render(template)


def test_no_template_takes_a_value_for_html():
    templates = [one for one in files("lga.explain").joinpath("templates").iterdir() if one.name.endswith(".html")]
    assert len(templates) == 5
    for template in templates:
        source = template.read_text(encoding="utf-8")
        assert not [word for word in ("|safe", "autoescape", "={{", "<script", "http:", "https:") if word in source]


@pytest.mark.parametrize(("share", "width"), [(-0.2, "0.0"), (0, "0.0"), (0.256, "25.6"), (1, "100.0"), (7, "100.0")])
def test_a_bar_lies_between_nothing_and_everything(share, width):
    found = rendered('{% import "parts.html" as parts %}{{ parts.bar(share, "text") }}', share=share)
    assert f"--share:{width}%" in found


def test_no_minus_stands_before_a_zero():
    assert rendered("{{ -0.001|fixed(2) }} {{ 1.005|fixed(1) }} {{ 0.256|percent }}") == "0.00 1.0 26 %"


def test_a_film_without_frames_keeps_its_stages_and_captions(tmp_path):
    clip = FrameTiles(tmp_path / "gone.mp4", (0.1, 0.2, 0.3), (0, 1, 1), (0.0, 0.15, 0.4))
    film = make_film(clip, [Caption("", "first")])
    assert "no such file" in film.missing
    assert [stage.frames for stage in film.stages] == [(), ()]
    assert [stage.caption for stage in film.stages] == [Caption("", "first"), None]
    assert (film.stages[0].start, film.stages[-1].end) == (0.0, 0.4)
