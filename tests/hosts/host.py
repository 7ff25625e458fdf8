"""One host of the product: nginx as fedlcm-run renders it, fedlcm-web and fedlcm-poller, each under its own account, on a machine of its own; or all of it
started by fedlcm-run."""
import os, pwd, re, shutil, signal, subprocess, urllib.error, urllib.request
from net import HUB, children
from product import wait

STATE, PORT, PASSWORD = "/run/state", 9080, "first of many 7"
WEB, WAIT, RUNNERS = 4, 3, 2


class Host:
    """The parts by hand, as a service manager starts them."""

    def __init__(self, machine, logs, database, tree):
        """tree: a checkout in which the programs are built."""
        self.machine, self.logs, self.parts = machine, logs, {}
        self.url = "http://%s:%d" % (machine.address, PORT)
        self.settings = dict(database, PATH=os.environ["PATH"], FEDLCM_WEB_WORKERS=str(WEB), FEDLCM_WAIT_WORKERS=str(WAIT), FEDLCM_RUNNERS=str(RUNNERS), FEDLCM_KEYS_AHEAD="0", LIFECYCLEMANAGER_INITIAL_ADMIN_PASSWORD=PASSWORD)
        self.launcher = dict(self.settings, FEDLCM_STATE=STATE, FEDLCM_LISTEN=machine.address, FEDLCM_PORT=str(PORT), FEDLCM_BEHIND_PROXY="yes", FEDLCM_PROXY_FROM=HUB, FEDLCM_LOGIN_RATE="60000")
        self.render(tree)
        lock = self.machine.path(STATE + "/poller/poller.lock")
        open(lock, "w").close()  # now, so that it has the same inode everywhere
        shutil.chown(lock, os.stat(os.path.dirname(lock)).st_uid)
        self.account = {"poller": self.owner("/keys"), "nginx": self.owner("/nginx")}
        self.account["web"] = self.account["nginx"]  # as fedlcm-run does where accounts are few
        self.use(tree)

    def render(self, tree):
        """Programs and configuration of this tree are put in place; what runs goes on with those it was started with."""
        out = self.machine.run(tree + "/build/release/bin/fedlcm-run", "render", env=self.launcher, capture_output=True, text=True).stdout
        self.nginx = out.split("\n")[:-1]
        with open(self.machine.path(STATE + "/app/nginx.conf")) as f:
            self.sock = re.search(r"unix:(\S+)/web/web.sock", f.read()).group(1)
        self.env = dict(self.settings, FEDLCM_SEAL_PUBLIC=STATE + "/keys/seal.pub", FEDLCM_SEAL_PRIVATE=STATE + "/keys/seal.key", FEDLCM_WEB_SOCKET=self.sock + "/web/web.sock",
                        FEDLCM_WAIT_SOCKET=self.sock + "/web/wait.sock", FEDLCM_INSTANCE_DIR=STATE + "/poller", FEDLCM_TLS="true")

    def use(self, tree):
        """While it is stopped."""
        self.render(tree)
        self.folder(self.sock + "/web", "/nginx")

    def folder(self, path, like):
        st = os.stat(self.machine.path(STATE + like))
        os.makedirs(self.machine.path(path))
        os.chown(self.machine.path(path), st.st_uid, st.st_gid)

    def owner(self, folder):
        """Becomes the account that owns the folder."""
        uid = os.stat(self.machine.path(STATE + folder)).st_uid
        try:
            gid = pwd.getpwuid(uid).pw_gid
        except KeyError:
            gid = uid
        return ["setpriv", "--reuid=%d" % uid, "--regid=%d" % gid, "--clear-groups"]

    def cli(self, *args, program="fedlcm", tree=None, env=None):
        """Started; the caller waits for it. tree: its programs instead of those that are in place."""
        argv = self.machine.enter(self.account["poller"] + [os.path.join(tree + "/build/release/bin" if tree else STATE + "/app/bin", program)] + list(args))
        return subprocess.Popen(argv, env=dict(self.env, **(env or {})), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    # --- keys ---
    def keys_from(self, other):
        for name in ("seal.key", "seal.pub"):
            to = self.machine.path(STATE + "/keys/" + name)
            shutil.copyfile(other.machine.path(STATE + "/keys/" + name), to)
            st = os.stat(other.machine.path(STATE + "/keys/" + name))
            os.chown(to, st.st_uid, st.st_gid)
            os.chmod(to, st.st_mode & 0o777)

    # --- parts ---
    def log(self, part):
        return os.path.join(self.logs, "%s.%s.log" % (self.machine.name, part))

    def start(self):
        for part in ("poller", "web"):
            self.parts[part] = self.machine.start(self.account[part] + ["%s/app/bin/fedlcm-%s" % (STATE, part)], self.log(part), self.env)
        self.parts["nginx"] = self.machine.start(self.account["nginx"] + self.nginx, self.log("nginx"), {"PATH": os.environ["PATH"]})
        wait(self.answers, pause=0.05, say=self.machine.name)

    def answers(self):
        dead = [n for n, p in self.parts.items() if p.proc and p.proc.poll() is not None]
        assert not dead, (self.machine.name, dead, [open(self.log(n)).read()[-800:] for n in dead])
        try:
            return urllib.request.urlopen(self.url + "/login", timeout=5).status == 200
        except (OSError, urllib.error.HTTPError):
            return False

    def stop(self):
        """nginx first: it takes nothing new and finishes what it has."""
        codes = [self.parts[n].stop(sig, s) for n, sig, s in (("nginx", signal.SIGQUIT, 15), ("web", signal.SIGTERM, 25), ("poller", signal.SIGTERM, 25))]
        self.parts = {}
        return codes

    def workers(self):
        """The processes below both supervisors."""
        return {n: set(children(self.parts[n].pid)) for n in ("web", "poller")}

    def roll(self):
        """SIGHUP to both supervisors, and wait until every process is a new one."""
        before = self.workers()
        for n in before:
            self.parts[n].signal(signal.SIGHUP)
        want = {"web": WEB + WAIT, "poller": RUNNERS}
        wait(lambda: all(len(now) == want[n] and not now & before[n] for n, now in self.workers().items()), say=lambda: (before, self.workers()))

    def holders(self):
        """Names under which its runners hold leases, from their own logs."""
        with open(self.log("poller"), errors="replace") as f:
            return set(re.findall(r"msg=started holder=(\S+)", f.read()))


class Launched(Host):
    """Everything by fedlcm-run with FEDLCM_DB, as `make run` does."""

    class Child:
        proc = None

        def __init__(self, pid):
            self.pid = pid

        def signal(self, sig):
            os.kill(self.pid, sig)

    def use(self, tree):
        self.tree = tree

    def log(self, part):
        return os.path.join(self.logs, self.machine.name + ".run.log") if part == "run" else self.machine.path("%s/log/%s.log" % (STATE, part))

    def start(self):
        run = self.machine.start([self.tree + "/build/release/bin/fedlcm-run", "run"], self.log("run"), self.launcher)
        self.parts = {"run": run}
        wait(self.answers, pause=0.05, say=self.machine.name)
        for pid in children(run.pid):
            with open("/proc/%d/comm" % pid) as f:
                self.parts[f.read().strip().removeprefix("fedlcm-")] = self.Child(pid)
        assert set(self.parts) == {"run", "web", "poller", "nginx"}, self.parts

    def stop(self):
        run, self.parts = self.parts["run"], {}
        return [run.stop(signal.SIGTERM, 60)]
