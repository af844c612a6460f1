# build: gcc -nostdlib -static -Wl,--no-warn-rwx-segments
# Writes to a page that has code, which is dropped each time: the store is begun twice and counts once.
.globl _start
_start:
	mov $50,%ebx
1: call g
	incl word(%rip)
	lea word(%rip),%rdi
	mov $5,%ecx
	rep stosb
	dec %ebx
	jnz 1b
	mov $60,%eax
	xor %edi,%edi
	syscall
.section .wx,"awx",@progbits
.balign 4096
g: ret
word: .fill 64
