// Gravitation of five bodies: floating point in registers, few memory accesses.
#include <math.h>
#include <stdio.h>

static struct body { double x[3], v[3], m; } sky[5];

int main(void) {
	for (int i = 0; i < 5; i++) {
		for (int k = 0; k < 3; k++) {
			sky[i].x[k] = i * 3.1 + k * (i % 2 ? 1.3 : -0.7);
			sky[i].v[k] = (k - 1) * 0.01 * i;
		}
		sky[i].m = 1.0 / (1 + i * i);
	}
	for (int step = 0; step < 5000000; step++) {
		for (int i = 0; i < 5; i++)
			for (int j = i + 1; j < 5; j++) {
				double d[3], r2 = 0.01;
				for (int k = 0; k < 3; k++) {
					d[k] = sky[i].x[k] - sky[j].x[k];
					r2 += d[k] * d[k];
				}
				double f = 0.0005 / (r2 * sqrt(r2));
				for (int k = 0; k < 3; k++) {
					sky[i].v[k] -= d[k] * sky[j].m * f;
					sky[j].v[k] += d[k] * sky[i].m * f;
				}
			}
		for (int i = 0; i < 5; i++)
			for (int k = 0; k < 3; k++)
				sky[i].x[k] += sky[i].v[k] * 0.0005;
	}
	printf("%.9f %.9f\n", sky[0].x[0], sky[4].x[2]);
	return 0;
}
