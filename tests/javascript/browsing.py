"""A small server on the loopback, and pages that tell it what they found."""

from __future__ import annotations

import http.server
import json
import queue
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from browser import Browser

LOOPBACK_ONLY = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"
TYPES = {".js": "text/javascript", ".html": "text/html", ".css": "text/css"}


class Site:
    """What a server answers: files, and what pages have told it."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = files
        self.reports: queue.Queue[Any] = queue.Queue()
        self.port = 0

    def url(self, path: str) -> str:
        """Return the address of a file."""
        return f"http://127.0.0.1:{self.port}{path}"


@contextmanager
def served(files: Mapping[str, bytes]) -> Iterator[Site]:
    """Serve files by their paths, on a port of the loopback.

    `?allowed` lets other origins look at the answer. Of a file whose path begins with
    /truncated, the second half does not come.
    """
    site = Site(files)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path, _, query = self.path.partition("?")
            data = files.get(path)
            if data is None:
                self.send_error(404)
                return
            asked = self.headers.get("Range")
            self.send_response(206 if asked else 200)
            self.send_header("Content-Type", TYPES.get(Path(path).suffix, "image/x-kmq"))
            self.send_header("Content-Length", str(len(data)))
            if query == "allowed":
                self.send_header("Access-Control-Allow-Origin", "*")
            self.end_headers()
            self.wfile.write(data[: len(data) // 2] if path.startswith("/truncated") else data)

        def do_POST(self) -> None:
            said = self.rfile.read(int(self.headers["Content-Length"]))
            site.reports.put(json.loads(said))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site.port = server.server_port
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def reported(opened: Browser, site: Site, path: str) -> Any:
    """Open a page, and return what it tells the server."""
    opened.call("Page.navigate", url=site.url(path))
    return site.reports.get(timeout=100)
