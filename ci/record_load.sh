#!/usr/bin/env bash
# Records the load of a small robot: two gray cameras of 1080p at 30 Hz and 64 bytes at 1 kHz, 124 MB/s, to a disk:
# ci/record_load.sh DIRECTORY [SECONDS]
# Says what the disk sustains, what was recorded and missed, and the processor time of the recorder. Fails if values are missed
# though the disk sustains the load. Writers that do not get their time, since others use the machine, say so.
set -euo pipefail
directory=$(realpath "${1:?usage: ci/record_load.sh DIRECTORY [SECONDS]}")
seconds=${2:-60}
cd "$(dirname "$0")/.."

# The script may run once more, from here.
set -- "$directory" "$seconds"
source ci/own_shm.sh

# What 60 frames and 1,000 samples take in a second, with their heads; and room for the rest.
rate=$((60 * 1080 * 1920 + 1000 * 200))
needed=$((rate * seconds + (1 << 30)))
free=$(df --output=avail -B1 "$directory" | tail -n 1)
if [ "$free" -lt "$needed" ]; then
    echo "$directory: $free bytes are free, $needed are needed; give another directory, or fewer seconds" >&2
    exit 2
fi

cargo build --release --locked -p ndsharray-cli
cargo build --release --locked -p ndsharray-recording --example load
target=${CARGO_TARGET_DIR:-target}/release

work=$(mktemp -d "$directory/record-load-XXXXXX")
export NDSHARRAY_DIR=/dev/shm/record-load-$$
mkdir "$NDSHARRAY_DIR"
recorder=
trap 'kill $recorder 2>/dev/null || true; rm -rf "$work" "$NDSHARRAY_DIR"' EXIT

# A quarter of the bytes, and at least two gigabytes: less would say what memory takes.
size=$((rate * seconds / 4 > 2000000000 ? rate * seconds / 4 : 2000000000))
disk=$(LC_ALL=C dd if=/dev/zero of="$work/disk" bs=16M count=$((size / (16 << 20))) conv=fdatasync 2>&1 | tail -n 1)
rm "$work/disk"
sustained=$(awk -v text="$disk" 'BEGIN {split(text, part, ", "); split(text, word, " "); printf "%d", word[1] / part[3]}')
echo "the disk sustains $((sustained / 1000000)) MB/s, the load is $((rate / 1000000)) MB/s"

"$target/ndsharray" record -o "$work/load.mcap" --min-free 0 2>"$work/record.log" &
recorder=$!
until [ -s "$work/load.mcap" ]; do sleep 0.01; done
"$target/examples/load" "$seconds" >"$work/written.log" &
load=$!
wait "$load"
# The fields of /proc/PID/stat behind the name: 14 and 15 are the ticks in user mode and in the kernel.
ticks=$(sed 's/.*) //' "/proc/$recorder/stat" | awk '{print $12 + $13}')
kill -INT "$recorder"
wait "$recorder"
recorder=

cat "$work/written.log" "$work/record.log"
awk -v taken="$ticks" -v hz="$(getconf CLK_TCK)" -v seconds="$seconds" 'BEGIN {
    taken /= hz
    printf "processor time of the recorder: %.1f s, %.1f%% of a core\n", taken, 100 * taken / seconds
}'

# Each stream: written is recorded and missed.
status=0
while read -r tag written _; do
    said="s/^ndsharray: $tag: \([0-9]*\) values*, \([0-9]*\) missed$/\1 \2/p"
    read -r values missed < <(sed -n "$said" "$work/record.log")
    if [ $((values + missed)) -ne "$written" ]; then
        echo "$tag: $values values and $missed missed do not make $written"
        status=1
    elif [ "$missed" -gt 0 ]; then
        echo "$tag: $missed of $written values were missed"
        [ "$sustained" -lt "$rate" ] || status=1
    fi
done <"$work/written.log"
[ "$status" -ne 0 ] || echo "every value is accounted for"
exit "$status"
