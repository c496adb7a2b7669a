"""What is in a page, and what is not."""

from __future__ import annotations

import base64
import io
import json
import os
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from conftest import nrgan
from nrgan import Progress, TrainConfig, report
from nrgan.cli.live import LivePage
from nrgan.data import opening
from nrgan.errors import UserError
from nrgan.frames import FrameSet, open_frames
from nrgan.layout import LIVE, METRICS, RUN, SNAPSHOTS, data_picture, sample_picture
from nrgan.pictures import KEPT_A_ROW, cells, read_picture
from nrgan.reports.page.assemble import live_report
from nrgan.reports.page.names import Nameless, shared_value
from report_material import HOST, USER, Material


class Reading(HTMLParser):
    """Headings, text and images of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.text, self.headings, self.images, self._in = "", [], [], ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in = tag
        if tag == "img":
            url = dict(attrs)["src"] or ""
            assert url.startswith("data:image/png;base64,")
            self.images.append(np.asarray(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2])))))

    def handle_data(self, data: str) -> None:
        if self._in not in ("style", "script"):
            self.text += data
        if self._in == "h2" and data.strip():
            self.headings.append(data)


def test_every_subject_has_its_sections(whole_page: Path) -> None:
    read = Reading(whole_page)
    wanted = (
        "Side by side", "What this is", "Figures", "Samples", "Losses", "Metrics", "Noise, beside the data's",
        "Walks between latents", "Diagnosis", "Before and after", "Judged without clean images", "Runs",
        "Configuration and machine",
    )  # fmt: skip
    assert tuple(read.headings) == wanted
    for words in ("sinrgan2 was trained on the scans (160 images of 16x16 pixels, one channel)", "recommended model",
                  "PSNR, estimated (dB)", "12.5", "nrgan train shapes-ag25 gan OUT --image-size 24"):  # fmt: skip
        assert words in read.text, words


def test_what_files_say_is_text(whole_page: Path) -> None:
    text = whole_page.read_text(encoding="utf-8")
    assert "&lt;b&gt;not&lt;/b&gt; trained" in text and "<b>not" not in text


def test_it_asks_for_nothing(whole_page: Path) -> None:
    text = whole_page.read_text(encoding="utf-8")
    assert "default-src 'none'" in text and "http://" not in text and "https://" not in text
    assert not re.findall(r'(?:src|href)="(?!data:|#)', text)


def test_images_of_one_s_own_are_opened_once(
    material: Material, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each section that needs them takes the same: there may be hundreds of thousands, and all are read."""
    opened = []

    def counted(name: str, *options: object) -> FrameSet:
        opened.append(name)
        return open_frames(name, *options)

    monkeypatch.setattr(opening, "open_frames", counted)
    done = report([material.run], tmp_path / "page.html", training_images=True)
    assert done.notes == () and len(opened) == 1
    headings = Reading(done.path).headings
    assert "Noise, beside the data's" in headings and "Nearest training images" in headings
    assert "as diagnosed" in done.path.read_text(encoding="utf-8")


def told_of_the_machine(text: str, root: Path) -> list[str]:
    """Paths, user and host that a text names; what images hold is no text."""
    text = re.sub(r"data:image/png;base64,[A-Za-z0-9+/=]+", "", text)
    words = [str(root), str(Path.home()), str(Path.cwd()), USER, HOST]
    found = [word for word in words if len(word) > 1 and word in text]
    return found + re.findall(r"(?<![\w.<:/])/(?:home|tmp|root|usr|var|data|mnt)/\S+", text)


