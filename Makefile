# One Makefile. `make` builds the programs into build/; `make help` lists what else there is.
#
# Each folder is compiled with the include path that .ci/walls.mk gives it, so that the compiler
# itself keeps the folders apart. SANITIZE=1 builds with AddressSanitizer and UndefinedBehaviorSanitizer
# into build/sanitize; CC=clang works too.

include .ci/walls.mk
include worker/script/scripts.mk

VERSION := 0.1.0
PYTHON := /usr/bin/python3
CC := gcc
BUILD := $(if $(SANITIZE),build/sanitize,build)
OBJ := $(BUILD)/obj

PACKAGES := libmicrohttpd hiredis libcurl libcjson libuv libssl libcrypto libutf8proc
# Asked once, when the first recipe needs them: pkg-config may have to be installed before.
PKG_CFLAGS = $(eval PKG_CFLAGS := $(shell pkg-config --cflags $(PACKAGES)))$(PKG_CFLAGS)
PKG_LIBS = $(eval PKG_LIBS := $(shell pkg-config --libs $(PACKAGES)) -lm)$(PKG_LIBS)

WARNINGS := -Wall -Wextra -Werror -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
            -Wpointer-arith -Wwrite-strings -Wvla -Wformat=2 -Wundef -Wcast-qual
HARDENING := -fstack-protector-strong -fstack-clash-protection -fPIE
ifneq ($(filter x86_64 i686,$(shell uname -m)),)
HARDENING += -fcf-protection
endif
LINKING := -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--gc-sections -Wl,--as-needed
ifdef SANITIZE
OPTIMISE := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
LINKING += -fsanitize=address,undefined
else
OPTIMISE := -O2 -g -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3
endif
CFLAGS_ALL = -std=gnu11 $(OPTIMISE) $(WARNINGS) $(HARDENING) -ffunction-sections -fdata-sections \
             -DDIALIN_VERSION='"$(VERSION)"' -D_GNU_SOURCE $(PKG_CFLAGS) $(CFLAGS) -MMD -MP \
             -Wa,-I$(BUILD)

PROGRAMS := dialin-ingress dialin-worker dialin-audit dialin-board dialin-agent dialin-caller
objects = $(patsubst %.c,$(OBJ)/%.o,$(wildcard $(addsuffix /*.c,$(1))))
without_main = $(filter-out %/main.o,$(1))
# Libraries, so that a program holds, and loads the shared libraries of, only what it uses.
COMMON := $(OBJ)/common.a
WORKER_LIBRARY := $(OBJ)/worker.a
INGRESS := $(call objects,ingress)
WORKER := $(call objects,worker $(WORKER_PARTS) worker/history)
AUDIT := $(call objects,worker/daily worker/audit worker/audit/commands worker/audit/terminal)
BOARD := $(call objects,worker/board)
AGENT := $(call objects,tests/agent)
CALLER := $(call objects,tests/caller)
BENCH := $(addprefix $(BUILD)/bench/,fast_caller fast_agent slow_wire bare_server bare_client match_routes \
         read_streams)
UNIT_TESTS := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(wildcard tests/unit/*/test_*.c))

.PHONY: all
all: $(addprefix $(BUILD)/,$(PROGRAMS))

$(BUILD)/dialin-ingress: $(INGRESS) $(COMMON)
$(BUILD)/dialin-worker: $(WORKER) $(COMMON)
$(BUILD)/dialin-audit: $(AUDIT) $(WORKER_LIBRARY) $(COMMON)
$(BUILD)/dialin-board: $(BOARD) $(WORKER_LIBRARY) $(COMMON)
$(BUILD)/dialin-agent: $(AGENT) $(COMMON)
$(BUILD)/dialin-caller: $(CALLER) $(COMMON)
$(addprefix $(BUILD)/,$(PROGRAMS)):
	@mkdir -p $(@D)
	$(CC) $(LINKING) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)

