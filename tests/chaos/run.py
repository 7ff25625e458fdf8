"""Starts a rig of two clusters whose KubeFATE is kept alive as a kubelet would (tests/kubefate/keeper.py), and the chaos inside it. See run.sh."""
import os, random, sys
sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
from rig import Rig

KUBEFATE = os.path.join(HERE, "..", "kubefate")
# Pods of the charts take a moment, so that faults fall into the waiting too.
RULES = [{"image": "federatedai/kubefate", "run": [sys.executable, "-B", os.path.join(KUBEFATE, "keeper.py"), sys.executable, "-B", os.path.join(KUBEFATE, "kubefate.py")]},
         {"image": "federatedai/", "delay_ms": 1000}]


def main():
    seed, minutes = os.environ.get("SEED") or str(random.SystemRandom().randrange(1 << 32)), os.environ.get("MINUTES") or "3"
    print("SEED=%s MINUTES=%s" % (seed, minutes), flush=True)
    with Rig(["a", "b"], RULES) as rig:
        print("the clusters are %s" % ("real control planes" if rig.kind == "real" else "simulated"), flush=True)
        return rig.run_inside([sys.executable, "-B", os.path.join(HERE, "main.py"), rig.dir, seed, minutes], env=dict(os.environ, RIG=rig.kind)).returncode


if __name__ == "__main__":
    sys.exit(main())
