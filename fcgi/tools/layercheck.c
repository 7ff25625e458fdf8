/* Checks the direction of includes (DESIGN section 4) and the length of files: layercheck [FILES...]; without files all of fcgi/. One line
 * "file:line: fault" per fault, exit 1. */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LINES = 800 };

static const struct { const char *dir; int rank; } LAYER[] = {
    {"base", 0}, {"codec", 1}, {"crypt", 1}, {"db", 2}, {"net", 2}, {"kube", 3}, {"kubefate", 3}, {"stepca", 3}, {"model", 4},
    {"deploy", 5}, {"web", 6}, {"pages", 7}, {"api", 7}, {"main", 8}, {"tools", 9}};

/* What the rank alone would allow. Folders of one rank never include each other. */
static const struct { const char *from, *to; } DENY[] = {
    {"kube", "db"}, {"kubefate", "db"}, {"stepca", "db"}, /* clients know no tables */
    {"model", "net"}, {"model", "kube"}, {"model", "kubefate"}, {"model", "stepca"}, /* only deploy knows records and clients */
    {"pages", "net"}, {"pages", "kube"}, {"pages", "kubefate"}, {"pages", "stepca"}, /* a web worker contacts nothing but the database */
    {"api", "net"}, {"api", "kube"}, {"api", "kubefate"}, {"api", "stepca"}};

/* All that web may take from model. */
static const char *const WEB_FROM_MODEL[] = {"user.h", "session.h", "event.h" /* stored sentences */};

static int faults;

static int rank(const char *dir) {
  for (size_t i = 0; i < sizeof LAYER / sizeof *LAYER; i++)
    if (!strcmp(LAYER[i].dir, dir)) return LAYER[i].rank;
  return -1;
}

static int denied(const char *from, const char *to, const char *header) {
  int a = rank(from), b = rank(to);
  if (b < 0) return 0; /* a library's or a generated header */
  if (b > a || (b == a && strcmp(from, to))) return 1;
  for (size_t i = 0; i < sizeof DENY / sizeof *DENY; i++)
    if (!strcmp(DENY[i].from, from) && !strcmp(DENY[i].to, to)) return 1;
  if (strcmp(from, "web") || strcmp(to, "model")) return 0;
  for (size_t i = 0; i < sizeof WEB_FROM_MODEL / sizeof *WEB_FROM_MODEL; i++)
    if (!strcmp(WEB_FROM_MODEL[i], header)) return 0;
  return 1;
}

static void check(const char *path) {
  char b[4096], from[64] = "", to[64], header[256];
  FILE *f = fopen(path, "r");
  if (!f) { perror(path); faults++; return; }
  const char *in = strstr(path, "fcgi/");
  if (!in || sscanf(in, "fcgi/%63[^/]/", from) != 1 || rank(from) < 0) printf("%s:1: no layer named \"%s\"\n", path, from), faults++;
  int line = 0;
  while (fgets(b, sizeof b, f)) {
    line++;
    if (sscanf(b, " # include \"%63[^/\"]/%255[^\"]\"", to, header) == 2 && denied(from, to, header))
      printf("%s:%d: %s may not include %s/%s\n", path, line, from, to, header), faults++;
  }
  if (line > MAX_LINES) printf("%s:%d: %d lines; split at %d\n", path, MAX_LINES + 1, line, MAX_LINES), faults++;
  fclose(f);
}

int main(int argc, char **argv) {
  int n = argc - 1;
  char **files = argv + 1;
  glob_t g;
  if (!n) {
    if (glob("fcgi/*/*.[ch]", 0, NULL, &g)) { fputs("layercheck: no fcgi/*/*.[ch] here\n", stderr); return 2; }
    n = (int)g.gl_pathc, files = g.gl_pathv;
  }
  for (int i = 0; i < n; i++) check(files[i]);
  if (!faults) printf("layercheck: %d files, no fault\n", n);
  return faults != 0;
}