# The last two are for tests/fuzz.
$(COMMON): $(call objects,$(COMMON_PARTS))
$(WORKER_LIBRARY): $(call without_main,$(WORKER))
$(OBJ)/ingress.a: $(call without_main,$(INGRESS))
$(OBJ)/audit.a: $(call without_main,$(AUDIT))
$(COMMON) $(WORKER_LIBRARY) $(OBJ)/ingress.a $(OBJ)/audit.a:
	rm -f $@
	$(AR) rcs $@ $^

# Says which packages are missing, by their names on this system, before the compiler does.
.PHONY: have-libraries
have-libraries:
	@pkg-config --exists $(PACKAGES) 2>/dev/null || { .ci/install --check build && false; }

folder_of = $(patsubst %/,%,$(dir $(1)))

# The composed scripts, which the assembler finds for .incbin.
COMPOSED := $(patsubst %,$(BUILD)/scripts/%.lua,$(SCRIPTS))
.PHONY: scripts
scripts: $(COMPOSED)
parts_of = $(BUILD)/scripts/parts/constants.lua $(patsubst %,worker/%.lua,$(parts.$(1)))
$(BUILD)/scripts/parts/constants.lua: worker/script/constants.lua.in $(SCRIPT_CONSTANTS) Makefile
	@mkdir -p $(@D)
	@$(CC) -E -P -x c $(PKG_CFLAGS) $(addprefix -I,$(COMMON_PARTS)) \
	  $(addprefix -imacros ,$(SCRIPT_CONSTANTS)) $< | sed '/^ *$$/d; s/ local /\nlocal /g' > $@
# Lua has room for 200 local names in a chunk. So a script gets the constants that its parts name, and
# the names of keys stand in it as they are.
used_constants = awk 'FILENAME != "$(1)" { while (match($$0, /[A-Z][A-Z_]+/)) { \
    used[substr($$0, RSTART, RLENGTH)]; $$0 = substr($$0, RSTART + RLENGTH) } next } \
    !/^local KEY_/ { names = $$0; sub(/=.*/, "", names); count = split(names, name, /[ ,]+/); \
    for (i = 2; i <= count; i++) if (name[i] in used) { print; next } }' $(2) $(1)
$(BUILD)/scripts/parts/keys.sed: $(BUILD)/scripts/parts/constants.lua
	@sed -n 's/^local \(KEY_[A-Z]*\) = \(".*"\) *$$/s#\\b\1\\b#\2#g/p' $< > $@
.SECONDEXPANSION:
$(COMPOSED): $(BUILD)/scripts/%.lua: $$(call parts_of,$$*) worker/script/scripts.mk Makefile $(BUILD)/scripts/parts/keys.sed
	@mkdir -p $(@D)
	@{ echo '#!lua$(addprefix $() flags=,$(flags.$*))'; \
	   echo '--@ $<'; $(call used_constants,$<,$(filter %.lua,$(filter-out $<,$^))); \
	   for part in $(filter-out $<,$(filter %.lua,$^)); do echo "--@ $$part"; \
	   sed -f $(BUILD)/scripts/parts/keys.sed $$part; done; } > $@
