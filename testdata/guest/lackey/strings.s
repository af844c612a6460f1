# build: gcc -nostdlib -static
# String instructions with a repeat prefix, by all ways in which they end.
.globl _start
_start:
	mov $10, %ebx
1:	lea buf(%rip), %rdi
	mov $7, %ecx
	xor %eax, %eax
	rep stosb
	lea buf(%rip), %rsi
	lea other(%rip), %rdi
	mov $5, %ecx
	rep movsq
	lea buf(%rip), %rsi
	lea buf(%rip), %rdi
	mov $6, %ecx
	repe cmpsb		# equal to the end
	lea buf(%rip), %rsi
	lea text(%rip), %rdi
	mov $6, %ecx
	repe cmpsb		# unequal in the first round
	lea text(%rip), %rdi
	mov $9, %ecx
	mov $'d', %al
	repne scasb		# found
	lea text(%rip), %rdi
	mov $4, %ecx
	mov $'d', %al
	repne scasb		# found in the last round
	lea buf(%rip), %rdi
	mov $3, %ecx
	mov $1, %al
	repne scasb		# not found
	xor %ecx, %ecx
	rep stosb		# no round
	dec %ebx
	jnz 1b
	mov $60, %eax
	xor %edi, %edi
	syscall

.data
buf:	.fill 64
other:	.fill 64
text:	.ascii "abcdefghijklmnop"
