/* Generating deployment YAML (contract: values.h; keys: reference 20 sections 5.3, 5.4). A small emitter: every user-supplied string is quoted. */
#include "deploy/values.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/name.h"
#include "base/str.h"
#include "codec/yml.h"

void values_defaults(struct values_form *f) {
  *f = (struct values_form){.service_type = 1, .ingress_class = "nginx", .storage_class = "", .registry = "", .spark_cores = 8, .spark_nodes = 1, .spark_master = "spark://spark-master:7077", .spark_driver_host = "fateflow",
      .spark_driver_host_type = "NodePort", .spark_retries = 30, .spark_driver_port = 31000, .spark_block_port = 31100, .spark_python = "", .hdfs_name_node = "hdfs://namenode:9000", .hdfs_prefix = "", .pulsar_host = "pulsar",
      .pulsar_mng_port = 8080, .pulsar_port = 6650, .pulsar_ssl_port = 6651, .domain = "", .exchange_nginx_host = "", .exchange_ats_host = ""};
}

static bool bad(struct err *e, const char *parameter, const char *expected) { return err_set(e, FAIL_INVALID, MSG_VALUES_PARAMETER, parameter, expected); }
static bool port_ok(long p) { return p >= 1 && p <= 65535; }

static bool check_common(struct arena *a, const struct values_form *f, struct err *e) {
  if (str_blank(f->name)) return bad(e, "name", "@expect.name");
  if (!name_dns_label(nn(f->namespace_))) return bad(e, "namespace", "@expect.label");
  if (f->service_type != 1 && f->service_type != 2) return bad(e, "service_type", "@expect.service-type");
  if (f->use_registry && (str_blank(f->registry) || strpbrk(f->registry, " \t\n\"'"))) return bad(e, "registry", "@expect.registry");
  return true;
}

static bool check_engines(const struct values_form *f, struct err *e) {
  if (f->ext_spark && (!strstr(f->spark_master, "://") || f->spark_cores < 1 || f->spark_nodes < 1 || f->spark_retries < 1)) return bad(e, "external_spark_master", "@expect.spark-master");
  if (f->ext_spark && (!name_host(f->spark_driver_host) || !port_ok(f->spark_driver_port) || !port_ok(f->spark_block_port))) return bad(e, "external_spark_driverHost", "@expect.host-ports");
  if (f->ext_spark && f->spark_block_port < f->spark_driver_port + f->spark_retries && f->spark_driver_port < f->spark_block_port + f->spark_retries) return bad(e, "external_spark_blockManagerStartPort", "@expect.port-ranges");
  if (f->ext_hdfs && !strstr(f->hdfs_name_node, "://")) return bad(e, "external_hdfs_name_node", "hdfs://host:port");
  if (f->ext_pulsar && (!name_host(f->pulsar_host) || !port_ok(f->pulsar_mng_port) || !port_ok(f->pulsar_port) || !port_ok(f->pulsar_ssl_port))) return bad(e, "external_pulsar_host", "@expect.host-ports");
  return true;
}

static bool check_cluster(struct arena *a, const struct values_form *f, struct err *e) {
  if (!check_common(a, f, e)) return false;
  if (f->party_id < 1 || f->party_id > 2147483647) return bad(e, "party_id", "@expect.party-id");
  if (!name_domain(nn(f->domain))) return bad(e, "domain", "@expect.domain");
  if (f->enable_persistence && !name_dns(nn(f->storage_class))) return bad(e, "storage_class", "@expect.storage-class");
  if (f->gpu < 0 || f->gpu > 64) return bad(e, "fateflow_gpu_num", "@expect.gpu");
  if (!name_host(nn(f->exchange_nginx_host)) || !port_ok(f->exchange_nginx_port) || !name_host(nn(f->exchange_ats_host)) || !port_ok(f->exchange_ats_port)) return bad(e, "exchange", "@expect.exchange");
  return check_engines(f, e);
}

static void q(struct buf *b, const char *key, const char *v) { /* key: "value" with the key's own indentation */
  buf_str(b, key), buf_str(b, ": "), yml_write_quoted(b, nn(v)), buf_ch(b, '\n');
}

const char *values_fallback_name(struct arena *a, int type, long party_id) { return type == 1 ? "fate-exchange" : arena_fmt(a, "fate-%ld", party_id); }

static const char *deployment_name(struct arena *a, const struct values_form *f, bool exchange) {
  char *d = name_deployment(a, f->name);
  return *d ? d : values_fallback_name(a, exchange ? 1 : 2, f->party_id);
}