$(OBJ)/worker/script/script_text.o $(OBJ)/worker/script/rights.o $(OBJ)/worker/audit/commands/audit_script.o: $(COMPOSED)
# The assembler looks for page/… there.
$(OBJ)/worker/board/pages.o: $(wildcard worker/board/page/*)
$(OBJ)/worker/board/pages.o: CFLAGS_ALL += -Wa,-Iworker/board
$(OBJ)/%.o: %.c Makefile | have-libraries
	@mkdir -p $(@D)
	$(if $(PROGRESS),@echo compiling $<)
	$(CC) $(CFLAGS_ALL) $(call include_path,$(call folder_of,$<)) -c -o $@ $<

$(BUILD)/unit/common/%: $(OBJ)/tests/unit/common/%.o $(COMMON)
	@mkdir -p $(@D)
	$(CC) $(LINKING) $(LDFLAGS) -o $@ $^ $(PKG_LIBS) -lcmocka
$(BUILD)/unit/ingress/%: $(OBJ)/tests/unit/ingress/%.o $(call without_main,$(INGRESS)) $(COMMON)
	@mkdir -p $(@D)
	$(CC) $(LINKING) $(LDFLAGS) -o $@ $^ $(PKG_LIBS) -lcmocka
$(BUILD)/unit/worker/%: $(OBJ)/tests/unit/worker/%.o $(WORKER_LIBRARY) $(COMMON)
	@mkdir -p $(@D)
	$(CC) $(LINKING) $(LDFLAGS) -o $@ $^ $(PKG_LIBS) -lcmocka
$(BUILD)/unit/audit/%: $(OBJ)/tests/unit/audit/%.o $(call without_main,$(AUDIT)) $(WORKER_LIBRARY) $(COMMON)
	@mkdir -p $(@D)
	$(CC) $(LINKING) $(LDFLAGS) -o $@ $^ $(PKG_LIBS) -lcmocka

$(BUILD)/unit/board/%: $(OBJ)/tests/unit/board/%.o $(call without_main,$(BOARD)) $(WORKER_LIBRARY) $(COMMON)
	@mkdir -p $(@D)
	$(CC) $(LINKING) $(LDFLAGS) -o $@ $^ $(PKG_LIBS) -lcmocka

$(BUILD)/bench/match_routes: $(OBJ)/tests/bench/match_routes.o $(WORKER_LIBRARY) $(COMMON)
	@mkdir -p $(@D)
	$(CC) $(LINKING) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)

$(BUILD)/bench/%: $(OBJ)/tests/bench/%.o $(OBJ)/tests/bench/http_message.o \
                  $(OBJ)/tests/bench/tls_server.o $(COMMON)
	@mkdir -p $(@D)
	$(CC) $(LINKING) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)

.PHONY: unit-tests bench-programs
bench-programs: $(BENCH)
unit-tests: $(UNIT_TESTS)
.SECONDARY:

# The include path of a file, for the linters.
.PHONY: include-path
include-path:
	@echo '$(call include_path,$(call folder_of,$(FILE)))'

-include $(shell find $(OBJ) -name '*.d' 2>/dev/null)

# --- running and testing -----------------------------------------------------------------------

.PHONY: help
help:
	@sed -n 's/^## //p' Makefile

## make              builds dialin-ingress, -worker, -audit, -board, -agent and -caller into build/
## make run          starts a private Redis, ingress, worker, board and agent in the foreground
## make call         rings once, at what make run or docker compose up has started: ARGS="--count 10"
## make test         unit and flow tests; needs no container engine
## make test-board   the board in Debian's Chromium
## make board-pictures  the README's pictures of the board, in a minute and a half
## make sanitize     the same tests with AddressSanitizer and UndefinedBehaviorSanitizer
## make test-libcurl8
##                   the tests of the connections to /start over Debian 13's libcurl 8
## make test-valkey  the tests that ask the most of Redis, with Debian 13's Valkey; test-redis8: its Redis
## make test-compose end-to-end tests over docker compose up
## make update      replaces what docker compose up has started, one after the other; refuses nobody
## make install      programs, manual pages, completion, systemd units: PREFIX, DESTDIR
## make deb          the Debian package, in build/deb
## make test-deb     builds, installs, upgrades and purges it in clean containers of Debian 13
## make update-test  counts the refused in ten updates in a row: UPDATES, WEBHOOKS, RATE, REBUILDS
## make bench        the figures of the README, measured here, in about 10 minutes: ONLY, RUNS
## make chaos        thousands of calls while processes die: SEED, CALLS, RATE, CLOCKS, EVENTS, …
## make siege        one sender without a secret against the public port: ONLY, ATTACK_S, RATE, SEED
## make crash-points
##                   a kill at each system call of a call's life: DURATION, STRIDE, ONLY, SEED
## make bugs         proof that the tests can see: each patch of tests/bugs must fail them
## make failover     a Sentinel set and a Cluster whose primary is killed under load: FAILOVERS=20, SEED
## make line         how long those wait who stand in line, and overload: SESSIONS, SESSION_S, AHEAD_S
## make lint         clang-format, clang-tidy, cppcheck and the rules of the house
## make fuzz         libFuzzer on what takes bytes from outside: ONLY, SECONDS=30 for each target
## make format       clang-format over every C file
## make compile-commands
##                   build/compile_commands.json, for clangd
## make install      dialin-ingress, -worker, -audit and -board into PREFIX/bin (/usr/local): DESTDIR, PREFIX
## make clean        removes build/
## make deps         installs the Debian packages that building needs
##
## The targets that need Debian packages install them first, and say so.

.PHONY: deps deps-run deps-test deps-lint
deps:
	@.ci/install build
deps-run:
	@.ci/install build run
deps-test:
	@.ci/install build test
deps-lint:
	@.ci/install build test lint

# A second make, because what is installed first is asked for flags by this file.
.PHONY: run
run: deps-run
	@+MAKE='$(MAKE)' .ci/build all
	@BUILD=$(abspath $(BUILD)) exec tests/trial/run.sh

# Whatever runs has been built, here or in an image: nothing to install or build.
.PHONY: call
call:
	@BUILD=$(abspath $(BUILD)) tests/trial/call.sh $(ARGS)

# Tests mostly wait, but the sanitizers' builds keep two cores busy: more of them would only wait longer.
TESTS_AT_ONCE := $(if $(SANITIZE),4,6)
.PHONY: test
test: deps-test
	@+MAKE='$(MAKE)' .ci/build all unit-tests
	@.ci/unit-tests $(BUILD)
	@DIALIN_BUILD=$(abspath $(BUILD)) $(PYTHON) -m pytest -q -p no:cacheprovider \
	  -n $(TESTS_AT_ONCE) --dist loadfile tests/flow

# The browser's library comes from npm, pinned by tests/board/package-lock.json.
.PHONY: test-board deps-board
deps-board:
	@.ci/install build test board
test-board: deps-board
	@+MAKE='$(MAKE)' .ci/build all
	@tests/board/install.sh $(BUILD)/board
	@BOARD_MODULES=$(abspath $(BUILD))/board DIALIN_BUILD=$(abspath $(BUILD)) $(PYTHON) -m pytest -q \
	  -p no:cacheprovider tests/board

.PHONY: board-pictures
board-pictures: deps-board
	@+MAKE='$(MAKE)' .ci/build all
	@tests/board/install.sh $(BUILD)/board
	@BOARD_MODULES=$(abspath $(BUILD))/board DIALIN_BUILD=$(abspath $(BUILD)) $(PYTHON) tests/board/pictures.py

.PHONY: sanitize
sanitize:
	@$(MAKE) --no-print-directory SANITIZE=1 test

.PHONY: bench
bench: deps-test
	@+MAKE='$(MAKE)' .ci/build all bench-programs
	@DIALIN_BUILD=$(abspath $(BUILD)) $(PYTHON) tests/bench/bench.py

.PHONY: siege
siege: deps-test
	@$(MAKE) -s all
	@DIALIN_BUILD=$(abspath $(BUILD)) $(PYTHON) tests/siege/siege.py

.PHONY: chaos
chaos: deps-test
	@$(MAKE) --no-print-directory -s -j$$(nproc) all
	@DIALIN_BUILD=$(abspath $(BUILD)) $(PYTHON) tests/chaos/campaign.py

.PHONY: crash-points
crash-points: deps-test
	@$(MAKE) --no-print-directory -s -j$$(nproc) all
	@DIALIN_BUILD=$(abspath $(BUILD)) $(PYTHON) tests/crash_points/run.py

.PHONY: bugs
bugs: deps-test
	@$(PYTHON) tests/bugs/run.py

.PHONY: line
line: deps-test
	@$(MAKE) --no-print-directory -s -j$$(nproc) all
	@DIALIN_BUILD=$(abspath $(BUILD)) $(PYTHON) tests/bench/line.py

.PHONY: lint
lint: deps-lint
	@.ci/lint

.PHONY: test-libcurl8
test-libcurl8: deps-test
	@$(MAKE) --no-print-directory -s -j$$(nproc) all
	@DIALIN_BUILD=$(abspath $(BUILD)) .ci/libcurl8

.PHONY: test-valkey test-redis8
test-valkey test-redis8: deps-test
	@$(MAKE) --no-print-directory -s -j$$(nproc) all
	@DIALIN_BUILD=$(abspath $(BUILD)) .ci/redis13 $(if $(filter test-valkey,$@),valkey,redis) $(TESTS)

.PHONY: test-compose
test-compose:
	@.ci/install compose
	@tests/compose/run.sh

.PHONY: update
update:
	@common/ship/compose/update.sh

.PHONY: update-test
update-test:
	@.ci/install compose
	@tests/compose/run.sh --updates

# Into $(DESTDIR)$(PREFIX): the programs that a system of one's own runs, their manual pages and the
# completion of dialin-audit (both made of --help), and the units of systemd.
PREFIX := /usr/local
DESTDIR :=
STRIP := -s
INSTALLED := $(filter-out dialin-agent dialin-caller,$(PROGRAMS))
SECTION_dialin-audit := 1
section_of = $(or $(SECTION_$(1)),8)
PAGES := $(foreach program,$(INSTALLED),$(BUILD)/man/$(program).$(call section_of,$(program)))
UNITS := $(wildcard common/ship/systemd/*.service common/ship/systemd/*.socket)
COMPLETION := $(BUILD)/completion/dialin-audit
$(PAGES): common/ship/man/make_page $(addprefix $(BUILD)/,$(INSTALLED))
	@mkdir -p $(@D)
	@$< $(BUILD)/$(basename $(@F)) $(subst .,,$(suffix $(@F))) $(VERSION) > $@.new && mv $@.new $@
$(COMPLETION): common/ship/completion/make_completion $(BUILD)/dialin-audit
	@mkdir -p $(@D)
	@$< $(BUILD)/dialin-audit > $@.new && mv $@.new $@
.PHONY: pages
pages: $(PAGES) $(COMPLETION)
.PHONY: install uninstall
install: $(addprefix $(BUILD)/,$(INSTALLED)) pages
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/systemd/system
	install -m 755 $(STRIP) $(addprefix $(BUILD)/,$(INSTALLED)) $(DESTDIR)$(PREFIX)/bin
	for page in $(PAGES); do install -D -m 644 $$page \
	  $(DESTDIR)$(PREFIX)/share/man/man$${page##*.}/$${page##*/} || exit 1; done
	install -D -m 644 $(COMPLETION) $(DESTDIR)$(PREFIX)/share/bash-completion/completions/dialin-audit
	for unit in $(UNITS); do sed 's#/usr/bin/dialin#$(PREFIX)/bin/dialin#' $$unit \
	  > $(DESTDIR)$(PREFIX)/lib/systemd/system/$${unit##*/} || exit 1; done
uninstall:
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/bin/,$(INSTALLED)) \
	  $(foreach page,$(PAGES),$(DESTDIR)$(PREFIX)/share/man/man$(subst .,,$(suffix $(page)))/$(notdir $(page))) \
	  $(DESTDIR)$(PREFIX)/share/bash-completion/completions/dialin-audit \
	  $(addprefix $(DESTDIR)$(PREFIX)/lib/systemd/system/,$(notdir $(UNITS)))

