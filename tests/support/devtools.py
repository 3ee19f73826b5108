"""A real browser for many pages, over the protocol of https://chromedevtools.github.io/devtools-protocol/."""

from __future__ import annotations

import base64
import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

from tests.diagnosis.browser import CHROMIUM, OPTIONS
from tests.support.patience import PATIENCE_S


class Browser:
    """One headless Chromium."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._number = 0
        self.events: list[dict[str, Any]] = []
        """Events that nobody waited for, in order."""

    def send(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        """The result of one command."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        self._connection.send(json.dumps(message | ({"sessionId": session} if session else {})))
        while True:
            found = self._next()
            if found.get("id") == self._number:
                assert "error" not in found, f"{method}: {found['error']}"
                result: dict[str, Any] = found["result"]
                return result
            self._keep(found)

    def wait(self, method: str, session: str) -> dict[str, Any]:
        """The next event of this kind, kept or to come."""
        for place, event in enumerate(self.events):
            if event["method"] == method and event.get("sessionId") == session:
                return self.events.pop(place)
        while True:
            found = self._next()
            if found.get("method") == method and found.get("sessionId") == session:
                return found
            self._keep(found)

    def _next(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._connection.recv(timeout=PATIENCE_S))
        return found

    def _keep(self, found: dict[str, Any]) -> None:
        if "method" in found:
            self.events.append(found)

    @contextmanager
    def tab(self) -> Iterator[Tab]:
        """A tab with a profile of its own: nothing of another tab is in it."""
        context = self.send("Target.createBrowserContext")["browserContextId"]
        target = self.send("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        tab = Tab(self, session)
        for domain in ("Page", "Network", "Runtime", "Log"):
            tab.send(f"{domain}.enable")
        try:
            yield tab
        finally:
            self.send("Target.disposeBrowserContext", browserContextId=context)
            self.events = [event for event in self.events if event.get("sessionId") != session]


class Tab:
    """One page."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser = browser
        self._session = session

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        return self._browser.send(method, self._session, **params)

    def wait(self, method: str) -> dict[str, Any]:
        return self._browser.wait(method, self._session)["params"]

    def look(self, *, width: int = 1280, height: int = 900, dark: bool = False) -> None:
        """The size of the screen in CSS pixels, and what the person prefers."""
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        calm = {"name": "prefers-reduced-motion", "value": "reduce"}
        self.send("Emulation.setEmulatedMedia", features=[scheme, calm])

    def open(self, address: str) -> None:
        """Open an address, and wait until it is loaded."""
        found = self.send("Page.navigate", url=address)
        assert "errorText" not in found, found
        self.wait("Page.loadEventFired")

    def value(self, expression: str) -> Any:
        """The value of an expression of JavaScript; a promise is awaited."""
        found = self.send("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def text(self) -> str:
        """The text that is shown, also where scripts are off."""
        text: str = self._in_page("document.body.innerText")
        return text

    def click(self, text: str, tag: str = "a") -> None:
        """Click on the element of this tag with this text, as a pointer does."""
        at = self._in_page(
            f"(() => {{ const found = [...document.querySelectorAll({json.dumps(tag)})]"
            f".find((each) => each.textContent.trim() === {json.dumps(text)});"
            " found.scrollIntoView({block: 'center'}); const box = found.getBoundingClientRect();"
            " return [box.x + box.width / 2, box.y + box.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.send("Input.dispatchMouseEvent", type=kind, x=at[0], y=at[1], button="left", clickCount=1)

    def type(self, selector: str, text: str) -> None:
        """Write into a field."""
        self._in_page(f"document.querySelector({json.dumps(selector)}).focus()")
        self.send("Input.insertText", text=text)

    def press(self, key: str) -> None:
        """Press a key and let it go."""
        code = {"Tab": 9, "Enter": 13}[key]
        more = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            self.send("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **more)

    def _in_page(self, expression: str) -> Any:
        """As `value`, in a world beside the page's own, which runs also where the page's scripts are off."""
        frame = self.send("Page.getFrameTree")["frameTree"]["frame"]["id"]
        context = self.send("Page.createIsolatedWorld", frameId=frame)["executionContextId"]
        found = self.send("Runtime.evaluate", expression=expression, contextId=context, returnByValue=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def picture(self, *, whole: bool = True) -> bytes:
        """A PNG of the page, or of the part on the screen."""
        found = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        return base64.b64decode(found["data"])

    def happened(self, method: str) -> list[dict[str, Any]]:
        """The events of this kind that were seen so far."""
        self.value("1")
        return [
            event["params"]
            for event in self._browser.events
            if event["method"] == method and event.get("sessionId") == self._session
        ]


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """Starts Chromium, and stops it at the end; `folder` takes its profile."""
    assert CHROMIUM, "CI is expected to have chromium"
    command = [CHROMIUM, *OPTIONS, "--remote-debugging-port=0", f"--user-data-dir={folder}", "about:blank"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    with process:  # closes the pipe, too
        assert process.stderr is not None
        # Chromium would wait as soon as nobody reads on.
        reader = threading.Thread(target=process.stderr.read, daemon=True)
        try:
            line = next(line for line in process.stderr if line.startswith("DevTools listening on "))
            reader.start()
            with connect(line.split()[-1], max_size=None) as connection:
                yield Browser(connection)
        finally:
            process.terminate()
            process.wait(timeout=PATIENCE_S)
            if reader.ident is not None:
                reader.join()
