"""`lga extract` on the command line."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path


def test_extract_fills_the_cache_that_evaluate_reads(command, clips, tmp_path):
    manifest = tmp_path / "m.csv"
    manifest.write_text(f"path,label\n{clips / 'wave' / '1.mp4'},wave\nmissing.mp4,wave\n")
    done = command("extract", manifest, "--backbone", "tiny", "--json", LGA_CACHE=str(tmp_path / "cache"))
    value = json.loads(done.stdout)
    assert value["encoded"] == 1
    assert [Path(one["path"]).name for one in value["skipped"]] == ["missing.mp4"]
    place = tmp_path / "cache" / "features.sqlite"
    with closing(sqlite3.connect(place)) as one:
        assert sorted(kind for (kind,) in one.execute("SELECT kind FROM feature")) == ["clip", "motion"]
        one.execute("UPDATE feature SET data=zeroblob(length(data)) WHERE kind='clip'")
        one.commit()
    again = command("extract", manifest, "--backbone", "tiny", LGA_CACHE=str(tmp_path / "cache"))
    assert f"cache: {place}: 1 entry damaged and made anew" in again.stderr
    third = command("extract", manifest, "--backbone", "tiny", LGA_CACHE=str(tmp_path / "cache"))
    assert "cache:" not in third.stderr


def test_a_cache_that_is_damaged_as_a_whole_is_set_aside_and_said_once(command, clips, tmp_path):
    manifest = tmp_path / "m.csv"
    manifest.write_text(f"path,label\n{clips / 'wave' / '1.mp4'},wave\n")
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "features.sqlite").write_bytes(b"no database" * 99)
    done = command("extract", manifest, "--backbone", "tiny", LGA_CACHE=str(tmp_path / "cache"))
    assert done.stderr.count("cache: ") == done.stderr.count("set aside as features.sqlite.damaged-") == 1
    again = command("extract", manifest, "--backbone", "tiny", LGA_CACHE=str(tmp_path / "cache"))
    assert "cache: " not in again.stderr


def test_a_cache_that_cannot_be_written_is_an_error_here(command, clips, tmp_path):
    manifest = tmp_path / "m.csv"
    manifest.write_text(f"path,label\n{clips / 'wave' / '1.mp4'},wave\n")
    (tmp_path / "cache").touch()
    done = command("extract", manifest, "--backbone", "tiny", code=1, LGA_CACHE=str(tmp_path / "cache"))
    assert "cannot be written" in done.error