# The package of Debian, out of a copy of the tree: build/deb/dialin_*.deb.
.PHONY: deb test-deb
deb:
	@.ci/install deb
	@common/ship/debian/build
test-deb:
	@.ci/install compose
	@tests/compose/run.sh --deb

SOURCES = $(sort $(shell find common ingress worker tests -name '*.c'))
.PHONY: format
format:
	clang-format -i $(sort $(shell find common ingress worker tests -name '*.[ch]'))

# For clangd and other tools: how each file is compiled.
.PHONY: compile-commands
compile-commands: build/compile_commands.json
build/compile_commands.json: Makefile .ci/walls.mk $(SOURCES)
	@mkdir -p $(@D)
	@$(file >$@.new,[)$(foreach source,$(SOURCES),$(file >>$@.new,$(call compile_command,$(source))))true
	@sed -i '$$ s/,$$//' $@.new && echo ']' >> $@.new && mv $@.new $@
json_text = "$(subst ",\",$(subst \,\\,$(1)))"
compile_command = {"directory": "$(CURDIR)", "file": "$(1)", "command": $(call json_text,$(CC) \
$(CFLAGS_ALL) $(call include_path,$(call folder_of,$(1))) -c $(1))},

.PHONY: clean
clean:
	rm -rf build

.PHONY: failover
failover: FAILOVERS := $(or $(FAILOVERS),20)
failover: SEED := $(or $(SEED),$(shell date +%s))
failover: all
	@echo "SEED=$(SEED) FAILOVERS=$(FAILOVERS)"
	@SEED=$(SEED) FAILOVERS=$(FAILOVERS) DIALIN_BUILD=$(abspath $(BUILD)) $(PYTHON) -m pytest -q -s \
	  -p no:cacheprovider -n 0 \
	  tests/flow/test_redis_failover.py -k "sentinels_fail or node_of_the_cluster"

# Runs each target of tests/fuzz for SECONDS; ONLY=http runs the one. The inputs that reach new code
# stay in $(BUILD)/fuzz/corpus and are tried first the next time; one that fails is written to
# $(BUILD)/fuzz. The tree is compiled once more for them, in a make of its own.
FUZZ := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(wildcard tests/fuzz/fuzz_$(if $(ONLY),$(ONLY),*).c))
FUZZ_TREE := $(BUILD)/fuzz/tree
FUZZ_LIBRARIES := $(addprefix $(FUZZ_TREE)/obj/,ingress.a audit.a worker.a common.a)
FUZZ_FLAGS := -fsanitize=address,undefined -fno-sanitize-recover=all
SECONDS := 30
ifndef SEED
SEED := $(shell date +%s)
endif

