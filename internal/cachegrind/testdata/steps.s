# Loops inside and across blocks, calls, indirect calls, system calls, flags that live across blocks: nothing repeated.
	.globl	_start
	.text
_start:
	mov	$300, %ebx
outer:
	mov	$7, %ecx
inner:
	lea	(%rcx,%rbx), %rax
	test	$3, %al
	je	skip
	call	leaf
skip:
	dec	%ecx
	jne	inner
	test	$15, %bl
	jne	1f
	mov	$39, %eax
	syscall
1:	lea	leaf(%rip), %rdx
	call	*%rdx
	cmp	$100, %ebx
	lea	-1(%rbx), %ebx
	ja	outer
	test	%ebx, %ebx
	jg	outer
	mov	$60, %eax
	xor	%edi, %edi
	syscall
leaf:
	stc
	jc	2f
	nop
2:	adc	$0, %r8
	cmp	$5, %r8b
	jb	3f
	sub	$4, %r8
3:	ret
