# A program whose every access has a fixed address, so that two simulations of it must agree to the last miss. It walks
# memory with several strides, straddles lines, copies with rep, moves under masks, and
# calls through its own stack.
	.globl	_start
	.text
_start:
	lea	stack_end(%rip), %rsp
	mov	$40, %r12d
again:
	call	walk
	call	straddle
	call	copy
	call	modify
	call	masked
	dec	%r12d
	jne	again
	mov	$60, %eax
	xor	%edi, %edi
	syscall

	.globl	walk
walk:
	lea	area(%rip), %rsi
	mov	$3000, %ecx
1:	mov	(%rsi), %rax
	mov	%rax, 65536(%rsi)
	add	$72, %rsi
	dec	%ecx
	jne	1b
	ret

	.skip	300, 0x90
	.globl	straddle
straddle:
	lea	area+61(%rip), %rsi
	mov	$500, %ecx
1:	mov	(%rsi), %rax
	movdqu	%xmm0, 3(%rsi)
	movdqu	(%rsi,%rcx), %xmm1
	add	$192, %rsi
	test	$4, %cl
	je	2f
	push	%rax
	pop	%rdx
2:	dec	%ecx
	jne	1b
	ret

	.skip	5000, 0x90
	.globl	copy
copy:
	lea	area(%rip), %rsi
	lea	area+40000(%rip), %rdi
	mov	%r12, %rcx
	rep movsq
	lea	area+3(%rip), %rdi
	mov	%r12, %rcx
	shl	$4, %rcx
	rep stosb
	mov	%r12, %rcx
	sub	%rcx, %rcx
	rep stosb
	lea	area+3(%rip), %rsi
	lea	area+4(%rip), %rdi
	mov	$20, %ecx
	repe cmpsb
	lea	area+2000(%rip), %rdi
	mov	%r12d, %ecx
	inc	%eax
	repne scasw
	movb	$9, area+2050(%rip)
	lea	area+2000(%rip), %rdi
	lea	64(%r12), %ecx
	mov	$9, %al
	repne scasb
	ret

	.globl	modify
modify:
	lea	area+100000(%rip), %rsi
	mov	$300, %ecx
1:	incl	(%rsi)
	lock addl $1, 64(%rsi)
	xchg	%eax, 128(%rsi)
	addl	$5, 192(%rsi)
	push	256(%rsi)
	pop	320(%rsi)
	lea	512(%rsi), %rsi
	loop	1b
	ret

	.globl	masked
masked:					# moves of no, some and all elements
	mov	$1, %eax
	cpuid
	bt	$28, %ecx		# AVX
	jnc	2f
	lea	area+200000(%rip), %rsi
	mov	$200, %ecx
1:	vmovups	mask(%rip), %ymm2
	vmaskmovps (%rsi), %ymm2, %ymm0
	vmaskmovps %ymm0, %ymm2, 4096(%rsi)
	vmaskmovpd 64(%rsi), %xmm2, %xmm0
	vxorps	%ymm2, %ymm2, %ymm2
	vmaskmovps 32768(%rsi), %ymm2, %ymm0
	vmovups	mask+32(%rip), %ymm2
	vmaskmovps %ymm0, %ymm2, 8192(%rsi)
	add	$160, %rsi
	dec	%ecx
	jne	1b
	vzeroupper
2:	ret

	.data
	.balign	64
mask:	.long	-1, 0, -1, -1, 0, -1, 0, 0
	.long	-1, -1, -1, -1, -1, -1, -1, -1
	.quad	1	# Valgrind looks at debug information of files with a writable part only
	.bss
	.balign	4096
area:	.skip	400000
	.skip	4096
stack_end:
