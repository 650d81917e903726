#!/usr/bin/env bash
# sclite 2.10 of SCTK 2.4.10 (Debian 12): in trn files, an utterance of the reference that the hypothesis lacks is left
# out of the score, without a message. Half a set recognised without an error scores 0.0 %.
#
# Guess: the missing utterance counts as deleted words, as a recording does that a ctm file lacks, or it is an error, as
# the opposite is (an utterance that the reference lacks). Seen: 1 sentence, 2 words, 0 errors, nothing on the error
# output, exit status 0. In stm against ctm the same omission is 2 deletions.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
sclite=/usr/lib/sctk/bin/sclite
if [ ! -x "$sclite" ]; then
    command -v apt-get > /dev/null || { echo "needs sclite (Debian 12: sctk 2.4.10)"; exit 2; }
    apt-get download --quiet "sctk=2.4.10-20151007-1312Z+dfsg2-3.1"
    dpkg -x sctk_*.deb .
    sclite=$folder/usr/lib/sctk/bin/sclite
fi
{ "$sclite" 2>&1 || true; } | grep "sclite Version"

score() { # sentences, words, right, substitutions, deletions, insertions, errors, wrong sentences
    "$sclite" "$@" -o rsum stdout 2> messages | tee report | grep "| Sum" | tr -s '| ' ' ' | cut -d ' ' -f 3-10
}

printf 'a b (s-1)\nc d (s-2)\n' > reference.trn
printf 'a b (s-1)\n' > hypothesis.trn
found=$(score -r reference.trn trn -h hypothesis.trn trn -i spu_id)
echo "trn, the second of two utterances is missing: $found"
test "$found" = "1 2 2 0 0 0 0 0" || { echo "it is counted now"; exit 1; }
test ! -s messages || { echo "it is told now"; exit 1; }
! grep -q "s-2" report || { echo "it is named now"; exit 1; }

printf 'one 1 s 0 1 a b\ntwo 1 s 0 1 c d\n' > reference.stm
printf 'one 1 0.1 0.1 a\none 1 0.4 0.1 b\n' > hypothesis.ctm
found=$(score -r reference.stm stm -h hypothesis.ctm ctm)
echo "stm and ctm, the second of two recordings is missing: $found"
test "$found" = "2 4 2 0 2 0 2 1" || { echo "it counts otherwise now"; exit 1; }

printf 'a b (s-1)\nc d (s-2)\ne f (s-3)\n' > hypothesis.trn
! score -r reference.trn trn -h hypothesis.trn trn -i spu_id > sum || { echo "more than the reference passes now"; exit 1; }
echo "trn, an utterance that the reference lacks: $(grep -m 1 Error messages report)"
