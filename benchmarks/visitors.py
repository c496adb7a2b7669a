"""Simultaneous visitors of the page: whether each gets what one alone gets, and how long it takes.

    python benchmarks/visitors.py --visitors 20 --out results/visitors.json

A page is served by a process of its own with the built-in networks. Every visitor does what a browser does: reads the
page, asks for images of a seed of their own, uploads a noisy picture of their own, and fetches the restored one. All
begin at once; before that, one alone does the same. It fails where a visitor gets no answer, or that of another.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import re
import statistics
import subprocess
import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Barrier
from typing import Any

import httpx
import numpy as np
from PIL import Image

from nrgan.data import Shapes
from nrgan.storage import write_json
from nrgan.training.processor import processor

SCALE, LEVEL = 6, 15
"""Pixels a side that one of a drawing becomes; the level of noise, of 255."""
STEPS = ("page", "generate", "restore", "download")
PATIENCE = 1800


@dataclass
class Visit:
    """What one visitor got, as checksums, and how long each step took, in seconds."""

    seconds: dict[str, float] = field(default_factory=dict)
    got: dict[str, str] = field(default_factory=dict)


class Visitor:
    """One of them, with a seed and a picture of their own."""

    def __init__(self, url: str, number: int) -> None:
        self.url, self.number = url, number
        self.session = uuid.uuid4().hex
        self.http = httpx.Client(base_url=url, timeout=PATIENCE)

    def come(self, together: Barrier | None = None) -> Visit:
        """Does everything, once all are there."""
        visit, picture = Visit(), self._picture()
        if together is not None:
            together.wait()
        begun = time.monotonic()

        def took(step: str) -> None:
            nonlocal begun
            now = time.monotonic()
            visit.seconds[step], begun = now - begun, now

        self.http.get("/").raise_for_status()
        self.calls = {call["api_name"]: call for call in self.http.get("/config").json()["dependencies"]}
        took("page")
        for name, made in zip(("clean", "noise", "noisy"), self._ask("generate", self.number, 4), strict=True):
            visit.got[name] = self._seen(made)
        took("generate")
        (uploaded,) = self.http.post("/gradio_api/upload", files={"files": ("mine.png", picture)}).json()
        file = {"path": uploaded, "meta": {"_type": "gradio.FileData"}, "orig_name": "mine.png"}
        *_, download = self._ask("enter", file, 1)
        took("restore")
        visit.got["restored"] = self._seen(download["value"])
        took("download")
        return visit

    def _ask(self, name: str, *inputs: Any) -> list[Any]:
        """What a function of the page answers."""
        call = {"data": inputs, "fn_index": self.calls[name]["id"], "session_hash": self.session}
        event = self.http.post("/gradio_api/queue/join", json=call).raise_for_status().json()["event_id"]
        with self.http.stream("GET", "/gradio_api/queue/data", params={"session_hash": self.session}) as said:
            for line in said.iter_lines():
                message = json.loads(line.removeprefix("data:")) if line.startswith("data:") else {}
                if message.get("msg") == "process_completed" and message["event_id"] == event:
                    if not message["success"]:
                        raise RuntimeError(f"visitor {self.number}: {name}: {message['output']}")
                    return list(message["output"]["data"])
        raise RuntimeError(f"visitor {self.number}: {name} is not answered")

    def _seen(self, made: Any) -> str:
        answer = self.http.get(f"/gradio_api/file={made['path']}").raise_for_status()
        return hashlib.sha256(np.asarray(Image.open(io.BytesIO(answer.content))).tobytes()).hexdigest()

    def _picture(self) -> bytes:
        rng = np.random.default_rng(self.number)
        drawn = Shapes(32).draw(range(self.number, self.number + 1))[0].repeat(SCALE, axis=0).repeat(SCALE, axis=1)
        noisy = np.clip(drawn + rng.normal(0, LEVEL, drawn.shape), 0, 255).astype(np.uint8)
        file = io.BytesIO()
        Image.fromarray(noisy).save(file, "PNG")
        return file.getvalue()


def visits(url: str, count: int) -> dict[str, Any]:
    """One alone, then all at once; raises where somebody gets no answer."""
    alone = Visitor(url, 0).come()
    together = Barrier(count)
    with ThreadPoolExecutor(count) as pool:
        found = list(pool.map(lambda number: Visitor(url, number).come(together), range(count)))
    wrong = [number for number, visit in enumerate(found) if len(set(visit.got.values())) != len(visit.got)]
    different = len({tuple(visit.got.values()) for visit in found}) == count
    return {
        "visitors": count,
        "failed": 0,  # a failure has ended all of it
        "every_answer_is_its_own": different and not wrong and found[0].got == alone.got,
        "seconds_alone": {step: round(alone.seconds[step], 2) for step in STEPS},
        "seconds_median": {step: round(statistics.median(v.seconds[step] for v in found), 2) for step in STEPS},
        "seconds_longest": {step: round(max(v.seconds[step] for v in found), 2) for step in STEPS},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--visitors", type=int, default=20)
    parser.add_argument("--url", help="of a page that is served already")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if options.url is not None:
        result = visits(options.url, options.visitors)
    else:
        begun = time.monotonic()
        command = [sys.executable, "-m", "nrgan", "open", "--no-browser", "--device", "cpu"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            found = re.search(r"http://\S+", server.stdout.readline())
            ready = time.monotonic() - begun
            try:
                assert found is not None, "no page is served"
                result = {"seconds_until_served": round(ready, 2), **visits(found[0], options.visitors)}
            finally:
                server.terminate()
    result["processor"] = processor().describe()
    print(json.dumps(result, indent=1))
    if options.out is not None:
        write_json(result, options.out)
    sys.exit(0 if result["every_answer_is_its_own"] else 1)


if __name__ == "__main__":
    main()
