/* Contract: text.h. The tables come from tools/textc (text_keys.h declares them). */
#include "base/text.h"
#include "base/str.h"

struct text text_make(enum msg key, const char *const *args, size_t n) {
  struct text t = {.key = key};
  for (size_t i = 0; i < n && i < TEXT_MAX_ARGS; i++) t.args[t.n++] = args[i + 1];
  return t;
}

const char *text_key(enum msg key) { return (unsigned)key < MSG__COUNT ? TEXT_KEYS[key] : ""; }

enum msg text_find(const char *opt_key) {
  int lo = 1, hi = MSG__COUNT - 1;
  while (opt_key && lo <= hi) {
    int mid = (lo + hi) / 2, c = strcmp(opt_key, TEXT_KEYS[TEXT_ORDER[mid]]);
    if (!c) return (enum msg)TEXT_ORDER[mid];
    if (c < 0) hi = mid - 1;
    else lo = mid + 1;
  }
  return MSG_NONE;
}

const char *text_raw(enum lang l, enum msg key) { return (unsigned)key < MSG__COUNT ? (l == LANG_ZH ? TEXT_ZH : TEXT_EN)[key] : ""; }

static void fill(struct buf *b, enum lang l, struct text t, bool html) {
  for (const char *s = text_raw(l, t.key); *s;) {
    size_t k = strcspn(s, "{");
    html ? buf_html_n(b, s, k) : buf_add(b, s, k);
    s += k;
    if (!*s) return;
    bool code = s[1] == '=';
    char d = code ? s[2] : s[1];
    if (d < '0' || d > '7' || s[code ? 3 : 2] != '}') {
      html ? buf_html_n(b, s, 1) : buf_ch(b, '{');
      s++;
      continue;
    }
    const char *v = d - '0' < t.n ? t.args[d - '0'] : "";
    enum msg label = v[0] == '@' ? text_find(v + 1) : MSG_NONE;
    if (label != MSG_NONE) v = text_raw(l, label);
    if (html && code) buf_str(b, "<code>");
    s += code ? 4 : 3;
    size_t n = strlen(v);
    if (n && v[n - 1] == '.' && (*s == '.' || !strncmp(s, "。", strlen("。")))) n--; /* foreign text that is a sentence already */
    html ? buf_html_n(b, v, n) : buf_add(b, v, n);
    if (html && code) buf_str(b, "</code>");
  }
}

void text_plain(struct buf *b, enum lang l, struct text t) { fill(b, l, t, false); }
void text_html(struct buf *b, enum lang l, struct text t) { fill(b, l, t, true); }
const char *lang_code(enum lang l) { return l == LANG_ZH ? "zh-CN" : "en"; }

bool lang_parse(const char *s, enum lang *out) {
  if (!s) return false;
  bool end2 = s[0] && s[1] && (!s[2] || s[2] == '-' || s[2] == '_');
  if (end2 && !strncasecmp(s, "en", 2)) return *out = LANG_EN, true;
  if (end2 && !strncasecmp(s, "zh", 2)) return *out = LANG_ZH, true;
  return false;
}
