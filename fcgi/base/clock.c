#include "base/clock.h"
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "base/arena.h"

int64_t clock_mono_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t clock_unix(void) { return (int64_t)time(NULL); }

char *time_rfc3339(struct arena *a, usec_t t) {
  if (!t) return arena_strdup(a, "0001-01-01T00:00:00Z");
  time_t s = (time_t)(t / 1000000);
  long us = (long)(t % 1000000);
  if (us < 0) us += 1000000, s--;
  struct tm tm;
  gmtime_r(&s, &tm);
  char frac[16] = "";
  if (us) {
    snprintf(frac, sizeof frac, ".%06ld", us);
    for (size_t n = strlen(frac); frac[n - 1] == '0'; n--) frac[n - 1] = 0;
  }
  return arena_fmt(a, "%04d-%02d-%02dT%02d:%02d:%02d%sZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, frac);
}

static bool digits(const char **s, int n, int *out) {
  *out = 0;
  for (int i = 0; i < n; i++, (*s)++) {
    if (**s < '0' || **s > '9') return false;
    *out = *out * 10 + (**s - '0');
  }
  return true;
}

bool time_parse_rfc3339(const char *s, usec_t *out) {
  struct tm tm = {0};
  int y, mo, oh = 0, om = 0, day, hour, min, sec;
  if (!s || !digits(&s, 4, &y) || *s++ != '-' || !digits(&s, 2, &mo) || *s++ != '-' || !digits(&s, 2, &day) || (*s != 'T' && *s != 't' && *s != ' ') || !s++ ||
      !digits(&s, 2, &hour) || *s++ != ':' || !digits(&s, 2, &min) || *s++ != ':' || !digits(&s, 2, &sec))
    return false;
  long us = 0, unit = 100000;
  if (*s == '.' && s[1] >= '0' && s[1] <= '9')
    for (s++; *s >= '0' && *s <= '9'; s++, unit /= 10) us += (*s - '0') * unit;
  int sign = *s == '-' ? -1 : 1;
  if (*s == 'Z' || *s == 'z') s++;
  else if ((*s == '+' || *s == '-') && s++) {
    if (!digits(&s, 2, &oh) || *s++ != ':' || !digits(&s, 2, &om)) return false;
  } else return false;
  if (*s || mo < 1 || mo > 12 || hour > 23 || min > 59 || sec > 59 || oh > 23 || om > 59) return false;
  tm.tm_year = y - 1900, tm.tm_mon = mo - 1, tm.tm_mday = day, tm.tm_hour = hour, tm.tm_min = min, tm.tm_sec = sec;
  time_t t = timegm(&tm);
  if (tm.tm_mday != day || tm.tm_mon != mo - 1) return false; /* timegm turns 31 February into March */
  *out = ((usec_t)t - sign * (oh * 3600 + om * 60)) * 1000000 + us;
  return true;
}
