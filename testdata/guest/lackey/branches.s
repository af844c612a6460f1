# build: gcc -nostdlib -static
# Conditional jumps, calls, and accesses of every size, a known number of times.
.globl _start
_start:
	mov $100, %ebx
1:	call f
	mov $3, %ecx
2:	loop 2b
	mov $1, %ecx
	jrcxz 4f
	xor %ecx, %ecx
	jrcxz 4f
	nop
4:	addb $1, buf(%rip)
	addw $1, buf(%rip)
	addl $1, buf(%rip)
	addq $1, buf(%rip)
	cmpb $0, buf(%rip)
	movdqu buf(%rip), %xmm0
	movups %xmm0, buf+16(%rip)
	movsd buf(%rip), %xmm1
	movss buf(%rip), %xmm2
	addsd buf(%rip), %xmm1
	fldl buf(%rip)
	fstps buf+48(%rip)
	flds buf(%rip)
	fstpl buf+48(%rip)
	fildl buf(%rip)
	fistpll buf+48(%rip)
	pushq buf(%rip)
	popq buf+8(%rip)
	enter $16, $0
	leave
	movsb
	lodsq
	stosl
	lea buf(%rip), %rsi
	lea buf(%rip), %rdi
	dec %ebx
	jnz 1b
	mov $60, %eax
	mov $7, %edi
	syscall

.globl f
.type f, @function
f:	lea buf(%rip), %rsi
	lea buf(%rip), %rdi
	cmp $50, %ebx
	ja 1f
	push %rax
	pop %rax
1:	test $1, %bl
	je 2f
	nop
2:	ret
.size f, .-f

.data
buf:	.fill 64
