"""Starts a rig of two clusters in which the image federatedai/kubefate is the stand-in, and a program of tests inside it:  rigrun.py PROGRAM [ARGUMENT...]"""
import os, sys
sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from rig import Rig

STAND_IN = [sys.executable, "-B", os.path.join(HERE, "..", "kubefate", "kubefate.py")]


def main():
    with Rig(["a", "b"], [{"image": "federatedai/kubefate", "run": STAND_IN}]) as rig:
        return rig.run_inside([sys.executable, "-B", sys.argv[1], rig.dir] + sys.argv[2:]).returncode


if __name__ == "__main__":
    sys.exit(main())
