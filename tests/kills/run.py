"""Starts a rig of one cluster, with the KubeFATE stand-in in its image's place, and the kills inside it. See run.sh."""
import os, shutil, sys
sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "kubefate"), os.path.join(HERE, "..", "lib")]
from run import OwnRig

KUBEFATE = [sys.executable, "-B", os.path.join(HERE, "..", "kubefate", "kubefate.py")]
# Pods of the charts take a while, so that kills fall into the waiting too.
RULES = [{"image": "federatedai/kubefate", "run": KUBEFATE}, {"image": "federatedai/", "delay_ms": 1200}]


def main():
    with OwnRig(["a"], RULES) as rig:
        code = rig.run_inside([sys.executable, "-B", os.path.join(HERE, "kills.py"), rig.dir] + sys.argv[1:]).returncode
    if not os.environ.get("KEEP_RIG"):  # what the product kept
        shutil.rmtree(rig.dir + ".state", ignore_errors=True)
        os.path.exists(rig.dir + ".state.out") and os.unlink(rig.dir + ".state.out")
    return code


if __name__ == "__main__":
    sys.exit(main())
