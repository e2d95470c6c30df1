"""`lga lexicon check | diff | merge | distance`: find bad sentences, and keep reviewed ones."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro
from tyro.conf import Positional

from lga.cli.options import (
    OUT_FILE,
    Flag,
    plural,
    print_json,
    progress_bar,
    report_cache,
    report_skipped,
    stderr,
    stdout,
)
from lga.config import BackboneConfig, MethodConfig

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lga.anatomy.descriptions import Record
    from lga.anatomy.schema import Anatomy
    from lga.backbone.protocol import Backbone
    from lga.evaluation.sentences import TextCheck, VisualChecks

Source = Annotated[str, tyro.conf.arg(metavar="FILE|builtin[:NAME]")]


@dataclass(frozen=True)
class CheckSentences:
    """Look for sentences that no camera could show, that are out of order, or that hurt.

    Every sentence is read by rules, each with its reason. With --sense every sentence is also compared with all labels
    by the text encoder, and with --clips with example clips: what words alone recognise with the sentences, and what
    with the label alone. Exit code 1 if a rule is broken; the comparisons only advise.

    Example: lga lexicon check sentences.json --clips clips.csv
    """

    source: Positional[Source] = "builtin"
    """JSON file with descriptions, builtin for all shipped ones, or one lexicon such as builtin:ucf101"""
    wanted: Annotated[int | None, tyro.conf.arg(metavar="L")] = None
    """number of stages that every label must have; any number if not given"""
    sense: Flag = False
    """compare each sentence with all labels by the text encoder"""
    clips: Path | None = None
    """CSV with the columns path,label, or a folder with a folder of clips for each action"""
    json: Flag = False
    """print one JSON document instead of tables"""
    backbone: BackboneConfig = field(default_factory=BackboneConfig)
    method: MethodConfig = field(default_factory=MethodConfig)

    def run(self) -> int:
        """Check and print what was found."""
        from lga.anatomy.checks import check_anatomy
        from lga.anatomy.descriptions import anatomy_of
        from lga.anatomy.review import named_records
        from lga.cli.show import problems_table, text_checks_table, visual_checks_table
        from lga.errors import SettingsError
        from lga.model.pretrained import load_pretrained

        if self.clips and self.method.wording == "label":
            raise SettingsError("--wording label is what sentences are compared with; choose stages or label+stages")
        if self.clips and self.method.stages == "auto":
            raise SettingsError("--stages auto: clips are checked stage by stage, so that all labels need one number")
        if self.backbone.changed and not (self.sense or self.clips):
            flags = ", ".join(f"--{name}" for name in self.backbone.changed)
            raise SettingsError(f"{flags}: no backbone reads the sentences here; add --sense or --clips")
        source = load_pretrained(self.backbone) if self.sense or self.clips else None
        method = self.method if source is None else source.method(self.method)
        anatomies = [anatomy_of(label, record) for label, record in named_records(self.source).items()]
        problems = {one.label: check_anatomy(one, stages=self.wanted) for one in anatomies}
        problems = {label: found for label, found in problems.items() if found}
        text_checks = self._against_labels(anatomies, source.backbone) if source and self.sense else None
        visual_checks = self._against_clips(source.backbone, method) if source and self.clips else None
        if self.json:
            found: dict[str, object] = {"source": self.source, "labels": len(anatomies), "problems": problems}
            if text_checks is not None:
                found["sense"] = [{**asdict(one), "doubtful": one.doubtful} for one in text_checks]
            if visual_checks is not None:
                found["views"] = [
                    {**asdict(one), "hurts": one.hurts, "chance": one.chance} for one in visual_checks.checks
                ]
                found["method"], found["backbone"] = method.model_dump(), self.backbone.model_dump()
            print_json(found)
        else:
            tables = [problems_table(problems)] if problems else []
            tables += [] if text_checks is None else [text_checks_table(text_checks)]
            tables += [] if visual_checks is None else [visual_checks_table(visual_checks.checks)]
            stdout().print(*tables, f"{plural(len(anatomies), 'label')} read, {len(problems)} with problems", sep="\n")
        if visual_checks is not None:
            report_skipped(visual_checks.skipped)
        return 1 if problems else 0

    def _against_labels(self, anatomies: "Sequence[Anatomy]", encoder: "Backbone") -> "list[TextCheck]":
        from lga.evaluation.sentences import check_against_labels
        from lga.features.cache import default_cache

        cache = default_cache()
        with stderr().status(f"encoding the sentences of {plural(len(anatomies), 'label')}"):
            found = check_against_labels(anatomies, encoder, cache)
        report_cache(cache)
        return found

    def _against_clips(self, encoder: "Backbone", method: MethodConfig) -> "VisualChecks":
        """The clips' labels take their sentences as in recognition: from the file, else lexicon, else template."""
        from lga.anatomy.descriptions import read_descriptions
        from lga.anatomy.lexicon import anatomize
        from lga.anatomy.review import is_builtin
        from lga.datasets.manifest import read_examples
        from lga.evaluation.sentences import check_against_clips
        from lga.features.cache import default_cache

        told = None if is_builtin(self.source) else read_descriptions(Path(self.source), stages=method.stages)
        shown = read_examples(self.clips or Path())
        anatomies = [anatomize(label, stages=method.stages, descriptions=told) for label in shown.labels]
        cache = default_cache()
        with progress_bar("encoding") as (bar,):
            found = check_against_clips(shown.clips, anatomies, encoder, method, cache=cache, progress=bar)
        report_cache(cache)
        return found


