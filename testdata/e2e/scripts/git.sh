# A repository is made, cloned, packed and looked at.
set -e
export GIT_AUTHOR_DATE='2020-01-01T00:00:00Z' GIT_COMMITTER_DATE='2020-01-01T00:00:00Z'
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
git init -q -b main one
for i in 1 2 3; do
	seq $((i * 300)) >one/file$i
	git -C one add .
	git -C one commit -q -m "commit $i"
done
git clone -q --no-local one two
git -C two --no-pager log --stat
git -C two gc -q
git -C two fsck --full 2>/dev/null
git -C two rev-parse HEAD
rm -rf one two
