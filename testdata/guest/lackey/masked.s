# build: gcc -nostdlib -static -Ttext=0x401000 -Wl,-Tdata=0x402000
# needs: avx512vl
# Accesses whose addresses depend on masks and vectors of indices.
.globl _start
_start:
	vmovdqu mask(%rip), %ymm1
	vmovdqu mask(%rip), %ymm3
	vmovdqu index(%rip), %ymm2
	lea table(%rip), %rsi
	vpgatherdd %ymm1, (%rsi,%ymm2,4), %ymm0
	vpmaskmovd %ymm0, %ymm3, 0x100(%rsi)
	mov $0x65, %eax
	kmovd %eax, %k1
	vmovdqu32 %ymm0, 0x140(%rsi){%k1}
	kmovd %eax, %k1
	vpscatterdd %ymm0, 0x180(%rsi,%ymm2,4){%k1}
	mov $-9, %eax
	bts %eax, 8(%rsi)
	mov $3, %al
	mov %rsi, %rbx
	xlat
	mov $60, %eax
	xor %edi, %edi
	syscall

.data
mask:	.long -1, 0, -1, -1, 0, 0, 0, -1
index:	.long 0, 1, 2, 3, 7, 6, -1, 5
table:	.fill 0x200
