// Formats many things with the C library and says so on stdout, for printf_test.go. A record is six words (length of the
// text, length of the format with its zero, gp_offset, fp_offset, addresses of stack and register arguments), then the
// 176 bytes of register arguments, 256 of stack arguments, the format and the text.
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void out(const char *fmt, ...) {
  va_list ap, cp;
  struct { uint32_t gp, fp; char *over, *save; } v;
  char text[65536];
  va_start(ap, fmt);
  memcpy(&v, ap, sizeof v);
  va_copy(cp, ap);
  uint32_t n = vsnprintf(text, sizeof text, fmt, cp), f = strlen(fmt) + 1;
  uint64_t head[6] = {n, f, v.gp, v.fp, (uint64_t)v.over, (uint64_t)v.save};
  fwrite(head, sizeof head, 1, stdout);
  fwrite(v.save, 176, 1, stdout);
  fwrite(v.over, 256, 1, stdout);
  fwrite(fmt, f, 1, stdout);
  fwrite(text, n, 1, stdout);
  va_end(ap);
}

static uint64_t state = 88172645463325252;
static uint64_t rnd(void) { return state ^= state << 13, state ^= state >> 7, state ^= state << 17; }

static double number(void) {
  static const double some[] = {0, -0.0, 1, 0.5, 1e10, 1e-5, 123456, 1234567, 99999.95, 1e300, 0.0001, 0.00001234, 3.14159265};
  double d;
  switch (rnd() % 4) {
  case 0: return some[rnd() % 13];
  case 1: return (int64_t)rnd() / 1e9;
  case 2: return (int32_t)rnd() / 1e6;
  default:;
    uint64_t bits = rnd();
    memcpy(&d, &bits, 8);
    return d;
  }
}

int main(void) {
  static const char *lengths[] = {"", "", "hh", "h", "l", "ll", "z", "j", "t"};
  for (int i = 0; i < 4000; i++) {
    char f[64] = "<%";
    const char *c;
    for (c = "-0+ #"; *c; c++)
      if (rnd() % 4 == 0) strncat(f, c, 1);
    if (rnd() % 2) sprintf(f + strlen(f), "%d", (int)(rnd() % 25) + 1);
    if (rnd() % 2) sprintf(f + strlen(f), ".%d", (int)(rnd() % 12));
    if (rnd() % 3) {
      char conv = "diuoxX"[rnd() % 6];
      sprintf(f + strlen(f), "%s%c|%%d>", lengths[rnd() % 9], conv);
      uint64_t v = rnd() >> (rnd() % 64);
      out(f, rnd() % 8 ? v : 0, i);
    } else {
      char conv = "feEgG"[rnd() % 5];
      // glibc drops digits from %#.5g of 99999.95, which rounds up to a longer number: nothing to imitate.
      if (conv == 'g' || conv == 'G')
        for (char *h; (h = strchr(f, '#'));) memmove(h, h + 1, strlen(h));
      sprintf(f + strlen(f), "%c|%%d>", conv);
      out(f, number(), i);
    }
  }
  out("%*d|%-*d|%.*f|%*d", 6, 9, 5, 8, 3, 2.5, -7, 77);
  out("%.*d %.*d", -1, 5, 3, 5);
  out("%d %d %d %d %d %d %d %d %f %f", 1, 2, 3, 4, 5, 6, 7, 8, 9.5, 10.5);
  out("%f %f %f %f %f %f %f %f %f %f %d", 1., 2., 3., 4., 5., 6., 7., 8., 9., 10., 11);
  out("%Lf %d %Lg %Le", 1.25L, 3, -1e100L, 0.0L);
  out("%d %d %d %d %d %d %Lf %d", 1, 2, 3, 4, 5, 6, 2.5L, 7);
  out("%c%c%c%5c|%-5c|", 'a', 'b', 'c', 'd', 'e');
  out("100%% %5%|");
  out("%a %A %.3a", 1.0, 255.5, 3.14159);
  out("%f %F %e %g %5f %05f %-7f|", 1. / 0., -1. / 0., 0. / 0., 1. / 0., 1. / 0., 1. / 0., 1. / 0.);
  out("plain text");
  out("");
  out("%p", (void *)0x123);
  return 0;
}
