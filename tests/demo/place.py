"""Where a demonstration lies, who holds it, its ports, and as whom its parts run. The rules are the launcher's (run_paths.c, run_conf.c, run_account.c).

Who runs holds a record lock on STATE/fedlcm-demo.lock, so the kernel names the process and forgets it when it dies; the file says the addresses. The
same file marks a folder as ours: nothing is ever removed from one without it."""
import ctypes, errno, fcntl, grp, ipaddress, json, os, pwd, shlex, shutil, signal, socket, stat, struct, subprocess, sys, time
from texts import Refused, say, text

CHECKOUT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
CLUSTERS = ("lab-a", "lab-b")
MARK = "fedlcm-demo.lock"
PORTS = (("FEDLCM_DEMO_PORT", 9180, 65535), ("FEDLCM_DEMO_PAGE_PORT", 9181, 65535), ("FEDLCM_DEMO_KUBE_PORT", 6453, 65525))
POD_PORT = 8080  # of KubeFATE; a program that has the port on every address is in its way
FIRST_ID, LAST_ID, STEP = 64213, 64293, 10
FLOCK = "@hhqqi4x"
PATIENCE_S = 1.5  # what a killed demonstration left behind is just going down


def fnv(path):
    h = 2166136261
    for b in os.fsencode(path):
        h = (h ^ b) * 16777619 & 0xffffffff
    return h


def closed_folder(path):
    """The first folder on the way to path that other accounts may not walk through; None when there is none."""
    at = ""
    for part in path.strip("/").split("/"):
        at += "/" + part
        try:
            if not os.stat(at).st_mode & stat.S_IXOTH:
                return at
        except OSError:
            continue
    return None


def default_state():
    own = os.environ.get("FEDLCM_DEMO_STATE")
    if own:
        return os.path.normpath(os.path.join(CHECKOUT, own))
    if os.getuid() == 0 and closed_folder(CHECKOUT):
        return "/var/lib/fedlcm-demo-%08x" % fnv(CHECKOUT)
    return os.path.join(CHECKOUT, "var-demo")


