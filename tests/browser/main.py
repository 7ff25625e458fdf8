"""One part of the browser tests, inside the network namespace of its rig: main.py RIG_DIR en|zh|plain. Each part has a product of its own with an empty database."""
import os
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path[:0] = [HERE, os.path.join(HERE, "..", "lib")]
from browser import Browser
from steps import WIDE, Failed
from plain import Keyboard, Plain
from product import BIN, Stack
from rigrun import STAND_IN
from walk import Walk

RIG, PART = sys.argv[1:3]
BASE = [{"image": "federatedai/kubefate", "run": STAND_IN}]


class Product(Stack):
    def __init__(self, name, port):
        state = "%s.state/%s" % (RIG, name)
        shutil.rmtree(state, ignore_errors=True)
        os.makedirs(RIG + ".state", exist_ok=True)
        super().__init__(state, port)
        self.env.pop("FEDLCM_LOGIN_RATE")  # the pages are looked at as they are for everybody
        self.run, self.logs = os.path.join(BIN, "fedlcm-run"), state + "/log"


def part(name, port):
    lang = "zh" if name == "zh" else "en"
    done = []
    with Product(name, port) as product:
        try:
            if name == "plain":
                with Browser(WIDE, draws=True) as b:
                    k = Keyboard(b, product.url, lang, RIG, BASE, "keyboard")
                    done.append(k), k.run()
                with Browser(WIDE, script=False) as b:
                    p = Plain(b, product.url, lang, RIG, BASE, "plain")
                    done.append(p), p.run()
            else:
                with Browser(WIDE) as b:
                    w = Walk(b, product.url, lang, RIG, BASE, lang)
                    done.append(w)
                    try:
                        w.run(product)
                    finally:
                        w.verdicts()
        except Failed as e:
            print("the rest needs it: %s" % e, flush=True)
            os.system("tail -qn 15 %s/poller.log; grep -E 'status=5' %s/web.log | tail -5" % (product.logs, product.logs))
    return done


if __name__ == "__main__":
    runs = part(PART, int(os.environ.get("RIG_PRODUCT_PORT", 9080)))
    failed, passed = sum(g.failed for g in runs), sum(g.passed for g in runs)
    print("part: %d passed, %d failed" % (passed, failed))
    sys.exit(failed != 0)
