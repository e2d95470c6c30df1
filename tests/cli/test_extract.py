"""`lga extract` on the command line."""

import json
from pathlib import Path


def test_extract_fills_the_cache_that_evaluate_reads(command, clips, tmp_path):
    manifest = tmp_path / "m.csv"
    manifest.write_text(f"path,label\n{clips / 'wave' / '1.mp4'},wave\nmissing.mp4,wave\n")
    done = command("extract", manifest, "--backbone", "tiny", "--json", LGA_CACHE=str(tmp_path / "cache"))
    value = json.loads(done.stdout)
    assert value["encoded"] == 1
    assert [Path(one["path"]).name for one in value["skipped"]] == ["missing.mp4"]
    assert len(list((tmp_path / "cache" / "motion").rglob("*.safetensors"))) == 1
    [entry] = (tmp_path / "cache" / "clips").rglob("*.safetensors")
    entry.write_bytes(entry.read_bytes()[:50])
    again = command("extract", manifest, "--backbone", "tiny", LGA_CACHE=str(tmp_path / "cache"))
    assert "was damaged and has been made anew" in again.stderr