@pytest.mark.parametrize("name", ["whole_page", "page_with_images"])
def test_it_says_nothing_of_the_machine(name: str, material: Material, request: pytest.FixtureRequest) -> None:
    page: Path = request.getfixturevalue(name)
    assert told_of_the_machine(page.read_text(encoding="utf-8"), material.root) == []
    assert USER in (material.run / RUN).read_text(encoding="utf-8"), "or it could not have been told"
    assert any(HOST in path.name for path in material.run.rglob("*")), "as above"
    assert told_of_the_machine(f"of {material.run}", material.root)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("/home/jane doe/a b/x.png: is cut short", "x.png: is cut short"),
        ("read ~/secret/scan.tif, and /mnt/disk-7/jane/y.tif", "read scan.tif, and y.tif"),
        (r"C:\Users\jane\scan.tif", "scan.tif"),
        ("https://jane@example.org/a/scan.tif", "scan.tif"),
        ("σ² = 255²·x/30, 1/2 of and/or 3 / 4", "σ² = 255²·x/30, 1/2 of and/or 3 / 4"),
    ],
)
def test_names_stand_in_the_place_of_paths(text: str, left: str) -> None:
    assert Nameless(["/home/jane doe/a b/x.png"])(text) == left


def test_options_hold_names_only() -> None:
    assert shared_value("/data/jane/scans/") == "scans" and shared_value(["a", "/b/c"]) == ["a", "c"]
    assert shared_value('{"range": "/x"}') == '{"range": "/x"}' and shared_value(3) == 3


def holds(picture: np.ndarray, image: np.ndarray) -> bool:
    """Whether an image is a part of a picture, to the bit."""
    windows = np.lib.stride_tricks.sliding_window_view(picture, image.shape)
    return bool((windows == image).all(axis=tuple(range(picture.ndim, 2 * picture.ndim))).any())


def test_training_images_are_there_only_when_asked_for(
    material: Material, whole_page: Path, page_with_images: Path
) -> None:
    trained_on = cells(read_picture(data_picture(material.run), 10**6), KEPT_A_ROW)[0].squeeze()
    sample = cells(read_picture(sample_picture(material.run, 6, "clean"), 10**6), KEPT_A_ROW)[0].squeeze()

    def seen(page: Path, image: np.ndarray) -> bool:
        return any(holds(picture, image) for picture in Reading(page).images if picture.ndim == 2)

    assert seen(whole_page, sample) and not seen(whole_page, trained_on)
    assert seen(page_with_images, sample) and seen(page_with_images, trained_on)
    assert "Nearest training images" in Reading(page_with_images).headings
    assert "160 training images were compared" in Reading(page_with_images).text


def test_command_line(material: Material, tmp_path: Path) -> None:
    done = nrgan("report", material.diagnosis, material.study, "--out", tmp_path / "page.html")
    assert done.returncode == 0, done.stderr
    assert "Look at" in done.stdout and (tmp_path / "page.html").stat().st_size < 10e6


def test_a_file_of_others_is_not_replaced(material: Material, tmp_path: Path) -> None:
    (tmp_path / "mine.html").write_text("mine")
    with pytest.raises(UserError, match="nrgan did not make it"):
        report(material.diagnosis, tmp_path / "mine.html")
    for _ in range(2):  # over one of ours, too
        report(material.diagnosis, tmp_path / "mine.html", overwrite=True)
    report(material.diagnosis, tmp_path / "mine.html")


