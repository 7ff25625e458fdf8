"""Request bodies that are no JSON, too large, of wrong types or nested too deep, on every route that reads one."""
import unittest

from web import API, NOBODY, ROUTES, Case, call, raw, seed_federation

BODIES = [(m, p.replace("{uuid}", NOBODY).replace("{id}", "1")[len(API):]) for m, _, p, *flags in ROUTES if "json" in flags]


class Bodies(Case):
    def every(self, body, status, *words):
        self.assertGreater(len(BODIES), 8)
        with self.unchanged():
            for method, path in BODIES:
                with self.subTest(route=path):
                    self.refused(call(method, path, body), status, *words)

    def test_empty(self):
        self.every(b"", 400, "JSON")

    def test_broken(self):
        for body in ("{", '{"name": "x"', '{"name": }', "{'name': 'x'}", '{"name": "x"} trailing', '{"name": NaN}', '{"name": 01}', '{"a": "line\nbreak"}', '{"a": "\\x"}', "<xml/>", "name=x&domain=y"):
            with self.subTest(body=body):
                self.every(body, 400, "JSON text")

    def test_not_an_object(self):
        for body in ("[]", "null", "1", "true", '"text"', '[{"name": "x"}]'):
            with self.subTest(body=body):
                self.every(body, 400, "must be a JSON object")

    def test_not_utf8(self):
        self.every(b'{"name": "\xff\xfe"}', 400, "UTF-8")
        self.every(b'{"name": "\xed\xa0\x80"}', 400, "UTF-8")

    def test_deep(self):
        self.every("[" * 33 + "]" * 33, 400, "nesting too deep")
        self.every('{"a":' * 100 + "1" + "}" * 100, 400, "nesting too deep")
        with self.unchanged():
            self.refused(call("POST", "/federation/fate", '{"a":' * 100000), 400, "nesting too deep")

    def test_large(self):
        """10 MB: refused before it is read."""
        body = b'{"name": "' + b"x" * (10 << 20) + b'"}'
        with self.unchanged():
            for method, path in (("POST", "/federation/fate"), ("POST", "/infra"), ("POST", "/endpoint"), ("PUT", "/infra/" + NOBODY)):
                with self.subTest(route=path):
                    r = self.refused(call(method, path, body), 413)
                    self.assertLess(r.seconds, 6)
            self.refused(call("POST", "/federation/fate", b'{"name": "' + b"x" * (2 << 20) + b'"}'), 413, "larger than 1048576 bytes")

    def test_large_login(self):
        with self.unchanged():
            r = raw("POST", API + "/user/login", {"username": "Admin", "password": "x" * 20000}, {"Content-Type": "application/json"})
            self.refused(r, 413)

    def test_wrong_types(self):
        f = "/federation/fate"
        cases = [("POST", f, "name", v) for v in (1, True, [], {}, 1.5)]
        cases += [("POST", f, "description", 1), ("POST", f, "domain", ["example.com"])]
        cases += [("POST", "/infra", k, v) for k, v in (("name", 1), ("type", {}), ("kubernetes_provider_info", []), ("kubernetes_provider_info", "text"), ("allow_insecure_tls", "yes"))]
        cases += [("POST", "/infra/kubernetes/connect", k, v) for k, v in (("kubeconfig_content", {}), ("is_in_cluster", "false"), ("namespaces_list", "a,b"), ("namespaces_list", [1]))]
        cases += [("POST", "/endpoint", k, v) for k, v in (("infra_provider_uuid", 1), ("name", {}), ("install", "true"), ("ingress_controller_service_mode", "0"), ("kubefate_deployment_yaml", 7))]
        with self.unchanged():
            for method, path, key, value in cases:
                with self.subTest(path=path, key=key, value=value):
                    body = {"infra_provider_uuid": NOBODY, key: value} if path == "/endpoint" else {key: value}
                    self.refused(call(method, path, body), 400, key, "wrong type")

    def test_wrong_types_inside(self):
        fed = seed_federation()
        base = {"name": "x", "endpoint_uuid": NOBODY, "chart_uuid": NOBODY}
        with self.unchanged():
            for key, value in (("registry_config", []), ("registry_config", {"use_registry": "no"}), ("registry_config", {"registry_secret_config": "x"}), ("registry_config", {"registry_secret_config": {"password": 1}}),
                               ("proxy_server_cert_info", 1), ("proxy_server_cert_info", {"binding_mode": "3"}), ("proxy_server_cert_info", {"common_name": []}), ("service_type", "NodePort"), ("deployment_yaml", {})):
                with self.subTest(key=key, value=value):
                    self.refused(call("POST", "/federation/fate/%s/exchange" % fed, dict(base, **{key: value})), 400, "wrong type")
            for value in (-1, 4, 2 ** 31):
                self.refused(call("POST", "/federation/fate/%s/exchange" % fed, dict(base, proxy_server_cert_info={"binding_mode": value})), 422, "binding_mode")

    def test_nul(self):
        """A text with an escaped NUL would be read short."""
        with self.unchanged():
            self.refused(call("POST", "/federation/fate", '{"name": "a\\u0000b", "domain": "example.com"}'), 400, "name")

    def test_login_bodies(self):
        """Upstream answers every unreadable login alike."""
        with self.unchanged():
            for body in (b"", b"{", b"[]", b'{"username": 1, "password": []}', b'{"username": "Admin"}', b"[" * 10000):
                with self.subTest(body=body[:20]):
                    r = raw("POST", API + "/user/login", body, {"Content-Type": "application/json"})
                    self.refused(r, 401, "missing Username or Password")


if __name__ == "__main__":
    unittest.main()
