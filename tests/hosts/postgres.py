"""PostgreSQL on machines of its own: a primary and a streaming replica, and SQL for the tests on whichever takes writes."""
import os, pwd, signal, subprocess, time
from product import wait

OWNER = "fedlcm"
SETTINGS = {"listen_addresses": "*", "max_connections": "120", "shared_buffers": "64MB", "fsync": "off", "full_page_writes": "off", "synchronous_commit": "on", "timezone": "UTC", "client_connection_check_interval": "5s",
            "wal_retrieve_retry_interval": "200ms", "wal_receiver_timeout": "3s", "cluster_name": "fedlcm"}


def programs():
    d = subprocess.run(["pg_config", "--bindir"], capture_output=True, text=True).stdout.strip()
    if os.access(d + "/initdb", os.X_OK):
        return d
    base = "/usr/lib/postgresql"
    return "%s/%s/bin" % (base, max(os.listdir(base), key=int))


BIN = programs()
# Not the one in the PATH: Debian's is a script that looks for a server of this machine each time.
PSQL = [os.path.join(BIN, "psql"), "-qAtX"]


class Postgres:
    def __init__(self, machine, directory):
        self.machine, self.address, self.dir = machine, machine.address, os.path.join(directory, machine.name)
        self.data, self.log, self.part = self.dir + "/data", os.path.join(directory, machine.name + ".log"), None
        os.mkdir(self.dir)
        user = pwd.getpwnam("postgres")
        os.chown(self.dir, user.pw_uid, user.pw_gid)
        self.account = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]

    def tool(self, name, *args):
        p = subprocess.run(self.machine.enter(self.account + [os.path.join(BIN, name)] + list(args)), capture_output=True, text=True, cwd="/")
        assert p.returncode == 0, p.stdout + p.stderr

    def make(self):
        self.tool("initdb", "-D", self.data, "-U", OWNER, "--auth=trust", "--locale=C.UTF-8", "--encoding=UTF8", "--no-sync", "--no-instructions")
        with open(self.data + "/pg_hba.conf", "a") as f:
            f.write("host all,replication all 10.77.0.0/24 trust\n")

    def copy_of(self, primary):
        self.tool("pg_basebackup", "-h", primary.address, "-U", OWNER, "-D", self.data, "-R", "-X", "stream", "-c", "fast", "--no-sync")

    def start(self):
        argv = self.account + [os.path.join(BIN, "postgres"), "-D", self.data, "-k", self.dir]
        for k, v in SETTINGS.items():
            argv += ["-c", "%s=%s" % (k, v)]
        self.part = self.machine.start(argv, self.log)
        self.wait_up()

    def wait_up(self):
        def up():
            if self.part.proc.poll() is not None:
                with open(self.log) as f:
                    raise AssertionError("PostgreSQL ended: " + f.read()[-1500:])
            return subprocess.run(PSQL + ["-h", self.address, "-U", OWNER, "-d", "postgres", "-c", "select 1"], capture_output=True).returncode == 0
        wait(up, say=self.address)

    def stop(self, how):
        if how == "kill":
            self.machine.kill_all()
            self.part.proc.wait(20)
        else:
            self.part.stop({"fast": signal.SIGINT, "immediate": signal.SIGQUIT}[how], 30)

    def sql(self, text, database="postgres"):
        """On this server, whatever it is."""
        p = subprocess.run(PSQL + ["-h", self.address, "-U", OWNER, "-d", database, "-c", text], capture_output=True, text=True)
        assert p.returncode == 0, p.stderr
        return p.stdout.strip()

    def during(self, text, database):
        """The same, started; the caller waits for it."""
        return subprocess.Popen(PSQL + ["-h", self.address, "-U", OWNER, "-d", database, "-c", text], stdout=subprocess.DEVNULL)


class Db:
    """The product's database, on the server that takes writes. Reading statements only: they are repeated while there is none."""
    PASSING = ("terminating connection", "server closed", "the database system is", "connection to server", "could not")

    def __init__(self, *addresses, name="fedlcm"):
        self.dsn = "host=%s target_session_attrs=read-write connect_timeout=2 keepalives_idle=2 keepalives_interval=1 tcp_user_timeout=4000 user=%s dbname=%s" % (",".join(addresses), OWNER, name)

    def rows(self, text):
        end = time.time() + 60
        while True:
            p = subprocess.run(PSQL + ["-F", "\t", "-c", text, self.dsn], capture_output=True, text=True)
            if p.returncode == 0:
                return [line.split("\t") for line in p.stdout.splitlines()]
            assert time.time() < end and any(x in p.stderr for x in self.PASSING), p.stderr
            time.sleep(0.2)

    def one(self, text):
        return self.rows(text)[0][0]
