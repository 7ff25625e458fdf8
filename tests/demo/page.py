"""The page that explains the demonstration and hands out its kubeconfigs: page.py STATE LOCK SOCKET_FD ADDRESS

Plain HTTP, no script. It runs as the account of the clusters, whose kubeconfigs it reads, on a socket that was opened for it."""
import html, http.server, ipaddress, json, os, socket, sys, threading, time, urllib.parse
import words
from clusters import CLUSTERS, Cluster, Unreachable
from texts import of_tag

HERE = os.path.dirname(os.path.abspath(__file__))
AT_ONCE = 32
DRAIN = 65536
HEADERS = (
    ("Content-Security-Policy", "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
    ("X-Content-Type-Options", "nosniff"), ("Cache-Control", "no-store"), ("Referrer-Policy", "no-referrer"), ("Cross-Origin-Resource-Policy", "same-origin"), ("Cross-Origin-Opener-Policy", "same-origin"),
)


class Refusal(Exception):
    """An answer with this status and the sentence of this key."""

    def __init__(self, status, key):
        super().__init__(key)
        self.status, self.key = status, key


def state_of(c):
    """[(sentence key, argument)] of what is broken in a cluster."""
    if c.is_down():
        return [("broken-api", "")]
    out = [("broken-image", x) for x in c.broken_images()]
    try:
        return out + [("broken-node", n) for n in c.closed_nodes(3)]
    except (Unreachable, OSError) as e:
        return out + [("no-answer", str(e))]


class Page(http.server.BaseHTTPRequestHandler):
    timeout = 10

    # --- plumbing ---
    def log_message(self, *_):
        pass

    def version_string(self):
        return "demo"

    def serve(self):
        self.lang = 0
        try:
            self.lang = self.language()
            if self.command not in ("GET", "HEAD"):
                raise Refusal(405, "only-get")
            if not self.host_is_ours():
                raise Refusal(421, "host")
            path = self.target().partition("?")[0]
            kubeconfigs = {"/kubeconfig-%s.yaml" % c: c for c in CLUSTERS}
            if path in kubeconfigs:
                self.kubeconfig(kubeconfigs[path])
            elif path == "/style.css":
                with open(os.path.join(HERE, "style.css"), "rb") as f:
                    self.answer(200, f.read(), "text/css; charset=utf-8")
            elif path == "/":
                self.answer(200, document(self.lang, self.server.about, self.server.state))
            else:
                raise Refusal(404, "no-page")
        except Refusal as e:
            self.answer(e.status, refusal(self.lang, e.key))
        except (OSError, ValueError) as e:
            print("%s: %r" % (self.path, e), flush=True)
            self.answer(500, refusal(self.lang, "fault"))

    def __getattr__(self, name):
        if name.startswith("do_"):
            return self.serve
        raise AttributeError(name)

    def send_error(self, code, message=None, explain=None):
        """What the library refuses by itself: a request that is none."""
        self.command = getattr(self, "command", None) or "GET"
        self.answer(code, refusal(0, "no-request"))

    def answer(self, status, body, kind="text/html; charset=utf-8", **more):
        data = body if isinstance(body, bytes) else body.encode()
        self.drain()
        self.send_response(status)
        for k, v in HEADERS + tuple((k.replace("_", "-"), v) for k, v in more.items()) + ((("Allow", "GET, HEAD"),) if status == 405 else ()):
            self.send_header(k, v)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def drain(self):
        """A body that nobody reads would reset the connection before the answer is there."""
        length = getattr(self, "headers", None) and self.headers.get("Content-Length") or ""
        if length.isascii() and length.isdigit():
            self.rfile.read(min(int(length), DRAIN))

    # --- the request ---
    def target(self):
        """As it was sent: the library makes // into /."""
        return self.requestline.split()[1]

    def language(self):
        chosen = of_tag((urllib.parse.parse_qs(self.target().partition("?")[2]).get("lang") or [""])[0])
        if chosen is not None:
            return chosen
        best = (0.0, 0)
        for part in (self.headers.get("Accept-Language") or "").split(","):
            tag, _, q = part.partition(";q=")
            try:
                weight = float(q or 1)
            except ValueError:
                continue
            if of_tag(tag) is not None and weight > best[0]:
                best = (weight, of_tag(tag))
        return best[1]

    def host_is_ours(self):
        """Against names of other people that lead here (DNS rebinding): no name but this machine's own."""
        try:
            host = urllib.parse.urlsplit("//" + (self.headers.get("Host") or "")).hostname or ""
            ipaddress.ip_address(host)
            return True
        except ValueError:
            return bool(host) and host in ("localhost", socket.gethostname().lower())

    # --- answers ---
    def kubeconfig(self, name):
        with open(Cluster(self.server.state, name).kubeconfig, "rb") as f:
            self.answer(200, f.read(), "application/yaml", Content_Disposition='attachment; filename="kubeconfig-%s.yaml"' % name)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, fd, about, state):
        super().__init__(("", 0), Page, bind_and_activate=False)
        self.socket.close()
        self.socket = socket.socket(fileno=fd)
        self.about, self.state, self.room = about, state, threading.BoundedSemaphore(AT_ONCE)

    def process_request(self, request, client_address):
        self.room.acquire()
        super().process_request(request, client_address)

    def process_request_thread(self, request, client_address):
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.room.release()

    def handle_error(self, request, client_address):
        pass  # a client that went away


