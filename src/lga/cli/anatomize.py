"""`lga anatomize`."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro
from tyro.conf import Positional

from lga.anatomy.settings import LLMConfig
from lga.cli.options import OUT_FILE, Flag, plural, print_json, progress_bar, stderr, stdout
from lga.errors import SettingsError
from lga.files import kind_of

if TYPE_CHECKING:
    from lga.anatomy.descriptions import Record
    from lga.anatomy.journal import Journal
    from lga.anatomy.llm_generate import Generated

NAMED = 10
"""Damaged lines that are named one by one."""


@dataclass(frozen=True)
class Anatomize:
    """Take labels apart into stages, and show them or write them to a file for `--descriptions`.

    The shipped lexicons come first, then a template; with --llm a language model is asked instead. Its replies are
    kept beside --out, so an interrupted run asks nothing twice. What you edit in the file stays as you wrote it.

    Example: lga anatomize "jump into pool"

    Example: lga anatomize --labels-file labels.txt --llm http://localhost:8000/v1 --model NAME --out anatomies.json
    """

    labels: Positional[Annotated[tuple[str, ...], tyro.conf.arg(metavar="[LABEL ...]")]] = ()
    """labels of actions"""
    manifest: Path | None = None
    """take the labels of this CSV with path,label"""
    labels_file: Path | None = None
    """take the labels from this text file, one a line"""
    stages: Annotated[int | Literal["auto"], tyro.conf.arg(metavar="L|auto")] = 3
    """number of stages, 1 to 5; auto lets the language model choose"""
    descriptions: Path | None = None
    """JSON file with your own stage sentences, which come first"""
    out: Annotated[Path | None, OUT_FILE] = None
    """write everything that is known to this JSON file, which --descriptions of the other commands reads"""
    overwrite_edits: Flag = False
    """make anew also the records of --out that were edited by hand"""
    dry_run: Flag = False
    """say what the language model would be asked, and ask nothing"""
    json: Flag = False
    """print one JSON document instead of tables"""
    llm: LLMConfig = field(default_factory=LLMConfig)

    def run(self) -> int:
        """Make an anatomy for each label, and print or write them; exit 1 if a model was asked and described none."""
        from lga.anatomy.descriptions import kept_records, merge_records, read_records, records_json
        from lga.files import write_atomically

        labels = self._wanted()
        old = read_records(self.out) if self.out is not None and kind_of(self.out) != "nothing" else {}
        kept: dict[str, Record] = {}
        if not self.overwrite_edits:
            kept = kept_records(old, labels, self.stages, generated_too=self.llm.llm is None)
        kept |= self._described(labels)
        wanted = [label for label in labels if label not in kept]
        if self.dry_run:
            return self._rehearse(wanted, kept)
        try:
            made = self._ask(wanted) if self.llm.llm is not None else self._look_up(wanted)
        except KeyboardInterrupt:
            stderr().print("lga: interrupted; the replies that came are kept, run it again to go on", soft_wrap=True)
            return 130
        records = {label: kept[label] if label in kept else made[label] for label in labels}
        if self.out is not None:
            write_atomically(self.out, records_json(merge_records(old, records)))
        self._show(records)
        if kept and self.out is not None:
            edited = plural(sum(record.source == "hand" for record in kept.values()), "record")
            stderr().print(f"{edited} kept as written by hand, {len(kept)} kept in all")
        if self.llm.llm is not None and made and all(one.source == "template" for one in made.values()):
            stderr().print("lga: no label got an answer that can be used; see above why", soft_wrap=True)
            return 1
        return 0

    def _wanted(self) -> list[str]:
        """The labels, each once, from the one place that was named."""
        from lga.config import MAX_STAGES
        from lga.labels import check_unique_labels, checked_label

        if sum((bool(self.labels), self.manifest is not None, self.labels_file is not None)) != 1:
            raise SettingsError("give at least one label, or --manifest, or --labels-file; one of the three")
        if self.stages != "auto" and not 1 <= self.stages <= MAX_STAGES:
            raise SettingsError(f"--stages must be 1 to {MAX_STAGES} or auto, not {self.stages}")
        if self.llm.llm is None and (self.stages == "auto" or self.dry_run):
            raise SettingsError("--stages auto and --dry-run are for language models: give --llm and --model")
        if self.manifest is not None:
            from lga.datasets.manifest import read_manifest  # imports torch, which labels alone do without

            given = [clip.label for clip in read_manifest(self.manifest)]
        else:
            given = read_labels(self.labels_file) if self.labels_file is not None else self.labels
        labels = [checked_label(label) for label in given]
        check_unique_labels("the labels", labels)
        return list(dict.fromkeys(labels))

    def _described(self, labels: Sequence[str]) -> "dict[str, Record]":
        """What the user's own file says of the labels."""
        from lga.anatomy.descriptions import Record, read_descriptions, read_records

        if self.descriptions is None:
            return {}
        if self.stages == "auto":
            records = read_records(self.descriptions)
            return {label: record for label, record in records.items() if label in labels}
        told = read_descriptions(self.descriptions, stages=self.stages)
        found = {label: told.find(label) for label in labels}
        return {label: Record(stages=stages, detail=told.source) for label, stages in found.items() if stages}

    def _look_up(self, labels: Sequence[str]) -> "dict[str, Record]":
        """Records from the lexicons and the template."""
        from lga.anatomy.descriptions import record_of
        from lga.anatomy.lexicon import anatomize

        count = 3 if self.stages == "auto" else self.stages
        return {label: record_of(anatomize(label, stages=count)) for label in labels}

    def _ask(self, labels: Sequence[str]) -> "dict[str, Record]":
        """Records from the language model; says on standard error what it took."""
        from lga.anatomy.llm_generate import generate

        journal = self._journal()
        if journal.damaged:
            stderr().print(f"{journal.path}: {_damaged(journal.damaged)} passed over", soft_wrap=True)
        with progress_bar("asking") as (bar,):
            done = generate(labels, self.llm, journal, stages=self.stages, progress=bar)
        for label, record in zip(labels, done.records, strict=True):
            if record.source == "template":
                stderr().print(f"{label}: template; {record.rejected[-1]}", soft_wrap=True)
        stderr().print(self._spent(done), soft_wrap=True)
        return dict(zip(labels, done.records, strict=True))

    def _spent(self, done: "Generated") -> str:
        """What a run took, in one line."""
        tokens = f"{done.input_tokens} tokens sent, {done.output_tokens} received"
        cost = f", cost {self.llm.cost(done.input_tokens, done.output_tokens):.4f}"
        return (
            f"{plural(done.sent, 'question')} sent, {done.fresh} answered, {done.known} known from before; {tokens}"
            + (cost if self.llm.price_in or self.llm.price_out else "")
        )

    def _rehearse(self, labels: Sequence[str], kept: "Mapping[str, Record]") -> int:
        """Say what would be asked."""
        from lga.anatomy.llm_generate import rehearse

        dry_run, known = rehearse(labels, self.llm, self._journal(), stages=self.stages)
        say = stdout()
        say.print(
            f"{plural(len(dry_run.questions), 'question')} to ask, about {dry_run.tokens} tokens to send and at most"
            f" {len(dry_run.questions) * self.llm.reply_tokens} to receive; {plural(known, 'reply')} known,"
            f" {plural(len(kept), 'record')} kept",
            soft_wrap=True,
        )
        if self.llm.price_in or self.llm.price_out:
            most = self.llm.cost(dry_run.tokens, len(dry_run.questions) * self.llm.reply_tokens)
            say.print(f"cost at most about {most:.4f}, unless replies are rejected and asked for again", soft_wrap=True)
        for message in dry_run.questions[0] if dry_run.questions else ():
            say.print(f"[{message['role']}] {message['content']}", soft_wrap=True)
        return 0

    def _journal(self) -> "Journal":
        """The replies of earlier runs: beside --out, else in the cache folder."""
        from lga.anatomy.journal import Journal

        if self.out is not None:
            return Journal(self.out.with_name(f"{self.out.name}.journal"))
        from lga.features.cache import default_cache

        folder = default_cache().folder
        return Journal(folder / "anatomies.journal" if folder is not None else None)

    def _show(self, records: "Mapping[str, Record]") -> None:
        """Tables or JSON; where a file was written and no JSON is wanted, a line."""
        from lga.anatomy.descriptions import anatomy_of
        from lga.cli.show import anatomy_table

        anatomies = [anatomy_of(label, record) for label, record in records.items()]
        if self.json:
            print_json([one.model_dump(mode="json") for one in anatomies])
        elif self.out is not None:
            shares = Counter(record.source for record in records.values())
            told = ", ".join(f"{count} {source}" for source, count in shares.items())
            stdout().print(f"{plural(len(records), 'label')} ({told}): {self.out}", soft_wrap=True)
        else:
            for one in anatomies:
                stdout().print(anatomy_table(one))


def _damaged(lines: Sequence[int]) -> str:
    """How many lines of a journal are damaged, and which, the first few by number."""
    more = ", ..." if len(lines) > NAMED else ""
    return f"{plural(len(lines), 'damaged line')} (number {', '.join(map(str, lines[:NAMED]))}{more})"


def read_labels(path: Path) -> list[str]:
    """The lines of a text file that are not blank.

    Raises:
        SettingsError: it cannot be read, is not UTF-8 or holds no label.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror}); give a text file, one label a line") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: not UTF-8 text; give a text file, one label a line") from error
    labels = [line for line in text.splitlines() if line.strip()]
    if not labels:
        raise SettingsError(f"{path}: no label in it; write one on each line")
    return labels
