// Exceptions: an undefined instruction and the handler that steps over it (a signal handler in a process).
#include "kernel.h"

u64 run(void) {
  u64 sum = 0;
  for (int i = 0; i < 20000; i++) fault_once(), sum += i;
  return sum;
}
