"""Stage sentences from a language model: ask, check, ask again, agree among samples."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from lga.anatomy.checks import MAX_OVERLAP, check_anatomy
from lga.anatomy.descriptions import Record, fingerprint
from lga.anatomy.journal import Journal, JournalQuestion, Reply, now
from lga.anatomy.llm_prompt import (
    Message,
    Proposal,
    Rejected,
    estimate_tokens,
    read_prompt,
    read_reply,
    reply_schema,
    write_messages,
)
from lga.anatomy.schema import Anatomy, template_anatomy
from lga.anatomy.settings import LLMConfig
from lga.anatomy.vocabulary import overlap
from lga.config import StageCount
from lga.errors import AnatomyError, NoReplyError, SettingsError
from lga.labels import prompt_name, quote


@dataclass(frozen=True, slots=True)
class Agreed:
    """The chosen sample and how much of its words it shares with the others, 0 to 1; None if it was alone."""

    proposal: Proposal
    agreement: float | None


def choose_sample(samples: Sequence[Proposal]) -> Agreed:
    """Choose among samples of one label; nothing is mixed, so that every stage fits its neighbours.

    The number of stages is that of most samples (ties: the smaller); among those the sample wins that shares most
    words with all the others, stage by stage (ties: the earliest). One with another number of stages shares none.

    Raises:
        ValueError: there are no samples.

    Source: our choice, after self-consistency (arXiv:2203.11171): the most consistent of several answers.
    """
    if not samples:
        raise ValueError("at least one sample is needed")
    if len(samples) == 1:
        return Agreed(samples[0], None)
    counts = Counter(len(one.stages) for one in samples)
    common = min(counts, key=lambda count: (-counts[count], count))
    scores = [
        sum(similarity(one, other) for place, other in enumerate(samples) if place != own) / (len(samples) - 1)
        for own, one in enumerate(samples)
    ]
    best = max(
        (place for place, one in enumerate(samples) if len(one.stages) == common),
        key=lambda place: (scores[place], -place),
    )
    return Agreed(samples[best], round(scores[best], 3))


def similarity(one: Proposal, other: Proposal) -> float:
    """The words that two samples share over all their words, averaged over the stages; 0 if their numbers differ."""
    if len(one.stages) != len(other.stages):
        return 0.0
    pairs = zip(one.stages, other.stages, strict=True)
    return sum(overlap(first.sentence, second.sentence) for first, second in pairs) / len(one.stages)


MAX_NOTE = 300
FALLBACK = "generic sentences: no reply of the language model could be used"


Ask = Callable[[Sequence[Message], Mapping[str, object]], Awaitable[Reply]]
"""A conversation and the schema of its reply, to the reply; `NoReplyError` if there is none."""


@dataclass(frozen=True, slots=True)
class Generated:
    """The records in the order of the labels, and what this run sent, received and found in the journal."""

    records: tuple[Record, ...]
    sent: int
    """questions, those that had to be sent again too"""
    fresh: int
    """replies"""
    known: int
    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True)
class Sample:
    """What came of asking about one label once: a proposal or none, every reply, and why replies were rejected."""

    proposal: Proposal | None
    replies: tuple[Reply, ...]
    rejected: tuple[str, ...]


class Generator:
    """Asks about labels; what was answered before comes from the journal and is judged anew."""

    def __init__(self, ask: Ask, journal: Journal, settings: LLMConfig, stages: StageCount):
        self.ask, self.journal, self.settings = ask, journal, settings
        self.stages: StageCount = stages
        self.fresh: list[Reply] = []
        self.known = 0

    async def describe(self, label: str) -> Record:
        """The record of one label; the template's if no reply could be used."""
        samples = [await self.sample(label, number) for number in range(1, self.settings.samples + 1)]
        replies = [reply for sample in samples for reply in sample.replies]
        proposals = [sample.proposal for sample in samples if sample.proposal is not None]
        common: dict[str, object] = {
            "model": self.settings.model or "",
            "prompt": read_prompt().version,
            "asked": self.stages,
            "date": max((reply.date[:10] for reply in replies), default=""),
            "samples": len(proposals),
            "input_tokens": sum(reply.input_tokens for reply in replies),
            "output_tokens": sum(reply.output_tokens for reply in replies),
            "rejected": tuple(note for sample in samples for note in sample.rejected),
        }
        if not proposals:
            anatomy = template_anatomy(label, 3 if self.stages == "auto" else self.stages)
            common |= {"source": "template", "detail": FALLBACK}
        else:
            agreed = choose_sample(proposals)
            common |= {"source": "llm", "reason": agreed.proposal.reason, "agreement": agreed.agreement}
            anatomy = Anatomy(label=label, stages=agreed.proposal.stages, origin="llm")
        common |= {"stages": anatomy.stages, "fingerprint": fingerprint(anatomy.stages)}
        return Record.model_validate({**common, "problems": tuple(check_anatomy(anatomy))})

    async def sample(self, label: str, number: int) -> Sample:
        """Ask until a reply is accepted, telling the model each time what was wrong with the last."""
        replies: list[Reply] = []
        rejected: list[str] = []
        last: Rejected | None = None
        for attempt in range(1, self.settings.tries + 1):
            try:
                reply = await self._reply(label, number, attempt, last)
            except NoReplyError as error:
                rejected.append(_note(number, attempt, str(error)))
                break
            replies.append(reply)
            proposal, problems = judge_reply(label, reply, self.stages)
            if proposal is not None:
                return Sample(proposal, tuple(replies), tuple(rejected))
            last = Rejected(text=reply.text, reasons=problems)
            rejected.append(_note(number, attempt, "; ".join(problems)))
        return Sample(None, tuple(replies), tuple(rejected))

    async def _reply(self, label: str, number: int, attempt: int, last: Rejected | None) -> Reply:
        """The reply from the journal, or a new one, which is written down before anything else happens."""
        question = JournalQuestion(
            model=self.settings.model or "",
            prompt=read_prompt().version,
            label=prompt_name(label),
            stages=self.stages,
            temperature=self.settings.temperature,
            sample=number,
            attempt=attempt,
        )
        if (reply := self.journal.find(question)) is not None:
            self.known += 1
            return reply
        reply = await self.ask(write_messages(label, self.stages, last), reply_schema(self.stages))
        self.journal.keep(question, reply)
        self.fresh.append(reply)
        return reply


