"""Builds a later version of the product, starts a rig of one cluster, and the hosts inside it. See run.sh."""
import os, subprocess, sys
sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
from rig import Rig
from rigrun import STAND_IN


def main():
    with Rig(["a"], [{"image": "federatedai/kubefate", "run": STAND_IN}]) as rig:
        newer = rig.dir + ".state/newer"
        os.makedirs(rig.dir + ".state", mode=0o755)
        subprocess.run(["bash", os.path.join(HERE, "newer.sh"), newer], check=True)
        return rig.run_inside([sys.executable, "-B", os.path.join(HERE, "main.py"), rig.dir, newer]).returncode


if __name__ == "__main__":
    sys.exit(main())
