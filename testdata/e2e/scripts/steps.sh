# A shell script: functions, pipes, here-documents, substitution, traps, background jobs, exit status.
count() { wc -l | tr -d ' '; }
seq 1 500 | while read -r n; do [ $((n % 7)) -eq 0 ] && echo "$n"; done | count
cat <<EOT | sort -r | head -3
$(for w in pear apple fig kiwi; do echo "$w ${#w}"; done)
EOT
trap 'echo leaving' EXIT
trap 'echo usr1' USR1
kill -USR1 $$
(sleep 0.05; exit 4) &
wait $!
echo "job $?"
i=0
while [ $i -lt 2000 ]; do i=$((i + 1)); done
echo "$i" > out.txt
false || echo "false is ${?}"
exit 8
