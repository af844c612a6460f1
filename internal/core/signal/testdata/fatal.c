// Dies by the signal that its argument names.
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int main(int argc, char **argv) {
  const char *how = argv[1];
  volatile char *p = 0;
  if (!strcmp(how, "readonly")) p = mmap(0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (!strcmp(how, "noncanonical")) p = (char *)0x8000000000000000;
  if (!strcmp(how, "pastend")) {
    char name[] = "/tmp/fatalXXXXXX";
    int fd = mkstemp(name);
    unlink(name);
    p = (char *)mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) + 5000;
  }
  if (!strcmp(how, "divide")) {
    int a = 1, d;
    __asm__ volatile("xor %%ecx, %%ecx; xor %%edx, %%edx; div %%ecx" : "=a"(d) : "a"(a) : "ecx", "edx");
  }
  if (!strcmp(how, "kill")) kill(getpid(), SIGTERM);
  if (!strcmp(how, "realtime")) raise(40);
  if (!strcmp(how, "trap")) __asm__ volatile("int3");
  *p = 1;
  return 0;
}
