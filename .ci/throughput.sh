#!/usr/bin/env bash
# throughput.sh CAPTURE... times envelope and ndpiReader on the same captures in
# the same run, in turn (A B A B), and prints packets per second of processor
# time, the ratio, and the peak resident memory of both.
#
# Processor time (user and system) is compared, not wall time, so that other
# work on the machine weighs on both alike; with GOMAXPROCS=1 it is that of one
# core. Every capture is read once before, so that both find it in the cache.
#
#   ROUNDS=5             rounds per capture (3 where it is not set)
#   CORES=2              GOMAXPROCS of envelope (1 where it is not set)
#   ENVELOPE=/path       a built binary (built from this checkout where it is not set)
#   LEAST=3              exit with 1 where a median ratio is below this (no bound where it is not set)
#
# This is not part of the ordinary checks: it needs large captures and a machine
# that is not too busy.
set -euo pipefail

if [ $# -eq 0 ]; then
	echo "usage: $0 CAPTURE..." >&2
	exit 2
fi
if ! command -v ndpiReader >/dev/null; then
	echo "skipped: ndpiReader is not installed (Debian: apt-get install libndpi-bin)"
	exit 0
fi

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
envelope=${ENVELOPE:-}
if [ -z "$envelope" ]; then
	envelope=$scratch/envelope
	(cd "$(dirname "$0")/.." && CGO_ENABLED=0 go build -trimpath -o "$envelope" ./cmd/envelope)
fi
TIMEFORMAT='%U %S'

# spent COMMAND... prints the seconds of processor time and the peak resident
# memory in MB ("-" where GNU time is not installed). An exit status is not
# looked at: both programs have ones for captures with damage.
spent() {
	if [ -x /usr/bin/time ]; then
		/usr/bin/time -o "$scratch/time" -f '%U %S %M' "$@" >/dev/null 2>&1 || true
		tail -n 1 "$scratch/time" | awk '{ printf "%.3f %.0f\n", $1 + $2, $3 / 1024 }'
	else
		{ time "$@" >/dev/null 2>&1 || true; } 2>"$scratch/time"
		tail -n 1 "$scratch/time" | awk '{ printf "%.3f -\n", $1 + $2 }'
	fi
}

median() { sort -n | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }

status=0
printf '%-24s %12s  %22s  %22s  %s\n' capture packets "envelope pkt/s (MB)" "ndpiReader pkt/s (MB)" "ratio: median (least-most)"
for capture in "$@"; do
	cat "$capture" >/dev/null
	"$envelope" analyze --quiet --format json -o "$scratch/report" "$capture" || true
	packets=$(awk '/"packets":/ && !n { gsub(/[^0-9]/, ""); n = $0 } END { print n + 0 }' "$scratch/report")
	: >"$scratch/a"; : >"$scratch/b"; : >"$scratch/ratios"
	for _ in $(seq "${ROUNDS:-3}"); do
		a=$(GOMAXPROCS=${CORES:-1} spent "$envelope" analyze --quiet "$capture")
		b=$(spent ndpiReader -q -i "$capture")
		echo "$a" >>"$scratch/a"; echo "$b" >>"$scratch/b"
		awk -v a="${a% *}" -v b="${b% *}" 'BEGIN { printf "%.2f\n", b / (a > 0 ? a : 0.001) }' >>"$scratch/ratios"
	done
	ratio=$(median <"$scratch/ratios")
	rate() { cut -d' ' -f1 "$1" | median | awk -v n="$packets" '{ printf "%.0f", n / ($1 > 0 ? $1 : 0.001) }'; }
	peak() { cut -d' ' -f2 "$1" | sort -n | tail -n 1; }
	printf '%-24s %12s  %22s  %22s  %s (%s-%s)\n' "$(basename "$capture")" "$packets" \
		"$(rate "$scratch/a") ($(peak "$scratch/a"))" "$(rate "$scratch/b") ($(peak "$scratch/b"))" \
		"$ratio" "$(sort -n "$scratch/ratios" | head -n 1)" "$(sort -n "$scratch/ratios" | tail -n 1)"
	if [ -n "${LEAST:-}" ] && awk -v r="$ratio" -v l="$LEAST" 'BEGIN { exit !(r < l) }'; then
		echo "$(basename "$capture"): $ratio is below $LEAST" >&2
		status=1
	fi
done
exit $status
