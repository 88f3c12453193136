"""One TOML file, and what is said of a wrong one."""

from pathlib import Path

import pytest

from deploy.site.config import load_config, parse_config
from ingest.errors import ConfigError
from tests.conftest import ROOT

CAMERA = '[[cameras]]\nid = "north"\nsource = "rtsp://user@10.0.0.1/stream"\ncredentials = "env:NORTH_PASSWORD"\n'

WRONG = {
    "unknown key": (
        '[[cameras]]\nid="a"\nsource="x"\nfps=3',
        r"unknown key 'cameras\[0\].fps' \(known here: id, source",
    ),
    "unknown table": ("[alarm]\non=1\n" + CAMERA, "unknown key 'alarm'"),
    "nested unknown": (CAMERA + "[detect]\nthreshold=1", "unknown key 'detect.threshold'"),
    "no cameras": ("[log]\n", "key 'cameras' is missing"),
    "empty cameras": ("cameras = []", "key 'cameras'"),
    "no source": ('[[cameras]]\nid="a"', r"key 'cameras\[0\].source' is missing"),
    "odd id": ('[[cameras]]\nid="a b"\nsource="x"', r"key 'cameras\[0\].id'"),
    "same id": (CAMERA + CAMERA, "camera id 'north' is given twice"),
    "scheme": ('[[cameras]]\nid="a"\nsource="gopher://x"', "unknown URL scheme 'gopher://'"),
    "detector": (
        CAMERA + '[detect]\ndetector="yolo"',
        "key 'detect.detector': 'yolo' is not one of: crossroad-1016, pvb",
    ),
    "masks": (CAMERA + '[detect]\nmasks="sam"', "one of: auto, box, ellipse, grabcut, sam-vit-b, sam-vit-h, sam-vit-l"),
    "foundation": (CAMERA + "[foundation]\nthreshold=1", "unknown key 'foundation.threshold'"),
    "no noun": (CAMERA + '[foundation]\nprompt=" . "', r"key 'foundation.prompt': the prompt ' . ' names nothing"),
    "camera's prompt": (CAMERA + '[foundation.prompts]\nnorth=""', "key 'foundation.prompts.north': the prompt ''"),
    "nobody's prompt": (
        CAMERA + '[foundation.prompts]\nsouth="car ."',
        r"foundation.prompts names camera 'south', which is not among the cameras \(north\)",
    ),
    "cheap": (
        CAMERA + '[foundation]\ncheap="grounding-dino-swin-t"',
        "key 'foundation.cheap': 'grounding-dino-swin-t' is not one of: crossroad-1016, .*, motion, the path of",
    ),
    "two budgets": (
        CAMERA + "[foundation]\nmax_calls_per_s=1\nmax_gpu_share=0.5",
        "foundation.max_calls_per_s 1 and max_gpu_share 0.5 are two budgets",
    ),
    "no budget": (CAMERA + "[foundation]\nmax_calls_per_s=0", "key 'foundation.max_calls_per_s'"),
    "whole GPUs": (CAMERA + "[foundation]\nmax_gpu_share=2", "key 'foundation.max_gpu_share'"),
    "device": (CAMERA + '[foundation]\ndevice="tpu"', "key 'foundation.device'"),
    "score": (CAMERA + "[foundation]\nbox_score=1", "key 'foundation.box_score'"),
    "batch": (CAMERA + "[foundation]\nbatch=0", "key 'foundation.batch'"),
    "type": (CAMERA + '[detect]\nanalyse_fps="fast"', "key 'detect.analyse_fps': Expected `float`, got `str`"),
    "range": (CAMERA + "[detect]\nanalyse_fps=0", "key 'detect.analyse_fps'"),
    "no time": (CAMERA + "[associate]\ndecide_every_s=1e-10", "key 'associate.decide_every_s'"),
    "for ever": (CAMERA + "[associate]\nidle_after_s=inf", "key 'associate.idle_after_s'"),
    "no number": (CAMERA + "[associate]\nlag_s=nan", "key 'associate.lag_s'"),
    "no probability": (CAMERA + "[associate]\nmin_probability=1.5", "key 'associate.min_probability'"),
    "the former dial": (
        CAMERA + "[associate]\nnew_vehicle=1.0",
        "key 'associate.new_vehicle' is not read any more: the dial is a probability now: min_probability",
    ),
    "the former reading": (CAMERA + "[associate]\nsimilarity_slope=3.0", "learned from the stream; remove the line"),
    "the former search": (
        CAMERA + '[associate]\nsearch="faiss"',
        r"key 'associate.search' is not read any more: links need no search; remove the line \(`corridor search` asks",
    ),
    "long ago": (CAMERA + "starts_at = 0001-01-01T00:00:00", "starts_at"),
    "line in id": ('[[cameras]]\nid="a\\n"\nsource="x"', r"key 'cameras\[0\].id'"),
    "id with blanks": (
        '[[cameras]]\nid="north gate"\nsource="x"',
        "beginning with a letter or digit, 64 characters at most",
    ),
    "zone": (CAMERA + '[associate]\nzone="-a"', r"key 'associate.zone': expected letters .* 32 characters at most"),
    "travel": (CAMERA + '[[associate.travel]]\nstart="north"\nend="south"\nmin_s=1\nmax_s=2', "camera 'south'"),
    "window": (CAMERA + "[associate]\nmin_travel_s=9\nmax_travel_s=3", "not below"),
    "log": (CAMERA + '[log]\nurl="redis://x"', "log.url 'redis://x'"),
    "syntax": ("cameras = [", "not valid TOML"),
}


