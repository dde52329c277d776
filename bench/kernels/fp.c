// Double precision: n-body, a vectorised axpy, matrices. Built twice: fp without fused multiply-add, fpf with it.
#include "kernel.h"

static double x[512], y[512], a[40][40], b[40][40], c[40][40];
static double pos[5][3], vel[5][3], mass[5];
static double inv_sqrt(double v) {
  double r = v > 1 ? 1 / v : 1; // Newton, so that no library is needed
  for (int i = 0; i < 12; i++) r = r * (1.5 - 0.5 * v * r * r);
  return r;
}
static void step(double dt) {
  for (int i = 0; i < 5; i++)
    for (int j = i + 1; j < 5; j++) {
      double d[3], n = 0.01;
      for (int k = 0; k < 3; k++) d[k] = pos[i][k] - pos[j][k], n += d[k] * d[k];
      double r = inv_sqrt(n), f = dt * r * r * r;
      for (int k = 0; k < 3; k++) vel[i][k] -= d[k] * mass[j] * f, vel[j][k] += d[k] * mass[i] * f;
    }
  for (int i = 0; i < 5; i++)
    for (int k = 0; k < 3; k++) pos[i][k] += dt * vel[i][k];
}
u64 run(void) {
  seed = 12345;
  for (int i = 0; i < 512; i++) x[i] = rnd() * 1e-9, y[i] = rnd() * 1e-9;
  for (int r = 0; r < 4000; r++)
    for (int i = 0; i < 512; i++) y[i] += 0.001 * x[i];
  for (int i = 0; i < 40; i++)
    for (int j = 0; j < 40; j++) a[i][j] = x[i] + j, b[i][j] = y[j] - i;
  double s = 0;
  for (int r = 0; r < 20; r++)
    for (int i = 0; i < 40; i++)
      for (int j = 0; j < 40; j++) {
        double t = 0;
        for (int k = 0; k < 40; k++) t += a[i][k] * b[k][j];
        c[i][j] = t;
        s += t * 1e-3;
      }
  for (int i = 0; i < 5; i++) {
    mass[i] = 1 + i;
    for (int k = 0; k < 3; k++) pos[i][k] = (rnd() >> 8) * 1e-7, vel[i][k] = 0;
  }
  for (int i = 0; i < 6000; i++) step(0.001);
  for (int i = 0; i < 512; i++) s += y[i] / (1.0 + x[i]);
  for (int i = 0; i < 5; i++) s += pos[i][0] + pos[i][1] * 2 + pos[i][2] * 3;
  union { double d; u64 u; } u = {.d = s};
  return u.u;
}
