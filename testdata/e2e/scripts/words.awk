# Counts words, formats numbers, uses regular expressions and associative arrays.
{
	for (i = 1; i <= NF; i++) {
		w = tolower($i)
		gsub(/[^a-z0-9]/, "", w)
		count[w]++
		total += length(w)
	}
	if (match($0, /[0-9]+$/))
		numbers += substr($0, RSTART, RLENGTH)
}
END {
	for (w in count)
		if (count[w] > most || (count[w] == most && w < top)) {
			most = count[w]
			top = w
		}
	n = 0
	for (w in count)
		n++
	printf "%d lines, %d words, %d letters, most %s %d, numbers %.0f, %.6f\n", NR, n, total, top, most, numbers, sin(NR) + exp(1)
}