@dataclass(frozen=True)
class Diff:
    """Show which labels were added, removed or told in other words, stage by stage.

    Words between [- and -] are only in the old version, those between {+ and +} only in the new one.

    Example: lga lexicon diff generated.json reviewed.json
    """

    old: Positional[Source]
    """JSON file with descriptions, builtin, or builtin:NAME"""
    new: Positional[Source]
    """the same, the later version"""
    json: Flag = False
    """print one JSON document instead of a table"""

    def run(self) -> int:
        """Print a row for each stage that differs."""
        from lga.anatomy.review import changes, named_records
        from lga.cli.show import changes_summary, changes_table

        found = changes(named_records(self.old), named_records(self.new))
        if self.json:
            print_json([asdict(one) for one in found])
            return 0
        if found:
            stdout().print(changes_table(found))
        stdout().print(changes_summary(found))
        return 0


@dataclass(frozen=True)
class Merge:
    """Bring reviewed and newly generated descriptions together, label by label.

    Where only one side changed a label, its version is taken. Where both did, it is a conflict: what was written by
    hand is kept, the label is named, and the exit code is 1.

    Example: lga lexicon merge generated.json reviewed.json generated_again.json --out merged.json
    """

    base: Positional[Source]
    """what both sides started from: JSON file with descriptions, builtin, or builtin:NAME"""
    mine: Positional[Source]
    """your reviewed version"""
    theirs: Positional[Source]
    """the other version, for instance generated anew"""
    out: Annotated[Path, OUT_FILE]
    """JSON file to write; replaced if it is there"""

    def run(self) -> int:
        """Merge, write, and name every conflict."""
        from lga.anatomy.descriptions import records_json
        from lga.anatomy.review import merge, named_records
        from lga.cli.show import conflicts_table
        from lga.errors import AnatomyError
        from lga.files import write_atomically

        merged = merge(*(named_records(each) for each in (self.base, self.mine, self.theirs)))
        if not merged.records:
            raise AnatomyError(f"{self.out}: nothing is left to write; every label was removed on one side")
        write_atomically(self.out, records_json(merged.records))
        if merged.conflicts:
            stdout().print(conflicts_table(merged.conflicts))
        stdout().print(
            f"{self.out}: {plural(len(merged.records), 'label')}, {merged.taken} taken from theirs, "
            f"{plural(len(merged.conflicts), 'conflict')}",
            soft_wrap=True,
        )
        return 1 if merged.conflicts else 0


@dataclass(frozen=True)
class Distance:
    """Count the words that were rewritten between two versions, the most rewritten label first.

    Example: lga lexicon distance generated.json reviewed.json
    """

    one: Positional[Source]
    """JSON file with descriptions, builtin, or builtin:NAME"""
    other: Positional[Source]
    """the same"""
    json: Flag = False
    """print one JSON document instead of a table"""

    def run(self) -> int:
        """Print a row a rewritten label, and a summary."""
        from lga.anatomy.review import distances, named_records
        from lga.cli.show import distance_summary, distance_table

        sides: list[Mapping[str, Record]] = [named_records(self.one), named_records(self.other)]
        found = distances(*sides)
        if self.json:
            print_json([asdict(one) for one in found])
            return 0
        if any(sum(one.edits) for one in found):
            stdout().print(distance_table(found))
        stdout().print(distance_summary(found, *map(len, sides)))
        return 0
