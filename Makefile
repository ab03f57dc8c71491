# SPDX-License-Identifier: Apache-2.0
# A thin front door: Meson and ninja build, ./test tests. `make` needs the packages that `tools/setup build test` installs.
PYTHON = /usr/bin/python3
C_FILES = git ls-files -co --exclude-standard "*.c" "*.h"

.PHONY: all help check test crash-test guards slow-clients asan fuzz cover analyse fmt lint install clean

all: build/build.ninja
	ninja -C build

help:
	@echo 'make            build everything; the program is build/gatepost'
	@echo 'make check      the rules that a machine can check, in a second'
	@echo 'make test       all of ./test'
	@echo 'make crash-test power cuts, kills, full disks for long (half an hour, as root)'
	@echo 'make guards     take each guard out, and see its tests go red (an hour, as root)'
	@echo 'make slow-clients  hold 10,000 slow TLS clients while mail goes on (3 minutes, as root)'
	@echo 'make asan       unit tests under the sanitizers'
	@echo 'make fuzz       each fuzz target for SECONDS (60)'
	@echo 'make cover      line and branch coverage of the unit tests'
	@echo 'make analyse    gcc -fanalyzer, clang-tidy and cppcheck over all of src/'
	@echo 'make lint       check, and analyse on what changed'
	@echo 'make fmt        clang-format all C files in place'
	@echo 'make install    install into PREFIX (meson configure build -Dprefix=...)'
	@echo 'make clean      remove the build folders'

build/build.ninja:
	meson setup build

build-asan/build.ninja:
	CC=clang-14 meson setup build-asan -Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false

build-cover/build.ninja:
	CC=gcc meson setup build-cover -Db_coverage=true -Dbuildtype=debug

check:
	tools/check

test:
	./test

crash-test:
	./test crash-long

guards:
	$(PYTHON) tests/guards/run.py

slow-clients: all
	GATEPOST_SLOW_CLIENTS=10000 $(PYTHON) -m pytest -p no:cacheprovider -s tests/system/test_slow_clients.py

asan:
	./test unit

fuzz:
	FUZZ_SECONDS=$(or $(SECONDS),60) ./test fuzz

cover: build-cover/build.ninja
	ninja -C build-cover
	meson test -C build-cover
	$(PYTHON) tools/cover.py build-cover

analyse: all build-asan/build.ninja
	$(PYTHON) tools/analyse.py

lint: check all build-asan/build.ninja
	$(PYTHON) tools/analyse.py --changed

fmt:
	$(C_FILES) | xargs clang-format-14 -i

install: all
	ninja -C build install

clean:
	rm -rf build build-asan build-cover build-guards build-mutant-*
