"""SQL through one psql that is kept."""
import json, os, subprocess, time


class Broken(Exception):
    """The server ended or refused the connection."""


class Psql:
    END = "--end-of-answer--"
    GONE = ("psql: error", "FATAL:", "server closed the connection", "The connection to the server was lost", "connection to server", "WARNING:  terminating connection")

    def __init__(self, socket_dir, password, patience=0):
        """patience: seconds for which a statement is repeated while nobody answers. Only for reads."""
        self.where, self.patience, self.p = socket_dir, patience, None
        self.env = dict(os.environ, PGPASSWORD=password, PGOPTIONS="-c client_min_messages=warning", PGCONNECT_TIMEOUT="3")

    def start(self):
        self.p = subprocess.Popen(["psql", "-h", self.where, "-U", "fedlcm_owner", "-d", "fedlcm", "-qAtX", "-F", "\t"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=self.env,
                                  text=True, bufsize=1)

    def end(self):
        if self.p:
            self.p.kill()
            self.p.communicate()
        self.p = None

    def once(self, text):
        if not self.p:
            self.start()
        out = []
        try:
            self.p.stdin.write("%s;\n\\echo %s\n" % (text, self.END))
            self.p.stdin.flush()
            while True:
                line = self.p.stdout.readline()
                if not line:
                    raise Broken("psql ended: %s" % out)
                if line.rstrip("\n") == self.END:
                    break
                out.append(line.rstrip("\n"))
        except OSError as e:
            raise Broken("%r: %s" % (e, out)) from e
        if any(x.startswith(self.GONE) for x in out):
            raise Broken(out)
        assert not [x for x in out if x.startswith("ERROR:")], (text[:300], out)
        return out

    def lines(self, text):
        end = time.time() + self.patience
        while True:
            try:
                return self.once(text)
            except Broken:
                self.end()
                if time.time() > end:
                    raise
                time.sleep(0.2)

    def rows(self, text):
        return [x.split("\t") for x in self.lines(text)]

    def one(self, text):
        return self.rows(text)[0][0]

    def dicts(self, text):
        """Rows with the names of their columns."""
        return [json.loads(x) for x in self.lines("select row_to_json(x) from (%s) x" % text)]
