"""Starts a rig of one cluster, with the KubeFATE stand-in in its image's place, and the kills inside it. See run.sh."""
import os, sys
sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
from rig import Rig
from rigrun import STAND_IN

# Pods of the charts take a while, so that kills fall into the waiting too.
RULES = [{"image": "federatedai/kubefate", "run": STAND_IN}, {"image": "federatedai/", "delay_ms": 1200}]


def main():
    with Rig(["a"], RULES) as rig:
        return rig.run_inside([sys.executable, "-B", os.path.join(HERE, "kills.py"), rig.dir] + sys.argv[1:]).returncode


if __name__ == "__main__":
    sys.exit(main())
