"""Starts a rig of two clusters with the KubeFATE stand-in for each part of the browser tests (en, zh, plain), and the part inside it; the tours bring clusters
of their own. See run.sh."""
import html
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
from rig import ROOT, Rig
from rigrun import STAND_IN


PARTS = ["en", "zh", "tour-en", "tour-zh", "plain"]


def follow(argv):
    """(passed, failed) of one part; its lines are printed as they come."""
    proc, found = subprocess.Popen([sys.executable, "-B"] + argv if argv[0].endswith(".py") else argv, stdout=subprocess.PIPE, text=True), None
    for line in proc.stdout:
        found = re.match(r"part: (\d+) passed, (\d+) failed$", line) or found
        print(line, end="", flush=True)
    code = proc.wait()
    return (int(found.group(1)), int(found.group(2))) if found else (0, 1 if code else 0)


def part(name):
    if name.startswith("tour-"):
        return follow([os.path.join(HERE, "tour.py"), name[5:]])
    with Rig(["a", "b"], [{"image": "federatedai/kubefate", "run": STAND_IN}]) as rig:
        return follow(rig.inside([sys.executable, "-B", os.path.join(HERE, "main.py"), rig.dir, name]))


def index():
    """build/screens/index.html: every picture, English and Chinese."""
    top = os.path.join(ROOT, "build", "screens")
    with open(os.path.join(top, "index.html"), "w") as f:
        f.write("<!DOCTYPE html><meta charset=utf-8><title>FedLCM, every page</title><style>body{font:15px sans-serif;margin:2rem}figure{display:inline-block;vertical-align:top;margin:0 1rem 1rem 0}img{width:320px;border:1px solid #999}</style>")
        for d in sorted(os.listdir(top), key=lambda x: (not x.startswith("tour"), x)):
            if os.path.isdir(os.path.join(top, d)):
                f.write("<h2>%s</h2>" % html.escape(d))
                for n in sorted(os.listdir(os.path.join(top, d))):
                    f.write('<figure><a href="%s/%s"><img loading=lazy src="%s/%s" alt=""></a><figcaption>%s</figcaption></figure>' % (d, n, d, n, html.escape(n)))


if __name__ == "__main__":
    # Two at a time: each mostly waits for its own clusters.
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(part, sys.argv[1:] or PARTS))
    index()
    failed = sum(f for _, f in results)
    print("browser: %d passed, %d failed, 0 skipped" % (sum(p for p, _ in results), failed))
    sys.exit(failed != 0)
