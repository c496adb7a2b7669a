"""How long `nrgan open` takes from the command to the first picture on the screen, in a browser without one.

    python benchmarks/first_picture.py --times 5 --out results/first-picture.json [--source OTHER/src]

The built-in networks, a process of its own each time. Of several sources of the package each is started in turn, so
that all see the same machine; times are of this machine as it is, with what else runs on it (the load is told).
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from nrgan.storage import write_json
from nrgan.training.processor import processor

HERE = Path(__file__).resolve().parents[1] / "src"
DRAWN = "(image => Boolean(image && image.complete && image.naturalWidth))(document.querySelector('#clean img'))"
PATIENCE = 600_000
"""Milliseconds."""


def seconds_of(browser: Any, source: Path) -> dict[str, float]:
    """From the command to the address, and to the picture."""
    begun = time.monotonic()
    command = [sys.executable, "-m", "nrgan", "open", "--no-browser", "--device", "cpu"]
    environment = os.environ | {"PYTHONPATH": str(source)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as server:
        try:
            assert server.stdout is not None
            found = re.search(r"http://\S+", server.stdout.readline())
            assert found is not None, "no page is served"
            address = time.monotonic() - begun
            page = browser.new_page()
            page.goto(found[0])
            page.wait_for_function(DRAWN, polling=50, timeout=PATIENCE)
            picture = time.monotonic() - begun
            page.close()
        finally:
            server.terminate()
    return {"address": round(address, 2), "picture": round(picture, 2), "load": round(os.getloadavg()[0], 2)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--source", type=Path, action="append", default=[], help="another to compare with")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    from playwright.sync_api import sync_playwright  # its help is there without a browser

    found: dict[Path, list[dict[str, float]]] = {source: [] for source in (*options.source, HERE)}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        for _ in range(options.times):
            for source, times in found.items():
                times.append(seconds_of(browser, source))
        browser.close()
    names = [*(f"other {number}" for number in range(1, len(found))), "this"]
    result = {
        "processor": processor().describe(),
        "seconds_median": {
            name: {key: statistics.median(one[key] for one in times) for key in ("address", "picture", "load")}
            for name, times in zip(names, found.values(), strict=True)
        },
        "each": dict(zip(names, found.values(), strict=True)),
    }
    print(json.dumps(result, indent=1))
    if options.out is not None:
        write_json(result, options.out)


if __name__ == "__main__":
    main()
