"""Headless Chromium, driven over its debugging pipe (Chrome DevTools Protocol, JSON messages ended by NUL on descriptors 3 and 4). No driver program, no port."""
import base64
import json
import os
import shutil
import subprocess
import tempfile

from patience import PATIENCE, looks


PICTURES = os.environ.get("PICTURES") != "no"
# Debian's headless shell: it has no windows, and needs half the processor time that a chromium without a screen takes for the same page.
SHELL = shutil.which("chromium-headless-shell")


def program(draws):
    """draws=False: pages are laid out as ever, and a frame is made when it is asked for, which halves the time once more. What comes with a frame (the field that
    has the focus at first, animations) does not come then."""
    if not SHELL:
        return [shutil.which("chromium") or "chromium", "--headless=new"]
    return [SHELL] if draws else [SHELL, "--enable-begin-frame-control", "--run-all-compositor-stages-before-draw"]


class Browser:
    def __init__(self, width=1280, height=900, script=True, draws=PICTURES):
        self.draws = draws or not SHELL
        to_r, self.to = os.pipe()
        self.back, from_w = os.pipe()
        self.home = tempfile.mkdtemp(prefix="chromium.")
        self.buffer, self.number, self.events = b"", 0, []

        def descriptors():
            r, w = os.dup(to_r), os.dup(from_w)  # 3 and 4 may be taken by what we copy from
            os.dup2(r, 3), os.dup2(w, 4)

        self.proc = subprocess.Popen(program(self.draws) + ["--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-dev-shm-usage", "--no-first-run", "--disable-extensions",
                                      "--disable-background-networking", "--disable-quic", "--disable-component-update", "--disable-sync", "--remote-debugging-pipe", "--user-data-dir=" + self.home, "about:blank"], preexec_fn=descriptors, pass_fds=(3, 4, to_r, from_w), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_r), os.close(from_w)
        self.session = None
        target = self.cmd("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.cmd("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.cmd("Page.enable"), self.cmd("Runtime.enable"), self.size(width, height)
        if not script:
            self.cmd("Emulation.setScriptExecutionDisabled", value=True)

    def close(self):
        self.proc.kill()
        self.proc.wait()
        shutil.rmtree(self.home, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def cmd(self, method, **params):
        self.number += 1
        m = {"id": self.number, "method": method, "params": params}
        if self.session:
            m["sessionId"] = self.session
        os.write(self.to, json.dumps(m).encode() + b"\0")
        while True:
            v = self.receive()
            if v.get("id") == self.number:
                if "error" in v:
                    raise RuntimeError("%s: %s" % (method, v["error"]))
                return v["result"]
            self.events.append(v)

    def receive(self):
        while b"\0" not in self.buffer:
            chunk = os.read(self.back, 1 << 20)
            if not chunk:
                raise RuntimeError("the browser has ended")
            self.buffer += chunk
        one, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(one)

    def size(self, width, height=900):
        self.cmd("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)

    def js(self, code):
        r = self.cmd("Runtime.evaluate", expression=code, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in r:
            raise RuntimeError("%s\n%s" % (code, r["exceptionDetails"].get("exception", {}).get("description")))
        return r["result"].get("value")

    def loaded(self):
        for _ in looks(0.03):
            try:
                if self.js("document.readyState == 'complete' && !window.__left"):
                    return
            except RuntimeError:
                pass  # between two documents
        raise RuntimeError("the page did not load: " + self.url())

    def goto(self, url):
        self.js("window.__left = 1")
        self.cmd("Page.navigate", url=url)
        self.loaded()

    def url(self):
        return self.js("location.href")

    def fill(self, selector, value):
        ok = self.js("(function(){var e=document.querySelector(%s);if(!e)return false;if(e.type=='checkbox')e.checked=%s;else e.value=%s;e.dispatchEvent(new Event('input',{bubbles:true}));return true})()" % (json.dumps(selector), json.dumps(bool(value)), json.dumps(value)))
        assert ok, "no field %s on %s" % (selector, self.url())

    def upload(self, selector, path):
        """Chooses a file in a file field."""
        node = self.cmd("Runtime.evaluate", expression="document.querySelector(%s)" % json.dumps(selector))["result"]
        self.cmd("DOM.setFileInputFiles", files=[path], objectId=node["objectId"])

    def tick(self, selector):
        """Clicks something that stays on the page."""
        assert self.js("(function(){var e=document.querySelector(%s);if(!e)return false;e.click();return true})()" % json.dumps(selector)), "no %s on %s" % (selector, self.url())

    def click(self, selector):
        """Clicks something that loads another page, and waits for it."""
        self.js("window.__left = 1")
        self.tick(selector)
        self.loaded()

    def text(self, selector="main"):
        return self.js("(document.querySelector(%s)||{}).innerText" % json.dumps(selector)) or ""

    def until(self, condition, what):
        """Waits until a JavaScript expression is true on whatever page is there (the product's own script may reload it)."""
        for _ in looks():
            try:
                if self.js(condition):
                    return self.loaded()
            except RuntimeError:
                pass
        raise AssertionError("%s: not within %d s; the page says:\n%s" % (what, PATIENCE, self.text()[:3000]))

    def theme(self, name):
        self.cmd("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}, {"name": "prefers-reduced-motion", "value": "reduce"}])

    def key(self, name, shift=False):
        """One key as a person presses it."""
        code = {"Tab": 9, "Enter": 13, "Space": 32}[name]
        text = {"Enter": "\r", "Space": " "}.get(name, "")
        m = dict(key=" " if name == "Space" else name, code=name, windowsVirtualKeyCode=code, modifiers=8 if shift else 0)
        self.cmd("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", text=text, **m)
        self.cmd("Input.dispatchKeyEvent", type="keyUp", **m)

    def type(self, text):
        self.cmd("Input.insertText", text=text)

    def enter(self):
        """Enter in a field or on a button that loads another page."""
        self.js("window.__left = 1")
        self.key("Enter")
        self.loaded()

    def picture(self, path, most=6000, small=False):
        """small: packed as well as can be, which takes as long as everything else about a picture."""
        m = self.cmd("Page.getLayoutMetrics")["cssContentSize"]
        width, height = int(m["width"]), int(min(m["height"], most))
        if self.draws:
            shot = self.cmd("Page.captureScreenshot", format="png", optimizeForSpeed=not small, captureBeyondViewport=True, clip={"x": 0, "y": 0, "width": width, "height": height, "scale": 1})["data"]
        else:
            self.size(width, height)
            shot = self.cmd("HeadlessExperimental.beginFrame", screenshot={"format": "png"})["screenshotData"]
            self.size(width)
        with open(path, "wb") as f:
            f.write(base64.b64decode(shot))
