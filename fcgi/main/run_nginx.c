/* Contract: run.h. nginx: its configuration and the pages that it shows on its own, rendered from conf/ at every start. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/num.h"
#include "base/str.h"
#include "main/run.h"
#include "web/assets.h"
#include "web/route.h"

enum { CONF_MAX = 1 << 20, RATE_MAX = 100000 };
struct var { const char *name, *value; };

/* Replaces @NAME@ by its value; NAME unknown: the text stays, so that named locations (@api_413) pass. */
static bool render(struct run *r, const char *from, const char *to, const struct var *vars) {
  const struct account me = {getuid(), getgid()};
  struct err e = ERR_INIT;
  struct buf b;
  char *s;
  if (!file_read(r->a, arena_fmt(r->a, "%s/conf/%s", r->source, from), CONF_MAX, &s, NULL, &e)) return run_say_err(r, &e);
  buf_init(&b, r->a, CONF_MAX);
  while (*s) {
    const struct var *v = vars;
    size_t n = 0;
    for (; *s == '@' && v->name; v++)
      if (n = strlen(v->name), !strncmp(s + 1, v->name, n) && s[n + 1] == '@') break;
    if (*s == '@' && v->name) buf_str(&b, v->value), s += n + 2;
    else buf_ch(&b, *s++);
  }
  return run_put(r, to, b.p, b.n, 0644, me);
}

/* JSON envelope of an error that nginx answers on its own, inside single quotes of the configuration. */
static const char *envelope(struct run *r, enum msg key) {
  struct buf b;
  buf_init(&b, r->a, 4096);
  buf_str(&b, "{\"code\":10001,\"message\":");
  for (buf_js(&b, text_raw(LANG_EN, key)); strchr(b.p, '\'');) *strchr(b.p, '\'') = '`';
  buf_str(&b, ",\"data\":null}");
  return b.p;
}

/* "/api/v1/infra/{uuid}" as a pattern over method and path; nginx chooses the pool by it. */
static const char *wait_routes(struct run *r) {
  static const char *const METHOD[] = {[METHOD_GET] = "GET", [METHOD_POST] = "POST", [METHOD_PUT] = "PUT", [METHOD_DELETE] = "DELETE"};
  struct buf b;
  buf_init(&b, r->a, 65536);
  for (size_t t = 0; t < N_ROUTE_TABLES; t++)
    for (size_t i = 0; i < ROUTE_TABLES[t]->n; i++) {
      const struct route *x = &ROUTE_TABLES[t]->r[i];
      if (!(x->flags & ROUTE_WAIT) || x->method >= sizeof METHOD / sizeof *METHOD) continue;
      buf_fmt(&b, "\"~^%s:", METHOD[x->method]);
      for (const char *p = x->pattern; *p; p++)
        if (*p == '{') buf_str(&b, "[^/]+"), p += strcspn(p, "}") - (strchr(p, '}') == NULL);
        else if (*p == '.') buf_str(&b, "\\.");
        else buf_ch(&b, *p);
      buf_str(&b, "/?$\" wait;\n    ");
    }
  return b.p;
}

static const char *listen_line(const struct run *r) {
  const char *tls = r->tls == TLS_NONE ? "" : " ssl http2";
  return strchr(r->listen, ':') ? arena_fmt(r->a, "[%s]:%d%s%s", r->listen, r->port, tls, streq(r->listen, "::") ? " ipv6only=off" : "") : arena_fmt(r->a, "%s:%d%s", r->listen, r->port, tls);
}

/* The client's address is taken from X-Forwarded-For only when it comes from a proxy that was named. */
static const char *real_ip(const struct run *r) {
  struct buf b;
  buf_init(&b, r->a, 8192);
  for (char **p = str_split(r->a, nn(getenv("FEDLCM_PROXY_FROM")), " ,", NULL); r->behind_proxy && *p; p++)
    if (**p && strspn(*p, "0123456789abcdefABCDEF.:/") == strlen(*p)) buf_fmt(&b, "set_real_ip_from %s; ", *p);
  if (b.n) buf_str(&b, "real_ip_header X-Forwarded-For; real_ip_recursive on;");
  return b.p;
}

