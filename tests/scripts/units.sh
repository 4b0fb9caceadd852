#!/usr/bin/env bash
# units.sh FOLDER: no service's unit in it is more exposed than 1.5 of 10, as `systemd-analyze security --offline` counts. The
# control is a unit without any of it, which must be. 77 where there is no systemd-analyze that can.
set -euo pipefail
folder=$1
most_tenths=15

if ! systemd-analyze security --help 2>/dev/null | grep -q -- --offline; then
    echo "no systemd-analyze here that looks at units offline (package systemd): the units were not looked at"
    exit 77
fi

# within FILE: is it within the bound? What lacks is shown.
within() { systemd-analyze security --offline=true --threshold="$most_tenths" --no-pager "$1"; }

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
printf '[Service]\nExecStart=/bin/true\n' >"$scratch/bare.service"
if within "$scratch/bare.service" >/dev/null 2>&1; then
    echo "the control: a bare unit is within the bound, so the bound bounds nothing"
    exit 1
fi
count=0
for unit in "$folder"/*.service; do
    if grep -n '@[A-Z_]*@' "$unit"; then
        echo "$unit: a placeholder was not filled"
        exit 1
    fi
    if ! within "$unit" >"$scratch/said" 2>&1 || grep -E 'Unknown|ignoring' "$scratch/said"; then
        grep -E '✗|Overall|Unknown|ignoring' "$scratch/said" || cat "$scratch/said"
        echo "$unit: more exposed than $most_tenths tenths, or not understood"
        exit 1
    fi
    tail -n 1 "$scratch/said"
    count=$((count + 1))
done
[ "$count" = 2 ] || { echo "$count units, not 2, in $folder"; exit 1; }
