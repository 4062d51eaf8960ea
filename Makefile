# ouro -- an event-loop server framework in C.
#
#   make            libraries and examples, into build/
#   make run        the main example: what one long computation does to everybody else; its page
#                   is at the address that it prints
#   make test       every test (check is the same); installs what it lacks on Debian
#   make fuzz       made-up input for what reads HTTP: FUZZ_SECONDS (600) for each fuzzer
#   make soak       millions of requests on one server: SOAK_SECONDS (0: ten million), SOAK_SEED
#   make bench      ouro beside others, everything, 20 minutes; bench-block, bench-http, ...: one of them
#   make results    the same, and bench/RESULTS.md and README.md's figures of it; bench-deps: what
#                   the benches need
#   make inspect    libouro-inspect.so alone, which looks into the libev of other programs
#   make headers    every public header alone, as C11 and as C++17
#   make layers     no include points up a floor
#   make readme     every piece of code in README.md compiles
#   make install    and uninstall: PREFIX, DESTDIR, libdir, includedir
#   make test-install   examples against an installed copy, shared and static
#   make test-clients   the example servers, visited by curl, wrk, Node, Python, a browser
#   make format, make clean, make deps (what the tests need), make help (this)
#
#   CC CFLAGS LDFLAGS   yours come last and win
#   WITH_GZIP=1   libouro-gzip too (zlib): answers compressed; made and installed
#   SAN=address,undefined or SAN=thread   under a sanitizer
#   BUILD=dir   V=1 (show commands)

# A sanitizer's build is for its reports: half the time to make, and all that they need.
CFLAGS     ?= $(if $(SAN),-O1 -g1,-O2 -g)
PREFIX     ?= /usr/local
libdir     ?= $(PREFIX)/lib
includedir ?= $(PREFIX)/include

# A folder for each compiler and sanitizer: build, build-clang, build-address-undefined.
comma := ,
space := $() $()
BUILD := $(subst $(space),-,$(strip build $(filter-out cc gcc,$(notdir $(CC))) \
	$(subst $(comma), ,$(SAN))))

VERSION := $(shell sed -n 's/.*VERSION_STRING "\(.*\)"/\1/p' include/ouro/base.h)
SONAME  := libouro.so.$(firstword $(subst ., ,$(VERSION)))

