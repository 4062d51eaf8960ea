#!/bin/sh
# test/fuzz.sh SECONDS FUZZER.c... -- lets libFuzzer look for broken promises, so long in each.
#
# It begins with test/fuzz/seeds and with what it found before, which is kept in $BUILD/fuzz. Where
# there is no clang with libFuzzer the seeds are read by plain programs under the sanitizers that
# $CC has. The last line reads "N passed, N failed", and counts fuzzers. make sets CC and BUILD.
seconds=$1
shift
folder=$BUILD/fuzz
mkdir -p "$folder"
sources="lib/base/str.c lib/http/octet.c lib/http/authority.c lib/http/head.c \
	lib/http/settle.c lib/http/body.c lib/http/chunk.c lib/http/encoded.c lib/http/value.c \
	lib/http/date.c lib/http/response.c lib/app/static_path.c lib/app/static_range.c \
	lib/base/utf8.c lib/base/sha1.c lib/base/base64.c lib/http/ws_frame.c lib/base/alloc.c lib/base/buf.c \
	lib/http/event_text.c lib/http/multipart.c lib/gzip/accept.c"

# compile COMPILER SANITIZERS FUZZER.c PROGRAM [FLAG]
compile() {
	$1 -std=c11 -D_GNU_SOURCE -O1 -g -fsanitize="$2" -fno-sanitize-recover=all $5 $CPPFLAGS \
		-Iinclude -iquote lib -iquote test -o "$4" "$3" $sources -lhttp_parser
}

fuzz() {
	mkdir -p "$folder/$name"
	compile clang fuzzer,address,undefined "$file" "$folder/$name.fuzzer" -DFUZZER &&
		"$folder/$name.fuzzer" -max_total_time="$seconds" -print_final_stats=1 -timeout=10 \
			-max_len=1024 -dict=test/fuzz/http.dict -artifact_prefix="$folder/$name-" \
			"$folder/$name" "test/fuzz/seeds/$name"
}

replay() {
	compile "${CC:-cc}" address,undefined "$file" "$folder/$name.replay" &&
		"$folder/$name.replay" "test/fuzz/seeds/$name"/*
}

how=fuzz
if ! .ci/deps --fuzzer; then
	how=replay
	echo "  there is no clang with libFuzzer here: only the seeds are read"
fi

# one FUZZER.c: says how it went; its last word is good or bad.
one() {
	file=$1 name=$(basename "$1" .c)
	if $how >"$folder/$name.log" 2>&1; then
		runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$folder/$name.log")
		printf '  fuzz %-24s %s ok\n' "$name" "${runs:-$(ls "test/fuzz/seeds/$name" | wc -l)}"
	else
		printf '  FAIL %s\n' "$name"
		tail -n 60 "$folder/$name.log" | sed 's/^/       /'
	fi >"$folder/$name.said"
	flock "$folder/lock" cat "$folder/$name.said"
}

# As many at once as there are processors.
if [ "$1" = --one ]; then
	one "$2"
	exit
fi
rm -f "$folder"/*.said
printf '%s\n' "$@" | xargs -P "$(nproc)" -I '{}' "$0" "$seconds" --one '{}'
passed=$(cat "$folder"/*.said | grep -c '^  fuzz ')
failed=$(($# - passed))
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