def test_what_is_no_subject_is_refused(material: Material, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "cut").mkdir()
    (tmp_path / "cut" / RUN).write_text('{"format": 2, "conf')
    refused = {
        "nowhere": "there is no such folder",
        "empty": "holds no denoiser, run, diagnosis, study",
        "cut": "cannot be read",
    }
    for name, words in refused.items():
        with pytest.raises(UserError, match=words):
            report(tmp_path / name, tmp_path / "page.html")
    with pytest.raises(UserError, match="1 to 12 folders"):
        report([], tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()


def test_half_of_a_run(material: Material, tmp_path: Path) -> None:
    """No snapshots, losses cut in a line, a picture cut short, figures that are none: the rest is there."""
    run = tmp_path / "half"
    shutil.copytree(material.run, run)
    shutil.rmtree(run / SNAPSHOTS)
    shutil.rmtree(run / "best")
    lines = (run / METRICS).read_text()
    (run / METRICS).write_text(lines[: len(lines) - 20])
    picture = sample_picture(run, 4, "clean")
    picture.write_bytes(picture.read_bytes()[:50])
    for file in run.glob("metric-*.jsonl"):
        file.write_text(json.dumps({**json.loads(file.read_text().splitlines()[0]), "results": 3}) + "\n")
    done = report(run, tmp_path / "page.html")
    assert len(done.notes) == 3 and "Metrics" in done.notes[0] and "holds neither a snapshot" in done.notes[1]
    read = Reading(tmp_path / "page.html")
    assert {"Samples", "Losses", "Configuration and machine"} <= set(read.headings)
    assert "It has saved no snapshot yet" in read.text
    assert re.findall(r'data-frame="([\d,]+)"', (tmp_path / "page.html").read_text()) == ["2", "6"]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_to(material: Material, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(material.other, run)
    run.chmod(0o555)
    try:
        assert report(run, tmp_path / "page.html").notes == ()
        with pytest.raises(UserError, match="choose a folder you may write to"):
            report(run, run / "page.html")
    finally:
        run.chmod(0o755)


def test_nothing_is_written_into_what_is_looked_at(material: Material, tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for folder in material.all for path in folder.rglob("*")}
    report(material.other, tmp_path / "page.html")
    assert before == {path: path.stat().st_mtime_ns for folder in material.all for path in folder.rglob("*")}


def test_snapshots_are_shown_where_there_are_no_pictures(material: Material, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(material.run, run)
    shutil.rmtree(run / "samples")
    done = report([run, run / "best"], tmp_path / "page.html")
    assert done.notes == ()
    frames = re.findall(r'data-frame="([\d,]+)"', (tmp_path / "page.html").read_text())
    assert frames[:2] == ["3", "6"]
    kept = read_picture(sample_picture(material.run, 6, "clean"), 10**6)
    shown = Reading(tmp_path / "page.html").images
    assert any(picture.ndim == 2 and holds(picture, cells(kept, KEPT_A_ROW)[3].squeeze()) for picture in shown)


def test_a_run_that_goes_on_has_a_page_that_looks_again(material: Material, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(material.run, run)
    live_report(run, run / LIVE)
    assert 'data-refresh="15"' in (run / LIVE).read_text()
    headings = Reading(run / LIVE).headings
    assert "Samples" in headings and "Losses" in headings and "Walks between latents" not in headings
    live_report(run, run / LIVE, ended=True)
    assert "data-refresh" not in (run / LIVE).read_text().partition("<style>")[0]


def test_live_changes_nothing_of_the_training(tmp_path: Path) -> None:
    few = ("--image-size", 16, "--channels", 4, "--latent-size", 4, "--batch-size", 4, "--iterations", 6,
           "--log-interval", 2, "--sample-interval", 2, "--threads", 1, "--device", "cpu")  # fmt: skip
    done = nrgan("train", "shapes-ag25", "gan", tmp_path / "live", *few, "--live")
    assert done.returncode == 0, done.stderr
    assert "live.html" in done.stdout
    page = (tmp_path / "live" / LIVE).read_text()
    assert page.count("data-frame=") == 3 and "data-refresh" not in page.partition("<style>")[0]
    assert nrgan("train", "shapes-ag25", "gan", tmp_path / "not", *few).returncode == 0
    assert not (tmp_path / "not" / LIVE).exists()
    weights = [next((tmp_path / name / SNAPSHOTS).glob("*/model.safetensors")) for name in ("live", "not")]
    assert weights[0].read_bytes() == weights[1].read_bytes()


def test_a_page_that_cannot_be_written_stops_no_training(tmp_path: Path) -> None:
    said: list[str] = []
    (tmp_path / LIVE).mkdir()
    config = TrainConfig(setting="shapes-ag25", model="gan", out=tmp_path)
    with LivePage(config, said.append, wanted=True) as page:
        for iteration in (1, 2):
            page.follow(Progress(iteration, 2))
    assert len(said) == 1 and said[0].startswith("note: no live page any more")
