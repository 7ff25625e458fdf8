/* Checks the direction of includes (DESIGN section 4) and the length of files: layercheck FILES... One line per fault, exit 1. */
#include <stdio.h>
#include <string.h>

static const struct { const char *dir; int rank; } LAYER[] = {
    {"base", 0}, {"codec", 1}, {"crypt", 1}, {"db", 2}, {"net", 2}, {"kube", 3}, {"kubefate", 3}, {"stepca", 3}, {"model", 4},
    {"deploy", 5}, {"web", 6}, {"pages", 7}, {"api", 7}, {"main", 8}, {"tools", 9}};
/* Pairs that the rank alone would allow. */
static const struct { const char *from, *to; } DENY[] = {
    {"codec", "crypt"}, {"crypt", "codec"}, {"db", "net"}, {"net", "db"}, {"kube", "kubefate"}, {"kubefate", "kube"}, {"kube", "stepca"}, {"kube", "db"}, {"kubefate", "db"},
    {"model", "net"}, {"model", "kube"}, {"model", "kubefate"}, {"model", "stepca"}, {"pages", "kube"}, {"pages", "kubefate"}, {"pages", "stepca"}, {"pages", "net"},
    {"api", "kube"}, {"api", "kubefate"}, {"api", "stepca"}, {"api", "net"}, {"pages", "api"}, {"api", "pages"}};
static int faults;

static int rank(const char *dir) {
  for (size_t i = 0; i < sizeof LAYER / sizeof *LAYER; i++)
    if (!strcmp(LAYER[i].dir, dir)) return LAYER[i].rank;
  return -1;
}

static void include(const char *path, int line, const char *from, const char *to, const char *rest) {
  int a = rank(from), b = rank(to), bad = b < 0 ? 0 : b > a || (b == a && strcmp(from, to));
  for (size_t i = 0; i < sizeof DENY / sizeof *DENY; i++) bad |= !strcmp(DENY[i].from, from) && !strcmp(DENY[i].to, to);
  if (!strcmp(from, "web") && !strcmp(to, "model")) bad |= strcmp(rest, "user.h") && strcmp(rest, "session.h") && strcmp(rest, "event.h");
  if (bad) printf("%s:%d: %s may not include %s/%s\n", path, line, from, to, rest), faults++;
}

static void check(const char *path) {
  FILE *f = fopen(path, "r");
  char b[4096], from[64] = "", to[64], rest[256];
  if (!f || sscanf(path, "fcgi/%63[^/]/", from) != 1) { perror(path); faults++; return; }
  int line = 1;
  for (; fgets(b, sizeof b, f); line++)
    if (sscanf(b, " # include \"%63[^/\"]/%255[^\"]\"", to, rest) == 2 || sscanf(b, "#include \"%63[^/\"]/%255[^\"]\"", to, rest) == 2) include(path, line, from, to, rest);
  if (line > 801) printf("%s: %d lines; split at 800\n", path, line - 1), faults++;
  fclose(f);
}

int main(int argc, char **argv) {
  for (int i = 1; i < argc; i++) check(argv[i]);
  if (!faults) printf("layercheck: %d files, no fault\n", argc - 1);
  return faults != 0;
}
