"""Drives Chromium, headless and without a network, over its DevTools protocol and a pipe."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)

NO_NETWORK = "--host-resolver-rules=MAP * ~NOTFOUND"

START = """
import fcntl, os, sys
commands, answers = (fcntl.fcntl(int(pipe), fcntl.F_DUPFD, 10) for pipe in sys.argv[1:3])
os.dup2(commands, 3)
os.dup2(answers, 4)
os.execv(sys.argv[3], sys.argv[3:])
"""
"""Becomes the browser, with its pipes at 3 and 4. (A process that has threads may not do that
between fork and exec.)"""

KEY_CODES = {
    "Enter": 13, "Escape": 27, " ": 32, "End": 35, "Home": 36,
    "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40, "Tab": 9,
}  # fmt: skip


def find_chromium() -> str:
    """Return the browser's path; without one the test is skipped, if that is allowed."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    message = "needs Chromium, which is not here (Debian: apt-get install chromium)"
    if os.environ.get("KMQ_TEST_EVERYTHING"):
        pytest.fail(message)
    pytest.skip(message)


class Browser:
    """One page of a running Chromium."""

    def __init__(self, process: subprocess.Popen[bytes], commands: int, answers: int) -> None:
        self.process, self._commands, self._answers = process, commands, answers
        self._received, self._number = b"", 0
        self._session: str | None = None
        self.console: list[str] = []
        """What the page complained of: console messages, exceptions, refused requests."""
        self.has_failed = False
        """Whether a script ended in an exception: then nothing is waited for."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> Any:
        """Call a method of the protocol and return its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next_message()
            if answer.get("id") == self._number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]
            self._note(answer)

    def _next_message(self) -> Any:
        while b"\0" not in self._received:
            ready, _, _ = select.select([self._answers], [], [], 60)
            assert ready, "the browser does not answer"
            data = os.read(self._answers, 1 << 20)
            assert data, "the browser has ended"
            self._received += data
        message, _, self._received = self._received.partition(b"\0")
        return json.loads(message)

    def _note(self, event: Any) -> None:
        what = event.get("params", {})
        if event.get("method") == "Runtime.consoleAPICalled":
            self.console.append(" ".join(str(part.get("value")) for part in what["args"]))
        elif event.get("method") == "Runtime.exceptionThrown":
            details = what["exceptionDetails"]
            self.console.append(details.get("exception", details).get("description", str(details)))
            self.has_failed = True
        elif event.get("method") == "Log.entryAdded":
            self.console.append(what["entry"]["text"])

    def open(self, url: str) -> None:
        """Open a page and wait until its root says that it is ready."""
        self.console.clear()
        self.has_failed = False
        self.call("Page.navigate", url=url)
        self.wait_for("document.documentElement?.dataset.ready === 'yes'")

    def evaluate(self, expression: str) -> Any:
        """Return the value of an expression of the page, awaited."""
        result = self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def wait_for(self, expression: str, seconds: float = 30) -> Any:
        """Wait until an expression is truthy, and return its value."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if value := self.evaluate(expression):
                return value
            assert not self.has_failed, self.console
            time.sleep(0.02)
        raise AssertionError(f"never came true: {expression}; console: {self.console}")

    def resize(self, width: int, height: int, *, ratio: float = 1, is_phone: bool = False) -> None:
        """Give the page another size."""
        size = {"width": width, "height": height, "deviceScaleFactor": ratio, "mobile": is_phone}
        self.call("Emulation.setDeviceMetricsOverride", **size)

    def prefer(self, color_scheme: str) -> None:
        """Ask for "light" or "dark"."""
        feature = {"name": "prefers-color-scheme", "value": color_scheme}
        self.call("Emulation.setEmulatedMedia", features=[feature])

    def press(self, key: str, *, shift: bool = False) -> None:
        """Press a key and let it go."""
        text = key if len(key) == 1 else "\r" if key == "Enter" else ""
        code = KEY_CODES.get(key, ord(key.upper()[0]))
        common = {"key": key, "windowsVirtualKeyCode": code, "modifiers": 8 if shift else 0}
        kind = "keyDown" if text else "rawKeyDown"
        self.call("Input.dispatchKeyEvent", type=kind, text=text, **common)
        self.call("Input.dispatchKeyEvent", type="keyUp", **common)

    def mouse(self, kind: str, x: float, y: float, **more: Any) -> None:
        """Send a mouse event: "mouseMoved", "mousePressed", "mouseReleased" or "mouseWheel"."""
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def click(self, x: float, y: float) -> None:
        """Click at a place of the page."""
        self.mouse("mouseMoved", x, y)
        for kind in ("mousePressed", "mouseReleased"):
            self.mouse(kind, x, y, button="left", clickCount=1)

    def choose_files(self, selector: str, *paths: Path) -> None:
        """Choose files in an `<input type="file">`."""
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", nodeId=node, files=[str(path) for path in paths])

    def drop_files(self, x: float, y: float, *paths: Path) -> None:
        """Drag files over a place of the page and drop them there."""
        data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            self.call("Input.dispatchDragEvent", type=kind, x=x, y=y, data=data)

    def save_downloads_in(self, folder: Path) -> None:
        """Let downloads go into a folder."""
        self.call("Page.setDownloadBehavior", behavior="allow", downloadPath=str(folder))

    def screenshot(self) -> bytes:
        """Return what is seen, as PNG."""
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])


@contextmanager
def browser(profile: Path, *flags: str) -> Iterator[Browser]:
    """Start Chromium with a profile of its own, and end it."""
    path = find_chromium()
    commands_in, commands_out = os.pipe()
    answers_in, answers_out = os.pipe()

    pipes = (commands_in, answers_out)
    process = subprocess.Popen(
        [
            *(sys.executable, "-c", START, *map(str, pipes)),
            *(path, *FLAGS, *(flags or (NO_NETWORK,)), f"--user-data-dir={profile}"),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=pipes,
    )
    os.close(commands_in)
    os.close(answers_out)
    try:
        yield Browser(process, commands_out, answers_in)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        os.close(commands_out)
        os.close(answers_in)
