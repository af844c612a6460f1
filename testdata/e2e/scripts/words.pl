# Hashes, sorting, regular expressions, closures, formats, big strings, pack.
use strict;
use warnings;
my (%count, @lines);
while (<STDIN>) {
    chomp;
    push @lines, $_;
    $count{lc $1}++ while /([A-Za-z]+)/g;
}
my @top = (sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count)[0 .. 9];
printf "%-12s %6d\n", $_, $count{$_} for @top;
my @makers = map { my $n = $_; sub { $n * shift } } 1 .. 50;
my $sum = 0;
$sum += $makers[ $_ % 50 ]->($_) for 1 .. 20000;
print "$sum\n";
my $text = join ' ', @lines[ 0 .. 200 ];
$text =~ s/(\w+) (\w+)/$2 $1/g;
print length($text), ' ', unpack('%32C*', $text), "\n";
my %tree;
$tree{ substr $_, 0, 1 }{ substr $_, 1, 1 }{$_} = 1 for keys %count;
print join(',', map { "$_:" . scalar keys %{ $tree{$_} } } sort keys %tree), "\n";
eval { die { code => 42 } };
print "caught $@->{code}\n";
local $SIG{ALRM} = sub { print "alarm\n" };
kill ALRM => $$;
print sprintf('%.15g %e %s', 1 / 3, 12345.678, 10**20), "\n";
exit 5;