class Place:
    def __init__(self):
        self.state = default_state()
        self.root = os.getuid() == 0
        self.lock = os.path.join(self.state, MARK)
        self.fd = None

    def at(self, *names):
        return os.path.join(self.state, *names)

    def hint(self):
        """What a command must be given to find this demonstration again."""
        own = os.environ.get("FEDLCM_DEMO_STATE")
        return " FEDLCM_DEMO_STATE=" + shlex.quote(own) if own else ""

    # --- who holds it ---
    def running(self):
        """The process that runs here; 0 when there is none, -1 when it lives in another process namespace."""
        try:
            fd = os.open(self.lock, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            return 0
        except OSError as e:
            raise Refused("folder", self.lock, e.strerror) from e
        try:
            kind, _, _, _, pid = struct.unpack(FLOCK, fcntl.fcntl(fd, fcntl.F_GETLK, struct.pack(FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)))
        finally:
            os.close(fd)
        return 0 if kind == fcntl.F_UNLCK else pid if pid > 1 else -1

    def about(self):
        """What the one that runs says about itself; {} while it starts or stops."""
        try:
            with open(self.lock) as f:
                return json.load(f)
        except (OSError, ValueError):
            return {}

    def say_running(self):
        pid, about = self.running(), self.about()
        if pid and about:
            say("already", pid, about["product"], about["page"])
        elif pid:
            say("busy", pid)
        return bool(pid)

    def publish(self, about):
        data = json.dumps(about).encode() if about else b""
        os.pwrite(self.fd, data, 0)
        os.ftruncate(self.fd, len(data))

    def hold(self):
        """Makes the folder ours and locks it; false when somebody else was quicker."""
        os.umask(0o022)
        try:
            os.mkdir(self.state, 0o700)
        except FileExistsError:
            pass
        except OSError as e:
            raise Refused("folder", self.state, e.strerror) from e
        s = os.lstat(self.state)
        if not stat.S_ISDIR(s.st_mode) or not self.root and s.st_uid != os.getuid():
            raise Refused("folder-foreign", self.state)
        if MARK not in os.listdir(self.state) and os.listdir(self.state):
            raise Refused("not-ours", self.state)
        try:
            if self.root:
                os.chown(self.state, 0, 0)
            os.chmod(self.state, 0o755 if self.root else 0o700)
            self.fd = os.open(self.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        except OSError as e:
            raise Refused("folder", self.state, e.strerror) from e
        try:
            fcntl.lockf(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self.fd)
            if not self.say_running():
                raise Refused("busy", "?") from None  # it has just ended
            return False
        closed = closed_folder(self.state) if self.root else None
        if closed:
            raise Refused("state-closed", self.state, closed)
        self.publish(None)
        if not os.environ.get("FEDLCM_DEMO_STATE") and not self.state.startswith(CHECKOUT):
            say("elsewhere", self.state, to=sys.stderr)
        return True

    # --- a clean start ---
    def end_earlier(self, launcher, env, command=("stop",)):
        """The product of a killed demonstration may still be on its way out; its launcher waits for that."""
        if os.path.exists(self.at("product", "run.lock")):
            subprocess.run([launcher, *command], env=env, stdout=subprocess.DEVNULL, check=False, start_new_session=True)

    def forget_earlier(self, launcher, env):
        """The clusters' authorities stay, so that an old kubeconfig gets a sentence instead of a TLS error."""
        if os.path.lexists(self.at("product")):
            self.end_earlier(launcher, env, ("reset", "--yes"))  # also its sockets, which lie elsewhere
            self.remove(self.at("product"))
            say("afresh", self.state)
        for folder, kept in ((self.state, (MARK, "clusters")), (self.at("clusters"), CLUSTERS)) + tuple((self.at("clusters", c), ("ca.crt", "ca.key")) for c in CLUSTERS):
            for name in set(os.listdir(folder) if os.path.isdir(folder) else ()) - set(kept):
                self.remove(os.path.join(folder, name))

    @staticmethod
    def remove(path):
        try:
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path)
            elif os.path.lexists(path):
                os.unlink(path)
        except OSError as e:
            raise Refused("folder", path, e.strerror) from e

    def fill(self, simulator, account):
        """Copies of the programs, because the account they run as may not enter the checkout; and the folder of the clusters, owned by that account."""
        try:
            sim = os.path.dirname(os.path.abspath(simulator))
            for name, source in (("sim", sim), ("kubefate", os.path.join(os.path.dirname(sim), "kubefate")), ("demo", os.path.join(CHECKOUT, "tests", "demo"))):
                to = self.at("programs", name)
                shutil.copytree(source, to, ignore=shutil.ignore_patterns("__pycache__", ".*"), copy_function=shutil.copyfile)
                for folder, _, files in os.walk(to):
                    os.chmod(folder, 0o755)
                    for f in files:
                        os.chmod(os.path.join(folder, f), 0o644)
            os.makedirs(self.at("clusters"), 0o755, exist_ok=True)
            for folder, _, files in os.walk(self.at("clusters")) if account else ():
                for path in [folder] + [os.path.join(folder, f) for f in files]:
                    os.chown(path, *account, follow_symlinks=False)
        except OSError as e:
            raise Refused("folder", e.filename or self.state, e.strerror) from e


# --- addresses ---
def listen_address():
    v = os.environ.get("FEDLCM_LISTEN") or "127.0.0.1"
    v = "127.0.0.1" if v == "localhost" else v
    try:
        ipaddress.ip_address(v)
    except ValueError:
        raise Refused("address", v) from None
    return v


def url(address, port):
    """As the launcher prints it."""
    if address in ("0.0.0.0", "::"):
        return "http://%s:%d/" % (socket.gethostname() or "localhost", port)
    return ("http://[%s]:%d/" if ":" in address else "http://%s:%d/") % (address, port)


def ports():
    """Product, page, first cluster."""
    out = []
    for name, usual, most in PORTS:
        v = os.environ.get(name) or str(usual)
        if not (v.isascii() and v.isdigit() and len(v) < 6 and 1 <= int(v) <= most):
            raise Refused("port-number", name, v, most)
        out.append(int(v))
    seen = {}
    for name, port in [(PORTS[0][0], out[0]), (PORTS[1][0], out[1])] + [(PORTS[2][0], out[2] + 10 * i) for i in range(len(CLUSTERS))]:
        if port in seen:
            raise Refused("port-twice", seen[port], name, port)
        seen[port] = name
    return out


def bound(address, port, setting):
    """A listening socket, or the sentence why there is none."""
    end = time.time() + PATIENCE_S
    while True:
        s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind((address, port))
            s.listen(64)
            return s
        except OSError as e:
            s.close()
            if e.errno == errno.EADDRINUSE and time.time() < end:
                time.sleep(0.1)
                continue
            other = port + 100 if port < 65000 else port - 100
            if e.errno == errno.EADDRINUSE and not setting:
                raise Refused("port-pod", port, address) from e
            if e.errno == errno.EADDRINUSE:
                raise Refused("port-taken", port, address, setting, other) from e
            if e.errno == errno.EACCES:
                raise Refused("port-low", port, setting, port + 9000) from e
            raise Refused("port-absent", address, port, e.strerror) from e


def pod_address(port):
    """The first one of a cluster, as the simulator gives it (tests/sim/node.py)."""
    return "127.%d.%d.11" % (64 + port // 256 % 128, port % 256)


def check_ports(address, product, page, first):
    """Every port that will be used; the page's socket is kept."""
    bound(address, product, PORTS[0][0]).close()
    for i in range(len(CLUSTERS)):
        bound("127.0.0.1", first + 10 * i, PORTS[2][0]).close()
        bound(pod_address(first + 10 * i), POD_PORT, None).close()
    return bound(address, page, PORTS[1][0])


# --- accounts ---
def become(account):
    if account:
        os.setgroups([])
        os.setresgid(account[1], account[1], account[1])
        os.setresuid(account[0], account[0], account[0])


def can_become(account):
    pid = os.fork()
    if pid == 0:
        try:
            become(account)
            os._exit(0)
        except OSError:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def known(lookup, number):
    try:
        return bool(lookup(number))
    except KeyError:
        return False


def account():
    """As whom simulator and page run when we are root: an id without a name, to which nothing on this machine belongs; else nobody. None: as we are."""
    if os.getuid() != 0:
        return None
    for n in range(FIRST_ID, LAST_ID + 1, STEP):
        if not known(pwd.getpwuid, n) and not known(grp.getgrgid, n):
            if can_become((n, n)):
                return n, n
            break  # the kernel does not map such ids here (a small user namespace)
    try:
        p = pwd.getpwnam("nobody")
    except KeyError:
        raise Refused("no-account") from None
    if not p.pw_uid or not can_become((p.pw_uid, p.pw_gid)):
        raise Refused("no-account")
    return p.pw_uid, p.pw_gid


def child(as_whom=None, death=signal.SIGTERM):
    """For Popen: a session of its own (a Ctrl-C at the terminal reaches only us), another account, and an end with ours."""
    parent, libc = os.getpid(), ctypes.CDLL(None)

    def before_exec():
        os.setsid()
        become(as_whom)
        libc.prctl(1, death)  # PR_SET_PDEATHSIG; after the change of account, which clears it
        if os.getppid() != parent:
            os._exit(1)
    return before_exec


def plain_env(**more):
    """The caller's environment may hold secrets that are no business of the simulator's."""
    keep = {k: v for k, v in os.environ.items() if k in ("LANG", "LC_ALL", "LC_MESSAGES", "TZ", "FEDLCM_DEMO_STATE")}
    return dict(keep, PATH="/usr/bin:/bin:/usr/sbin:/sbin", PYTHONDONTWRITEBYTECODE="1", **more)


def interpreter(as_whom):
    """Python for that account: the one that runs this may lie in a folder that it cannot enter."""
    for program in dict.fromkeys((sys.executable, "/usr/bin/python3")):
        try:
            if subprocess.run([program, "-I", "-c", "import ssl, http.server"], env=plain_env(), cwd="/", preexec_fn=child(as_whom), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0:
                return program
        except OSError:
            continue
    raise Refused("no-python")


def notice(page):
    return text("notice", page)
