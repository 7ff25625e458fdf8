/* Certificate authority and certificates (reference 40 sections 2, 5.4, 6). Every federation has an embedded authority of its own; the routes about *the*
 * authority speak of one that a person configured, and there is none. */
#include "api/api.h"
#include "api/tables.h"
#include "base/str.h"
#include "model/cert.h"
#include "model/status.h"

static bool authority(struct req *q, struct resp *r, struct err *e) {
  (void)e;
  return resp_json_null(r, q);
}

static bool built_in(struct req *q, struct resp *r, struct err *e) {
  (void)q, (void)r;
  return err_set(e, FAIL_INVALID, MSG_API_NO_BUILT_IN_CA);
}

static bool refuse(struct req *q, struct resp *r, struct err *e) {
  (void)q, (void)r;
  return err_set(e, FAIL_INVALID, MSG_API_CA_EMBEDDED);
}

static void binding(struct jsw *w, struct req *q, const struct cert_binding *b) {
  bool gone = !*nn(b->participant_type);
  jsw_obj(w), jsw_ki64(w, "service_type", b->service_type), jsw_kstr(w, "participant_uuid", b->participant_uuid.s), jsw_kstr(w, "participant_name", gone ? "Unknown" : b->participant_name), jsw_kstr(w, "participant_type", nn(b->participant_type));
  jsw_kstr(w, "service_description", gone ? "Unknown" : arena_fmt(q->a, "%s service of FATE %s", cert_service_text(b->service_type), b->participant_type));
  jsw_kstr(w, "federation_uuid", b->federation_uuid.s), jsw_kstr(w, "federation_name", nn(b->federation_name)), jsw_kstr(w, "federation_type", "FATE"), jsw_end_obj(w);
}

static bool list(struct req *q, struct resp *r, struct err *e) {
  struct cert *v;
  size_t n;
  struct jsw w;
  if (!cert_list(q->db, q->a, &v, &n, e)) return false;
  resp_json_begin(r, q, &w), jsw_arr(&w);
  for (size_t i = 0; i < n; i++) {
    jsw_obj(&w), jsw_kstr(&w, "name", v[i].name), jsw_kstr(&w, "uuid", v[i].uuid.s), jsw_kstr(&w, "serial_number", v[i].serial_dec), api_time(&w, q, "expiration_date", v[i].not_after), jsw_kstr(&w, "common_name", v[i].subject_cn);
    jsw_key(&w, "bindings"), jsw_arr(&w);
    for (size_t k = 0; k < v[i].n_bindings; k++) binding(&w, q, &v[i].bindings[k]);
    jsw_end_arr(&w), jsw_end_obj(&w);
  }
  jsw_end_arr(&w);
  return resp_json_end(r, &w);
}

static bool drop(struct req *q, struct resp *r, struct err *e) {
  struct uuid id;
  return req_uuid(q, 0, &id, e) && cert_delete(q->db, q->a, id, e) && resp_json_null(r, q);
}

static const struct route R[] = {
    {METHOD_GET, "/api/v1/certificate-authority", authority, PERM_VIEW, ROUTE_API, 0},
    {METHOD_POST, "/api/v1/certificate-authority", refuse, PERM_ADMIN, ROUTE_API, 0},
    {METHOD_GET, "/api/v1/certificate-authority/built-in-ca", built_in, PERM_VIEW, ROUTE_API, 0},
    {METHOD_PUT, "/api/v1/certificate-authority/{uuid}", refuse, PERM_ADMIN, ROUTE_API, 0},
    {METHOD_GET, "/api/v1/certificate", list, PERM_VIEW, ROUTE_API, 0},
    {METHOD_DELETE, "/api/v1/certificate/{uuid}", drop, PERM_OPERATE, ROUTE_API, 0},
};
const struct route_table API_CERTIFICATE = {R, sizeof R / sizeof *R};
