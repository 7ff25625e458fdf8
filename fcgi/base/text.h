/* The text catalogue: every sentence a person can read, in English and Chinese, from templates/text/<area>.txt (compiled by tools/textc).
 *
 * Source format, one entry:
 *     infra.delete.in_use
 *       en The infrastructure {0} still has {1} endpoint(s). Remove them first.
 *       zh 基础设施 {0} 仍有 {1} 个服务端点，请先删除它们。
 * {0}..{7} are slots. `{=0}` is a slot whose value is foreign text (remote message, command, YAML): HTML shows it inside <code>.
 * A slot value "@some.key" that names an entry is said in the reader's language too (the kind of an operation, the name of a step).
 * The build fails on a missing language, a duplicate key or slots that differ between the languages.
 * The enum constant is MSG_ + the key in upper case with '.' and '-' as '_'; the key itself is what the database stores
 * (events, evidence, errors), so stored history is shown in the reader's language. A key that no longer exists is shown as itself.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H
#include <stddef.h>
#include "base/buf.h"
#include "text_keys.h" /* generated: enum msg { MSG_NONE, ..., MSG__COUNT } */

enum lang { LANG_EN, LANG_ZH, LANG__COUNT };
enum { TEXT_MAX_ARGS = 8 };

/* A sentence to be said: key and slot values. args beyond n are NULL. Values are borrowed. */
struct text { enum msg key; int n; const char *args[TEXT_MAX_ARGS]; };

#define TEXT(k, ...) text_make((k), (const char *const[]){NULL, ##__VA_ARGS__}, sizeof((const char *const[]){NULL, ##__VA_ARGS__}) / sizeof(char *) - 1)
struct text text_make(enum msg key, const char *const *args_after_null, size_t n);

const char *text_key(enum msg key);                   /* "infra.delete.in_use" */
enum msg text_find(const char *opt_key);              /* MSG_NONE when unknown (binary search) */
const char *text_raw(enum lang l, enum msg key);      /* the unfilled sentence (labels without slots) */
void text_plain(struct buf *b, enum lang l, struct text t);   /* filled, unescaped */
void text_html(struct buf *b, enum lang l, struct text t);    /* filled, everything escaped, {=n} inside <code> */
const char *lang_code(enum lang l);                   /* "en", "zh-CN" */
/* Accepts en, en-*, zh, zh-*, zh_CN. */
bool lang_parse(const char *opt_s, enum lang *out);
#endif