static void head(struct buf *b, struct arena *a, const struct values_form *f, bool exchange) {
  buf_str(b, "# Name and namespace come from the form: change them there, not here.\n");
  q(b, "name", deployment_name(a, f, exchange)), q(b, "namespace", f->namespace_), q(b, "chartName", f->chart_name), q(b, "chartVersion", f->chart_version);
  buf_fmt(b, "partyId: %ld\n", exchange ? 0L : f->party_id);
  if (f->use_registry) buf_str(b, "# Images are taken from <registry>/<image>:<tag>.\n"), q(b, "registry", f->registry);
  buf_fmt(b, "podSecurityPolicy:\n  enabled: %s\n", f->enable_psp ? "true" : "false");
  if (f->use_registry_secret) buf_str(b, "imagePullSecrets:\n- name: \"registrykeyfate\"\n");
}

bool values_exchange(struct arena *a, const struct values_form *f, const char **out, struct err *e) {
  struct buf b;
  const char *type = f->service_type == 1 ? "LoadBalancer" : "NodePort";
  if (!check_common(a, f, e)) return false;
  buf_init(&b, a, VALUES_MAX), head(&b, a, f, true);
  buf_str(&b, "modules:\n- trafficServer\n- nginx\n");
  if (f->portal) buf_str(&b, "- postgres\n- fmlManagerServer\n");
  buf_fmt(&b, "trafficServer:\n  type: %s\n  # Filled by FedLCM with one entry per party.\n  route_table:\n    sni: []\nnginx:\n  type: %s\n  route_table: {}\n", type, type);
  if (f->portal) buf_fmt(&b, "postgres:\n  user: \"fml_manager\"\n  password: \"${secret:postgres_password}\"\n  db: \"fml_manager\"\nfmlManagerServer:\n  type: %s\n  postgresPassword: \"${secret:postgres_password}\"\n", type);
  *out = b.p;
  return b.failed ? err_set(e, FAIL_TOO_LARGE, MSG_VALUES_LARGE, NUM(VALUES_MAX)) : true;
}

static void modules(struct buf *b, const struct values_form *f) {
  buf_str(b, "modules:\n- mysql\n- python\n- fateboard\n- client\n");
  if (!f->ext_spark) buf_str(b, "- spark\n");
  if (!f->ext_hdfs) buf_str(b, "- hdfs\n");
  if (!f->ext_pulsar) buf_str(b, "- pulsar\n");
  buf_str(b, "- nginx\n");
  if (f->portal) buf_str(b, "- frontend\n- sitePortalServer\n- postgres\n");
}

static void ingress(struct buf *b, const char *d, const struct values_form *f) {
  static const struct { const char *key, *label; int need; } I[] = {{"fateboard", "fateboard", 0}, {"client", "notebook", 0}, {"spark", "spark", 1}, {"pulsar", "pulsar", 2}};
  buf_str(b, "ingress:\n");
  for (size_t i = 0; i < 4; i++)
    if (!(I[i].need == 1 && f->ext_spark) && !(I[i].need == 2 && f->ext_pulsar)) buf_fmt(b, "  %s:\n    hosts:\n    - name: \"%s.%s.%s\"\n", I[i].key, d, I[i].label, f->domain);
}

static void volume(struct buf *b, const char *indent, const char *size, const char *sc) {
  buf_fmt(b, "%sexistingClaim: \"\"\n%saccessMode: ReadWriteOnce\n%ssize: %s\n%sstorageClass: ", indent, indent, indent, size, indent);
  yml_write_quoted(b, nn(sc));
  buf_ch(b, '\n');
}

static void python(struct buf *b, const struct values_form *f) {
  buf_str(b, "python:\n"), volume(b, "  ", "10Gi", f->storage_class);
  if (f->gpu > 0) buf_fmt(b, "  resources:\n    requests:\n      nvidia.com/gpu: %d\n    limits:\n      nvidia.com/gpu: %d\n", f->gpu, f->gpu);
  buf_str(b, "  spark:\n");
  if (f->ext_spark) {
    buf_fmt(b, "    cores_per_node: %ld\n    nodes: %ld\n", f->spark_cores, f->spark_nodes), q(b, "    master", f->spark_master), q(b, "    driverHost", f->spark_driver_host), q(b, "    driverHostType", f->spark_driver_host_type);
    buf_fmt(b, "    portMaxRetries: %ld\n    driverStartPort: %ld\n    blockManagerStartPort: %ld\n", f->spark_retries, f->spark_driver_port, f->spark_block_port), q(b, "    pysparkPython", f->spark_python);
  } else buf_str(b, "    cores_per_node: 20\n    nodes: 2\n    master: \"spark://spark-master:7077\"\n    driverHost: null\n    driverHostType: null\n    portMaxRetries: null\n    driverStartPort: null\n    blockManagerStartPort: null\n    pysparkPython: null\n");
  buf_str(b, "  hdfs:\n"), q(b, "    name_node", f->ext_hdfs ? f->hdfs_name_node : "hdfs://namenode:9000");
  if (f->ext_hdfs && *nn(f->hdfs_prefix)) q(b, "    path_prefix", f->hdfs_prefix);
  else buf_str(b, "    path_prefix: null\n");
  buf_str(b, "  pulsar:\n"), q(b, "    host", f->ext_pulsar ? f->pulsar_host : "pulsar");
  buf_fmt(b, "    mng_port: %ld\n    port: %ld\n", f->ext_pulsar ? f->pulsar_mng_port : 8080, f->ext_pulsar ? f->pulsar_port : 6650);
  if (f->ext_pulsar) buf_fmt(b, "    ssl_port: %ld\n", f->pulsar_ssl_port);
  buf_str(b, "    topic_ttl: 3\n    cluster: standalone\n    tenant: fl-tenant\n  nginx:\n    host: nginx\n    http_port: 9300\n    grpc_port: 9310\n");
}

