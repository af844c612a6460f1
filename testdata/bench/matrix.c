// Dense matrix product, integers and doubles: loads, multiplies, no calls.
#include <stdio.h>

#define N 220
static double a[N][N], b[N][N], c[N][N];
static int x[N][N], y[N][N], z[N][N];

int main(void) {
	for (int i = 0; i < N; i++)
		for (int j = 0; j < N; j++) {
			a[i][j] = i * 0.5 + j;
			b[i][j] = i - j * 0.25;
			x[i][j] = i ^ j;
			y[i][j] = i * 3 + j;
		}
	for (int round = 0; round < 40; round++)
		for (int i = 0; i < N; i++)
			for (int j = 0; j < N; j++) {
				double s = 0;
				int t = 0;
				for (int k = 0; k < N; k++) {
					s += a[i][k] * b[k][j];
					t += x[i][k] * y[k][j];
				}
				c[i][j] = s + round;
				z[i][j] = t;
			}
	printf("%g %d\n", c[17][91], z[33][7]);
	return 0;
}