.PHONY: fuzz-libraries
fuzz-libraries:
	@+$(MAKE) BUILD=$(FUZZ_TREE) CC=clang OPTIMISE='-O1 -g -fsanitize=fuzzer-no-link $(FUZZ_FLAGS)' \
	  $(FUZZ_LIBRARIES)
$(FUZZ_LIBRARIES): fuzz-libraries
$(BUILD)/fuzz/%: tests/fuzz/%.c $(FUZZ_LIBRARIES)
	@mkdir -p $(BUILD)/fuzz/corpus/$*
	clang -std=gnu11 -O1 -g $(WARNINGS) -D_GNU_SOURCE $(PKG_CFLAGS) $(call include_path,tests/fuzz) \
	  -fsanitize=fuzzer $(FUZZ_FLAGS) -o $@ $< $(FUZZ_LIBRARIES) $(PKG_LIBS)

.PHONY: fuzz
fuzz: $(FUZZ)
	@for target in $(FUZZ); do \
	  echo "$$target: $(SECONDS) s, SEED=$(SEED)"; \
	  $$target -seed=$(SEED) -max_total_time=$(SECONDS) -max_len=4096 -timeout=5 -verbosity=0 \
	    -print_final_stats=1 -dict=tests/fuzz/words.dict -artifact_prefix=$(BUILD)/fuzz/ \
	    $(BUILD)/fuzz/corpus/$${target##*/} tests/fuzz/seeds > $$target.log 2>&1 || \
	    { tail -n 50 $$target.log; exit 1; }; \
	  grep executed_units $$target.log; \
	done
