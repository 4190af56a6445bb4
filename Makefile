# One Makefile. `make` builds the programs into build/; `make help` lists what else there is.
#
# Each folder is compiled with its own include path and common's, so that the compiler itself keeps
# ingress and worker apart. SANITIZE=1 builds with AddressSanitizer and UndefinedBehaviorSanitizer
# into build/sanitize; CC=clang works too.

VERSION := 0.1.0
PYTHON := /usr/bin/python3
CC := gcc
BUILD := $(if $(SANITIZE),build/sanitize,build)
OBJ := $(BUILD)/obj

PACKAGES := libmicrohttpd hiredis libcurl libcjson libuv libcrypto
PKG_CFLAGS = $(shell pkg-config --cflags $(PACKAGES))
PKG_LIBS = $(shell pkg-config --libs $(PACKAGES))

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
             -DDIALIN_VERSION='"$(VERSION)"' -D_GNU_SOURCE $(PKG_CFLAGS) $(CFLAGS) -MMD -MP

PROGRAMS := dialin-ingress dialin-worker dialin-agent dialin-caller
objects = $(patsubst %.c,$(OBJ)/%.o,$(wildcard $(1)/*.c))
without_main = $(filter-out %/main.o,$(1))
COMMON := $(call objects,common)
INGRESS := $(call objects,ingress)
WORKER := $(call objects,worker)
AGENT := $(call objects,tests/agent)
CALLER := $(call objects,tests/caller)
UNIT_TESTS := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(wildcard tests/unit/*/test_*.c))

.PHONY: all
all: $(addprefix $(BUILD)/,$(PROGRAMS))

$(BUILD)/dialin-ingress: $(INGRESS) $(COMMON)
$(BUILD)/dialin-worker: $(WORKER) $(COMMON)
$(BUILD)/dialin-agent: $(AGENT) $(COMMON)
$(BUILD)/dialin-caller: $(CALLER) $(COMMON)
$(addprefix $(BUILD)/,$(PROGRAMS)):
	@mkdir -p $(@D)
	$(CC) $(LINKING) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)

$(OBJ)/common/%.o: INCLUDE := -Icommon
$(OBJ)/ingress/%.o: INCLUDE := -Iingress -Icommon
$(OBJ)/worker/%.o: INCLUDE := -Iworker -Icommon
$(OBJ)/tests/agent/%.o: INCLUDE := -Itests/agent -Icommon
$(OBJ)/tests/caller/%.o: INCLUDE := -Itests/caller -Icommon
$(OBJ)/tests/unit/common/%.o: INCLUDE := -Icommon
$(OBJ)/tests/unit/ingress/%.o: INCLUDE := -Iingress -Icommon
$(OBJ)/tests/unit/worker/%.o: INCLUDE := -Iworker -Icommon

$(OBJ)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) $(INCLUDE) -c -o $@ $<

$(BUILD)/unit/common/%: $(OBJ)/tests/unit/common/%.o $(COMMON)
	@mkdir -p $(@D)
	$(CC) $(LINKING) $(LDFLAGS) -o $@ $^ $(PKG_LIBS) -lcmocka
$(BUILD)/unit/ingress/%: $(OBJ)/tests/unit/ingress/%.o $(call without_main,$(INGRESS)) $(COMMON)
	@mkdir -p $(@D)
	$(CC) $(LINKING) $(LDFLAGS) -o $@ $^ $(PKG_LIBS) -lcmocka
$(BUILD)/unit/worker/%: $(OBJ)/tests/unit/worker/%.o $(call without_main,$(WORKER)) $(COMMON)
	@mkdir -p $(@D)
	$(CC) $(LINKING) $(LDFLAGS) -o $@ $^ $(PKG_LIBS) -lcmocka

.PHONY: unit-tests
unit-tests: $(UNIT_TESTS)
.SECONDARY:

-include $(shell find $(OBJ) -name '*.d' 2>/dev/null)

.PHONY: clean
clean:
	rm -rf build
