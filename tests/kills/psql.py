"""SQL through one psql that is kept."""
import os, subprocess


class Psql:
    END = "--end-of-answer--"

    def __init__(self, socket_dir, password):
        env = dict(os.environ, PGPASSWORD=password, PGOPTIONS="-c client_min_messages=warning")
        self.p = subprocess.Popen(["psql", "-h", socket_dir, "-U", "fedlcm_owner", "-d", "fedlcm", "-qAtX", "-F", "\t"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env,
                                  text=True, bufsize=1)

    def rows(self, text):
        self.p.stdin.write("%s;\n\\echo %s\n" % (text, self.END))
        self.p.stdin.flush()
        out = []
        while True:
            line = self.p.stdout.readline()
            assert line, "psql ended: %s" % out
            if line.rstrip("\n") == self.END:
                break
            out.append(line.rstrip("\n"))
        assert not [x for x in out if x.startswith(("ERROR:", "FATAL:"))], (text[:300], out)
        return [x.split("\t") for x in out]

    def one(self, text):
        return self.rows(text)[0][0]