static void stores(struct buf *b, const struct values_form *f) {
  const char *sc = f->storage_class;
  buf_str(b, "# Passwords are generated and kept sealed; FedLCM fills the placeholders when it sends this text.\nfateboard:\n  type: ClusterIP\n  username: admin\n  password: \"${secret:fateboard_password}\"\n");
  buf_str(b, "# A notebook password: set client.notebook_hashed_password to a Jupyter password hash.\nclient:\n  subPath: client\n"), volume(b, "  ", "1Gi", sc);
  buf_str(b, "mysql:\n  subPath: mysql\n  password: \"${secret:mysql_password}\"\n"), volume(b, "  ", "1Gi", sc);
  if (!f->ext_spark) buf_str(b, "spark:\n  master:\n    replicas: 1\n  worker:\n    replicas: 2\n");
  if (!f->ext_hdfs) buf_str(b, "hdfs:\n  namenode:\n"), volume(b, "    ", "1Gi", sc), buf_str(b, "  datanode:\n"), volume(b, "    ", "1Gi", sc);
}

bool values_cluster(struct arena *a, const struct values_form *f, const char **out, struct err *e) {
  struct buf b;
  if (!check_cluster(a, f, e)) return false;
  const char *type = f->service_type == 1 ? "LoadBalancer" : "NodePort", *d = deployment_name(a, f, false);
  bool gpu = f->gpu > 0 && !str_starts(f->chart_version, "v1.10") && !str_starts(f->chart_version, "v1.9");
  struct values_form g = *f;
  if (!gpu) g.gpu = 0;
  buf_init(&b, a, VALUES_MAX), head(&b, a, &g, false);
  buf_fmt(&b, "persistence: %s\n", f->enable_persistence ? "true" : "false"), q(&b, "ingressClassName", *nn(f->ingress_class) ? f->ingress_class : "nginx");
  modules(&b, &g);
  buf_fmt(&b, "computing: Spark\nfederation: Pulsar\nstorage: HDFS\nalgorithm: %s\ndevice: %s\nskippedKeys:\n- route_table\n", gpu ? "NN" : "Basic", gpu ? "GPU" : "CPU");
  ingress(&b, d, &g), python(&b, &g), stores(&b, &g);
  buf_fmt(&b, "nginx:\n  type: %s\n  # The exchange: where requests to other parties go.\n  exchange:\n", type), q(&b, "    ip", f->exchange_nginx_host), buf_fmt(&b, "    httpPort: %d\n", f->exchange_nginx_port);
  buf_str(&b, "pulsar:\n");
  if (!f->ext_pulsar) volume(&b, "  ", "1Gi", f->storage_class), buf_str(&b, "  publicLB:\n    enabled: true\n");
  buf_str(&b, "  exchange:\n"), q(&b, "    ip", f->exchange_ats_host), buf_fmt(&b, "    port: %d\n", f->exchange_ats_port), q(&b, "    domain", f->domain);
  if (f->portal) {
    buf_str(&b, "postgres:\n  user: \"site_portal\"\n  password: \"${secret:postgres_password}\"\n  db: \"site_portal\"\n"), volume(&b, "  ", "1Gi", f->storage_class);
    buf_fmt(&b, "frontend:\n  type: %s\nsitePortalServer:\n", type), volume(&b, "  ", "1Gi", f->storage_class), q(&b, "  tlsCommonName", arena_fmt(a, "site-%ld.server.%s", f->party_id, f->domain));
    buf_str(&b, "  adminPassword: \"${secret:portal_admin_password}\"\n  postgresPassword: \"${secret:postgres_password}\"\n");
  }
  *out = b.p;
  return b.failed ? err_set(e, FAIL_TOO_LARGE, MSG_VALUES_LARGE, NUM(VALUES_MAX)) : true;
}
