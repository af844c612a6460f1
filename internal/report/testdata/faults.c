#include <stdlib.h>
#include <string.h>
#include <stdio.h>
#include <pthread.h>
static inline __attribute__((always_inline)) int inl(char*p){return p[10];}
int f(char*p){return inl(p);}
__attribute__((noinline)) int rec(int n,char*p){ return n? rec(n-1,p)+1:f(p);}
void*th(void*p){ volatile int x=f(p); return 0;}
int main(int c,char**v){char*p=malloc(10);int i;volatile int x;
 for(i=0;i<3;i++)x=f(p);
 x=f(p); x=rec(5,p);
 if(((int*)malloc(4))[0]) puts("x");
 free(p);free(p);
 pthread_t t;pthread_create(&t,0,th,p);pthread_join(t,0);
 char*q=malloc(100);q=0;
 return 0;}
