"""The nginx in front of the hosts: conf/nginx-front.conf with the addresses of this test in it."""
import os, re, signal, subprocess
from net import HUB, children
from product import wait
from rig import ROOT, die_with_parent


class Front:
    def __init__(self, directory, hosts):
        self.dir, self.hosts, self.down = directory, hosts, set()
        os.mkdir(directory)
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", directory + "/key", "-out", directory + "/crt", "-subj", "/CN=front", "-days", "2",
                        "-addext", "subjectAltName=IP:" + HUB], check=True, capture_output=True)
        self.url, self.ca = "https://" + HUB, directory + "/crt"
        self.write()
        self.proc = subprocess.Popen(["nginx", "-p", directory, "-c", "nginx.conf", "-e", "error.log", "-g", "daemon off; pid nginx.pid;"], preexec_fn=die_with_parent,
                                     env=dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin"))

    def write(self):
        with open(os.path.join(ROOT, "conf/nginx-front.conf")) as f:
            text = f.read()
        line = re.compile(r"^( +server )\S+:9080( max_fails=.*);$", re.M)
        assert len(line.findall(text)) == len(self.hosts)
        hosts = iter(self.hosts)

        def fill(m):
            h = next(hosts)
            return "%s%s:9080%s%s;" % (m.group(1), h.machine.address, m.group(2), " down" if h in self.down else "")
        text = line.sub(fill, text).replace("/etc/ssl/fedlcm.crt", "crt").replace("/etc/ssl/fedlcm.key", "key").replace("http {\n", "http {\n  access_log access.log;\n", 1)
        with open(self.dir + "/nginx.conf", "w") as f:
            f.write(text)

    def mark(self, host, down):
        """As the operator does it: the line is changed, nginx reloads, and the old worker processes finish what they have."""
        (self.down.add if down else self.down.discard)(host)
        self.write()
        old = set(children(self.proc.pid))
        self.proc.send_signal(signal.SIGHUP)
        wait(lambda: (lambda now: now and not now & old)(set(children(self.proc.pid))), pause=0.05, say="the front's old workers are gone")

    def errors(self):
        with open(self.dir + "/error.log", errors="replace") as f:
            return f.read()