static bool pages(struct run *r) {
  static const struct { const char *file; enum msg title, text; bool refresh; } PAGE[] = {{"413", MSG_FRONT_LARGE_TITLE, MSG_FRONT_LARGE, false}, {"429", MSG_FRONT_BUSY_TITLE, MSG_FRONT_BUSY, false},
      {"503", MSG_FRONT_DOWN_TITLE, MSG_FRONT_DOWN, true}, {"504", MSG_FRONT_SLOW_TITLE, MSG_FRONT_SLOW, false}};
  const char *to = arena_fmt(r->a, "%s/front", r->app);
  if (!run_folder(r, to, r->root ? 0755 : 0700, (struct account){getuid(), getgid()})) return false;
  for (size_t i = 0; i < 2 * sizeof PAGE / sizeof *PAGE; i++) {
    const enum lang l = i % 2 ? LANG_ZH : LANG_EN;
    const struct var vars[] = {{"LANG", lang_code(l)}, {"TITLE", text_raw(l, PAGE[i / 2].title)}, {"TEXT", text_raw(l, PAGE[i / 2].text)}, {"BACK", text_raw(l, MSG_ERROR_BACK)}, {"CSS", asset_url("app.css")}, {"ICON", asset_url("icon.svg")},
                               {"REFRESH", PAGE[i / 2].refresh ? "<meta http-equiv=\"refresh\" content=\"3\">" : ""}, {NULL, NULL}};
    if (!render(r, "error.html.in", arena_fmt(r->a, "%s/%s.%s.html", to, PAGE[i / 2].file, lang_code(l)), vars)) return false;
  }
  return true;
}

/* nginx opens its access log itself, as its own account. */
static bool access_log(struct run *r) {
  const char *path = arena_fmt(r->a, "%s/log/access.log", r->state);
  CLEANUP(close_fd) int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0640);
  if (fd < 0 || (r->root && fchown(fd, r->front.uid, r->front.gid) != 0)) return run_say(r, MSG_RUN_FOLDER, path, "log");
  return true;
}

bool run_nginx_conf(struct run *r) {
  const char *rate = getenv("FEDLCM_LOGIN_RATE"), *hsts = r->tls == TLS_NONE && !r->behind_proxy ? "" : " add_header Strict-Transport-Security \"max-age=31536000\" always;";
  int per_minute = 10;
  if (rate && *rate && !num_int(rate, 1, RATE_MAX, &per_minute)) return run_say(r, MSG_RUN_RATE, rate);
  const struct var vars[] = {
      {"LISTEN", listen_line(r)},
      {"TLS", r->tls == TLS_NONE ? "" : "ssl_certificate ../tls/server.crt; ssl_certificate_key ../tls/server.key; ssl_protocols TLSv1.2 TLSv1.3; ssl_session_cache shared:tls:2m; ssl_session_tickets off;"},
      {"HTTPS", r->tls != TLS_NONE || r->behind_proxy ? "on" : ""},
      {"HEADERS", arena_fmt(r->a, "add_header X-Content-Type-Options nosniff always; add_header Referrer-Policy same-origin always; add_header Cross-Origin-Opener-Policy same-origin always; "
                                  "add_header Permissions-Policy \"camera=(), geolocation=(), microphone=(), payment=(), usb=()\" always;%s", hsts)},
      {"REAL_IP", real_ip(r)},
      {"SOCK", r->sock},
      {"LOGIN_RATE", NUM(per_minute)},
      {"LOGIN_BURST", NUM(per_minute <= 10 ? 5 : per_minute)},
      {"WAIT_ROUTES", wait_routes(r)},
      {"JSON_413", envelope(r, MSG_FRONT_LARGE)},
      {"JSON_429", envelope(r, MSG_FRONT_BUSY)},
      {"JSON_503", envelope(r, MSG_FRONT_DOWN)},
      {"JSON_504", envelope(r, MSG_FRONT_SLOW)},
      {NULL, NULL}};
  return pages(r) && access_log(r) && render(r, "nginx.conf.in", arena_fmt(r->a, "%s/nginx.conf", r->app), vars);
}

const char *const *run_nginx_argv(struct run *r) {
  static const char *const PLACES[] = {"/usr/sbin/nginx", "/usr/local/sbin/nginx", "/usr/local/nginx/sbin/nginx", "/usr/bin/nginx"};
  const char *own = getenv("FEDLCM_NGINX");
  r->nginx = own && access(own, X_OK) == 0 ? own : NULL;
  for (size_t i = 0; !r->nginx && i < sizeof PLACES / sizeof *PLACES; i++)
    if (access(PLACES[i], X_OK) == 0) r->nginx = PLACES[i];
  if (!r->nginx) return run_say(r, MSG_RUN_NO_NGINX, "nginx-light"), NULL;
  const char **argv = ARENA_ARRAY(r->a, const char *, 8);
  const char *const v[] = {r->nginx, "-p", arena_fmt(r->a, "%s/", r->state), "-c", "app/nginx.conf", "-e", "stderr"};
  for (size_t i = 0; i < sizeof v / sizeof *v; i++) argv[i] = v[i];
  return argv;
}
