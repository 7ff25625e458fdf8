/* Our KubeFATE manifest (facts: reference 10 section 7, with its recommended changes). Secrets only as placeholders; every scalar that comes from a person
 * is quoted; every object carries the labels by which we know it again. */
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/name.h"
#include "base/str.h"
#include "codec/yml.h"
#include "deploy/endpoint_ops.h"
#include "deploy/values.h"
#include "kube/read.h"

static const char *q(struct arena *a, const char *s) {
  struct buf b;
  buf_init(&b, a, 65536), yml_write_quoted(&b, nn(s));
  return b.p;
}
static bool bad(struct err *e, const char *what, const char *should) { return err_set(e, FAIL_INVALID, MSG_VALUES_PARAMETER, what, should); }

static bool check(const struct manifest_form *f, struct err *e) {
  if (*f->namespace_ && !name_dns_label(f->namespace_)) return bad(e, "namespace", "@expect.label");
  if (str_blank(f->service_username) || strlen(f->service_username) > 16 || strpbrk(f->service_username, "\n\r")) return bad(e, "service_username", "@expect.chars-16");
  if (f->service_password && (!*f->service_password || strlen(f->service_password) > 128 || strpbrk(f->service_password, "\n\r"))) return bad(e, "service_password", "@expect.chars-128");
  if (!name_dns(nn(f->hostname))) return bad(e, "hostname", "@expect.dns-name");
  if (f->use_registry && (str_blank(f->registry) || strpbrk(f->registry, " \t\n\"'"))) return bad(e, "registry", "@expect.registry");
  if (f->use_registry_secret && (str_blank(f->registry_server) || str_blank(f->registry_username))) return bad(e, "registry_server_url", "@expect.registry-account");
  if (*nn(f->storage_class) && !name_dns(f->storage_class)) return bad(e, "storage_class", "@expect.storage-class");
  return true;
}

struct out { struct buf b; struct arena *a; const struct manifest_form *f; const char *ns; };

static void doc(struct out *o, const char *api, const char *kind, const char *name, bool namespaced, const char *more_labels) {
  buf_fmt(&o->b, "---\napiVersion: %s\nkind: %s\nmetadata:\n  name: %s\n", api, kind, name);
  if (namespaced) buf_fmt(&o->b, "  namespace: %s\n", q(o->a, o->ns));
  buf_fmt(&o->b, "  labels:\n    app.kubernetes.io/managed-by: fedlcm\n    fedlcm.io/endpoint: %s\n%s", q(o->a, *nn(o->f->uuid) ? o->f->uuid : "new"), more_labels);
}

