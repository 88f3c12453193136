"""`corridor run --mosaic --sheet`: images of any run, and refusals in one line."""

from pathlib import Path

import pytest

from tests.ingest.clips import write_clip
from tests.system.command import corridor

SITE = """
[[cameras]]
id = "north"
source = "clip.mp4"

[[cameras]]
id = "south"
source = "clip.mp4"
starts_at = 1970-01-01T00:00:20Z

[[cameras]]
id = "west"
source = "clip.mp4"
starts_at = 1970-01-01T01:00:00Z

[detect]
detector = "motion"

[associate]
max_travel_s = 60

[[associate.travel]]
start = "north"
end = "south"
min_s = 2
max_s = 60
both_ways = true
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """The folder of a site with a short recording."""
    write_clip(tmp_path / "clip.mp4", 100, size=(320, 192))
    (tmp_path / "site.toml").write_text(SITE)
    return tmp_path


def test_images_of_a_run(site: Path) -> None:
    result = corridor(site, "run", "site.toml", "--mosaic", "out/all.mp4", "--sheet", "out/rows.png")
    assert result.returncode == 0, result.stderr
    assert sorted(path.name for path in (site / "out").iterdir()) == ["all.mp4", "rows.png"]
    assert "out/all.mp4" in result.stdout
    again = corridor(site, "run", "site.toml", "--mosaic", "out/all.mp4")
    assert again.returncode == 2
    assert "nothing to paint for --mosaic out/all.mp4: every recording has been read before" in again.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--mosaic", "all.avi"], "--mosaic all.avi: expected a file that ends with .mp4"),
        (["--sheet", "rows.jpg"], "--sheet rows.jpg: expected a file that ends with .png"),
        (["--mosaic", "site.toml/all.mp4"], "cannot write to the folder site.toml"),
    ],
)
def test_refused_before_the_run(site: Path, options: list[str], message: str) -> None:
    result = corridor(site, "run", "site.toml", *options)
    assert result.returncode == 2
    assert message in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