class DryRun:
    """Stands in for a language model: notes every question and answers none."""

    def __init__(self):
        self.questions: list[list[Message]] = []

    async def ask(self, messages: Sequence[Message], schema: Mapping[str, object]) -> Reply:
        """Note the question.

        Raises:
            NoReplyError: always.
        """
        self.questions.append(list(messages))
        raise NoReplyError("this is a dry run")

    @property
    def tokens(self) -> int:
        """About how many tokens the questions have."""
        return sum(estimate_tokens(messages) for messages in self.questions)


def judge_reply(label: str, reply: Reply, stages: StageCount) -> tuple[Proposal | None, tuple[str, ...]]:
    """What a reply proposes if it is accepted, or why it is not."""
    try:
        proposal = read_reply(reply.text, stages, cut=reply.cut)
    except AnatomyError as error:
        return None, (str(error),)
    problems = copied_stages(label, proposal)
    problems += check_anatomy(Anatomy(label=label, stages=proposal.stages, origin="llm"))
    return (None, tuple(problems)) if problems else (proposal, ())


def copied_stages(label: str, proposal: Proposal) -> list[str]:
    """The stages that repeat an example of the prompt, which small models do, for an action that is another."""
    return [
        f"stage {number} repeats the example {quote(example.action)} of the instructions"
        for number, stage in enumerate(proposal.stages, 1)
        for example in read_prompt().examples
        if prompt_name(label) != example.action
        and any(
            overlap(stage.sentence, one.sentence) > MAX_OVERLAP for listed in example.stages.values() for one in listed
        )
    ]


