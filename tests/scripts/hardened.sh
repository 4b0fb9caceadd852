#!/usr/bin/env bash
# hardened.sh FOLDER [SANITIZERS]: reads from the programs themselves that they were built as cmake/hardening.cmake says. The
# control is a program that is built with all of it switched off: each lack must be found in it.
set -euo pipefail
folder=$1 sanitizers=${2:-}

if [ -n "$sanitizers" ]; then
    echo "a build with sanitizers ($sanitizers) is not one that anybody runs: not looked at"
    exit 77
fi

# lacks FILE: what it lacks, a word a line.
lacks() {
    local file=$1 headers dynamic symbols landings
    headers=$(readelf -W --file-header --program-headers "$file")
    dynamic=$(readelf -W --dynamic "$file")
    symbols=$(readelf -W --dyn-syms "$file")
    grep -q 'Type: *DYN' <<<"$headers" || echo position-independent
    grep -q 'GNU_STACK.* RW  *0x' <<<"$headers" || echo stack-not-executable
    grep -q 'GNU_RELRO' <<<"$headers" || echo relocations-read-only
    grep -qE 'BIND_NOW|FLAGS_1.*NOW' <<<"$dynamic" || echo bound-at-start
    grep -q '__stack_chk_fail' <<<"$symbols" || echo stack-protector
    grep -qE '__(mem|str|sn?printf|vsnprintf|fprintf|read|fread)[a-z]*_chk' <<<"$symbols" || echo fortified
    if [ "$(uname -m)" = x86_64 ]; then
        # Not the program's note: Debian 12's C runtime has none, and the linker drops it. So the places that may be jumped
        # to (endbr64) are counted; the few of the control are the runtime's.
        landings=$(LC_ALL=C grep -obUaP '\xf3\x0f\x1e\xfa' "$file" | wc -l)
        [ "$landings" -ge 100 ] || echo control-flow
    fi
    return 0
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
printf 'int main(int n, char **v) { return n > 9 ? v[1][0] : 0; }\n' >"$scratch/soft.c"
"${CC:-cc}" -no-pie -fno-stack-protector -fcf-protection=none -U_FORTIFY_SOURCE -z execstack -z norelro -z lazy \
    "$scratch/soft.c" -o "$scratch/soft" 2>/dev/null
found=$(lacks "$scratch/soft" | wc -l)
wanted=6
[ "$(uname -m)" != x86_64 ] || wanted=7
if [ "$found" != "$wanted" ]; then
    echo "the control: $found of $wanted lacks found in a program that has them all: $(lacks "$scratch/soft" | xargs)"
    exit 1
fi
failed=0
for program in "$folder"/jejak*; do
    missing=$(lacks "$program" | xargs)
    [ -z "$missing" ] || { echo "$program lacks: $missing" && failed=1; }
done
[ "$failed" = 0 ] && echo "all programs in $folder are as they should be"
exit "$failed"
