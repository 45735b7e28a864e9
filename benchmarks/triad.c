/* Memory bandwidth: a = b + s c over arrays that no cache holds; prints the best of ten in GB/s. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec + 1e-9 * t.tv_nsec; }
int main(void) {
  const long n = 20000000;
  double *a = malloc(n * sizeof *a), *b = malloc(n * sizeof *b), *c = malloc(n * sizeof *c), best = 1e30;
  for (long i = 0; i < n; i++) { a[i] = 0; b[i] = 1; c[i] = 2; }
  for (int k = 0; k < 10; k++) {
    const double begun = now();
    for (long i = 0; i < n; i++) a[i] = b[i] + (3.0 + k) * c[i];
    const double passed = now() - begun;
    if (passed < best) best = passed;
  }
  printf("%.3f %g\n", 24e-9 * n / best, a[n / 2]);
  return 0;
}
