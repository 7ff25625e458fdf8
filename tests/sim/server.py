"""The API server: TLS, who asks, which object, what is done with it, and the answer. One thread a connection."""
import base64, binascii, http.client, json, os, re, socket, ssl, threading, time, urllib.parse, uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import faults, rbac, resources, matching, yamlish
from faults import Fault
from registry import now

BODY_MAX, HEAD_SECONDS, PROXY_SECONDS, CONTINUE_SECONDS = 3 << 20, 120, 60, 300
VERB = {"GET": "get", "HEAD": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
HOP = {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade", "host", "content-length"}


class Server(ThreadingHTTPServer):
    daemon_threads, request_queue_size = True, 128

    def __init__(self, address, cluster):
        self.cluster, self.open, self.down = cluster, set(), False
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(cluster.file("apiserver.crt"), cluster.file("apiserver.key"))
        self.context.load_verify_locations(cluster.file("ca.crt"))
        self.context.verify_mode = ssl.CERT_OPTIONAL
        super().__init__(address, Handler)

    def get_request(self):
        sock, where = super().get_request()
        sock.settimeout(HEAD_SECONDS)
        # The handshake is made by the connection's own thread: a client that does not speak must not stop the others.
        return self.context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False), where

    def handle_error(self, request, client_address):
        pass  # a client that went away; what happens inside a request is answered with 500

    def watch(self):
        """Stops answering while DIR/down exists: nobody listens, and what was connected is cut."""
        address = self.server_address
        while True:
            down = os.path.exists(self.cluster.file("down"))
            if down and not self.down:
                self.down = True
                self.shutdown()
                self.socket.close()
                for s in list(self.open):
                    try:
                        s.shutdown(socket.SHUT_RDWR)
                    except OSError:
                        pass
            elif self.down and not down:
                self.socket = socket.socket(self.address_family, self.socket_type)
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                self.socket.bind(address)
                self.server_activate()
                self.down = False
                threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
            time.sleep(0.2)


class Target:
    """What a path names."""

    def __init__(self, kind, namespace, name, sub, rest):
        self.kind, self.namespace, self.name, self.sub, self.rest = kind, namespace, name, sub, rest


def target(path):
    """None: no such path."""
    parts = path.split("/")[1:]
    if parts[0] == "api" and len(parts) > 2:
        gv, parts = parts[1], parts[2:]
    elif parts[0] == "apis" and len(parts) > 3:
        gv, parts = parts[1] + "/" + parts[2], parts[3:]
    else:
        return None
    parts = [urllib.parse.unquote(p) for p in parts]
    namespace = None
    if parts[0] == "namespaces" and len(parts) > 2 and parts[2] != "status":
        namespace, parts = parts[1], parts[2:]
    kind = resources.BY_PATH.get((gv, parts[0]))
    if not kind or (namespace is not None) != kind.namespaced and (namespace is not None or len(parts) > 1):
        return None
    name, sub = (parts + [None, None])[1:3]
    if sub is not None and sub not in kind.subs:
        return None
    raw = path.split("/")
    rest = "/" + "/".join(raw[len(raw) - (len(parts) - 3):]) if sub == "proxy" and len(parts) > 3 else ""
    if len(parts) > 3 and sub != "proxy":
        return None
    return Target(kind, namespace, name, sub, rest)


class Handler(BaseHTTPRequestHandler):
    protocol_version, server_version, sys_version = "HTTP/1.1", "sim", ""
    # The head and the body of an answer leave in one segment.
    wbufsize = 1 << 16

    def setup(self):
        self.request.do_handshake()
        super().setup()
        self.server.open.add(self.request)
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def finish(self):
        self.server.open.discard(self.request)
        super().finish()

    def log_message(self, *_):
        pass

    # --- plumbing ---
    def answer(self, code, body, kind="application/json", headers=()):
        data = body if isinstance(body, bytes) else json.dumps(body, separators=(",", ":")).encode()
        self.code = code
        self.send_response(code)
        for k, v in [("Content-Type", kind), ("Content-Length", str(len(data))), ("Audit-Id", str(uuid.uuid4())), ("Cache-Control", "no-cache, private")] + list(headers):
            self.send_header(k, v)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def handle_one(self):
        self.cluster, self.user, self.code, self.body = self.server.cluster, None, 0, b""
        url = urllib.parse.urlsplit(self.path)
        self.query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        try:
            self.read_body()
            self.user = self.who()
            self.route(url.path)
        except Fault as e:
            self.answer(e.code, e.body())
        except (ssl.SSLError, ConnectionError, TimeoutError):
            self.close_connection = True
        except Exception as e:
            import traceback
            traceback.print_exc()
            self.answer(500, Fault(500, "Internal error occurred: %s" % e).body())
        self.audit()

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = handle_one

    def read_body(self):
        if self.headers.get("Transfer-Encoding"):
            self.close_connection = True
            raise Fault(400, "the simulator takes no chunked bodies")
        size = int(self.headers.get("Content-Length") or 0)
        if not 0 <= size <= BODY_MAX:
            self.close_connection = True
            raise Fault(413, "Request entity too large: limit is %d" % BODY_MAX)
        self.body = self.rfile.read(size) if size else b""

    def who(self):
        head = self.headers.get("Authorization") or ""
        cert = self.request.getpeercert()
        if cert:
            names = [pair for rdn in cert["subject"] for pair in rdn]
            run = [v for k, v in names if k == "organizationalUnitName"]
            if run and self.cluster.run_id not in run:
                raise Fault(401, self.cluster.notice)
            return rbac.User([v for k, v in names if k == "commonName"][0], [v for k, v in names if k == "organizationName"])
        if head.startswith("Bearer "):
            return self.cluster.tokens.user(head[7:].strip())
        return rbac.ANONYMOUS

    def audit(self):
        user = self.user.name if self.user else "system:anonymous"
        verb = VERB.get(self.command, self.command.lower())
        line = {"kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Metadata", "stage": "ResponseComplete", "requestURI": self.path, "verb": verb, "user": {"username": user}, "userAgent": self.headers.get("User-Agent", ""),
                "responseStatus": {"code": self.code}, "requestReceivedTimestamp": now(), "stageTimestamp": "%s.%06dZ" % (now()[:-1], time.time() % 1 * 1e6)}
        self.cluster.audit(json.dumps(line) + "\n")

    def given(self):
        """The body as an object."""
        kind = self.headers.get("Content-Type") or "application/json"
        if "json" not in kind and "yaml" not in kind:
            raise Fault(415, "the simulator reads JSON (and YAML in an apply), not %s" % kind)
        try:
            value = json.loads(self.body)
        except ValueError:
            if "yaml" not in kind:
                raise Fault(400, "the object provided is unrecognized (must be of type JSON)") from None
            try:
                value = yamlish.load(self.body.decode())
            except (ValueError, IndexError, UnicodeDecodeError) as e:
                raise Fault(400, "error decoding YAML: %s" % e) from e
        if not isinstance(value, dict):
            raise Fault(400, "the body is no object")
        return value

    # --- routing ---
    def route(self, path):
        if path in ("/healthz", "/livez", "/readyz"):
            return self.answer(200, b"ok", "text/plain")
        found = resources.discovery(path.rstrip("/") or "/")
        if found:
            if self.user is rbac.ANONYMOUS and path != "/version":
                raise Fault(403, 'forbidden: User "system:anonymous" cannot get path "%s"' % path)
            return self.answer(200, found)
        t = target(path)
        if not t:
            return self.answer(404, b"404 page not found\n", "text/plain; charset=utf-8")
        return self.serve_target(t)

    def serve_target(self, t):
        verb, kind = VERB.get(self.command, ""), t.kind
        if kind.verbs == ["create"]:
            return self.question(kind)
        if self.query.get("watch") in ("true", "1"):
            raise Fault(405, "the simulator has no watches", "MethodNotAllowed")
        if not t.name:
            verb = {"get": "list", "delete": "deletecollection"}.get(verb, verb)
        rights = self.cluster.rights
        name = "" if verb in ("create", "list", "deletecollection") and not t.sub else t.name.split(":")[-2] if t.sub == "proxy" and ":" in t.name else t.name
        with self.cluster.store.lock:
            rights.demand(self.user, verb, kind, t.namespace, name, t.sub)
            if verb == "patch" and not t.sub and "apply-patch" in (self.headers.get("Content-Type") or "") and not self.cluster.store.get(kind, t.namespace, t.name):
                rights.demand(self.user, "create", kind, t.namespace, name)
        if t.sub in ("proxy", "log", "token"):
            return getattr(self, "sub_" + t.sub)(t)
        act = {"get": self.get_one, "list": self.get_list, "create": self.post, "update": self.put, "patch": self.patch, "delete": self.delete, "deletecollection": self.delete_all}.get(verb)
        if not act or (not t.name) != (verb in ("list", "create", "deletecollection")):
            raise Fault(405, "the server does not allow this method on the requested resource")
        return act(t)

    def options(self):
        dry = self.query.get("dryRun")
        if dry not in (None, "All"):
            raise Fault(422, "dryRun: Unsupported value: %r: supported values: \"All\"" % dry)
        return self.query.get("fieldManager") or re.split(r"[/ ]", self.headers.get("User-Agent") or "unknown")[0], dry == "All"

    # --- verbs ---
    def get_one(self, t):
        with self.cluster.store.lock:
            obj = self.cluster.registry.found(t.kind, t.namespace, t.name)
        self.answer(200, self.view([obj])[0])

    def view(self, items):
        if "as=PartialObjectMetadata" not in (self.headers.get("Accept") or ""):
            return items
        return [{"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": x["metadata"]} for x in items]

    def get_list(self, t):
        wanted, fields = matching.labels(self.query.get("labelSelector")), matching.fields(t.kind, self.query.get("fieldSelector"))
        limit, after = self.number("limit"), self.continued()
        with self.cluster.store.lock:
            items, version = self.cluster.store.list(t.kind, t.namespace), self.cluster.store.version
        items = [o for o in items if wanted(o["metadata"].get("labels")) and fields(o) and (not after or (o["metadata"].get("namespace", ""), o["metadata"]["name"]) > after)]
        meta, left = {"resourceVersion": str(version)}, len(items) - limit if limit else 0
        if left > 0:
            items = items[:limit]
            last = items[-1]["metadata"]
            token = json.dumps({"v": "sim", "at": [last.get("namespace", ""), last["name"]], "until": int(time.time()) + CONTINUE_SECONDS})
            meta.update({"continue": base64.urlsafe_b64encode(token.encode()).decode()}, remainingItemCount=left)
        partial = "as=PartialObjectMetadata" in (self.headers.get("Accept") or "")
        head = {"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1"} if partial else {"kind": t.kind.kind + "List", "apiVersion": t.kind.gv}
        self.answer(200, dict(head, metadata=meta, items=self.view(items)))

    def number(self, name):
        text = self.query.get(name)
        if text in (None, ""):
            return None
        if not re.fullmatch(r"\d{1,9}", text):
            raise Fault(400, 'strconv.ParseInt: parsing "%s": invalid syntax' % text)
        return int(text)

    def continued(self):
        """Where the page before ended. 410 once the token is too old."""
        if not self.query.get("continue"):
            return None
        try:
            v = json.loads(base64.urlsafe_b64decode(self.query["continue"]))
            at, until = (str(v["at"][0]), str(v["at"][1])), int(v["until"])
        except (ValueError, KeyError, IndexError, TypeError, binascii.Error) as e:
            raise Fault(400, "continue key is not valid: %s" % e) from e
        if until < time.time():
            raise Fault(410, "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter.")
        return at

    def post(self, t):
        manager, dry = self.options()
        body = self.given()
        with self.cluster.store.lock:
            obj = self.cluster.registry.create(t.kind, t.namespace, body, manager, dry)
        self.answer(201, obj)

    def put(self, t):
        manager, dry = self.options()
        body = self.given()
        with self.cluster.store.lock:
            obj = self.cluster.registry.replace(t.kind, t.namespace, t.name, body, manager, dry, t.sub)
        self.answer(200, obj)

    def patch(self, t):
        kind, created = (self.headers.get("Content-Type") or "").split(";")[0], False
        manager, dry = self.options()
        registry = self.cluster.registry
        if kind == "application/apply-patch+yaml":
            if not self.query.get("fieldManager"):
                raise Fault(422, "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch")
            body = self.given()
            with self.cluster.store.lock:
                obj, created = registry.apply(t.kind, t.namespace, t.name, body, manager, self.query.get("force") == "true", dry)
        elif kind == "application/merge-patch+json":
            body = self.given()
            with self.cluster.store.lock:
                obj = registry.merge(t.kind, t.namespace, t.name, body, manager, dry, t.sub)
        else:
            raise Fault(415, "the body of the request was in an unknown format - accepted media types include: application/merge-patch+json, application/apply-patch+yaml")
        self.answer(201 if created and not dry else 200, obj)

    def delete(self, t):
        options = self.given() if self.body.strip() else {}
        if self.query.get("propagationPolicy"):
            options["propagationPolicy"] = self.query["propagationPolicy"]
        if self.query.get("gracePeriodSeconds") == "0":
            options["gracePeriodSeconds"] = 0
        _, dry = self.options()
        with self.cluster.store.lock:
            uid = self.cluster.registry.found(t.kind, t.namespace, t.name)["metadata"]["uid"]
            left = self.cluster.registry.delete(t.kind, t.namespace, t.name, options, dry)
        self.answer(200, left or {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": dict(faults.about(t.kind, t.name), uid=uid)})

    def delete_all(self, t):
        wanted, fields = matching.labels(self.query.get("labelSelector")), matching.fields(t.kind, self.query.get("fieldSelector"))
        with self.cluster.store.lock:
            items = [o for o in self.cluster.store.list(t.kind, t.namespace) if wanted(o["metadata"].get("labels")) and fields(o)]
            for o in items:
                self.cluster.registry.delete(t.kind, o["metadata"].get("namespace"), o["metadata"]["name"])
        self.answer(200, {"kind": t.kind.kind + "List", "apiVersion": t.kind.gv, "metadata": {"resourceVersion": str(self.cluster.store.version)}, "items": items})

    # --- questions ---
    def question(self, kind):
        if self.command != "POST":
            raise Fault(405, "the server does not allow this method on the requested resource")
        body, rights = self.given(), self.cluster.rights
        spec = body.get("spec") if isinstance(body.get("spec"), dict) else {}
        with self.cluster.store.lock:
            rights.demand(self.user, "create", kind, None)
            if kind.kind == "SelfSubjectAccessReview":
                allowed = rights.access(self.user, spec)
                status = {"allowed": allowed, "reason": "RBAC: allowed" if allowed else ""}
            elif kind.kind == "SelfSubjectRulesReview":
                if not spec.get("namespace"):
                    raise Fault(400, "no namespace on request")
                status = rights.listed(self.user, spec["namespace"])
            else:
                status = {"userInfo": {"username": self.user.name, "groups": self.user.groups, "uid": self.user.uid}}
        self.answer(201, {"kind": kind.kind, "apiVersion": kind.gv, "metadata": {}, "spec": spec, "status": status})

    # --- subresources ---
    def sub_token(self, t):
        body = self.given() if self.body.strip() else {}
        seconds = int((body.get("spec") or {}).get("expirationSeconds") or 3600)
        with self.cluster.store.lock:
            account = self.cluster.registry.found(t.kind, t.namespace, t.name)
            token = self.cluster.tokens.issue(account, seconds)
        end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))
        self.answer(201, {"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "metadata": {"name": t.name, "namespace": t.namespace}, "spec": body.get("spec") or {}, "status": {"token": token, "expirationTimestamp": end}})

    def sub_log(self, t):
        with self.cluster.store.lock:
            p = self.cluster.registry.found(t.kind, t.namespace, t.name)
        names = [c["name"] for c in p["spec"]["containers"]]
        container = self.query.get("container") or (names[0] if len(names) == 1 else "")
        if container not in names:
            raise Fault(400, "container %s is not valid for pod %s" % (container, t.name) if container else "a container name must be specified for pod %s, choose one of: %s" % (t.name, names))
        state = next((c for c in p["status"].get("containerStatuses") or [] if c["name"] == container), None)
        if not state or (state["state"].get("waiting") and not (self.query.get("previous") == "true" and state.get("restartCount"))):
            why = state["state"]["waiting"]["reason"] if state else p["status"].get("phase")
            raise Fault(400, 'container "%s" in pod "%s" is waiting to start: %s' % (container, t.name, why))
        self.answer(200, self.cluster.node.log(p, container, self.number("tailLines"), self.number("limitBytes")).encode(), "text/plain")

    def sub_proxy(self, t):
        if t.kind.kind != "Service":
            raise Fault(405, "the simulator forwards to services only")
        parts = t.name.split(":")
        name, port = (parts[0], "") if len(parts) == 1 else (parts[-2], parts[-1])
        with self.cluster.store.lock:
            address, number = self.endpoint(t, name, port)
        self.forward(t, name, address, number)

    def endpoint(self, t, name, port):
        """(address, port) of a ready pod behind the service."""
        s = self.cluster.registry.found(t.kind, t.namespace, name)
        ports = s["spec"].get("ports") or []
        fit = [p for p in ports if port in ((p.get("name"), str(p["port"])) if port else (p.get("name") or "",))]
        if not fit and port:
            raise Fault(503, 'no service port "%s" found for service "%s"' % (port, name))
        wanted = s["spec"].get("selector") or {}
        pods = [p for p in self.cluster.store.all("Pod", t.namespace) if wanted and wanted.items() <= (p["metadata"].get("labels") or {}).items()]
        ready = [p for p in pods if not p["metadata"].get("deletionTimestamp") and any(c["type"] == "Ready" and c["status"] == "True" for c in p["status"].get("conditions") or [])]
        if not fit or not ready:
            raise Fault(503, 'no endpoints available for service "%s"' % name)
        number = fit[0].get("targetPort", fit[0]["port"])
        if isinstance(number, str):
            number = next((x["containerPort"] for c in ready[0]["spec"]["containers"] for x in c.get("ports") or [] if x.get("name") == number), 0)
        return ready[0]["status"]["podIP"], number

    def forward(self, t, name, address, port):
        """Authorization stays here, as with the real one; a cookie goes through."""
        query = urllib.parse.urlsplit(self.path).query
        headers = {k: v for k, v in self.headers.items() if k.lower() not in HOP | {"authorization"}}
        headers["Host"] = "%s:%d" % (address, port)
        if self.body:
            headers["Content-Length"] = str(len(self.body))
        conn = http.client.HTTPConnection(address, port, timeout=PROXY_SECONDS)
        try:
            conn.request(self.command, (t.rest or "/") + ("?" + query if query else ""), self.body or None, headers)
            r = conn.getresponse()
            data = r.read()
        except (OSError, http.client.HTTPException) as e:
            raise Fault(503, "error trying to reach service: dial tcp %s:%d: connect: %s" % (address, port, getattr(e, "strerror", None) or e)) from e
        finally:
            conn.close()
        prefix = "/api/v1/namespaces/%s/services/%s/proxy" % (t.namespace, t.name)
        out = [(k, prefix + v if k.lower() == "location" and v.startswith("/") else v) for k, v in r.getheaders() if k.lower() not in HOP | {"content-type", "date", "server"}]
        self.answer(r.status, data, r.getheader("Content-Type") or "application/octet-stream", out)
