#!/usr/bin/env python3
"""A small Kubernetes API for machines without Kubernetes:

    sim.py up -dir DIR [-clusters a,b] [-programs RULES.json] [-port 6453] [-notice TEXT]

Starts one process a cluster, prints one kubeconfig path a cluster, and runs until TERM. The files in DIR are those of tests/realkube; README.md says what
is modelled and what is not."""
import argparse, os, secrets, shutil, signal, socket, subprocess, sys, threading, time
sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "kubefate")]
import pki, rbac
from controllers import Controllers, Events
from loop import Loop
from node import Node, die_with_parent
from registry import Registry
from resources import BY_KIND
from server import Server
from store import Store

KEPT = ("ca.crt", "ca.key")
NOTICE = "this client certificate belongs to an earlier run of the simulator"
READY_SECONDS = 30


class Cluster:
    def __init__(self, directory, name, index, port, notice):
        self.dir, self.name, self.index, self.port, self.notice, self.run_id = directory, name, index, port, notice, secrets.token_hex(8)

    def file(self, name):
        return os.path.join(self.dir, name)

    def audit(self, line):
        os.write(self.log, line.encode())  # one write: lines of two threads never mix

    def prepare(self):
        for x in os.listdir(self.dir):
            if x not in KEPT + ("rules.json", "no-loadbalancer", "sim.log"):
                path = self.file(x)
                shutil.rmtree(path) if os.path.isdir(path) and not os.path.islink(path) else os.unlink(path)
        pki.authority(self.dir, "sim-" + self.name)
        pki.issue(self.dir, "apiserver", "/CN=kube-apiserver", ["DNS:kubernetes", "DNS:kubernetes.default", "DNS:localhost", "IP:127.0.0.1"])
        pki.issue(self.dir, "admin", "/O=system:masters/OU=%s/CN=admin" % self.run_id)
        pki.kubeconfig(self.dir, self.name, "https://127.0.0.1:%d" % self.port, "admin")

    def start(self):
        self.store = Store()
        self.registry, self.rights = Registry(self.store), rbac.Rights(self.store)
        self.tokens, self.events, loop = rbac.Tokens(self.store, secrets.token_bytes(32)), Events(self.store, self.registry), Loop(self.store.lock)
        with open(self.file("ca.crt")) as f:
            Controllers(self.store, self.registry, loop, self.tokens, self.events, f.read())
        self.node = Node(self.store, self.registry, loop, self.events, self.tokens, self.dir, "10.250.%d.2" % self.index, ("127.0.0.1", self.port))
        with self.store.lock:
            for name, rules in rbac.BUILT_IN.items():
                self.registry.create(BY_KIND["ClusterRole"], "", {"metadata": {"name": name}, "rules": rules})
            for name in ("default", "kube-system", "kube-public"):
                self.registry.create(BY_KIND["Namespace"], "", {"metadata": {"name": name}})
            default = {"storageclass.kubernetes.io/is-default-class": "true"}
            self.registry.create(BY_KIND["StorageClass"], "", {"metadata": {"name": "standard", "annotations": default}, "provisioner": "sim/directory"})
            self.node.register()
        self.log = os.open(self.file("audit.log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self.server = Server(("127.0.0.1", self.port), self)
        loop.start()
        threading.Thread(target=self.server.watch, daemon=True).start()
        open(self.file("ready"), "w").close()
        self.server.serve_forever(0.1)
        threading.Event().wait()  # while it is down another thread serves


def bring_up_loopback():
    """A network namespace that was only just made has its loopback device down."""
    try:
        socket.create_server(("127.0.0.1", 0)).close()
        with socket.create_server(("127.0.0.1", 0)) as s:
            socket.create_connection(s.getsockname(), 1).close()
    except OSError:
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def port_free(port):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        s.bind(("127.0.0.1", port))
        return True
    except OSError:
        return False
    finally:
        s.close()


def up(o):
    names = o.clusters.split(",")
    bring_up_loopback()
    taken = [o.port + 10 * i for i in range(len(names)) if not port_free(o.port + 10 * i)]
    if taken:
        print("sim: port %s of 127.0.0.1 is taken by another program; choose other ports with -port" % ", ".join(map(str, taken)), file=sys.stderr)
        return 1
    os.makedirs(o.dir, mode=0o711, exist_ok=True)
    for x in ("ready",) + tuple(x for x in os.listdir(o.dir) if x not in names and os.path.isdir(os.path.join(o.dir, x))):
        path = os.path.join(o.dir, x)
        shutil.rmtree(path) if os.path.isdir(path) else os.path.exists(path) and os.unlink(path)
    procs = []
    for i, name in enumerate(names):
        d = os.path.join(o.dir, name)
        os.makedirs(d, exist_ok=True)
        if o.programs:
            shutil.copyfile(o.programs, os.path.join(d, "rules.json"))
        if os.path.exists(os.path.join(d, "ready")):
            os.unlink(os.path.join(d, "ready"))
        log = open(os.path.join(d, "sim.log"), "w")
        argv = [sys.executable, "-B", os.path.abspath(__file__), "one", "-dir", d, "-name", name, "-index", str(i + 1), "-port", str(o.port + 10 * i), "-notice", o.notice]
        procs.append(subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=die_with_parent))
    end = time.time() + READY_SECONDS
    for name, p in zip(names, procs):
        while not os.path.exists(os.path.join(o.dir, name, "ready")):
            if p.poll() is not None or time.time() > end:
                with open(os.path.join(o.dir, name, "sim.log")) as f:
                    print("sim: cluster %s did not start: %s" % (name, f.read()[-2000:]), file=sys.stderr)
                stop(procs)
                return 1
            time.sleep(0.02)
        print(os.path.join(o.dir, name, "admin.kubeconfig"), flush=True)
    open(os.path.join(o.dir, "ready"), "w").close()
    wanted = []
    for s in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(s, lambda *_: wanted.append(1))
    while not wanted and all(p.poll() is None for p in procs):
        time.sleep(0.1)
    stop(procs)
    if not wanted:
        print("sim: a cluster ended by itself, see its sim.log", file=sys.stderr)
    return 0 if wanted else 1


def stop(procs):
    for p in procs:
        p.kill()
    for p in procs:
        p.wait()


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    sub = p.add_subparsers(dest="command", required=True)
    u, one = sub.add_parser("up"), sub.add_parser("one")
    for x in (u, one):
        x.add_argument("-dir", required=True, type=os.path.abspath)
        x.add_argument("-port", type=int, default=6453)
        x.add_argument("-notice", default=NOTICE)
    u.add_argument("-clusters", default="one")
    u.add_argument("-programs")
    one.add_argument("-name"), one.add_argument("-index", type=int)
    o = p.parse_args()
    if o.command == "up":
        return up(o)
    c = Cluster(o.dir, o.name, o.index, o.port, o.notice)
    c.prepare()
    c.start()
    return 0


if __name__ == "__main__":
    sys.exit(main())
