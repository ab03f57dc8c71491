# SPDX-License-Identifier: Apache-2.0
# Mail::SPF over cases of tests/system/spfpeers.py: JSON in, a list of verdicts out.
use strict;
use warnings;
use JSON::PP;
use Mail::SPF;
use Net::DNS;

package Zone;

sub new { my ($class, $zone) = @_; return bless {zone => $zone, error => ''}, $class; }
sub errorstring { return $_[0]{error}; }

sub values_of {
    my ($self, $name, $type) = @_;
    my $types = $self->{zone}{$name} // {};
    return ref $types ? $types->{$type} // [] : $types;
}

sub record {
    my ($name, $type, $value) = @_;
    my %data = (
        A => ['address'], AAAA => ['address'], PTR => ['ptrdname'], CNAME => ['cname'],
    );
    return Net::DNS::RR->new(name => $name, type => 'MX', preference => $value->[0], exchange => $value->[1])
        if $type eq 'MX';
    return Net::DNS::RR->new(name => $name, type => 'TXT', txtdata => ref $value ? $value : [$value])
        if $type eq 'TXT';
    return Net::DNS::RR->new(name => $name, type => $type, $data{$type}[0] => $value);
}

sub send {
    my ($self, $name, $type) = @_;
    my $packet = Net::DNS::Packet->new('query.test', 'A');
    $name = lc $name;
    $self->{error} = '';
    for my $n (0 .. 8) {
        my $values = $self->values_of($name, $type);
        if (!ref $values) {
            $self->{error} = 'query timed out';
            return undef;
        }
        my $alias = $self->values_of($name, 'CNAME');
        if (!@$values && ref $alias && @$alias) {
            $name = lc $alias->[0];
            $name =~ s/\.$//;
            next;
        }
        $packet->push(answer => record($name, $type, $_)) for @$values;
        return $packet;
    }
    $packet->header->rcode('SERVFAIL');
    return $packet;
}

package main;

sub verdict {
    my ($case) = @_;
    my $null = $case->{sender} eq '';
    my $identity = $null ? $case->{helo} : $case->{sender};
    my $server = Mail::SPF::Server->new(dns_resolver => Zone->new($case->{zone}), hostname => 'mx.gatepost.test');
    my $result = eval {
        my $request = Mail::SPF::Request->new(
            versions      => [1],
            scope         => $null ? 'helo' : 'mfrom',
            identity      => $identity,
            ip_address    => $case->{ip},
            helo_identity => $case->{helo},
        );
        $server->process($request)->code;
    };
    return $result // 'exception';
}

local $/;
my $cases = JSON::PP->new->utf8->decode(<STDIN>);
print JSON::PP->new->utf8->encode([map { verdict($_) } @$cases]);
