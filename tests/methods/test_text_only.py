from dataclasses import replace

import pytest
import torch
from torch import cosine_similarity

from lga.methods.text_only import text_only

pytestmark = pytest.mark.usefixtures("one_thread")

PARTS = (slice(0, 2), slice(2, 4), slice(4, 5))


@pytest.mark.parametrize("words", ["name", "sentences", "thirds"])
def test_it_matches_the_textbook_loop(words, make_dataset, make_tasks):
    dataset = make_dataset(1)
    tasks = make_tasks(dataset, 2, episodes=2)
    found = text_only(dataset, words=words, scale=3.0)(tasks)
    meaning = dataset.frames[..., 11:]
    for episode in range(2):
        for place, query in enumerate(tasks.query[episode].flatten().tolist()):
            for way, label in enumerate(tasks.classes[episode].tolist()):
                told, whole = dataset.sentences[label, :, 11:], meaning[query].mean(0)
                wanted = {
                    "name": [cosine_similarity(whole, dataset.names[label, 11:], dim=0)],
                    "sentences": [cosine_similarity(whole, one, dim=0) for one in told],
                    "thirds": [
                        cosine_similarity(meaning[query, part].mean(0), one, dim=0)
                        for part, one in zip(PARTS, told, strict=True)
                    ],
                }[words]
                torch.testing.assert_close(found[episode, place, way], 3.0 * torch.stack(wanted).sum())


@pytest.mark.parametrize("words", ["sentences", "thirds"])
def test_each_class_has_its_own_number_of_stages_and_none_gains_by_it(words, make_dataset, make_tasks):
    dataset, stages = make_dataset(1), (1, 3, 2, 3, 1, 2, 3)
    tasks = make_tasks(dataset, 2)
    found = text_only(replace(dataset, stages=stages), words=words)(tasks)
    for count in (1, 2, 3):
        alone = replace(dataset, sentences=dataset.sentences[:, :count])
        wanted = sum(stages) / 7 / count * text_only(alone, words=words)(tasks)
        mine = (torch.tensor(stages)[tasks.classes] == count)[:, None].expand(found.shape)
        torch.testing.assert_close(found[mine], wanted[mine])
    same = text_only(replace(dataset, stages=(3,) * 7), words=words)(tasks)
    assert torch.equal(same, text_only(dataset, words=words)(tasks))


@pytest.mark.parametrize("words", ["name", "sentences", "thirds"])
def test_no_examples_are_needed(words, make_dataset, make_tasks):
    dataset = make_dataset(3)
    tasks = make_tasks(dataset, 4)
    none = type(tasks)(tasks.classes, tasks.query, tasks.support[..., :0])
    assert torch.equal(text_only(dataset, words=words)(none), text_only(dataset, words=words)(tasks))
