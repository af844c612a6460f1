# Keys are made; the public key that belongs to the private one is the one in the file.
set -e
for type in ed25519 ecdsa; do
	ssh-keygen -q -t $type -N '' -C '' -f key
	ssh-keygen -y -f key >public
	cmp public key.pub && echo $type
	rm key key.pub public
done
