/* The yardstick: the least that a FastCGI program with a database can do. It keeps its connection, runs one prepared SELECT of 50 rows per request, prints them,
 * and fills up to as many bytes as the product's answer has. No session, no template, no JSON, no log, no headers but two.
 *
 *   bare SOCKET WORKERS CONNINFO FEDERATION BYTES TYPE */
#include <errno.h>
#include <fcgiapp.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static const char SQL[] = "select uuid, name, description, type, party_id, status, namespace, access_info from participant where federation_uuid = $1 and deleted_at is null order by type, party_id";

static void worker(int fd, const char *conninfo, const char *federation, size_t bytes, const char *type) {
  FCGX_Request q;
  PGconn *pg = PQconnectdb(conninfo);
  char *out = malloc(bytes + (1 << 20));
  if (PQstatus(pg) != CONNECTION_OK) { fprintf(stderr, "bare: %s", PQerrorMessage(pg)); _exit(2); }
  PQclear(PQprepare(pg, "list", SQL, 0, NULL));
  FCGX_Init();
  FCGX_InitRequest(&q, fd, 0);
  for (;;) {
    struct pollfd p = {.fd = fd, .events = POLLIN};
    if (poll(&p, 1, -1) < 0 && errno != EINTR) _exit(2);
    if (FCGX_Accept_r(&q) < 0) continue;
    PGresult *r = PQexecPrepared(pg, "list", 1, &federation, NULL, NULL, 0);
    size_t n = (size_t)sprintf(out, "Status: 200\r\nContent-Type: %s\r\n\r\n", type), head = n;
    if (PQntuples(r) < 50) _exit(3);
    for (int i = 0; i < PQntuples(r); i++)
      for (int c = 0; c < PQnfields(r); c++) {
        size_t k = (size_t)PQgetlength(r, i, c);
        memcpy(out + n, PQgetvalue(r, i, c), k);
        n += k;
        out[n++] = '\n';
      }
    if (n - head < bytes) memset(out + n, 'x', bytes - (n - head));
    n = head + bytes;
    PQclear(r);
    FCGX_PutStr(out, (int)n, q.out);
    FCGX_Finish_r(&q);
  }
}

int main(int argc, char **argv) {
  struct sockaddr_un sa = {.sun_family = AF_UNIX};
  if (argc != 7 || strlen(argv[1]) >= sizeof sa.sun_path) return 2;
  strcpy(sa.sun_path, argv[1]);
  unlink(argv[1]);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof sa) != 0 || chmod(argv[1], 0777) != 0 || listen(fd, 512) != 0) return perror("bare"), 2;
  signal(SIGPIPE, SIG_IGN);
  for (int i = 0; i < atoi(argv[2]); i++)
    if (fork() == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      worker(fd, argv[3], argv[4], (size_t)atol(argv[5]), argv[6]);
    }
  return wait(NULL) < 0;
}