def test_the_smallest_useful_file() -> None:
    config = parse_config(CAMERA, "f.toml")
    assert config.camera_ids == ("north",)
    assert config.detect.detector == "pvb-2004"
    assert config.log.url == "sqlite:runs/f/corridor.db"
    assert config.crops.folder == "runs/f/crops"


PLACES = {
    "nothing said": ("", "sites/north.toml", "sqlite:runs/north/corridor.db", "runs/north/crops"),
    "other keys of the tables": (
        "[log]\nspool_mb=1\n[crops]\nkeep=true",
        "a b.toml",
        "sqlite:runs/a b/corridor.db",
        "runs/a b/crops",
    ),
    "said": ('[log]\nurl="sqlite:x.db"\n[crops]\nfolder="y"', "f.toml", "sqlite:x.db", "y"),
    "no ending": ("", "site", "sqlite:runs/site/corridor.db", "runs/site/crops"),
}


@pytest.mark.parametrize(("extra", "name", "url", "folder"), PLACES.values(), ids=PLACES)
def test_every_site_writes_to_places_of_its_own(extra: str, name: str, url: str, folder: str) -> None:
    config = parse_config(CAMERA + extra, name)
    assert (config.log.url, config.crops.folder) == (url, folder)


def test_a_budget_is_given_or_the_usual_one() -> None:
    budgets = {"": (0.8, None), "max_calls_per_s=2": (2, None), "max_gpu_share=0.3": (None, 0.3)}
    for line, expected in budgets.items():
        settings = parse_config(f"{CAMERA}[foundation]\n{line}", "f.toml").foundation
        assert (settings.calls_per_s, settings.max_gpu_share) == expected


def test_detectors_and_the_prompts_of_cameras() -> None:
    for name in ("motion", "yolox-nano", "grounding-dino-swin-b", "~/weights/north.onnx"):
        assert parse_config(f'{CAMERA}[detect]\ndetector="{name}"', "f.toml").detect.detector == name
    config = parse_config(CAMERA + '[foundation]\nprompts = { north = "tram . bus" }\ncheap="a.onnx"', "f.toml")
    assert config.foundation.prompts == {"north": "tram . bus"}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_file_is_explained_in_one_line(name: str) -> None:
    text, expected = WRONG[name]
    with pytest.raises(ConfigError, match=expected) as caught:
        parse_config(text, "f.toml")
    assert str(caught.value).startswith("f.toml")
    assert "\n" not in str(caught.value)


def test_what_is_no_text_and_what_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not a text file"):
        load_config(tmp_path / "a.toml")
    with pytest.raises(ConfigError, match="cannot read"):
        load_config(tmp_path / "b.toml")
    with pytest.raises(ConfigError, match="cannot read"):
        load_config(tmp_path)


@pytest.mark.parametrize("path", sorted(ROOT.glob("deploy/examples/*.toml")), ids=lambda p: p.name)
def test_the_examples_are_right(path: Path) -> None:
    load_config(path)


@pytest.mark.parametrize(
    ("keys", "patience_s"),
    [
        ("", (1.2, 4.0)),
        ("lost_after_s = 2.5", (2.5, 2.5)),
        ("return_within_s = 9", (1.2, 9.0)),
        ("lost_after_s = 2\nreturn_within_s = 9", (2.0, 9.0)),
    ],
    ids=["defaults", "a configuration of before", "return alone", "both"],
)
def test_how_long_a_vehicle_is_waited_for(keys: str, patience_s: tuple[float, float]) -> None:
    """`lost_after_s` alone means what it always did: after it a vehicle has left, wherever it was."""
    assert parse_config(f"{CAMERA}[detect]\n{keys}", "f.toml").detect.patience_s == patience_s
