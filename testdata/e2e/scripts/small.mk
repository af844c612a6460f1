# A small project whose objects are made in parallel.
objects = a.o b.o c.o d.o
all: $(objects)
	@cat $(objects) | wc -c > size
%.o:
	@for i in 1 2 3 4 5; do echo $@ $$i; done > $@
