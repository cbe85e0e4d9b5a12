# make           the program
# make install   it, its man page and completions, below PREFIX and DESTDIR
# make test      the tests
# make check     all that CI checks
# make static    the static binary for Linux; ARCH=aarch64 for ARM servers
# make dist      a release's archive and its checksum, in dist/; ARCH as above
# make demo      the program against a server of its own
# make bench     the time of one request, beside curl and jq
# make mutants   whether the tests notice faults in the code

PREFIX = /usr/local
ARCH = x86_64
export CARGO_TARGET_DIR ?= target

VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
# The files whose faults their unit tests must notice.
UNITS = api/response api/retry api/token cli/help cli/mod cli/table config/base_url config/env_file config/mod config/proxy \
	email error secret text
MUTANTS = $(CARGO_TARGET_DIR)/mutants
PROGRAM = $(CARGO_TARGET_DIR)/release/outseta-token
PAGES = $(CARGO_TARGET_DIR)/pages
STATIC = $(CARGO_TARGET_DIR)/$(ARCH)-unknown-linux-musl/release/outseta-token
RELEASE = outseta-token-$(VERSION)-$(ARCH)-unknown-linux-musl
SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct)

.PHONY: all pages install test check lint check-install package static static-proof dist check-dist demo bench mutants clean
.DELETE_ON_ERROR:
# Cargo uses every processor and locks its folder: a second one would only wait.
.NOTPARALLEL:

all: $(PROGRAM)

# Real prerequisites, so that `sudo make install` after `make` compiles nothing as root.
$(PROGRAM): Cargo.toml Cargo.lock $(shell find src -type f)
	cargo build --release --locked
	touch $@

$(PAGES)/outseta-token.1: WHAT = man
$(PAGES)/outseta-token.bash: WHAT = complete-bash
$(PAGES)/_outseta-token: WHAT = complete-zsh
$(PAGES)/outseta-token.fish: WHAT = complete-fish
$(PAGES)/%: $(PROGRAM)
	mkdir -p $(PAGES)
	$(PROGRAM) --generate $(WHAT) >$@

pages: $(addprefix $(PAGES)/,outseta-token.1 outseta-token.bash _outseta-token outseta-token.fish)

install: BIN = $(DESTDIR)$(PREFIX)/bin
install: SHARE = $(DESTDIR)$(PREFIX)/share
install: pages
	install -d "$(BIN)" "$(SHARE)/man/man1" "$(SHARE)/bash-completion/completions" \
		"$(SHARE)/zsh/site-functions" "$(SHARE)/fish/vendor_completions.d"
	install -m 755 $(PROGRAM) "$(BIN)"
	install -m 644 $(PAGES)/outseta-token.1 "$(SHARE)/man/man1"
	install -m 644 $(PAGES)/outseta-token.bash "$(SHARE)/bash-completion/completions/outseta-token"
	install -m 644 $(PAGES)/_outseta-token "$(SHARE)/zsh/site-functions"
	install -m 644 $(PAGES)/outseta-token.fish "$(SHARE)/fish/vendor_completions.d"

test:
	cargo test --locked

check: lint test demo check-install package static-proof
	$(MAKE) static-proof ARCH=aarch64
	$(MAKE) check-dist

lint:
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --document-private-items
	shellcheck .ci/*

check-install: pages
	.ci/check-install

# Dirty, so that it can be checked before the commit.
package:
	cargo package --locked --allow-dirty

static:
	.ci/build-static $(ARCH)

static-proof: static
	.ci/static-proof $(STATIC) $(ARCH)

dist: static pages
	rm -rf dist/$(RELEASE)
	install -d dist/$(RELEASE)/completions
	install -m 755 $(STATIC) dist/$(RELEASE)
	install -m 644 README.md LICENSE $(PAGES)/outseta-token.1 dist/$(RELEASE)
	install -m 644 $(PAGES)/outseta-token.bash $(PAGES)/_outseta-token $(PAGES)/outseta-token.fish dist/$(RELEASE)/completions
	tar --create --file=dist/$(RELEASE).tar.gz --use-compress-program="gzip -9n" --directory=dist --format=ustar --sort=name \
		--mtime=@$(SOURCE_DATE_EPOCH) --mode=u=rwX,go=rX --owner=0 --group=0 --numeric-owner $(RELEASE)
	rm -r dist/$(RELEASE)
	cd dist && sha256sum outseta-token-$(VERSION)-*.tar.gz >SHA256SUMS
	@git diff --quiet HEAD 2>/dev/null; test $$? -ne 1 || echo "dist: not for release: there are uncommitted changes"
	@echo "dist: a release also needs: make check; make dist ARCH=aarch64; a tag v$(VERSION); dist/* beside it; cargo publish"

check-dist: dist
	.ci/check-dist $(ARCH) dist/$(RELEASE).tar.gz

demo:
	cargo build --locked --bin outseta-token --example demo
	cargo run --quiet --locked --example demo

bench: $(PROGRAM)
	@for tool in hyperfine curl jq; do command -v $$tool >/dev/null || \
		{ echo "bench: $$tool is missing: apt-get install hyperfine curl jq" >&2; exit 1; }; done
	cargo build --quiet --release --locked --example bare-exchange
	cargo run --quiet --locked --profile server --example bench -- $(PROGRAM) $(CARGO_TARGET_DIR)/release/examples/bare-exchange $(wildcard $(STATIC))

mutants:
	@cargo mutants --version >/dev/null 2>&1 || { echo "mutants: cargo install --locked cargo-mutants" >&2; exit 1; }
	mkdir -p $(MUTANTS)/units $(MUTANTS)/output
	cargo mutants --timeout 30 --output $(MUTANTS)/units --cargo-arg=--bin=outseta-token $(UNITS:%=--file src/%.rs); \
	units=$$?; \
	cargo mutants --timeout 60 --output $(MUTANTS)/output --file "src/output/*.rs" -- \
		--bin outseta-token --test integration -- output min_ttl && exit $$units

clean:
	cargo clean
	rm -rf dist
