"""Starts a rig of one cluster in which the image federatedai/kubefate is the stand-in, and the contract tests inside it. See run.sh."""
import os, shutil, signal, subprocess, sys
sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
from rig import Rig


class OwnRig(Rig):
    """Ends by the id of the process that it started; everything below that one dies with it."""

    def __exit__(self, *_):
        try:
            os.killpg(self.proc.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.proc.wait()
        self.log.close()
        if os.environ.get("KEEP_RIG"):
            return
        shutil.rmtree(self.dir, ignore_errors=True)
        for left in (self.dir + ".log", os.path.join("/tmp", os.path.basename(self.dir) + ".rules.json")):
            if os.path.exists(left):
                os.unlink(left)


def program():
    """What runs in the container's place: KUBEFATE_PROGRAM (a shell command line), or the stand-in."""
    other = os.environ.get("KUBEFATE_PROGRAM")
    return ["/bin/sh", "-c", other] if other else [sys.executable, os.path.join(HERE, "kubefate.py")]


def tail_of_logs(directory):
    for where, _, files in os.walk(os.path.join(directory, "a", "pods", "kube-fate")):
        if "log" in files:
            with open(os.path.join(where, "log"), errors="replace") as f:
                print("--- %s\n%s" % (where, "".join(f.readlines()[-15:])))


def main():
    charts = os.environ.get("KUBEFATE_CHARTS")  # only the real program fetches charts: a directory with index.yaml
    with OwnRig(["a"], [{"image": "federatedai/kubefate", "run": program()}]) as rig:
        web = None
        if charts:
            web = subprocess.Popen(rig.inside([sys.executable, "-m", "http.server", "-d", charts, "--bind", "127.0.0.1", "8099"]), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            code = rig.run_inside([sys.executable, "-B", os.path.join(HERE, "contract_test.py")] + sys.argv[1:], env=dict(os.environ, KUBEFATE_RIG=rig.dir)).returncode
            if code:
                tail_of_logs(rig.dir)
        finally:
            if web:
                web.kill()
                web.wait()
    return code


if __name__ == "__main__":
    sys.exit(main())
