"""Runs inside the rig's network namespace: main.py RIG_DIR NEWER_TREE. See run.sh."""
import os, random, sys
sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE] + [os.path.join(HERE, "..", d) for d in ("lib", "flow", "kills")]
import cases, outages
from net import HUB, Machine, Relay, hub
from postgres import Db, Postgres
from product import Tests
from rig import Kube

SEED = int(os.environ.get("HOSTS_SEED") or random.SystemRandom().randrange(1 << 32))
RELAY = 7443  # a real API server has its own port on every address
ADDRESS = {"db1": "10.77.0.21", "db2": "10.77.0.22", "host1": "10.77.0.11", "host2": "10.77.0.12", "host3": "10.77.0.13"}


def main():
    rig, newer = sys.argv[1:3]
    place = rig + ".state"
    os.makedirs(place + "/pg", mode=0o755, exist_ok=True)
    os.makedirs(place + "/log", exist_ok=True)
    print("seed %d (HOSTS_SEED)" % SEED, flush=True)
    hub()
    t = Tests("hosts")
    kube = Kube(rig, "a")
    with open(rig + "/a/admin.kubeconfig") as f:
        text = f.read().replace("https://127.0.0.1:%d" % kube.port, "https://%s:%d" % (HUB, RELAY)).replace("    server:", "    tls-server-name: localhost\n    server:")
    machines = {n: Machine(n, a) for n, a in ADDRESS.items()}
    t.put(rig=rig, relay=Relay(RELAY, ("127.0.0.1", kube.port)), newer=newer, place=place, kube=kube, kubeconfig=text, machines=machines, seed=SEED, db1=Postgres(machines["db1"], place + "/pg"), db2=Postgres(machines["db2"], place + "/pg"), db=Db(ADDRESS["db1"], ADDRESS["db2"]))
    try:
        t.lane(*cases.BEGIN, *cases.CHANGES, *outages.ALL, *cases.END)
    finally:
        if t.failed:
            tell(t)
    return t.end()


def tell(t):
    """What the parts said, without their ordinary requests."""
    for name in sorted(os.listdir(t.place + "/log")):
        with open(os.path.join(t.place, "log", name), errors="replace") as f:
            lines = [x.rstrip() for x in f if "status=200" not in x and "status=303" not in x]
        print("--- %s\n%s" % (name, "\n".join(x[:300] for x in lines[-25:])))


if __name__ == "__main__":
    sys.exit(main())
