"""Machines for tests: each has a network, process, host-name and mount namespace of its own, joined by a bridge in the namespace of whoever runs this.

All have the same host name, and the same folder is a fresh file system on each of them, as on machines made from one image."""
import os, signal, socket, subprocess, threading, time
from product import wait
from rig import die_with_parent

HUB = "10.77.0.1"
HOST_NAME = "fedlcm-host"
INIT = ("mount -t proc proc /proc && mount -t tmpfs -o mode=755 tmpfs /run && hostname %s && ip link set lo up && echo up && exec 2> /dev/null; "
        "while :; do sleep 3600 & wait $!; done" % HOST_NAME)  # bash reaps what nobody waits for


def ip(*args):
    subprocess.run(["ip"] + list(args), check=True)


def hub():
    ip("link", "add", "br0", "type", "bridge")
    ip("addr", "add", HUB + "/24", "dev", "br0")
    ip("link", "set", "br0", "up")


def children(pid):
    try:
        with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
            return [int(x) for x in f.read().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


class Part:
    """A program on a machine. pid is the program's own, as seen from here."""

    def __init__(self, proc):
        self.proc = proc
        self.pid = wait(lambda: proc.poll() is not None or children(proc.pid), pause=0.01) and (children(proc.pid) or [0])[0]

    def signal(self, sig):
        os.kill(self.pid, sig)

    def stop(self, sig, seconds):
        if self.proc.poll() is None:
            self.signal(sig)
        return self.proc.wait(seconds)


class Machine:
    def __init__(self, name, address):
        self.name, self.address = name, address
        self.proc = subprocess.Popen(["unshare", "--net", "--pid", "--uts", "--mount", "--fork", "--kill-child", "bash", "-c", INIT], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, preexec_fn=die_with_parent)
        assert self.proc.stdout.readline() == b"up\n", name
        self.init = children(self.proc.pid)[0]
        ip("link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", str(self.init))
        ip("link", "set", name, "master", "br0", "up")
        self.run("ip", "addr", "add", address + "/24", "dev", "eth0")
        self.run("ip", "link", "set", "eth0", "up")

    def enter(self, argv):
        return ["nsenter", "-t", str(self.init), "--net", "--pid", "--uts", "--mount"] + list(argv)

    def path(self, inside):
        """A file of this machine, seen from here."""
        return "/proc/%d/root%s" % (self.init, inside)

    def run(self, *argv, **how):
        return subprocess.run(self.enter(argv), check=True, **how)

    def start(self, argv, log, env=None):
        with open(log, "a") as f:
            return Part(subprocess.Popen(self.enter(argv), env=env, stdin=subprocess.DEVNULL, stdout=f, stderr=f, preexec_fn=die_with_parent))

    def kill_all(self):
        """Everything but the first process."""
        subprocess.run(self.enter(["/bin/kill", "-KILL", "-1"]))

    def unplug(self):
        ip("link", "set", self.name, "down")

    def power_off(self):
        """All processes at once, and the network with them."""
        os.kill(self.init, signal.SIGKILL)
        self.proc.wait()


class Relay:
    """What listens elsewhere is reached at the bridge's address. pause: seconds before anything is passed on to it."""

    def __init__(self, port, to):
        self.to, self.pause, self.server = to, 0, socket.create_server((HUB, port))
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            a, _ = self.server.accept()
            b = socket.create_connection(self.to)
            threading.Thread(target=self.copy, args=(a, b, True), daemon=True).start()
            threading.Thread(target=self.copy, args=(b, a, False), daemon=True).start()

    def copy(self, a, b, to_server):
        try:
            while True:
                data = a.recv(65536)
                if not data:
                    break
                if to_server:
                    time.sleep(self.pause)
                b.sendall(data)
        except OSError:
            pass
        for s in (a, b):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
