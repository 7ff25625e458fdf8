/* Contract: cli.h. */
#include <stdio.h>
#include "base/arena.h"
#include "base/str.h"
#include "main/cli.h"

enum { LONGEST = 65536 };

const char *cli_clean(struct arena *a, const char *s) {
  char *d = str_excerpt(a, s, strlen(s), LONGEST);
  for (unsigned char *p = (unsigned char *)d; *p; p++)
    if (p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0) p[0] = p[1] = ' '; /* U+0080..U+009F: commands to a terminal, too */
  return d;
}

/* Columns that a terminal takes for a character: two for those of East Asia. */
static int wide(unsigned c) {
  static const struct { unsigned from, to; } WIDE[] = {{0x1100, 0x115f}, {0x2e80, 0x303e}, {0x3041, 0xa4cf}, {0xac00, 0xd7a3}, {0xf900, 0xfaff}, {0xfe30, 0xfe6f}, {0xff00, 0xff60}, {0xffe0, 0xffe6}, {0x1f300, 0x1f64f}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd}};
  for (size_t i = 0; i < sizeof WIDE / sizeof *WIDE; i++)
    if (c >= WIDE[i].from && c <= WIDE[i].to) return 2;
  return (c >= 0x300 && c <= 0x36f) || (c >= 0x200b && c <= 0x200f) ? 0 : 1;
}

static int width(const char *s) {
  int n = 0;
  while (*s) {
    size_t k = str_utf8_seq(s, strlen(s));
    unsigned char b = (unsigned char)*s;
    unsigned c = k <= 1 ? b : b & (0x7fu >> k);
    for (size_t i = 1; i < k; i++) c = c << 6 | ((unsigned char)s[i] & 0x3f);
    n += wide(c), s += k ? k : 1;
  }
  return n;
}

void cli_table_row(struct cli_table *t, const char *const *cells) {
  if (t->n == t->cap) {
    int cap = t->cap ? t->cap * 2 : 64;
    t->rows = arena_grow(t->a, t->rows, sizeof *t->rows * (size_t)t->cap, sizeof *t->rows * (size_t)cap);
    t->cap = cap;
  }
  for (int i = 0; i < t->columns; i++) t->rows[t->n][i] = cli_clean(t->a, nn(cells[i]));
  t->n++;
}

void cli_table_print(const struct cli_table *t, const char *indent) {
  int most[CLI_COLUMNS] = {0};
  for (int r = 0; r < t->n; r++)
    for (int i = 0; i < t->columns; i++)
      if (width(t->rows[r][i]) > most[i]) most[i] = width(t->rows[r][i]);
  for (int r = 0; r < t->n; r++) {
    int last = t->columns - 1, pad = 0;
    while (last > 0 && !*t->rows[r][last]) last--; /* no blanks at the end of a line */
    fputs(indent, stdout);
    for (int i = 0; i <= last; i++) {
      printf("%*s%s", pad, "", t->rows[r][i]);
      pad = most[i] - width(t->rows[r][i]) + 2;
    }
    putchar('\n');
  }
}
