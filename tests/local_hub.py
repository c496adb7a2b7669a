"""A Hugging Face Hub on this machine: the little of its interface that sending and fetching a repository use."""

from __future__ import annotations

import base64
import hashlib
import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

TOKEN = "hf_of_a_local_hub"
COMMIT = "a" * 40


@dataclass
class LocalHub:
    """What the server holds and has seen; `fail` maps a part of a path to the status that is answered instead."""

    address: str = ""
    files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    """Repository → name → content."""
    private: dict[str, bool] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    large: dict[str, bytes] = field(default_factory=dict)
    """Content by SHA-256, sent and not yet committed."""
    fail: dict[str, int] = field(default_factory=dict)

    def commit(self, repo: str, lines: list[dict[str, Any]]) -> None:
        files = dict(self.files[repo])
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = self.large[value["oid"]]
            elif line["key"] == "deletedFile":
                del files[value["path"]]
        self.files[repo] = files


class _Handler(http.server.BaseHTTPRequestHandler):
    hub: LocalHub

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self, document: object = None, content: bytes | None = None, status: int = 200, **more: str) -> None:
        body = json.dumps(document).encode() if content is None else content
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **more}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _refused(self, path: str) -> bool:
        self.hub.requests.append(f"{self.command} {path}")
        for part, status in self.hub.fail.items():
            if part in path:
                self._answer({"error": "no"}, status=status)
                return True
        return False

    def do_POST(self) -> None:
        hub, path = self.hub, unquote(urlsplit(self.path).path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self._refused(path):
            return None
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._answer({"error": "Invalid username or password."}, status=401)
        if path == "/api/validate-yaml":
            return self._answer({"warnings": [], "errors": []})
        if path == "/api/repos/create":
            told = json.loads(body)
            repo = f"{told['organization']}/{told['name']}"
            if repo in hub.files:
                return self._answer({"error": "exists", "url": f"{hub.address}/{repo}"}, status=409)
            hub.files[repo] = {".gitattributes": b"*.safetensors filter=lfs\n"}
            hub.private[repo] = told.get("private", False) or told.get("visibility") == "private"
            return self._answer({"url": f"{hub.address}/{repo}"})
        if path.endswith("/info/lfs/objects/batch"):
            objects = json.loads(body)["objects"]
            actions = [{**o, "actions": {"upload": {"href": f"{hub.address}/large/{o['oid']}"}}} for o in objects]
            return self._answer({"transfer": "basic", "objects": actions})
        repo = "/".join(path.split("/")[3:5])
        if "/preupload/" in path:
            names = [file["path"] for file in json.loads(body)["files"]]
            modes = [
                {"path": n, "uploadMode": "lfs" if n.endswith(".safetensors") else "regular", "shouldIgnore": False}
                for n in names
            ]
            return self._answer({"files": modes})
        hub.commit(repo, [json.loads(line) for line in body.splitlines()])
        return self._answer(
            {"commitUrl": f"{hub.address}/{repo}/commit/{COMMIT}", "commitOid": COMMIT, "success": True}
        )

    def do_PUT(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        path = urlsplit(self.path).path
        if self._refused(path):
            return
        self.hub.large[path.rpartition("/")[2]] = content
        self._answer({})

    def do_GET(self) -> None:
        hub, path = self.hub, unquote(urlsplit(self.path).path)
        if self._refused(path):
            return None
        words = path.strip("/").split("/")
        api = words[0] == "api"
        repo = "/".join(words[2:4] if api else words[:2])
        if repo not in hub.files:
            return self._answer({"error": "Repository not found"}, status=404, X_Error_Code="RepoNotFound")
        there = hub.files[repo]
        if api and "tree" in words:
            oids = {name: hashlib.sha1(content).hexdigest() for name, content in there.items()}
            return self._answer([{"type": "file", "path": n, "size": len(c), "oid": oids[n]} for n, c in there.items()])
        if api:
            return self._answer(
                {"id": repo, "modelId": repo, "sha": COMMIT, "siblings": [{"rfilename": name} for name in there]}
            )
        content = there["/".join(words[4:])]  # OWNER/NAME/resolve/REVISION/…
        etag = f'"{hashlib.sha1(content).hexdigest()}"'
        return self._answer(content=content, ETag=etag, X_Repo_Commit=COMMIT)

    do_HEAD = do_GET


@contextmanager
def local_hub() -> Iterator[LocalHub]:
    """A hub that nobody else sees, where the client's environment is told of it by `known_to`."""
    hub = LocalHub()
    handler = type("Handler", (_Handler,), {"hub": hub})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        hub.address = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield hub
        finally:
            server.shutdown()


def known_to(hub: LocalHub, patch: pytest.MonkeyPatch) -> None:
    """This process takes it for the Hub, with its token, and speaks plain HTTP; no file of the user's is looked at."""
    from huggingface_hub import constants

    template = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace(constants.ENDPOINT, hub.address)
    patch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    patch.setattr(constants, "ENDPOINT", hub.address)
    patch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    patch.setenv("HF_TOKEN", TOKEN)


def environment_of(hub: LocalHub, home: str) -> dict[str, str]:
    """The same for a process of its own."""
    return {"HF_ENDPOINT": hub.address, "HF_HUB_DISABLE_XET": "1", "HF_TOKEN": TOKEN, "HF_HOME": home}