def generate(
    labels: Sequence[str],
    settings: LLMConfig | None = None,
    journal: Journal | None = None,
    *,
    stages: StageCount = 3,
    progress: Callable[[int, int], None] = lambda done, total: None,
    ask: Callable[[Sequence[Message]], str] | None = None,
) -> Generated:
    """Have a language model write the stages of every label, `settings.jobs` labels at a time.

    A label that no reply can be used for gets the template's sentences, and its record says why.

    >>> def ask(messages):  # each is {"role": "system" | "user" | "assistant", "content": text}
    ...     return my_model.chat(messages)
    >>> generated = generate(["juggle"], ask=ask)
    >>> write_atomically(Path("mine.json"), records_json(dict(zip(["juggle"], generated.records))))

    Args:
        labels: what is to be taken apart, each once.
        settings: which server and model, how many samples and tries; `LLMConfig()` if not given.
        journal: the replies of earlier runs, which are not asked for again; it tells models apart by `settings.model`.
            Without one nothing is kept.
        stages: 1 to 5, or `auto` to let the model choose.
        progress: is called with how many labels are done, of how many.
        ask: takes the place of the server: a conversation to the text of the reply, called from several threads. A
            `NoReplyError` that it raises leaves this question without a reply; any other error ends the run.

    Raises:
        SettingsError: there is neither a server nor `ask`.
        AnatomyError: the server cannot be reached, or refuses the key or the model; what came before is in the journal.
        LGAError: the journal cannot be written.
    """
    chosen, kept = settings or LLMConfig(), journal or Journal(None)
    if ask is None and chosen.llm is None:
        raise SettingsError("no language model to ask: give the address of one (--llm and --model), or ask=...")

    async def work(reply: Ask, count: Callable[[], int]) -> Generated:
        generator = Generator(reply, kept, chosen, stages)
        records = await describe_all(generator, labels, chosen.jobs, progress)
        return Generated(
            records,
            sent=count(),
            fresh=len(generator.fresh),
            known=generator.known,
            input_tokens=sum(reply.input_tokens for reply in generator.fresh),
            output_tokens=sum(reply.output_tokens for reply in generator.fresh),
        )

    async def work_with_server() -> Generated:
        from lga.anatomy.llm_client import connect  # needs the extra `llm`, which a function of one's own does not

        async with connect(chosen) as server:
            return await work(server.ask, lambda: server.sent)

    if ask is None:
        return asyncio.run(work_with_server())
    model = Callback(ask)
    return asyncio.run(work(model.ask, lambda: model.sent))


class Callback:
    """Asks a function instead of a server, in a thread of its own for each question."""

    def __init__(self, reply: Callable[[Sequence[Message]], str]):
        self.reply, self.sent = reply, 0

    async def ask(self, messages: Sequence[Message], schema: Mapping[str, object]) -> Reply:
        """One reply; the schema is for servers alone, since the messages say it too."""
        self.sent += 1
        return Reply(text=await asyncio.to_thread(self.reply, messages), date=now())


def rehearse(labels: Sequence[str], settings: LLMConfig, journal: Journal, *, stages: StageCount) -> tuple[DryRun, int]:
    """What the language model would be asked first about each label, and how many replies are known already."""
    dry_run = DryRun()
    generator = Generator(dry_run.ask, journal, settings, stages)
    asyncio.run(describe_all(generator, labels, 1, lambda done, total: None))
    return dry_run, generator.known


async def describe_all(
    generator: Generator, labels: Sequence[str], jobs: int, progress: Callable[[int, int], None]
) -> tuple[Record, ...]:
    """The records of all labels, in their order, whichever is ready first; the first error ends the work."""
    waiting: Iterator[tuple[int, str]] = iter(enumerate(labels))
    found: dict[int, Record] = {}

    async def work() -> None:
        for place, label in waiting:
            found[place] = await generator.describe(label)
            progress(len(found), len(labels))

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(jobs, len(labels))):
                group.create_task(work())
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return tuple(found[place] for place in range(len(labels)))


def _note(sample: int, attempt: int, why: str) -> str:
    """Why a reply was rejected, as one short visible line."""
    plain = "".join(each if each.isprintable() else " " for each in why)
    return f"sample {sample}, attempt {attempt}: {plain}"[:MAX_NOTE]
