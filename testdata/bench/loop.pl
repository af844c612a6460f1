# An interpreter at work: hashes, strings, regular expressions, sorting.
use strict;
my (%h, $s);
for my $i (1 .. 900000) {
    my $k = 'k' . ($i * 7919 % 1013);
    $h{$k} += $i;
    $s .= chr(97 + $i % 26);
}
my $n = () = $s =~ /[aeiou][^aeiou]+/g;
my $sum = 0;
$sum += $h{$_} for sort keys %h;
print "$n $sum\n";
