"""Keys and certificates of a cluster, made by the openssl program, and kubeconfigs that hold them."""
import base64, os, subprocess, tempfile

DAYS = "90"


def openssl(*args):
    p = subprocess.run(("openssl",) + args, capture_output=True, text=True)
    if p.returncode:
        raise RuntimeError("openssl %s: %s" % (args[0], p.stderr.strip()))


def key(path):
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", path)
    os.chmod(path, 0o600)


def authority(directory, name):
    """ca.key and ca.crt, kept when they are there: a kubeconfig of an earlier run is then told that it is one, not that the server is a stranger."""
    crt, private = os.path.join(directory, "ca.crt"), os.path.join(directory, "ca.key")
    if not (os.path.exists(crt) and os.path.exists(private)):
        key(private)
        openssl("req", "-x509", "-new", "-key", private, "-out", crt, "-days", "365", "-subj", "/CN=" + name, "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,digitalSignature")
    return crt, private


def issue(directory, name, subject, names=()):
    """NAME.key and NAME.crt, good for both ends of TLS. subject: "/CN=admin/O=system:masters"; names: "DNS:localhost", "IP:127.0.0.1"."""
    prefix = os.path.join(directory, name)
    key(prefix + ".key")
    with tempfile.TemporaryDirectory() as d:
        request, more = os.path.join(d, "csr"), os.path.join(d, "ext")
        openssl("req", "-new", "-key", prefix + ".key", "-out", request, "-subj", subject)
        with open(more, "w") as f:
            f.write("keyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth,clientAuth\n" + ("subjectAltName=%s\n" % ",".join(names) if names else ""))
        openssl("x509", "-req", "-in", request, "-CA", os.path.join(directory, "ca.crt"), "-CAkey", os.path.join(directory, "ca.key"), "-set_serial", "0x" + os.urandom(15).hex(), "-days", DAYS, "-extfile", more, "-out", prefix + ".crt")


def kubeconfig(directory, cluster, server, user):
    def b64(name):
        with open(os.path.join(directory, name), "rb") as f:
            return base64.b64encode(f.read()).decode()
    text = ("apiVersion: v1\nkind: Config\ncurrent-context: {c}\nclusters:\n- name: {c}\n  cluster:\n    server: {s}\n    certificate-authority-data: {ca}\nusers:\n- name: {u}\n  user:\n    client-certificate-data: {crt}\n"
            "    client-key-data: {key}\ncontexts:\n- name: {c}\n  context:\n    cluster: {c}\n    user: {u}\n").format(c=cluster, s=server, u=user, ca=b64("ca.crt"), crt=b64(user + ".crt"), key=b64(user + ".key"))
    path = os.path.join(directory, user + ".kubeconfig")
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
        f.write(text)
    return path