# The floors, from the ground up: the first test that fails is the useful one.
FLOORS   := base sys loop offload net http app
SRC      := $(foreach f,$(FLOORS),$(sort $(wildcard lib/$f/*.c))) \
	$(sort $(wildcard workers/*.c))
OBJ      := $(SRC:%.c=$(BUILD)/%.o)
HEADERS  := include/ouro.h $(sort $(wildcard include/ouro/*.h))
EXAMPLES := $(patsubst %.c,$(BUILD)/%,$(sort $(wildcard examples/*.c)))
MODULES  := $(BUILD)/examples/embed/redis.so $(BUILD)/examples/embed/postgresql.so
BLOCK    := $(BUILD)/examples/cpu-block/cpu-block
HOUSES   := $(filter-out $(MODULES:.so=),$(patsubst %.c,$(BUILD)/%,$(sort $(wildcard examples/embed/*.c))))
TEST_SRC := $(foreach f,$(FLOORS),$(sort $(wildcard test/$f/*.c)))
FUZZ_SRC := $(sort $(wildcard test/fuzz/*.c))
SOAK_SRC := $(sort $(wildcard test/soak/*.c))
PEER_SRC := $(sort $(wildcard test/clients/*.c))
TEST_SRC += $(filter-out $(TEST_SRC) $(FUZZ_SRC) $(SOAK_SRC) $(PEER_SRC),$(sort $(wildcard test/*/*.c)))
TESTS    := $(TEST_SRC:%.c=$(BUILD)/%)
PEERS    := $(PEER_SRC:%.c=$(BUILD)/%)
JOBS     := $(patsubst %.c,$(BUILD)/%.o,$(sort $(wildcard workers/jobs/*.c)))
LIBRARY  := $(BUILD)/libouro.a
SHARED   := $(BUILD)/libouro.so.$(VERSION)

WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wpointer-arith -Wwrite-strings -Wcast-qual -Wundef -Wvla -Wformat=2 -Wnull-dereference \
	-Wimplicit-fallthrough -Wdouble-promotion
# A module is a library of its own, beside ours, with what it alone needs.
GZIP_SRC    := $(sort $(wildcard lib/gzip/*.c))
GZIP_OBJ    := $(GZIP_SRC:%.c=$(BUILD)/%.o)
GZIP_SHARED := $(BUILD)/libouro-gzip.so.$(VERSION)
GZIP        := $(if $(filter 1,$(WITH_GZIP)),$(BUILD)/libouro-gzip.a $(BUILD)/libouro-gzip.so)

# Stands before the libev of a program that somebody else has built, by LD_PRELOAD; such a program has
# no sanitizer in it.
INSPECT_SRC := $(sort $(wildcard inspect/*.c))
INSPECT_OBJ := $(INSPECT_SRC:%.c=$(BUILD)/%.o)
INSPECT     := $(if $(SAN),,$(BUILD)/libouro-inspect.so)

# In quotes only: lib/sys must not stand in the way of libc's <sys/...>.
INCLUDES := -Iinclude -iquote lib -iquote .
LIBS     := -lev -lhttp_parser -lpthread -lm

# Objects are position independent, so that one set serves both libraries, and the static one may
# end up inside somebody's shared one.
FLAGS := -std=c11 -D_GNU_SOURCE -fPIC -fvisibility=hidden -fno-common $(WARNINGS)
ifdef SAN
FLAGS += -fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer -DTEST_SLOW=6
else
NO_UNDEFINED := -Wl,-z,defs
endif
COMPILE = $(CC) $(FLAGS) $(WERROR) $(INCLUDES) $(CPPFLAGS) $(CFLAGS)
LINK    = $(COMPILE) -MMD -MP -MT $@ -MF $@.d -o $@ $< $(HELP) $(LIBRARY) $(HOST_LIBS) $(LDFLAGS) $(LIBS)

# "  cc   lib/loop/timer.c" in place of the command, unless V=1.
say = $(if $(filter 1,$(V)),,@printf '  %-4s %s\n' $(1) $(2);)

all: $(LIBRARY) $(BUILD)/libouro.so $(GZIP) inspect examples
inspect: $(INSPECT)
examples: $(EXAMPLES) $(BLOCK) $(HOUSES) $(MODULES)
run: $(BLOCK)
	@$<

$(BUILD)/%.o: %.c $(BUILD)/flags | $(BUILD)/needs-build
	@mkdir -p $(@D)
	$(call say,cc,$<)$(COMPILE) -MMD -MP -c -o $@ $<

$(LIBRARY): $(OBJ) $(BUILD)/sources
	$(call say,ar,$@)rm -f $@ && $(AR) rcs $@ $(OBJ)

$(SHARED): $(OBJ) $(BUILD)/sources lib/libouro.map
	$(call say,ld,$@)$(COMPILE) -shared -Wl,-soname,$(SONAME) \
		-Wl,--version-script=lib/libouro.map -Wl,--as-needed $(NO_UNDEFINED) \
		-o $@ $(OBJ) $(LDFLAGS) $(LIBS)

$(BUILD)/libouro.so: $(SHARED)
	@ln -sf $(<F) $(BUILD)/$(SONAME) && ln -sf $(SONAME) $@

$(BUILD)/libouro-gzip.a: $(GZIP_OBJ)
	$(call say,ar,$@)rm -f $@ && $(AR) rcs $@ $(GZIP_OBJ)

$(GZIP_SHARED): $(GZIP_OBJ) $(BUILD)/libouro.so lib/libouro.map
	$(call say,ld,$@)$(COMPILE) -shared -Wl,-soname,libouro-gzip$(SONAME:libouro%=%) \
		-Wl,--version-script=lib/libouro.map -Wl,--as-needed $(NO_UNDEFINED) \
		-o $@ $(GZIP_OBJ) $(LDFLAGS) -L$(BUILD) -louro -lz

$(BUILD)/libouro-gzip.so: $(GZIP_SHARED)
	@ln -sf $(<F) $(BUILD)/libouro-gzip$(SONAME:libouro%=%) && \
		ln -sf libouro-gzip$(SONAME:libouro%=%) $@

# Its own ouro is for nobody else, and libev is the program's: not linked, and all of it found.
$(INSPECT_OBJ): private INCLUDES := -Iinclude
$(BUILD)/libouro-inspect.so: $(INSPECT_OBJ) $(LIBRARY)
	$(call say,ld,$@)$(COMPILE) -shared -o $@ $(INSPECT_OBJ) $(LIBRARY) -Wl,--exclude-libs,ALL \
		-Wl,-z,defs $(LDFLAGS) $(filter-out -lev,$(LIBS))

# What the last build was made with, and of. What follows a note is made again when it changes.
$(BUILD)/flags:   export NOTE = $(CC) $(FLAGS) $(INCLUDES) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) $(LIBS)
$(BUILD)/sources: export NOTE = $(SRC)
$(BUILD)/flags $(BUILD)/sources: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' "$$NOTE" | cmp -s - $@ || printf '%s\n' "$$NOTE" >$@

# Asked once for each build folder. One after the other: apt does not like company.
$(BUILD)/needs-%:
	@mkdir -p $(@D)
	@CC='$(CC)' .ci/deps $* && touch $@
$(addprefix $(BUILD)/needs-,test headers clients bench fuzz): | $(BUILD)/needs-build

# An example sees what a user sees; a test may look inside. Private: not for the library they need.
$(EXAMPLES) $(BLOCK) $(HOUSES) $(MODULES): private INCLUDES := -Iinclude
$(BUILD)/examples/embed/postgresql.so: private CPPFLAGS += -fvisibility=default \
	-isystem $(shell pg_config --includedir-server 2>/dev/null)
$(BUILD)/examples/%: examples/%.c $(LIBRARY)
	@mkdir -p $(@D)
	$(call say,cc,$<)$(LINK)

# The jobs of workers/jobs/ are for tests and benchmarks, not for the library.
$(BUILD)/libjobs.a: $(JOBS)
	$(call say,ar,$@)rm -f $@ && $(AR) rcs $@ $^

$(TESTS): private INCLUDES += -iquote test
$(TESTS): private HELP := $(BUILD)/libjobs.a
$(TESTS): $(BUILD)/libjobs.a
$(PEERS): private INCLUDES := -Iinclude
$(BUILD)/test/%: test/%.c $(LIBRARY)
	@mkdir -p $(@D)
	$(call say,cc,$<)$(LINK)

# The pages lie beside the code, and in the objects: see the head of each page.c.
$(BUILD)/lib/app/dashboard_page.o: $(wildcard lib/app/dashboard/*)
$(BLOCK): $(wildcard examples/cpu-block/*) $(LIBRARY)
	@mkdir -p $(@D)
	$(call say,cc,examples/cpu-block)$(COMPILE) -o $@ $(filter %.c,$^) $(LIBRARY) $(LDFLAGS) $(LIBS)

# A host library comes before -lev: Debian's libev.so has functions of libevent's names in it. Where
# it is missing the program is a script that says so, too old to be kept: the next make asks again.
# What the tests need is fetched for the tests only.
HOSTED := $(BUILD)/test/hosts/% $(BUILD)/examples/embed/%
$(HOSTED): private HOST_LIBS = $(shell pkg-config --libs $* 2>/dev/null)
$(HOSTED): private CPPFLAGS += $(patsubst -I%,-isystem%,$(shell pkg-config --cflags $* 2>/dev/null))
unbuilt = printf '\#!/bin/sh\necho "%s"\n$(2)\n' "$(1) needs the package $$(.ci/deps --package $*)" \
	>$@ && chmod +x $@ && touch -d @0 $@
$(BUILD)/test/hosts/%: test/hosts/%.c $(LIBRARY) | $(BUILD)/needs-test
	@mkdir -p $(@D)
	$(call say,cc,$<)if .ci/deps --host $*; then $(LINK); else \
		$(call unbuilt,ok 1 - $* # skip,echo 1..1); fi
$(BUILD)/examples/embed/%: examples/embed/%.c $(LIBRARY)
	@mkdir -p $(@D)
	$(call say,cc,$<)if .ci/deps --host $*; then $(LINK); else \
		$(call unbuilt,$*,exit 1) && sed -n 's/^echo "\(.*\)"/  skip \1/p' $@; fi

# What tests a module has it inside.
$(BUILD)/test/gzip/%: test/gzip/%.c $(GZIP_SRC) $(wildcard lib/gzip/*.h include/ouro-*.h) \
		$(LIBRARY) | $(BUILD)/needs-test
	@mkdir -p $(@D)
	$(call say,cc,$<)if .ci/deps --host zlib; then $(COMPILE) -o $@ $< $(GZIP_SRC) $(LIBRARY) \
		$(LDFLAGS) -lz $(LIBS); else printf '#!/bin/sh\necho "%s"\necho 1..1\n' \
		"ok 1 - $* # skip needs the package zlib1g-dev" >$@ && chmod +x $@ && touch -d @0 $@; fi

# A module of a host has an ouro of its own inside, which nobody else in that process sees.
$(MODULES): $(BUILD)/examples/embed/%.so: examples/embed/%.c $(LIBRARY)
	@mkdir -p $(@D)
	$(call say,cc,$<)if .ci/deps --host $*; then \
		$(COMPILE) -shared -MMD -MP -MT $@ -MF $@.d -o $@ $< $(LIBRARY) \
			-Wl,--exclude-libs,ALL $(LDFLAGS) $(LIBS); \
	else echo "  skip $* needs the package $$(.ci/deps --package $*)"; fi
ifneq ($(filter test check,$(MAKECMDGOALS)),)
$(HOUSES) $(MODULES): | $(BUILD)/needs-test
endif

# Warnings are errors here and nowhere else: a newer compiler must not keep anybody from building, nor
# one that sees less, as under a sanitizer, where some are false.
test check: WERROR := $(if $(SAN),,-Werror)
test check: $(BUILD)/needs-test all $(TESTS)
	@CC='$(CC)' BUILD='$(BUILD)' SAN='$(SAN)' test/run test/runner.sh $(TESTS) \
		$(MODULES:$(BUILD)/examples/embed/%.so=test/%.sh) test/inspect.sh

headers layers readme test-install test-clients: export MAKE := $(MAKE)
headers: $(BUILD)/needs-headers
	@CC='$(CC)' CXX='$(CXX)' test/run test/headers.sh
layers:
	@test/run test/layers.sh
test-clients: $(BUILD)/needs-clients $(PEERS)
readme test-install test-clients: all $(BUILD)/needs-test
	@CC='$(CC)' BUILD='$(BUILD)' SAN='$(SAN)' TEST_LIMIT=400 test/run test/$(@:test-%=%).sh

FUZZ_SECONDS ?= 600
fuzz: $(BUILD)/needs-fuzz
	@CC='$(CC)' BUILD='$(BUILD)' test/fuzz.sh $(FUZZ_SECONDS) $(FUZZ_SRC)

$(BUILD)/test/soak/soak: $(SOAK_SRC) test/soak/soak.h $(LIBRARY)
	@mkdir -p $(@D)
	$(call say,cc,$@)$(COMPILE) -o $@ $(SOAK_SRC) $(LIBRARY) $(LDFLAGS) $(LIBS)

soak: WERROR := -Werror
soak: $(BUILD)/test/soak/soak
	@if $< $(or $(SOAK_SECONDS),0) $(SOAK_SEED); then echo '1 passed, 0 failed'; \
		else echo '0 passed, 1 failed'; false; fi

BENCHES := $(patsubst bench/%/run,bench-%,$(sort $(wildcard bench/*/run)))
bench bench-deps results $(BENCHES): export CC := $(CC)
bench bench-deps results $(BENCHES): export BUILD := $(abspath $(BUILD))
bench bench-deps results $(BENCHES): $(BUILD)/needs-bench
bench:
	@bench/all
