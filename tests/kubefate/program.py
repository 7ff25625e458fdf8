"""What runs in the place of KubeFATE's image, for every test with a rig: the stand-in, or what the environment names.

    KUBEFATE_PROGRAM   a shell command line that starts the real program (FACTS.md says how to get it)
    KUBEFATE_CHARTS    a directory with index.yaml: the chart repository that the real program fetches from, served on CHARTS_URL inside the rig"""
import os, subprocess, sys

HERE = os.path.dirname(os.path.abspath(__file__))
CHARTS_URL = "http://127.0.0.1:8099"


def is_real():
    return bool(os.environ.get("KUBEFATE_PROGRAM"))


def rule(*standin_options):
    """The rig's rule for the image."""
    other = os.environ.get("KUBEFATE_PROGRAM")
    # exec: what the node kills is its child, not a grandchild
    run = ["/bin/sh", "-c", "exec " + other] if other else [sys.executable, "-B", os.path.join(HERE, "kubefate.py")] + list(standin_options)
    return {"image": "federatedai/kubefate", "run": run}


class Charts:
    """with Charts(rig): the chart repository, where there is one."""

    def __init__(self, rig):
        self.rig, self.proc = rig, None

    def __enter__(self):
        where = os.environ.get("KUBEFATE_CHARTS")
        if where:
            host, port = CHARTS_URL.split("//")[1].split(":")
            self.proc = subprocess.Popen(self.rig.inside([sys.executable, "-m", "http.server", "-d", where, "--bind", host, port]), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return self

    def __exit__(self, *_):
        if self.proc:
            self.proc.kill()
            self.proc.wait()


def print_logs(rig, clusters=("a",), lines=15):
    """The last lines that the program wrote, in every cluster."""
    for cluster in clusters:
        for where, _, files in os.walk(os.path.join(rig.dir, cluster, "pods", "kube-fate")):
            if "log" in files:
                with open(os.path.join(where, "log"), errors="replace") as f:
                    print("--- %s\n%s" % (where, "".join(f.readlines()[-lines:])))
