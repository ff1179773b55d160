# Thin: everything of substance is in scripts/ and CMakeLists.txt.
BUILD ?= build/release
PREFIX ?= /usr/local
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
.DEFAULT_GOAL := help
.PHONY: deps run test build lint fuzz bench install uninstall clean help

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile | expand -t 18

deps: ## install the Debian packages that are missing (needs root or sudo only then)
	@scripts/deps

build: ## the four programs into BUILD/bin (BUILD=build/release)
	@scripts/deps build
	@cmake --preset release -B $(BUILD)
	@cmake --build $(BUILD) -j $(JOBS)

run: build ## a demonstration zone on this machine (ONCE=1: run through it and stop)
	@PZ_BIN=$(abspath $(BUILD)/bin) scripts/demo

test: deps ## everything that has to pass (ONLY=lint|asan|release|tsan|system|smoke_bench|fuzz: one stage)
	@scripts/test

lint: deps ## style, layers, compilers' and analysers' warnings
	@scripts/lint

fuzz: deps ## every fuzz target for FUZZ_SECONDS (60)
	@scripts/fuzz $(or $(FUZZ_SECONDS),60)

bench: ## build and run the benchmarks
	@scripts/deps build
	@cmake --preset release -B build/bench -DPZ_BENCH=ON
	@cmake --build build/bench -j $(JOBS)
	@PZ_BIN=$(abspath build/bench/bin) scripts/bench

install: build ## install below DESTDIR and PREFIX (/usr/local)
	@cmake --preset release -B $(BUILD) -DCMAKE_INSTALL_PREFIX=$(PREFIX)
	@cmake --build $(BUILD) -j $(JOBS)
	@cmake --install $(BUILD)

uninstall: ## remove what install has put (DESTDIR as then); state and keys stay
	@test -f $(BUILD)/install_manifest.txt || { echo "$(BUILD)/install_manifest.txt: nothing was installed from here"; exit 1; }
	@tr '\n' '\0' <$(BUILD)/install_manifest.txt | xargs -0 -I{} rm -vf "$(DESTDIR){}"

clean: ## remove build/
	rm -rf build
