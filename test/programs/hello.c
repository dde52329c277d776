// Arguments, environment, stdio.
#include <stdio.h>
#include <stdlib.h>
int main(int argc, char **argv) {
  printf("hello, %d arguments:", argc - 1);
  for (int i = 1; i < argc; i++) printf(" %s", argv[i]);
  printf("; X=%s; pi=%.6f\n", getenv("X") ? getenv("X") : "(none)", 3.141592653589793);
  return argc;
}