# What failed is told in the results, too.
results:
	@bench/all; failed=$$?; bench/results && exit $$failed
$(BENCHES): bench-%:
	@bench/one $*

to = $(DESTDIR)$(1)
put_pc = sed -e 's|@prefix@|$(PREFIX)|' -e 's|@libdir@|$(libdir:$(PREFIX)/%=$${prefix}/%)|' \
	-e 's|@includedir@|$(includedir:$(PREFIX)/%=$${prefix}/%)|' \
	-e 's|@version@|$(VERSION)|' -e 's|@libs@|$(LIBS)|' \
	$(1).pc.in >'$(call to,$(libdir)/pkgconfig/$(1).pc)'
install: $(LIBRARY) $(BUILD)/libouro.so $(GZIP) $(INSPECT)
	install -d '$(call to,$(includedir)/ouro)' '$(call to,$(libdir)/pkgconfig)'
	install -m 644 include/ouro.h '$(call to,$(includedir))'
	install -m 644 include/ouro/*.h '$(call to,$(includedir)/ouro)'
	install -m 644 $(LIBRARY) $(SHARED) '$(call to,$(libdir))'
	ln -sf $(notdir $(SHARED)) '$(call to,$(libdir)/$(SONAME))'
	ln -sf $(SONAME) '$(call to,$(libdir)/libouro.so)'
	$(call put_pc,ouro)
	$(if $(INSPECT),install -m 644 $(INSPECT) '$(call to,$(libdir))')
ifneq ($(GZIP),)
	install -m 644 include/ouro-gzip.h '$(call to,$(includedir))'
	install -m 644 $(BUILD)/libouro-gzip.a $(GZIP_SHARED) '$(call to,$(libdir))'
	ln -sf $(notdir $(GZIP_SHARED)) '$(call to,$(libdir)/libouro-gzip$(SONAME:libouro%=%))'
	ln -sf libouro-gzip$(SONAME:libouro%=%) '$(call to,$(libdir)/libouro-gzip.so)'
	$(call put_pc,ouro-gzip)
endif
	$(if $(DESTDIR),,ldconfig 2>/dev/null || true)

uninstall:
	rm -rf '$(call to,$(includedir)/ouro)' '$(call to,$(includedir)/ouro.h)'
	rm -f '$(call to,$(includedir)/ouro-gzip.h)'
	rm -f '$(call to,$(libdir))'/libouro.a '$(call to,$(libdir))'/libouro.so*
	rm -f '$(call to,$(libdir))'/libouro-inspect.so
	rm -f '$(call to,$(libdir))'/libouro-gzip.a '$(call to,$(libdir))'/libouro-gzip.so*
	rm -f '$(call to,$(libdir)/pkgconfig)'/ouro.pc '$(call to,$(libdir)/pkgconfig)'/ouro-gzip.pc

format:
	clang-format -i $$(git ls-files '*.c' '*.h')
deps:
	@for what in build test headers; do CC='$(CC)' .ci/deps $$what || exit 1; done
clean:
	rm -rf build build-* $(addprefix $(BUILD)/,lib workers inspect examples test fuzz bench libouro.* libouro-*.* \
		flags sources needs-*)
help:
	@sed -n '/^#/!q; s/^# \{0,1\}//p' Makefile

.PHONY: all inspect examples run test check headers layers readme test-install test-clients fuzz soak \
	bench bench-deps results $(BENCHES) install uninstall format deps clean help FORCE
.SECONDARY: $(OBJ)
.DELETE_ON_ERROR:
-include $(OBJ:.o=.d) $(INSPECT_OBJ:.o=.d) $(EXAMPLES:=.d) $(HOUSES:=.d) $(MODULES:=.d) $(TESTS:=.d) $(PEERS:=.d)
