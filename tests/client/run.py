"""Starts a rig of one cluster, and the client test inside it: run.py PROGRAM. See run.sh."""
import os, sys
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from rig import Rig

with Rig(["a"], []) as rig:
    sys.exit(rig.run_inside([sys.argv[1]], env=dict(os.environ, KUBECONFIG_FILE=rig.dir + "/a/admin.kubeconfig")).returncode)
