"""Changes that two sides have made to the same actions, put together."""

from collections.abc import Sequence
from dataclasses import replace

import torch

from lga.actions import Actions
from lga.errors import ActionsError
from lga.labels import lookup_key
from lga.taught import Example

Key = tuple[str, str, str]


def merge(base: Actions | None, mine: Actions, theirs: Actions | None) -> Actions | None:
    """`theirs` with everything that has changed from `base` to `mine`; None if no action is left.

    An action or example that I added is added, one that I removed is gone, and sentences that I changed replace
    others. An action to which I added an example and which is gone meanwhile is taught anew. The same clip is not an
    example of one action twice. Without `base`, everything of mine is added, and of an action that is taught already
    the sentences stay.

    Raises:
        ActionsError: the two sides have other backbones or settings.
    """
    if theirs is None or theirs is base:
        return mine
    if (mine.identity, mine.method) != (theirs.identity, theirs.method):
        raise ActionsError(
            f"taught with the backbone {theirs.identity!r} and settings of its own, which do not go with "
            f"{mine.identity!r} and the settings here; use another folder"
        )
    old = set() if base is None else {_key(one) for one in base.examples}
    mine_now = {_key(one) for one in mine.examples}
    fresh = [number for number, one in enumerate(mine.examples) if _key(one) not in old]
    after = _with_labels(base, mine, theirs, {lookup_key(mine.examples[number].label) for number in fresh})
    if after is None:
        return None
    after = after.with_examples([n for n, one in enumerate(after.examples) if _key(one) not in old - mine_now])
    return _with_more(after, mine, fresh)


def _with_labels(base: Actions | None, mine: Actions, theirs: Actions, needed: set[str]) -> Actions | None:
    """Theirs with my labels and sentences; `needed` are those that get examples of mine."""
    before = {} if base is None else {lookup_key(one.label): one for one in base.anatomies}
    now = {lookup_key(label) for label in mine.labels}
    stay = [n for n, label in enumerate(theirs.labels) if lookup_key(label) not in before.keys() - now]
    told = [(theirs.anatomies[n], theirs.text[n, : theirs.stages[n]]) for n in stay]
    places = {lookup_key(anatomy.label): place for place, (anatomy, _) in enumerate(told)}
    for number, anatomy in enumerate(mine.anatomies):
        key, text = lookup_key(anatomy.label), mine.text[number, : mine.stages[number]]
        if key in places and key in before and anatomy != before[key]:
            told[places[key]] = anatomy, text
        elif key not in places and (key not in before or key in needed):
            told.append((anatomy, text))
    if not told:
        return None
    spelt = {lookup_key(anatomy.label): anatomy.label for anatomy, _ in told}
    keep = [number for number, one in enumerate(theirs.examples) if lookup_key(one.label) in spelt]
    after = theirs.with_examples(keep).with_anatomies([one for one, _ in told], [text for _, text in told])
    return replace(after, examples=tuple(_spelt(one, spelt) for one in after.examples))


def _with_more(after: Actions, mine: Actions, numbers: Sequence[int]) -> Actions:
    """With these examples of mine, but for those that are there."""
    spelt = {lookup_key(label): label for label in after.labels}
    there = {(lookup_key(one.label), one.digest) for one in after.examples}
    more = [n for n in numbers if (lookup_key(mine.examples[n].label), mine.examples[n].digest) not in there]
    motion = None
    if after.motion is not None and mine.motion is not None:
        motion = torch.cat([after.motion, mine.motion[more]])
    return replace(
        after,
        examples=(*after.examples, *(_spelt(mine.examples[number], spelt) for number in more)),
        frames=torch.cat([after.frames, mine.frames[more]]),
        motion=motion,
    )


def _key(example: Example) -> Key:
    return lookup_key(example.label), example.digest, example.path


def _spelt(example: Example, spelt: dict[str, str]) -> Example:
    return example.model_copy(update={"label": spelt[lookup_key(example.label)]})
