"""The stand-in's two tables, in memory, or kept in a file so that a killed program finds them again when it is started anew.

What ran when it was killed does not go on: as with the real program its jobs keep the status that they had."""
import datetime, json, sqlite3, threading, time

ZERO_TIME = "0001-01-01T00:00:00Z"


def now():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Tables:
    """Without a path they are lost with the process, as the real ones are when the database is empty at the start."""

    def __init__(self, path=None):
        self.lock = threading.RLock()
        self.clusters, self.jobs, self.charts = [], [], []
        self.file = path and File(path)
        for kind, row in self.file.rows() if path else ():
            {"job": self.jobs, "cluster": self.clusters, "chart": self.charts}[kind].append(row)

    def keep(self, row, **changed):
        if self.file:
            self.file.keep("job" if "method" in row else "chart" if "templates" in row else "cluster", row, changed)

    def add(self, table, row):
        with self.lock:
            row.update(ID=len(table) + 1, CreatedAt=now(), UpdatedAt=now(), DeletedAt=None)
            table.append(row)
            self.keep(row, **row)

    def set(self, row, **fields):
        with self.lock:
            changed = {k: v for k, v in fields.items() if row.get(k) != v}
            row.update(fields, UpdatedAt=now())
            self.keep(row, **changed)

    def say(self, job, text, replace_last=False):
        with self.lock:
            states = list(job["states"] or [])
            self.set(job, states=(states[:-1] if replace_last else states) + [text])

    def job(self, job_id):
        return next((j for j in self.jobs if j["uuid"] == job_id), None)

    def cluster(self, cluster_id):
        return next((c for c in self.clusters if c["uuid"] == cluster_id and not c["DeletedAt"]), None)

    def named(self, name, namespace):
        return next((c for c in self.clusters if (c["name"], c["namespaces"]) == (name, namespace) and not c["DeletedAt"]), None)

    def chart(self, chart_id):
        return next((c for c in self.charts if c["uuid"] == chart_id and not c["DeletedAt"]), None)

    def replace_chart(self, row):
        """First the old one goes, then the new one comes; whoever reads in between finds none."""
        for old in [c for c in self.charts if (c["name"], c["version"]) == (row["name"], row["version"]) and not c["DeletedAt"]]:
            self.set(old, DeletedAt=now())
        self.add(self.charts, row)

    def forget(self, cluster):
        with self.lock:
            if not cluster["DeletedAt"]:
                self.set(cluster, status="Deleted", DeletedAt=now())


class File:
    """A SQLite file, and beside it a journal for the tests' eyes: each start, each job and each status of a job, one JSON object a line. The journal stays when
    the file is lost."""

    def __init__(self, path):
        self.db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self.db.execute("pragma journal_mode = wal")
        self.db.execute("pragma synchronous = off")  # the process is killed, not the machine
        self.db.execute("create table if not exists kept (kind text, id integer, value text, primary key (kind, id))")
        self.journal = open(path + ".journal", "a")
        self.tell(start=True)

    def rows(self):
        return [(kind, json.loads(value)) for kind, value in self.db.execute("select kind, value from kept order by kind, id")]

    def tell(self, **what):
        self.journal.write(json.dumps(dict(what, at=time.time())) + "\n")
        self.journal.flush()

    def keep(self, kind, row, changed):
        self.db.execute("insert or replace into kept values (?, ?, ?)", (kind, row["ID"], json.dumps(row)))
        if kind == "chart":
            self.tell(chart=row["uuid"], name=row["name"], version=row["version"], deleted=bool(row["DeletedAt"]))
        if kind == "job" and "status" in changed:
            args = row["meta_data"] or {}
            self.tell(job=row["uuid"], method=row["method"], name=args.get("name"), namespace=args.get("namespace"), cluster=row["cluster_id"], status=row["status"], creator=row["creator"])
