"""Runs inside the rig's network namespace: main.py RIG_DIR [guide]. See run.sh and README.md."""
import os, sys, threading
sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "lib")]
import adopt, breaks, cases, guide, inspects
from api import Api
from product import KubeFate, Page, Stack, Tests
from rig import Kube, kind


def main():
    rig, guide_only = sys.argv[1], sys.argv[2:] == ["guide"]
    real = kind() == "real"
    t = Tests("flow")
    with Stack(rig + ".state", FEDLCM_CHECK_SECONDS="4") as stack:
        a, b = Kube(rig, "a"), Kube(rig, "b")
        t.put(rig=rig, stack=stack, api=Api(stack.url), page=Page(stack.url), a=a, b=b, ka=KubeFate(a), kb=KubeFate(b), rules_lock=threading.Lock())
        t.lane(*guide.SETUP)
        t.lanes(guide.DEPLOY, *(() if guide_only else (inspects.LANE, *(cases.LANES_REAL if real else cases.LANES))))
        if not guide_only:
            t.lanes(*((x,) for x in cases.BACK))  # nobody else may push routes meanwhile: that would repair what these look for
        if not guide_only and not real:
            t.lane(*breaks.ALL)
        t.lane(*guide.ORDER, *guide.END)
        if not guide_only and not real:
            t.lane(*adopt.ALL)
        if t.failed:
            for part, lines in (("poller", 60), ("web", 20)):
                text = [x for x in stack.log(part).splitlines() if part != "web" or "status=200" not in x]
                print("--- %s\n%s" % (part, "\n".join(text[-lines:])))
    return t.end()


if __name__ == "__main__":
    sys.exit(main())
