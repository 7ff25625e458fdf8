/* What the commands of fedlcm share. */
#ifndef MAIN_CLI_H
#define MAIN_CLI_H
#include <stdbool.h>
#include "base/conf.h"
#include "base/text.h"
struct db; struct arena; struct err;
struct cli { struct conf c; struct db *db; struct arena *a; int argc; char **argv; /* after the command's name */ bool misused; /* by a command that was called wrongly: usage, unless it fills its err */ };
/* In the language of the terminal, as everywhere: LC_ALL, LC_MESSAGES, LANG. */
const char *cli_say(struct cli *x, struct text t);

/* cli_ops.c: ops list|show|retry|cancel */
bool cmd_ops(struct cli *x, struct err *e);

/* cli_table.c: rows of cells with aligned columns, for terminals: wide characters count two columns, control characters are not passed on. */
enum { CLI_COLUMNS = 10 };
struct cli_table { struct arena *a; int columns; const char *(*rows)[CLI_COLUMNS]; int n, cap; };
void cli_table_row(struct cli_table *t, const char *const *cells);   /* copies pointers; NULL counts as "" */
void cli_table_print(const struct cli_table *t, const char *indent);
/* Text of others on one line. */
const char *cli_clean(struct arena *a, const char *s);
#endif