static void rbac(struct out *o) {
  if (*o->f->namespace_) {
    doc(o, "rbac.authorization.k8s.io/v1", "RoleBinding", "sc-edit-binding", true, "");
    buf_fmt(&o->b, "roleRef:\n  apiGroup: rbac.authorization.k8s.io\n  kind: ClusterRole\n  name: admin\nsubjects:\n- kind: ServiceAccount\n  name: kubefate-admin\n  namespace: %s\n", q(o->a, o->ns));
    return;
  }
  doc(o, "rbac.authorization.k8s.io/v1", "ClusterRole", "kubefate-role", false, "");
  buf_str(&o->b, "rules:\n"
      "- apiGroups: [\"\"]\n  resources: [namespaces, configmaps, services, secrets, persistentvolumeclaims, serviceaccounts]\n  verbs: [get, list, create, delete, update, patch]\n"
      "- apiGroups: [\"\"]\n  resources: [pods, pods/log, nodes]\n  verbs: [get, list]\n"
      "- apiGroups: [apps]\n  resources: [deployments, statefulsets, deployments/status, statefulsets/status]\n  verbs: [get, list, create, delete, update, patch]\n"
      "- apiGroups: [networking.k8s.io]\n  resources: [ingresses]\n  verbs: [get, list, create, delete, update, patch]\n"
      "- apiGroups: [networking.istio.io]\n  resources: [gateways, virtualservices]\n  verbs: [get, create, delete, update, patch]\n"
      "- apiGroups: [rbac.authorization.k8s.io]\n  resources: [roles, rolebindings]\n  verbs: [get, create, delete, update, patch]\n"
      "- apiGroups: [batch]\n  resources: [jobs]\n  verbs: [get, list, create, delete, update, patch]\n");
  doc(o, "rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "kubefate", false, "");
  buf_fmt(&o->b, "roleRef:\n  apiGroup: rbac.authorization.k8s.io\n  kind: ClusterRole\n  name: kubefate-role\nsubjects:\n- kind: ServiceAccount\n  name: kubefate-admin\n  namespace: %s\n", q(o->a, o->ns));
}

static void secrets(struct out *o) {
  doc(o, "v1", "Secret", "kubefate-secret", true, "");
  buf_fmt(&o->b, "type: Opaque\nstringData:\n  kubefateUsername: %s\n  kubefatePassword: %s\n  mariadbUsername: \"kubefate\"\n  mariadbPassword: \"${secret:mariadb_password}\"\n  mariadbRootPassword: \"${secret:mariadb_root_password}\"\n",
          q(o->a, o->f->service_username), o->f->service_password ? q(o->a, o->f->service_password) : "\"${secret:kubefate_password}\"");
  if (!o->f->use_registry_secret) return;
  doc(o, "v1", "Secret", "registrykeykubefate", true, "");
  buf_str(&o->b, "type: kubernetes.io/dockerconfigjson\nstringData:\n  .dockerconfigjson: \"${secret:registry_dockerconfig}\"\n");
}

static void pod_head(struct out *o, const char *name, const char *account, const char *image) {
  buf_fmt(&o->b, "spec:\n  replicas: 1\n  strategy:\n    type: Recreate\n  selector:\n    matchLabels:\n      fate: %s\n  template:\n    metadata:\n      labels:\n        fate: %s\n    spec:\n%s", name, name, account);
  if (o->f->use_registry_secret) buf_str(&o->b, "      imagePullSecrets:\n      - name: registrykeykubefate\n");
  buf_fmt(&o->b, "      containers:\n      - name: %s\n        image: %s\n        imagePullPolicy: IfNotPresent\n", name, q(o->a, o->f->use_registry ? arena_fmt(o->a, "%s/%s", o->f->registry, strrchr(image, '/') ? strrchr(image, '/') + 1 : image) : image));
}
static void env(struct out *o, const char *name, const char *value) { buf_fmt(&o->b, "        - name: %s\n          value: %s\n", name, q(o->a, value)); }
static void env_secret(struct out *o, const char *name, const char *key) {
  buf_fmt(&o->b, "        - name: %s\n          valueFrom:\n            secretKeyRef:\n              name: kubefate-secret\n              key: %s\n", name, key);
}
static const char RESOURCES[] = "        resources:\n          requests:\n            memory: 512Mi\n            cpu: \"0.5\"\n          limits:\n            memory: 4Gi\n            cpu: \"2\"\n";

static void kubefate(struct out *o) {
  doc(o, "apps/v1", "Deployment", "kubefate", true, "    fate: kubefate\n");
  pod_head(o, "kubefate", "      serviceAccountName: kubefate-admin\n", "federatedai/kubefate:v1.4.5");
  buf_str(&o->b, "        ports:\n        - containerPort: 8080\n        env:\n");
  env(o, "FATECLOUD_DB_TYPE", "mysql"), env(o, "FATECLOUD_DB_HOST", "mariadb"), env(o, "FATECLOUD_DB_PORT", "3306"), env(o, "FATECLOUD_DB_NAME", "kube_fate");
  env_secret(o, "FATECLOUD_DB_USERNAME", "mariadbUsername"), env_secret(o, "FATECLOUD_DB_PASSWORD", "mariadbPassword");
  env(o, "FATECLOUD_REPO_NAME", "kubefate"), env(o, "FATECLOUD_REPO_URL", "https://federatedai.github.io/KubeFATE");
  env_secret(o, "FATECLOUD_USER_USERNAME", "kubefateUsername"), env_secret(o, "FATECLOUD_USER_PASSWORD", "kubefatePassword");
  env(o, "FATECLOUD_SERVER_ADDRESS", "0.0.0.0"), env(o, "FATECLOUD_SERVER_PORT", "8080"), env(o, "FATECLOUD_LOG_LEVEL", "info"), env(o, "FATECLOUD_LOG_NOCOLOR", "true");
  buf_str(&o->b, RESOURCES);
  buf_str(&o->b, "        startupProbe:\n          tcpSocket:\n            port: 8080\n          failureThreshold: 30\n          periodSeconds: 10\n        readinessProbe:\n          tcpSocket:\n            port: 8080\n          initialDelaySeconds: 5\n"
                 "        livenessProbe:\n          tcpSocket:\n            port: 8080\n          initialDelaySeconds: 30\n          timeoutSeconds: 5\n");
}

static void mariadb(struct out *o) {
  bool pvc = *nn(o->f->storage_class) != 0;
  if (pvc) {
    doc(o, "v1", "PersistentVolumeClaim", "mariadb-data", true, "    fate: mariadb\n");
    buf_fmt(&o->b, "spec:\n  accessModes: [ReadWriteOnce]\n  storageClassName: %s\n  resources:\n    requests:\n      storage: 1Gi\n", q(o->a, o->f->storage_class));
  }
  doc(o, "apps/v1", "Deployment", "mariadb", true, "    fate: mariadb\n");
  pod_head(o, "mariadb", "      automountServiceAccountToken: false\n", "mariadb:10");
  buf_str(&o->b, "        ports:\n        - containerPort: 3306\n        env:\n");
  env(o, "MYSQL_DATABASE", "kube_fate"), env_secret(o, "MYSQL_USER", "mariadbUsername"), env_secret(o, "MYSQL_PASSWORD", "mariadbPassword"), env_secret(o, "MYSQL_ROOT_PASSWORD", "mariadbRootPassword");
  buf_str(&o->b, RESOURCES);
  buf_str(&o->b, "        readinessProbe:\n          exec:\n            command: [sh, -c, 'mysqladmin ping -uroot -p\"$MYSQL_ROOT_PASSWORD\"']\n          initialDelaySeconds: 5\n          periodSeconds: 10\n        volumeMounts:\n        - name: mariadb-data\n          mountPath: /var/lib/mysql\n      volumes:\n      - name: mariadb-data\n");
  buf_str(&o->b, pvc ? "        persistentVolumeClaim:\n          claimName: mariadb-data\n" : "        # Without a storage class KubeFATE forgets its clusters when this pod moves.\n        emptyDir: {}\n");
}

static void service(struct out *o, const char *name, int port) {
  doc(o, "v1", "Service", name, true, arena_fmt(o->a, "    fate: %s\n", name));
  buf_fmt(&o->b, "spec:\n  type: ClusterIP\n  selector:\n    fate: %s\n  ports:\n  - name: \"%d\"\n    port: %d\n    targetPort: %d\n    protocol: TCP\n", name, port, port, port);
}

bool manifest_render(struct arena *a, const struct manifest_form *f, const char **out, struct err *e) {
  struct out o = {.a = a, .f = f, .ns = *f->namespace_ ? f->namespace_ : "kube-fate"};
  if (!check(f, e)) return false;
  buf_init(&o.b, a, VALUES_MAX);
  buf_str(&o.b, "# KubeFATE service. The secret placeholders are filled by FedLCM when it applies this text.\n");
  if (!*f->namespace_) doc(&o, "v1", "Namespace", "kube-fate", false, "    name: kube-fate\n");
  doc(&o, "v1", "ServiceAccount", "kubefate-admin", true, "");
  secrets(&o), rbac(&o), service(&o, "mariadb", 3306), service(&o, "kubefate", 8080), mariadb(&o), kubefate(&o);
  if (f->ingress) {
    doc(&o, "networking.k8s.io/v1", "Ingress", "kubefate", true, "");
    buf_fmt(&o.b, "spec:\n  ingressClassName: %s\n  rules:\n  - host: %s\n    http:\n      paths:\n      - path: /\n        pathType: Prefix\n        backend:\n          service:\n            name: kubefate\n            port:\n              number: 8080\n", q(a, f->ingress_class), q(a, f->hostname));
  }
  *out = o.b.p;
  return o.b.failed ? err_set(e, FAIL_TOO_LARGE, MSG_VALUES_LARGE, NUM(VALUES_MAX)) : true;
}

bool manifest_check(struct arena *a, const char *yaml, const char *ns, struct err *e) {
  struct kube_doc *d;
  size_t n;
  bool found = false;
  if (strlen(yaml) > VALUES_MAX) return err_set(e, FAIL_TOO_LARGE, MSG_VALUES_LARGE, NUM(VALUES_MAX));
  if (!kube_manifest(a, yaml, strlen(yaml), &d, &n, e)) return false;
  for (size_t i = 0; i < n; i++) {
    if (!kube_kind(d[i].ref.api_version, d[i].ref.kind)) return err_set(e, FAIL_INVALID, MSG_MANIFEST_KIND, d[i].ref.kind, d[i].ref.name);
    bool spaced = kube_kind(d[i].ref.api_version, d[i].ref.kind)->namespaced;
    const char *should = *ns ? ns : "kube-fate";
    if (spaced && !streq(d[i].ref.ns, should)) return err_set(e, FAIL_INVALID, MSG_MANIFEST_SPACE, d[i].ref.kind, d[i].ref.name, should);
    if (!spaced && *ns) return err_set(e, FAIL_INVALID, MSG_MANIFEST_CLUSTER, d[i].ref.kind, d[i].ref.name);
    found |= streq(d[i].ref.kind, "Deployment") && streq(d[i].ref.name, "kubefate");
  }
  return found ? true : err_set(e, FAIL_INVALID, MSG_MANIFEST_NO_KUBEFATE);
}