# --- HTML ---
def esc(v):
    return html.escape(str(v), quote=True)


def frame(lang, title, body):
    w = words.WORDS[lang]
    links = " ".join('<a href="/?lang=%s" lang="%s" hreflang="%s"%s>%s</a>' % (code, tag, tag, ' aria-current="true"' if n == lang else "", label) for n, (code, tag, label) in enumerate((("en", "en", "English"), ("zh", "zh-CN", "中文"))))
    return ('<!doctype html>\n<html lang="%s"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>%s</title><link rel="stylesheet" href="/style.css"></head>\n'
            '<body><header><strong>%s</strong><nav aria-label="%s">%s</nav></header>\n<main>\n%s</main></body></html>\n' % (w["code"], esc(title), esc(w["brand"]), esc(w["language"]), links, body))


def refusal(lang, key):
    w = words.WORDS[lang]
    return frame(lang, w["refused"], '<h1>%s</h1>\n<p>%s</p>\n<p><a href="/">%s</a></p>\n' % (esc(w["refused"]), esc(w[key]), esc(w["back"])))


def cell(label, content):
    return '<td data-label="%s">%s</td>' % (esc(label), content)


def row(w, c):
    broken = "<br>".join('<span class="bad">%s</span>' % (esc(w[key]) % ("<code>%s</code>" % esc(arg)) if arg else esc(w[key])) for key, arg in state_of(c)) or '<span class="good">%s</span>' % esc(w["fine"])
    file = "kubeconfig-%s.yaml" % c.name
    return "<tr>%s</tr>\n" % "".join((
        cell(w["cluster"], "<strong>%s</strong>" % esc(c.name)), cell(w["server"], "<code>%s</code>" % esc(c.server())),
        cell(w["loadbalancer"], esc(w["yes"] if c.has_loadbalancer() else w["no"])), cell(w["broken"], broken),
        cell("kubeconfig", '<a href="/%s" download>%s</a><br><code class="pick">%s</code>' % (file, esc(w["download"]) % file, esc(c.kubeconfig)))))


def commands(w, hint):
    lines = (("make demo-break IMAGE=mysql", "do-image"), ("make demo-break IMAGE=fateflow CLUSTER=lab-b", "do-one"), ("make demo-break NODE=lab-b", "do-node"), ("make demo-break API=down CLUSTER=lab-b", "do-api"),
             ("make demo-mend", "do-mend"), ("make demo-stop", "do-stop"))
    return "<dl>\n%s</dl>\n" % "".join('<dt><code class="pick">%s%s</code></dt><dd>%s</dd>\n' % (esc(c), esc(hint), esc(w[key])) for c, key in lines)


def document(lang, about, state):
    w = words.WORDS[lang]
    heads = "".join("<th scope=\"col\">%s</th>" % esc(x) for x in (w["cluster"], w["server"], w["loadbalancer"], w["broken"], "kubeconfig"))
    product = '<a href="%s">%s</a>' % (esc(about["product"]), esc(about["product"]))
    parts = [
        "<h1>%s</h1>\n<p>%s</p>\n" % (esc(w["title"]), esc(w["what"])),
        '<p class="note">%s</p>\n' % esc(w["simulated"]),
        "<h2>%s</h2>\n<p>%s</p>\n<p>%s</p>\n" % (esc(w["open"]), product, esc(w[about["login"]]) % (("<code>Admin</code>", "<code>admin</code>") if about["login"] == "login-admin" else ())),
        "<h2>%s</h2>\n<table><thead><tr>%s</tr></thead><tbody>\n%s</tbody></table>\n<p class=\"small\">%s</p>\n" % (
            esc(w["clusters"]), heads, "".join(row(w, Cluster(state, c)) for c in CLUSTERS), esc(w["as-of"]) % time.strftime("%H:%M:%S")),
        "<h2>%s</h2>\n<ol>\n%s</ol>\n" % (esc(w["walk"]), "".join("<li>%s</li>\n" % esc(x) for x in w["steps"])),
        "<h2>%s</h2>\n<p>%s</p>\n%s" % (esc(w["break"]), esc(w["where"]) % ('<code class="pick">%s</code>' % esc(about["checkout"])), commands(w, about["hint"])),
    ]
    return frame(lang, w["title"], "".join(parts))


def main():
    state, lock, fd, _ = sys.argv[1:5]
    with open(lock) as f:
        about = json.load(f)
    Server(int(fd), about, state).serve_forever()


if __name__ == "__main__":
    main()
